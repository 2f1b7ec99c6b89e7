"""Layers, all of them PyG's ``MessagePassing`` or modules of torch, with compiled kernels for what they do most.

:mod:`.sage`, :mod:`.sage_paths`
    GraphSAGE's layer, PyG's way and beyond; its fast paths, each with the condition under which it serves.
:mod:`.han`, :mod:`.han_architectures`, :mod:`.gat`
    HAN's layer; what PyG's architecture and that of DGL's example differ in; the parts that the example has of its own.
:mod:`.lgconv`
    LightGCN's layer.
:mod:`.dgl_sage`, :mod:`.dgl_han`, :mod:`.dgl_edges`
    The layers as DGL's users call them, and DGL's graphs as these read them.
:mod:`.lstm`
    The LSTM over true neighbours, and which aggregations want messages sorted.
:mod:`.parts`
    PyG's activations, normalisations and jumping knowledge.
:mod:`.unchanged`
    Whether a fast path may serve: nothing about a layer was overridden, hooked, replaced, explained or traced.
:mod:`.ops`
    The kernels: sums, means, maxima, attention, propagation, products, each with first and second derivatives.
"""

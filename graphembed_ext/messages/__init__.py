"""Message passing: PyG layers with fused kernels over edges grouped by node.

:mod:`.adjacency`
    Edges grouped by destination, and by source for the way back; built once per graph and kept.
:mod:`.parallel`
    Runs compiled kernels and blocks of work on as many threads as torch would, if it can on torch's own.
:mod:`.blocks`
    Sums of gathered rows in registers, the kernels' innermost loop.
:mod:`.sums`
    The sum over neighbours, with its gradients.
:mod:`.maxima`, :mod:`.means`
    The maximum over neighbours, and means by weights or by count.
:mod:`.lstm`
    DGL's LSTM over true neighbours.
:mod:`.products`, :mod:`.projections`
    Matrix products by blocks of rows.
:mod:`.rows`
    A layer on features of a mini-batch, read where they are.
:mod:`.sparse`
    Linear layers on feature matrices with few nonzeros.
:mod:`.sage`, :mod:`.dgl_sage`
    GraphSAGE's layer, and DGL's own form of it.
:mod:`.attention`, :mod:`.lanes`
    Attention over neighbours, with its gradients, and its vector instructions.
:mod:`.han`, :mod:`.gat`, :mod:`.dgl_han`
    HAN's layer, the parts that DGL's example has of its own, and the layer as DGL users call it.
:mod:`.parts`
    PyG's activations, normalisations and jumping knowledge.
:mod:`.propagation`
    Linear propagation over a normalised graph, and LightGCN's layer.
"""

"""Small files of edges, and their edges by name."""

from __future__ import annotations

import pytest

from graphembed_ext._core.optional import installed

NODE, EDGE = "_N", ("_N", "_E", "_N")
needs_dgl = pytest.mark.skipif(not installed("dgl"), reason="DGL is not installed: pip install 'graphembed_ext[dgl]'")


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def named_edges(graph):
    """Edges as pairs of names, with weights where there are any."""
    names = graph.names[NODE]
    src, dst = graph.view.edges[EDGE]
    pairs = [(names[u], names[v]) for u, v in zip(src.tolist(), dst.tolist(), strict=True)]
    if graph.weight is None:
        return set(pairs)
    return dict(zip(pairs, graph.view.edge_features[EDGE][graph.weight].tolist(), strict=True))

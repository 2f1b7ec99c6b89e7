"""The package as a whole: quick to import, complete, and with the peers' state_dicts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import graphembed_ext as ge
from tests import peers
from tests.graphs import Spec, build_dgl, build_pyg

PACKAGE = Path(ge.__file__).parent
RING = Spec.untyped(9, [(i, (i + k) % 9) for i in range(9) for k in (1, 8)])


def peer_deepwalk():
    from dgl.nn import DeepWalk

    return DeepWalk(build_dgl(RING), emb_dim=6)


def peer_metapath2vec():
    from dgl.nn import MetaPath2Vec

    return MetaPath2Vec(build_dgl(BIPARTITE), ["likes", "liked_by"], 2, emb_dim=6)


def peer_pyg_metapath2vec():
    from torch_geometric.nn import MetaPath2Vec

    return MetaPath2Vec(*PYG_METAPATH)


def peer_lightgcn():
    """DGL has none: both names have PyG's."""
    from torch_geometric.nn import LightGCN

    return LightGCN(9, 6, 2)


def peer_dgl_sageconv():
    from dgl.nn import SAGEConv

    return SAGEConv(5, 3, "lstm")


def peer_graphsage():
    from torch_geometric.nn import GraphSAGE

    return GraphSAGE(*GRAPHSAGE)


def peer_pyg_sageconv():
    from torch_geometric.nn import SAGEConv

    return SAGEConv(5, 3, "lstm", project=True)


def peer_hanconv():
    from torch_geometric.nn import HANConv

    return HANConv(*HAN)


#: in_channels, out_channels, metadata, heads
HAN = ({"user": 3, "item": 2}, 8, (["user", "item"], [("user", "likes", "item"), ("item", "like", "item")]), 4)
METAPATHS = (["paper"], [("paper", "PAP", "paper"), ("paper", "PSP", "paper")])

BIPARTITE = Spec(
    {"user": 3, "item": 4, "tag": 2},
    {("user", "likes", "item"): ([0, 1, 2], [3, 0, 0]), ("item", "liked_by", "user"): ([3, 0, 0], [0, 1, 2])},
)
#: edge_index_dict, embedding_dim, metapath, walk_length, context_size
PYG_METAPATH = (build_pyg(BIPARTITE).edge_index_dict, 6, list(BIPARTITE.edges), 6, 3)

#: in_channels, hidden_channels, num_layers, out_channels
GRAPHSAGE = (5, 8, 2, 3)

#: metadata
TYPED = (["item", "user"], [("item", "liked_by", "user"), ("user", "likes", "item")])

#: Every class of the package that has a peer: ours, and the peer's own class with the same sizes.
STATE_DICTS = {
    "dgl.DeepWalk": (lambda: ge.DeepWalk(build_pyg(RING), emb_dim=6), peer_deepwalk),
    "dgl.HANConv": (
        lambda: ge.dgl.HANConv(5, 8, METAPATHS, heads=4, architecture="dgl"),
        lambda: peers.HANExampleLayer(5, 2, 4),
    ),
    "dgl.HAN": (
        lambda: ge.HAN(5, 8, 3, METAPATHS, num_layers=2, heads=[4, 2], architecture="dgl"),
        lambda: peers.HANExample(5, 8, 3, [4, 2]),
    ),
    "pyg.HANConv": (lambda: ge.HANConv(*HAN), peer_hanconv),
    "dgl.GraphSAGE": (lambda: ge.dgl.GraphSAGE(*GRAPHSAGE), peer_graphsage),  # DGL has the layer only
    "dgl.MetaPath2Vec": (
        lambda: ge.MetaPath2Vec(build_pyg(BIPARTITE), ["likes", "liked_by"], 2, emb_dim=6),
        peer_metapath2vec,
    ),
    "dgl.LightGCN": (lambda: ge.dgl.LightGCN(9, 6, 2), peer_lightgcn),
    "pyg.LightGCN": (lambda: ge.pyg.LightGCN(9, 6, 2), peer_lightgcn),
    "dgl.SAGEConv": (lambda: ge.dgl.SAGEConv(5, 3, "lstm"), peer_dgl_sageconv),
    "dgl.TypedGraphSAGE": (
        lambda: ge.dgl.TypedGraphSAGE(5, 8, 2, 3, metadata=TYPED),
        lambda: peers.to_hetero(TYPED, (5, 5), 8, 2, 3),
    ),
    "pyg.TypedGraphSAGE": (
        lambda: ge.TypedGraphSAGE(5, 8, 2, 3, metadata=TYPED),
        lambda: peers.to_hetero(TYPED, (5, 5), 8, 2, 3),
    ),
    "pyg.SAGEConv": (lambda: ge.pyg.SAGEConv(5, 3, "lstm", project=True), peer_pyg_sageconv),
    "pyg.GraphSAGE": (lambda: ge.pyg.GraphSAGE(*GRAPHSAGE), peer_graphsage),
    "pyg.MetaPath2Vec": (lambda: ge.pyg.MetaPath2Vec(*PYG_METAPATH), peer_pyg_metapath2vec),
    "pyg.Node2Vec": (lambda: ge.pyg.Node2Vec(build_pyg(RING).edge_index, 6, 5, 3), lambda: peers.node2vec(9, 6)),
}


@pytest.mark.parametrize("name", STATE_DICTS)
def test_state_dict_is_the_peers(name):
    ours, peer = (make() for make in STATE_DICTS[name])
    shapes = [{key: (value.shape, value.dtype) for key, value in model.state_dict().items()} for model in (ours, peer)]
    assert shapes[0] == shapes[1]
    for source, target in ((ours, peer), (peer, ours)):
        with torch.no_grad():
            for parameter in source.parameters():
                parameter.normal_(generator=torch.Generator().manual_seed(0))
        target.load_state_dict(source.state_dict(), strict=True)
        assert all(torch.equal(target.state_dict()[key], value) for key, value in source.state_dict().items())


def test_every_model_stands_in_the_table():
    models = {
        f"{host}.{name}"
        for host in ("dgl", "pyg")
        for name in getattr(ge, host).__all__
        if isinstance(getattr(getattr(ge, host), name), type)
    }
    shared = {"pyg.DeepWalk", "pyg.HAN"}  # PyG has no such classes of its own; ours are those of the DGL side
    assert models - shared <= set(STATE_DICTS)


def test_import_loads_no_host_and_no_torch():
    code = (
        "import sys, time; start = time.perf_counter(); import graphembed_ext; seconds = time.perf_counter() - start\n"
        "print(seconds, sorted({'torch', 'dgl', 'torch_geometric', 'numba'} & set(sys.modules)))"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(3)]
    seconds = sorted(float(run.stdout.split(" ", 1)[0]) for run in runs)[0]
    assert runs[0].stdout.split(" ", 1)[1].strip() == "[]"
    assert seconds < 0.5


def test_public_names_exist():
    for name in ge.__all__:
        assert getattr(ge, name) is not None
        assert name in dir(ge)
    with pytest.raises(AttributeError, match="no attribute 'Node3Vec'"):
        ge.Node3Vec  # noqa: B018


def test_dir_has_public_names_alone():
    names = dir(ge)
    assert set(ge.__all__) <= set(names)
    assert [name for name in names if name.startswith("_")] == ["__version__"]
    assert not {"importlib", "annotations", "TYPE_CHECKING", "Any"} & set(names)
    assert all(hasattr(ge, name) for name in names)

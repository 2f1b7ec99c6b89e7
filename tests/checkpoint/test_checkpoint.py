"""Checkpoints: every layout against the peer's own class, files that are damaged, foreign or hostile, the matrix."""

from __future__ import annotations

import functools
import os
import struct

import pytest
import torch
from torch import nn

import graphembed_ext as ge
from graphembed_ext.checkpoint.compatibility import MODELS
from graphembed_ext.checkpoint.conversion import LAYOUTS
from graphembed_ext.errors import ConversionError, FileFormatError, InputError
from graphembed_ext.nn.dgl_sage import SAGEConv
from tests import peers
from tests.graphs import PAPERS, Spec, agree, build_dgl, build_pyg, paper_graphs, typed_features
from tests.peers import HANExample, HANExampleLayer

EDGES = torch.tensor([[0, 1, 2, 0, 1], [3, 0, 2, 1, 1]])
TYPED = {("user", "buys", "item"): EDGES, ("item", "bought_by", "user"): EDGES.flip(0)}
COUNTS = {"user": 4, "item": 5}
#: The same pairs among nodes numbered through, users first.
RING = Spec.untyped(9, [(i, (i + k) % 9) for i in range(9) for k in (1, 2, 8)])
X = torch.randn(9, 5, generator=torch.Generator().manual_seed(0))
WALKS = torch.tensor([[0, 1, 2, 4], [3, 5, 5, 8]])


def randomised(model):
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draw))
    return model


def peer_dgl(name, *args):
    import dgl.nn.pytorch.network_emb as network_emb

    network_emb.trange = range
    return getattr(network_emb, name)(*args, emb_dim=6)


def dgl_pairs(model):
    return model(torch.tensor([0, 5]), torch.tensor([5, 1]), torch.tensor([[2, 3], [8, 7]]))


def centre_scores(model):
    return model.node_embed(WALKS.flatten()) @ model.context_embed.weight.t()


def ring(host):
    return {"dgl": build_dgl, "pyg": build_pyg}[host](RING)


def with_loops():
    import dgl

    return dgl.add_self_loop(ring("dgl"))


def sage(aggr, **options):
    return ge.GraphSAGE(5, 7, 2, 3, aggr=aggr, **options)


def peer_sage(**options):
    from torch_geometric.nn import GraphSAGE

    return GraphSAGE(5, 7, 2, 3, **options)


def peer_lightgcn():
    from torch_geometric.nn import LightGCN

    return LightGCN(9, 6, 2)


def peer_hanconv():
    from torch_geometric.nn import HANConv

    return HANConv(6, 8, PAPERS, heads=2)


def peer_metapath2vec():
    from torch_geometric.nn import MetaPath2Vec

    return MetaPath2Vec(TYPED, 6, list(TYPED), 4, 3, num_nodes_dict=COUNTS)


def peer_sageconv(kind):
    from dgl.nn import SAGEConv as PeerConv

    return PeerConv(5, 3, kind)


HETERO = (["item", "user"], [("item", "bought_by", "user"), ("user", "buys", "item")])


def typed_out(model):
    return model({"user": X[:4], "item": X[4:]}, TYPED)["user"]


def typed_lightgcn(**options):
    return ge.LightGCN.for_graph(ge.view(TYPED, num_nodes=COUNTS), embedding_dim=6, num_layers=2, **options)


def scored(model):
    users = torch.arange(4).repeat_interleave(5)
    return model(None, torch.stack([users, torch.arange(5).repeat(4)])).view(4, 5)


def papers(model):
    edges, graphs = paper_graphs()
    x = typed_features({"paper": 9}, {"paper": 6}, torch.float32)["paper"]
    model.eval()
    if isinstance(model, (HANExample, HANExampleLayer)):
        return model(graphs, x)
    found = model({"paper": x}, edges)
    return found["paper"] if isinstance(found, dict) else found


def windows(model):
    return model.loss(torch.tensor([[0, 1, 2], [3, 5, 5]]), torch.tensor([[0, 4, 7], [3, 8, 6]]))


def out(model):
    """GraphSAGE's output, whoever's it is."""
    if isinstance(model, ge.GraphSAGE) or type(model).__name__ == "GraphSAGE":
        return model(X, ring("pyg").edge_index)
    return model(ring("dgl"), X)


#: Layout and variant: our model, the peer's, and what must be equal of both.
CASES = {
    "dgl.DeepWalk": (MODELS["DeepWalk"], lambda: peer_dgl("DeepWalk", ring("dgl")), centre_scores),
    "dgl.MetaPath2Vec": (
        MODELS["MetaPath2Vec"],
        lambda: peer_dgl("MetaPath2Vec", ge.to_host(ge.view(TYPED, num_nodes=COUNTS), "dgl"), ["buys", "bought_by"], 1),
        dgl_pairs,
    ),
    "openhgnn": (MODELS["MetaPath2Vec"], lambda: peers.SkipGram(9, 6), dgl_pairs),
    "pyg.Node2Vec": (MODELS["pyg.Node2Vec"], lambda: peers.node2vec(9, 6), windows),
    "pyg.MetaPath2Vec": (MODELS["pyg.MetaPath2Vec"], peer_metapath2vec, windows),
    "pyg.LightGCN": (
        lambda: ge.LightGCN(9, 6, 2),
        peer_lightgcn,
        lambda model: model.get_embedding(ring("pyg").edge_index),
    ),
    "lightgcn-pytorch": (
        typed_lightgcn,
        lambda: peers.LightGCNPyTorch(EDGES, *COUNTS.values(), size=6, layers=2),
        lambda m: m.scores() if isinstance(m, peers.LightGCNPyTorch) else scored(m),
    ),
    "recbole": (
        typed_lightgcn,
        lambda: peers.RecBole(EDGES, *COUNTS.values(), size=6, layers=2),
        lambda m: m.scores() if isinstance(m, peers.LightGCNPyTorch) else scored(m),
    ),
    "pyg.GraphSAGE": (lambda: sage("mean"), peer_sage, out),
    "pyg.GraphSAGE pool": (lambda: sage("pool"), lambda: peer_sage(aggr="max", project=True), out),
    "pyg.GraphSAGE lstm": (lambda: sage("lstm"), lambda: peer_sage(aggr="lstm"), None),
    "pyg.GraphSAGE norm jk": (
        lambda: sage("mean", norm="batch_norm", jk="cat"),
        lambda: peer_sage(norm="batch_norm", jk="cat"),
        out,
    ),
    "pyg.GraphSAGE gcn": (
        lambda: sage("gcn"),
        lambda: peer_sage(root_weight=False),
        lambda m: m(
            X,
            ring("pyg").edge_index
            if isinstance(m, ge.GraphSAGE)
            else torch.cat([ring("pyg").edge_index, torch.arange(9).expand(2, 9)], 1),
        ),
    ),
    **{
        f"dgl.SAGEConv layer {kind}": (
            lambda kind=kind: SAGEConv(5, 3, kind),
            lambda kind=kind: peer_sageconv(kind),
            out,
        )
        for kind in ("mean", "gcn", "pool", "lstm")
    },
    **{
        f"dgl.SAGEConv model {kind}": (
            lambda kind=kind: sage({"lstm": "dgl_lstm"}.get(kind, kind)),
            lambda kind=kind: peers.DGLSAGE(5, 7, 3, kind),
            out,
        )
        for kind in ("mean", "gcn", "pool", "lstm")
    },
    "pyg.to_hetero": (
        lambda: ge.TypedGraphSAGE(5, 8, 2, 3, metadata=HETERO),
        lambda: peers.to_hetero(HETERO, (5, 5), 8, 2, 3),
        typed_out,
    ),
    "pyg.HANConv": (lambda: ge.HANConv(6, 8, PAPERS, heads=2), peer_hanconv, papers),
    "pyg.HANConv lazy": (lambda: ge.HANConv(-1, 8, PAPERS, heads=2), peer_hanconv, papers),
    "pyg.HAN": (lambda: ge.HAN(6, 8, 3, PAPERS, heads=2), lambda: peers.PyGHAN(6, 8, 3, PAPERS, heads=2), papers),
    "dgl.HANLayer": (
        lambda: ge.HANConv(6, 8, PAPERS, heads=2, architecture="dgl"),
        lambda: HANExampleLayer(6, 4, 2),
        papers,
    ),
    "dgl.HAN": (
        lambda: ge.HAN(6, 8, 3, PAPERS, 2, [4, 2], architecture="dgl"),
        lambda: HANExample(6, 8, 3, [4, 2]),
        papers,
    ),
}


def read_back(path):
    """As the peer reads a file."""
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    found = torch.load(path, weights_only=True)
    return found.get("state_dict", found)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("case", CASES)
def test_both_ways_beside_the_peer(case, suffix, tmp_path):
    make, make_peer, answer = CASES[case]
    layout = case.partition(" ")[0]
    path = tmp_path / f"weights{suffix}"
    if not case.endswith("lazy"):
        ours, peer = randomised(make()), make_peer()
        assert ge.checkpoint.save(ours, path, layout) == layout
        peer.load_state_dict(read_back(path), strict=True)
        if answer is not None:
            torch.testing.assert_close(answer(peer), answer(ours))
    ours, peer = make(), randomised(make_peer())
    if suffix == ".pt":
        torch.save({"state_dict": peer.state_dict(), "epoch": 3} if layout == "recbole" else peer.state_dict(), path)
        source = path
    else:
        source = dict(peer.state_dict())
    recognised = ge.checkpoint.load(ours, source)
    assert recognised == ge.checkpoint.load(make(), source, layout) == layout
    if answer is not None:
        torch.testing.assert_close(answer(ours), answer(peer))


@functools.cache
def matrix():
    return ge.checkpoint.matrix()


def test_matrix():
    both = {
        "dgl.DeepWalk": {"DeepWalk", "MetaPath2Vec"},
        "dgl.MetaPath2Vec": {"DeepWalk", "MetaPath2Vec"},
        "openhgnn": {"DeepWalk", "MetaPath2Vec"},
        "pyg.Node2Vec": {"pyg.Node2Vec"},
        "pyg.MetaPath2Vec": {"pyg.MetaPath2Vec"},
        "word2vec": {"pyg.Node2Vec", "pyg.MetaPath2Vec"},
        "word2vec-binary": {"pyg.Node2Vec", "pyg.MetaPath2Vec"},
        "pyg.LightGCN": {"LightGCN, typed", "LightGCN, ids are rows"},
        "lightgcn-pytorch": {"LightGCN, typed"},
        "recbole": {"LightGCN, typed"},
        "dgl.SAGEConv": {"GraphSAGE", "GraphSAGE, dgl_lstm", "dgl.SAGEConv", "dgl.SAGEConv, lstm"},
        "pyg.GraphSAGE": {"GraphSAGE", "GraphSAGE, lstm", "GraphSAGE, jk", "dgl.SAGEConv"},
        "pyg.to_hetero": {"TypedGraphSAGE"},
        "pyg.HANConv": {"HANConv"},
        "pyg.HAN": {"HAN"},
        "dgl.HANLayer": {"HANConv, dgl"},
        "dgl.HAN": {"HAN, dgl"},
        "graphembed_ext": set(MODELS),
    }
    found = matrix()
    assert len(found.cells) == len(LAYOUTS) * len(MODELS)
    for cell in found.cells:
        if cell.model in both[cell.layout]:
            assert cell.verdict == "both", cell
        elif cell.layout.startswith("word2vec") and cell.model in ("DeepWalk", "MetaPath2Vec"):
            assert cell.verdict == "save", cell
            assert "one table is not half of two" in cell.load
        else:
            assert cell.verdict in "-.", cell
            assert cell.save.startswith(f"layout '{cell.layout}' cannot be written from "), cell
            assert cell.load.startswith(f"layout '{cell.layout}' cannot load into "), cell
    text = str(found)
    assert "different networks" in text
    assert text.count("both") > 30


@pytest.mark.parametrize(
    ("layout", "model", "words"),
    [
        ("pyg.HANConv", "HANConv, dgl", ["different networks", "architecture='pyg'"]),
        ("dgl.HANLayer", "HANConv", ["different networks", "architecture='dgl'"]),
        ("pyg.Node2Vec", "DeepWalk", ["one table is not half of two", "node_embed.weight.data.copy_"]),
        ("dgl.DeepWalk", "pyg.Node2Vec", ["of two tables one alone would be kept", "ge.DeepWalk"]),
        ("lightgcn-pytorch", "LightGCN, ids are rows", ["which of its rows are which", "for_graph"]),
        ("pyg.LightGCN", "DeepWalk", ["propagated along a graph", "ge.LightGCN"]),
        ("dgl.SAGEConv", "GraphSAGE, jk", ["no normalisation and no jumping knowledge (lin.weight)"]),
        ("dgl.SAGEConv", "GraphSAGE, lstm", ["the model does not", "aggr='dgl_lstm'"]),
        ("pyg.GraphSAGE", "GraphSAGE, dgl_lstm", ["zeros that pad", "aggr='lstm'"]),
        ("pyg.HANConv", "HAN", ["no classifier", "model.layers[0]"]),
        ("dgl.HAN", "HAN, 2 layers", ["nobody else has such a HAN", "layout='graphembed_ext'"]),
    ],
)
def test_refusals_say_why_and_what_to_do(layout, model, words):
    cell = next(c for c in matrix().cells if (c.layout, c.model) == (layout, model))
    for word in words:
        assert word in cell.load


def test_uneven_layers_are_no_lightgcn_pytorch(tmp_path):
    model = typed_lightgcn(alpha=torch.tensor([0.5, 0.3, 0.2]))
    for layout in ("lightgcn-pytorch", "recbole"):
        with pytest.raises(ConversionError, match="weighs its layers unevenly"):
            ge.checkpoint.save(model, tmp_path / "x.pt", layout)
    with pytest.raises(ConversionError, match="does not divide by the root"):
        ge.checkpoint.load(
            typed_lightgcn(normalize=False),
            peers.LightGCNPyTorch(EDGES, *COUNTS.values(), size=6, layers=2).state_dict(),
        )
    assert not list(tmp_path.iterdir())


class Hostile:
    def __reduce__(self):
        return os.system, ("touch HOSTILE",)


def test_bad_files_are_errors_and_leave_the_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = MODELS["pyg.Node2Vec"]()
    good = {}
    for suffix, layout in ((".pt", None), (".safetensors", None), (".txt", "word2vec"), (".w2v", "word2vec-binary")):
        good[suffix] = tmp_path / f"good{suffix}"
        ge.checkpoint.save(MODELS["pyg.Node2Vec"](), good[suffix], layout)
    bad = []
    for suffix, path in good.items():
        data = path.read_bytes()
        for size in (0, 5, 40, len(data) // 2, len(data) - 20):
            bad.append(tmp_path / f"cut{size}{suffix}")
            bad[-1].write_bytes(data[:size])
    contents = {
        "hostile.pt": {"embedding.weight": Hostile()},
        "hostile-nested.pt": {"state_dict": {"embedding.weight": torch.ones(9, 6)}, "config": Hostile()},
        "number.pt": 3,
        "list.pt": [torch.ones(9, 6)],
        "empty.pt": {},
        "numbers.pt": {"embedding.weight": 1.0},
        "sparse.pt": {"embedding.weight": torch.eye(9, 6).to_sparse()},
    }
    for name, content in contents.items():
        bad.append(tmp_path / name)
        torch.save(content, bad[-1])
    texts = {
        "foreign.txt": b"hello, world\n",
        "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "huge.txt": b"999999999999 999999999\na 1\n",
        "huge.safetensors": struct.pack("<Q", 2**60) + b"{" + bytes(100),
        "words.txt": b"2 2\n0 1 2\n1 a b\n",
        "twice.txt": b"2 1\n0 1\n0 2\n",
        "utf8.w2v": b"1 1\n\xff\xfe " + struct.pack("<f", 1.0) + b"\n",
    }
    for name, content in texts.items():
        bad.append(tmp_path / name)
        bad[-1].write_bytes(content)
    bad += [tmp_path / "missing.pt", tmp_path]
    before = {key: value.clone() for key, value in model.state_dict().items()}
    for path in bad:
        with pytest.raises(FileFormatError):
            ge.checkpoint.load(model, path)
        assert all(torch.equal(model.state_dict()[key], value) for key, value in before.items()), path
    assert not (tmp_path / "HOSTILE").exists()


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_other_sizes_keys_and_dtypes_leave_the_model(suffix, tmp_path):
    model = sage("mean")
    before = {key: value.clone() for key, value in model.state_dict().items()}
    good = sage("mean").state_dict()
    last = "convs.1.lin_r.weight"
    wrong = {
        "shape": good | {last: torch.ones(4, 7)},
        "without convs.1.lin_r.weight": {key: value for key, value in good.items() if key != last},
        "further convs.2.lin_r.weight": good | {"convs.2.lin_r.weight": torch.ones(3, 3)},
        "float64": good | {last: torch.full((3, 7), 0.1, dtype=torch.float64)},
        "int64": good | {last: torch.ones(3, 7, dtype=torch.int64)},
        "those of one of": {"some.weight": torch.ones(2)},
    }
    for message, state in wrong.items():
        path = tmp_path / f"wrong{suffix}"
        if suffix == ".pt":
            torch.save(state, path)
        else:
            from safetensors.torch import save_file

            save_file(dict(state), path)
        with pytest.raises(InputError, match=message):
            ge.checkpoint.load(model, path)
        assert all(torch.equal(model.state_dict()[key], value) for key, value in before.items()), message
    ge.checkpoint.load(model, {key: value.double() for key, value in good.items()})  # nothing is rounded
    assert torch.equal(model.state_dict()[last], good[last])


def test_a_lazy_layer_stays_lazy_when_loading_fails():
    model = ge.HANConv(-1, 8, PAPERS, heads=2)
    state = ge.HANConv(6, 8, PAPERS, heads=2).state_dict() | {"proj.paper.weight": torch.ones(7, 6)}
    with pytest.raises(InputError, match="size mismatch"):
        ge.checkpoint.load(model, state)
    assert torch.nn.parameter.is_lazy(model.proj["paper"].weight)
    with pytest.raises(InputError, match="a size that is not known yet"):
        ge.checkpoint.save(model, "nowhere.pt")


@pytest.mark.parametrize("layout", ["word2vec", "word2vec-binary"])
def test_word2vec_carries_vectors_by_name(layout, tmp_path):
    path = tmp_path / "vectors"
    model = MODELS["pyg.MetaPath2Vec"]()
    ge.checkpoint.save(model, path, layout)
    from graphembed_ext.embeddings import word2vec

    names, vectors = word2vec.read(path)
    assert names[:2] == ["item/0", "item/1"]
    assert torch.equal(vectors.float(), model.embedding.weight[:-1].detach())
    order = [8, 3, 0, 5, 1, 7, 2, 6, 4]
    word2vec.write(path, [names[i] for i in order], vectors[order], layout.endswith("binary"))
    other = MODELS["pyg.MetaPath2Vec"]()
    spare = other.embedding.weight[-1].clone()
    assert ge.checkpoint.load(other, path) == "word2vec"
    assert torch.equal(other.embedding.weight[:-1], model.embedding.weight[:-1])
    assert torch.equal(other.embedding.weight[-1], spare)
    users, items = [f"u{i}" for i in range(4)], [f"i{i}" for i in range(5)]
    with pytest.raises(InputError, match="no vector for 'item/i0'"):
        ge.checkpoint.load(other, path, names={"user": users, "item": items})
    ge.checkpoint.save(model, path, layout, names={"user": users, "item": items})
    ge.checkpoint.load(other, path, names={"user": users, "item": items})
    with pytest.raises(InputError, match="without white space"):
        ge.checkpoint.save(model, path, layout, names={"user": ["a b", "c", "d", "e"]})
    with pytest.raises(InputError, match="1 names twice"):
        ge.checkpoint.save(MODELS["pyg.Node2Vec"](), path, layout, names=[0, 0, *range(2, 9)])
    with pytest.raises(InputError, match="3 names of 'user'; expected 4"):
        ge.checkpoint.save(model, path, layout, names={"user": users[1:]})


def test_word2vec_in_float64(tmp_path):
    model = MODELS["pyg.Node2Vec"]().double()
    randomised(model)
    with torch.no_grad():
        model.embedding.weight.div_(3)
    ge.checkpoint.save(model, tmp_path / "x.txt", "word2vec")
    other = MODELS["pyg.Node2Vec"]().double()
    ge.checkpoint.load(other, tmp_path / "x.txt")
    assert agree(model, other)
    with pytest.raises(ConversionError, match="32 bits for a number"):
        ge.checkpoint.save(model, tmp_path / "y.bin", "word2vec-binary")
    assert not (tmp_path / "y.bin").exists()


def test_layouts_by_name_and_by_default(tmp_path):
    assert ge.checkpoint.save(MODELS["MetaPath2Vec"](), tmp_path / "a.pt") == "dgl.MetaPath2Vec"
    assert ge.checkpoint.save(MODELS["GraphSAGE, dgl_lstm"](), tmp_path / "b.pt") == "dgl.SAGEConv"
    assert ge.checkpoint.save(MODELS["HAN, 2 layers"](), tmp_path / "c.safetensors") == "graphembed_ext"
    assert ge.checkpoint.load(MODELS["HAN, 2 layers"](), tmp_path / "c.safetensors") == "graphembed_ext"
    with pytest.raises(InputError, match=r"did you mean 'dgl.DeepWalk'\?"):
        ge.checkpoint.save(MODELS["DeepWalk"](), tmp_path / "d.pt", "DGL.DeepWalk")
    with pytest.raises(FileFormatError, match=r"those of pyg.LightGCN"):
        ge.checkpoint.load(MODELS["DeepWalk"](), tmp_path / "a.pt", "pyg.LightGCN")
    with pytest.raises(InputError, match="a name ending in"):
        ge.checkpoint.save(MODELS["DeepWalk"](), tmp_path / "d.npz")
    with pytest.raises(InputError, match="a model of graphembed_ext"):
        ge.checkpoint.load(nn.Linear(2, 2), tmp_path / "a.pt")


def test_a_checkpoint_of_fit_loads(tmp_path):
    graph = ring("pyg")
    model = ge.DeepWalk(graph, emb_dim=6, walk_length=8, seed=0)
    ge.fit(model, epochs=1, checkpoint=tmp_path / "fit.pt", progress=False, threads=1)
    other = ge.DeepWalk(graph, emb_dim=6)
    assert ge.checkpoint.load(other, tmp_path / "fit.pt") == "dgl.DeepWalk"
    assert agree(model, other)


def test_files_hold_no_more_than_they_must(tmp_path):
    model = typed_lightgcn()
    ge.checkpoint.save(model, tmp_path / "x.pt", "lightgcn-pytorch")
    for value in torch.load(tmp_path / "x.pt", weights_only=True).values():
        assert value.untyped_storage().nbytes() == value.numel() * 4

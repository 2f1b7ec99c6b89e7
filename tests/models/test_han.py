"""HAN as a whole: beside DGL's example, on both hosts, in mini-batches, and what it learns and refuses."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext.errors import InputError, MetapathError
from graphembed_ext.sampling.metapath_loader import MetapathLoader
from tests.cases import Variant
from tests.graphs import PAPERS, PATHS, agree, build_dgl, build_pyg, paper_graphs, typed_features, world
from tests.model_cases import FreeModelCase
from tests.peers import HANExample

QUICK = {"epochs": 40, "lr": 0.02, "progress": False, "weight_decay": 0.0}


def make(graph, **config):
    return ge.HAN.for_graph(graph, 16, **({"metapaths": PATHS, "heads": 4, "seed": 1} | config))


class TestHAN(FreeModelCase):
    """The contract of a model, see tests/model_cases.py."""

    models = (ge.HAN,)
    name = "han"
    created_with: ClassVar = {"hidden_channels": 16, "metapaths": PATHS, "heads": 4, "dropout": 0.2}
    training: ClassVar = {"epochs": 4, "lr": 0.02, "weight_decay": 0.0}
    rows: ClassVar = {"paper": 24}
    columns = 16
    reset_repeats = False
    variants_that_learn: ClassVar = [
        Variant(f"{architecture}-{batch_size}", {"architecture": architecture}, training)
        for architecture in ("pyg", "dgl")
        for batch_size, training in ((None, {"epochs": 40}), (5, {"epochs": 15, "batch_size": 5}))
    ]
    variants_alike: ClassVar = [
        Variant(f"{dropout}-{batch_size}", {"dropout": dropout}, {"batch_size": batch_size})
        for dropout in (0.0, 0.2)
        for batch_size in (None, 3)
    ]
    refused_arguments: ClassVar = [
        ({"heads": 3}, "heads: got 3; expected a divisor of hidden_channels = 16"),
        ({"heads": [4, 4]}, r"heads: got \[4, 4\]; expected a number, or 1"),
        (
            {"metapaths": {"PA": ["by"]}},
            r"metapaths: 'PA' leads from 'paper' to 'author', by by.*return to it, here 'paper'",
        ),
        ({"target": "author"}, "'PAP' leads from 'paper' to 'paper'.*here 'author'"),
        ({"dropout": 1.5}, "dropout: got 1.5"),
        ({"seed": -1}, "seed: got -1"),
    ]
    bad_calls: ClassVar = [
        (
            lambda model, g: ge.fit(model, g, batch_size=4, fanouts=[2, 2], progress=False),
            r"fanouts: got \[2, 2\]; expected 1 numbers",
        ),
        (lambda model, g: ge.embed(model, ge.view(torch.tensor([[0], [1]]))), "got"),
    ]

    def spec(self):
        return world()

    def make(self, graph, **config):
        return ge.create("han", graph, **{**self.created_with, "seed": 0, **config})

    def check_structure(self, model, graph, result):
        assert result.metrics["test_accuracy"] >= 0.75
        attention = model.semantic_attention(graph)
        assert list(attention["paper"]) == ["PAP", "PVP"]
        assert sum(attention["paper"].values()) == pytest.approx(1)


@pytest.mark.parametrize("heads", [[2], [4, 2]])
def test_architecture_dgl_is_the_example(heads):
    given, graphs = paper_graphs()
    x = typed_features({"paper": 9}, {"paper": 6})["paper"]
    peer = HANExample(6, 8, 3, heads).double()
    ours = ge.HAN(6, 8, 3, PAPERS, len(heads), heads, architecture="dgl").double().eval()
    ours.load_state_dict(peer.state_dict(), strict=True)
    torch.testing.assert_close(ours({"paper": x}, given)["paper"], peer(graphs, x), rtol=1e-10, atol=1e-10)


def test_one_layer_is_hanconv_and_a_linear_map():
    given, _ = paper_graphs()
    x = {"paper": typed_features({"paper": 9}, {"paper": 6})["paper"]}
    model = ge.HAN(-1, 8, 3, PAPERS, heads=2).double().eval()
    out = model(x, given)
    conv = ge.HANConv(6, 8, PAPERS, heads=2).double()
    conv.load_state_dict(model.layers[0].state_dict())
    assert torch.equal(out["paper"], model.predict(conv(x, given)["paper"]))


def test_metapaths_made_before_or_on_the_way_are_the_same():
    graph = build_pyg(world())
    made = ge.metapath_edges(graph, PATHS)
    models = [make(graph), ge.HAN.for_graph(made, 16, heads=4, seed=1)]
    for model, given in zip(models, (graph, made), strict=True):
        ge.fit(model, given, **(QUICK | {"epochs": 3}))
    assert agree(*models)
    assert torch.equal(ge.embed(models[1], graph=made).tensor, ge.embed(models[0], graph).tensor)
    assert make(graph, max_neighbors=2).inputs(ge.view(graph)).blocks[0].edges["paper", "PAP", "paper"].num_edges == 48


def test_a_batch_with_all_neighbours_scores_as_the_whole_graph():
    graph = build_pyg(world())
    model = make(graph, metapaths={"PAP": PATHS["PAP"]}, num_layers=2).eval()
    view = ge.view(graph)
    whole = model.logits(model.inputs(view))["paper"]
    loader = model.loader(view, {"paper": torch.arange(24)}, batch_size=7, seed=0, fanouts=[400, 400])
    assert len(loader) == 4
    seen = []
    for inputs, nodes in loader:
        torch.testing.assert_close(model.logits(inputs)["paper"], whole[nodes["paper"]])
        seen += nodes["paper"].tolist()
    assert sorted(seen) == list(range(24))
    assert seen != list(range(24))
    emb = model.embeddings(graph, batch_size=24)
    assert emb["paper"].shape == (24, 16)


def test_walked_neighbours_are_metapath_neighbours():
    view = ge.view(build_pyg(world()))
    truth = ge.metapath_edges(view, PATHS)
    pairs = {t: set(zip(*truth.edge_index(t).tolist(), strict=True)) for t in truth.edges}
    layer = {t: tuple(next(s for s in view.edge_types if s[1] == r) for r in PATHS[t[1]]) for t in truth.edges}
    nodes = {"paper": torch.tensor([3, 7, 8, 20, 1])}
    for fanout in (1, 3, 200):
        loader = MetapathLoader(
            view, nodes, [layer], [fanout], 2, seed=4, make=lambda found, blocks: (found, blocks[0])
        )
        for (found, block), batch in loader:
            assert torch.equal(found["paper"][: len(batch["paper"])], batch["paper"])
            for edge_type, graph in block.edges.items():
                src, dst = found["paper"][graph.edge_index()]
                drawn = set(zip(src.tolist(), dst.tolist(), strict=True))
                assert drawn <= pairs[edge_type]
                assert int(graph.degrees.max()) <= fanout
                if fanout == 200:
                    assert drawn == {(u, v) for u, v in pairs[edge_type] if v in batch["paper"].tolist()}


def test_fanouts_begin_with_the_first_hop_as_graphsages_do():
    view, nodes = ge.view(build_pyg(world())), {"paper": torch.arange(24)}
    model = make(view, metapaths={"PAP": PATHS["PAP"]}, num_layers=2)
    for inputs, _ in model.loader(view, nodes, batch_size=4, seed=0, fanouts=[1, 200]):
        first, last = (block.edges["paper", "PAP", "paper"] for block in inputs.blocks)
        assert int(last.degrees.max()) == 1  # the hop next to the batch's nodes is the last layer's
        assert int(first.degrees.max()) > 1


def test_batches_depend_on_seed_and_epoch_alone():
    view, nodes = ge.view(build_pyg(world())), {"paper": torch.arange(24)}
    model = make(view)

    def drawn(**config):
        found = model.loader(view, nodes, batch_size=5, fanouts=[2], **config)
        return [
            (batch["paper"].tolist(), inputs.blocks[0].edges["paper", "PAP", "paper"].indices.tolist())
            for inputs, batch in found
        ]

    assert drawn(seed=0) == drawn(seed=0)
    assert drawn(seed=0) != drawn(seed=1)
    assert drawn(seed=0, epoch=1) != drawn(seed=0)


def test_several_targets_and_layers_of_plain_relations():
    spec = world()
    spec.features["author"] |= {"y": [0, 1] * 4, "train_mask": [True] * 4 + [False] * 4}
    spec.features["author"] |= {"val_mask": [False] * 4 + [True] * 4, "test_mask": [False] * 8}
    for kind in (build_dgl, build_pyg):
        graph = kind(spec)
        model = ge.HAN(
            {"paper": 4, "author": 8},
            8,
            {"paper": 2, "author": 3},
            (["author", "paper"], [("author", "writes", "paper"), ("paper", "by", "author")]),
            num_layers=2,
            heads=2,
            target=["paper", "author"],
            seed=0,
        )
        result = ge.fit(model, graph, **(QUICK | {"epochs": 3}))
        assert result.samples == 3 * 12
        scores = model.logits(model.inputs(ge.view(graph)))
        assert {name: tuple(s.shape) for name, s in scores.items()} == {"paper": (24, 2), "author": (8, 3)}
        assert ge.embed(model, graph).num_nodes == {"author": 8, "paper": 24}
        batched = ge.fit(model, graph, **(QUICK | {"epochs": 2, "batch_size": 5}))
        assert batched.samples == 2 * 12


def test_layers_have_only_what_leads_to_a_target():
    metadata = ["a", "b", "c"], [("a", "ab", "b"), ("b", "bb", "b"), ("b", "bc", "c"), ("c", "cb", "b")]
    model = ge.HAN({"a": 2, "b": 3, "c": 4}, 8, 2, metadata, num_layers=2, heads=2, target="b")
    # Nothing leads to a: in the second layer it has no vectors.
    assert [conv.metadata[1] for conv in model.layers] == [metadata[1], [metadata[1][1], metadata[1][3]]]
    assert [list(conv.in_channels) for conv in model.layers] == [["a", "b", "c"], ["b", "c"]]
    single = ge.HAN({"b": 3, "c": 4, "a": 2}, 8, 2, metadata, heads=2, target="c")
    assert single.layers[0].metadata == (["b", "c"], [("b", "bc", "c")])
    with pytest.raises(InputError, match="num_layers: got 2; expected fewer layers: no edges lead to 'b'"):
        ge.HAN(4, 8, 2, (["a", "b"], [("a", "ab", "b")]), num_layers=2, heads=2)


def test_repr():
    assert repr(make(build_pyg(world()))) == "HAN(16, heads=[4], targets=['paper'], 'pyg')"


def test_by_name_counts_classes(build):
    model = ge.create("han", build(world()), hidden_channels=8, heads=2, metapaths=PATHS, seed=0)
    assert model.targets == ["paper"]
    assert model.out_channels == 2


def refused(error, message, call):
    with pytest.raises(error, match=message):
        call()


def test_bad_input_is_refused():
    graph = build_pyg(world())
    view, model = ge.view(graph), make(graph)
    with pytest.raises(MetapathError):
        make(graph, metapaths={"PA": ["by"]})
    refused(InputError, "target: got None; expected a node type", lambda: ge.HAN.for_graph(graph, 16))
    refused(InputError, "target: got editor; expected a node type", lambda: ge.HAN(3, 8, 2, PAPERS, target="editor"))
    assert ge.HAN.for_graph(graph, 16, target="paper").learned["venue"].weight.shape == (3, 16)
    other = ge.HAN({"paper": 4, "author": 8}, 16, 2, (["paper", "author"], [("author", "edits", "paper")]), heads=4)
    refused(
        InputError,
        r"graph: got a graph with the edge types.*\('author', 'edits', 'paper'\)",
        lambda: other.inputs(view),
    )
    refused(
        InputError, r"\('author', 'edits', 'paper'\) among them", lambda: ge.fit(other, graph, **QUICK, batch_size=4)
    )
    graph["paper"].x = torch.ones(24, 5)
    refused(
        InputError,
        r"features of 'paper': got shape \(24, 5\); expected shape \(24, 4\)",
        lambda: ge.fit(model, graph, **QUICK),
    )
    graph["paper"].x = torch.full((24, 4), torch.nan)
    refused(InputError, r"features of 'paper': got shape \(24, 4\) with NaN", lambda: ge.fit(model, graph, **QUICK))
    del graph["paper"].y
    graph["paper"].x = torch.ones(24, 4)
    refused(
        InputError,
        "out_channels: got None; expected a number of classes, as 'paper' has no labels",
        lambda: make(graph),
    )
    refused(
        InputError,
        "out_channels: got .*a number of classes for 'author', too",
        lambda: ge.HAN(
            3,
            8,
            {"paper": 2},
            (["paper", "author"], [("author", "a", "paper"), ("paper", "b", "author")]),
            target=["paper", "author"],
        ),
    )


def test_features_of_another_kind_than_the_weights_are_refused():
    x, edge_type = torch.ones(3, 2), ("paper", "P", "paper")
    edges = {edge_type: torch.tensor([[0, 1], [1, 2]])}
    model = ge.HAN(2, 4, 2, (["paper"], [edge_type]), heads=2, target="paper")
    model({"paper": x}, edges)
    for dtype, name in ((torch.complex64, "complex64"), (torch.float64, "float64"), (torch.float16, "float16")):
        refused(InputError, rf"x_dict\['paper'\]: got .*{name}", lambda: model({"paper": x.to(dtype)}, edges))  # noqa: B023

"""SAGEConv where DGL's users put a layer: in HeteroGraphConv, on blocks, with weights off the edges, compiled."""

from __future__ import annotations

import pytest
import torch

import graphembed_ext as ge

dgl = pytest.importorskip("dgl", reason="DGL is not installed")
from dgl.nn import HeteroGraphConv  # noqa: E402
from dgl.nn import SAGEConv as Peer  # noqa: E402

NODES, WIDE = 7, 6
EDGES = torch.tensor([[0, 1, 2, 3, 6, 5, 1, 1, 4], [3, 2, 1, 0, 5, 6, 6, 0, 3]])
KINDS = ("mean", "gcn", "pool", "lstm")


def draw(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def untyped():
    return dgl.graph((EDGES[0], EDGES[1]), num_nodes=NODES)


def typed():
    return dgl.heterograph(
        {
            ("user", "follows", "user"): ([0, 0, 2, 1], [1, 2, 1, 3]),
            ("user", "plays", "game"): ([0, 0, 0, 1, 2], [0, 2, 3, 0, 2]),
            ("store", "sells", "game"): ([0, 0, 1, 1], [0, 3, 1, 2]),
        }
    )


FEATURES = {"user": draw(4, 2), "game": draw(4, 4), "store": draw(2, 3)}


def twins(make):
    """Ours and DGL's with the same weights."""
    ours, peer = make(ge.dgl.SAGEConv).double(), make(Peer).double()
    peer.load_state_dict(ours.state_dict())
    return ours, peer


def of_types(aggregate):
    def make(conv):
        layers = {"follows": conv(2, 3, "mean"), "plays": conv((2, 4), 3, "pool"), "sells": conv((3, 4), 3, "lstm")}
        return HeteroGraphConv(layers, aggregate)

    return make


def agree(models, *args, **options):
    """Outputs, and gradients of all parameters."""
    results = []
    for model in models:
        out = model(*args, **options)
        parts = [out[name] for name in sorted(out)] if isinstance(out, dict) else [out]
        loss = sum((part * draw(*part.shape, seed=3)).sum() for part in parts)
        results.append((parts, torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)))
    torch.testing.assert_close(*results)


@pytest.mark.parametrize("aggregate", ["sum", "mean", "max", "min", "stack"])
def test_heterographconv(aggregate):
    models, graph = twins(of_types(aggregate)), typed()
    agree(models, graph, FEATURES)
    weights = {name: {"edge_weight": draw(graph.num_edges(name), 1, seed=5).abs()} for name in graph.etypes}
    agree(models, graph, FEATURES, mod_kwargs=weights)


def test_heterographconv_on_a_block():
    seeds = {"user": [3, 1], "game": [2, 0]}
    block = dgl.to_block(dgl.in_subgraph(typed(), seeds), seeds)
    x = {name: rows[block.srcnodes[name].data[dgl.NID]] for name, rows in FEATURES.items()}
    agree(twins(of_types("sum")), block, x)


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_of_a_sampler(kind):
    graph, x = untyped(), draw(NODES, WIDE)
    sampler = dgl.dataloading.MultiLayerFullNeighborSampler(2)
    nodes, _, blocks = sampler.sample(graph, torch.tensor([6, 0, 4]))
    first, second = twins(lambda conv: conv(WIDE, WIDE, kind)), twins(lambda conv: conv(WIDE, 3, kind))
    found, expected = (two(blocks[1], one(blocks[0], x[nodes])) for one, two in zip(first, second, strict=True))
    assert found.shape == (3, 3)
    torch.testing.assert_close(found, expected)
    xs = x[nodes]
    agree(first, blocks[0], (xs, xs[: blocks[0].num_dst_nodes()]))


def weighed_by_apply_edges(conv):
    """A layer of a user's own, whose weights come off both ends of an edge."""

    class Weighed(conv):
        def forward(self, graph, x):
            with graph.local_scope():
                graph.ndata["h"] = x
                graph.apply_edges(dgl.function.u_dot_v("h", "h", "score"))
                graph.apply_edges(lambda edges: {"weight": edges.data["score"].sigmoid()})
                return super().forward(graph, x, edge_weight=graph.edata["weight"])

    return Weighed


@pytest.mark.parametrize("kind", KINDS)
def test_weights_by_apply_edges(kind):
    models = twins(lambda conv: weighed_by_apply_edges(conv)(WIDE, 3, kind))
    given = [draw(NODES, WIDE).requires_grad_() for _ in models]
    found = [model(untyped(), x) for model, x in zip(models, given, strict=True)]
    torch.testing.assert_close(*found)
    torch.testing.assert_close(*(torch.autograd.grad(out.pow(3).sum(), x) for out, x in zip(found, given, strict=True)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_compiled(kind):
    ours, peer = twins(lambda conv: conv(WIDE, 3, kind))
    torch._dynamo.reset()
    compiled = torch.compile(ours, backend="eager")
    for graph in (untyped(), dgl.add_edges(untyped(), [2, 4], [5, 5])):
        agree((compiled, peer), graph, draw(NODES, WIDE))


@pytest.mark.filterwarnings("ignore")
def test_heterographconv_compiled():
    ours, peer = twins(of_types("sum"))
    torch._dynamo.reset()
    agree((torch.compile(ours, backend="eager"), peer), typed(), FEATURES)

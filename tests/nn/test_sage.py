"""GraphSAGE's layer beside PyG's, DGL's formulas and plain loops; values, gradients, edge weights, bad input."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch_geometric.nn import SAGEConv as PeerConv

from graphembed_ext.errors import InputError
from graphembed_ext.graph.adjacency import Adjacency
from graphembed_ext.nn.lstm import last_states
from graphembed_ext.nn.ops.maxima import neighbor_max
from graphembed_ext.nn.ops.means import neighbor_mean
from graphembed_ext.nn.ops.projections import projections
from graphembed_ext.nn.ops.sparse import SparseRows, linear
from graphembed_ext.nn.sage import SAGEConv

NODES, WIDE = 12, 6


def draw(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def graph(sources=NODES, targets=NODES, edges=40):
    """Edges sorted by target, some of them repeated; the last two targets get none."""
    generator = torch.Generator().manual_seed(1)
    src = torch.randint(sources, (edges,), generator=generator)
    dst = torch.randint(targets - 2, (edges,), generator=generator).sort().values
    return torch.stack([src, dst])


def gradients(module, out, x):
    return torch.autograd.grad((out * draw(*out.shape, seed=9)).sum(), [x, *module.parameters()])


@pytest.mark.parametrize("options", [{}, {"project": True}, {"normalize": True}, {"root_weight": False, "bias": False}])
@pytest.mark.parametrize("width", [2, 9], ids=["narrower", "wider"])
@pytest.mark.parametrize("aggr", ["mean", "sum", "add", "max", "min", "lstm", "median", ["mean", "max"]], ids=str)
def test_equals_pygs_layer(aggr, width, options):
    ours = SAGEConv(WIDE, width, aggr, **options).double()
    peer = PeerConv(WIDE, width, aggr, **options).double()
    peer.load_state_dict(ours.state_dict(), strict=True)
    x, edges = draw(NODES, WIDE).requires_grad_(), graph()
    found, wanted = ours(x, edges), peer(x, edges)
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-10)
    for mine, theirs in zip(gradients(ours, found, x), gradients(peer, wanted, x), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("aggr", ["mean", "max", "lstm"])
def test_equals_pygs_layer_on_bipartite_edges(aggr):
    ours, peer = SAGEConv((WIDE, 3), 4, aggr).double(), PeerConv((WIDE, 3), 4, aggr).double()
    peer.load_state_dict(ours.state_dict(), strict=True)
    x, edges = (draw(8, WIDE), draw(5, 3)), graph(8, 5, 11)
    torch.testing.assert_close(ours(x, edges), peer(x, edges), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(ours((x[0], None), edges, (8, 5)), peer((x[0], None), edges, (8, 5)))


@pytest.mark.parametrize(("ours", "theirs"), [("mean", "mean"), ("gcn", "gcn"), ("pool", "pool"), ("dgl_lstm", "lstm")])
def test_equals_dgls_layer(ours, theirs):
    import dgl
    from dgl.nn import SAGEConv as Dgl

    edges = graph()
    conv, peer = SAGEConv(WIDE, 4, ours).double(), Dgl(WIDE, 4, theirs).double()
    state = {"fc_neigh.weight": conv.lin_l.weight}
    if ours == "gcn":
        state["bias"] = conv.lin_l.bias
    else:
        state |= {"fc_self.weight": conv.lin_r.weight, "fc_self.bias": conv.lin_l.bias}
    if ours == "pool":
        state |= {"fc_pool.weight": conv.lin.weight, "fc_pool.bias": conv.lin.bias}
    if ours == "dgl_lstm":
        state |= {f"lstm.{name}": value for name, value in conv.aggr_module.lstm.state_dict().items()}
    peer.load_state_dict(state, strict=True)
    x = draw(NODES, WIDE)
    host = dgl.graph((edges[0], edges[1]), num_nodes=NODES)
    torch.testing.assert_close(conv(x, edges), peer(host, x), rtol=1e-10, atol=1e-10)


def loop(aggr, x, edges, weight):
    out = torch.zeros_like(x)
    for node in range(len(x)):
        there = (edges[1] == node).nonzero().squeeze(1).tolist()
        carried = [float(weight[e]) * x[edges[0, e]] for e in there]
        total = sum(float(weight[e]) for e in there)
        if aggr == "gcn":
            out[node] = (sum(carried) + x[node]) / (total + 1)
        elif carried and aggr == "mean":
            out[node] = sum(carried) / total
        elif carried:
            out[node] = sum(carried) if aggr == "sum" else torch.stack(carried).amax(0)
    return out


@pytest.mark.parametrize("width", [2, 9], ids=["narrower", "wider"])
@pytest.mark.parametrize("plain", [False, True], ids=["fused", "plain"])
@pytest.mark.parametrize("aggr", ["mean", "sum", "gcn", "max"])
def test_edge_weights_equal_plain_loops(aggr, plain, width):
    conv, x, edges = SAGEConv(WIDE, width, aggr).double(), draw(NODES, WIDE), graph()
    if plain:
        conv.register_message_forward_hook(lambda *_: None)
    weight = draw(edges.size(1)).abs()
    wanted = conv.lin_l(loop(aggr, x, edges, weight))
    wanted = wanted + (conv.lin_r(x) if conv.root_weight else 0)
    torch.testing.assert_close(conv(x, edges, edge_weight=weight), wanted, rtol=1e-10, atol=1e-10)


def test_weight_of_zero_is_no_edge():
    conv, x, edges = SAGEConv(WIDE, 3).double(), draw(NODES, WIDE), graph()
    weight = (torch.arange(edges.size(1)) % 2).double()
    kept = edges[:, weight > 0]
    torch.testing.assert_close(conv(x, edges, edge_weight=weight), conv(x, kept))
    torch.testing.assert_close(conv(x, edges, edge_weight=5 * weight), conv(x, kept))
    only_zero = conv(x, edges, edge_weight=torch.zeros_like(weight))
    torch.testing.assert_close(only_zero, conv.lin_r(x) + conv.lin_l.bias)


@pytest.mark.parametrize("aggr", ["mean", "sum", "gcn", "max", "min"])
def test_gradients(aggr):
    conv, edges = SAGEConv(3, 2, aggr).double(), graph()
    inputs = draw(NODES, 3).requires_grad_(), draw(edges.size(1), seed=3).abs().add(0.1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, weight: conv(x, edges, edge_weight=weight), inputs)


@pytest.mark.parametrize("aggr", ["mean", "sum", "gcn", "max"])
def test_order_of_edges_changes_no_bit(aggr):
    conv, x, edges = SAGEConv(WIDE, 9, aggr), draw(NODES, WIDE).float(), graph()
    shuffled = edges[:, torch.randperm(edges.size(1), generator=torch.Generator().manual_seed(4))]
    assert torch.equal(conv(x, edges), conv(x, shuffled))


def test_pygs_lstm_takes_edges_in_any_order_of_targets():
    conv, x, edges = SAGEConv(WIDE, 3, "lstm"), draw(NODES, WIDE).float(), graph()
    halves = torch.cat([edges[:, edges[1] > 4], edges[:, edges[1] <= 4]], 1)  # each target's own order stays
    torch.testing.assert_close(conv(x, edges), conv(x, halves))


def test_block_takes_its_targets_from_the_first_sources():
    conv, x, edges = SAGEConv(WIDE, 3).double(), draw(NODES, WIDE), graph(NODES, 5, 9)
    block = Adjacency.from_edges(edges[0], edges[1], NODES, 5)
    torch.testing.assert_close(conv(x, block), conv((x, x[:5]), edges))


@pytest.mark.parametrize("aggr", ["mean", "gcn"])
@pytest.mark.parametrize("options", [{}, {"project": True}])
def test_sparse_features(aggr, options):
    conv, edges = SAGEConv(80, 5, aggr, **options).double(), graph()
    x = draw(NODES, 80) * (draw(NODES, 80, seed=5) > 1.9)
    assert SparseRows.pays(x)
    assert not SparseRows.pays(draw(NODES, 80))
    torch.testing.assert_close(conv(SparseRows.of(x), edges), conv(x, edges), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(linear(SparseRows.of(x.to_sparse()), conv.lin_l.weight), x @ conv.lin_l.weight.t())
    with pytest.raises(InputError, match="sparse features"):
        SAGEConv(80, 5, "max").double()(SparseRows.of(x), edges)


def test_maximum_keeps_nan_and_fills_zero():
    edges = Adjacency.from_edges(torch.tensor([0, 1, 2]), torch.tensor([0, 0, 1]), 3, 3)
    found = neighbor_max(edges, torch.tensor([[1.0], [torch.nan], [-4.0]]))
    assert found[0].isnan()
    assert found[1:].tolist() == [[-4.0], [0.0]]


def test_means_by_weights_and_by_count():
    edges = Adjacency.from_edges(torch.tensor([0, 1]), torch.tensor([0, 0]), 2, 2)
    x, weight = torch.tensor([[1.0], [5.0]]), torch.tensor([3.0, 1.0])
    assert neighbor_mean(edges, x, weight).tolist() == [[2.0], [0.0]]
    assert neighbor_mean(edges, x, weight, by="count").tolist() == [[4.0], [0.0]]


def test_lstm_ends_with_the_last_neighbour():
    lstm = torch.nn.LSTM(2, 2, batch_first=True).double()
    carried, degrees = draw(5, 2), torch.tensor([3, 0, 2])
    found = last_states(lstm, carried, degrees)
    torch.testing.assert_close(found[0], lstm(carried[None, :3])[1][0][0, 0])
    assert found[1].tolist() == [0, 0]
    torch.testing.assert_close(found[2], lstm(carried[None, 3:])[1][0][0, 0])


def test_lazy_size_copies_and_half_precision():
    x, edges = draw(NODES, WIDE).float(), graph()
    lazy = SAGEConv(-1, 3)
    lazy(x, edges)
    out = lazy(x, edges)  # knows its sizes from here on
    assert lazy.lin_r.weight.shape == (3, WIDE)
    for copied in (copy.deepcopy(lazy), pickle.loads(pickle.dumps(lazy))):
        assert torch.equal(copied(x, edges), out)
    assert torch.isfinite(SAGEConv(WIDE, 3, "max").bfloat16()(x.bfloat16(), edges)).all()


def test_no_edges_at_all():
    conv, x = SAGEConv(WIDE, 3), draw(NODES, WIDE).float()
    for aggr in ("mean", "gcn", "max", "lstm", "dgl_lstm"):
        out = SAGEConv(WIDE, 3, aggr)(x, torch.empty(2, 0, dtype=torch.int64))
        assert F.relu(out).isfinite().all()
    torch.testing.assert_close(conv(x, torch.empty(2, 0, dtype=torch.int64)), conv.lin_r(x) + conv.lin_l.bias)


def test_bad_input():
    conv, edges = SAGEConv(WIDE, 3), graph()
    x = draw(NODES, WIDE).float()
    with pytest.raises(InputError, match="source id"):
        conv(x[:4], edges)
    with pytest.raises(InputError, match="edge_weight"):
        conv(x, edges, edge_weight=torch.ones(3))
    with pytest.raises(InputError, match="size"):
        conv((x, x), edges, (NODES, 3))
    with pytest.raises(InputError, match="in_channels"):
        SAGEConv((3, 4), 2, "gcn")
    with pytest.raises(InputError, match="project"):
        SAGEConv(-1, 2, project=True)


@pytest.mark.parametrize("num_dst", [3, 8])
def test_both_projections_have_the_gradients_of_two_linear_layers(num_dst):
    x, sources, targets = (
        torch.randn(size, generator=torch.Generator().manual_seed(place), dtype=torch.float64, requires_grad=True)
        for place, size in enumerate([(8, 5), (2, 5), (3, 5)])
    )
    found = projections(x, sources, targets, num_dst)
    plain = x @ sources.t(), x[:num_dst] @ targets.t()
    torch.testing.assert_close(found, plain)
    ours, theirs = (
        torch.autograd.grad(sum(part.pow(2).sum() for part in out), [x, sources, targets]) for out in (found, plain)
    )
    torch.testing.assert_close(ours, theirs)
    assert torch.autograd.gradcheck(lambda *given: projections(*given, num_dst), (x, sources, targets))


def test_a_layer_whose_targets_are_its_first_sources_has_pygs_gradients():
    """The output is narrower than the input, so that both projections come first."""
    draw = torch.Generator().manual_seed(0)
    src, dst = torch.randint(30, (200,), generator=draw), torch.randint(6, (200,), generator=draw)
    ours, theirs = SAGEConv(16, 4).double(), PeerConv(16, 4).double()
    theirs.load_state_dict(ours.state_dict())
    found = []
    for conv, edges in ((ours, Adjacency.from_edges(src, dst, 30, 6)), (theirs, torch.stack([src, dst]))):
        x = torch.randn(30, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64, requires_grad=True)
        out = conv(x, edges) if conv is ours else conv((x, x[:6]), edges)
        found.append((out, *torch.autograd.grad(out.sin().sum(), [x, *conv.parameters()])))
    torch.testing.assert_close(*found)


@pytest.mark.filterwarnings("ignore:Complex modules")
def test_complex_features_are_not_cut_to_their_real_part():
    """Compiled kernels are of real numbers: with complex ones the layer does what PyG's does."""
    edges, x = torch.tensor([[0, 1, 2, 0], [1, 2, 0, 0]]), torch.randn(3, 4, dtype=torch.complex64)
    ours, theirs = SAGEConv(4, 2, "sum").to(torch.complex64), PeerConv(4, 2, "sum").to(torch.complex64)
    theirs.load_state_dict(ours.state_dict())
    torch.testing.assert_close(ours(x, edges), theirs(x, edges))

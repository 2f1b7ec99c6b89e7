"""HANConv beside PyG's class, DGL's example rebuilt from dgl.nn.GATConv, and plain loops."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch_geometric.nn import HANConv as PeerHANConv

import graphembed_ext as ge
from graphembed_ext.errors import InputError
from tests.graphs import COUNTS, METADATA, PAPERS, SIZES, paper_graphs, typed_edges, typed_features
from tests.peers import HANExampleLayer


def peer_and_ours(**config):
    peer = PeerHANConv(SIZES, 8, METADATA, **config).double()
    ours = ge.HANConv(SIZES, 8, METADATA, **config).double()
    ours.load_state_dict(peer.state_dict(), strict=True)
    return peer, ours


def gradients(outs, inputs):
    total = sum(out.square().sum() for out in outs.values() if out is not None)
    return torch.autograd.grad(total, inputs, allow_unused=True)


def assert_same(got, wanted):
    assert got.keys() == wanted.keys()
    for name, value in wanted.items():
        assert (value is None) == (got[name] is None), name
        if value is not None:
            torch.testing.assert_close(got[name], value, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("config", [{}, {"heads": 4, "negative_slope": 0.5}, {"heads": 2, "dropout": 0.6}])
@pytest.mark.parametrize("plain", [False, True])
def test_outputs_weights_and_gradients_are_pygs(config, plain):
    peer, ours = (model.eval() for model in peer_and_ours(**config))
    if plain:
        ours.register_message_forward_hook(lambda *_: None)
    x = {name: value.requires_grad_() for name, value in typed_features().items()}
    wanted = peer(x, typed_edges(), return_semantic_attention_weights=True)
    got = ours(x, typed_edges(), return_semantic_attention_weights=True)
    assert wanted[0]["venue"] is None
    for one, other in zip(got, wanted, strict=True):
        assert_same(one, other)
    inputs = [[*x.values(), *model.parameters()] for model in (ours, peer)]
    for one, other in zip(gradients(got[0], inputs[0]), gradients(wanted[0], inputs[1]), strict=True):
        assert (one is None) == (other is None)
        if other is not None:
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def test_some_edge_types_no_edges_and_no_nodes_are_as_in_pyg():
    peer, ours = peer_and_ours(heads=2)
    some = {METADATA[1][0]: typed_edges()[METADATA[1][0]], METADATA[1][1]: torch.empty(2, 0, dtype=torch.int64)}
    assert_same(ours(typed_features(), some), peer(typed_features(), some))
    counts = COUNTS | {"author": 0}
    nobody = {METADATA[1][0]: some[METADATA[1][0]], METADATA[1][1]: some[METADATA[1][1]]}
    for got, wanted in zip(*(m(typed_features(counts), nobody, True) for m in (ours, peer)), strict=True):
        assert_same(got, wanted)


def test_sparse_tensor_is_the_transposed_adjacency():
    SparseTensor = pytest.importorskip("torch_sparse").SparseTensor
    peer, ours = peer_and_ours(heads=2)
    sparse = {
        t: SparseTensor(row=e[1], col=e[0], sparse_sizes=(COUNTS[t[2]], COUNTS[t[0]])) for t, e in typed_edges().items()
    }
    assert_same(ours(typed_features(), sparse), peer(typed_features(), sparse))
    assert_same(ours(typed_features(), sparse), ours(typed_features(), typed_edges()))
    ours.register_message_forward_hook(lambda *_: None)
    assert_same(ours(typed_features(), sparse), peer(typed_features(), typed_edges()))


@pytest.mark.parametrize("architecture", ["pyg", "dgl"])
def test_lazy_sizes(architecture):
    torch.manual_seed(0)
    conv = ge.HANConv(-1, 8, METADATA, heads=2, architecture=architecture).double()
    out = conv(typed_features(), typed_edges())
    assert {name: None if o is None else tuple(o.shape) for name, o in out.items()} == {
        "author": (5, 8),
        "paper": (7, 8),
        "term": None,
        "venue": None,
    }
    assert all(bool(torch.isfinite(p).all()) for p in conv.parameters() if not nn.parameter.is_lazy(p))
    fixed = ge.HANConv(SIZES, 8, METADATA, heads=2, architecture=architecture).double()
    fixed.load_state_dict(conv.state_dict(), strict=False)


def test_same_start_as_pyg_for_a_seed():
    states = []
    for kind in (PeerHANConv, ge.HANConv):
        torch.manual_seed(3)
        conv = kind(SIZES, 8, METADATA, heads=2)
        conv.reset_parameters()
        states.append(conv.state_dict())
    assert all(torch.equal(states[1][key], value) for key, value in states[0].items())


def test_attention_of_neighbours_and_weights_of_edges():
    conv = ge.HANConv(SIZES, 8, METADATA, heads=2).double()
    x, given = typed_features(), typed_edges()
    weights = {METADATA[1][0]: torch.linspace(0.5, 2, 18, dtype=torch.float64).requires_grad_()}
    out, attention = conv(x, given, edge_weight_dict=weights, return_attention_weights=True)
    projected = {t: conv.proj[t](v).view(-1, 2, 4) for t, v in x.items()}
    expected = {"paper": [], "author": []}
    for t, (src, dst) in given.items():
        a, b = (projected[end] * half["__".join(t)] for end, half in ((t[0], conv.lin_src), (t[2], conv.lin_dst)))
        sums = torch.zeros(COUNTS[t[2]], 2, 4, dtype=torch.float64)
        for node in range(COUNTS[t[2]]):
            into = (dst == node).nonzero().flatten().tolist()
            for head in range(2):
                raw = [float((a[src[e], head].sum() + b[node, head].sum()).detach()) for e in into]
                shares = [math.exp(z if z > 0 else 0.2 * z) for z in raw]
                for e, share in zip(into, shares, strict=True):
                    share /= sum(shares)
                    assert float(attention[t][e, head].detach()) == pytest.approx(share)
                    weight = float(weights[t][e].detach()) if t in weights else 1.0
                    sums[node, head] += weight * share * projected[t[0]][src[e], head].detach()
        expected[t[2]].append(F.relu(sums.flatten(1)))
    for name, parts in expected.items():
        stacked = torch.stack(parts)
        beta = torch.softmax((conv.q * torch.tanh(conv.k_lin(stacked)).mean(1)).sum(-1), 0)
        torch.testing.assert_close(out[name], (beta.view(-1, 1, 1) * stacked).sum(0))
    conv.register_message_forward_hook(lambda *_: None)
    grads = torch.autograd.grad(out["paper"].sum(), weights[METADATA[1][0]])
    plain = conv(x, given, edge_weight_dict=weights)
    assert_same(plain, out)
    torch.testing.assert_close(torch.autograd.grad(plain["paper"].sum(), weights[METADATA[1][0]]), grads)


@pytest.mark.parametrize("architecture", ["pyg", "dgl"])
def test_dropout_is_that_of_the_seed_on_every_path(architecture):
    conv = ge.HANConv(SIZES, 8, METADATA, heads=2, dropout=0.5, architecture=architecture).double()
    order = torch.randperm(18, generator=torch.Generator().manual_seed(0))
    shuffled = {t: e[:, order] for t, e in typed_edges().items()}
    outs = []
    for given, hooked, seed in (
        (typed_edges(), False, 0),
        (shuffled, False, 0),
        (typed_edges(), True, 0),
        (typed_edges(), False, 1),
    ):
        model = copy.deepcopy(conv)
        if hooked:
            model.register_message_forward_hook(lambda *_: None)
        torch.manual_seed(seed)
        outs.append(model(typed_features(), given))
    assert all(torch.equal(outs[0][name], outs[1][name]) for name in ("paper", "author"))
    assert_same(outs[2], outs[0])
    assert not torch.equal(outs[3]["paper"], outs[0]["paper"])
    assert torch.equal(*(conv.eval()(typed_features(), typed_edges())["paper"] for _ in range(2)))


def test_destinations_first():
    conv = ge.HANConv(SIZES, 8, METADATA, heads=2).double()
    given = {t: e[:, e[1] < 3] for t, e in typed_edges().items()}
    whole = conv(typed_features(), given)
    part = conv(typed_features(), given, num_dst_nodes={"paper": 3, "author": 3})
    assert part["paper"].shape == (3, 8)
    single = {METADATA[1][1]: given[METADATA[1][1]]}  # one metapath: its weight is 1, whatever the mean over nodes
    assert_same(
        {"author": conv(typed_features(), single, num_dst_nodes={"author": 3})["author"]},
        {"author": conv(typed_features(), single)["author"][:3]},
    )
    assert whole["paper"].shape == (7, 8)


def test_architecture_dgl_is_the_example():
    given, graphs = paper_graphs()
    x = typed_features({"paper": 9}, {"paper": 6})["paper"].requires_grad_()
    peer = HANExampleLayer(6, 4, 2).double()
    ours = ge.HANConv(6, 8, PAPERS, heads=2, architecture="dgl").double()
    ours.load_state_dict(peer.state_dict(), strict=True)
    wanted, got = peer(graphs, x), ours({"paper": x}, given)["paper"]
    torch.testing.assert_close(got, wanted, rtol=1e-10, atol=1e-10)
    pairs = [torch.autograd.grad(o.square().sum(), [x, *m.parameters()]) for m, o in ((ours, got), (peer, wanted))]
    for one, other in zip(*pairs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)
    torch.manual_seed(0)
    drawn = [
        p.detach().std() for p in ge.HANConv(300, 64, PAPERS, heads=8, architecture="dgl").gat_layers[0].parameters()
    ]
    torch.manual_seed(0)
    expected = [p.detach().std() for p in HANExampleLayer(300, 8, 8).gat_layers[0].parameters()]
    assert sorted(map(float, drawn)) == pytest.approx(sorted(map(float, expected)), rel=0.3, abs=1e-6)


def test_on_dgl_graphs():
    import dgl

    given, graphs = paper_graphs()
    hetero = dgl.heterograph({t: tuple(e) for t, e in given.items()}, num_nodes_dict={"paper": 9})
    x = typed_features({"paper": 9}, {"paper": 6})["paper"]
    conv = ge.dgl.HANConv(6, 8, PAPERS, heads=2).double()
    plain = ge.HANConv(6, 8, PAPERS, heads=2).double()
    plain.load_state_dict(conv.state_dict())
    wanted = plain({"paper": x}, given, True)
    assert torch.equal(conv(hetero, x), wanted[0]["paper"])
    assert torch.equal(conv(hetero, {"paper": x})["paper"], wanted[0]["paper"])
    assert torch.equal(conv(graphs, x), wanted[0]["paper"])
    _, semantic, attention = conv(hetero, x, True, return_attention_weights=True)
    assert torch.equal(semantic["paper"], wanted[1]["paper"])
    assert {t: a.shape for t, a in attention.items()} == dict.fromkeys(PAPERS[1], (30, 2))
    hetero.edges["PAP"].data["w"] = torch.zeros(30).double()
    hetero.edges["PSP"].data["w"] = torch.zeros(30).double()
    assert torch.equal(conv(hetero, x, edge_weight="w"), torch.zeros(9, 8).double())
    hetero.add_edges(torch.tensor([0]), torch.tensor([1]), etype="PAP")
    assert not torch.equal(conv(hetero, x), wanted[0]["paper"])
    block = dgl.to_block(dgl.in_subgraph(hetero, {"paper": torch.tensor([4, 2])}), {"paper": torch.tensor([4, 2])})
    found = conv(block, x[block.srcnodes["paper"].data[dgl.NID]])
    assert found.shape == (2, 8)
    for arguments, message in (
        ((graphs[:1], x), "g: got 1 graphs; expected 2"),
        ((graphs[0], x), r"g: got a graph with the edge types.*\('paper', 'PAP', 'paper'\) among them"),
        ((hetero, x[:5]), r"feats: got shape \(5, 6\); expected 9 rows"),
    ):
        with pytest.raises(InputError, match=message):
            conv(*arguments)


def test_an_ordinary_module():
    conv = ge.HANConv(SIZES, 8, METADATA, heads=2)
    x, given = typed_features(dtype=torch.float32), typed_edges()
    out = conv(x, given)["paper"]
    for other in (copy.deepcopy(conv), pickle.loads(pickle.dumps(conv))):
        assert torch.equal(other(x, given)["paper"], out)
    assert conv.to("meta").q.device.type == "meta"
    conv = ge.HANConv(SIZES, 8, METADATA, heads=2)
    with torch.autocast("cpu", torch.bfloat16):
        assert bool(torch.isfinite(conv(x, given)["paper"].float()).all())
    assert repr(conv) == "HANConv(8, heads=2)"
    assert repr(ge.HANConv(3, 8, PAPERS, architecture="dgl")) == "HANConv(8, heads=1, architecture='dgl')"


def test_scores_too_far_apart_take_the_plain_path():
    peer, ours = peer_and_ours(heads=2)
    x = {name: 1e4 * value for name, value in typed_features().items()}
    assert_same(ours(x, typed_edges()), peer(x, typed_edges()))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"heads": 3}, r"heads: got 3; expected a divisor of out_channels = 8. Hint: out_channels=9 would do"),
        ({"dropout": 1.5}, "dropout: got 1.5; expected a probability"),
        ({"architecture": "ogb"}, "architecture: got ogb; expected one of 'pyg', 'dgl'"),
        ({"metadata": (["paper"], [("paper", "by", "author")])}, r"metadata: got edge type .*between its node types"),
        ({"metadata": ["paper"]}, "metadata: got .*expected node types and edge types"),
        ({"in_channels": {"paper": 4}}, r"in_channels: got sizes of \['paper'\]; expected a size for 'author', too"),
        ({"flow": "target_to_source"}, "flow: got target_to_source"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        ge.HANConv(**({"in_channels": SIZES, "out_channels": 8, "metadata": METADATA} | arguments))


def test_bad_inputs_are_refused():
    conv = ge.HANConv(SIZES, 8, METADATA, heads=2)
    x, given = typed_features(dtype=torch.float32), typed_edges()
    nan = x["author"].clone()
    nan[2, 1] = torch.nan
    cites = METADATA[1][0]
    for inputs, edge_index, more, message in (
        ({"paper": x["paper"]}, given, {}, r"x_dict: got features of 'paper' \(7, 4\); expected features of 'author'"),
        (x | {"paper": x["paper"][:, :3]}, given, {}, r"x_dict\['paper'\]: got shape \(7, 3\); expected shape \(7, 4"),
        (x | {"editor": x["paper"]}, given, {}, r"x_dict: got node type 'editor'"),
        (x, {("a", "b", "c"): given[cites]}, {}, r"edge_index_dict: got edge type \('a', 'b', 'c'\)"),
        (x | {"author": nan}, given, {}, r"x_dict\['author'\]: got shape \(5, 3\) with NaN .* first in row 2"),
        (x, {cites: given[cites] + 5}, {}, r"edge_index_dict\[\('paper', 'cites', 'paper'\)\]: got source id"),
        (x, given, {"edge_weight_dict": {cites: torch.ones(3)}}, r"edge_weight_dict\[.*got shape \(3,\).*\(18,\)"),
    ):
        with pytest.raises(InputError, match=message):
            conv(inputs, edge_index, **more)

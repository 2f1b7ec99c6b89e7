"""Models that somebody changed, as PyG's and DGL's users change them: overridden methods, replaced layers, hooks."""

from __future__ import annotations

import copy

import pytest
import torch
import torch_geometric.nn as peers
from torch import nn
from torch_geometric.data import Data

import graphembed_ext as ge
from graphembed_ext.nn.dgl_sage import SAGEConv as DglConv
from tests.peers import node2vec

NODES, WIDE = 9, 6
EDGES = torch.tensor([[0, 1, 2, 3, 6, 5, 1, 1, 4, 8, 7], [3, 2, 1, 0, 5, 6, 6, 0, 3, 7, 8]])


def draw(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def sage_models(change=lambda model: model, **options):
    torch.manual_seed(0)
    peer = peers.GraphSAGE(WIDE, 8, 3, 4, **options).double()
    ours = ge.GraphSAGE(WIDE, 8, 3, 4, **options).double()
    ours.load_state_dict(copy.deepcopy(peer.state_dict()))
    found = []
    for model in (ours, peer):
        torch.manual_seed(1)
        found.append(change(model) or model)
    return found


def assert_same(models, call):
    out = []
    for model in models:
        found = call(model)
        gradients = torch.autograd.grad((found * draw(*found.shape, seed=3)).sum(), list(model.parameters()))
        out.append((found, gradients))
    torch.testing.assert_close(*out)


# GraphSAGE


def attention_layer(model):
    model.convs[1] = peers.GATConv(8, 8).double()


def pygs_layer(model):
    layer = peers.SAGEConv(8, 8, aggr="max").double()
    model.convs[1] = layer


def first_layer(model):
    model.convs[0] = peers.GraphConv(WIDE, 8).double()


def low_rank(model):
    class LoRA(nn.Module):
        def __init__(self, base):
            super().__init__()
            self.base, self.more = base, nn.Linear(base.weight.size(1), base.weight.size(0)).double()

        def forward(self, x):
            return self.base(x) + self.more(x)

    for conv in model.convs:
        conv.lin_l = LoRA(conv.lin_l)


def no_root(model):
    for conv in model.convs:
        conv.lin_r = nn.Identity() if conv is model.convs[1] else conv.lin_r


def hooked_layer(model):
    model.convs[0].register_forward_hook(lambda module, inputs, out: 2 * out)
    model.convs[1].register_message_forward_hook(lambda module, inputs, out: 2 * out)


def other_activation(model):
    model.act = nn.GELU()


CHANGES = [attention_layer, pygs_layer, first_layer, low_rank, no_root, hooked_layer, other_activation]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_changed_graphsage(change):
    assert_same(sage_models(change), lambda model: model(draw(NODES, WIDE), EDGES))


def test_graphsage_asks_init_conv_for_its_layers():
    def derived(cls):
        class Attending(cls):
            def init_conv(self, in_channels, out_channels, **kwargs):
                return peers.GATConv(in_channels, out_channels, heads=1, **kwargs)

        torch.manual_seed(0)
        return Attending(WIDE, 8, 2, 3).double()

    models = derived(ge.GraphSAGE), derived(peers.GraphSAGE)
    models[0].load_state_dict(copy.deepcopy(models[1].state_dict()))
    assert_same(models, lambda model: model(draw(NODES, WIDE), EDGES))


@pytest.mark.parametrize("change", [attention_layer, first_layer, low_rank], ids=lambda change: change.__name__)
@pytest.mark.parametrize("sparse", [True, False])
def test_changed_graphsage_trains_and_embeds(change, sparse):
    """On whole graphs and mini-batches, features being a bag of words or not."""
    wide = 80 if sparse else WIDE
    x = (draw(NODES, wide) * (draw(NODES, wide, seed=1) > 2)).float() if sparse else draw(NODES, wide).float()
    data = Data(x=x, edge_index=EDGES, y=torch.arange(NODES) % 2)
    for batch_size in (None, 4):
        model = ge.GraphSAGE(wide, 8, 2, 2, seed=0)
        if change is first_layer:
            model.convs[0] = peers.GraphConv(wide, 8)
        elif change is low_rank:
            low_rank(model)
            model.float()
        else:
            model.convs[1] = peers.GATConv(8, 2)
        whole = model(x, EDGES)
        torch.testing.assert_close(ge.embed(model, data).tensor, whole.detach(), rtol=1e-4, atol=1e-5)
        ge.fit(model, data, masks={"train": torch.arange(NODES)}, epochs=1, batch_size=batch_size, progress=False)


def test_an_explained_graphsage_masks_its_own_edges():
    models, found = sage_models(), []
    for model in models:
        mask = torch.zeros(EDGES.size(1), dtype=torch.float64, requires_grad=True)
        for conv in model.convs:
            conv.explain, conv._edge_mask = True, mask
        found.append(torch.autograd.grad(model(draw(NODES, WIDE), EDGES)[3].sum(), mask)[0])
    torch.testing.assert_close(*found)


# LightGCN


def lightgcn_models(derive=lambda cls: cls):
    torch.manual_seed(0)
    peer = derive(peers.LightGCN)(NODES, 4, 2).double()
    ours = derive(ge.LightGCN)(NODES, 4, 2).double()
    ours.load_state_dict(copy.deepcopy(peer.state_dict()))
    return ours, peer


def content(cls):
    """A recommender that adds what it knows of the nodes, as multi-modal ones do."""

    class Content(cls):
        def __init__(self, *args):
            super().__init__(*args)
            self.content = nn.Parameter(torch.linspace(-1, 1, NODES * 4).view(NODES, 4))

        def get_embedding(self, edge_index, edge_weight=None):
            return super().get_embedding(edge_index, edge_weight) + self.content

    return Content


def test_lightgcn_asks_get_embedding_for_its_vectors():
    models = lightgcn_models(content)
    assert_same(models, lambda model: model(EDGES))
    assert_same(models, lambda model: model(EDGES, EDGES[:, :3]))
    assert torch.equal(*(model.recommend(EDGES, k=3) for model in models))
    assert not torch.equal(models[0](EDGES), lightgcn_models()[0](EDGES))


def test_training_sees_the_vectors_of_a_changed_lightgcn():
    pairs, rows = torch.tensor([[0, 1, 2, 3], [4, 5, 6, 7]]), torch.tensor([5, 0])
    model = content(ge.LightGCN)(NODES, 4, 2)
    known = model.adopt(pairs, num_users=4)
    final, initial = model.rows(known, rows)
    torch.testing.assert_close(final, model.get_embedding(torch.cat([pairs, pairs.flip(0)], 1))[rows])
    assert torch.equal(initial, model.embedding.weight[rows])
    gradient = torch.autograd.grad(final.sum(), model.content)[0]
    assert gradient.sum(1).nonzero().flatten().tolist() == [0, 5]


@pytest.mark.parametrize("place", [0, 1])
def test_replaced_and_hooked_layers_of_lightgcn(place):
    models = lightgcn_models()
    for model in models:
        model.convs[place] = peers.LGConv(normalize=False)
    assert_same(models, lambda model: model(EDGES))
    models = lightgcn_models()
    for model in models:
        model.convs[place].register_forward_hook(lambda module, inputs, out: out.tanh())
        model.convs[place].register_message_forward_hook(lambda module, inputs, out: 2 * out)
    assert_same(models, lambda model: model(EDGES))


def test_the_second_derivative_of_lightgcn():
    found = []
    for model in lightgcn_models():
        gradient = torch.autograd.grad(model(EDGES).pow(2).sum(), model.embedding.weight, create_graph=True)[0]
        found.append(torch.autograd.grad(gradient.pow(2).sum(), model.embedding.weight)[0])
    torch.testing.assert_close(*found)
    assert found[0].abs().max() > 0


# PyG's walk models


@pytest.mark.parametrize("kind", ["MetaPath2Vec", "Node2Vec"])
@pytest.mark.parametrize("names", [("_pos_sample", "_neg_sample"), ("pos_sample", "neg_sample")])
def test_a_loader_asks_overridden_samplers(kind, names):
    base = getattr(ge.pyg, kind)

    def first(self, batch):
        return torch.full((2, 3), int(batch[0]))

    def second(self, batch):
        return torch.zeros(1, 3, dtype=torch.int64)

    changed = type("Changed", (base,), dict(zip(names, (first, second), strict=True)))
    if kind == "Node2Vec":
        model = changed(EDGES, 4, walk_length=4, context_size=3)
    else:
        path = [("a", "to", "b"), ("b", "to", "a")]
        model = changed({path[0]: EDGES, path[1]: EDGES.flip(0)}, 4, path, 4, 3)
    pos, neg = next(iter(model.loader(batch_size=3)))
    assert pos.tolist() == [[0] * 3] * 2
    assert neg.tolist() == [[0] * 3]
    whole = type("Whole", (base,), {"_sample": lambda self, batch: "mine"})
    model.__class__ = whole
    assert next(iter(model.loader(batch_size=3))) == "mine"


def test_hooks_on_the_table_of_a_walk_model():
    model = ge.pyg.Node2Vec(EDGES, 4, walk_length=4, context_size=3, seed=0)
    pos, neg = model.sample([0, 1, 2])
    before = model.loss(pos, neg)
    handle = model.embedding.register_forward_hook(lambda module, inputs, out: 0 * out)
    assert model.loss(pos, neg).item() == pytest.approx(2 * torch.tensor(2.0).log().item(), rel=1e-5)
    handle.remove()
    assert torch.equal(model.loss(pos, neg), before)


@pytest.mark.filterwarnings("ignore:Full backward hook:UserWarning")
def test_hooks_on_the_table_see_what_they_see_in_pyg():
    pos, neg = torch.tensor([[0, 1, 2], [3, 5, 5]]), torch.tensor([[0, 4, 7], [3, 6, 2]])
    ours, peer = ge.pyg.Node2Vec(EDGES, 4, 4, 3, num_nodes=NODES, seed=0), node2vec(NODES, 4)
    peer.load_state_dict(ours.state_dict())
    seen = []
    for model in (ours, peer):
        model.embedding.register_full_backward_hook(lambda module, before, after: seen.append(after[0].clone()))
        model.loss(pos, neg).backward()
    torch.testing.assert_close(sorted(seen[:4], key=torch.sum), sorted(seen[4:], key=torch.sum))


# DGL's layer


@pytest.mark.parametrize("aggregator", ["mean", "gcn", "pool", "lstm"])
@pytest.mark.parametrize("width", [3, 9])
def test_changed_parts_of_dgls_layer(aggregator, width):
    import dgl
    from dgl.nn import SAGEConv as Peer

    graph = dgl.graph((EDGES[0], EDGES[1]), num_nodes=NODES)
    ours, peer = DglConv(WIDE, width, aggregator).double(), Peer(WIDE, width, aggregator).double()
    peer.load_state_dict(ours.state_dict())
    for layer in (ours, peer):
        torch.manual_seed(0)
        layer.fc_neigh = nn.Sequential(layer.fc_neigh, nn.Tanh(), nn.Linear(width, width).double())
        layer.fc_neigh.register_forward_hook(lambda module, inputs, out: 2 * out)
        if aggregator != "gcn":
            nn.utils.parametrizations.weight_norm(layer.fc_self)
        layer.feat_drop = nn.ELU()
    assert_same((ours, peer), lambda layer: layer(graph, draw(NODES, WIDE)))


def test_an_overridden_reducer_of_dgls_layer():
    import dgl
    from dgl.nn import SAGEConv as Peer

    def last(cls):
        class Last(cls):
            def _lstm_reducer(self, nodes):
                return {"neigh": super()._lstm_reducer(nodes)["neigh"] + nodes.mailbox["m"][:, -1]}

        return Last

    graph = dgl.graph((EDGES[0], EDGES[1]), num_nodes=NODES)
    ours, peer = (last(cls)(WIDE, 3, "lstm").double() for cls in (DglConv, Peer))
    peer.load_state_dict(ours.state_dict())
    weight = draw(EDGES.size(1), seed=2).abs()
    for edge_weight in (None, weight):
        assert_same((ours, peer), lambda layer, w=edge_weight: layer(graph, draw(NODES, WIDE), w))


def dgl_twins(*args):
    from dgl.nn import SAGEConv as Peer

    ours, peer = DglConv(*args).double(), Peer(*args).double()
    peer.load_state_dict(ours.state_dict())
    return ours, peer


def dgl_graph():
    import dgl

    return dgl.graph((EDGES[0], EDGES[1]), num_nodes=NODES)


@pytest.mark.parametrize("aggregator", ["mean", "gcn", "pool", "lstm"])
@pytest.mark.parametrize("width", [3, 9])
@pytest.mark.parametrize("weighted", [True, False])
def test_a_graph_that_passes_messages_in_its_own_way(aggregator, width, weighted):
    import dgl

    class Watched(dgl.DGLGraph):
        calls = 0

        def update_all(self, *args, **kwargs):
            Watched.calls += 1
            super().update_all(*args, **kwargs)
            self.dstdata["neigh"] = self.dstdata["neigh"] + 1

    graph = dgl_graph()
    graph.__class__ = Watched
    weight = draw(EDGES.size(1), seed=2).abs() if weighted else None
    assert_same(dgl_twins(WIDE, width, aggregator), lambda layer: layer(graph, draw(NODES, WIDE), weight))
    assert Watched.calls == 2
    assert "neigh" not in graph.dstdata


def test_an_update_all_of_one_graph():
    graph, calls = dgl_graph(), []
    plain = graph.update_all
    graph.update_all = lambda *args, **kwargs: calls.append(args) or plain(*args, **kwargs)
    assert_same(dgl_twins(WIDE, 3, "mean"), lambda layer: layer(graph, draw(NODES, WIDE)))
    assert len(calls) == 2


@pytest.mark.parametrize("aggregator", ["mean", "pool"])
@pytest.mark.parametrize("width", [3, 9])
def test_features_of_more_axes_on_dgls_layer(aggregator, width):
    assert_same(dgl_twins(WIDE, width, aggregator), lambda layer: layer(dgl_graph(), draw(NODES, 2, WIDE)))
    if aggregator == "pool":
        weight = draw(EDGES.size(1), WIDE, seed=2)
        assert_same(dgl_twins(WIDE, width, aggregator), lambda layer: layer(dgl_graph(), draw(NODES, WIDE), weight))


@pytest.mark.parametrize("aggregator", ["mean", "gcn", "pool", "lstm"])
def test_a_compiled_layer_and_transforms_on_a_graph_that_nobody_read_before(aggregator):
    ours, peer = dgl_twins(WIDE, 3, aggregator)
    x = draw(NODES, WIDE)
    torch._dynamo.reset()
    compiled = torch.compile(ours, backend="eager")
    torch.testing.assert_close(compiled(dgl_graph(), x), peer(dgl_graph(), x))
    graph = dgl_graph()
    if aggregator != "lstm":  # torch's packed sequences know no transforms
        found = torch.func.jacrev(lambda rows: ours(graph, rows))(x)
        wanted = torch.autograd.functional.jacobian(lambda rows: peer(dgl_graph(), rows), x)
        torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(ours(graph, x), peer(graph, x))  # what was kept of the graph is plain


def test_a_subclass_reads_what_dgl_calls_the_settings():
    ours, peer = dgl_twins((WIDE, 4), 3, "pool")
    for name in ("_in_src_feats", "_in_dst_feats", "_out_feats", "_aggre_type"):
        assert getattr(ours, name) == getattr(peer, name)

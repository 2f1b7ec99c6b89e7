"""Our classes beside DGL's and PyG's with equal weights and inputs: outputs, losses and gradients of both."""

from __future__ import annotations

import random
from unittest import mock

import torch

import graphembed_ext as ge
from graphembed_ext import pyg

from .data import NUM_ITEMS, NUM_USERS, acm3025, cora, dblp, dgl_graph, gowalla_pairs

DIM = 64


def randomised(model, dtype, scale=0.3):
    """Weights that show every difference: contexts of zeros would hide half of the gradients."""
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draw) * scale)
    return model.to(dtype).eval()


def dense(gradient):
    return gradient.to_dense() if gradient.is_sparse else gradient


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return {f"gradient {name}": dense(p.grad) for name, p in model.named_parameters() if p.grad is not None}


def paired(ours, peer, run_ours, run_peer):
    """Quantities of both, by name; each run returns an output or None, and a loss."""
    peer.load_state_dict(ours.state_dict(), strict=True)
    found = []
    for model, run in ((ours, run_ours), (peer, run_peer)):
        output, loss = run(model)
        quantities = {} if output is None else {"output": output.detach()}
        quantities |= {"loss": loss.detach()} | gradients(model, loss)
        found.append(quantities)
    return {name: (found[0][name], found[1][name]) for name in found[1]}


def deepwalk(dtype):
    """The negatives are caught where DGL's class draws them."""
    from dgl.nn.pytorch import network_emb

    graph = dgl_graph(cora())
    options = {"emb_dim": DIM, "walk_length": 20, "window_size": 5}
    ours = randomised(ge.DeepWalk(graph, **options, seed=0), dtype)
    peer = network_emb.DeepWalk(graph, **options).to(dtype)
    with_edges = graph.out_degrees().nonzero().squeeze(1)[:64]
    walks = ours.sample(with_edges)
    negatives, shuffle = {}, random.Random(0).shuffle

    def kept(positions):
        shuffle(positions)
        pairs = int(ours.pairs.sum()) * len(walks)
        negatives["nodes"] = walks.view(-1)[torch.tensor(positions[: pairs * ours.negative_size])]

    def run_peer(model):
        with mock.patch.object(network_emb.random, "shuffle", kept):
            return None, model(walks)

    # DGL's class goes first, as it draws.
    peer.load_state_dict(ours.state_dict())
    run_peer(peer)
    shuffle = random.Random(0).shuffle
    return paired(ours, peer, lambda m: (None, m(walks, negatives["nodes"].view(-1, m.negative_size))), run_peer)


def metapath2vec(dtype):
    import dgl.nn.pytorch.network_emb as network_emb

    network_emb.trange = range
    # As many start nodes as the constructor of DGL's class walks from in a moment.
    path = [("paper", "to", "conference"), ("conference", "to", "paper")]
    graph = dgl_graph(dblp())
    ours = randomised(ge.MetaPath2Vec(graph, path, 2, emb_dim=DIM, seed=0), dtype)
    peer = network_emb.MetaPath2Vec(graph, path, 2, emb_dim=DIM).to(dtype)
    batch = ours.sample(torch.arange(64))
    return paired(ours, peer, lambda m: (None, m(*batch)), lambda m: (None, m(*batch)))


def node2vec(dtype):
    """PyG's class cannot be built without pyg-lib; its loss can be called."""
    from torch_geometric.nn import Node2Vec

    view = cora()
    ours = randomised(pyg.Node2Vec(view.edge_index(), DIM, 20, 10, num_nodes=view.total_nodes, seed=0), dtype)
    peer = Node2Vec.__new__(Node2Vec)
    torch.nn.Module.__init__(peer)
    peer.EPS, peer.embedding_dim = 1e-15, DIM
    peer.embedding = torch.nn.Embedding(view.total_nodes, DIM).to(dtype)
    batch = ours.sample(torch.arange(64))
    return paired(ours, peer, lambda m: (None, m.loss(*batch)), lambda m: (None, m.loss(*batch)))


def pyg_metapath2vec(dtype):
    from torch_geometric.nn import MetaPath2Vec

    view = dblp()
    edges = {edge_type: view.edge_index(edge_type) for edge_type in view.edges}
    path = [("author", "to", "paper"), ("paper", "to", "term"), ("term", "to", "paper"), ("paper", "to", "author")]
    arguments = edges, DIM, path, 12, 5
    ours = randomised(pyg.MetaPath2Vec(*arguments, num_nodes_dict=view.num_nodes, seed=0), dtype)
    peer = MetaPath2Vec(*arguments, num_nodes_dict=dict(view.num_nodes)).to(dtype)
    batch = ours.sample(torch.arange(64))
    return paired(ours, peer, lambda m: (m("author"), m.loss(*batch)), lambda m: (m("author"), m.loss(*batch)))


def acm(dtype, share=0.1):
    """ACM's papers with a share of the metapath edges: PyG makes tensors of edges times channels."""
    view = acm3025()
    draw = torch.Generator().manual_seed(0)
    edges = {}
    for edge_type in view.edges:
        index = view.edge_index(edge_type)
        edges[edge_type] = index[:, torch.rand(index.size(1), generator=draw) < share]
    return view.features["paper"]["x"].to(dtype), edges


def hanconv(dtype, inputs=None):
    from torch_geometric.nn import HANConv

    x, edges = inputs or acm(dtype)
    arguments = x.size(1), DIM, (["paper"], list(edges)), 8
    ours = randomised(ge.HANConv(*arguments), dtype)
    peer = HANConv(*arguments).to(dtype).eval()

    def run(model):
        output = model({"paper": x}, edges)["paper"]
        return output, output.square().mean()

    return paired(ours, peer, run, run)


def dgl_han(dtype, inputs=None):
    """The layer of DGL's example, from dgl.nn.GATConv and the table of its keys."""
    import dgl

    x, edges = inputs or acm(dtype)
    graphs = [dgl.graph(tuple(index), num_nodes=len(x)) for index in edges.values()]
    ours = randomised(ge.HANConv(x.size(1), DIM, (["paper"], list(edges)), 8, architecture="dgl"), dtype)
    peer = DGLExampleLayer(x.size(1), 8, DIM // 8, len(graphs)).to(dtype).eval()

    def run_ours(model):
        output = model({"paper": x}, edges)["paper"]
        return output, output.square().mean()

    def run_peer(model):
        output = model(graphs, x)
        return output, output.square().mean()

    return paired(ours, peer, run_ours, run_peer)


class DGLExampleLayer(torch.nn.Module):
    """Attention over metapath neighbours by GATConv, then over metapaths by a hidden layer of 128."""

    def __init__(self, channels, heads, dim, metapaths):
        from dgl.nn.pytorch import GATConv

        super().__init__()
        elu = torch.nn.functional.elu
        self.gat_layers = torch.nn.ModuleList(
            GATConv(channels, dim, heads, activation=elu, allow_zero_in_degree=True) for _ in range(metapaths)
        )
        self.semantic_attention = torch.nn.Module()
        hidden, last = torch.nn.Linear(heads * dim, 128), torch.nn.Linear(128, 1, bias=False)
        self.semantic_attention.project = torch.nn.Sequential(hidden, torch.nn.Tanh(), last)

    def forward(self, graphs, x):
        """Outputs ``(N, heads * dim)``."""
        layers = zip(self.gat_layers, graphs, strict=True)
        z = torch.stack([layer(graph, x).flatten(1) for layer, graph in layers], 1)
        weights = self.semantic_attention.project(z).mean(0).softmax(0)
        return (weights * z).sum(1)


def lightgcn(dtype, pairs=None):
    from torch_geometric.nn import LightGCN

    pairs = gowalla_pairs("train") if pairs is None else pairs
    rows = torch.stack([pairs[0], pairs[1] + NUM_USERS])
    edges = torch.cat([rows, rows.flip(0)], 1)
    total = NUM_USERS + NUM_ITEMS
    ours = randomised(ge.LightGCN(total, DIM, 3), dtype)
    peer = LightGCN(total, DIM, 3).to(dtype)
    draw = torch.Generator().manual_seed(0)
    positive = rows[:, torch.randint(rows.size(1), (2048,), generator=draw)]
    negative = torch.randint(NUM_USERS, total, (2048,), generator=draw)
    labels = torch.cat([positive, torch.stack([positive[0], negative])], 1)

    def run(model):
        scores = model(edges, labels)
        better, worse = scores.chunk(2)
        return scores, model.recommendation_loss(better, worse, node_id=labels.unique(), lambda_reg=1e-4)

    return paired(ours, peer, run, run)


def graphsage(dtype):
    from torch_geometric.nn import GraphSAGE

    view = cora()
    x, y = view.features["_N"]["x"].to(dtype), view.features["_N"]["y"]
    arguments = x.size(1), DIM, 2, 7
    ours = randomised(ge.GraphSAGE(*arguments), dtype)
    peer = GraphSAGE(*arguments).to(dtype).eval()
    edges = view.edge_index()

    def run(model):
        output = model(x, edges)
        return output, torch.nn.functional.cross_entropy(output, y)

    return paired(ours, peer, run, run)


def sageconv(aggregator):
    def run(dtype):
        from dgl.nn.pytorch import SAGEConv

        view = cora()
        graph, y = dgl_graph(view), view.features["_N"]["y"]
        # 100 of the features, as an LSTM over all of them takes its time.
        x = view.features["_N"]["x"][:, :100].to(dtype).contiguous()
        ours = randomised(ge.dgl.SAGEConv(100, 7, aggregator), dtype)
        peer = SAGEConv(100, 7, aggregator).to(dtype).eval()

        def step(model):
            output = model(graph, x)
            return output, torch.nn.functional.cross_entropy(output, y)

        return paired(ours, peer, step, step)

    return run


def gap(ours, peer) -> tuple[float, float]:
    """Largest difference, and the same by the largest number of the other class."""
    absolute, size = float((ours - peer).abs().max()), float(peer.abs().max())
    return absolute, absolute / size if size else absolute


def check_same(found, limit=1e-8) -> float:
    """The largest relative difference of :func:`paired` quantities, which must stay below a limit."""
    worst = max(gap(ours, peer)[1] for ours, peer in found.values())
    if not worst < limit:
        raise AssertionError(f"answers differ by {worst}")
    return worst


#: What is compared, on which data.
PAIRS = {
    "dgl.nn.DeepWalk": ("Cora", deepwalk),
    "dgl.nn.MetaPath2Vec": ("DBLP", metapath2vec),
    "PyG Node2Vec, its loss": ("Cora", node2vec),
    "PyG MetaPath2Vec": ("DBLP", pyg_metapath2vec),
    "PyG HANConv": ("ACM, a tenth of the edges", hanconv),
    "DGL's HAN example, layer": ("ACM, a tenth of the edges", dgl_han),
    "PyG LightGCN": ("Gowalla", lightgcn),
    "PyG GraphSAGE": ("Cora", graphsage),
    **{f"dgl.nn.SAGEConv, {kind}": ("Cora", sageconv(kind)) for kind in ("mean", "gcn", "pool", "lstm")},
}

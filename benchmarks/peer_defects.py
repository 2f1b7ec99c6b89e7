"""Small graphs on which DGL or PyG are wrong, or stop, and this package is not: what will change for who moves here.

Every difference states what would be right, asks their class and ours, and holds when ours is right and theirs is not.
The tests run them all.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

import torch

import graphembed_ext as ge
from graphembed_ext import pyg

from .harness import Benchmark

CHAIN = {(f"n{k}", f"e{k}", f"n{k + 1}"): torch.zeros(2, 1, dtype=torch.int64) for k in range(4)}
DEAD_END = {("a", "to", "b"): torch.tensor([[0], [0]]), ("b", "back", "a"): torch.tensor([[1], [1]])}
DEAD_END_NODES = {"a": 3, "b": 2}
STAR = {("author", "writes", "paper"): torch.stack([torch.zeros(200, dtype=torch.int64), torch.arange(200)])}
PATH = torch.tensor([[0, 1], [1, 2]])


@dataclass(frozen=True)
class Difference:
    """One difference.

    Attributes:
        title: The situation, and what would be right.
        peer: Whose class is wrong, "dgl" or "pyg".
        where: Threads in which its users met it.
        right: What is right.
        ask_peer, ask_ours: The answers.
    """

    title: str
    peer: str
    where: str
    right: Any
    ask_peer: Callable[[], Any]
    ask_ours: Callable[[], Any]


def attempt(run: Callable[[], Any]) -> Any:
    try:
        return run()
    except Exception as error:
        lines = str(error).splitlines() or [""]
        return f"{type(error).__name__}: {lines[0][:90]}"


def pairs(model, starts) -> list[tuple[int, int]]:
    return sorted(zip(*(part.tolist() for part in model.sample(torch.tensor(starts))[:2]), strict=True))


def graph_of(edges, num_nodes=None):
    return ge.to_host(ge.view(edges) if num_nodes is None else ge.view(edges, num_nodes=num_nodes), "dgl")


def metapath2vec(host, edges, path, window, num_nodes=None):
    graph = graph_of(edges, num_nodes)
    if host == "ours":
        return ge.MetaPath2Vec(graph, path, window, emb_dim=4, seed=0)
    import dgl.nn.pytorch.network_emb as network_emb

    with mock.patch.object(network_emb, "trange", range, create=True):
        return network_emb.MetaPath2Vec(graph, path, window, emb_dim=4)


def dead_end_loss(host):
    """The loss of walks that end, as a kind of answer: a finite number, or what went wrong."""
    graph = graph_of(PATH)
    if host == "ours":
        model = ge.DeepWalk(graph, emb_dim=4, walk_length=6, window_size=2, seed=0)
    else:
        from dgl.nn import DeepWalk

        model = DeepWalk(graph, emb_dim=4, walk_length=6, window_size=2)
    loss = model(model.sample(torch.arange(3)))
    return "a finite loss" if bool(torch.isfinite(loss)) else f"a loss of {float(loss)}"


def one_pair(host):
    model = metapath2vec(host, DEAD_END, ["to", "back"], 2, DEAD_END_NODES)
    return round(model(torch.tensor([0]), torch.tensor([3]), torch.tensor([[4]])).item(), 4)


def dummy_row_trained(host):
    import torch_geometric.nn as peer_pyg

    options = {"walk_length": 2, "context_size": 3, "num_nodes_dict": DEAD_END_NODES}
    if host == "ours":
        model = pyg.MetaPath2Vec(DEAD_END, 4, list(DEAD_END), **options, seed=0)
        windows = model.pos_sample(torch.tensor([0]))
        model.loss(windows, windows[:0]).backward()
    else:
        model = peer_pyg.MetaPath2Vec(DEAD_END, 4, list(DEAD_END), **options)
        windows = model._pos_sample(torch.tensor([0]))
        model.loss(windows, windows).backward()
    return bool(model.embedding.weight.grad[model.dummy_idx].abs().sum() > 0)


def node2vec(host):
    import torch_geometric.nn as peer_pyg

    edges = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    classes = {"ours": pyg.Node2Vec, "pyg": peer_pyg.Node2Vec}
    classes[host](edges, 4, 5, 3, p=0.5, q=2.0)
    return "a model"


def trailing_nodes(host):
    """A typed graph whose last node has no edges, moved from PyG to DGL."""
    from torch_geometric.data import HeteroData
    from torch_geometric.utils import to_dgl

    data = HeteroData()
    data["user"].num_nodes, data["item"].num_nodes = 3, 3
    data["user", "buys", "item"].edge_index = torch.tensor([[0, 1], [1, 0]])
    graph = to_dgl(data) if host == "pyg" else ge.to_host(data, "dgl")
    return graph.num_nodes("user"), graph.num_nodes("item")


def bought_again(host):
    """Item 1 is what user 0 has bought; of the two items it is the nearer one."""
    from torch_geometric.nn import LightGCN

    edges = torch.tensor([[0, 2], [2, 0]])
    model = LightGCN(4, 2, 0) if host == "pyg" else ge.LightGCN(4, 2, 0)
    with torch.no_grad():
        model.embedding.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.5, 0.5]]))
    more = {} if host == "pyg" else {"exclude": torch.tensor([[0], [2]])}
    found = model.recommend(edges, src_index=torch.tensor([0]), dst_index=torch.tensor([2, 3]), k=1, **more)
    return int(found)


def weights_count(host):
    """Whether a weight of 0 on an edge changes the output."""
    from torch_geometric.nn import GraphSAGE

    torch.manual_seed(0)
    make = GraphSAGE if host == "pyg" else ge.GraphSAGE
    model, x = make(2, 4, 1), torch.eye(3, 2)
    edges = torch.tensor([[0, 1], [2, 2]])
    outputs = [model(x, edges, edge_weight=torch.tensor(weights)) for weights in ([1.0, 1.0], [1.0, 0.0])]
    return not torch.equal(*outputs)


def weighted_mean(host):
    """The mean of 1 with weight 1 and 4 with weight 0."""
    from dgl.nn.pytorch import SAGEConv

    x, edges, weight = torch.tensor([[1.0], [4.0], [0.0]]), torch.tensor([[0, 1], [2, 2]]), torch.tensor([1.0, 0.0])
    if host == "dgl":
        conv = SAGEConv(1, 1, "mean", bias=False)
        torch.nn.init.ones_(conv.fc_neigh.weight)
        torch.nn.init.zeros_(conv.fc_self.weight)
        return conv(graph_of(edges), x, edge_weight=weight)[2].item()
    conv = ge.GraphSAGE(1, 1, 1, bias=False, root_weight=False)
    torch.nn.init.ones_(conv.convs[0].lin_l.weight)
    return conv(x, edges, weight)[2].item()


def padding_counts(host):
    """Whether the output of node 0 depends on how many neighbours another node has."""
    from torch_geometric.nn import GraphSAGE

    torch.manual_seed(0)
    make = {"pyg": lambda: GraphSAGE(2, 4, 1, aggr="lstm"), "ours": lambda: ge.GraphSAGE(2, 4, 1, aggr="dgl_lstm")}
    model, x = make[host](), torch.ones(6, 2)
    few, many = torch.tensor([[1], [0]]), torch.tensor([[1, 2, 3, 4], [0, 5, 5, 5]])
    return not torch.equal(model(x, few)[0], model(x, many)[0])


def worst_pair(host):
    """Whether the loss of a negative with a score of 30 pulls at that node at all."""
    import torch_geometric.nn as peer_pyg

    vectors = torch.zeros(6, 4)
    vectors[:2, 0] = 30**0.5  # rows 0 and 1: a node and its negative
    if host == "ours":
        score = torch.tensor([[30.0]], requires_grad=True)
        ge.losses.skip_gram_loss(torch.zeros(1), score).backward()
        return bool(score.grad.abs().sum() > 0)
    if host == "pyg":
        options = {"walk_length": 2, "context_size": 2, "num_nodes_dict": DEAD_END_NODES}
        model = peer_pyg.MetaPath2Vec(DEAD_END, 4, list(DEAD_END), **options)
        model.embedding.weight.data.copy_(vectors)
        model.loss(torch.tensor([[2, 3]]), torch.tensor([[0, 1]])).backward()
        return bool(model.embedding.weight.grad[1].abs().sum() > 0)
    model = metapath2vec(host, DEAD_END, ["to", "back"], 2, DEAD_END_NODES)
    for table in (model.node_embed, model.context_embed):
        table.weight.data.copy_(vectors[:5])
    model(torch.tensor([0, 0]), torch.tensor([2, 3]), torch.tensor([[1, 4], [1, 4]])).backward()
    return bool(model.context_embed.weight.grad.to_dense()[1].abs().sum() > 0)


def restarts(host):
    """Whether a walk of 200 nodes with a chance of 0.5 to restart is still under way at its end."""
    import dgl

    ring = torch.stack([torch.arange(5), (torch.arange(5) + 1) % 5])
    if host == "dgl":
        walks = dgl.sampling.random_walk(graph_of(ring), [0], length=199, restart_prob=0.5)[0]
    else:
        walks = ge.walks.random_walk(ring, [0], 200, restart=0.5, seed=0).nodes
    return bool((walks >= 0).all())


def large_seed(host):
    import dgl

    if host == "dgl":
        dgl.seed(2**40)
        return "walks"
    ge.walks.random_walk(torch.tensor([[0, 1], [1, 0]]), [0], 5, seed=2**40, engine="dgl")
    return "walks"


def chain_pairs(host):
    return sorted(set(pairs(metapath2vec(host, CHAIN, ["e0", "e1", "e2", "e3"], 2), [0])))


DIFFERENCES = [
    Difference(
        "MetaPath2Vec: a walk 0-1-2-3-4 with window 2 has every pair at most 2 apart, both ways",
        "dgl",
        "measured here",
        [(i, j) for i in range(5) for j in range(5) if 0 < abs(i - j) <= 2],
        lambda: chain_pairs("dgl"),
        lambda: chain_pairs("ours"),
    ),
    Difference(
        "MetaPath2Vec: a walk a0 -> b0 (row 3) that ends there has the pairs (0, 3) and (3, 0)",
        "dgl",
        "dgl#5514, dgl#7875",
        [(0, 3), (3, 0)],
        lambda: pairs(metapath2vec("dgl", DEAD_END, ["to", "back"], 2, DEAD_END_NODES), [0]),
        lambda: pairs(metapath2vec("ours", DEAD_END, ["to", "back"], 2, DEAD_END_NODES), [0]),
    ),
    Difference(
        "MetaPath2Vec: a batch of one pair with one negative has the loss 2 ln 2",
        "dgl",
        "measured here",
        1.3863,
        lambda: one_pair("dgl"),
        lambda: one_pair("ours"),
    ),
    Difference(
        "MetaPath2Vec: of an author's 200 papers, all as likely to be visited, each can be a negative",
        "dgl",
        "counts one random run",
        200,
        lambda: int((metapath2vec("dgl", STAR, ["writes"], 1).neg_prob[1:] > 0).sum()),
        lambda: int((metapath2vec("ours", STAR, ["writes"], 1).neg_prob[1:] > 0).sum()),
    ),
    Difference(
        "DeepWalk: walks that reach a dead end have a loss",
        "dgl",
        "dgl#7181",
        "a finite loss",
        lambda: dead_end_loss("dgl"),
        lambda: dead_end_loss("ours"),
    ),
    Difference(
        "MetaPath2Vec: the row that is no node is not trained",
        "pyg",
        "measured here",
        False,
        lambda: dummy_row_trained("pyg"),
        lambda: dummy_row_trained("ours"),
    ),
    Difference(
        "Node2Vec: p = 0.5 and q = 2 make a model without pyg-lib",
        "pyg",
        "pyg#9818, pyg#7240, pytorch_cluster#230",
        "a model",
        lambda: node2vec("pyg"),
        lambda: node2vec("ours"),
    ),
    Difference(
        "Skip-gram's loss pulls at a negative with a score of 30",
        "pyg",
        "saturates in float32 from 17 on",
        True,
        lambda: worst_pair("pyg"),
        lambda: worst_pair("ours"),
    ),
    Difference(
        "Skip-gram's loss pulls at a negative with a score of 30",
        "dgl",
        "clamps scores to +-6 and +-10",
        True,
        lambda: worst_pair("dgl"),
        lambda: worst_pair("ours"),
    ),
    Difference(
        "Moving a typed graph to DGL keeps 3 users and 3 items, the last ones without edges",
        "pyg",
        "pyg#9171, pyg#6979",
        (3, 3),
        lambda: trailing_nodes("pyg"),
        lambda: trailing_nodes("ours"),
    ),
    Difference(
        "LightGCN: to a user who has item 2, recommend item 3",
        "pyg",
        "no exclusion",
        3,
        lambda: bought_again("pyg"),
        lambda: bought_again("ours"),
    ),
    Difference(
        "GraphSAGE: an edge weight of 0 changes the output",
        "pyg",
        "pyg#1563, pyg#1961, pyg#5345",
        True,
        lambda: weights_count("pyg"),
        lambda: weights_count("ours"),
    ),
    Difference(
        "GraphSAGE: the mean of 1 with weight 1 and 4 with weight 0 is 1",
        "dgl",
        "divides by the number of edges",
        1.0,
        lambda: weighted_mean("dgl"),
        lambda: weighted_mean("ours"),
    ),
    Difference(
        "GraphSAGE by LSTM: a node's output does not depend on the degrees of others",
        "pyg",
        "runs on over padding; ours has both, as lstm and dgl_lstm",
        False,
        lambda: padding_counts("pyg"),
        lambda: padding_counts("ours"),
    ),
    Difference(
        "Walks with a chance to restart go on",
        "dgl",
        "dgl#4271, dgl#6159, pytorch_cluster#114",
        True,
        lambda: restarts("dgl"),
        lambda: restarts("ours"),
    ),
    Difference(
        "A seed of 2**40 makes walks",
        "dgl",
        "seeds from 2**31 on raise",
        "walks",
        lambda: large_seed("dgl"),
        lambda: large_seed("ours"),
    ),
]


def run() -> list[dict]:
    """Every difference, executed; ``holds`` where ours is right and theirs is not."""
    found = []
    for case in DIFFERENCES:
        torch.manual_seed(0)
        random.seed(0)
        theirs, ours = attempt(case.ask_peer), attempt(case.ask_ours)
        found.append(
            {
                "title": case.title,
                "peer": case.peer,
                "where": case.where,
                "right": str(case.right),
                "theirs": str(theirs),
                "ours": str(ours),
                "holds": ours == case.right != theirs,
            }
        )
    return found


def show(found: list[dict]) -> None:
    """Print all of them."""
    for row in found:
        print(f"{row['title']} ({row['where']})")
        print(f"  {row['peer']:<5} {row['theirs']}")
        print(f"  ours  {row['ours']}{'' if row['holds'] else '   <- DOES NOT HOLD, right is ' + row['right']}")
    print(f"{sum(row['holds'] for row in found)} of {len(found)} differences hold\n")


def main(options, recorder) -> None:
    """Print them; the record of parity has them, too."""
    show(run())


BENCHMARKS = [Benchmark("peer_defects", main)]

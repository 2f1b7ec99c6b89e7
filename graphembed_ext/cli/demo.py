"""The demonstration: real graphs that networkx ships, the same embeddings from both hosts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import evaluate, parity, plots
from .._core.optional import import_dgl, optional, require
from .._core.parallel import threads
from ..embeddings.vectors import Embeddings, embed
from ..errors import MissingDependencyError
from ..graph.view import EDGE_TYPE, NODE_TYPE, GraphView
from ..hosts.registry import to_host
from ..models.catalogue import create
from ..training.fitting import fit
from . import five_models

__all__ = ["Example", "Outcome", "examples", "lessons", "run", "usable_hosts"]

_SPLITS = 5
_HELD_OUT = 0.2


@dataclass(frozen=True)
class Example:
    """A graph of the demonstration and what to do with it.

    Attributes:
        key: Name of its files.
        title: Name for people.
        view: The graph, edges in both directions.
        names: Names of the nodes of each type.
        groups: Group of each node, where they are to be classified.
        config: Arguments of DeepWalk.
        fit: Arguments of :func:`graphembed_ext.fit`.
    """

    key: str
    title: str
    view: GraphView
    names: dict[str, list[str]]
    config: dict[str, Any]
    fit: dict[str, Any]
    groups: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """What came of one example.

    Attributes:
        example: The example.
        quality: Figure of merit.
        measure: What the figure is.
        seconds: Training time by host.
        engine: Walk engine that served.
        equal: Whether both hosts gave the same embeddings, bit for bit; None where there is one host only.
        report: Comparison stage by stage; None where there is one host only.
        files: Files written.
    """

    example: Example
    quality: float
    measure: str
    seconds: dict[str, float]
    engine: str
    equal: bool | None
    report: parity.ParityReport | None
    files: list[Path]

    @property
    def ok(self) -> bool:
        """False when the hosts disagree."""
        return self.equal is not False and (self.report is None or self.report.ok)


def usable_hosts() -> tuple[list[str], str]:
    """The hosts that work here, and why DGL is not among them (empty when it is)."""
    try:
        import_dgl("the DGL half of the demonstration")
    except MissingDependencyError as error:
        return ["pyg"], str(error)
    return ["dgl", "pyg"], ""


def examples() -> list[Example]:
    """Zachary's karate club, the Southern women and their events (typed), Les Miserables (weighted).

    Example:
        >>> [example.view.total_nodes for example in examples()]
        [34, 32, 77]
    """
    networkx = optional("networkx", "the demonstration")
    karate = networkx.karate_club_graph()
    women = networkx.davis_southern_women_graph()
    novel = networkx.les_miserables_graph()
    walks = {"emb_dim": 32, "walk_length": 20, "window_size": 5}
    return [
        Example(
            "karate",
            "Zachary's karate club",
            _untyped(karate),
            {NODE_TYPE: [str(node) for node in karate]},
            walks,
            {"epochs": 100, "batch_size": 32},
            _clubs(karate),
        ),
        Example(
            "southern_women",
            "Southern women and events",
            *_bipartite(women),
            {**walks, "emb_dim": 16},
            {"epochs": 100, "batch_size": 32, "lr": 0.05},
        ),
        Example(
            "les_miserables",
            "Les Misérables, weighted",
            _untyped(novel, "weight"),
            {NODE_TYPE: [str(node) for node in novel]},
            {**walks, "emb_dim": 16, "weight": "edge_weight"},
            {"epochs": 60, "batch_size": 32, "lr": 0.05},
        ),
    ]


def lessons() -> list[five_models.Lesson]:
    """The five models, each with one of these graphs."""
    networkx = optional("networkx", "the demonstration")
    karate = networkx.karate_club_graph()
    return five_models.lessons(_untyped(karate), _clubs(karate), *_bipartite(networkx.davis_southern_women_graph()))


def run(output: Path, hosts: list[str], chosen: list[Example] | None = None) -> Iterator[Outcome]:
    """Train on every example and host, on one thread, and write embeddings and a picture into a folder.

    Args:
        output: Existing folder.
        hosts: Hosts to train on.
        chosen: Examples; None takes :func:`examples`.

    Yields:
        One outcome after the other.
    """
    require("sklearn", "the demonstration")
    for example in examples() if chosen is None else chosen:
        with threads(1):  # sums on several threads differ in their last bits
            outcome = _run(example, output, hosts)
        yield outcome


def _run(example: Example, output: Path, hosts: list[str]) -> Outcome:
    embeddings, seconds, engine = {}, {}, ""
    for host in hosts:
        _train(example, host, epochs=1)  # what is loaded and compiled on first use is no part of the times
        began = time.perf_counter()
        embeddings[host], engine = _train(example, host)
        seconds[host] = time.perf_counter() - began
    vectors = [emb.tensor for emb in embeddings.values()]
    emb = Embeddings(vectors[0], example.view.num_nodes, example.names)
    equal, report = None, None
    if len(hosts) > 1:
        equal = all(torch.equal(vectors[0], other) for other in vectors[1:])
        graphs = [to_host(example.view, host) for host in hosts[:2]]
        report = parity.report("deepwalk", graphs[0], graphs[1], batch_size=example.fit["batch_size"], **example.config)
    files = [emb.save(output / f"{example.key}.parquet")]
    if example.groups:
        classes = torch.tensor(np.unique(example.groups, return_inverse=True)[1])
        scores = evaluate.node_classification(emb, classes, train_ratio=0.3, repeats=10)
        quality, measure = scores["micro_f1"], "micro-F1 of the club joined, told from 30% of the members, 10 splits"
        files.append(_picture(example, emb, quality, output))
    else:
        quality = _link_auc(example, hosts[0])
        measure = f"AUC of cosine on {_HELD_OUT:.0%} of the edges, held out, {_SPLITS} splits; chance is 0.5"
    return Outcome(example, quality, measure, seconds, engine, equal, report, files)


def _train(
    example: Example, host: str, view: GraphView | None = None, seed: int = 0, **changes: Any
) -> tuple[Embeddings, str]:
    """The embeddings and the walk engine that served."""
    graph = to_host(example.view if view is None else view, host)
    model = create("deepwalk", graph, seed=seed, **example.config)
    result = fit(model, seed=seed, progress=False, **{**example.fit, **changes})
    return embed(model), result.walk_engine


def _link_auc(example: Example, host: str) -> float:
    """Train without some edges; how often is a hidden edge ranked above a pair that is no edge?"""
    scores = []
    for seed in range(_SPLITS):
        view, hidden, absent = _hold_out(example.view, seed)
        emb = _train(example, host, view, seed)[0]
        scores.append(evaluate.link_prediction(emb, hidden, absent, score="cosine")["auc"])
    return float(np.mean(scores))


def _hold_out(view: GraphView, seed: int) -> tuple[GraphView, Tensor, Tensor]:
    """The graph without part of its edges; those, and all pairs that are no edges, by global ids.

    A typed graph has its relations in both directions, and only pairs of the first relation's types count.
    """
    edge_type = view.edge_types[0]
    src, dst = view.edges[edge_type]
    shape = view.num_nodes[edge_type[0]], view.num_nodes[edge_type[2]]
    pairs = torch.arange(len(src)) if view.is_typed else (src < dst).nonzero().squeeze(1)
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(pairs)))
    cut = pairs[order[: int(len(pairs) * _HELD_OUT)]]
    is_edge, is_cut = torch.zeros(2, *shape, dtype=torch.bool)
    is_edge[src, dst] = True
    is_cut[src[cut], dst[cut]] = True
    kept = {}
    for other, (first, second) in view.edges.items():
        hidden = is_cut[first, second] if other == edge_type else is_cut[second, first]
        kept[other] = ~(hidden | is_cut[second, first]) if not view.is_typed else ~hidden
    smaller = GraphView(
        view.num_nodes,
        {t: (first[kept[t]], second[kept[t]]) for t, (first, second) in view.edges.items()},
        edge_features={t: {name: f[kept[t]] for name, f in fs.items()} for t, fs in view.edge_features.items()},
    )
    absent = ~is_edge if view.is_typed else ~is_edge & torch.ones(shape, dtype=torch.bool).triu(1)
    start = torch.tensor([[view.offsets[edge_type[0]]], [view.offsets[edge_type[2]]]])
    return smaller, torch.stack([src[cut], dst[cut]]) + start, absent.nonzero().t() + start


def _picture(example: Example, emb: Embeddings, quality: float, output: Path) -> Path:
    edges = example.view.edge_index()
    return plots.draw_embedding(
        emb.tensor,
        example.names[NODE_TYPE],
        example.groups,
        output / f"{example.key}.png",
        title=f"{example.title}: DeepWalk sees who follows whom",
        subtitle=f"{emb.tensor.size(1)} dimensions seen in 2 (PCA), lines are friendships; "
        f"which club a member joins is told right in {quality:.0%} of cases",
        edges=edges[:, edges[0] < edges[1]],
    )


def _clubs(karate: Any) -> list[str]:
    return ["Mr. Hi's club" if karate.nodes[node]["club"] == "Mr. Hi" else "the officer's club" for node in karate]


def _untyped(graph: Any, weight: str | None = None) -> GraphView:
    number = {node: i for i, node in enumerate(graph)}
    pairs = torch.tensor([(number[first], number[second]) for first, second in graph.edges]).t()
    features = {}
    if weight is not None:
        weights = torch.tensor([float(value) for _, _, value in graph.edges.data(weight)])
        features = {EDGE_TYPE: {"edge_weight": torch.cat([weights, weights])}}
    src, dst = torch.cat([pairs, pairs.flip(0)], 1)
    return GraphView({NODE_TYPE: len(number)}, {EDGE_TYPE: (src, dst)}, edge_features=features)


def _bipartite(graph: Any) -> tuple[GraphView, dict[str, list[str]]]:
    women, events = (list(graph.graph[side]) for side in ("top", "bottom"))
    number = {**{name: i for i, name in enumerate(women)}, **{name: i for i, name in enumerate(events)}}
    woman, event = torch.tensor([(number[name], number[e]) for name in women for e in graph[name]]).t().contiguous()
    edges = {("woman", "attended", "event"): (woman, event), ("event", "attended_by", "woman"): (event, woman)}
    return GraphView({"woman": len(women), "event": len(events)}, edges), {"woman": women, "event": events}

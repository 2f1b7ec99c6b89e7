"""All five models on graphs that networkx ships, on every host, and the page of ``graphembed demo``."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import torch

from .. import evaluate, plots
from .._core import html
from .._core.files import whole
from .._core.parallel import threads
from ..embeddings.vectors import Embeddings, embed
from ..graph.view import NODE_TYPE, GraphView
from ..hosts.registry import to_host
from ..models.catalogue import create
from ..sampling.held_out import split
from ..training.fitting import fit

__all__ = ["Lesson", "Taught", "lessons", "teach", "write_page"]

_TO, _BACK = ("woman", "attended", "event"), ("event", "attended_by", "woman")


@dataclass(frozen=True)
class Lesson:
    """A model, a graph, and how the one is trained on the other.

    Attributes:
        model: Name, as :func:`graphembed_ext.create` takes it.
        title: Model and graph, for people.
        view: The graph.
        names: Names of the nodes of each type.
        config: Arguments of the model.
        fit: Arguments of :func:`graphembed_ext.fit`.
        drawn: The node types on the picture.
        says: What is to be seen on it.
        groups: Group of each node drawn; their types where there is none.
        classes: Of nodes of one type, what their vectors are judged by, where training does not judge them itself.
    """

    model: str
    title: str
    view: GraphView
    names: Mapping[str, list[str]]
    config: Mapping[str, Any]
    fit: Mapping[str, Any]
    drawn: tuple[str, ...]
    says: str
    groups: Sequence[str] = field(default_factory=list)
    classes: tuple[str, torch.Tensor] | None = None


@dataclass(frozen=True)
class Taught:
    """What came of a lesson.

    Attributes:
        lesson: The lesson.
        embeddings: Vectors of the first host.
        seconds: Of training and embedding, by host.
        equal: Whether all hosts gave the same bits; None for one host.
        quality: How good the vectors are, for people.
    """

    lesson: Lesson
    embeddings: Embeddings
    seconds: Mapping[str, float]
    equal: bool | None
    quality: str

    @property
    def verdict(self) -> str:
        """The comparison, for people."""
        if self.equal is None:
            return "PyG alone, nothing to compare"
        return "identical, bit for bit" if self.equal else "DIFFERENT"


def lessons(karate: GraphView, clubs: Sequence[str], women: GraphView, names: Mapping[str, list[str]]) -> list[Lesson]:
    """The five models, each with the graph that suits it.

    Args:
        karate: Zachary's karate club; DeepWalk and GraphSAGE.
        clubs: The club that each of its members joined.
        women: The Southern women and their events; metapath2vec, HAN and LightGCN.
        names: Names of women and events.
    """
    kinds = list(dict.fromkeys(clubs))
    joined = torch.tensor([kinds.index(club) for club in clubs])
    # the two cliques of Davis, Gardner and Gardner (1941): their women 1 to 9, and 10 to 18
    clique = torch.tensor([0] * 9 + [1] * 9)
    cliques = [("first clique", "second clique")[int(side)] for side in clique]
    members = {NODE_TYPE: [str(number) for number in range(karate.num_nodes[NODE_TYPE])]}
    both = ("event", "woman")
    walks = {"emb_dim": 16, "window_size": 2}
    path = {"WEW": [_TO, _BACK]}
    return [
        Lesson(
            "deepwalk",
            "DeepWalk, karate club",
            karate,
            members,
            walks | {"walk_length": 20},
            {"epochs": 100, "batch_size": 32},
            (NODE_TYPE,),
            "From friendships alone: the clubs that the members joined later lie apart.",
            clubs,
            (NODE_TYPE, joined),
        ),
        Lesson(
            "metapath2vec",
            "metapath2vec, women and events",
            women,
            names,
            {**walks, "metapath": ["attended", "attended_by"]},
            {"epochs": 100, "batch_size": 32, "lr": 0.05},
            both,
            "Walks from women to events and back: who goes to the same events lies together.",
            classes=("woman", clique),
        ),
        Lesson(
            "graphsage",
            "GraphSAGE, karate club",
            _with_ids(karate),
            members,
            {"hidden_channels": 16, "num_layers": 2, "out_channels": 2},
            {"y": joined, "masks": _masks(len(clubs), [0, 1, 2, 30, 32, 33], [3, 31]), "epochs": 60},
            (NODE_TYPE,),
            "The clubs of six members were told; those of the others are seen by their friends.",
            clubs,
        ),
        Lesson(
            "han",
            "HAN, women who met at events",
            _with_attendance(women),
            names,
            {"metapaths": path, "target": "woman", "hidden_channels": 8, "out_channels": 2, "heads": 2},
            {"y": clique, "masks": _masks(18, [0, 2, 11, 13], [4, 15]), "epochs": 100, "lr": 0.01},
            ("woman",),
            "The cliques of four women were told; those of the others by whom they met.",
            cliques,
        ),
        Lesson(
            "lightgcn",
            "LightGCN, women and events",
            women,
            names,
            {"embedding_dim": 16, "num_layers": 2, "user_type": "woman"},
            {"epochs": 100, "lr": 0.05},
            both,
            "Women and the events that they would go to point the same way.",
        ),
    ]


def teach(given: Sequence[Lesson], hosts: Sequence[str]) -> Iterator[Taught]:
    """Train each model on each host, on one thread, and compare the embeddings bit for bit."""
    for lesson in given:
        made, seconds = [], {}
        metrics: dict[str, float] = {}
        with threads(1):  # sums on several threads differ in their last bits
            for host in hosts:
                _trained(lesson, host, epochs=1)  # what is loaded and compiled on first use is no part of the times
                began = time.perf_counter()
                emb, metrics = _trained(lesson, host)
                seconds[host] = time.perf_counter() - began
                made.append(emb)
            quality = _quality(lesson, made[0], metrics)
        equal = all(torch.equal(made[0].tensor, other.tensor) for other in made[1:]) if len(made) > 1 else None
        kept = {kind: lesson.names[kind] for kind in made[0].node_types}
        yield Taught(lesson, Embeddings(made[0].tensor, made[0].num_nodes, kept), seconds, equal, quality)


def _trained(lesson: Lesson, host: str, **changes: Any) -> tuple[Embeddings, dict[str, float]]:
    """The embeddings, and the figures that training itself found."""
    graph = to_host(lesson.view, host)
    model = create(lesson.model, graph, seed=0, **lesson.config)
    own = lesson.model in ("deepwalk", "metapath2vec")  # which keep the graph they were made for
    result = fit(model, None if own else graph, seed=0, progress=False, **{**lesson.fit, **changes})
    return embed(model, None if own else graph), result.metrics


def _quality(lesson: Lesson, emb: Embeddings, metrics: Mapping[str, float]) -> str:
    if "test_accuracy" in metrics:
        return f"accuracy {metrics['test_accuracy']:.2f} on nodes neither trained nor chosen on"
    if lesson.classes is None:
        return _recall(lesson)
    kind, classes = lesson.classes
    found = evaluate.node_classification(emb[kind], classes, repeats=10)
    share = f"{found['micro_f1']:.2f} ± {found.spread['micro_f1']:.2f}"
    return f"micro-F1 {share}, ten times from half of the {len(classes)} nodes"


def _recall(lesson: Lesson, k: int = 3, seeds: int = 5) -> str:
    """Part of the pairs held out that is found again, beside what the most popular ones find."""
    runs, popular = [], []
    for seed in range(seeds):
        parts = split(lesson.view, shares=(0.8, 0.0, 0.2), seed=seed)
        test = parts.pairs("test", _TO)
        model = create(lesson.model, parts.train, seed=seed, **lesson.config)
        fit(model, parts.train, seed=seed, progress=False, **lesson.fit)
        runs.append(evaluate.recommendation(model, parts.train, test, k))
        popular.append(
            evaluate.recommendation_baselines(parts.train, test, k, user_type=_TO[0], names=("popularity",))[
                "popularity"
            ]
        )
    ours, its = evaluate.Scores(runs), evaluate.Scores(popular)
    name = f"recall@{k}"
    figures = [f"{found[name]:.2f} ± {found.spread[name]:.2f}" for found in (ours, its)]
    return f"{name} {figures[0]} over {seeds} splits; the most popular: {figures[1]}"


def write_page(path: Path, taught: Sequence[Taught], hosts: Sequence[str], pictures: Sequence[Path] = ()) -> Path:
    """One HTML page with the table of all models and their pictures inside it.

    Args:
        path: File to write.
        taught: What :func:`teach` gave.
        hosts: The hosts that were trained on.
        pictures: PNG files to show before those of the models.
    """
    shown = {"dgl": "DGL", "pyg": "PyG"}
    columns = ["model and graph", *(f"seconds on {shown[host]}" for host in hosts), "quality", "embeddings of both"]
    rows = [
        (
            one.lesson.title,
            *(round(one.seconds[host], 2) for host in hosts),
            one.quality,
            one.verdict,
        )
        for one in taught
    ]
    drawn = [("The first graph with its edges, each name in its node.", file.read_bytes()) for file in pictures]
    drawn += [(one.lesson.says, _map(one)) for one in taught]
    body = html.table("Five models, the same embeddings from DGL and PyG", columns, rows)
    body += f"<p>{escape(_LEGEND)}</p>"
    body += "".join(_figure(caption, png) for caption, png in drawn)
    text = f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>graphembed demo</title>{_LOOK}{body}</html>\n'
    return whole(path, lambda part: part.write_text(text, encoding="utf-8"))


def _map(one: Taught) -> bytes:
    """PNG of the nodes drawn, in the colours of their groups or types."""
    lesson, emb = one.lesson, one.embeddings
    vectors = torch.cat([emb[kind] for kind in lesson.drawn])
    names = [name for kind in lesson.drawn for name in emb.labels_of(kind)]
    groups = lesson.groups or [kind for kind in lesson.drawn for _ in range(emb.num_nodes[kind])]
    memory = io.BytesIO()
    plots.embedding_map(vectors, groups, names, title=lesson.title, method="pca").savefig(memory, format="png")
    return memory.getvalue()


def _figure(caption: str, png: bytes) -> str:
    data = base64.b64encode(png).decode()
    words = escape(caption)
    return f'<figure><img alt="{words}" src="data:image/png;base64,{data}"><figcaption>{words}</figcaption></figure>'


def _with_ids(view: GraphView) -> GraphView:
    """The graph with the identity as features: each node tells itself from all others."""
    return GraphView(view.num_nodes, view.edges, {kind: {"x": torch.eye(n)} for kind, n in view.num_nodes.items()})


def _with_attendance(women: GraphView) -> GraphView:
    """The graph with the events of each woman as her features, and the women of each event as its own."""
    came = torch.zeros(women.num_nodes["woman"], women.num_nodes["event"])
    came[women.edges[_TO]] = 1
    return GraphView(women.num_nodes, women.edges, {"woman": {"x": came}, "event": {"x": came.t().contiguous()}})


def _masks(count: int, *known: Sequence[int]) -> dict[str, torch.Tensor]:
    """Nodes to train on, to validate on, and all others to test on."""
    train, val = (torch.zeros(count, dtype=torch.bool).index_fill_(0, torch.tensor(part), True) for part in known)
    return {"train": train, "val": val, "test": ~(train | val)}


_LEGEND = (
    "Seconds are those of training and embedding on one thread, after what is compiled on first use. On the maps each "
    "point is a node, where the two directions put it in which vectors differ most; points that would cover each other "
    "were moved apart, and the axes have no unit. The numbers behind ± are standard deviations."
)

_LOOK = """<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #22303c; max-width: 1200px; margin: 2rem auto; padding: 0 1rem; }
strong { font-size: 1.4rem; } table { border-collapse: collapse; margin: 1rem 0 2rem; }
th, td { text-align: left; padding: .3rem 1.2rem .3rem 0; border-bottom: 1px solid #d5dce2; }
p { max-width: 60rem; color: #5b6b79; }
figure { display: inline-block; vertical-align: top; width: 48%; min-width: 400px; margin: 0 1% 1.5rem 0; }
img { width: 100%; }
figcaption { color: #5b6b79; font-size: .9rem; }
</style>"""

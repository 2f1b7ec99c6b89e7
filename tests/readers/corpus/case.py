"""A file as people have it, its right answer, and how far a graph is from that."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Pair = tuple[str, str]


@dataclass(frozen=True)
class Answer:
    """What a careful user says is in a file.

    Attributes:
        edges: Pairs of names, one for each line.
        weights: Weight of each line; None where the file has none.
        rated: The weights are ratings or counts, which may also be left out.
        alone: Nodes without edges that the file declares.
        sides: First and second ends are different kinds of nodes, equal names different nodes.
        types: Source type, relation, target type of each edge, where the file says them.
        relations: Relation of each edge, where the file says no types of nodes.
        one_way: Each edge stands as listed; otherwise in both directions.
    """

    edges: Sequence[Pair]
    weights: Sequence[float] | None = None
    rated: bool = False
    alone: Sequence[str] = ()
    sides: bool = False
    types: Sequence[tuple[str, str, str]] | None = None
    relations: Sequence[str] | None = None
    one_way: bool = False


@dataclass(frozen=True)
class Case:
    """One file, or a folder of files.

    Attributes:
        id: Name of the case.
        name: Name of the file or folder that is read.
        content: Its bytes; the files of a folder; or a function that writes to the path that it is given.
        answer: The right graph; None where no graph can be right.
        refusal: What a refusal must say, as a regular expression; it names the way out. None where the file has to be
            read: it leaves no doubt.
        options: Keyword arguments of ``read_graph``.
    """

    id: str
    name: str
    content: bytes | Mapping[str, bytes] | Callable[[Path], Any]
    answer: Answer | None
    refusal: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        path = folder / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(self.content, bytes):
            path.write_bytes(self.content)
        elif isinstance(self.content, Mapping):
            for name, content in self.content.items():
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                (path / name).write_bytes(content)
        else:
            self.content(path)
        return path

    def wrong_refusal(self, message: str) -> str | None:
        """What is wrong with being refused so; None if nothing is."""
        if self.refusal is None:
            return f"refused, though it can be read: {message}"
        if "\n" in message:
            return f"a refusal of several lines: {message}"
        return None if re.search(self.refusal, message, re.I) else f"the refusal lacks {self.refusal!r}: {message}"

    def difference(self, graph: Any) -> str | None:
        """What is wrong in a graph that was read; None if nothing is."""
        if self.answer is None:
            return f"read as {graph.view}, though nothing can be right"
        return difference(self.answer, graph)


def edges(text: str) -> list[Pair]:
    """Pairs out of ``"Ada Bob, Bob Cleo"``."""
    return [(pair.split()[0], pair.split()[1]) for pair in text.split(",")]


def case(
    id: str, name: str, content: Any, answer: Answer | None = None, refusal: str | None = None, **options: Any
) -> Case:
    if isinstance(content, str):
        content = content.encode()
    elif isinstance(content, dict):
        content = {part: text.encode() if isinstance(text, str) else text for part, text in content.items()}
    return Case(id, name, content, answer, refusal, options)


def difference(answer: Answer, graph: Any) -> str | None:
    view = graph.view
    names = {
        kind: [str(name) for name in ((graph.names or {}).get(kind) or range(count))]
        for kind, count in view.num_nodes.items()
    }
    found = {}
    for (source, relation, target), (src, dst) in view.edges.items():
        if relation.startswith("rev_"):
            continue
        pairs = [(names[source][u], names[target][v]) for u, v in zip(src.tolist(), dst.tolist(), strict=True)]
        features = view.edge_features.get((source, relation, target), {})
        weights = features[graph.weight].tolist() if graph.weight in features else [None] * len(pairs)
        if len(set(pairs)) != len(pairs):
            return f"edges that stand twice in {relation!r}"
        found[source, relation, target] = dict(zip(pairs, weights, strict=True))
    if answer.types is not None:
        return _typed(answer, names, found)
    both = len(names) == 2 and answer.sides
    if len(names) != 1 and not both:
        return f"node types {sorted(names)}"
    shared = {a for a, _ in answer.edges} & {b for _, b in answer.edges}
    if answer.sides and not both and shared:
        return f"users and items that share names are one node each: {sorted(shared)[:3]}"
    if both:
        if len({(source, target) for source, _, target in found}) != 1:
            return f"edge types {sorted(found)}"
        source, _, target = next(iter(found))
        problem = _nodes(names[source], {a for a, _ in answer.edges}) or _nodes(
            names[target], {b for _, b in answer.edges}
        )
    else:
        ends = {name for pair in answer.edges for name in pair}
        left_out = any("left out" in note for note in graph.notes)
        problem = _nodes(next(iter(names.values())), ends if left_out else ends | {*answer.alone})
    if problem:
        return problem
    directed = answer.one_way or both
    if answer.relations is not None and len(found) > 1:
        kinds: dict[str, list[Pair]] = {}
        for pair, relation in zip(answer.edges, answer.relations, strict=True):
            kinds.setdefault(relation, []).append(pair)
        got = {relation: set(pairs) for (_, relation, _), pairs in found.items()}
        want = {relation: set(_wanted(pairs, None, directed)) for relation, pairs in kinds.items()}
        return None if got == want else f"edges by relation {_short(got)}, not {_short(want)}"
    if answer.relations is not None and not any(re.search("relation|column|type", note) for note in graph.notes):
        return "relations that are left out without a word"
    joined: dict[Pair, Any] = {}
    for pairs in found.values():
        joined |= pairs
    return _same(joined, answer, directed)


def _typed(answer: Answer, names: Mapping[str, Sequence[str]], found: Mapping[Any, Mapping[Pair, Any]]) -> str | None:
    kinds: dict[tuple[str, str, str], list[Pair]] = {}
    nodes: dict[str, set[str]] = {}
    for pair, kind in zip(answer.edges, answer.types or (), strict=True):
        kinds.setdefault(kind, []).append(pair)
        nodes.setdefault(kind[0], set()).add(pair[0])
        nodes.setdefault(kind[2], set()).add(pair[1])
    for name in answer.alone:
        kind, _, alone = name.partition(":")
        nodes.setdefault(kind, set()).add(alone)
    if {kind: set(of) for kind, of in names.items()} != nodes:
        return f"nodes {_short(names)}, not {_short(nodes)}"
    got = {kind: set(pairs) for kind, pairs in found.items()}
    want = {kind: set(_wanted(pairs, None, answer.one_way or kind[0] != kind[2])) for kind, pairs in kinds.items()}
    return None if got == want else f"edges {_short(got)}, not {_short(want)}"


def _nodes(got: Sequence[str], want: set[str]) -> str | None:
    if len(set(got)) != len(got):
        return "names that stand twice"
    if set(got) == want:
        return None
    return f"nodes {_short(sorted(set(got) - want))} too many, {_short(sorted(want - set(got)))} missing"


def _wanted(pairs: Sequence[Pair], weights: Sequence[float] | None, directed: bool) -> dict[Pair, float]:
    """By plain loops: repeated edges add up, and the larger of both directions counts for both."""
    total: dict[Pair, float] = {}
    for i, pair in enumerate(pairs):
        total[pair] = total.get(pair, 0) + (weights[i] if weights is not None else 1)
    if directed:
        return total
    return {end: max(total.get((a, b), 0), total.get((b, a), 0)) for a, b in total for end in ((a, b), (b, a))}


def _same(got: Mapping[Pair, Any], answer: Answer, directed: bool) -> str | None:
    want = _wanted(answer.edges, answer.weights, directed)
    if set(got) != set(want):
        return f"edges {_short(sorted(set(got) - set(want)))} too many, {_short(sorted(set(want) - set(got)))} missing"
    weighted = any(weight is not None for weight in got.values())
    if not weighted:
        return None if answer.weights is None or answer.rated else "weights that are lost"
    if answer.weights is None:
        return f"weights that are none: {_short(got)}"
    off = {pair: (got[pair], want[pair]) for pair in want if abs(got[pair] - want[pair]) > 1e-6 * abs(want[pair])}
    return f"weights {_short(off)} (got, wanted)" if off else None


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) < 300 else f"{text[:300]} ..."

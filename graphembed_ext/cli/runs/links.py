"""How well vectors in a file tell edges from pairs that are none: what ``graphembed evaluate`` does for links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..._core import rng
from ...embeddings.vectors import Embeddings
from ...errors import FileFormatError, InputError
from ...evaluate.absent import draw_pairs, known_pairs
from ...evaluate.links import link_prediction
from ...evaluate.references import link_references
from ...evaluate.scores import Scores
from ...graph.view import GraphView
from ...readers.pairs import pairs_of_names
from .arguments import supervised
from .records import Run

__all__ = ["SCORES", "draw_pairs", "known_pairs", "links"]


#: How ``links`` may score a pair, and what each is called.
SCORES = {
    "dot": "the dot product of both vectors",
    "cosine": "the cosine of both vectors",
    "hadamard": "a logistic regression on the products of both vectors, entry by entry",
}


def links(
    emb: Embeddings,
    path: Path,
    positive: Path,
    negative: Path | None = None,
    *,
    score: str = "auto",
    reading: Mapping[str, Any] | None = None,
    seed: int = 0,
    notes: list[str] | None = None,
    repeats: int = 1,
    references: bool = False,
) -> tuple[Scores, str]:
    """Link prediction by pairs of a file, and pairs that are no edges: of another file, or drawn.

    Drawn pairs join nodes of the types of the given ones, uniformly, and are neither edges of the run's input nor
    among the given pairs. The regression of ``"hadamard"`` learns from the edges of the run's input and as many drawn
    pairs, as node2vec was judged (Grover and Leskovec 2016, arXiv:1607.00653, section 4.4).

    Args:
        emb: The embeddings.
        path: Their file; the record may stand beside it.
        positive: Edge list of pairs that were held out.
        negative: Edge list of pairs that are no edges; None draws as many.
        score: One of :data:`SCORES`; ``"auto"`` takes what the model is judged by in its field: hadamard for walks and
            for vectors trained on labels, cosine for those of such models where no edge of the run joins nodes of these
            types, so that there is nothing to learn from; dot for LightGCN and GraphSAGE without labels, whose losses
            are of dot products, and without a record.
        reading: How the files of pairs are to be read, see :func:`graphembed_ext.readers.read_pairs`.
        seed: Fixes the drawn pairs.
        notes: Told how many pairs are left out, as one of their nodes has no vector.
        repeats: How often pairs are drawn anew, with the seeds that follow; once where they are given.
        references: Whether the scores have those of what is trivial beside them.

    Returns:
        Scores and protocol.

    Raises:
        InputError: Held-out pairs that were trained on; hadamard without edges to learn from.
    """
    how = dict(reading or {})
    told: list[str] = [] if notes is None else notes
    kinds, pairs = _pairs(emb, positive, how, told)
    run = Run.found(path)
    edges = known_pairs(None if run is None else run.graph.view, kinds)
    _check_held_out(positive, pairs, edges, kinds)
    score = _usual_score(run, edges) if score == "auto" else _possible(score, edges)
    given = _given(emb, kinds, negative, how, told)
    seeds = range(seed, seed + (repeats if given is None or score == "hadamard" else 1))
    found = [_judged(emb, kinds, pairs, given, edges, score, one) for one in seeds]
    scores = Scores([once.scores for once in found])
    if references and run is not None:
        scores.references = _references(run.graph.view, kinds, pairs, found)
    return scores, _protocol(score, found[0].train, len(found))


def _given(
    emb: Embeddings, kinds: tuple[str, str], path: Path | None, how: Mapping[str, Any], notes: list[str]
) -> Tensor | None:
    """Pairs that are no edges, of a file where there is one."""
    names = [emb.names.get(kind) for kind in kinds]
    return None if path is None else pairs_of_names(path, names, _counts(emb, kinds), notes=notes, **how)


class _Once(NamedTuple):
    """One draw of pairs that are no edges: what came of it, these pairs, and those that were learned from."""

    scores: dict[str, float]
    absent: Tensor
    train: tuple[Tensor, Tensor] | None


def _references(view: GraphView, kinds: tuple[str, str], pairs: Tensor, found: Sequence[_Once]) -> dict[str, Scores]:
    """What every embedding must beat, judged on the same pairs."""
    judged = [link_references(view, kinds, pairs, once.absent) for once in found]
    return {name: Scores([once[name] for once in judged]) for name in judged[0]}


def _possible(score: str, edges: Tensor) -> str:
    if score == "hadamard" and not edges.numel():
        raise InputError("score", score, "dot or cosine, as no record names edges that a regression can learn from")
    return score


def _judged(
    emb: Embeddings, kinds: tuple[str, str], pairs: Tensor, given: Tensor | None, edges: Tensor, score: str, seed: int
) -> _Once:
    counts, one_kind = _counts(emb, kinds), kinds[0] == kinds[1]
    absent = draw_pairs(counts, one_kind, [edges, pairs], pairs.size(1), seed) if given is None else given
    shift = torch.tensor([[emb.start_of(kind)] for kind in kinds])
    train = None
    if score == "hadamard":
        known = _some(edges, one_kind, seed)
        taken = [edges, pairs, absent]
        none = draw_pairs(counts, one_kind, taken, known.size(1), seed, "training links", fewer=True)
        train = known + shift, none + shift
    found = link_prediction(emb, pairs + shift, absent + shift, score=score, train=train)
    return _Once(found, absent, train)


def _protocol(score: str, train: tuple[Tensor, Tensor] | None, draws: int) -> str:
    times = f", {draws} draws" if draws > 1 else ""
    if train is None:
        return f"by {SCORES[score]}{times}"
    known, none = (ends.size(1) for ends in train)
    many = "as many" if known == none else none
    return f"by {SCORES[score]}, learned from {known} edges of the run and {many} pairs that are none{times}"


def _usual_score(run: Run | None, edges: Tensor) -> str:
    if run is None or run.task == "recommendation" or (run.task == "nodes" and not _on_labels(run)):
        return "dot"
    return "hadamard" if edges.numel() else "cosine"


def _on_labels(run: Run) -> bool:
    return supervised(run.job, run.task) and any(
        "train_mask" in columns for columns in run.graph.view.features.values()
    )


#: Edges that a regression learns from, at most, so that it takes seconds on a large graph, too.
_MOST_EDGES = 50_000


def _some(edges: Tensor, one_kind: bool, seed: int) -> Tensor:
    """Each edge once, within a type whatever its direction, and no more than :data:`_MOST_EDGES`."""
    edges = torch.unique(torch.sort(edges, 0).values if one_kind else edges, dim=1)
    if one_kind:
        edges = edges[:, edges[0] != edges[1]]
    if edges.size(1) <= _MOST_EDGES:
        return edges
    chosen = torch.randperm(edges.size(1), generator=rng.generator(rng.key(seed, "edges to learn from")))
    return edges[:, chosen[:_MOST_EDGES]]


def _check_held_out(path: Path, pairs: Tensor, edges: Tensor, kinds: tuple[str, str]) -> None:
    """Raise for pairs that are edges of the run's input; within a type in either direction, as scores know none."""
    if kinds[0] == kinds[1]:
        pairs, edges = (torch.sort(ends, 0).values for ends in (pairs, edges))
    width = 1 + int(max(pairs.max(), edges.max() if edges.numel() else 0))
    again = int(torch.isin(pairs[0] * width + pairs[1], edges[0] * width + edges[1]).sum())
    if again:
        raise InputError(
            "test",
            f"{path}, where {again} of {pairs.size(1)} pairs are edges of the run's input, which was trained on",
            "pairs that training did not see",
            "take them out of the input and train again",
        )


def _pairs(emb: Embeddings, path: Path, how: Mapping[str, Any], notes: list[str]) -> tuple[tuple[str, str], Tensor]:
    """Pairs of a file, and the node types of their ends: the first of the types that have the most of the pairs."""
    best: tuple[tuple[str, str], Tensor, list[str]] | None = None
    trouble: Exception | None = None
    for kinds in ((first, second) for first in emb.node_types for second in emb.node_types):
        told: list[str] = []
        try:
            names = [emb.names.get(kind) for kind in kinds]
            pairs = pairs_of_names(path, names, _counts(emb, kinds), notes=told, **how)
        except FileFormatError as error:
            trouble = error
            continue
        if best is None or pairs.size(1) > best[1].size(1):
            best = kinds, pairs, told
        if not told:
            break
    if best is None:
        assert trouble is not None
        raise trouble
    notes += best[2]
    return best[0], best[1]


def _counts(emb: Embeddings, kinds: Sequence[str]) -> list[int]:
    return [emb.num_nodes[kind] for kind in kinds]

"""An edge list parted into files to train, to validate and to test on: what ``graphembed split`` does."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..._core.files import made, whole
from ...errors import InputError
from ...graph.parts import DROPPED, STRATEGIES, TEST, TRAIN, VALID, Parts, parts_of
from ...readers.lines import Lines, lines_of
from .lists import high_enough
from .paths import same

__all__ = ["FILES", "Parted", "split_file"]

#: File of each part, and what it is for.
FILES = {"train": TRAIN, "valid": VALID, "test": TEST}


@dataclass(frozen=True)
class Parted:
    """What became of a list.

    Attributes:
        files: The files written, by part.
        counts: Lines in each.
        notes: What a person should know, one sentence each.
    """

    files: dict[str, Path]
    counts: dict[str, int]
    notes: list[str]


def split_file(
    source: str,
    folder: Path,
    *,
    strategy: str = "random",
    shares: Sequence[float] = (8, 1, 1),
    time: str | None = None,
    min_rating: float | None = None,
    seed: int = 0,
    allow_isolated: bool = False,
    force: bool = False,
    reading: Mapping[str, Any] | None = None,
) -> Parted:
    """Part the lines of an edge list, all columns kept; see :func:`graphembed_ext.split`.

    Args:
        source: As :func:`graphembed_ext.readers.read_graph` takes it.
        folder: Where ``train.csv``, ``valid.csv`` and ``test.csv`` go, and ``split.json``, which says how they were
            made.
        strategy, shares, seed, allow_isolated: As for :func:`graphembed_ext.split`.
        time: Column with the times, by title or number; None for the one that looks so.
        min_rating: Lines with a lower rating are left out.
        force: Whether files that are there are replaced.
        reading: Further arguments of the reader.

    Raises:
        InputError: Files that are there already, or nothing to hold out.
    """
    paths = {name: folder / f"{name}.csv" for name in FILES}
    _check_free(source, [*paths.values(), folder / "split.json"], force)
    lines, notes = _read(source, min_rating, reading or {})
    when = lines.times(time) if time is not None or strategy in ("time", "last", "user-time") else None
    timed_by = None if when is None else lines.timed_by(time)
    if timed_by is not None:
        notes.append(f"times are those of column {timed_by!r}")
    elif strategy == "last":
        notes.append("no column has times: the last is the last in the file")
    how = {"strategy": strategy, "shares": shares, "seed": seed, "allow_isolated": allow_isolated}
    found = parts_of(*lines.ends(), lines.relation(), when, **how)  # type: ignore[arg-type]
    _check_held_out(found.part, shares, strategy)
    notes += _left_out(found)
    made(folder)
    counts = {}
    for name, part in FILES.items():
        rows = np.flatnonzero(found.part == part)
        lines.chosen(rows).write(paths[name])
        counts[name] = len(rows)
    about = {"input": source, **how, "time": timed_by, "min_rating": min_rating, "lines": counts}
    about["left_out"] = int((found.part == DROPPED).sum())
    whole(folder / "split.json", lambda path: path.write_text(json.dumps(about, indent=2) + "\n"))
    return Parted(paths, counts, notes)


def _read(source: str, min_rating: float | None, reading: Mapping[str, Any]) -> tuple[Lines, list[str]]:
    """The lines that are rated high enough, and what to say of the others."""
    lines = lines_of(source, **reading)
    if min_rating is None:
        return lines, [*lines.notes]
    kept, note = high_enough(lines, min_rating)
    return lines.chosen(kept), [*lines.notes, note]


def _left_out(found: Parts) -> list[str]:
    notes = []
    if found.repeated:
        why = "as another line names the same two nodes: in another part, or held out as well"
        notes.append(f"{found.repeated} lines left out, {why}")
    if found.unknown:
        notes.append(
            f"{found.unknown} lines left out, as train.csv lacks a node of theirs (--allow-isolated keeps them)"
        )
    return notes


def _check_free(source: str, paths: Sequence[Path], force: bool) -> None:
    if any(same(Path(source).expanduser(), path) for path in paths):
        raise InputError(
            "output", str(paths[0].parent), "another folder than that of the input, which it would replace"
        )
    there = [path for path in paths if path.exists()]
    if there and not force:
        raise InputError("output", f"{there[0]}, which exists", "a folder without such files", "--force replaces them")


def _check_held_out(part: np.ndarray, shares: Sequence[float], strategy: str) -> None:
    if not (part == TEST).any():
        raise InputError(
            "strategy",
            f"{strategy} with the shares {':'.join(f'{share:g}' for share in shares)}, which leaves no line to test",
            "lines to test on",
            "every node keeps a line to train on, unless --allow-isolated; a larger last share holds out more, or "
            f"another strategy: {', '.join(STRATEGIES)}",
        )

"""Tables as data: what a cell says of a record, a grid of cells, a table of grids."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .harness import RESULTS

Row = Mapping[str, Any]
Cell = Callable[[Any, Row], str]


def at(found: Any, path: str, row: Row | None = None) -> Any:
    """What stands at a path; None where a part of it is missing."""
    for key in path.format(**(row or {})).split("/"):
        if isinstance(found, list):
            found = found[int(key)] if key.lstrip("-").isdigit() else _entry(found, key)
        elif isinstance(found, dict):
            found = found.get(key)
        if found is None:
            return None
    return found


def _entry(entries: list[dict[str, Any]], wanted: str) -> dict[str, Any] | None:
    pairs = [part.split("=") for part in wanted.split(",")]
    return next((entry for entry in entries if all(str(entry.get(key)) == value for key, value in pairs)), None)


def text(key: str) -> Cell:
    """What the row says."""
    return lambda found, row: str(row.get(key, ""))


def value(path: str, spec: str, factor: float = 1, unit: str = "", missing: str = "") -> Cell:
    """A figure."""

    def cell(found: Any, row: Row) -> str:
        figure = at(found, path, row)
        return missing if figure is None else format(figure * factor, spec) + unit

    return cell


def times(over: str, under: str, spec: str = ".1f", unit: str = " x", missing: str = "") -> Cell:
    """A ratio of two figures."""

    def cell(found: Any, row: Row) -> str:
        above, below = at(found, over, row), at(found, under, row)
        return missing if above is None or below is None else format(above / below, spec) + unit

    return cell


def spread(path: str) -> Cell:
    """A mean, with its deviation where that is recorded."""

    def cell(found: Any, row: Row) -> str:
        mean, deviation = at(found, path, row), at(found, path + "_deviation", row)
        return f"{mean:.2f}" + ("" if deviation is None else f" ± {deviation:.2f}")

    return cell


def over_runs(path: str, key: str) -> Cell:
    """Percentages: mean, deviation and number of runs."""

    def cell(found: Any, row: Row) -> str:
        values = [run[key.format(**row)] for run in at(found, path, row) or []]
        if len(values) > 1:
            return f"{100 * statistics.mean(values):.2f} ± {100 * statistics.stdev(values):.2f} ({len(values)})"
        return f"{100 * values[0]:.2f} (1)" if values else ""

    return cell


@dataclass(frozen=True)
class Grid:
    """A table.

    Attributes:
        columns: Title and cell of each; or what makes them from the results.
        rows: What each row is about; or what makes them from the results.
    """

    columns: Mapping[str, Cell] | Callable[[Any], Mapping[str, Cell]]
    rows: Iterable[Row] | Callable[[Any], Iterable[Row]]

    def lines(self, found: Any) -> list[str]:
        """In Markdown."""
        columns = self.columns(found) if callable(self.columns) else self.columns
        rows = self.rows(found) if callable(self.rows) else self.rows
        body = [f"| {' | '.join(cell(found, row) for cell in columns.values())} |" for row in rows]
        return [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *body]


@dataclass(frozen=True)
class Table:
    """What stands between two markers of a page.

    Attributes:
        records: Whose results its paths start from; of several, by their names.
        blocks: Grids, and sentences; those with figures are made from the records.
        command: What makes the records, by default named as the first of them.
        source: Whether a line below says where the figures come from.
    """

    records: tuple[str, ...]
    blocks: tuple[Grid | str | Callable[[Any], str], ...]
    command: str = ""
    source: bool = True

    def lines(self, folder: Path = RESULTS) -> list[str]:
        """In Markdown."""
        records = {name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in self.records}
        results = {name: record["results"] for name, record in records.items()}
        found = results if len(results) > 1 else results[self.records[0]]
        parts = []
        for block in self.blocks:
            if isinstance(block, Grid):
                parts.append(block.lines(found))
            else:
                parts.append([block(records) if callable(block) else block])
        if self.source:
            parts.append([self.origin(records)])
        return [line for part in parts for line in ("", *part)][1:]

    def origin(self, records: Mapping[str, Any]) -> str:
        """The command, the records, and the machine and versions of the first."""
        own = {name: record for name, record in records.items() if name != "published"}
        links = ", ".join(f"[`{name}.json`](results/{name}.json)" for name in own)
        first = next(iter(own.values()))
        versions, hardware, others = first["versions"], first["hardware"], first["settings"].get("peer_versions", {})
        titles = {"torch": "torch", "torch_geometric": "PyG", "dgl": "DGL"}
        said = [f"{title} {versions[name]}" for name, title in titles.items() if name in versions]
        said += [f"{name} {others[name]}" for name in ("gensim", "ensmallen") if name in others]
        cpu = f" ({hardware['cpu']})" if "cpu" in hardware else ""
        gpu = first["settings"].get("gpu")
        cpu += f", {gpu['name']}" if gpu else ""
        command = f"python -m benchmarks {self.command or self.records[0]}"
        return f"`{command}`, recorded in {links}: {', '.join(said)}, {hardware['cores']} cores{cpu}."

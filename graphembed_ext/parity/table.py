"""The table of comparisons that :func:`graphembed_ext.parity.report` returns."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

__all__ = ["ParityReport", "Row", "compare"]


@dataclass(frozen=True)
class Row:
    """One comparison: a stage, a quantity, and how far apart its two values are.

    Attributes:
        stage: ``view``, ``walks`` or ``batches``, ``loss``, ``gradients`` or ``embeddings``.
        quantity: What was compared.
        equal: Whether the two are the same bit for bit.
        absolute: Largest absolute difference; infinite when the shapes differ.
        relative: Largest difference relative to the larger value.
        reason: For a difference, where it is and its likely cause.

    Example:
        >>> Row("loss", "step 1", False, 0.5, 0.1, "other walks").reason
        'other walks'
    """

    stage: str
    quantity: str
    equal: bool
    absolute: float = 0.0
    relative: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class ParityReport:
    """The stages compared, in the order in which data flows. Prints as a table.

    Attributes:
        model: Name of the model.
        hosts: Names of the two hosts.
        engine: Walk engine that both used; ``"none"`` for a model that does not walk.
        rows: All comparisons.

    Example:
        >>> rows = Row("view", "edges", True), Row("walks", "nodes", False, 3.0, 0.5, "other seeds")
        >>> report = ParityReport("deepwalk", ("dgl", "pyg"), "torch", rows)
        >>> report.ok, report.first_difference.reason, list(report.stages()), report.to_dict()["hosts"]
        (False, 'other seeds', ['view', 'walks'], ['dgl', 'pyg'])
    """

    model: str
    hosts: tuple[str, str]
    engine: str
    rows: tuple[Row, ...]

    @property
    def ok(self) -> bool:
        """Whether everything is equal, bit for bit."""
        return all(row.equal for row in self.rows)

    @property
    def first_difference(self) -> Row | None:
        """The first comparison that failed; later ones usually follow from it."""
        return next((row for row in self.rows if not row.equal), None)

    def stages(self) -> dict[str, Row]:
        """Of each stage the row that differs the most, or its first one where none differs."""
        found: dict[str, Row] = {}
        for row in self.rows:
            kept = found.get(row.stage)
            if kept is None or (kept.equal, -kept.absolute) > (row.equal, -row.absolute):
                found[row.stage] = row
        return found

    def to_dict(self) -> dict[str, Any]:
        """Everything in plain Python, for JSON."""
        first = self.first_difference
        return {
            "model": self.model,
            "hosts": list(self.hosts),
            "engine": self.engine,
            "ok": self.ok,
            "first_difference": None if first is None else asdict(first),
            "rows": [asdict(row) for row in self.rows],
        }

    def __str__(self) -> str:
        walks = "" if self.engine == "none" else f", walk engine {self.engine}"
        lines = [f"parity of {self.model}: {self.hosts[0]} and {self.hosts[1]}{walks}"]
        width = max([34, *(len(row.quantity) + 2 for row in self.rows)])
        lines.append(f"{'stage':<12}{'quantity':<{width}}{'equal':<7}{'max abs':>10}{'max rel':>10}")
        for row in self.rows:
            equal = "yes" if row.equal else "NO"
            lines.append(f"{row.stage:<12}{row.quantity:<{width}}{equal:<7}{row.absolute:>10.3g}{row.relative:>10.3g}")
        first = self.first_difference
        if first is None:
            lines.append("identical, bit for bit")
        else:
            lines.append(f"first difference: {first.stage}, {first.quantity}. Likely reason: {first.reason}")
        return "\n".join(lines)


def compare(stage: str, quantity: str, first: Tensor, second: Tensor, reason: str) -> Row:
    """A row for two tensors.

    Args:
        stage: The stage.
        quantity: What they are.
        first, second: The tensors.
        reason: The likely cause of a difference in their values.

    Example:
        >>> compare("loss", "step 1", torch.tensor([1.0, 4.0]), torch.tensor([1.0, 5.0]), "other walks").reason
        'at [1], 4.0 and 5.0: other walks'
    """
    first, second = first.detach().cpu(), second.detach().cpu()
    if first.shape != second.shape:
        shapes = f"the shapes are {tuple(first.shape)} and {tuple(second.shape)}"
        return Row(stage, quantity, False, float("inf"), float("inf"), shapes)
    if first.dtype == second.dtype and torch.equal(first, second):
        return Row(stage, quantity, True)
    gap, relative = _gaps(first, second)
    sizes = (float(gap.max()), float(relative.max())) if gap.numel() else (0.0, 0.0)
    if first.dtype != second.dtype:
        same = ", the values the same" if sizes[0] == 0 else ""
        reason = f"the dtypes are {first.dtype} and {second.dtype}{same}"
        return Row(stage, quantity, False, *sizes, reason)
    if sizes[0] == 0:  # NaNs in the same places, or zeros of different signs
        return Row(stage, quantity, bool(first.isnan().any()), reason="zeros of different signs")
    place = tuple(int(axis) for axis in torch.unravel_index(gap.argmax(), gap.shape))
    where = f"at {list(place)}, " if place else ""
    reason = f"{where}{first[place].item()} and {second[place].item()}: {reason}"
    return Row(stage, quantity, False, *sizes, reason)


def _gaps(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Absolute and relative difference of each number; 0 for equal ones and for two NaNs, infinite for one."""
    wide = [value.to(torch.float64) for value in (first, second)]
    gap = (wide[0] - wide[1]).abs()
    gap = torch.where((wide[0] == wide[1]) | (wide[0].isnan() & wide[1].isnan()), 0.0, gap.nan_to_num(torch.inf))
    relative = gap / torch.maximum(*(value.abs() for value in wide)).clamp(min=1e-300)
    return gap, relative.nan_to_num(torch.inf)

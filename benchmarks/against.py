"""This checkout beside another one: the same work, in fresh processes that take turns."""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

from .harness import Benchmark, Case, Recorder, package_folder, spawn

#: Times this slower, or more, is pointed out.
SLOWER = 1.05


def compare(benchmark: Benchmark, options: argparse.Namespace, other: Path, rounds: int) -> dict[str, Any]:
    """Ratios of medians, this checkout by the other, for each of our rows.

    Args:
        other: Folder that holds the other ``graphembed_ext``.
        rounds: Processes of either checkout, for each row.
    """
    checkouts = {"this": package_folder(), "other": other.resolve()}
    if not (checkouts["other"] / "graphembed_ext" / "__init__.py").exists():
        raise SystemExit(f"{other} has no graphembed_ext")
    print(f"{'this / other':<44}{'time':>8}{'cpu time':>10}{'memory':>8}{'this, s':>10}{'other, s':>10}")
    results: dict[str, Any] = {}
    for case in benchmark.comparable(options):
        for folder in checkouts.values() if case.check else ():
            spawn(benchmark, case, None, options, package=folder, public=True)
        for name in (each for each in case.ours if each in case.competitors):
            results.setdefault(case.name, {})[name] = _row(benchmark, case, name, options, checkouts, rounds)
    if not results:
        raise SystemExit(f"{benchmark.name} has nothing that can be compared")
    return results


def _row(
    benchmark: Benchmark, case: Case, name: str, options: argparse.Namespace, checkouts: dict[str, Path], rounds: int
) -> dict[str, Any]:
    samples: dict[str, list[dict[str, Any]]] = {which: [] for which in checkouts}
    for number in range(rounds):
        # Whoever goes second may find a warmer machine, so that they change places.
        for which in list(checkouts)[:: 1 if number % 2 else -1]:
            samples[which] += spawn(benchmark, case, name, options, package=checkouts[which], public=True)
    middle = {
        quantity: [statistics.median(one[quantity] for one in samples[which]) for which in ("this", "other")]
        for quantity in ("seconds", "cpu_seconds", "peak_mib")
    }
    ratio = {quantity: this / that for quantity, (this, that) in middle.items()}
    note = "  slower" if min(ratio["seconds"], ratio["cpu_seconds"]) > SLOWER else ""
    print(
        f"{f'{case.name}, {name}':<44}{ratio['seconds']:>8.3f}{ratio['cpu_seconds']:>10.3f}{ratio['peak_mib']:>8.3f}"
        f"{middle['seconds'][0]:>10.4g}{middle['seconds'][1]:>10.4g}{note}",
        flush=True,
    )
    return {"ratio": ratio, "samples": samples}


def record(recorder: Recorder, results: dict[str, Any]) -> Path:
    """Write the samples and ratios under a name of their own."""
    return recorder.save(results, name=f"{recorder.name}_against")

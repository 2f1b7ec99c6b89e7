"""What every benchmark here shares: alternating runs, medians, and a JSON record of how figures came about."""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

RESULTS = Path(__file__).parent / "results"
DATA = Path(os.environ.get("GRAPHEMBED_DATA", Path(__file__).parents[2] / "shared" / "data"))


def alternate(jobs: dict[str, Callable[[], Any]], rounds: int = 5) -> dict[str, list[float]]:
    """Seconds of each job, run in turns, so that a noisy machine troubles all of them alike."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def medians(seconds: dict[str, list[float]]) -> dict[str, float]:
    return {name: statistics.median(values) for name, values in seconds.items()}


def save(name: str, results: Any, **settings: Any) -> Path:
    """Write results with versions, hardware and settings to ``benchmarks/results/NAME.json``."""
    packages = ("torch", "torch_geometric", "dgl", "numpy", "numba", "scikit-learn", "graphembed_ext")
    versions = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    record = {
        "results": results,
        "settings": settings,
        "versions": {"python": platform.python_version()} | versions,
        "hardware": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        },
        "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(record, indent=2) + "\n")
    return path


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()

"""What the benchmarks share: alternating timings, and results as JSON with versions, hardware and seed."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from graphembed_ext._core import memory

peak_memory = memory.peak

RESULTS = Path(__file__).resolve().parent / "results"


def data_root() -> Path:
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("GRAPHEMBED_DATA", default))


def alternating(runs: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Median seconds of each run; the runs take turns, so that a busy machine slows all of them alike."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in seconds.items()}


def save(name: str, seed: int, results: Any, **settings: Any) -> Path:
    cpu = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), cpu)
    packages = ("graphembed_ext", "torch", "torch_geometric", "dgl", "numba", "numpy", "scikit-learn")
    record = {
        "benchmark": name,
        "seed": seed,
        "settings": settings,
        "hardware": {
            "cpu": cpu,
            "cores": os.cpu_count(),
            "torch_threads": torch.get_num_threads(),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        },
        "peak_memory_mib": round(memory.peak() / 2**20),
        "versions": {"python": platform.python_version()} | {package: version(package) for package in packages},
        "results": results,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return path

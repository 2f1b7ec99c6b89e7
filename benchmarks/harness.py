"""One harness for all benchmarks: set up, check the answer, time the competitors in turns, record.

A :class:`Case` says what runs beside what, :func:`measure` gives the samples of every competitor, a :class:`Recorder`
writes what a benchmark found as JSON, with versions, hardware and seed. Nothing here imports torch before it must: a
competitor may run in an interpreter that has other packages.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
MIB = 2**20

Sample = dict[str, Any]
Samples = dict[str, list[Sample]]


class Clock:
    """Seconds by the clock and by the processors, all threads of this process together; can be stopped and go on."""

    def __init__(self) -> None:
        self.seconds = self.cpu_seconds = 0.0

    def start(self) -> None:
        """Begin, or go on."""
        self._began = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """Add what has passed since the start."""
        self.seconds += time.perf_counter() - self._began[0]
        self.cpu_seconds += time.process_time() - self._began[1]

    def __enter__(self) -> Clock:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@dataclass(frozen=True)
class Run:
    """What is timed, and what is kept of its result beside the time.

    Attributes:
        go: The work.
        found: Figures of a result, by name; raises where the answer is wrong, so that its time does not count. Work
            done in units gives their number as ``rows``.
    """

    go: Callable[[], Any]
    found: Callable[[Any], Sample] = lambda _: {}


@dataclass(frozen=True)
class Case:
    """A comparison.

    Attributes:
        name: What is done, such as "epoch".
        competitors: By name, what sets up a competitor and returns its work.
        check: Raises where competitors do not give the same answer; called before anything is timed. None where each
            run's answer is judged by itself, or by another case.
        rows: Units of work in a run; 0 where the time itself is the figure.
        unit: Of the figure: seconds, or units of work a second.
        repeats: Timed runs of a competitor; of each process, where they have processes of their own.
        warm_ups: Runs before them.
        rounds: Processes of each competitor; 0 lets all of them share this one. Take processes where memory is
            measured, or where what one competitor imports changes another.
        ours: The competitors that are this package's.
        optional: Those that are left out, aloud, where they do not run.
        interpreters: Of competitors that need another one.
    """

    name: str
    competitors: Mapping[str, Callable[[], Callable[[], Any] | Run]]
    check: Callable[[], Any] | None = None
    rows: float = 0
    unit: str = "s"
    repeats: int = 5
    warm_ups: int = 1
    rounds: int = 0
    ours: tuple[str, ...] = ("ours",)
    optional: tuple[str, ...] = ()
    interpreters: Mapping[str, str] = field(default_factory=dict)


def _no_options(parser: argparse.ArgumentParser) -> None:
    pass


@dataclass(frozen=True)
class Benchmark:
    """What ``python -m benchmarks NAME`` runs.

    Attributes:
        name: As it is called, and as its record is.
        main: Takes the options and the recorder, and records what it finds.
        options: Adds its own options to a parser.
        cases: Its cases for some options; a competitor's process makes them again.
        public: Cases that use public names alone, for the comparison with another checkout; ``cases`` if None.
        quick: Options of the quick form.
        seed: For the record.
    """

    name: str
    main: Callable[[argparse.Namespace, Recorder], Any]
    options: Callable[[argparse.ArgumentParser], None] = _no_options
    cases: Callable[[argparse.Namespace], list[Case]] | None = None
    public: Callable[[argparse.Namespace], list[Case]] | None = None
    quick: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    @property
    def module(self) -> str:
        """Where it is defined."""
        return self.main.__module__

    def comparable(self, options: argparse.Namespace) -> list[Case]:
        """Cases whose competitors of ours run with any checkout of the package."""
        make = self.public or self.cases
        return [case for case in make(options) if set(case.ours) & set(case.competitors)] if make else []


def measure(benchmark: Benchmark, case: Case, options: argparse.Namespace) -> Samples:
    """Check the answer, time the competitors in turns, print their figures, and return all samples."""
    if case.check is not None:
        case.check()
    samples = _in_processes(benchmark, case, options) if case.rounds else _in_turns(case)
    show(case, samples)
    return samples


def _in_turns(case: Case) -> Samples:
    """A busy machine slows all competitors alike, as they take turns."""
    runs = {name: _set_up(make) for name, make in case.competitors.items()}
    for run in runs.values():
        for _ in range(case.warm_ups):
            run.go()
    samples: Samples = {name: [] for name in runs}
    for _ in range(case.repeats):
        for name, run in runs.items():
            samples[name].append(_timed(run))
    return samples


def _in_processes(benchmark: Benchmark, case: Case, options: argparse.Namespace) -> Samples:
    samples: Samples = {}
    missing: set[str] = set()
    for _ in range(case.rounds):
        for name in case.competitors:
            if name in missing:
                continue
            try:
                found = spawn(benchmark, case, name, options, python=case.interpreters.get(name, sys.executable))
            except ChildError as error:
                if name not in case.optional:
                    raise
                print(f"{name}: left out: {error.last_line}", flush=True)
                missing.add(name)
            else:
                samples.setdefault(name, []).extend(found)
    return samples


def _set_up(make: Callable[[], Callable[[], Any] | Run]) -> Run:
    made = make()
    return made if isinstance(made, Run) else Run(made)


def _timed(run: Run) -> Sample:
    with Clock() as clock:
        result = run.go()
    sample = {"seconds": clock.seconds, "cpu_seconds": clock.cpu_seconds, "peak_mib": peak_memory() / MIB}
    return sample | run.found(result)


class ChildError(RuntimeError):
    """A competitor's process failed; the message is what it wrote."""

    @property
    def last_line(self) -> str:
        """The error itself."""
        return (str(self).strip().splitlines() or ["no message"])[-1]


def spawn(
    benchmark: Benchmark, case: Case, competitor: str | None, options: argparse.Namespace, *,
    python: str = sys.executable, package: Path | None = None, public: bool = False,
) -> list[Sample]:  # fmt: skip
    """Samples of a competitor from a process of its own; of none, that process checks the answer.

    Args:
        package: Folder to import ``graphembed_ext`` from, by default this process's.
        public: Whether the case is one of ``benchmark.comparable``.
    """
    request = {
        "module": benchmark.module, "benchmark": benchmark.name, "case": case.name, "competitor": competitor,
        "options": vars(options), "public": public,
    }  # fmt: skip
    command = [python, str(ROOT / "benchmarks" / "child.py"), json.dumps(request, default=str)]
    environment = os.environ | {"PYTHONPATH": str(package or package_folder())}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=3600, check=False)
    if done.returncode:
        raise ChildError(f"{benchmark.name}, {case.name}, {competitor or 'check'}:\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def child(request: dict[str, Any]) -> list[Sample]:
    """The other end of :func:`spawn`."""
    module = importlib.import_module(request["module"])
    benchmark = next(each for each in module.BENCHMARKS if each.name == request["benchmark"])
    options = argparse.Namespace(**request["options"])
    cases = benchmark.comparable(options) if request["public"] else benchmark.cases(options)
    case = next(each for each in cases if each.name == request["case"])
    if request["competitor"] is None:
        case.check()
        return []
    run = _set_up(case.competitors[request["competitor"]])
    gc.collect()
    held = {"held_mib": memory("VmRSS") / MIB, "before_mib": peak_memory() / MIB}
    for _ in range(case.warm_ups):
        run.go()
    return [held | _timed(run) for _ in range(case.repeats)]


def package_folder() -> Path:
    """Folder that ``graphembed_ext`` is imported from."""
    spec = importlib.util.find_spec("graphembed_ext")
    return Path(spec.origin).resolve().parents[1] if spec and spec.origin else ROOT


def memory(quantity: str) -> int:
    """Bytes of this process, as Linux counts them: "VmRSS" is what it holds."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(quantity))


def peak_memory() -> int:
    """Most bytes this process has held. getrusage would count what its parent held when it was started."""
    return memory("VmHWM")


def medians(samples: Mapping[str, list[Sample]], quantity: str = "seconds") -> dict[str, float]:
    """Of each competitor."""
    return {name: statistics.median(one[quantity] for one in found) for name, found in samples.items()}


def peaks(samples: Mapping[str, list[Sample]]) -> dict[str, float]:
    """MiB that each competitor's processes held at most, in the median of runs."""
    return medians(samples, "peak_mib")


def figures(case: Case, samples: Mapping[str, list[Sample]], quantity: str = "seconds") -> dict[str, list[float]]:
    """Each run in the unit of the case: seconds, or units of work a second."""

    def figure(one: Sample) -> float:
        rows = one.get("rows", case.rows)
        return rows / one[quantity] if rows else one[quantity]

    return {name: [figure(one) for one in found] for name, found in samples.items()}


def rates(case: Case, samples: Mapping[str, list[Sample]], quantity: str = "seconds") -> dict[str, float]:
    """Medians in the unit of the case, by the clock or by ``"cpu_seconds"``."""
    return {name: statistics.median(found) for name, found in figures(case, samples, quantity).items()}


def ratios(values: Mapping[str, float], base: str | None = None) -> dict[str, float]:
    """Each value by the first, or by that of ``base``."""
    divisor = values[base or next(iter(values))]
    return {name: value / divisor for name, value in values.items()}


def show(case: Case, samples: Mapping[str, list[Sample]]) -> None:
    """Print a case: median, lowest and highest figure, its ratio to the first, the same by cpu time, memory."""
    if not samples:
        return
    middle = rates(case, samples)
    by_clock, by_cpu = ratios(middle), ratios(rates(case, samples, "cpu_seconds"))
    head = f"{case.name}, {case.unit}"
    print(f"{head:<36}{'median':>10}{'lowest':>10}{'highest':>10}{'ratio':>9}{'by cpu':>9}{'peak MiB':>10}")
    for name, found in figures(case, samples).items():
        cells = f"{middle[name]:>10.4g}{min(found):>10.4g}{max(found):>10.4g}{by_clock[name]:>9.2f}{by_cpu[name]:>9.2f}"
        print(f"  {name:<34}{cells}{peaks(samples)[name]:>10.0f}", flush=True)


def summary(runs: list[Mapping[str, float]], keys: Iterable[str]) -> dict[str, float]:
    """Means and deviations over runs with different seeds."""
    found = {}
    for key in keys:
        values = [run[key] for run in runs]
        found[key] = statistics.mean(values)
        found[f"{key}_deviation"] = statistics.stdev(values) if len(values) > 1 else 0.0
    return found


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Of Python and of the packages that are installed."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, Any]:
    """Processor, cores, threads and memory."""
    import torch

    cpu = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), cpu)
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
    }


PACKAGES = ("graphembed_ext", "torch", "torch_geometric", "dgl", "numba", "numpy", "scikit-learn")


#: Options that name a place on one machine.
PLACES = ("peers", "data", "vectors", "folder")


class Recorder:
    """Writes the records of a benchmark.

    Args:
        target: A folder, or the file itself.
        name: Of the benchmark.
        seed: Of its random numbers.
        settings: Its options.
    """

    def __init__(self, target: Path, name: str, seed: int, settings: Mapping[str, Any]) -> None:
        self.target, self.name, self.seed, self.settings = target, name, seed, dict(settings)
        self.load_before = os.getloadavg()[0]

    def path(self, name: str | None = None) -> Path:
        """File of a record, by default the benchmark's own."""
        return self.target if self.target.suffix == ".json" else self.target / f"{name or self.name}.json"

    def read(self, name: str | None = None) -> dict[str, Any] | None:
        """What is recorded already."""
        path = self.path(name)
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def save(self, results: Any, name: str | None = None, seed: int | None = None, **settings: Any) -> Path:
        """Write a record; settings given here stand in for the options."""
        record = {
            "benchmark": name or self.name,
            "seed": self.seed if seed is None else seed,
            "settings": {key: value for key, value in (settings or self.settings).items() if key not in PLACES},
            "hardware": hardware(),
            "load": [self.load_before, os.getloadavg()[0]],
            "peak_memory_mib": round(peak_memory() / MIB),
            "versions": versions(PACKAGES),
            "results": results,
        }
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        return path

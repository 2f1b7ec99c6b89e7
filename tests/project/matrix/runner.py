"""Runs cases of the matrix in processes that may die: forked from one that has everything imported."""

from __future__ import annotations

import builtins
import importlib
import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter

import torch

__all__ = ["GOOD", "Outcome", "run"]

#: What would take a case its time to import.
_IMPORTED = ("sklearn.linear_model", "sklearn.manifold", "sklearn.pipeline", "sklearn.model_selection")
_IMPORTED += ("sklearn.multiclass", "sklearn.metrics", "matplotlib.figure", "matplotlib.backends.backend_agg")
_IMPORTED += ("pyarrow.parquet", "pandas", "usearch.index", "torch.utils.tensorboard", "dgl", "torch_geometric.nn")
#: Verdicts that are as they should be: the package's own error, the error that the peer's class raises, or an answer.
GOOD = ("own", "peer", "accepted")
#: Seconds of a processor: within which a value is refused; after which a case counts as hanging. Seconds by the clock
#: after which it does so too, waiting included; bytes that a case may take.
_PROMPT, _HANGS, _WAITS, _MEMORY = 1.0, 60.0, 600.0, 3 << 30

Outcome = tuple[str, str, str, str, str]


def judge(subject, parameter, make):
    """Verdict and detail of one case."""
    from graphembed_ext.errors import GraphEmbedError

    call, arguments = subject.prepared()
    began = time.process_time()  # others' work on the same machine does not count
    try:
        call(**{**arguments, parameter: make()})
        found = "accepted", ""
    except GraphEmbedError as error:
        found = "own", f"{type(error).__name__}: {error}"
        if len(str(error)) > 3000:
            found = "wordy", f"{len(str(error))} characters"
    except Exception as error:
        kind = type(error).__name__
        last = traceback.extract_tb(error.__traceback__)
        own = next((f"{f.filename.rpartition('graphembed_ext/')[2]}:{f.lineno}" for f in reversed(last)
                    if "graphembed_ext/" in f.filename and "tests" not in f.filename), "")  # fmt: skip
        found = "bare", f"{kind} at {own}: {' '.join(str(error).split())[:120]}"
        if subject.peer is not None and _raised(subject.peer, parameter, make) == kind:
            found = "peer", found[1]
    took = time.process_time() - began
    return ("slow", f"{took:.1f} s, {found[0]} {found[1]}") if found[0] == "own" and took > _PROMPT else found


def _raised(peer, parameter, make):
    """Name of the error that the peer's class raises for the same."""
    try:
        call, arguments = peer()
        call(**{**arguments, parameter: make()})
    except Exception as error:
        return type(error).__name__
    return None


def work(cases, pipe):
    """Judge case after case in this process, a line for each."""
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.chdir(tempfile.mkdtemp())
    for number, (subject, parameter, make) in cases:
        signal.setitimer(signal.ITIMER_PROF, _HANGS)  # ends the process, compiled loops included
        try:
            verdict, detail = judge(subject, parameter, make)
        except BaseException as error:
            verdict, detail = "broken", f"{type(error).__name__}: {error}"
        os.write(pipe, json.dumps([number, verdict, detail[:1500]]).encode() + b"\n")


def run(subjects, chosen, show=None):
    """Judge all cases that ``chosen(number)`` keeps.

    Returns:
        Pairs of case ``(subject, parameter, value's name)`` and ``(verdict, detail)``.
    """
    torch.set_num_threads(1)
    for module in _IMPORTED:
        importlib.import_module(module)
    every = [(s, p, n, m) for s in subjects for p in s.parameters for n, m in s.values(p)]
    todo = [(k, case) for k, case in enumerate(every) if chosen(k)]
    found = {}
    place = 0
    while place < len(todo):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            try:
                work([(k, (s, p, m)) for k, (s, p, n, m) in todo[place:]], write)
            finally:
                os._exit(0)
        os.close(write)
        place = _gathered(read, child, todo, place, found, show)
    return [((s.name, p, n), found[k]) for k, (s, p, n, m) in todo]


def _gathered(read, child, todo, place, found, show):
    """Take what a child writes until it ends, or hangs; the first case that it did not get to."""
    rest = b""
    while True:
        ready, _, _ = select.select([read], [], [], _WAITS)
        data = os.read(read, 1 << 16) if ready else b""
        if not data:
            os.kill(child, signal.SIGKILL)
            status = os.waitpid(child, 0)[1]
            os.close(read)
            if place < len(todo):
                ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
                hangs = not ready or ended == signal.SIGPROF
                found[todo[place][0]] = ("hang", f"{_HANGS:g} s") if hangs else ("signal", f"signal {ended}")
                place += 1
            return place
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            number, verdict, detail = json.loads(line)
            found[number] = verdict, detail
            place += 1
            if show is not None:
                show(place, len(todo), verdict)


def _each_minute():
    """A ``show`` for ``run`` that prints how far it is and what came of it, a line a minute."""
    told, counts = time.monotonic(), Counter()

    def show(place, count, verdict):
        nonlocal told
        counts[verdict] += 1
        if time.monotonic() - told >= 60:
            told = time.monotonic()
            print(f"{place} of {count} cases: {dict(counts.most_common())}", flush=True)

    return show


def main():
    """Run the whole matrix, or every n-th case, and print what came of it."""
    from .subjects import subjects

    step = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    only = sys.argv[2] if len(sys.argv) > 2 else ""
    began = time.perf_counter()
    os.chdir(tempfile.mkdtemp())
    outcomes = run([s for s in subjects() if only in s.name], lambda number: number % step == 0, _each_minute())
    bad = [(case, got) for case, got in outcomes if got[0] not in GOOD]
    for (name, parameter, value), (verdict, detail) in bad:
        print(f"{verdict}\t{name}({parameter}={value})\t{detail}")
    counts = Counter(got[0] for _, got in outcomes)
    print(f"\n{len(outcomes)} cases in {time.perf_counter() - began:.0f} s: {dict(counts.most_common())}")
    for name, number in Counter(case[0] for case, _ in bad).most_common():
        print(f"{number:6d} {name}")
    if dump := os.environ.get("MATRIX_RECORD"):
        with builtins.open(dump, "w") as file:
            json.dump(outcomes, file)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

"""``make peers``: the table of tests/contracts.py, run and printed: class by behaviour, and how many are the peer's.

Neither PyG's nor DGL's wheels carry their tests; these are ours, against the classes that are installed.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter

import torch

from tests import contracts


def failure(pair: contracts.Pair, change: contracts.Change) -> str | None:
    """What went wrong with a change; None where all is the peer's."""
    try:
        contracts.check(pair, change)
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return None


def tried(pair: contracts.Pair) -> tuple[Counter, list[str]]:
    """Changes that hold by behaviour, and a line for each that does not."""
    held, failed = Counter(), []
    for change in contracts.changes(pair):
        problem = failure(pair, change)
        if problem is None:
            held[change.behaviour] += 1
        else:
            failed.append(f"{pair.framework} {pair.name}: {change}: {problem}")
    return held, failed


def main(arguments: list[str] | None = None) -> int:
    """Print the table and return the number of changes that do not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.project.peer_suites", description=__doc__)
    parser.add_argument("--only", default="", help="classes whose name begins so")
    only = parser.parse_args(arguments).only
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    total, lines = Counter(), []
    print("| framework | class | changes | as the peer's |\n|---|---|---:|---:|")
    for pair in contracts.pairs():
        if pair.name.startswith(only):
            held, failed = tried(pair)
            total += held
            lines += failed
            print(f"| {pair.framework} | {pair.name} | {held.total() + len(failed)} | {held.total()} |", flush=True)
    print("\n| behaviour | as the peer's |\n|---|---:|")
    for behaviour, count in sorted(total.items()):
        print(f"| {behaviour} | {count} |")
    print(f"\n{total.total()} of {total.total() + len(lines)} changes as the peer's")
    print("\n".join(lines))
    return len(lines)


if __name__ == "__main__":
    raise SystemExit(bool(main()))

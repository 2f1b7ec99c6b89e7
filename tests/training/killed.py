"""Trainings that are killed at random moments, and started again until they end: with the bits of one that never was.

``python -m tests.training.killed 30`` kills thirty times, in turns over the models, and prints a line for each and one
for all. The processes are forked from one that has everything imported.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import torch

import graphembed_ext as ge
from tests.training.test_trust import MODELS, fitted

#: Models of ``tests.training.test_trust``, and how many epochs they train: for about a second, a state after each.
EPOCHS = {"DeepWalk": 150, "MetaPath2Vec": 150, "GraphSAGE": 120, "HAN": 80, "LightGCN": 150}


def digest(name, state=None):
    """What a training comes to, as a digest of weights and vectors."""
    make, graph, options = MODELS[name]
    model = make()
    fitted(model, graph, options, epochs=EPOCHS[name], checkpoint=state)
    found = hashlib.sha256(ge.embed(model, graph and graph()).tensor.numpy().tobytes())
    for key, value in model.state_dict().items():
        found.update(key.encode() + value.numpy().tobytes())
    return found.hexdigest()


def started(name, state, answer):
    """A process that trains a model, and writes the digest to a file when it ends; its id."""
    child = os.fork()
    if child:
        return child
    try:
        answer.write_text(digest(name, state))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def killed(name, draw, seconds, folder):
    """Train a model that is killed at random moments, three times at most; how often, and what it came to."""
    state, answer, kills = folder / f"{name}.pt", folder / f"{name}.txt", 0
    while True:
        child = started(name, state, answer)
        if kills < 3:
            time.sleep(draw.uniform(0, seconds / 2**kills))  # earlier each time, as less is left to be done
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            return kills, answer.read_text()
        kills += 1


def alone(name):
    """What a training comes to that nobody kills, and how long it takes."""
    digest(name)  # kernels are compiled
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        return digest(name, Path(folder) / "state.pt"), time.perf_counter() - began


def main(count, seed=0):
    """Kill so often; whether every training came to the same bits."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    draw, known, total, runs, wrong = random.Random(seed), {}, 0, 0, 0
    for name in itertools.cycle(EPOCHS):
        if total >= count:
            break
        known[name] = known.get(name) or alone(name)
        with tempfile.TemporaryDirectory() as folder:
            kills, found = killed(name, draw, known[name][1], Path(folder))
        total, runs, wrong = total + kills, runs + 1, wrong + (found != known[name][0])
        print(f"{name}: {kills} kills, {'the same bits' if found == known[name][0] else 'OTHER BITS'}", flush=True)
    print(f"{total} kills in {runs} trainings of {len(known)} models, {wrong} with other bits")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), *map(int, sys.argv[2:])))

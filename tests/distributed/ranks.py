"""What each rank of a test runs: ``ranks.py PROGRAM FOLDER [ARGUMENT ...]``; results are left by rank in the folder."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
RANK = int(os.environ.get("RANK", "0"))


def trainings(folder):
    """All of :mod:`tests.distributed.trainings`, one after another in one group, and two that leave states."""
    from tests.distributed.trainings import TRAININGS, kept

    found = {training.__name__: training(strategy) for strategy, (some, _) in TRAININGS.items() for training in some}
    found["kept"] = kept(folder / "unbroken")
    kept(folder / "begun", epochs=2)
    torch.save(found, folder / f"{RANK}.pt")


def killed(folder, step="27"):
    """The training that leaves states, of which rank 1 kills itself in the midst of one step the first time."""
    from tests.distributed.trainings import kept

    steps = []
    first = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") == "0"
    _at_step(int(step) if first and RANK == 1 else 0, lambda: os.kill(os.getpid(), signal.SIGKILL), steps)
    try:
        found = kept(folder / "states", every=2)
        found["steps"] = torch.tensor(len(steps))
    except Exception as error:
        (folder / f"{RANK}.txt").write_text(f"{type(error).__name__}: {error}")
        raise
    torch.save(found, folder / f"{RANK}.pt")


def stopped(folder, which="1", where="group"):
    """A training of which one rank stands still, its connections open: in the group's own work, or while the others
    write a state.
    """
    from graphembed_ext.distributed import folders
    from graphembed_ext.distributed.joining import join
    from tests.distributed.trainings import kept

    group, began = join(), [0.0]
    assert group.every(f"rank {RANK}") == ["rank 0", "rank 1"]
    assert group.agreed([RANK, {"all": None}]) == [0, {"all": None}]

    def stop():
        began[0] = time.monotonic()
        if str(RANK) == which:
            os.kill(os.getpid(), signal.SIGSTOP)

    if where == "group":
        _at_step(5, stop)
    else:
        save = folders._save
        folders._save = lambda *given: (stop(), save(*given))
    try:
        kept(folder / "states")
    finally:
        (folder / f"{RANK}.txt").write_text(str(time.monotonic() - began[0]))


def _at_step(number, act, seen=None):
    """Do something in place of a step of the engine, and count them."""
    from graphembed_ext.training.engines.sharded import ShardedEngine

    step, seen = ShardedEngine._step, [] if seen is None else seen

    def counted(self, batch):
        seen.append(batch)
        if len(seen) == number:
            act()
        return step(self, batch)

    ShardedEngine._step = counted
    return step


def _limited(size):
    """A disk that takes no larger files, for this process."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before)


def faults(folder):
    """One call after another that must fail on both ranks, and then one that must not."""
    import graphembed_ext as ge
    from graphembed_ext.distributed.tables import RowTable
    from graphembed_ext.training.engines.sharded import ShardedEngine
    from tests.distributed.trainings import RINGS, deepwalk

    def model(graph=RINGS, **config):
        return ge.DeepWalk(graph, **({"emb_dim": 4, "walk_length": 5, "window_size": 2, "seed": 0} | config))

    def fit(made, **options):
        ge.fit(made, **({"epochs": 3, "batch_size": 6, "strategy": "sharded", "progress": False} | options))

    def poisoned():
        step = RowTable.step

        def spoil(self, rows, gradient, lr):
            step(self, rows, gradient, lr)
            if RANK == 1:
                self.own.fill_(float("nan"))

        RowTable.step = spoil
        try:
            fit(model())
        finally:
            RowTable.step = step

    def full():
        step = _at_step(4, _no_space) if RANK == 1 else ShardedEngine._step
        try:
            fit(model())
        finally:
            ShardedEngine._step = step

    def cut():
        restore = _limited(64) if RANK == 1 else lambda: None
        try:
            fit(model(), checkpoint=folder / "states")
        finally:
            restore()

    small = ge.LightGCN.for_graph({("user", "buys", "item"): RINGS}, embedding_dim=1, num_layers=1, seed=0)
    calls = {
        "nan": poisoned,
        "disk": full,
        "state": cut,
        "rates": lambda: fit(model(), lr=0.01 * (1 + RANK)),
        "graphs": lambda: fit(model(RINGS if RANK else RINGS[:, 1:])),
        "wrong": lambda: fit(model(), strategy="columns"),
        "numba": lambda: fit(model(), engine="numba"),
        "columns": lambda: ge.fit(small, epochs=1, strategy="columns", progress=False),
        "rows": lambda: fit(model(torch.tensor([[0], [0]]), num_nodes=1)),
    }
    found = {}
    for name, call in calls.items():
        began = time.perf_counter()
        try:
            call()
            found[name] = "nothing"
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"
        found[f"seconds of {name}"] = time.perf_counter() - began
    found["afterwards"] = deepwalk("auto")["node_embed.weight"]
    torch.save(found, folder / f"{RANK}.pt")


def _no_space():
    raise OSError(28, "No space left on device")


def packages(folder):
    """Ranks with other versions of a package."""
    from graphembed_ext.distributed import joining
    from tests.distributed.trainings import deepwalk

    joining._versions = lambda: {"version of torch": "2.13.0", "version of numpy": ("2.0", "1.0")[RANK]}
    deepwalk("auto")


def hub(folder):
    """A star with a high learning rate: all ranks change the same row in every step."""
    import graphembed_ext as ge

    leaves = torch.arange(1, 60)
    star = torch.stack([torch.zeros_like(leaves), leaves])
    model = ge.DeepWalk(torch.cat([star, star.flip(0)], 1), emb_dim=8, walk_length=20, window_size=5, seed=0)
    result = ge.fit(model, epochs=20, lr=0.2, batch_size=20, strategy="auto", seed=0, progress=False)
    losses = torch.tensor([entry["loss"] for entry in result.history])
    vectors = ge.embed(model).tensor
    path = ge.distributed.save(model, folder / "emb", {"_N": [f"node {k}" for k in range(60)]})
    one = ge.distributed.collected(model)
    found = {"losses": losses, "vectors": vectors, "first": None if one is None else one.tensor}
    torch.save(found, folder / f"{RANK}.pt")
    assert path == folder / "emb"


def main():
    sys.path[:] = [place for place in sys.path if Path(place or ".").resolve() != Path(__file__).resolve().parent]
    sys.path.insert(0, str(ROOT))
    torch.set_num_threads(1)
    program, folder, *more = sys.argv[1:]
    globals()[program](Path(folder), *more)


if __name__ == "__main__":
    main()

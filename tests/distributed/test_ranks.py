"""Two processes and one learn the same; a rank that ends is told of; states are read by any number of ranks.

Every start of ranks costs some seconds of imports, so one has several trainings, and tests look at what they left.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext.errors import FileFormatError, InputError
from graphembed_ext.training.engines.sharded import ShardedEngine
from tests.cli.commands import call, good
from tests.distributed import trainings
from tests.distributed.starting import PROGRAM, SOON, environment, free_port, without_launcher
from tests.distributed.trainings import TRAININGS, kept


def launch(*words, size=2, rendezvous="standalone", restarts=0, check=True):
    """Start ranks by torchrun; ``words`` are a program of ranks.py and its arguments, or a module by -m."""
    meeting = {"standalone": ["--standalone"], "static": ["--master-port", free_port()]}[rendezvous]
    command = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", *meeting]
    command += ["--nproc-per-node", str(size), "--max-restarts", str(restarts), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, env=environment())
    assert not check or done.returncode == 0, done.stderr[-4000:]
    return done


def left(folder, size=2):
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(size)]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The folder in which two ranks have left what came of all trainings."""
    folder = tmp_path_factory.mktemp("two")
    launch(PROGRAM, "trainings", folder)
    return folder


@pytest.mark.parametrize(
    ("training", "strategy", "near"),
    [(each, strategy, near) for strategy, (some, near) in TRAININGS.items() for each in some],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_two_ranks_learn_what_one_process_does(two, training, strategy, near):
    first, second = (found[training.__name__] for found in left(two))
    one = training(None if strategy != "sharded" else strategy)
    assert first.keys() == second.keys() == one.keys()
    for name, wanted in one.items():
        assert torch.equal(first[name], second[name]), name
        close = 1e-12 if name.startswith("gradient") and strategy == "ddp" else near
        torch.testing.assert_close(first[name], wanted, rtol=close, atol=close, msg=lambda text, name=name: name + text)
        assert bool(wanted.isfinite().all())


def test_a_state_is_read_by_any_number_of_ranks_and_by_a_plain_process(two, tmp_path):
    wanted = left(two)[0]["kept"]
    folder = two / "unbroken"
    assert sorted(path.name for path in folder.iterdir()) == ["latest", "state-000006"]  # the last whole one alone
    model = ge.DeepWalk(trainings.RINGS, emb_dim=6, walk_length=6, window_size=2, seed=5, num_nodes=19)
    assert ge.checkpoint.load(model, folder) == "dgl.DeepWalk"
    assert torch.equal(ge.embed(model).tensor, wanted["node_embed.weight"])
    assert torch.equal(model.context_embed.weight, wanted["context_embed.weight"])
    # begun by two ranks or by one, and gone on with by one
    kept(tmp_path / "begun", epochs=2)
    mine, theirs = kept(tmp_path / "begun", epochs=4), kept(two / "begun", epochs=4)
    for name, value in mine.items():
        torch.testing.assert_close(theirs[name], value, rtol=1e-5, atol=1e-5)
    assert len(theirs["losses"]) == 4


def test_a_training_goes_on_in_the_midst_of_an_epoch(tmp_path, monkeypatch):
    step, seen = ShardedEngine._step, []

    def ended(self, batch):
        seen.append(batch.number)
        if len(seen) == 12:
            raise MemoryError
        return step(self, batch)

    unbroken = kept(tmp_path / "unbroken", epochs=3)
    with monkeypatch.context() as patch:
        patch.setattr(ShardedEngine, "_step", ended)
        with pytest.raises(MemoryError):
            kept(tmp_path / "states", epochs=3, every=3)
    assert sorted(path.name for path in (tmp_path / "states").iterdir()) == ["latest", "state-000001-000000003"]
    seen.clear()
    with monkeypatch.context() as patch:
        patch.setattr(ShardedEngine, "_step", lambda self, batch: (seen.append(batch.number), step(self, batch))[1])
        found = kept(tmp_path / "states", epochs=3)
    assert seen == [3, 4, 5, 6, *range(7)]
    assert all(torch.equal(found[name], value) for name, value in unbroken.items())
    with pytest.raises(InputError, match=r"checkpoint_every.*'sharded'"):
        kept(None, every=3)


def test_a_state_that_is_not_whole_or_of_another_training_is_refused(two, tmp_path):
    folder = tmp_path / "states"
    kept(folder, epochs=1)
    other = ge.DeepWalk(trainings.RINGS[:, 1:], emb_dim=6, walk_length=6, window_size=2, seed=0, num_nodes=19)
    with pytest.raises(FileFormatError, match=r"edges=.*one of a training with"):
        ge.fit(other, epochs=2, batch_size=3, seed=3, strategy="sharded", progress=False, checkpoint=folder)
    ge.distributed.gather(other)
    before = ge.embed(other).tensor
    next(folder.glob("state-*/*.distcp")).write_bytes(b"")
    with pytest.raises(FileFormatError, match="a folder of states"):
        kept(folder, epochs=2)
    with pytest.raises(FileFormatError, match="a folder of states"):
        ge.checkpoint.load(other, folder)
    (folder / "latest").write_text("state-000009")
    with pytest.raises(FileFormatError, match="'state-000009' is not whole"):
        kept(folder, epochs=2)
    (folder / "latest").unlink()
    with pytest.raises(FileFormatError, match="without the file latest"):
        ge.checkpoint.load(other, folder)
    assert torch.equal(ge.embed(other).tensor, before)
    (tmp_path / "file").write_text("")
    with pytest.raises(FileFormatError, match="the name of a folder"):
        kept(tmp_path / "file")


@pytest.mark.parametrize("rendezvous", ["static", "standalone"])
def test_a_killed_rank_is_started_again_and_the_end_is_the_same_bit_for_bit(two, tmp_path, rendezvous):
    done = launch(PROGRAM, "killed", tmp_path, rendezvous=rendezvous, restarts=2)
    steps = [int(found["steps"]) for found in left(tmp_path)]
    print(f"{rendezvous}: rank 1 was killed in step 27 of 42; started again, {steps} steps, each table bit-equal")
    assert steps == [42 - 25] * 2  # the last state is that after 4 of the 7 steps of the epoch
    for rank, (found, unbroken) in enumerate(zip(left(tmp_path), left(two), strict=True)):
        for name, wanted in unbroken["kept"].items():
            assert torch.equal(found[name], wanted), (rank, name, done.stderr[-2000:])
    assert "Signal 9" in done.stderr or "SIGKILL" in done.stderr or "exitcode: -9" in done.stderr


def test_a_killed_rank_ends_the_other_soon_and_is_named(tmp_path):
    with without_launcher("killed", tmp_path, "5") as ranks:
        assert ranks[1].wait(200) == -9
        killed = time.monotonic()
        assert ranks[0].wait(SOON) == 1
        assert time.monotonic() - killed < SOON
    assert "rank 1 can be reached no more" in (tmp_path / "0.txt").read_text()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes stop by signals of POSIX")
@pytest.mark.parametrize(("which", "where"), [(1, "group"), (0, "group"), (1, "state")])
def test_a_rank_that_stands_still_is_given_up_long_before_the_timeout(tmp_path, which, where):
    """Rank 0 keeps the store where no launcher does, so signs of all ranks end with its own."""
    limits = {"GRAPHEMBED_TIMEOUT": "600", "GRAPHEMBED_SILENCE": "8"}
    with without_launcher("stopped", tmp_path, which, where, **limits) as ranks:
        told = ranks[1 - which].communicate(timeout=300)[1]
        assert ranks[1 - which].returncode == 1
        assert ranks[which].poll() is None
    end = f"DistributedError: rank {which} gave no sign of life for 8 s, and so rank {1 - which} ends"
    assert end in told, told[-3000:]
    assert 8 < float((tmp_path / f"{1 - which}.txt").read_text()) < SOON


def test_errors_are_those_of_both_ranks_and_the_next_training_is_none_the_worse(two, tmp_path):
    launch(PROGRAM, "faults", tmp_path)
    first, second = left(tmp_path)
    wanted = {
        "nan": "TrainingError: the loss is nan",
        "rates": "InputError: lr: got 0.02 on rank 1 and 0.01 on rank 0; expected the same on every rank",
        "graphs": "InputError: edges: got ",
        "wrong": "InputError: strategy: got 'columns'; expected 'sharded' or 'auto'",
        "numba": "EngineError: engine: 'numba' cannot serve the strategy 'sharded'",
        "columns": "InputError: strategy: got 'columns' for 1 columns on 2 ranks; expected a column for every rank",
        "rows": "InputError: strategy: got 'sharded' for 1 rows on 2 ranks; expected a row",
    }
    for name, text in wanted.items():
        for found in (first, second):
            assert found[name].startswith(text), found[name]
            assert found[f"seconds of {name}"] < SOON
    assert second["disk"].startswith("OSError: [Errno 28]")
    for found in (first, second):
        assert found["state"].startswith("DistributedError: "), found["state"]
        assert "was not written, the state before it stays: rank 1: OSError: [Errno 27]" in found["state"]
        assert found["seconds of state"] < SOON
    assert first["disk"].startswith("DistributedError: rank 1 has ended, and so does rank 0: OSError: [Errno 28]")
    assert torch.equal(first["afterwards"], left(two)[0]["deepwalk"]["node_embed.weight"])


def test_four_ranks_on_a_hub_stay_finite_and_each_writes_its_rows(tmp_path):
    launch(PROGRAM, "hub", tmp_path, size=4)
    found = left(tmp_path, 4)
    for other in found:
        assert torch.equal(other["vectors"], found[0]["vectors"])
        assert bool(other["vectors"].isfinite().all())
        assert float(other["losses"][-1]) < float(other["losses"][0])
    assert [other["first"] is None for other in found] == [False, True, True, True]
    assert torch.equal(found[0]["first"], found[0]["vectors"])
    emb = ge.Embeddings.load(tmp_path / "emb")
    assert torch.equal(emb.tensor, found[0]["vectors"])
    assert torch.equal(emb["node 33"], emb.tensor[33])
    assert len(json.loads((tmp_path / "emb" / "index.json").read_text())["parts"]) == 4


def test_the_command_line_trains_with_the_processes_of_torchrun(tmp_path):
    edges = tmp_path / "edges.csv"
    edges.write_text("\n".join(f"n{a},n{b}" for a, b in trainings.RINGS.T.tolist()))
    words = ["-m", "graphembed_ext", "train", "deepwalk", "-i", edges, "--emb-dim", "8", "--epochs", "2"]
    done = launch(*words, "-o", f"{tmp_path / 'emb'}/", "--strategy", "auto", "--batch-size", "8")
    assert done.stdout.count("wrote ") == 1
    assert done.stdout.count("18 nodes") == 1
    emb = ge.Embeddings.load(tmp_path / "emb")
    assert len(emb) == 18
    assert emb["n3"].shape == (8,)
    record = json.loads((tmp_path / "emb.json").read_text())
    assert record["engine"] == "sharded"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["edges.csv", "emb", "emb.json"]


def test_the_command_line_goes_on_in_the_midst_of_an_epoch(tmp_path, monkeypatch):
    edges = tmp_path / "edges.csv"
    edges.write_text("\n".join(f"n{a},n{b}" for a, b in trainings.RINGS.T.tolist()))
    words = ["train", "deepwalk", "-i", edges, "--emb-dim", 6, "--epochs", 3, "--strategy", "sharded", "--host", "pyg"]
    words += ["--batch-size", 3, "--checkpoint-every", 4]
    good(*words, "-o", tmp_path / "unbroken.npz")
    step, seen = ShardedEngine._step, []

    def ended(self, batch):
        seen.append((batch.epoch, batch.number))
        if seen.count((1, 4)) == 1 and seen[-1] == (1, 5):
            raise MemoryError
        return step(self, batch)

    monkeypatch.setattr(ShardedEngine, "_step", ended)
    assert call(*words, "-o", tmp_path / "out.npz").exit_code
    (states,) = tmp_path.glob("out.npz.*.ckpt")
    assert (states / "latest").read_text() == "state-000001-000000004"
    seen.remove((1, 5))
    good(*words, "-o", tmp_path / "out.npz")
    assert seen[11:14] == [(1, 4), (1, 5), (2, 0)]
    one, other = (ge.Embeddings.load(tmp_path / f"{name}.npz") for name in ("unbroken", "out"))
    assert torch.equal(one.tensor, other.tensor)
    assert not list(tmp_path.glob("*.ckpt"))
    done = call("train", "deepwalk", "-i", edges, "-o", tmp_path / "x.npz", "--checkpoint-every", 4)
    assert done.exit_code == 2
    assert "--checkpoint-every: got 4" in done.stderr

"""Two runs with one output do not mix: the second learns who the first is."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import threading
import time

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext._core.locks import held
from graphembed_ext.cli.runs.job import Job
from graphembed_ext.cli.runs.train import run
from graphembed_ext.errors import FileInUseError, FileWriteError

RING = torch.stack([torch.arange(12), (torch.arange(12) + 1) % 12])

HOLD = """
import sys, time
from pathlib import Path
from graphembed_ext._core.locks import held
with held(Path(sys.argv[1])):
    if "fork" in sys.argv:
        import os
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Starts a process that holds a file."""
    started = []

    def start(path, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path), *arguments], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_file_that_another_process_holds_is_refused_and_it_is_named(tmp_path, holder):
    path = tmp_path / "state.pt"
    other = holder(path)
    started = time.strftime("%Y-%m-%d")
    with pytest.raises(FileInUseError, match=rf"held by process {other.pid} on .* since {started}"), held(path):
        pytest.fail("two hold it")
    with held(tmp_path / "other.pt"):
        pass
    model = ge.DeepWalk(RING, emb_dim=4, walk_length=4, window_size=1, seed=0)
    before = model.node_embed.weight.clone()
    with pytest.raises(FileInUseError, match=str(other.pid)):
        ge.fit(model, epochs=1, progress=False, checkpoint=path)
    assert torch.equal(model.node_embed.weight, before)
    assert not path.exists()


def test_what_a_dead_process_left_is_taken_over_with_a_line(tmp_path, holder):
    path = tmp_path / "state.pt"
    other = holder(path)
    other.kill()
    other.wait()
    assert json.loads((tmp_path / "state.pt.lock").read_text())["pid"] == other.pid
    line = rf"state.pt: taken over from process {other.pid} on .*, which has ended"
    with pytest.warns(UserWarning, match=line), held(path):
        assert json.loads((tmp_path / "state.pt.lock").read_text())["pid"] == os.getpid()
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_dead_process_whose_child_lives_on_holds_nothing(tmp_path, holder):
    path, lines = tmp_path / "state.pt", []
    other = holder(path, "fork")
    other.kill()
    other.wait()
    with held(path, lines.append):
        assert len(lines) == 1
        assert f"process {other.pid}" in lines[0]


def test_two_threads_do_not_share_a_file_either(tmp_path):
    path, errors = tmp_path / "state.pt", []

    def enter():
        try:
            with held(path):
                pass
        except FileInUseError as error:
            errors.append(str(error))

    with held(path):
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
    assert len(errors) == 1
    assert f"process {os.getpid()} (this one) on {platform.node()}" in errors[0]
    enter()
    assert len(errors) == 1, "it is free again"


def test_it_is_free_after_an_error_and_where_the_lock_file_was_removed(tmp_path):
    path = tmp_path / "state.pt"
    with pytest.raises(ValueError, match="within"), held(path):
        raise ValueError("within")
    with held(path):
        (tmp_path / "state.pt.lock").unlink()
    with held(path):
        pass
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_missing(tmp_path):
    with pytest.raises(FileWriteError, match="No such file"), held(tmp_path / "gone" / "state.pt"):
        pytest.fail("held")


def test_the_command_line_holds_its_output(tmp_path, holder):
    edges = tmp_path / "edges.txt"
    edges.write_text("".join(f"{i} {(i + 1) % 12}\n" for i in range(12)))
    settings = {"emb_dim": 4, "epochs": 1, "walk_length": 4, "window_size": 1}
    job = Job("deepwalk", str(edges), tmp_path / "emb.npz", host="pyg", settings=settings)
    other = holder(job.output)
    with pytest.raises(FileInUseError, match=rf"emb.npz: held by process {other.pid}"):
        run(job, say=lambda _: None)
    assert not job.output.exists()
    other.kill()
    other.wait()
    lines = []
    run(job, say=lines.append)
    assert any("taken over" in line for line in lines)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["edges.txt", "emb.npz", "emb.npz.json"]

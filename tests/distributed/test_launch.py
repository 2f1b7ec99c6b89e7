"""Processes whose launcher's variables do not fit together, or whose packages differ, are told so before any work."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext.errors import DistributedError, InputError
from tests.distributed.starting import SOON, environment, free_port, without_launcher

#: What torchrun sets, for the first of two.
FIRST = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29511"}
WRONG = {
    "a rank beyond": ({"RANK": "2"}, r"RANK=2 and WORLD_SIZE=2; expected a rank from 0 to WORLD_SIZE - 1"),
    "a rank below": ({"RANK": "-1"}, r"RANK=-1 and WORLD_SIZE=2"),
    "no number": ({"WORLD_SIZE": "two"}, r"WORLD_SIZE='two'; expected a whole number"),
    "no rank": ({"RANK": None}, r"with WORLD_SIZE, MASTER_ADDR, MASTER_PORT and without RANK"),
    "no size": ({"WORLD_SIZE": None}, r"without WORLD_SIZE"),
    "no meeting place": ({"MASTER_ADDR": None, "MASTER_PORT": None}, r"without MASTER_ADDR, MASTER_PORT"),
    "mpirun": (dict.fromkeys(FIRST) | {"OMPI_COMM_WORLD_SIZE": "2"}, r"a process of mpirun, OMPI_COMM_WORLD_SIZE=2"),
    "mpiexec": (dict.fromkeys(FIRST) | {"PMI_SIZE": "4"}, r"a process of mpiexec, PMI_SIZE=4"),
    "a wait of never": ({"GRAPHEMBED_TIMEOUT": "0"}, r"GRAPHEMBED_TIMEOUT: got 0; expected a number of seconds above"),
    "a wait in words": ({"GRAPHEMBED_TIMEOUT": "long"}, r"GRAPHEMBED_TIMEOUT: got long"),
}


@pytest.mark.parametrize(("wrong", "match"), WRONG.values(), ids=WRONG)
def test_variables_that_do_not_fit_together_are_refused(monkeypatch, wrong, match):
    model = ge.DeepWalk(torch.tensor([[0, 1], [1, 0]]), emb_dim=4, walk_length=4, window_size=2, seed=0)
    before = model.node_embed.weight.clone()
    for name, value in (FIRST | wrong).items():
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=match):
        ge.fit(model, epochs=1, strategy="auto", progress=False)
    assert torch.equal(model.node_embed.weight, before)
    assert not torch.distributed.is_initialized()


def test_ranks_that_never_come_are_waited_for_as_long_as_was_said():
    program = (
        "import torch, graphembed_ext as ge\n"
        "model = ge.DeepWalk(torch.tensor([[0, 1], [1, 0]]), emb_dim=4, walk_length=4, window_size=2)\n"
        "ge.fit(model, epochs=1, strategy='auto', progress=False)\n"
    )
    where = FIRST | {"MASTER_PORT": free_port(), "GRAPHEMBED_TIMEOUT": "3"}
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=120,
        env=environment(**where),
    )  # fmt: skip
    assert time.monotonic() - began < SOON
    assert done.returncode == 1
    assert f"{DistributedError.__name__}: rank 0 of 2 " in done.stderr, done.stderr[-2000:]
    assert "1/2 clients joined" in done.stderr.splitlines()[-1]


def test_packages_that_differ_are_refused_by_both_ranks(tmp_path):
    with without_launcher("packages", tmp_path) as ranks:
        for rank in ranks:
            told = rank.communicate(timeout=200)[1]
            assert rank.returncode == 1
            text = (
                "InputError: version of numpy: got '1.0' on rank 1 and '2.0' on rank 0; expected the same on every rank"
            )
            assert text in told, told[-2000:]

"""Memory of this process, told as the system counts it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from graphembed_ext._core import memory

PRINT_PEAK = "from graphembed_ext._core import memory; print(memory.peak())"
PARENT = f"""
import os, subprocess, sys
held = bytearray(os.urandom(1 << 20) * 1024)
print(len(held), flush=True)
subprocess.Popen([sys.executable, "-c", {PRINT_PEAK!r}], preexec_fn=lambda: None).wait()  # by fork, not by vfork
"""
RISING = """
from graphembed_ext._core import memory
before = memory.peak()
held = bytearray(b"x") * (memory.peak() - memory.resident() + (256 << 20))
risen = memory.peak()
del held
print(before, risen, memory.peak())
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system has no /proc")
def test_the_peak_is_that_of_this_process_not_of_its_parent():
    """As a child of a process that holds 1 GiB."""
    alone = int(subprocess.check_output([sys.executable, "-c", PRINT_PEAK]))
    size, found = map(int, subprocess.check_output([sys.executable, "-c", PARENT]).split())
    assert size == 1 << 30
    assert abs(found - alone) < 0.2 * alone < size / 4


def test_the_peak_rises_and_stays():
    """In a process of its own: in this one, what other tests have left may be freed in the meantime."""
    before, risen, after = map(int, subprocess.check_output([sys.executable, "-c", RISING]).split())
    slack = 16 << 20  # the system counts pages by the batch
    assert risen > before + (200 << 20)
    assert after > risen - slack


def test_without_proc_the_system_is_asked_otherwise(monkeypatch):
    monkeypatch.setattr(memory, "_STATUS", Path("/nowhere"))
    assert memory.peak() >= memory.resident() // 2

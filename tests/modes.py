"""Folders that are read-only for the tests as well: root may write wherever it likes, unless it gives that up."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import contextmanager

import pytest

__all__ = ["read_only"]

_CAP_DAC_OVERRIDE, _VERSION = 1 << 1, 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


@contextmanager
def read_only(folder):
    """A folder in which nobody may make files or folders, this process included."""
    folder.chmod(0o555)
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    try:
        if root:
            _overriding(False)
        yield
    finally:
        if root:
            _overriding(True)
        folder.chmod(0o755)


def _overriding(allowed):
    """Let root's processes pass over modes of files, or not."""
    if sys.platform != "linux":
        pytest.skip("root writes wherever it likes")
    system, header, data = ctypes.CDLL(None, use_errno=True), _Header(_VERSION, 0), (_Data * 2)()
    system.capget(ctypes.byref(header), data)
    kept = data[0].effective & ~_CAP_DAC_OVERRIDE
    data[0].effective = (kept | _CAP_DAC_OVERRIDE) & data[0].permitted if allowed else kept
    if system.capset(ctypes.byref(header), data):
        pytest.skip("a process that may not give up rights")

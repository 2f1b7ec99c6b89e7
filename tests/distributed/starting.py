"""How tests start the program of ranks, by themselves instead of a launcher."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

PROGRAM = Path(__file__).with_name("ranks.py")
#: Seconds after which the others must have ended when a rank has.
SOON = 30


def environment(**more):
    hidden = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RESTART_COUNT")
    kept_ = {name: value for name, value in os.environ.items() if name not in hidden}
    root = str(PROGRAM.parents[2])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    return kept_ | {"OMP_NUM_THREADS": "1", "GRAPHEMBED_TIMEOUT": "120", "PYTHONPATH": path} | more


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


@contextmanager
def without_launcher(*words, **more):
    """Two ranks that torchrun has not started, and would not end."""
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "WORLD_SIZE": "2"} | more
    command = [sys.executable, "-W", "ignore", str(PROGRAM), *map(str, words)]
    ranks = [
        subprocess.Popen(command, env=environment(RANK=str(rank), **where), stderr=subprocess.PIPE, text=True)
        for rank in range(2)
    ]
    try:
        yield ranks
    finally:
        for rank in ranks:
            rank.kill()
            rank.communicate()

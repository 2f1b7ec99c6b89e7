"""A sampler takes four bytes an edge beside the user's own sixteen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
from pathlib import Path
import torch, graphembed_ext as ge
from graphembed_ext._core.memory import peak, resident

def batch(edges, nodes):
    return next(iter(ge.neighbor_loader(ge.view(edges, num_nodes=nodes).with_features(
        {"_N": {"x": torch.zeros(nodes, 1)}}), [5, 5], 64, seed=0, prefetch=0)))

torch.set_num_threads(1)
batch(torch.randint(100, (2, 1000)), 100)  # loads what is compiled
edges = torch.randint(20_000, (2, 4_000_000))
Path("/proc/self/clear_refs").write_text("5")
before = resident()
batch(edges, 20_000)
print((peak() - before) / edges.size(1))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the most memory is set back as Linux does")
def test_the_most_memory_of_a_sampler():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", PROGRAM], capture_output=True, text=True, check=True)
    print(f"{float(done.stdout):.1f} bytes an edge beside the user's own")
    assert float(done.stdout) < 7

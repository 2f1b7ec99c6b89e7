"""``prepare`` keeps to the memory it was given, and what it writes does not depend on how much that was."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

#: A small call first, so that what imports and compiled code hold is not counted; then the most is set to what is held.
PROGRAM = """
import sys
from pathlib import Path
import graphembed_ext as ge
from graphembed_ext._core.memory import peak, resident
source, memory, folder = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
(folder / "tiny.csv").write_text("source,target,weight\\n" + "".join(f"{k},{k * 7 % 999},1.5\\n" for k in range(5000)))
ge.prepare(folder / "tiny.csv", folder / "tiny")
Path("/proc/self/clear_refs").write_text("5")
before = resident()
ge.prepare(source, folder / "graph", memory=memory)
print((peak() - before) // 2**20)
"""


def _taken(source, memory, folder):
    """MiB that a process takes to prepare a graph, beyond what it held."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(source), memory, str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return int(done.stdout)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the most memory is set back as Linux does")
@pytest.mark.parametrize("kind", ["csv", "weighted", "parquet"])
def test_the_whole_process_keeps_to_the_memory_that_it_is_given(tmp_path, kind):
    lines, nodes = 2_500_000, 100_000
    draw = np.random.default_rng(0)
    columns = {"source": draw.integers(0, nodes, lines) ** 2 // nodes, "target": draw.integers(0, nodes, lines)}
    if kind == "weighted":
        columns["weight"] = draw.random(lines).round(3)
    source = tmp_path / ("edges.parquet" if kind == "parquet" else "edges.csv")
    write = pa.parquet.write_table if kind == "parquet" else pa.csv.write_csv
    write(pa.table(columns), source)
    small, large = _taken(source, "224M", tmp_path / "small"), _taken(source, "2G", tmp_path / "large")
    print(f"{kind}: {small} MiB of 224, {large} of 2048")
    assert small <= 224
    assert large <= 2048
    files = sorted(path.relative_to(tmp_path / "small") for path in (tmp_path / "small" / "graph").rglob("*.*"))
    assert len(files) > 5
    for file in files:
        assert (tmp_path / "small" / file).read_bytes() == (tmp_path / "large" / file).read_bytes(), file

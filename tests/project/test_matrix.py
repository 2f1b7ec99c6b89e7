"""Bad input: public functions, each argument in turn with each bad value, in processes that may die.

Every case is right, or the package's own error within a second; layers that stand in for DGL's or PyG's may raise what
those raise for the same. Nothing hangs, dies, or ends in an error from the depths. One case in ``STEP`` is tried here,
as they come; ``make matrix`` tries all.
"""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections import Counter

import pytest

import graphembed_ext as ge
import graphembed_ext.dgl
import graphembed_ext.pyg
from graphembed_ext._core.optional import installed
from tests.project.matrix.values import VALUES

#: Coprime to the number of values, so that each value meets every function sooner or later.
STEP = 23
#: Not called with arguments of users: results, and names that hold what is called.
RESULTS = {"EdgeSplit", "FitResult", "NeighborBatch", "ParityReport", "Row", "Layout", "Walks"}
WITHOUT_ARGUMENTS = {"models", "matrix"}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    if not (installed("dgl") and installed("sklearn") and installed("matplotlib")):
        pytest.skip("the matrix calls functions that need DGL, scikit-learn and matplotlib")
    record = tmp_path_factory.mktemp("matrix") / "record.json"
    command = [sys.executable, "-m", "tests.project.matrix.runner", str(STEP)]
    subprocess.run(command, env=os.environ | {"MATRIX_RECORD": str(record)}, capture_output=True, timeout=900)
    return json.loads(record.read_text())


def test_bad_values_end_in_an_answer_or_an_error_of_the_package(outcomes):
    bad = [f"{verdict}: {'/'.join(case)}: {detail}" for case, (verdict, detail) in outcomes if verdict in BAD]
    assert not bad, "\n".join(bad)


BAD = ("bare", "slow", "hang", "signal", "broken", "wordy")


def test_the_matrix_is_large_and_most_bad_values_are_refused(outcomes):
    counts = Counter(verdict for _, (verdict, _) in outcomes)
    assert sum(counts.values()) > 2000
    assert counts["own"] > 4 * counts["accepted"]
    assert {value for (_, _, value), _ in outcomes} == set(VALUES)


def test_every_public_function_stands_in_the_matrix(outcomes):
    """A new public name wants a line in ``subjects.py``."""
    tried = {name.partition(",")[0] for (name, _, _), _ in outcomes}
    faces = {"ge": ge, "pyg": ge.pyg, "dgl": ge.dgl}
    for face in ("losses", "evaluate", "readers", "checkpoint", "plots", "exports", "walks", "parity", "callbacks"):
        faces[face] = getattr(ge, face)
    same = {getattr(ge, name): f"ge.{name}" for name in ge.__all__ if inspect.isclass(getattr(ge, name))}
    missing = {
        f"{face}.{name}"
        for face, module in faces.items()
        for name in module.__all__
        if callable(value := getattr(module, name)) and name not in RESULTS | WITHOUT_ARGUMENTS
        if not {f"{face}.{name}", same.get(value) if inspect.isclass(value) else None} & tried
    }
    assert not missing

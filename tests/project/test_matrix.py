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
from tests.project.matrix.runner import GOOD, judge
from tests.project.matrix.subjects import subjects
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


#: What ended in an error from the depths once: an argument, its values, and the functions that take it.
MENDED = {
    "path": (["long string"], "Embeddings.save, Embeddings.load, index.NeighborIndex, readers.read_pairs"),
    "source": (["long string"], "readers.read_graph, ge.prepare"),
    "nodes": (["long string", "()", "{}"], "readers.read_graph, ge.neighbor_loader"),
    "folder": (["long string"], "ge.prepare, ge.open_graph, callbacks.TensorBoard"),
    "encoding": (["string with a NUL"], "readers.read_graph, ge.prepare"),
    "weight_decay": (["1e308"], "ge.fit, GraphSAGE, labels; ge.fit, GraphSAGE, links; ge.fit, HAN"),
    "aggr": (["a module of torch"], "GraphSAGE.for_graph"),
    "in_channels": (["np.int64"], "ge.HANConv, dgl.HANConv, pyg.HANConv, ge.HAN"),
    "out_channels": (["np.int64"], "ge.HAN, HAN.for_graph"),
    "batch_size": (["np.int64"], "pyg.Node2Vec.loader"),
    "seed": (["np.int64"], "parity.report"),
    "metadata": (["[0, 1]", "(0, 1)", "list of None", "list of -1", "list of floats"], "ge.HANConv, dgl.HANConv"),
    "target": (["long string", "np edges", "np floats", "np NaN"], "HAN.for_graph"),
    "edge_index": (
        ["uint64", "meta", "meta edges"],
        "GraphSAGE.forward, LightGCN.get_embedding, LightGCN.forward, LightGCN.predict_link, LightGCN.recommend, "
        "pyg.SAGEConv.forward, pyg.LGConv.forward, pyg.Node2Vec",
    ),
    "edge_index_dict": (["meta", "meta edges"], "pyg.MetaPath2Vec"),
    "history": (["edges of 10**15"], "LightGCN.recommend_new, LightGCN.embed_new_users"),
    "graph": (["edges of 10**15"], "ge.neighbor_loader, walks.stream"),
    "first": (["edges of 10**15"], "parity.report"),
    "second": (["edges of 10**15"], "parity.report"),
    "x": (
        ["()", "[]", "list of floats", "complex", "a class", "meta", "half", "sparse COO", "sparse CSR"],
        "GraphSAGE.forward, dgl.GraphSAGE.forward, pyg.SAGEConv.forward, pyg.LGConv.forward",
    ),
    "model": (["[]", "{}", "ids"], "estimators.NodeEmbedding"),
    "random_state": (["a string", "2**63"], "estimators.NodeEmbedding"),
    "model_params": (["[0, 1]", "ids", "dict of int"], "estimators.NodeEmbedding"),
    "fit_params": (["[0, 1]", "ids", "dict of int"], "estimators.NodeEmbedding"),
    "X": (["a class"], "estimators.NodeEmbedding"),
    "edge_weight": (["complex"], "GraphSAGE.forward, dgl.GraphSAGE.forward, pyg.SAGEConv.forward"),
    "feat": (["complex", "meta", "half"], "dgl.SAGEConv.forward"),
}


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    if not (installed("dgl") and installed("sklearn") and installed("matplotlib")):
        pytest.skip("the matrix calls functions that need DGL, scikit-learn and matplotlib")
    with pytest.MonkeyPatch.context() as place:
        place.chdir(tmp_path_factory.mktemp("known"))  # where subjects write the files that they read
        yield list(subjects())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("parameter", MENDED)
def test_what_was_mended_stays_so(parameter, known):
    values, names = MENDED[parameter]
    wanted = set(names.split("; ") if ";" in names else names.split(", "))
    there = [subject for subject in known if subject.name in wanted and parameter in subject.parameters]
    assert {subject.name for subject in there} == wanted
    bad = []
    for subject in there:
        for value, make in subject.values(parameter):
            if value in values:
                verdict, detail = judge(subject, parameter, make)
                if verdict not in (*GOOD, "slow"):
                    bad.append(f"{verdict}: {subject.name}/{parameter}/{value}: {detail}")
    assert not bad, "\n".join(bad)

"""What first users stumbled over: the message names the argument, what came, and the way out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import graphembed_ext as ge
from graphembed_ext import plots, readers
from graphembed_ext._core import checks, memory
from graphembed_ext._core.checks import as_floats, as_tensor
from graphembed_ext.errors import GraphEmbedError, InputError
from tests.graphs import build_pyg, people

RING = torch.stack([torch.arange(10), (torch.arange(10) + 1) % 10])


def model():
    return ge.DeepWalk(RING, emb_dim=4, walk_length=6, window_size=2, seed=0)


CASES = {
    "an id of 10**15": (
        lambda: ge.DeepWalk(torch.tensor([[0, 10**15], [10**15, 0]]), walk_length=6, window_size=2),
        "num_nodes: got .* Hint: ids count from 0 and the largest one makes the number of nodes",
    ),
    "two nodes at once": (lambda: ge.embed(model()).most_similar([0, 1]), r"node: got \[0, 1\]; expected the name"),
    "a folder that is not there": (
        lambda: ge.checkpoint.save(model(), "/nowhere/at/all.pt"),
        "file: got /nowhere/at/all.pt; expected a file in a folder that exists. Hint: make the folder /nowhere/at",
    ),
    "a state into a folder that is not there": (
        lambda: ge.fit(model(), epochs=1, checkpoint="/nowhere/at/all.pt", progress=False),
        "checkpoint: got /nowhere/at/all.pt; expected a file in a folder that exists",
    ),
    "a number for a file": (lambda: readers.read_graph(3), "source: got 3; expected the path of a file"),
    "a number for a history": (lambda: plots.loss_curve(3), "history: got 3; expected the history of a training"),
    "a class for embeddings": (
        lambda: ge.attach(build_pyg(people()), ge.Embeddings),
        "embeddings: got a type; expected embeddings, a tensor",
    ),
    "features of whole numbers": (
        lambda: ge.GraphSAGE(4, 4, 2)(torch.ones(10, 4, dtype=torch.int64), RING),
        r"x: got shape \(10, 4\) of int64; expected features.* Hint: convert with .float",
    ),
    "an empty dict": (lambda: ge.view({}), "graph: got an empty dict; expected edges by canonical edge type"),
    "a third of a kilometre of text": (lambda: ge.create("x" * 10_000, RING), r"x{300} \.\.\. \(10,00"),
    "more layers than anybody trains": (lambda: ge.GraphSAGE(4, 4, 2**31), "num_layers: got 2147483648; expected at"),
    "more workers than there are": (lambda: model().loader(num_workers=2**31), "num_workers: got 2147483648"),
    "weights that fit nowhere": (
        lambda: ge.GraphSAGE(4, 2**31, 2),
        "out_channels: got 2147483648, for which the weights of 4 by 2147483648 numbers would take 64.00 GiB",
    ),
    "a table that fits nowhere": (
        lambda: ge.LightGCN(2**40, 64, 2),
        "num_nodes: got 1099511627776, for which the table would take 262144.00 GiB",
    ),
    "float classes": (
        lambda: ge.losses.classification_loss(torch.zeros(2, 3), torch.tensor([0.5, 1])),
        "y: got classes that are no whole numbers",
    ),
    "a class too many": (
        lambda: ge.losses.classification_loss(torch.zeros(2, 3), torch.tensor([0, 3])),
        "y: got the class 3; expected classes from 0 to 2",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_messages(case):
    call, message = CASES[case]
    with pytest.raises(GraphEmbedError, match=message):
        call()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([[1, 2], [3, 4]], torch.tensor([[1.0, 2], [3, 4]])),
        (np.eye(2)[::-1], torch.tensor([[0.0, 1], [1, 0]], dtype=torch.float64)),
        ([torch.ones(2), torch.zeros(2)], torch.tensor([[1.0, 1], [0, 0]])),
        (np.ones((2, 2), np.float32), torch.ones(2, 2)),
    ],
)
def test_numbers_in_any_form(given, expected):
    found = as_floats("x", given, "a matrix", dims=2)
    assert found.dtype == expected.dtype
    assert torch.equal(found, expected)


def test_an_array_that_nobody_may_write_to_is_read_without_a_warning():
    array = np.ones(3)
    array.flags.writeable = False
    assert as_tensor("x", array, "numbers").tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    "given",
    [
        None, "ab", {"a": 1}, {1, 2}, object(), [None], [[1, 2], [3]], np.array([object()]), torch.eye(2).to_sparse(),
        torch.ones(2, device="meta"), torch.ones(2, dtype=torch.complex64), [10**30], torch.nn.Linear(1, 1),
    ],
    ids=lambda given: str(given).partition(" at 0x")[0][:30],
)  # fmt: skip
def test_what_is_no_numbers_is_refused(given):
    with pytest.raises(InputError, match="x: got"):
        as_tensor("x", given, "numbers")


def test_limits_of_the_process_count_as_memory_that_is_not_there(monkeypatch):
    resource = pytest.importorskip("resource")
    limits = {resource.RLIMIT_DATA: 10**9, resource.RLIMIT_AS: resource.RLIM_INFINITY}
    monkeypatch.setattr(resource, "getrlimit", lambda which: (limits[which], limits[which]))
    assert memory.available() < 10**9
    with pytest.raises(InputError, match="num_nodes: got"):
        ge.LightGCN(10**7, 64, 2)


def test_checks_take_what_is_right():
    assert checks.integer("n", np.int32(3)) == 3
    assert checks.switch("flag", 1) is True
    assert checks.share("p", 1) == 1.0
    assert checks.several("names", np.array(["a"]), "names") == ["a"]
    assert checks.path("path", "a/b").name == "b"
    for wrong in (2, "yes", None, torch.tensor([True, False])):
        with pytest.raises(InputError, match="flag: got"):
            checks.switch("flag", wrong)

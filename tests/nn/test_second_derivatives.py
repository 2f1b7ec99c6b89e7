"""Second derivatives and functional transforms of everything compiled: those of the same sums by torch's operators."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import forward_ad

from graphembed_ext.graph.adjacency import Adjacency
from graphembed_ext.nn.ops import attention
from graphembed_ext.nn.ops.maxima import neighbor_max
from graphembed_ext.nn.ops.means import neighbor_mean
from graphembed_ext.nn.ops.pair_scores import pair_scores
from graphembed_ext.nn.ops.projections import projections
from graphembed_ext.nn.ops.propagation import propagate, propagate_rows
from graphembed_ext.nn.ops.rows import Rows, projected
from graphembed_ext.nn.ops.sums import neighbor_sum

SRC, DST = torch.tensor([3, 0, 2, 1, 0, 3, 3]), torch.tensor([1, 2, 1, 2, 3, 0, 1])
GRAPH, NODES = Adjacency.from_edges(SRC, DST, 4, 4), 4
ALPHA = [0.5, 0.3, 0.2]


def draw(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


X, WEIGHT = draw(NODES, 3), draw(len(SRC), seed=1).abs() + 0.1
HEADS = draw(NODES, 2, 3), draw(NODES, 2, seed=2), draw(NODES, 2, seed=3)
WEIGHTS = draw(2, 3, seed=4), draw(2, 3, seed=5)
ROWS, PAIRS = torch.tensor([2, 0]), (torch.tensor([0, 3, 3]), torch.tensor([[1, 1], [2, 0], [3, 1]]))


def attend(*given):
    return attention.attend(GRAPH, *given[:3], dropout=0.4, key=7, weight=given[3])


#: Name, what is compiled, and what it is differentiated by.
CASES = {
    "sum": (lambda x: neighbor_sum(GRAPH, x), (X,)),
    "sum by weight": (lambda x, w: neighbor_sum(GRAPH, x, w), (X, WEIGHT)),
    "sum by weight alone": (lambda w: neighbor_sum(GRAPH, X, w), (WEIGHT,)),
    "mean": (lambda x, w: neighbor_mean(GRAPH, x, w), (X, WEIGHT)),
    "maximum": (lambda x, w: neighbor_max(GRAPH, x, w), (X, WEIGHT)),
    "maximum without weights": (lambda x: neighbor_max(GRAPH, x), (X,)),
    "attention": (lambda *given: attention.attend(GRAPH, *given), HEADS),
    "attention with weights and dropout": (attend, (*HEADS, WEIGHT)),
    "attention by scores": (lambda a: attention.attend(GRAPH, HEADS[0], a, HEADS[2]), (HEADS[1],)),
    "attention whose scores are made of the vectors": (
        lambda x: attention.attend(GRAPH, x, x.sum(2), x.sin().sum(2)),
        (HEADS[0],),
    ),
    "propagation": (lambda x: propagate(GRAPH, x, ALPHA), (X,)),
    "propagation of rows": (lambda x: torch.cat(propagate_rows(GRAPH, x, ROWS, ALPHA)), (X,)),
    "propagation as it is": (lambda x: propagate(GRAPH, x, ALPHA, normalize=False), (X,)),
    "projections": (lambda *given: torch.cat([p.flatten() for p in projections(*given, 2)]), (X, *WEIGHTS)),
    "rows": (
        lambda first, second, bias: projected(
            Rows(X, ROWS.repeat(2)), GRAPH, first, second, bias, mean=True, relu=True
        ),
        (*WEIGHTS, draw(2, seed=6)),
    ),
    "pairs": (lambda x, y: pair_scores(x, y, *PAIRS), (X, draw(NODES, 3, seed=7))),
    "pairs of one table": (lambda x: pair_scores(x, x, *PAIRS), (X,)),
}


@pytest.mark.parametrize("name", CASES)
def test_second_derivatives(name):
    function, given = CASES[name]
    given = [part.clone().requires_grad_() for part in given]
    assert torch.autograd.gradcheck(function, given)
    assert torch.autograd.gradgradcheck(function, given)


@pytest.mark.parametrize("name", [name for name in CASES if name != "rows"])
def test_a_gradient_that_may_be_differentiated_is_the_same(name):
    function, given = CASES[name]
    given = [part.clone().requires_grad_() for part in given]
    once = torch.autograd.grad(function(*given).sin().sum(), given)
    again = torch.autograd.grad(function(*given).sin().sum(), given, create_graph=True)
    torch.testing.assert_close(again, once)


TRANSFORMED = [name for name in CASES if name != "rows" and not name.startswith("attention")]


@pytest.mark.parametrize("name", TRANSFORMED)
def test_functional_transforms(name):
    """Jacobians backwards and forwards, directional derivatives and batches, against the same function as it is."""
    function, given = CASES[name]
    places = tuple(range(len(given)))
    wanted = torch.autograd.functional.jacobian(lambda *parts: function(*parts), given)
    for jacobian in (torch.func.jacrev, torch.func.jacfwd):
        torch.testing.assert_close(jacobian(function, places)(*given), wanted)
    tangents = tuple(torch.ones_like(part) for part in given)
    along = sum(part.flatten(-t.dim()) @ t.flatten() for part, t in zip(wanted, tangents, strict=True))
    torch.testing.assert_close(torch.func.jvp(function, given, tangents)[1], along)
    batch = [torch.stack([part, 2 * part]) for part in given]
    torch.testing.assert_close(
        torch.func.vmap(function)(*batch), torch.stack([function(*given), function(*(2 * part for part in given))])
    )


def test_dual_numbers():
    with forward_ad.dual_level():
        out = neighbor_sum(GRAPH, forward_ad.make_dual(X, torch.ones_like(X)))
        torch.testing.assert_close(forward_ad.unpack_dual(out).tangent, neighbor_sum(GRAPH, torch.ones_like(X)))

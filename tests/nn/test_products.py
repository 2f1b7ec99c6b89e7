"""Matrix products by blocks of rows: against torch's own, on any number of threads."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from graphembed_ext.graph.adjacency import Adjacency
from graphembed_ext.nn.ops import products
from graphembed_ext.nn.ops.projections import projections
from graphembed_ext.nn.ops.rows import Rows, projected

ROWS = 2500  # three blocks


def draw(*size: int, seed: int = 0) -> Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(params=[1, 2])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def gradients(out: Tensor, *of: Tensor | None) -> tuple[Tensor, ...]:
    return torch.autograd.grad(out.sin().sum(), [given for given in of if given is not None])


@pytest.mark.parametrize("num_dst", [1, 1024, 1500, ROWS])
def test_both_projections_over_several_blocks(threads, num_dst):
    x, first, second = draw(ROWS, 5).requires_grad_(), draw(2, 5, seed=1), draw(3, 5, seed=2)
    first.requires_grad_(), second.requires_grad_()
    found = projections(x, first, second, num_dst)
    wanted = x @ first.t(), x[:num_dst] @ second.t()
    torch.testing.assert_close(found, wanted)
    for one, other in zip(found, wanted, strict=True):
        assert one.shape == other.shape
    ours, theirs = (gradients(torch.cat([part.flatten() for part in out]), x, first, second) for out in (found, wanted))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("mean", [True, False])
@pytest.mark.parametrize("relu", [True, False])
def test_rows_of_a_matrix_against_plain_tensors(threads, mean, relu):
    x, nodes = draw(4000, 6), torch.randperm(4000, generator=torch.Generator().manual_seed(1))
    src, dst = torch.randint(4000, (9000,), generator=torch.Generator().manual_seed(2)), torch.arange(9000) % ROWS
    dst = dst.clamp(min=7)  # some targets have no neighbours
    graph, rows = Adjacency.from_edges(src, dst, 4000, ROWS), Rows(x, nodes)
    first, second, bias = (draw(*size, seed=3).requires_grad_() for size in ((4, 6), (4, 6), (4,)))
    total = torch.zeros(ROWS, 6, dtype=torch.float64).index_add(0, dst, x[nodes[src]])
    if mean:
        total = total / torch.bincount(dst, minlength=ROWS).clamp(min=1).unsqueeze(1)
    wanted = total @ first.t() + x[nodes[:ROWS]] @ second.t() + bias
    wanted = wanted.relu() if relu else wanted
    found = projected(rows, graph, first, second, bias, mean=mean, relu=relu)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(gradients(found, first, second, bias), gradients(wanted, first, second, bias))
    unbiased = projected(rows, graph, first, second, None, mean=mean)
    torch.testing.assert_close(
        gradients(unbiased, second), gradients(total @ first.t() + x[nodes[:ROWS]] @ second.t(), second)
    )


def test_sums_of_wide_matrices_have_fewer_terms(monkeypatch):
    monkeypatch.setattr(products, "_PARTS", 100)
    x, y, sizes = draw(3 * ROWS, 6), draw(3 * ROWS, 8, seed=1), []

    def work(part: slice, out: Tensor) -> None:
        sizes.append(part.stop - part.start)
        torch.mm(x[part].t(), y[part], out=out)

    (found,) = products.summed(work, len(x), x, (6, 8))
    torch.testing.assert_close(found, x.t() @ y)
    assert sorted(sizes) == [3750, 3750]


def test_the_number_of_threads_changes_no_bit_and_is_left_as_it_was():
    x, first, second = (draw(*size, seed=4).float() for size in ((20_000, 40), (24, 40), (7, 40)))
    given = [part.requires_grad_() for part in (x, first, second)]
    before, found = torch.get_num_threads(), []
    for threads in (1, 2, 3, 2, 1):
        torch.set_num_threads(threads)
        torch.ones(1000, 1000) @ torch.ones(1000, 1000).sin()  # torch's threads have been at work
        out = projections(*given, 15_000)
        found.append((*out, *gradients(torch.cat([part.flatten() for part in out]), *given)))
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    for other in found[1:]:
        assert all(map(torch.equal, found[0], other))

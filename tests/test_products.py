"""Matrix products by blocks of rows: against torch's own, on any number of threads."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import graphembed_ext as ge
from graphembed_ext.messages import products
from graphembed_ext.messages.adjacency import Adjacency
from graphembed_ext.messages.parallel import held, threads_to_ourselves
from graphembed_ext.messages.projections import projections
from graphembed_ext.messages.rows import Rows, projected

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


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("rows", [0, 1, ROWS])
def test_a_linear_layer_by_blocks_is_torchs(threads, rows, biased):
    x, weight = draw(rows, 5).requires_grad_(), draw(3, 5, seed=1).requires_grad_()
    bias = draw(3, seed=2).requires_grad_() if biased else None
    wanted = F.linear(x, weight, bias)
    with threads_to_ourselves():
        found = products.linear(x, weight, bias)
        assert type(found.grad_fn).__name__ == "_LinearBackward"
        torch.testing.assert_close(found, wanted)
        torch.testing.assert_close(gradients(found, x, weight, bias), gradients(wanted, x, weight, bias))


def test_torchs_layer_serves_where_torch_has_its_threads_and_for_other_kinds():
    x, weight = draw(ROWS, 5).requires_grad_(), draw(3, 5, seed=1)
    assert "_LinearBackward" not in type(products.linear(x, weight).grad_fn).__name__
    with threads_to_ourselves(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert products.linear(x.float(), weight.float()).dtype == torch.bfloat16
    with threads_to_ourselves():
        assert products.linear(x.bfloat16(), weight.bfloat16()).dtype == torch.bfloat16
        assert products.linear(x.unsqueeze(0), weight).shape == (1, ROWS, 3)


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
    x, weight = draw(20_000, 40).float().requires_grad_(), draw(24, 40, seed=1).float().requires_grad_()
    before, found = torch.get_num_threads(), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        with threads_to_ourselves():
            out = products.linear(x, weight)
            found.append((out, *gradients(out, x, weight)))
        assert torch.get_num_threads() == threads
        assert not held()
    torch.set_num_threads(before)
    for other in found[1:]:
        assert all(map(torch.equal, found[0], other))


def test_mini_batches_train_alike_on_any_number_of_threads():
    edges = torch.randint(3000, (2, 30_000), generator=torch.Generator().manual_seed(0))
    y = torch.arange(3000) % 3
    from torch_geometric.data import Data

    data = Data(x=draw(3000, 16).float(), edge_index=edges, y=y)
    before, losses = torch.get_num_threads(), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        model = ge.GraphSAGE(16, 32, 2, 3, seed=0)
        assert model.own_threads
        result = ge.fit(
            model, data, masks={"train": torch.arange(2500)}, batch_size=1250, epochs=2, seed=0, progress=False
        )
        losses.append([entry["loss"] for entry in result.history])
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    assert losses[0] == losses[1]


@pytest.mark.parametrize(
    ("config", "own"),
    [
        ({}, True),
        ({"aggr": "pool"}, True),
        ({"aggr": "gcn", "norm": "layer"}, True),
        ({"aggr": "lstm"}, False),
        ({"aggr": "median"}, False),
        ({"jk": "lstm"}, False),
    ],
    ids=str,
)
def test_which_models_leave_torch_nothing_worth_its_threads(config, own):
    assert ge.GraphSAGE(4, 8, 2, 3, **config).own_threads is own
    assert not ge.GraphSAGE(4, 8, 2, 3, **config).half().own_threads

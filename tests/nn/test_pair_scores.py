"""Compiled pair scores against plain gathers."""

from __future__ import annotations

import pytest
import torch

from graphembed_ext.nn.ops.pair_scores import pair_scores, rows_of


def pairs(dtype=torch.float64, d=7):
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.randn(n, d, generator=generator).to(dtype) for n in (5, 9))
    i = torch.randint(5, (20,), generator=generator)
    j = torch.randint(9, (20, 3), generator=generator)
    return first, second, i, j


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_scores_and_gradients_equal_plain_gathers(dtype):
    first, second, i, j = pairs(dtype)
    expected = torch.stack([torch.stack([first[a] @ second[b] for b in row]) for a, row in zip(i, j, strict=True)])
    tolerance = {"rtol": 0.05, "atol": 0.1} if dtype == torch.bfloat16 else {}
    torch.testing.assert_close(pair_scores(first, second, i, j), expected, **tolerance)
    weight = torch.randn(j.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    gradients = []
    for function in (pair_scores, lambda a, b, i, j: (a[i].unsqueeze(1) * b[j]).sum(2)):
        leaves = [rows.clone().requires_grad_() for rows in (first, second)]
        (function(*leaves, i, j) * weight).sum().backward()
        gradients.append([leaf.grad for leaf in leaves])
    for found, wanted in zip(*gradients, strict=True):
        torch.testing.assert_close(found, wanted, **tolerance)


def test_gradcheck_one_table_on_both_sides():
    first, _, i, j = pairs()
    leaf = first.requires_grad_()
    assert torch.autograd.gradcheck(lambda rows: pair_scores(rows, rows, i, j % 5), (leaf,))


@pytest.mark.parametrize("rows", [50, 5000])
@pytest.mark.parametrize("sparse", [True, False])
def test_gradient_of_a_table(sparse, rows):
    table = torch.nn.Embedding(rows, 3, sparse=sparse)
    ids = torch.tensor([[4, 9], [4, 4]])
    rows, places = rows_of(table, ids)
    torch.testing.assert_close(rows[places], table(ids))
    rows[places].sum().backward()
    gradient = table.weight.grad
    if sparse:
        assert gradient._nnz() == 2
        gradient = gradient.to_dense()
    assert gradient.sum(1).nonzero().flatten().tolist() == [4, 9]
    assert gradient[4].tolist() == [3.0, 3.0, 3.0]

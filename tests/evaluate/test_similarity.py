"""How alike two embeddings are, against SciPy and a plain loop."""

from __future__ import annotations

import pytest
import scipy.spatial
import torch

import graphembed_ext as ge
from graphembed_ext.errors import InputError


def two(nodes=40, seed=0):
    draws = torch.Generator().manual_seed(seed)
    first = torch.randn(nodes, 5, generator=draws)
    return first, torch.cat([first[:, :3], torch.randn(nodes, 4, generator=draws)], 1)


@pytest.mark.parametrize("k", [1, 7, 100])
def test_overlap_is_the_mean_jaccard_index_of_both_lists(k):
    first, second = two()

    def nearest(vectors, node):
        cosine = {
            other: float(torch.cosine_similarity(vectors[node].double(), vectors[other].double(), dim=0))
            for other in range(len(vectors))
            if other != node
        }
        return set(sorted(cosine, key=cosine.get, reverse=True)[:k])

    pairs = [(nearest(first, node), nearest(second, node)) for node in range(40)]
    expected = sum(len(a & b) / len(a | b) for a, b in pairs) / 40
    assert ge.evaluate.neighbourhood_overlap(first, second, k) == pytest.approx(expected)
    assert ge.evaluate.neighbourhood_overlap(first, second, [k, 3])[0] == pytest.approx(expected)


def test_procrustes_is_that_of_scipy():
    first, second = two()
    *_, disparity = scipy.spatial.procrustes(torch.cat([first, torch.zeros(40, 2)], 1).numpy(), second.numpy())
    assert ge.evaluate.procrustes(first, second) ** 2 == pytest.approx(1 - disparity)
    assert ge.evaluate.procrustes(first, first.flip(1) * 3 + 1) == pytest.approx(1)


def test_other_nodes_are_refused():
    for compare in (ge.evaluate.neighbourhood_overlap, ge.evaluate.procrustes):
        with pytest.raises(InputError, match="vectors of the same nodes"):
            compare(torch.ones(3, 2), torch.ones(4, 2))
    with pytest.raises(InputError, match="second: got vectors that are all equal"):
        ge.evaluate.procrustes(torch.eye(3), torch.ones(3, 2))

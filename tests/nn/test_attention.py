"""The fused attention, against plain loops, autograd and PyG's softmax."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch_geometric.utils import softmax

from graphembed_ext.errors import InputError
from graphembed_ext.graph.adjacency import Adjacency
from graphembed_ext.nn.ops.attention import attend, serves
from graphembed_ext.nn.ops.attention_plain import keep_factors

#: Several edges between the same nodes, a source without edges, destination 3 without any.
SRC, DST = torch.tensor([3, 0, 3, 1, 0, 3, 0]), torch.tensor([1, 2, 1, 2, 2, 0, 4])
GRAPH = Adjacency.from_edges(SRC, DST, 5, 5)
KEY = (1 << 63) + 12345


def numbers(*shape, seed=0, dtype=torch.float64, scale=1.0):
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def problem(heads, dim, dtype=torch.float64, scale=1.0):
    x = numbers(5, heads, dim, seed=1, dtype=dtype).requires_grad_()
    a, b = (numbers(5, heads, seed=s, dtype=dtype, scale=scale).requires_grad_() for s in (2, 3))
    return x, a, b, (1 + numbers(7, seed=4, dtype=dtype).abs()).requires_grad_()


def by_edges(x, a, b, weight=None, slope=0.2, keep=None, src=SRC, dst=DST):
    """The same by a tensor for each edge, as PyG does."""
    alpha = softmax(F.leaky_relu(a[src] + b[dst], slope), dst, num_nodes=len(b))
    alpha = alpha if keep is None else alpha * keep.to(alpha.dtype)
    alpha = alpha if weight is None else alpha * weight.unsqueeze(1)
    return x.new_zeros(len(b), *x.shape[1:]).index_add(0, dst, alpha.unsqueeze(2) * x[src])


def test_equals_plain_loops():
    x, a, b, weight = (part.detach() for part in problem(2, 3))
    expected = torch.zeros(5, 2, 3, dtype=torch.float64)
    for node in range(5):
        edges = [edge for edge in range(7) if DST[edge] == node]
        for head in range(2):
            scores = [float(a[SRC[edge], head] + b[node, head]) for edge in edges]
            shares = [math.exp(score if score > 0 else 0.2 * score) for score in scores]
            for edge, share in zip(edges, shares, strict=True):
                expected[node, head] += weight[edge] * share / sum(shares) * x[SRC[edge], head]
    torch.testing.assert_close(attend(GRAPH, x, a, b, weight=weight), expected)


@pytest.mark.parametrize(("heads", "dim"), [(1, 1), (1, 9), (3, 4), (8, 8), (9, 17)])
@pytest.mark.parametrize("slope", [0.2, 0.0, 1.0])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("weighted", [False, True])
def test_values_and_gradients(heads, dim, slope, dropout, weighted):
    inputs = problem(heads, dim)
    inputs = inputs if weighted else inputs[:3]
    keep = keep_factors(SRC, DST, 5, heads, dropout, KEY) if dropout else None
    ours = attend(
        GRAPH,
        *inputs[:3],
        negative_slope=slope,
        dropout=dropout,
        key=KEY,
        weight=inputs[3] if weighted else None,
    )
    expected = by_edges(*inputs, slope=slope, keep=keep)
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)
    grad = numbers(5, heads, dim, seed=5)
    for got, wanted in zip(
        torch.autograd.grad(ours, inputs, grad), torch.autograd.grad(expected, inputs, grad), strict=True
    ):
        torch.testing.assert_close(got, wanted, rtol=1e-11, atol=1e-11)


def test_gradcheck():
    inputs = problem(2, 3)
    assert torch.autograd.gradcheck(lambda x, a, b, w: attend(GRAPH, x, a, b, weight=w), inputs)


def test_scores_of_zero_lie_below_the_kink():
    x = problem(2, 3)[0]
    a, b = (torch.zeros(5, 2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    grads = [torch.autograd.grad(f.square().sum(), (a, b)) for f in (attend(GRAPH, x, a, b), by_edges(x, a, b))]
    for got, wanted in zip(*grads, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("dtype", "scale"), [(torch.float32, 12.0), (torch.float64, 90.0)])
def test_scores_far_apart(dtype, scale):
    x, a, b, _ = problem(3, 4, dtype, scale)
    assert serves(x, a, 0.2)
    torch.testing.assert_close(attend(GRAPH, x, a, b), by_edges(x, a, b))
    # Far-away scores of the destinations are no harm; a sum for each edge would lose digits in float32.
    b = (1e4 * b).detach()
    expected = by_edges(x.double(), a.double(), b.double()).to(dtype)
    torch.testing.assert_close(attend(GRAPH, x, a, b), expected)


def test_what_it_cannot_serve():
    x, a, _, _ = problem(2, 3, torch.float32)
    assert not serves(x, a * 100, 0.2)
    assert not serves(x, a * torch.nan, 0.2)
    assert not serves(x, a, -0.1)
    assert not serves(x, a, 1.5)
    assert not serves(x.to("meta"), a, 0.2)
    assert serves(x[:0], a[:0], 0.2)


def test_dropout_is_fair_and_follows_its_key():
    graph = Adjacency.from_edges(torch.arange(2000).repeat(2), torch.arange(2).repeat_interleave(2000), 2000, 2)
    x = torch.ones(2000, 4, 2)
    a, b = torch.zeros(2000, 4), torch.zeros(2, 4)
    sums = [attend(graph, x, a, b, dropout=0.6, key=key) for key in (1, 1, 2)]
    assert torch.equal(sums[0], sums[1])
    assert not torch.equal(sums[0], sums[2])
    # Mean of 2,000 numbers that are 2.5 with chance 0.4: standard deviation 0.027.
    assert float((sums[0] - 1).abs().max()) < 5 * 0.028
    assert torch.equal(attend(graph, x, a, b, dropout=1.0), torch.zeros(2, 4, 2))


def test_order_of_edges_and_threads_change_no_bit():
    draw = torch.Generator().manual_seed(0)
    src, dst = (torch.randint(200, (9000,), generator=draw) for _ in range(2))
    x, a, b = (numbers(200, 8, *d, dtype=torch.float32).requires_grad_() for d in ((8,), (), ()))
    found, before = [], torch.get_num_threads()
    for threads, order in ((1, torch.arange(9000)), (2, torch.randperm(9000)), (5, torch.randperm(9000))):
        torch.set_num_threads(threads)
        graph = Adjacency.from_edges(src[order], dst[order], 200, 200)
        out = attend(graph, x, a, b, dropout=0.5, key=3)
        found.append((out, *torch.autograd.grad(out.square().sum(), (x, a, b))))
    torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(one, two) for one, two in zip(found[0], other, strict=True))


def test_half_precision_and_nothing_at_all():
    x, a, b, _ = problem(2, 3, torch.float32)
    got = attend(GRAPH, *(part.bfloat16() for part in (x, a, b)))
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got.float(), attend(GRAPH, x, a, b), rtol=0.05, atol=0.05)
    nothing = Adjacency.from_edges(SRC[:0], DST[:0], 5, 3)
    assert attend(nothing, x, a, b[:3]).tolist() == torch.zeros(3, 2, 3).tolist()
    none = Adjacency.from_edges(SRC[:0], DST[:0], 0, 0)
    assert attend(none, x[:0], a[:0], b[:0]).shape == (0, 2, 3)


def test_wrong_shapes_are_refused():
    x, a, b, w = problem(2, 3)
    for arguments, message in (
        ((x[:4], a, b), r"x: got shape \(4, 2, 3\); expected shape \(5, heads, dim\)"),
        ((x, a[:, :1], b), r"alpha_src: got shape \(5, 1\); expected shape \(5, 2\)"),
        ((x, a, b[:3]), r"alpha_dst: got shape \(3, 2\)"),
    ):
        with pytest.raises(InputError, match=message):
            attend(GRAPH, *arguments)
    with pytest.raises(InputError, match=r"edge_weight: got shape \(6,\); expected shape \(7,\)"):
        attend(GRAPH, x, a, b, weight=w[:6])

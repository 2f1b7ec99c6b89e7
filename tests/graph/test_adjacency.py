"""Adjacency and the sum over neighbours, against plain loops and autograd."""

from __future__ import annotations

import gc
import os
import signal
import time

import numpy as np
import pytest
import torch

from graphembed_ext.errors import GraphChangedError, InputError
from graphembed_ext.graph import adjacency as module
from graphembed_ext.graph.adjacency import Adjacency, adjacency
from graphembed_ext.nn.ops.sums import neighbor_sum

SRC, DST = torch.tensor([3, 0, 3, 1, 0, 3]), torch.tensor([1, 2, 1, 2, 2, 0])
EDGES = torch.stack([SRC, DST])


def random_edges(num_src, num_dst, count, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randint(n, (count,), generator=draw) for n in (num_src, num_dst)])


def test_rows_are_destinations_sorted_by_source_then_edge_id():
    graph = Adjacency.from_edges(SRC, DST, 4, 5)
    assert graph.indptr.tolist() == [0, 1, 3, 6, 6, 6]
    assert graph.indices.tolist() == [3, 3, 3, 0, 0, 1]
    assert graph.edge_ids.tolist() == [5, 0, 2, 1, 4, 3]
    assert graph.degrees.tolist() == [1, 2, 3, 0, 0]
    assert graph.destinations().tolist() == [0, 1, 1, 2, 2, 2]


def test_the_list_of_edges_comes_back():
    assert torch.equal(Adjacency.from_edges(SRC, DST, 4, 5).edge_index(), EDGES)
    assert torch.equal(Adjacency.from_edges(SRC, DST, 4, 5).transposed().edge_index(), EDGES.flip(0))


def test_the_transposed_keeps_edge_ids():
    back = Adjacency.from_edges(SRC, DST, 4, 5).transposed()
    assert (back.num_src, back.num_dst) == (5, 4)
    assert torch.equal(SRC[back.edge_ids], back.destinations())
    assert torch.equal(DST[back.edge_ids], back.indices)
    assert back.edge_ids.tolist() == [1, 4, 3, 5, 0, 2]
    assert back.transposed().transposed() is back


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("weighted", [False, True])
def test_neighbor_sum_equals_plain_loops(dtype, weighted):
    x = torch.arange(8, dtype=dtype).view(4, 2)
    weight = torch.tensor([1.0, 2, 3, 4, 5, 6]).to(dtype) if weighted else None
    expected = torch.zeros(5, 2, dtype=dtype)
    for edge in range(6):
        expected[DST[edge]] += (weight[edge] if weighted else 1) * x[SRC[edge]]
    assert torch.equal(neighbor_sum(adjacency(EDGES, 4, 5), x, weight), expected)


def test_gradients():
    x = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    weight = torch.rand(6, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    graph = adjacency(EDGES, 4, 5)
    assert torch.autograd.gradcheck(lambda x: neighbor_sum(graph, x), (x,))
    assert torch.autograd.gradcheck(lambda x, w: neighbor_sum(graph, x, w), (x, weight))
    assert torch.autograd.gradcheck(lambda w: neighbor_sum(graph, x.detach(), w), (weight,))


def test_order_of_edges_and_threads_change_no_bit():
    edges = random_edges(500, 300, 20_000)
    x = torch.randn(500, 33, generator=torch.Generator().manual_seed(0)).requires_grad_()
    found = []
    before = torch.get_num_threads()
    for threads, order in ((1, torch.arange(20_000)), (2, torch.randperm(20_000)), (5, torch.randperm(20_000))):
        torch.set_num_threads(threads)
        out = neighbor_sum(adjacency(edges[:, order], 500, 300), x)
        found.append((out, *torch.autograd.grad(out.square().sum(), x)))
    torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


def test_a_grouping_is_kept_until_its_edges_change():
    edges = EDGES.clone()
    first = adjacency(edges, 4, 5)
    assert adjacency(edges, 4, 5) is first
    assert adjacency(edges, 4, 6) is not first
    edges[1, 0] = 4
    assert adjacency(edges, 4, 5).degrees.tolist() == [1, 1, 3, 0, 1]
    with torch.inference_mode():
        unversioned = EDGES.clone()
        adjacency(unversioned, 4, 5)
        unversioned[1, 0] = 4
        assert adjacency(unversioned, 4, 5).degrees.tolist() == [1, 1, 3, 0, 1]


def test_a_grouping_is_let_go_with_its_edges():
    edges = EDGES.clone()
    adjacency(edges, 4, 5)
    name = id(edges)
    assert name in module._kept
    del edges
    gc.collect()
    assert name not in module._kept


def test_sparse_tensor_is_the_transposed_adjacency():
    SparseTensor = pytest.importorskip("torch_sparse").SparseTensor
    matrix = SparseTensor(row=DST, col=SRC, sparse_sizes=(5, 4))
    ours, expected = adjacency(matrix, 4, 5), adjacency(EDGES, 4, 5)
    assert torch.equal(ours.indptr, expected.indptr)
    assert torch.equal(ours.indices, expected.indices)
    assert adjacency(matrix, 4, 5) is ours


def test_a_fork_after_several_threads_ran_does_not_hang():
    graph = adjacency(random_edges(2000, 2000, 50_000), 2000, 2000)
    x = torch.ones(2000, 64)
    expected = neighbor_sum(graph, x).numpy()
    child = os.fork()
    if child == 0:
        # torch's own operators on several threads hang in a fork; what is tested is ours alone.
        os._exit(0 if np.array_equal(neighbor_sum(graph, x).numpy(), expected) else 1)
    for _ in range(1000):
        if (done := os.waitpid(child, os.WNOHANG)) != (0, 0):
            break
        time.sleep(0.02)
    else:
        os.kill(child, signal.SIGKILL)
        pytest.fail("the child hangs")
    assert done[1] == 0


def test_no_edges_and_no_nodes():
    nothing = torch.empty(2, 0, dtype=torch.int64)
    assert neighbor_sum(adjacency(nothing, 3, 2), torch.ones(3, 4)).tolist() == [[0.0] * 4] * 2
    assert neighbor_sum(adjacency(nothing, 0, 0), torch.ones(0, 4)).shape == (0, 4)


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        (torch.tensor([[0, 4], [0, 0]]), r"edge_index: got source id 4.*from 0 to 3"),
        (torch.tensor([[0, 0], [0, -1]]), r"edge_index: got destination id -1"),
        (torch.tensor([0, 1]), r"shape \(2,\)"),
        (torch.tensor([[0.5], [1.0]]), "torch.float32"),
        ([[0], [1]], "type list"),
    ],
)
def test_bad_edges_are_refused(edges, message):
    with pytest.raises(InputError, match=message):
        adjacency(edges, 4, 5)


def test_bad_vectors_and_weights_are_refused():
    graph = adjacency(EDGES, 4, 5)
    with pytest.raises(InputError, match=r"x: got shape \(5, 2\).*\(4, d\)"):
        neighbor_sum(graph, torch.ones(5, 2))
    with pytest.raises(InputError, match=r"edge_weight: got shape \(5,\).*\(6,\)"):
        neighbor_sum(graph, torch.ones(4, 2), torch.ones(5))


@pytest.mark.parametrize("count", [0, 1, 30, 5000])
@pytest.mark.parametrize("wide", [False, True])
def test_edges_of_a_view_are_the_same_with_ids_made_when_they_are_asked_for(count, wide):
    """Rows of one entry, of some, and of thousands, which are sorted otherwise."""
    edges = random_edges(40, 30, count)
    edges[1, : count // 2] = 7
    dtype = torch.int64 if wide else torch.int32
    plain = Adjacency.from_edges(*edges, 40, 30)
    later = Adjacency.from_edges(*edges.to(dtype), 40, 30, narrow=True)
    assert later.indices.dtype == later.edge_ids.dtype == torch.int32
    for name in ("indptr", "indices", "edge_ids"):
        assert torch.equal(getattr(later, name).long(), getattr(plain, name)), name
    assert later.edge_ids is later.edge_ids
    assert torch.equal(later.transposed().edge_index(), plain.transposed().edge_index())


def test_ids_of_edges_that_were_changed_meanwhile_are_refused():
    edges = random_edges(4, 5, 20)
    graph = Adjacency.from_edges(*edges, 4, 5, narrow=True)
    edges[0, 3] += 0
    with pytest.raises(GraphChangedError, match="changed in place"):
        _ = graph.edge_ids
    with torch.inference_mode():
        made = Adjacency.from_edges(*random_edges(4, 5, 20), 4, 5, narrow=True)
        assert len(made.edge_ids) == 20

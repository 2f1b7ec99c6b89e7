"""What a rank makes for its share of the work does not grow with the nodes that others own."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import graphembed_ext as ge
from graphembed_ext._core.row_draws import RowDraws
from graphembed_ext.distributed.group import LONE, Group
from graphembed_ext.training.walks import _loader
from graphembed_ext.walks.walker import Walker
from tests.graphs import build_pyg, world

NODES = 1_000_000
#: Numbers that a tensor of this rank may have; those of weights are looked at so many at a time.
SMALL = 1 << 17


class Largest(TorchDispatchMode):
    """Notes the largest tensor that an operation makes, those without memory aside."""

    def __init__(self):
        super().__init__()
        self.size = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        found = function(*args, **(kwargs or {}))
        given = {value.untyped_storage().data_ptr() for value in args if isinstance(value, torch.Tensor)}
        for value in found if isinstance(found, (tuple, list)) else [found]:
            if isinstance(value, torch.Tensor) and value.untyped_storage().data_ptr() not in {0, *given}:
                self.size = max(self.size, value.numel())
        return found


class Third(Group):
    """The third of a thousand."""

    rank, size = 2, 1000

    def share(self, count):
        return slice(2 * count // 1000, 3 * count // 1000)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A million nodes on the disk, a few of which have edges."""
    ring = torch.arange(1000) * (NODES // 1000)
    ends = torch.stack([torch.cat([ring, ring]), torch.cat([ring.roll(-1), torch.full_like(ring, NODES - 1)])])
    return ge.open_graph(ge.prepare(ends, tmp_path_factory.mktemp("large") / "graph"))


def test_walks_and_negatives_of_a_rank(large):
    with Largest() as seen:
        model = ge.DeepWalk(large, 8, 6, 2, fast_neg=False, device="meta", seed=0)
        loader = _loader(model, model.walker.by_number(), Third(), seed=3, batch_size=4000, num_workers=0)
        batches = iter(loader)
        walks = [next(batches) for _ in range(2)]
        weights_of, bounds = model.noise_parts()
        draws = RowDraws(NODES, weights_of, bounds)
        drawn = draws.at(torch.rand(500, dtype=torch.float64), torch.zeros(500, dtype=torch.int64))
    assert seen.size < SMALL
    assert [len(part) for part in walks] == [4, 4]
    assert bool((large.csr().degrees[drawn] > 0).all())


def test_negatives_of_a_rank_follow_the_weights_of_a_subclass():
    class Last(ge.DeepWalk):
        @property
        def noise_weights(self):
            return torch.tensor([0.0, 0.0, 2.0], dtype=torch.float64)

    model = Last(torch.tensor([[0, 1, 2], [1, 2, 0]]), 4, walk_length=6, fast_neg=False, seed=0)
    weights_of, bounds = model.noise_parts()
    assert weights_of(torch.arange(3)).tolist() == [0, 0, 2]
    assert bounds == [0, 3]


@pytest.mark.parametrize("shuffle", [True, False])
def test_ranks_together_start_once_from_every_node(shuffle):
    walker = Walker(ge.view(build_pyg(world())), metapath=[["by", "writes"], ["in", "shows"]], engine="torch")
    assert torch.equal(walker.start_ranges().at(torch.arange(len(walker.starts))), walker.starts)
    loader = ge.walks.loader.WalkLoader(walker, walker.start_ranges(), 3, seed=1, batch_size=4, shuffle=shuffle)
    plain = ge.walks.loader.WalkLoader(walker, walker.starts, 3, seed=1, batch_size=4, shuffle=shuffle)
    loader.group = plain.group = LONE
    every = torch.cat(list(loader))
    assert torch.equal(every, torch.cat(list(plain)))
    assert torch.equal(every[:, 0].sort().values, (walker.starts % walker.view.total_nodes).sort().values)
    again = torch.cat(list(loader))
    assert torch.equal(again[:, 0], every[:, 0]) == (not shuffle)

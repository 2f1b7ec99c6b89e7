"""Work on several threads, torch's own or a pool's: all of it is done, once, or it is told why not."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext._core import parallel
from graphembed_ext._core.background import in_background
from graphembed_ext._core.parallel import share, threads, threads_to_ourselves
from graphembed_ext.graph.adjacency import Adjacency
from graphembed_ext.nn.ops.sums import neighbor_sum


@pytest.fixture(params=["region", "pool"])
def way(request, monkeypatch):
    """Two threads, torch's own where there are such, or a pool's."""
    if request.param == "region" and parallel._region() is None:
        pytest.skip("this torch brings no OpenMP runtime of its own along")
    if request.param == "pool":
        monkeypatch.setattr(parallel, "_region", lambda: None)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield request.param
    torch.set_num_threads(before)


def threads_of(amount: int) -> set[int]:
    found = set()

    def work(number: int) -> None:
        found.add(threading.get_ident())
        time.sleep(0.002)

    share(work, amount)
    return found


def test_all_is_done_once_on_two_threads(way):
    done: list[int] = []
    with threads_to_ourselves():
        assert torch.get_num_threads() == 1
        share(done.append, 500)
        assert len(threads_of(50)) == 2
    assert sorted(done) == list(range(500))
    assert torch.get_num_threads() == 2
    assert len(threads_of(1)) == 1


def test_torch_runs_one_thread_in_a_block(way):
    seen = []
    with threads_to_ourselves():
        share(lambda number: (seen.append(torch.get_num_threads()), time.sleep(0.002)), 20)
    assert set(seen) == {1}


def test_a_failure_comes_out_and_ends_the_work(way):
    done = []

    def work(number: int) -> None:
        if number == 7:
            raise ValueError("seven")
        done.append(number)
        time.sleep(0.001)

    with threads_to_ourselves(), pytest.raises(ValueError, match="seven"):
        share(work, 1000)
    assert len(done) < 20
    assert torch.get_num_threads() == 2
    assert len(threads_of(50)) == 2  # nothing is left behind


@pytest.fixture
def ctrl_c():
    """Ctrl-C as a terminal's foreground has it: a job in the background is started with its signal ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_the_work(way, ctrl_c):
    started = time.perf_counter()

    def work(number: int) -> None:
        if number == 5:
            _thread.interrupt_main()
        time.sleep(0.01)

    with pytest.raises(KeyboardInterrupt):
        share(work, 2000)
    assert time.perf_counter() - started < 5


def test_other_threads_have_a_pool(way):
    found = []
    other = threading.Thread(target=lambda: found.append(threads_of(50)))
    other.start()
    other.join()
    assert len(found[0]) == 2
    assert threading.get_ident() not in found[0]


def test_a_thread_that_works_ahead_leaves_a_processor(way):
    torch.set_num_threads(3)
    found = list(in_background(lambda: iter([threads_of(50)]), 1))
    assert len(found[0]) == 2
    torch.set_num_threads(2)
    found = list(in_background(lambda: iter([threads_of(50)]), 1))
    assert len(found[0]) == 1
    assert len(threads_of(50)) == 2


def test_both_ways_and_one_thread_give_the_same_sums(way):
    draw = torch.Generator().manual_seed(0)
    src, dst = torch.randint(3000, (2, 60_000), generator=draw)
    graph, x = Adjacency.from_edges(src, dst, 3000, 3000), torch.randn(3000, 32, generator=draw)
    found = neighbor_sum(graph, x)
    torch.set_num_threads(1)
    assert torch.equal(found, neighbor_sum(graph, x))
    wanted = torch.zeros(3000, 32, dtype=torch.float64).index_add(0, dst, x[src].double())
    torch.testing.assert_close(found.double(), wanted, rtol=1e-4, atol=1e-4)


def test_a_product_has_the_same_bits_on_every_thread(way):
    """A thread that has asked torch for something before holds on to the number of threads that it was given then."""
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn(1024, 5, generator=draw), torch.randn(1024, 64, generator=draw)
    found: dict[int, list[torch.Tensor]] = {}

    def work(number: int) -> None:
        found.setdefault(threading.get_ident(), []).append(torch.mm(x.t(), y))
        time.sleep(0.002)

    share(work, 50)
    assert len(found) == 2
    found.clear()
    with threads_to_ourselves():
        share(work, 50)
    assert len(found) == 2
    with threads(1):
        wanted = torch.mm(x.t(), y)
    for products in found.values():
        assert all(torch.equal(product, wanted) for product in products)


def test_two_threads_hold_their_own_operators(way):
    """Neither sees the number that the other is held to, nor lets go of it for the other."""
    inside, outside = threading.Event(), threading.Event()
    seen = []

    def other():
        with threads_to_ourselves():
            inside.set()
            outside.wait(10)
            seen.append(torch.get_num_threads())
        seen.append(torch.get_num_threads())

    thread = threading.Thread(target=other)
    with threads_to_ourselves():
        thread.start()
        inside.wait(10)
    assert torch.get_num_threads() == 2
    outside.set()
    thread.join()
    assert seen == [1, 2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_does_not_wait_for_threads_that_it_does_not_have(way):
    assert len(threads_of(50)) == 2
    child = os.fork()
    if child == 0:
        os._exit(0 if len(threads_of(50)) == 2 and parallel._forked else 1)
    for _ in range(1000):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        time.sleep(0.01)
    else:
        os.kill(child, 9)
        pytest.fail("the child hangs")
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="torch's wheels bring libgomp along on Linux")
def test_the_region_is_of_the_runtime_that_torch_runs_on():
    """Where the wheel has a libgomp, it is the one that is loaded, and no second one is by our asking for it."""
    if parallel._region() is None:
        pytest.skip("this torch brings no OpenMP runtime of its own along")
    torch.ones(500, 500) @ torch.ones(500, 500)
    with open("/proc/self/maps", encoding="utf-8") as maps:
        loaded = {line.split()[-1] for line in maps if "libgomp" in line}
    assert os.path.realpath(parallel._region_path()) in {os.path.realpath(path) for path in loaded}


def test_training_is_the_same_by_either_way(way):
    draw = torch.Generator().manual_seed(0)
    edges, x = torch.randint(2000, (2, 20_000), generator=draw), torch.randn(2000, 16, generator=draw)
    graph = ge.to_host(edges, "pyg")
    graph.num_nodes, graph.x, graph.y = 2000, x, torch.arange(2000) % 3
    losses = []
    for count in (2, 1):
        torch.set_num_threads(count)
        model = ge.GraphSAGE(16, 64, 2, 3, seed=0)
        settings = {"batch_size": 1250, "epochs": 2, "seed": 0, "progress": False}
        result = ge.fit(model, graph, masks={"train": torch.arange(1800)}, **settings)
        losses.append([entry["loss"] for entry in result.history])
    assert losses[0] == losses[1]

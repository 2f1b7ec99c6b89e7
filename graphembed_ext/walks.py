"""Random walks on a view; the sole caller of ``dgl.sampling.random_walk`` and its kin.

Two engines follow the same transition probabilities on the same canonical CSR:

``dgl``
    DGL's compiled sampler. Its random state can be neither read nor restored and depends on the number of
    OpenMP threads and on the calling Python thread. So it is called from the main thread only, on one thread,
    and re-seeded for every batch; DGL's own generator is left moved by that.
``torch``
    :class:`graphembed_ext.torch_walks.TorchWalker`: any device, any thread, walks independent of the batch size.
    Weighted steps take constant time, where DGL rebuilds its probabilities at each step.

``auto`` means ``dgl`` where it serves (DGL installed, edges on the CPU, uniform steps, main thread), ``torch``
elsewhere. For one seed and one engine both hosts get the same walks; the two engines differ from each other.
"""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import torch
from torch import Tensor

from . import _checks, rng
from .errors import EngineError, InputError
from .graph import GraphView
from .hosts import import_dgl, installed, require
from .registry import refreshed
from .registry import view as view_of
from .torch_walks import TorchWalker

__all__ = ["ENGINES", "Walker", "Walks", "random_walk"]

ENGINES = ("auto", "dgl", "torch")


class Walks(NamedTuple):
    """A batch of walks.

    Attributes:
        nodes: Node ids, -1 after a walk's end, int64, shape ``(B, walk_length)``.
        engine: The engine that made them, ``"dgl"`` or ``"torch"``.
    """

    nodes: Tensor
    engine: str


def random_walk(
    graph: Any,
    starts: Tensor,
    walk_length: int,
    *,
    p: float = 1.0,
    q: float = 1.0,
    weight: str | Tensor | None = None,
    engine: str = "auto",
    seed: int | None = None,
) -> Walks:
    """Random walks from the given nodes of any host's graph.

    Args:
        graph: Anything that :func:`graphembed_ext.view` takes. The edge types of a typed graph are joined, over
            global node ids (:attr:`~graphembed_ext.graph.GraphView.offsets`).
        starts: First node of each walk, integers, shape ``(B,)``.
        walk_length: Nodes in a walk, the first one included.
        p: Return parameter of node2vec: a small p makes a walk turn back.
        q: In-out parameter of node2vec: a small q drives a walk outward.
        weight: Name of an edge feature, or a tensor with a weight for each edge in the host's order; a step
            follows an edge with probability proportional to its weight. None for uniform steps.
        engine: ``"auto"``, ``"dgl"`` or ``"torch"``.
        seed: None draws one from torch's default generator.

    Returns:
        The walks and the engine that made them. A walk that cannot go on is filled up with -1.

    Raises:
        InputError: A start that is no node; p or q not above 0; weights that are negative, NaN or infinite.
        EngineError: The engine asked for cannot serve.

    Reference:
        Perozzi et al. 2014, arXiv:1403.6652; Grover and Leskovec 2016, arXiv:1607.00653.

    Example:
        >>> ring = torch.tensor([[0, 1, 2], [1, 2, 0]])
        >>> random_walk(ring, torch.tensor([1]), 4, engine="torch", seed=0)
        Walks(nodes=tensor([[1, 2, 0, 1]]), engine='torch')
    """
    walker = Walker(view_of(graph), p=p, q=q, weight=weight, engine=engine)
    number = rng.fresh_seed() if _checks.seed(seed) is None else int(seed or 0)
    return walker.walk(starts, _checks.integer("walk_length", walk_length), rng.key(number, "walks"))


class Walker:
    """Makes walks on one view and keeps what the engines have built for it.

    Args:
        view: The graph. When its host graph is changed in place, the next walk follows the new edges.
        p, q, weight, engine: As for :func:`random_walk`.
    """

    def __init__(
        self,
        view: GraphView,
        *,
        p: float = 1.0,
        q: float = 1.0,
        weight: str | Tensor | None = None,
        engine: str = "auto",
    ) -> None:
        self.p = _checks.number("p", p, above=0)
        self.q = _checks.number("q", q, above=0)
        self.engine = _checks.choice("engine", engine, ENGINES)
        self.weight = weight
        self.view = view
        self._built: dict[str, Any] = {}
        self._entry_weights()
        self._serving(engine)

    def walk(self, starts: Tensor, walk_length: int, stream: int, first: int = 0) -> Walks:
        """One batch of walks.

        Args:
            starts: First nodes, integers, shape ``(B,)``, on any device.
            walk_length: Nodes in a walk.
            stream: Key of the random stream, see :mod:`graphembed_ext.rng`.
            first: Number within the stream of the batch's first walk.
        """
        current = self.refresh()
        starts = _check_starts(starts, current.total_nodes).to(current.device)
        engine = self._serving(self.engine)
        if not len(starts):
            return Walks(starts.new_empty(0, walk_length), engine)
        if engine == "torch":
            if "torch" not in self._built:
                self._built["torch"] = TorchWalker(current.csr(), self._entry_weights(), self.p, self.q)
            return Walks(self._built["torch"].walk(starts, walk_length, stream, first), engine)
        return Walks(self._walk_dgl(starts, walk_length, rng.key(stream, first)), engine)

    def refresh(self) -> GraphView:
        """The current view; when the host graph has been changed in place, what was built for it is dropped."""
        current = refreshed(self.view)
        if current is not self.view:
            self.view = current
            self._built.clear()
            self._entry_weights()
        return current

    @property
    def serving(self) -> str:
        """The engine that would serve a call now, ``"dgl"`` or ``"torch"``."""
        return self._serving(self.engine)

    def _serving(self, engine: str) -> str:
        """The engine that serves now; raises when the one asked for by name cannot."""
        if engine == "torch":
            return engine
        if engine == "dgl":
            require("dgl", "engine='dgl'")
        uniform = self.weight is None and self.p == self.q == 1.0
        if engine == "auto" and not (uniform and installed("dgl")):
            return "torch"
        if self.view.device.type != "cpu":
            obstacle = f"the edges are on {self.view.device} and DGL's samplers here work on the CPU"
        elif threading.current_thread() is not threading.main_thread():
            obstacle = "DGL's random state is another in every thread but the main one, whatever the seed"
        else:
            return "dgl"
        if engine == "auto":
            return "torch"
        raise EngineError(f"engine: 'dgl' cannot serve this call: {obstacle}. Hint: engine='torch' can.")

    def _entry_weights(self) -> Tensor | None:
        """Checked weights in the order of the canonical CSR."""
        if self.weight is None:
            return None
        weight = self.view.edge_feature(self.weight) if isinstance(self.weight, str) else self.weight
        name = f"weight {self.weight!r}" if isinstance(self.weight, str) else "weight"
        if not isinstance(weight, Tensor) or weight.squeeze(-1).shape != (self.view.total_edges,):
            shape = tuple(weight.shape) if isinstance(weight, Tensor) else type(weight).__name__
            raise InputError(name, f"shape {shape}", f"one number for each of the {self.view.total_edges} edges")
        weight = weight.detach().to(self.view.device).reshape(-1).double()
        wrong = ~(torch.isfinite(weight) & (weight >= 0))
        if bool(wrong.any()):
            edge = int(wrong.nonzero()[0])
            raise InputError(name, f"{float(weight[edge])} at edge {edge}", "finite weights of at least 0")
        return weight[self.view.csr().edge_ids]

    def _walk_dgl(self, starts: Tensor, walk_length: int, stream: int) -> Tensor:
        dgl = import_dgl("engine='dgl'")
        if "dgl" not in self._built:
            csr = self.view.csr()
            no_ids = torch.empty(0, dtype=torch.int64)
            graph = dgl.graph(("csr", (csr.indptr, csr.indices, no_ids)), num_nodes=self.view.total_nodes)
            weight = self._entry_weights()
            if weight is not None:
                graph.edata["weight"] = weight
            self._built["dgl"] = graph
        graph = self._built["dgl"]
        prob = None if self.weight is None else "weight"
        threads = dgl.utils.get_num_threads()
        dgl.utils.set_num_threads(1)
        try:
            dgl.seed(stream >> 33)  # DGL takes seeds below 2**31
            if self.p == self.q == 1.0:
                return dgl.sampling.random_walk(graph, starts, length=walk_length - 1, prob=prob)[0]
            return dgl.sampling.node2vec_random_walk(graph, starts, self.p, self.q, walk_length - 1, prob=prob)
        finally:
            dgl.utils.set_num_threads(threads)

    def __getstate__(self) -> dict[str, Any]:
        # What the engines built is cheap to rebuild and, for DGL's graph, costly to send to a worker.
        return self.__dict__ | {"_built": {}}


def _check_starts(starts: Any, num_nodes: int) -> Tensor:
    """Start nodes as an int64 vector; takes what a DataLoader hands to collate_fn, a list of 0-d tensors."""
    if isinstance(starts, (list, tuple)) and starts and isinstance(starts[0], Tensor):
        starts = torch.stack(list(starts))
    starts = torch.as_tensor(starts)
    if starts.numel() == 0:
        return starts.reshape(-1).long()
    if starts.dim() != 1 or starts.is_floating_point() or starts.dtype == torch.bool:
        raise InputError("starts", f"{starts.dtype} of shape {tuple(starts.shape)}", "a vector of integer node ids")
    low, high = (int(end) for end in torch.aminmax(starts))
    if low < 0 or high >= num_nodes:
        raise InputError("starts", f"node {low if low < 0 else high}", f"node ids from 0 to {num_nodes - 1}")
    return starts.long()

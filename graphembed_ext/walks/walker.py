"""Random walks on a view; the sole caller of ``dgl.sampling.random_walk`` and its kin.

Two engines follow the same transition probabilities on the same canonical CSR:

``dgl``
    DGL's compiled sampler. Its random state can be neither read nor restored and depends on the number of
    OpenMP threads and on the calling Python thread. So it is called from the main thread only, on one thread,
    and re-seeded for every batch; DGL's own generator is left moved by that.
``torch``
    :class:`graphembed_ext.walks.vectorised.TorchWalker`: any device, any thread, walks independent of the batch size.
    Weighted steps take constant time, where DGL rebuilds its probabilities at each step.

=================  ===================================================================  ===========
kind               a step from ``v``, having come from ``u``, on a walk from ``s``       engines
=================  ===================================================================  ===========
uniform            any edge out of ``v`` alike                                          dgl, torch
weighted           an edge in proportion to its weight                                  dgl, torch
p, q (node2vec)    the same times 1/p for the edges to ``u``, 1 for those to nodes      dgl, torch
                   with an edge to ``u``, 1/q for the rest
restart            to ``s`` with chance ``restart``, otherwise one of the above          torch
metapath           any edge of the metapath's next type, or in proportion to weight     dgl, torch
=================  ===================================================================  ===========

DGL has a ``restart_prob`` of another meaning: it ends the walk instead of taking it back to its start. With p
and q some powers of ten away from 1, DGL's sampler may reject candidates nearly for ever; the torch engine does not.

``auto`` means ``dgl`` where it serves (DGL installed, edges on the CPU, uniform steps, main thread), ``torch``
elsewhere. For one seed and one engine both hosts get the same walks; the two engines differ from each other.
"""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .._core import checks as _checks
from .._core import rng
from .._core.optional import import_dgl, installed, require
from ..errors import EngineError, InputError
from ..graph.metapaths import read_metapaths
from ..graph.view import CSR, EDGE_TYPE, GraphView
from ..graph.weights import Weight, edge_weights, entry_weights
from ..hosts.registry import refreshed
from .dgl import _dgl_seeded
from .tables import plan, stacked
from .vectorised import TorchWalker

__all__ = ["ENGINES", "Walker", "Walks", "check_starts"]

ENGINES = ("auto", "dgl", "torch")


class Walks(NamedTuple):
    """A batch of walks.

    Attributes:
        nodes: Node ids, -1 after a walk's end, int64, shape ``(B, walk_length)``.
        engine: The engine that made them, ``"dgl"`` or ``"torch"``.
    """

    nodes: Tensor
    engine: str


class Walker:
    """Makes walks on one view and keeps what the engines have built for it.

    Args:
        view: The graph. When its host graph is changed in place, the next walk follows the new edges.
        p, q, weight, restart, engine: As for :func:`random_walk`.
        metapath: As for :func:`random_walk`; or several metapaths.
        cyclic: Whether walks go round a metapath that is through; otherwise they end there.

    Attributes:
        metapaths: The metapaths as canonical edge types; empty without.
    """

    def __init__(
        self,
        view: GraphView,
        *,
        p: float = 1.0,
        q: float = 1.0,
        weight: Weight | None = None,
        restart: float = 0.0,
        metapath: Any = None,
        cyclic: bool = True,
        engine: str = "auto",
    ) -> None:
        self.p = _checks.number("p", p, above=0)
        self.q = _checks.number("q", q, above=0)
        self.restart = _checks.number("restart", restart, minimum=0)
        if self.restart > 1:
            raise InputError("restart", restart, "a probability, from 0 to 1")
        self.engine = _checks.choice("engine", engine, ENGINES)
        self.weight = weight
        self.view = view
        self.metapaths = () if metapath is None else read_metapaths(view, metapath)
        self.cyclic = cyclic
        if self.metapaths:
            for name, value, plain in (("p", p, 1), ("q", q, 1), ("restart", restart, 0)):
                if value != plain:
                    raise InputError(name, value, f"{plain}, as the metapath says where a walk goes")
        self._built: dict[Any, Any] = {}
        self._dgl_installed = installed("dgl")  # looked up once: where DGL is absent, a search of the whole path
        self._entry_weights()
        self._serving(engine)

    @property
    def full_length(self) -> int:
        """Nodes in a walk that goes along its metapath once; of several metapaths, the longest."""
        return 1 + max(map(len, self.metapaths))

    @property
    def starts(self) -> Tensor:
        """All start nodes, as :meth:`walk` takes them, int64: every node, or for each metapath those of its type."""
        view = self.view
        if not self.metapaths:
            return torch.arange(view.total_nodes, device=view.device)
        parts = []
        for number, path in enumerate(self.metapaths):
            start = number * view.total_nodes + view.offsets[path[0][0]]
            parts.append(torch.arange(start, start + view.num_nodes[path[0][0]], device=view.device))
        return torch.cat(parts)

    def global_starts(self, starts: Any) -> Tensor:
        """Start nodes as :meth:`walk` takes them, given as users do: ids within the type a metapath starts from."""
        if not self.metapaths:
            return check_starts(starts, self.view.total_nodes)
        start_type = self.metapaths[0][0][0]
        local = check_starts(starts, self.view.num_nodes[start_type], f" of type {start_type!r}")
        return local + self.view.offsets[start_type]

    def length_of(self, walk_length: Any) -> int:
        """Nodes in a walk: the number given, or for None one pass along the metapath."""
        if walk_length is not None:
            return self.check_length(walk_length)
        if not self.metapaths:
            raise InputError("walk_length", None, "a number of nodes, unless there is a metapath")
        return self.full_length

    def check_length(self, walk_length: Any) -> int:
        """Return a number of nodes that walks can have, or raise."""
        length = _checks.integer("walk_length", walk_length)
        for path in self.metapaths:
            if length > len(path) + 1 and path[0][0] != path[-1][2]:
                raise InputError(
                    "walk_length",
                    length,
                    f"at most {len(path) + 1} nodes, as the metapath starts from {path[0][0]!r} but ends at "
                    f"{path[-1][2]!r} and cannot be gone round",
                    f"leave walk_length out, or add steps back to {path[0][0]!r}",
                )
        return length

    def walk(self, starts: Tensor, walk_length: int, stream: int, first: int = 0) -> Walks:
        """One batch of walks.

        Args:
            starts: First nodes as global ids, integers, shape ``(B,)``, on any device. Of several metapaths, the
                ``k``-th is walked from ``k * total_nodes`` + global id.
            walk_length: Nodes in a walk.
            stream: Key of the random stream, see :mod:`graphembed_ext._core.rng`.
            first: Number within the stream of the batch's first walk.
        """
        current = self.refresh()
        starts = check_starts(starts, current.total_nodes * max(1, len(self.metapaths))).to(current.device)
        engine = self._serving(self.engine)
        if not len(starts):
            return Walks(starts.new_empty(0, walk_length), engine)
        if engine == "torch":
            return Walks(self._torch_walker(walk_length).walk(starts, walk_length, stream, first), engine)
        key = rng.key(stream, first)
        if not self.metapaths:
            return Walks(self._walk_dgl(starts, walk_length, key), engine)
        return Walks(self._metapaths_dgl(starts, walk_length, key), engine)

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
        uniform = self.weight is None and self.p == self.q == 1.0 and self.restart == 0
        if engine == "auto" and not (uniform and self._dgl_installed):
            return "torch"
        if self.restart > 0:
            obstacle = "DGL's restart_prob ends a walk, and nothing in DGL takes one back to its start"
        elif self.view.device.type != "cpu":
            obstacle = f"the edges are on {self.view.device} and DGL's samplers here work on the CPU"
        elif threading.current_thread() is not threading.main_thread():
            obstacle = "DGL's random state is another in every thread but the main one, whatever the seed"
        else:
            return "dgl"
        if engine == "auto":
            return "torch"
        raise EngineError(f"engine: 'dgl' cannot serve this call: {obstacle}. Hint: engine='torch' can.")

    def steps(self) -> tuple[CSR, dict[Any, int]]:
        """What a step chooses from: the CSR of all edges, or that of :func:`graphembed_ext.walks.tables.stacked`."""
        if "steps" not in self._built:
            self._built["steps"] = stacked(self.view, self.metapaths) if self.metapaths else (self.view.csr(), {})
        return self._built["steps"]

    def entry_weights(self) -> Tensor | None:
        """Weight of each entry of the CSR of :meth:`steps`, float64; None for uniform steps."""
        weight, csr = self._entry_weights(), self.steps()[0]
        return None if weight is None else entry_weights(csr, weight)

    def _entry_weights(self) -> Tensor | None:
        """Checked weights of the edges walked, in the host's order."""
        if self.weight is None:
            return None
        if "weight" not in self._built:
            view = self.view
            types = sorted({step for path in self.metapaths for step in path}) or view.edge_types
            self._built["weight"] = edge_weights(view, self.weight, types, joined=not self.metapaths)
        return self._built["weight"]

    def plan(self, walk_length: int) -> Tensor | None:
        """See :func:`graphembed_ext.walks.tables.plan`; None without metapaths."""
        return plan(self.metapaths, self.steps()[1], walk_length, self.cyclic) if self.metapaths else None

    def _torch_walker(self, walk_length: int) -> TorchWalker:
        kind = ("torch", walk_length if self.metapaths else None)
        if kind not in self._built:
            # The first one's tables serve walks of every length.
            known = next((value for key, value in self._built.items() if key[0] == "torch"), None)
            if known is not None:
                self._built[kind] = known.replanned(self.plan(walk_length))
            else:
                self._built[kind] = TorchWalker(
                    self.steps()[0],
                    self.entry_weights(),
                    self.p,
                    self.q,
                    self.restart,
                    self.plan(walk_length),
                    self.view.total_nodes,
                )
        return self._built[kind]

    def _walk_dgl(self, starts: Tensor, walk_length: int, stream: int) -> Tensor:
        dgl = import_dgl("engine='dgl'")
        graph = self._dgl_graph(dgl)
        prob = None if self.weight is None else "weight"
        with _dgl_seeded(dgl, stream):
            if self.p == self.q == 1.0:
                return dgl.sampling.random_walk(graph, starts, length=walk_length - 1, prob=prob)[0]
            return dgl.sampling.node2vec_random_walk(graph, starts, self.p, self.q, walk_length - 1, prob=prob)

    def _metapaths_dgl(self, starts: Tensor, walk_length: int, stream: int) -> Tensor:
        dgl = import_dgl("engine='dgl'")
        graph, offsets, total = self._dgl_graph(dgl), self.view.offsets, self.view.total_nodes
        walks = torch.full((len(starts), walk_length), -1, dtype=torch.int64)
        for number, path in enumerate(self.metapaths):
            mine = (starts // total == number).nonzero().squeeze(1)
            steps = walk_length - 1 if self.cyclic else min(walk_length - 1, len(path))
            route = [path[step % len(path)] for step in range(steps)]
            begin = starts[mine] % total - offsets[path[0][0]]
            if not len(mine) or not steps:
                walks[mine, 0] = begin + offsets[path[0][0]]
                continue
            prob = None if self.weight is None else "weight"
            with _dgl_seeded(dgl, rng.key(stream, number)):
                traces = dgl.sampling.random_walk(graph, begin, metapath=route, prob=prob)[0]
            offset = torch.tensor([offsets[t] for t in [path[0][0], *(step[2] for step in route)]])
            walks[mine, : steps + 1] = torch.where(traces < 0, -1, traces + offset)
        return walks

    def _dgl_graph(self, dgl: Any) -> Any:
        """DGL's graph over the canonical CSRs, on which equal edges give equal walks whatever the host's order."""
        if "dgl" not in self._built:
            view, no_ids = self.view, torch.empty(0, dtype=torch.int64)
            weight = self.entry_weights()
            types = sorted({step for path in self.metapaths for step in path})
            parts = {t: view.csr(t) for t in types} if types else {EDGE_TYPE: view.csr()}
            counts = {t: view.num_nodes[t] for step in types for t in (step[0], step[2])}
            graph = dgl.heterograph(
                {t: ("csr", (csr.indptr, csr.indices, no_ids)) for t, csr in parts.items()},
                num_nodes_dict=counts or {EDGE_TYPE[0]: view.total_nodes},
            )
            if weight is not None:
                sizes = [len(csr.indices) for csr in parts.values()]
                for t, values in zip(parts, torch.split(weight, sizes), strict=True):
                    graph.edges[t].data["weight"] = values
            self._built["dgl"] = graph
        return self._built["dgl"]

    def __getstate__(self) -> dict[str, Any]:
        # What the engines built is cheap to rebuild and, for DGL's graph, costly to send to a worker.
        return self.__dict__ | {"_built": {}}


def check_starts(starts: Any, num_nodes: int, kind: str = "") -> Tensor:
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
        raise InputError("starts", f"node {low if low < 0 else high}", f"node ids{kind} from 0 to {num_nodes - 1}")
    return starts.long()

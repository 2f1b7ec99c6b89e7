"""Random walks on a view: which engine serves, what it is asked for, and what it has built.

Two engines follow the same transition probabilities on the same canonical CSR:

``dgl``
    :class:`graphembed_ext.walks.dgl.DGLWalker`: DGL's compiled samplers, in the main thread and on one thread.
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
time               any edge (of the metapath's next type) later than the one before it  torch
=================  ===================================================================  ===========

DGL has a ``restart_prob`` of another meaning: it ends the walk instead of taking it back to its start. With p
and q some powers of ten away from 1, DGL's sampler would reject candidates nearly for ever: it is not asked. The
torch engine has no such limit.

``auto`` means ``dgl`` where it serves (DGL installed, edges on the CPU, uniform steps, main thread), ``torch``
elsewhere. For one seed and one engine both hosts get the same walks; the two engines differ from each other.
"""

from __future__ import annotations

import threading
from copy import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .._core import checks, memory, rng
from .._core.gpu import kernels_serve
from .._core.optional import installed, require
from ..errors import EngineError, InputError
from ..graph.csr import CSR
from ..graph.metapaths import read_metapaths
from ..graph.times import edge_ranks
from ..graph.view import EdgeType, GraphView
from ..graph.weights import Weight, edge_weights, entry_weights
from ..hosts.registry import refreshed
from .dgl import DGLWalker, check_bias
from .starts import Starts
from .tables import check_starts, plan, stacked
from .temporal import TemporalWalker
from .vectorised import TorchWalker

__all__ = ["ENGINES", "Walker", "Walks"]

ENGINES = ("auto", "dgl", "torch")
#: Steps are counted in the upper half of the counters of a walk's random bits.
_LONGEST = (1 << 31) - 1
#: p and q beyond these are no longer told from 0 and infinity where weights are multiplied by them.
_LEAST, _MOST = 1e-100, 1e100


class Walks(NamedTuple):
    """A batch of walks.

    Attributes:
        nodes: Node ids, -1 after a walk's end, int64, shape ``(B, walk_length)``.
        engine: The engine that made them, ``"dgl"`` or ``"torch"``.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> walks = ge.walks.random_walk(torch.tensor([[0, 1], [1, 2]]), [0, 1], 4, engine="torch")
        >>> walks.nodes, walks.engine
        (tensor([[ 0,  1,  2, -1],
                [ 1,  2, -1, -1]]), 'torch')
    """

    nodes: Tensor
    engine: str


class Walker:
    """Makes walks on one view and keeps what the engines have built for it.

    Args:
        view: The graph. When its host graph is changed in place, the next walk follows the new edges.
        p, q, weight, restart, time, engine: As for :func:`random_walk`.
        metapath: As for :func:`random_walk`; or several metapaths.
        cyclic: Whether walks go round a metapath that is through; otherwise they end there.

    Attributes:
        metapaths: The metapaths as canonical edge types; empty without.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> walker = Walker(ge.view(torch.tensor([[0, 1], [1, 2]])), engine="torch")
        >>> walker.walk(walker.starts, 3, stream=0).nodes.tolist()
        [[0, 1, 2], [1, 2, -1], [2, -1, -1]]
        >>> walker.serving
        'torch'
        >>> pair = torch.tensor([[0], [0]])
        >>> shop = ge.view({("user", "buys", "item"): pair, ("item", "of", "user"): pair})
        >>> Walker(shop, metapath=["buys", "of"]).full_length
        3
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
        time: Weight | None = None,
        engine: str = "auto",
    ) -> None:
        self.p, self.q = (_bias(name, value) for name, value in (("p", p), ("q", q)))
        self.restart = checks.share("restart", restart)
        self.engine = checks.choice("engine", engine, ENGINES)
        self.weight = weight
        self.time = time
        self.view = checks.instance("view", view, GraphView, "a GraphView, as ge.view returns it")
        self.metapaths = () if metapath is None else read_metapaths(view, metapath)
        self.cyclic = cyclic
        self._check_combined()
        self._built: dict[Any, Any] = {}
        self._device: torch.device | None = None
        self._dgl_installed = installed("dgl")  # looked up once: where DGL is absent, a search of the whole path
        self._check_edges()
        self._serving(engine)

    @property
    def full_length(self) -> int:
        """Nodes in a walk that goes along its metapath once; of several metapaths, the longest."""
        return 1 + max(map(len, self.metapaths))

    @property
    def starts(self) -> Tensor:
        """All start nodes, as :meth:`walk` takes them, int64: every node, or for each metapath those of its type."""
        if not self.metapaths:
            memory.check_nodes(self.view.total_nodes, 8, "ids")
        return self.start_ranges().whole()

    def start_ranges(self) -> Starts:
        """The same without a number for each.

        Example:
            >>> import graphembed_ext as ge
            >>> len(Walker(ge.view(torch.tensor([[0, 1], [1, 2]]))).start_ranges())
            3
        """
        view = self.view
        if not self.metapaths:
            return Starts([(0, view.total_nodes)], view.device)
        ranges = []
        for number, path in enumerate(self.metapaths):
            start = number * view.total_nodes + view.offsets[path[0][0]]
            ranges.append((start, start + view.num_nodes[path[0][0]]))
        return Starts(ranges, view.device)

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
        if isinstance(walk_length, int) and walk_length > _LONGEST:
            raise InputError("walk_length", walk_length, f"at most {_LONGEST:,} nodes, the most that a walk can have")
        length = checks.integer("walk_length", walk_length)
        memory.check_room("walk_length", f"{length}", 8 * length * max(1, len(self.metapaths)), "a single walk")
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

    def walk(self, starts: Tensor, walk_length: int, stream: int, first: int | Tensor = 0) -> Walks:
        """One batch of walks.

        Args:
            starts: First nodes as global ids, integers, shape ``(B,)``, on any device. Of several metapaths, the
                ``k``-th is walked from ``k * total_nodes`` + global id.
            walk_length: Nodes in a walk.
            stream: Key of the random stream, see :mod:`graphembed_ext._core.rng`.
            first: Number within the stream of the batch's first walk. Or, for the engine ``torch``, of each walk,
                int64, ``(B,)``.
        """
        if type(walk_length) is not int or walk_length < 1:
            walk_length = self.check_length(walk_length)
        if not isinstance(stream, int) or not isinstance(first, (int, Tensor)):
            raise InputError("stream", f"{stream!r} and first={first!r}", "integers")
        current = self.refresh()
        starts = check_starts(starts, current.total_nodes * max(1, len(self.metapaths)))
        starts = starts.to(current.device if self._device is None else self._device)
        if isinstance(first, Tensor) and (first.shape != (len(starts),) or first.dtype != torch.int64):
            raise InputError("first", f"shape {tuple(first.shape)}, {first.dtype}", f"({len(starts)},), int64")
        engine = self._serving(self.engine)
        needed = 8 * max(len(starts), 1) * walk_length
        memory.check_room("walk_length", f"{walk_length}", needed, f"{len(starts)} walks")
        if not len(starts):
            return Walks(starts.new_empty(0, walk_length), engine)
        if self.time is not None:
            made = self._temporal_walker().walk(starts, walk_length, stream, first, self.plan(walk_length))
            return Walks(made, engine)
        if engine == "torch" or isinstance(first, Tensor):
            return Walks(self._torch_walker(walk_length).walk(starts, walk_length, stream, first), engine)
        return Walks(self._dgl_walker().walk(starts, walk_length, rng.key(stream, first)), engine)

    def by_number(self) -> Walker:
        """The same walker, of walks that depend on their number alone and not on the others of a batch, so that
        processes can share out a batch.

        Raises:
            EngineError: The engine asked for is ``dgl``.
        """
        if self.engine == "dgl":
            raise EngineError(
                "engine: the walks of 'dgl' depend on the whole batch, so processes cannot share one out. "
                "Hint: engine='torch' makes the same walks however many do."
            )
        found = copy(self)
        found.engine, found._built = "torch", {}
        return found

    def on(self, device: torch.device) -> Walker:
        """The same walker, whose walks are made on a GPU where its kernel has them: steps of the first order, by the
        engine ``torch``, of the same bits as on the CPU. Other walkers are returned as they are.
        """
        plain = self.p == self.q == 1.0 and self.time is None and not self.view.mapped
        if not plain or self.engine == "dgl" or not kernels_serve(torch.empty(0, device=device)):
            return self
        found = self.by_number()
        found._device = device
        return found

    def refresh(self) -> GraphView:
        """The current view; when the host graph has been changed in place, what was built for it is dropped."""
        current = refreshed(self.view)
        if current is not self.view:
            self.view = current
            self._built.clear()
            self._check_edges()
        return current

    @property
    def serving(self) -> str:
        """The engine that would serve a call now, ``"dgl"`` or ``"torch"``."""
        return self._serving(self.engine)

    def _serving(self, engine: str) -> str:
        """The engine that serves now; raises when the one asked for by name cannot."""
        if engine == "torch":
            return engine
        if engine == "auto":
            uniform = self.weight is None and self.p == self.q == 1.0
            return "dgl" if uniform and self._dgl_installed and not self._obstacle() else "torch"
        require("dgl", "engine='dgl'")
        obstacle = self._obstacle()
        if obstacle:
            raise EngineError(f"engine: 'dgl' cannot serve this call: {obstacle}. Hint: engine='torch' can.")
        check_bias(self.p, self.q)
        return engine

    def _obstacle(self) -> str:
        """Why DGL cannot make these walks here and now; empty when it can."""
        if self.time is not None:
            return "DGL's walks know no time"
        if self.restart > 0:
            return "DGL's restart_prob ends a walk, and nothing in DGL takes one back to its start"
        if self.view.mapped:
            return "the graph is read from the disk, and DGL would copy all of it into memory"
        if self.view.device.type != "cpu":
            return f"the edges are on {self.view.device} and DGL's samplers here work on the CPU"
        if threading.current_thread() is not threading.main_thread():
            return "DGL's random state is another in every thread but the main one, whatever the seed"
        return ""

    def steps(self) -> tuple[CSR, dict[Any, int]]:
        """What a step chooses from: the CSR of all edges, or that of :func:`graphembed_ext.walks.tables.stacked`."""
        if "steps" not in self._built:
            self._built["steps"] = (
                stacked(self.view, self.metapaths) if self.metapaths else (self.view.narrow_csr(), {})
            )
        return self._built["steps"]

    def entry_weights(self) -> Tensor | None:
        """Weight of each entry of the CSR of :meth:`steps`, float64; None for uniform steps."""
        weight, csr = self._entry_weights(), self.steps()[0]
        return None if weight is None else entry_weights(csr, weight, self.view.room if self.view.mapped else None)

    def _check_combined(self) -> None:
        """Refuse what does not go together."""
        plain: dict[str, Any] = {"p": 1, "q": 1, "restart": 0}
        if self.metapaths:
            self._refuse(plain, "as the metapath says where a walk goes")
        if self.time is not None:
            self._refuse(plain | {"weight": None}, "as walks in the order of time take any later edge alike")

    def _refuse(self, plain: dict[str, Any], reason: str) -> None:
        for name, usual in plain.items():
            value = getattr(self, name)
            if value is not usual and (usual is None or value != usual):
                raise InputError(name, value, f"{usual}, {reason}")

    def _check_edges(self) -> None:
        """Refuse weights and times that are none."""
        self._entry_weights()
        if self.time is not None:
            self._ranks()

    def _types(self) -> list[EdgeType]:
        """Edge types walked, in the order that the edge ids of :meth:`steps` count through."""
        return sorted({step for path in self.metapaths for step in path}) or self.view.edge_types

    def _ranks(self) -> Tensor:
        """Place of the time of each edge walked among all times, in the host's order."""
        assert self.time is not None
        if "ranks" not in self._built:
            self._built["ranks"] = edge_ranks(self.view, self.time, self._types())
        return self._built["ranks"]

    def _temporal_walker(self) -> TemporalWalker:
        if "time" not in self._built:
            csr = self.steps()[0]
            self._built["time"] = TemporalWalker(csr, self._ranks()[csr.edge_ids], self.view.total_nodes)
        return self._built["time"]

    def _entry_weights(self) -> Tensor | None:
        """Checked weights of the edges walked, in the host's order."""
        if self.weight is None:
            return None
        if "weight" not in self._built:
            self._built["weight"] = edge_weights(self.view, self.weight, self._types(), joined=not self.metapaths)
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
                    self.view.room if self.view.mapped else None,
                    self._device,
                )
        return self._built[kind]

    def _dgl_walker(self) -> DGLWalker:
        if "dgl" not in self._built:
            self._built["dgl"] = DGLWalker(
                self.view, self.entry_weights(), self.p, self.q, self.metapaths, cyclic=self.cyclic
            )
        return self._built["dgl"]

    def __getstate__(self) -> dict[str, Any]:
        # What the engines built is cheap to rebuild and, for DGL's graph, costly to send to a worker.
        return self.__dict__ | {"_built": {}}


def _bias(name: str, value: Any) -> float:
    number = checks.number(name, value, above=0)
    if not _LEAST <= number <= _MOST:
        raise InputError(name, value, f"a number from {_LEAST:g} to {_MOST:g}")
    return number

"""The processes that train together: :class:`Group` for one alone, :class:`Ranks` for those of a launcher.

Trainers are written for a group and know nothing of how many there are in it: of one process alone every method gives
back what it was given, bit for bit.

Tried on CPUs, by gloo. On GPUs nccl is asked for; that is written as torch documents it and has not been run.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor

from ..errors import DistributedError, InputError
from . import launch
from .heartbeat import Heartbeat, named

__all__ = ["ALONE", "LONE", "Group", "Ranks", "Reduce", "joined", "summed"]

#: Makes the mean over the nodes of all ranks of rows ``(..., nodes, columns)`` that this rank has.
Reduce = Callable[[Tensor], Tensor]

#: Seconds in which ranks that are alive say so, once another one has gone.
_GRACE = 3.0


class Group:
    """One process alone.

    Attributes:
        rank: Number of this process, from 0.
        size: How many there are.
    """

    rank, size = 0, 1

    @property
    def first(self) -> bool:
        """Whether this process is the one that prints and writes."""
        return self.rank == 0

    @property
    def own(self) -> tuple[int, ...]:
        """What tells the random streams of this rank from those of the others; nothing for the first."""
        return (self.rank,) if self.rank else ()

    def share(self, count: int) -> slice:
        """This rank's part of so many things, all parts being alike but for one.

        Example:
            >>> Ranks.part(19, 0, 2), Ranks.part(19, 1, 2), Ranks.part(1, 1, 2)
            (slice(0, 9, None), slice(9, 19, None), slice(0, 1, None))
        """
        return self.part(count, self.rank, self.size)

    @staticmethod
    def part(count: int, rank: int, size: int) -> slice:
        """The part of any rank."""
        return slice(count * rank // size, count * (rank + 1) // size)

    def weighed(self, loss: Tensor, count: int) -> tuple[Tensor, int]:
        """What a mean over ``count`` examples adds to the mean over those of all ranks, and how many these are."""
        return loss, count

    def total(self, value: Tensor) -> float:
        """A number added up over all ranks, without its gradient."""
        return float(value.detach())

    def add_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Add up the gradients of parameters that every rank has."""

    def mean_over(self, nodes: Tensor) -> Reduce | None:
        """What takes means over the distinct nodes of all ranks, of which this one has some; None for the plain mean.

        Args:
            nodes: Ids of the nodes of this rank, each once, int64.
        """
        return None

    def agreed(self, value: Any) -> Any:
        """The first rank's."""
        return value

    def check_equal(self, what: dict[str, Any]) -> None:
        """Raise where ranks have not the same.

        Raises:
            InputError: Names what differs, and where.
        """

    def same_weights(self, tensors: Iterable[Tensor]) -> None:
        """Give every rank the first one's numbers."""

    def added(self, value: Tensor) -> Tensor:
        """A tensor added up over all ranks, in place."""
        return value

    def gathered(self, values: Tensor) -> list[Tensor]:
        """The vectors of all ranks, each of its own length."""
        return [values]

    def exchanged(self, rows: Tensor, sent: list[int], received: list[int]) -> Tensor:
        """Rows for every rank, one after another, against those that every rank has for this one.

        Args:
            rows: ``(sum(sent), ...)``.
            sent, received: How many to, and from, each rank.
        """
        return rows

    def wait(self) -> None:
        """Go on when all have come here."""

    def during(self, call: Callable[[], Any]) -> Any:
        """What a call of torch's own returns, in which ranks wait for each other."""
        return call()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Let the others know why this rank ends, should it raise."""
        yield


#: A process by itself, which trains as it would if there were no others.
ALONE = Group()
#: A process by itself, which trains by a strategy.
LONE = Group()


class Ranks(Group):
    """The processes of a launcher, each with the same program.

    Args:
        store: Where ranks leave word for each other.
        end: Ends the group, where it was made here.
        beats: Signs of life of the ranks, where there are such; on CPUs alone.

    Attributes:
        beats: These signs.
    """

    def __init__(self, store: Any, end: Callable[[], None] | None = None, beats: Heartbeat | None = None) -> None:
        import torch.distributed as dist

        self._dist, self._store, self._end, self.beats = dist, store, end, beats
        self.rank, self.size = dist.get_rank(), dist.get_world_size()

    @property
    def device(self) -> torch.device:
        """Where numbers must lie to be sent."""
        on_gpu = "nccl" in self._dist.get_backend() and "gloo" not in self._dist.get_backend()
        return torch.device("cuda", torch.cuda.current_device()) if on_gpu else torch.device("cpu")

    def mesh(self, device: torch.device) -> Any:
        """The ranks in a row, as DTensor wants them."""
        from torch.distributed.device_mesh import DeviceMesh

        return DeviceMesh.from_group(self._dist.distributed_c10d._get_default_group(), device.type)

    def weighed(self, loss: Tensor, count: int) -> tuple[Tensor, int]:
        """See :meth:`Group.weighed`."""
        counts = torch.tensor([count], dtype=torch.int64, device=self.device)
        self.added(counts)
        total = int(counts)
        return loss * (count / max(total, 1)), total

    def total(self, value: Tensor) -> float:
        """See :meth:`Group.total`."""
        return float(self.added(value.detach().double().reshape(1).to(self.device)))

    def added(self, value: Tensor) -> Tensor:
        """See :meth:`Group.added`."""
        with self.guarded():
            self._finished(self._dist.all_reduce(value, async_op=True))
        return value

    def add_gradients(self, parameters: Iterable[Tensor]) -> None:
        """See :meth:`Group.add_gradients`."""
        known = [parameter for parameter in parameters if parameter.requires_grad]
        for dtype in dict.fromkeys(parameter.dtype for parameter in known):
            self._add([parameter for parameter in known if parameter.dtype == dtype])

    def _add(self, parameters: list[Tensor]) -> None:
        """The same for parameters of one dtype, in one message."""
        parts = [torch.zeros_like(p) if p.grad is None else p.grad.detach() for p in parameters]
        there = parts[0].new_tensor([p.grad is not None for p in parameters])
        flat = self.added(torch.cat([there, *(part.reshape(-1) for part in parts)]))
        found, *sums = torch.split(flat, [len(parts), *(part.numel() for part in parts)])
        for parameter, anywhere, part in zip(parameters, found.tolist(), sums, strict=True):
            # a parameter without a gradient on any rank is one that an optimiser leaves alone
            parameter.grad = part.view_as(parameter) if anywhere else None

    def mean_over(self, nodes: Tensor) -> Reduce | None:
        """See :meth:`Group.mean_over`."""
        every = torch.cat(self.gathered(nodes.cpu()))
        distinct, times = torch.unique(every, return_counts=True)
        weight = 1 / times[torch.searchsorted(distinct, nodes.cpu())].double()
        count = len(distinct)

        def mean(rows: Tensor) -> Tensor:
            mine = (rows * weight.to(rows)[:, None]).sum(-2) / max(count, 1)
            return summed(self, mine)

        return mean

    def gathered(self, values: Tensor) -> list[Tensor]:
        """See :meth:`Group.gathered`."""
        lengths = [torch.zeros(1, dtype=torch.int64, device=self.device) for _ in range(self.size)]
        with self.guarded():
            own = torch.tensor([len(values)], device=self.device)
            self._finished(self._dist.all_gather(lengths, own, async_op=True))
            longest = max(int(length) for length in lengths)
            room = values.new_zeros((longest, *values.shape[1:]), device=self.device)
            room[: len(values)] = values
            parts = [torch.empty_like(room) for _ in range(self.size)]
            self._finished(self._dist.all_gather(parts, room, async_op=True))
        return [part[: int(length)].to(values.device) for part, length in zip(parts, lengths, strict=True)]

    def exchanged(self, rows: Tensor, sent: list[int], received: list[int]) -> Tensor:
        """See :meth:`Group.exchanged`."""
        found = rows.new_empty((sum(received), *rows.shape[1:]))
        with self.guarded():
            self._finished(self._dist.all_to_all_single(found, rows.contiguous(), received, sent, async_op=True))
        return found

    def agreed(self, value: Any) -> Any:
        """See :meth:`Group.agreed`."""
        packed = self._packed(value if self.first else None)
        length = torch.tensor([len(packed)], device=self.device)
        self.same_weights([length])
        if not self.first:
            packed = packed.new_empty(int(length))
        self.same_weights([packed])
        return _unpacked(packed)

    def every(self, value: Any) -> list[Any]:
        """What each rank has, on all of them."""
        return [_unpacked(part) for part in self.gathered(self._packed(value))]

    def _packed(self, value: Any) -> Tensor:
        """Anything as bytes that can be sent."""
        return torch.frombuffer(bytearray(pickle.dumps(value)), dtype=torch.uint8).to(self.device)

    def check_equal(self, what: dict[str, Any]) -> None:
        """See :meth:`Group.check_equal`."""
        known = self.every(what)
        for rank, other in enumerate(known):
            for name in dict.fromkeys((*known[0], *other)):
                if known[0].get(name) != other.get(name):
                    raise InputError(
                        name,
                        f"{other.get(name)!r} on rank {rank} and {known[0].get(name)!r} on rank 0",
                        "the same on every rank",
                        "every rank runs the same program, with the same packages, on the same graph",
                    )

    def same_weights(self, tensors: Iterable[Tensor]) -> None:
        """See :meth:`Group.same_weights`."""
        with self.guarded():
            for tensor in tensors:
                self._finished(self._dist.broadcast(tensor.detach(), src=0, async_op=True))

    def wait(self) -> None:
        """See :meth:`Group.wait`."""
        with self.guarded():
            self._finished(self._dist.barrier(async_op=True))

    def during(self, call: Callable[[], Any]) -> Any:
        """See :meth:`Group.during`."""
        with self.guarded():
            return call() if self.beats is None else self.beats.during(call)

    def _finished(self, work: Any) -> None:
        """Wait for an operation, as long as the others give signs of life."""
        if self.beats is None:
            work.wait()
        else:
            self.beats.finished(work)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn what torch says when a rank has gone into which rank it was, and why."""
        try:
            yield
        except DistributedError:
            raise
        except RuntimeError as error:
            raise self._lost(error) from error

    def _lost(self, error: RuntimeError) -> DistributedError:
        """What became of the others, as far as they or their silence tell."""
        brief = " ".join(str(error).split())[:200]
        try:
            reasons, silent = self._inquired()
        except RuntimeError:  # the store went with the rank that kept it
            return DistributedError(f"rank {self.rank} has lost the others, rank 0 first of all ({brief}).")
        for rank, reason in reasons.items():
            return DistributedError(f"rank {rank} has ended, and so does rank {self.rank}: {reason}")
        if silent:
            return DistributedError(
                f"{named(silent)} can be reached no more, and so rank {self.rank} ends: killed, out of memory, or at a "
                f"stand for longer than {launch.timeout().total_seconds():g} s ({brief})."
            )
        return DistributedError(f"rank {self.rank} could not reach the others, which are there ({brief}).")

    def _inquired(self) -> tuple[dict[int, str], list[int]]:
        """Why other ranks have ended, where they said so, and which say nothing."""
        others = [rank for rank in range(self.size) if rank != self.rank]
        self._store.set(f"alive/{self.rank}", "yes")
        until = time.monotonic() + _GRACE
        while time.monotonic() < until and not all(map(self._word, others)):
            time.sleep(0.05)
        reasons = {rank: self._store.get(f"failed/{rank}").decode() for rank in others if self._failed(rank)}
        return reasons, [rank for rank in others if not self._word(rank)]

    def _failed(self, rank: int) -> bool:
        return bool(self._store.check([f"failed/{rank}"]))

    def _word(self, rank: int) -> bool:
        return self._failed(rank) or bool(self._store.check([f"alive/{rank}"]))

    @contextmanager
    def watched(self) -> Iterator[None]:
        """See :meth:`Group.watched`."""
        try:
            yield
        except BaseException as error:
            if self._end is not None:
                if not isinstance(error, DistributedError):
                    with suppress(RuntimeError):  # where nobody is left to read it
                        self._store.set(f"failed/{self.rank}", f"{type(error).__name__}: {error}")
                self._end()  # whoever waits for this rank learns at once that it has gone
            raise


def _unpacked(packed: Tensor) -> Any:
    return pickle.loads(packed.cpu().numpy().tobytes())


class _Summed(torch.autograd.Function):
    """A sum over ranks; each rank's loss depends on it, so gradients are added up, too."""

    @staticmethod
    def forward(ctx: Any, group: Ranks, value: Tensor) -> Tensor:
        ctx.group = group
        return group.added(value.detach().clone())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return None, ctx.group.added(gradient.contiguous().clone())


class _Joined(torch.autograd.Function):
    """A sum over ranks of which every rank computes the same loss: its gradient is the whole one already."""

    @staticmethod
    def forward(ctx: Any, group: Ranks, value: Tensor) -> Tensor:
        return group.added(value.detach().clone())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return None, gradient


def summed(group: Ranks, value: Tensor) -> Tensor:
    """The sum over all ranks, where every rank's own part of the loss depends on it."""
    found: Tensor = _Summed.apply(group, value)  # type: ignore[no-untyped-call]
    return found


def joined(group: Group, value: Tensor) -> Tensor:
    """The sum over all ranks, of which every rank computes the whole loss."""
    found: Tensor = _Joined.apply(group, value)  # type: ignore[no-untyped-call]
    return found

"""How a process finds the others: the group that is there, or that of its launcher.

torch 2.13 keeps the store of a launch when its ranks are started again, and a rank may then read the address of one
that is dead (pytorch issues 135712 and 167288). So ranks meet under a prefix of their own, which counts restarts.
"""

from __future__ import annotations

import atexit
import ctypes
import os
from contextlib import suppress
from typing import Any

import torch

from ..errors import DistributedError
from . import launch
from .group import LONE, Group, Ranks
from .heartbeat import Heartbeat

__all__ = ["join", "leave"]

_made: list[Ranks] = []
_joinings = 0


def join(device: torch.device | None = None) -> Group:
    """The group of this process: the one that is there, that of its launcher, or itself.

    Args:
        device: Where the model is.

    Raises:
        InputError: A launcher's variables that do not fit together; ranks with other versions of packages.
        DistributedError: Ranks that do not come.

    Example:
        >>> group = join()  # of a process that no launcher has started: itself
        >>> group.rank, group.size
        (0, 1)
    """
    import torch.distributed as dist

    if _made:
        return _made[0]
    if dist.is_available() and dist.is_initialized():  # the program's own
        return Ranks(dist.distributed_c10d._get_default_store())
    if not launch.started_together():
        return LONE
    if not dist.is_available():
        raise DistributedError("this build of torch has no torch.distributed, so ranks cannot train together.")
    group = _joined(dist, device)
    _made.append(group)
    with group.watched():
        group.check_equal(_versions())
    return group


def _joined(dist: Any, device: torch.device | None) -> Ranks:
    global _joinings
    _joinings += 1
    on_gpu = device is not None and device.type == "cuda"
    rank, size = launch.place()
    if on_gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", rank)))
    restarts = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    try:
        store, _, _ = next(dist.rendezvous("env://", rank, size, timeout=launch.timeout()))
    except RuntimeError as error:
        raise DistributedError(f"rank {rank} of {size} found no meeting place ({error}).") from error
    store = dist.PrefixStore(f"graphembed/{restarts}/{_joinings}", store)
    try:
        backend = "cpu:gloo,cuda:nccl" if on_gpu else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=launch.timeout())
    except RuntimeError as error:
        brief = " ".join(str(error).split())[:200]
        raise DistributedError(
            f"rank {rank} of {size} has waited {launch.timeout().total_seconds():g} s for the others ({brief})."
        ) from error
    atexit.register(leave)
    return Ranks(store, leave, None if on_gpu or size == 1 else Heartbeat(store, rank, size))


def leave() -> None:
    """End the group that :func:`join` has made, if it has.

    Example:
        >>> leave()  # nothing to end where no launcher has started this process
        >>> join().size
        1
    """
    import torch.distributed as dist

    if _made:
        group = _made.pop()
        beats = group.beats
        if beats is not None:
            beats.stop()
        if dist.is_initialized():
            if beats is not None and beats.left:
                _abandon(dist.distributed_c10d._get_default_group())
            dist.destroy_process_group()


def _abandon(group: Any) -> None:
    """Give up operations that wait for ranks which stand still, and the group's threads with them: its end would wait
    for these threads as long as they for the ranks, so it is kept until the process ends.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(group))
    backend = group._get_backend(torch.device("cpu"))
    if hasattr(backend, "abort"):
        backend.abort()


def _versions() -> dict[str, Any]:
    """Packages that decide what comes of a training."""
    from importlib import metadata

    import numba
    import numpy

    found = {"torch": torch.__version__, "numpy": numpy.__version__, "numba": numba.__version__}
    with suppress(metadata.PackageNotFoundError):  # run from its sources
        found["graphembed_ext"] = metadata.version("graphembed_ext")
    return {f"version of {name}": version for name, version in found.items()}

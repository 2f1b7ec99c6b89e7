"""The doors to compiled code: ids that come from outside are checked here before a kernel reads memory by them.

A kernel checks no bound; a wrong id reads, or writes, memory that belongs to something else. So what enters one was
checked at its door and is a copy from then on, or is checked again each time. A check is one pass for the least and the
greatest id, at about 1 ns an id, where a kernel takes 10 to 1000 ns for it.

====================================  =================================================  ===============================
what enters                           checked by                                         after that
====================================  =================================================  ===============================
edges of a host's graph               ``GraphView``, when it is made                     borrowed, and not read by
                                                                                         kernels
edges, for walks and metapaths        ``GraphView.csr``: once more, when it is made      a copy of the view's own
edges, for message passing            ``Adjacency.from_edges``                           a copy of its own
edges, for samplers                   ``in_edges``, by ``Adjacency.from_edges``          a copy of the view's own
weights of edges                      ``checked_weight``: finite, at least 0             a copy (``entry_weights``)
first nodes of walks                  ``check_starts``, in every ``Walker.walk``         a copy, or read at once
walks, for training                   ``CPUEngine``, every batch                         read at once
negatives' weights and groups         ``negatives_table``; ``alias_table``               a copy
seeds of neighbourhoods               ``NeighborSampler.sample``, every batch            read at once
entries that are not to be drawn      ``NeighborSampler.sample``                         read at once
rows to draw from                     ``draw_entries``                                   read at once
users and items                       ``Sides``, ``Interactions``                        a copy, or read at once
====================================  =================================================  ===============================

Whoever calls a kernel with ids of another origin adds a row, and a case to ``tests/core/test_doors.py``, which tries
each door with hostile ids in a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from ..errors import IdError, InputError
from .checks import as_tensor, described

__all__ = ["as_ids", "as_pairs", "ascending", "outside", "within"]

#: Integers that torch has every operator for.
_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def as_ids(ids: Any, argument: str, expected: str = "a vector of ids, int64 or int32") -> Tensor:
    """Whole numbers as an int64 vector.

    Args:
        ids: A tensor, an array, a list (of 0-d tensors too, as a DataLoader hands them over) or a range.
        argument: Name of the argument, for errors.
        expected: What it should have been, for errors.

    Raises:
        InputError: Anything else.

    Example:
        >>> as_ids([2, 0], "nodes"), as_ids(range(2), "nodes")
        (tensor([2, 0]), tensor([0, 1]))
    """
    if isinstance(ids, range):
        return torch.arange(ids.start, ids.stop, ids.step)
    found = as_tensor(argument, ids, expected)
    if found.numel() == 0 and found.dim() == 1:
        return found.long()
    if found.dtype not in _INTEGERS or found.dim() != 1:
        raise InputError(argument, f"{found.dtype} of shape {tuple(found.shape)}", expected)
    return found.long()


def as_pairs(pairs: Any, argument: str, expected: str = "pairs of ids, shape (2, number of pairs)") -> Tensor:
    """Pairs of whole numbers, ``(2, P)``, as an int64 matrix; given as a tensor, an array or two lists.

    Raises:
        InputError: Anything else.

    Example:
        >>> as_pairs([[0, 1], [2, 3]], "edges").shape
        torch.Size([2, 2])
    """
    found = as_tensor(argument, pairs, expected)
    if found.dim() != 2 or found.size(0) != 2 or (found.numel() and found.dtype not in _INTEGERS):
        near = found.dim() == 2 and found.size(1) == 2
        hint = "transpose a list of pairs with .t()" if near and found.dtype in _INTEGERS else ""
        raise InputError(argument, described(found), expected, hint)
    return found.long()


def outside(ids: Tensor, first: int, end: int) -> int | None:
    """An id that is not from ``first`` up to, and without, ``end``; None when all are.

    Example:
        >>> outside(torch.tensor([0, 7, 2]), 0, 7)
        7
    """
    if ids.numel() == 0:
        return None
    low, high = (int(bound) for bound in torch.aminmax(ids))
    return low if low < first else high if high >= end else None


def within(argument: str, ids: Tensor, end: int, *, first: int = 0, got: str = "id", expected: str = "ids") -> Tensor:
    """Return ids that are from ``first`` up to, and without, ``end``; or raise.

    Args:
        argument: Name of the argument, for errors.
        ids: Integers, of any shape.
        end: One past the last.
        first: The first that may be.
        got, expected: What an id is called in errors, and ids.

    Raises:
        IdError: An id that is not.
    """
    wrong = outside(ids, first, end)
    if wrong is not None:
        raise IdError(argument, f"{got} {wrong}", f"{expected} from {first} to {end - 1}")
    return ids


def ascending(argument: str, bounds: Tensor | Iterable[int], end: int) -> Tensor:
    """Return bounds of rows, int64, that begin with 0, never fall, and end with ``end``; or raise.

    Raises:
        InputError: Other bounds.

    Example:
        >>> ascending("indptr", [0, 2, 2, 3], 3)
        tensor([0, 2, 2, 3])
    """
    found = as_ids(bounds if isinstance(bounds, Tensor) else list(bounds), argument)
    right = len(found) > 0 and int(found[0]) == 0 and int(found[-1]) == end
    if not right or bool((found[1:] < found[:-1]).any()):
        brief = [*found[:3].tolist(), "...", *found[-2:].tolist()] if len(found) > 5 else found.tolist()
        raise InputError(argument, f"bounds {brief}", f"bounds that rise from 0 to {end}")
    return found

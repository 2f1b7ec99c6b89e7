"""A make-believe device: its tensors hold their values in the CPU's memory, and are as strict as a GPU's.

An operator of torch takes tensors of one device alone, NumPy takes none of another device, and a tensor that is made
without naming a device is on the CPU. So what runs here has no hidden copy to the CPU and no tensor left behind on it.
"""

from __future__ import annotations

from contextlib import contextmanager
from unittest import mock

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

__all__ = ["ELSEWHERE", "elsewhere"]

#: What its tensors say they are on. To torch itself they are on the device "meta", the one beside the CPU that every
#: build can differentiate on.
ELSEWHERE = torch.device("cuda", 0)
#: What operators are told of it, by those who ask a tensor in Python and by torch itself.
KINDS = (ELSEWHERE.type, "meta")
CPU = torch.device("cpu")
ATEN = torch.ops.aten
#: Where torch itself takes operands of two devices: copies, and ids of the CPU into a table elsewhere.
COPIES = {ATEN.copy_.default, ATEN._to_copy.default}
INDEXED = {ATEN.index.Tensor, ATEN.index_put.default, ATEN.index_put_.default, ATEN._index_put_impl_.default}


class There(torch.Tensor):
    """A tensor of the make-believe device around one of the CPU."""

    @staticmethod
    def __new__(cls, held):
        shape = {"strides": held.stride(), "storage_offset": held.storage_offset()} if _strided(held) else {}
        return torch.Tensor._make_wrapper_subclass(
            cls, held.size(), dtype=held.dtype, layout=held.layout, device=torch.device("meta"), **shape
        )

    def __init__(self, held):
        self.held = held

    device = property(lambda self: ELSEWHERE)
    is_cuda = property(lambda self: True)
    is_meta = property(lambda self: False)

    def __repr__(self):
        return f"There({self.held!r})"

    def tolist(self):
        return self.held.tolist()

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return computed(func, args, kwargs or {})


class Placed(TorchDispatchMode):
    """Makes the tensors of operators that name the device as an argument."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return computed(func, args, kwargs or {})


def _strided(held):
    return held.layout == torch.strided


def tensors_of(value):
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [tensor for part in value for tensor in tensors_of(part)]
    return []


def computed(func, args, kwargs):
    """What an operator returns, there or here, once its operands are known to be in one place."""
    given = tensors_of([*args, *kwargs.values()])
    there = any(isinstance(tensor, There) for tensor in given)
    named = kwargs.get("device")
    target = ELSEWHERE if (there if named is None else named.type in KINDS) else CPU
    if there and func not in COPIES:
        check(func, given, args)
    if named is not None:
        kwargs = {**kwargs, "device": CPU}
    wrappers = {id(tensor.held): tensor for tensor in given if isinstance(tensor, There)}
    args, kwargs = tree_map(inside, (args, kwargs))
    found = func(*args, **kwargs)
    if target == CPU or func is ATEN._local_scalar_dense.default:
        return found
    if func is ATEN.copy_.default:  # the one whose values they become says where it is
        return wrappers.get(id(found), found)
    return tree_map(lambda value: outside(value, wrappers), found)


def check(func, given, args):
    if func in INDEXED:
        given = [args[0], *given[-1:]] if "put" in str(func) else [args[0]]
    here = [tensor for tensor in given if not isinstance(tensor, There) and tensor.dim()]
    if here or not isinstance(given[0], There):
        raise RuntimeError(f"{func}: operands on two devices: {[(t.device.type, tuple(t.shape)) for t in given]}")


def inside(value):
    return value.held if isinstance(value, There) else value


def outside(value, wrappers):
    if not isinstance(value, torch.Tensor) or isinstance(value, There):
        return value
    known = wrappers.get(id(value))
    return There(value) if known is None else known


@contextmanager
def elsewhere():
    """Within it, the make-believe device can be named."""
    overwrite = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    absent = {name: mock.Mock(return_value=None) for name in ("_lazy_init", "get_rng_state", "set_rng_state")}
    try:
        with mock.patch.multiple(torch.cuda, **absent), Placed():
            yield ELSEWHERE
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(overwrite)

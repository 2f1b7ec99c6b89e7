"""Layers that somebody changed, beside PyG's with the same change: every class, every step, every hook, every part.

A change is a function of the class or of the layer; what it leads to, outputs and all gradients, must be what the same
change of PyG's class leads to, on edges that are not sorted.
"""

from __future__ import annotations

import copy
import types

import pytest
import torch
import torch_geometric.nn as peers
from torch import nn
from torch.nn.utils import parametrizations
from torch_geometric.nn.aggr import MaxAggregation, SoftmaxAggregation

import graphembed_ext as ge
from graphembed_ext.nn.lgconv import LGConv
from graphembed_ext.nn.sage import SAGEConv

NODES, WIDE = 7, 6
EDGES = torch.tensor([[0, 1, 2, 3, 6, 5, 1, 1, 4], [3, 2, 1, 0, 5, 6, 6, 0, 3]])
METADATA = ["a", "b"], [("a", "to", "b"), ("b", "to", "a"), ("a", "with", "a")]
STEPS = ("propagate", "message", "aggregate")


def draw(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


class Case:
    """A class beside its peer: how to make it and call it."""

    def __init__(self, ours, peer, *args, typed=False, parts=(), **options):
        self.ours, self.peer, self.args, self.options = ours, peer, args, options
        self.typed, self.parts = typed, parts

    def layers(self, derive=lambda cls: cls):
        torch.manual_seed(0)
        classes = [derive(cls) for cls in (self.peer, self.ours)]
        for cls, base in zip(classes, (self.peer, self.ours), strict=True):
            if cls is not base:  # PyG writes a module for each name of a class
                cls.__name__ = f"{cls.__name__.partition('_')[0]}_{'_'.join(base.__module__.split('.'))}"
        peer, ours = (cls(*self.args, **self.options).double() for cls in classes)
        ours.load_state_dict(copy.deepcopy(peer.state_dict()))
        return ours, peer

    def call(self, layer, edges=EDGES):
        x = draw(NODES, WIDE).requires_grad_()
        if not self.typed:
            return layer(x, edges), x
        return layer({"a": x, "b": x.sin()}, dict.fromkeys(METADATA[1], edges)), x


CASES = {
    "SAGE mean, narrower": Case(SAGEConv, peers.SAGEConv, WIDE, 3, parts=("lin_l", "lin_r")),
    "SAGE mean, wider": Case(SAGEConv, peers.SAGEConv, WIDE, 9, parts=("lin_l", "lin_r")),
    "SAGE sum": Case(SAGEConv, peers.SAGEConv, WIDE, 3, aggr="sum", parts=("lin_l", "lin_r")),
    "SAGE max, projected": Case(
        SAGEConv, peers.SAGEConv, WIDE, 3, aggr="max", project=True, parts=("lin", "lin_l", "lin_r")
    ),
    "SAGE min": Case(SAGEConv, peers.SAGEConv, WIDE, 3, aggr="min", normalize=True, parts=("lin_l", "lin_r")),
    "LGConv": Case(LGConv, peers.LGConv),
    "HAN": Case(ge.HANConv, peers.HANConv, WIDE, 4, METADATA, 2, typed=True, parts=("k_lin", "proj.a", "proj.b")),
}
cases = pytest.mark.parametrize("case", list(CASES.values()), ids=list(CASES))


def tensors(out):
    return [part for part in (out.values() if isinstance(out, dict) else [out]) if part is not None]


def results(case, layer, edges=EDGES):
    """Outputs, and gradients of the input and of every parameter by name."""
    out, x = case.call(layer, edges)
    loss = sum((part * draw(*part.shape, seed=3)).sum() for part in tensors(out))
    named = {"x": x, **dict(layer.named_parameters())}
    found = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    return tensors(out), dict(zip(named, found, strict=True))


def assert_equal(case, ours, peer, edges=EDGES):
    torch.testing.assert_close(results(case, ours, edges), results(case, peer, edges), rtol=1e-9, atol=1e-9)


# Methods


def message(cls):
    if cls.__name__ == "HANConv":

        class Message(cls):
            def message(self, x_j, alpha_i, alpha_j, index, ptr, size_i):
                return 2 * super().message(x_j, alpha_i, alpha_j, index, ptr, size_i) + index.view(-1, 1)

    elif cls.__name__ == "LGConv":

        class Message(cls):
            def message(self, x_j, edge_weight):
                return 2 * super().message(x_j, edge_weight) + torch.arange(len(x_j)).view(-1, 1)

    else:

        class Message(cls):
            def message(self, x_j):
                return 2 * super().message(x_j) + torch.arange(len(x_j)).view(-1, 1)

    return Message


def message_of_both_ends(cls):
    if cls.__name__ == "HANConv":

        class BothEnds(cls):
            def message(self, x_i, x_j):
                return (x_j - 2 * x_i).flatten(1)

    else:

        class BothEnds(cls):
            def message(self, x_i, x_j):
                return x_j - 2 * x_i

    return BothEnds


def aggregate(cls):
    class Aggregate(cls):
        def aggregate(self, inputs, index, ptr=None, dim_size=None):
            weight = torch.arange(len(inputs)).view(-1, 1)  # by the place of an edge
            return 3 * super().aggregate(inputs * weight, index, ptr, dim_size)

    return Aggregate


def update(cls):
    class Update(cls):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.gate = nn.Parameter(torch.full((1,), 0.7))

        def update(self, inputs):
            return inputs.tanh() * self.gate

    return Update


def propagate(cls):
    class Propagate(cls):
        def propagate(self, edge_index, size=None, **kwargs):
            return super().propagate(edge_index.flip(0), size=size, **kwargs) + 1

    return Propagate


def message_and_aggregate(cls):
    class Both(cls):
        def message_and_aggregate(self, adj_t, x):
            return super().message_and_aggregate(adj_t, x) * 5

    return Both


def edge_update(cls):
    class EdgeUpdate(cls):
        def edge_update(self):
            raise AssertionError("nobody calls it")

    return EdgeUpdate


def nothing(cls):
    class Nothing(cls):
        pass

    return Nothing


METHODS = [message, message_of_both_ends, aggregate, update, propagate, message_and_aggregate, edge_update, nothing]


@cases
@pytest.mark.parametrize("change", METHODS, ids=lambda change: change.__name__)
def test_overridden_methods(case, change):
    case.layers()  # the plain classes first: PyG's compiled propagate of a class is inherited
    ours, peer = case.layers(change)
    for _ in range(2):  # PyG writes a class's propagate with its first object
        assert_equal(case, ours, peer)
        made = {case.ours: type(ours), case.peer: type(peer)}
        ours, peer = case.layers(made.__getitem__)


@cases
@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")
def test_an_overridden_product_with_a_sparse_matrix(case):
    if case.typed:
        pytest.skip("PyG's class has none")
    matrix = torch.sparse_coo_tensor(EDGES.flip(0), torch.ones(EDGES.size(1)).double(), (NODES, NODES)).to_sparse_csr()
    for derive in (message_and_aggregate, nothing):
        assert_equal(case, *case.layers(derive), matrix)


@cases
@pytest.mark.parametrize("step", ["message", "aggregate", "update"])
def test_methods_of_the_object(case, step):
    layers = case.layers()
    for layer in layers:
        plain = getattr(layer, step)
        setattr(
            layer, step, types.MethodType(lambda self, *args, plain=plain, **kwargs: 2 * plain(*args, **kwargs), layer)
        )
    assert_equal(case, *layers)


@cases
def test_a_method_patched_into_the_class(case, monkeypatch):
    layers = case.layers()
    for cls in (case.ours, case.peer):
        monkeypatch.setattr(cls, "update", lambda self, inputs: inputs * 2)
    assert_equal(case, *layers)


# Hooks


@cases
@pytest.mark.parametrize("kind", ["forward_pre_hook", "forward_hook"])
@pytest.mark.parametrize("step", STEPS)
def test_hooks_on_messages_see_and_change_what_pygs_do(case, step, kind):
    seen = {}

    def watch(layer):
        def pre(module, inputs):
            seen.setdefault(layer, []).append(known(inputs[-1]))

        def post(module, inputs, output):
            seen.setdefault(layer, []).append([known(inputs[-1]), output.detach()])
            return output * 1.5

        def known(given):  # those that both have; ours passes more
            return {
                name: value.detach()
                for name, value in sorted(given.items())
                if name in names and torch.is_tensor(value)
            }

        names = ("x_j", "index", "alpha_i", "alpha_j", "x")
        getattr(layer, f"register_{step}_{kind}")(pre if kind == "forward_pre_hook" else post)

    layers = case.layers()
    for layer in layers:
        watch(layer)
    assert_equal(case, *layers)
    torch.testing.assert_close(*(seen[layer] for layer in layers), rtol=1e-9, atol=1e-9)


@cases
@pytest.mark.parametrize("kind", ["forward_hook", "forward_pre_hook", "full_backward_hook", "full_backward_pre_hook"])
def test_hooks_on_parts_and_on_the_layer(case, kind):
    # a dict is no output for a backward hook
    parts = case.parts if case.typed and "backward" in kind else (*case.parts, "aggr_module", "")
    for name in parts:
        seen = {}
        layers = case.layers()
        for layer in layers:

            def hook(module, *given, layer=layer, seen=seen):
                flat = given[-1] if isinstance(given[-1], tuple) else ()
                floats = [part.detach() for part in flat if torch.is_tensor(part) and part.is_floating_point()]
                seen.setdefault(layer, []).append(floats)

            getattr(layer.get_submodule(name), f"register_{kind}")(hook)
        assert_equal(case, *layers)
        found, wanted = (seen.get(layer, []) for layer in layers)
        assert len(found) == len(wanted), name
        if "backward" in kind or name in case.parts:
            torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)


def test_a_hook_on_all_modules_sees_the_same_calls():
    case, seen = CASES["SAGE mean, narrower"], []
    handle = nn.modules.module.register_module_forward_hook(lambda module, *_: seen.append(type(module).__name__))
    try:
        calls = []
        for layer in case.layers():
            seen.clear()
            case.call(layer)
            calls.append(list(seen))
    finally:
        handle.remove()
    assert calls[0] == calls[1]


# Parts


class LoRA(nn.Module):
    def __init__(self, base):
        super().__init__()
        self.base, wide = base, base.weight.size(1)
        self.down, self.up = nn.Parameter(draw(2, wide, seed=5)), nn.Parameter(draw(base.weight.size(0), 2, seed=6))

    def forward(self, x):
        return self.base(x) + x @ self.down.t() @ self.up.t()


class Doubled(nn.Module):
    def forward(self, weight):
        return 2 * weight


def mlp(part):
    return nn.Sequential(copy.deepcopy(part), nn.Tanh(), nn.Linear(part.weight.size(0), part.weight.size(0)).double())


def parametrised(part):
    nn.utils.parametrize.register_parametrization(part, "weight", Doubled())
    return part


def own_forward(part):
    plain = part.forward
    part.forward = lambda x: plain(x).tanh()
    return part


PARTS = [LoRA, mlp, parametrised, parametrizations.weight_norm, own_forward]


@cases
@pytest.mark.parametrize("change", PARTS, ids=lambda change: change.__name__)
def test_replaced_parts(case, change):
    for name in case.parts:
        layers = case.layers()
        for layer in layers:
            torch.manual_seed(1)
            layer.set_submodule(name, change(layer.get_submodule(name)))
        assert_equal(case, *layers)


@cases
@pytest.mark.parametrize("aggregation", [SoftmaxAggregation, MaxAggregation])
def test_replaced_aggregations(case, aggregation):
    layers = case.layers()
    for layer in layers:
        layer.aggr_module = aggregation()
    assert_equal(case, *layers)


# Explainers


@cases
def test_explainers_mask_the_edges_they_name(case):
    layers, masks = case.layers(), []
    for layer in layers:
        masks.append(draw(EDGES.size(1), seed=8).requires_grad_())
        layer.explain, layer._edge_mask = True, masks[-1]
    assert_equal(case, *layers)
    found = []
    for layer, mask in zip(layers, masks, strict=True):
        out, _ = case.call(layer)
        found.append(torch.autograd.grad(tensors(out)[0][0].sum(), mask)[0])
    torch.testing.assert_close(*found)
    for layer in layers:
        layer.explain = False
    assert_equal(case, *layers)
    assert layers[0].serves()  # explained no more, it is as fast as before


def test_an_explained_node_depends_on_its_own_edge():
    edges = torch.tensor([[0, 1, 2, 3], [3, 2, 1, 0]])
    conv = SAGEConv(2, 1)
    mask = torch.zeros(4, requires_grad=True)
    conv.explain, conv._edge_mask = True, mask
    gradient = torch.autograd.grad(conv(torch.ones(4, 2), edges)[0].sum(), mask)[0]
    assert gradient.nonzero().flatten().tolist() == [3]


# Second derivatives, transforms, tracing


@cases
def test_hessians(case):
    ours, peer = case.layers()

    def hessian(layer):
        def loss(x):
            args = ({"a": x, "b": x.sin()}, dict.fromkeys(METADATA[1], EDGES)) if case.typed else (x, EDGES)
            return sum(part.pow(3).sum() for part in tensors(layer(*args)))

        return torch.autograd.functional.hessian(loss, draw(NODES, WIDE))

    found = hessian(ours)
    torch.testing.assert_close(found, hessian(peer), rtol=1e-8, atol=1e-8)
    assert found.abs().max() > 0


@cases
def test_functional_transforms(case):
    ours, peer = case.layers()

    def function(layer):
        def call(x):
            args = ({"a": x, "b": x.sin()}, dict.fromkeys(METADATA[1], EDGES)) if case.typed else (x, EDGES)
            return torch.cat([part.flatten() for part in tensors(layer(*args))])

        return call

    x, batch = draw(NODES, WIDE), draw(3, NODES, WIDE)
    torch.testing.assert_close(torch.func.jacrev(function(ours))(x), torch.func.jacrev(function(peer))(x))
    along = [torch.func.jvp(function(layer), (x,), (x.cos(),)) for layer in (ours, peer)]
    torch.testing.assert_close(*along)
    if not case.typed:
        torch.testing.assert_close(torch.func.vmap(function(ours))(batch), torch.func.vmap(function(peer))(batch))
    doubled = {name: 2 * value.detach() for name, value in ours.named_parameters()}
    given = ({"a": x, "b": x.sin()}, dict.fromkeys(METADATA[1], EDGES)) if case.typed else (x, EDGES)
    torch.testing.assert_close(*(tensors(torch.func.functional_call(layer, doubled, given)) for layer in (ours, peer)))


@cases
def test_meta_tensors(case):
    ours, _ = case.layers()
    ours, edges, x = ours.to("meta"), EDGES.to("meta"), draw(NODES, WIDE).to("meta")
    args = ({"a": x, "b": x}, dict.fromkeys(METADATA[1], edges)) if case.typed else (x, edges)
    assert all(part.is_meta and len(part) == NODES for part in tensors(ours(*args)))


@pytest.mark.parametrize("name", [name for name in CASES if name != "HAN"])
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")
def test_traced_layers_take_other_edges(name):
    case = CASES[name]
    ours, peer = case.layers()
    traced = torch.jit.trace(ours, (draw(NODES, WIDE), EDGES))
    other = EDGES[:, 2:]
    torch.testing.assert_close(traced(draw(NODES, WIDE), other), peer(draw(NODES, WIDE), other))

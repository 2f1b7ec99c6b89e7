"""One table of what users change about a class: behaviour x class x peer, each beside the peer's class changed alike.

A :class:`Pair` is a class of ours and the one whose place it takes. A change is applied to both; outputs and the
gradients of all parameters must be the same. Changes are generated: from the methods that a pair names, and from the
submodules that the peer's object has. ``tests/nn/test_contracts_table.py`` runs them one by one;
``python -m tests.project.peer_suites`` runs all and prints how many hold.
"""

from __future__ import annotations

import copy
import functools
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize
from torch_geometric import nn as pyg
from torch_geometric.nn import MessagePassing

import graphembed_ext as ge
from graphembed_ext.nn.lgconv import LGConv
from graphembed_ext.nn.sage import SAGEConv
from tests import peers
from tests.graphs import PAPERS, paper_graphs

NODES, WIDE = 9, 6
EDGES = torch.tensor([[0, 1, 2, 3, 6, 5, 1, 1, 4, 8, 7], [3, 2, 1, 0, 5, 6, 6, 0, 3, 7, 8]])
TYPES = ["a", "b"], [("a", "to", "b"), ("b", "to", "a"), ("a", "with", "a")]
WALKED = {TYPES[1][0]: EDGES, TYPES[1][1]: EDGES.flip(0)}


def draw(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def untyped(model):
    return model(draw(NODES, WIDE), EDGES)


def typed(model):
    x = draw(NODES, WIDE)
    return model({"a": x, "b": x.sin()}, dict.fromkeys(TYPES[1], EDGES))


def papers(model):
    edges, graphs = paper_graphs()
    x = draw(NODES, WIDE)
    takes_graphs = getattr(model, "takes_graphs", isinstance(model, peers.HANExampleLayer))
    return model(graphs, x) if takes_graphs else model({"paper": x}, edges)


def windows(model):
    return model.loss(torch.tensor([[0, 1, 2], [3, 5, 5]]), torch.tensor([[0, 4, 7], [3, 8, 6]]))


def on_dgl(model):
    import dgl

    return model(dgl.graph((EDGES[0], EDGES[1]), num_nodes=NODES), draw(NODES, WIDE))


def on_a_block(model):
    import dgl

    block = dgl.to_block(dgl.in_subgraph(dgl.graph((EDGES[0], EDGES[1]), num_nodes=NODES), [0, 3, 6]), [0, 3, 6])
    return model(block, draw(NODES, WIDE)[block.srcdata[dgl.NID]])


def made_hetero(*sizes, **config):
    """PyG's GraphSAGE on typed graphs, with its sizes known."""
    model = peers.to_hetero(TYPES, *sizes, **config)
    model.float()({name: draw(NODES, WIDE).float() for name in TYPES[0]}, dict.fromkeys(TYPES[1], EDGES))
    return model


@dataclass(frozen=True)
class Pair:
    """A class of ours and its peer.

    Attributes:
        name: Of the row of the table.
        framework: Whose class the peer is.
        ours, peer: What makes an object: a class, where its methods may be overridden, or a function.
        args, options: Handed to both.
        call: What is compared.
        methods: Methods that a subclass overrides.
        names: What parts are called in ours, by the beginning of their name in the peer.
        own_args: Handed to ours in the place of ``args``.
    """

    name: str
    framework: str
    ours: Any
    peer: Any
    args: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    call: Callable[[Any], Any] = untyped
    methods: tuple[str, ...] = ()
    names: dict[str, str] = field(default_factory=dict)
    own_args: tuple[Any, ...] | None = None

    def renamed(self, name: str) -> str:
        for peers_name, name_of_ours in self.names.items():
            if name == peers_name or name.startswith(f"{peers_name}."):
                return name_of_ours + name[len(peers_name) :]
        return name

    def objects(self, derive: Callable[[Any], Any] = lambda cls: cls) -> tuple[Any, Any]:
        """One of ours and one of the peer's, with the same weights."""
        torch.manual_seed(0)
        peer = derive(self.peer)(*self.args, **self.options).double().eval()
        ours = derive(self.ours)(*(self.own_args or self.args), **self.options).double().eval()
        ours.load_state_dict({self.renamed(name): value for name, value in copy.deepcopy(peer.state_dict()).items()})
        return ours, peer

    def parts(self, *kinds: type) -> list[str]:
        """Names of the peer's submodules of some kinds."""
        _, peer = self.objects()
        return [name for name, part in peer.named_modules() if name and isinstance(part, kinds)]


STEPS = ("message", "aggregate", "update", "propagate", "message_and_aggregate", "forward")
DGLS = {"mean": WIDE, "gcn": WIDE, "pool": WIDE, "lstm": WIDE}


def pairs() -> list[Pair]:
    """Every class with a peer."""
    sages = {"mean": {}, "sum": {"aggr": "sum"}, "max": {"aggr": "max", "project": True}, "min": {"aggr": "min"}}
    sages["normalised"] = {"normalize": True, "root_weight": False}
    found = [
        Pair(f"SAGEConv {name}", "PyG", SAGEConv, pyg.SAGEConv, (WIDE, 3), options, methods=STEPS)
        for name, options in sages.items()
    ]
    found.append(Pair("LGConv", "PyG", LGConv, pyg.LGConv, methods=STEPS))
    han = {"heads": 2}
    steps = ("message", "aggregate", "update", "propagate", "forward")
    found.append(Pair("HANConv", "PyG", ge.HANConv, pyg.HANConv, (WIDE, 4, TYPES), han, typed, steps))
    models = {"": {}, " jk": {"jk": "cat", "norm": "batch_norm"}, " max": {"aggr": "max", "act": "elu"}}
    found += [
        Pair(f"GraphSAGE{name}", "PyG", ge.GraphSAGE, pyg.GraphSAGE, (WIDE, 8, 2, 3), options, methods=("forward",))
        for name, options in models.items()
    ]
    made = functools.partial(ge.TypedGraphSAGE, metadata=TYPES)
    found.append(
        Pair("TypedGraphSAGE", "PyG", made, made_hetero, ((-1, -1), 8, 2, 3), {}, typed, own_args=(WIDE, 8, 2, 3))
    )
    names = {"han_conv": "layers.0", "lin": "predict"}
    found.append(Pair("HAN", "PyG", ge.HAN, peers.PyGHAN, (WIDE, 8, 3, PAPERS), han, papers, ("forward",), names))
    call = functools.partial(_called, EDGES)
    methods = "forward", "get_embedding"
    found.append(Pair("LightGCN", "PyG", ge.LightGCN, pyg.LightGCN, (NODES, 4, 2), {}, call, methods))
    walks = functools.partial(ge.pyg.Node2Vec, EDGES, walk_length=4, context_size=3)
    found.append(
        Pair("Node2Vec", "PyG", _node2vec(walks), peers.node2vec, (NODES, 4), {}, windows, own_args=(4,)),
    )
    walked = (WALKED, 4, TYPES[1][:2], 4, 3)
    found.append(
        Pair("MetaPath2Vec", "PyG", ge.pyg.MetaPath2Vec, pyg.MetaPath2Vec, walked, {}, windows, ("loss",)),
    )
    return found + _of_dgl()


def _of_dgl() -> list[Pair]:
    from dgl.nn import SAGEConv as Peer

    found = []
    for kind in ("mean", "gcn", "pool", "lstm"):
        methods = ("forward", "_lstm_reducer") if kind == "lstm" else ("forward",)
        for width, call in ((3, on_dgl), (8, on_a_block)):
            name = f"SAGEConv {kind}, {width} wide"
            found.append(Pair(name, "DGL", ge.dgl.SAGEConv, Peer, (WIDE, width, kind), {}, call, methods))
    ours = functools.partial(ge.HANConv, WIDE, 8, PAPERS, heads=2, architecture="dgl")
    layer = functools.partial(peers.HANExampleLayer, WIDE, 4, 2)
    return [*found, Pair("HANConv", "DGL", ours, layer, call=papers)]


def _called(edges, model):
    return model(edges)


def _node2vec(make):
    return lambda dim: make(embedding_dim=dim)


# Changes


@dataclass(frozen=True)
class Change:
    """A change of an object, or of its class.

    Attributes:
        behaviour: What it tries: a column of the table.
        what: The method or part.
        derive: Makes a subclass.
        apply: Changes an object, given the name of the part.
    """

    behaviour: str
    what: str = ""
    derive: Callable[[Any], Any] | None = None
    apply: Callable[[nn.Module, str], None] | None = None

    def __str__(self) -> str:
        return f"{self.behaviour} {self.what}".strip()


def scaled(out):
    """One and a half times an output, whatever it holds."""
    if isinstance(out, dict):
        return {name: scaled(value) for name, value in out.items()}
    if isinstance(out, tuple):
        return tuple(scaled(value) for value in out)
    return out * 1.5 if torch.is_tensor(out) and out.is_floating_point() else out


def overriding(name):
    def derive(cls):
        plain = getattr(cls, name)

        @functools.wraps(plain)
        def method(self, *args, **kwargs):
            return scaled(plain(self, *args, **kwargs))

        return type(f"{cls.__name__}_{name}_{cls.__module__.replace('.', '_')}", (cls,), {name: method})

    return derive


class Wrapped(nn.Module):
    """A part in a frame of somebody's own, as adapters of low rank are."""

    def __init__(self, base):
        super().__init__()
        self.base = base

    def forward(self, *args, **kwargs):
        return scaled(self.base(*args, **kwargs))


class Doubled(nn.Module):
    def forward(self, weight):
        return 2 * weight


def by_hook(kind):
    def apply(part, _):
        if kind == "forward_hook":
            part.register_forward_hook(lambda module, inputs, out: scaled(out))
        elif kind == "forward_pre_hook":
            part.register_forward_pre_hook(lambda module, inputs: scaled(inputs))
        elif kind == "full_backward_hook":
            part.register_full_backward_hook(lambda module, given, taken: scaled(given))
        else:
            part.register_full_backward_pre_hook(lambda module, taken: scaled(taken))

    return apply


def by_own_forward(part, _):
    plain = part.forward
    part.forward = lambda *args, **kwargs: scaled(plain(*args, **kwargs))


def by_message_hook(step, kind):
    def apply(conv, _):
        if kind == "pre":
            getattr(conv, f"register_{step}_forward_pre_hook")(lambda module, inputs: None)
        else:
            getattr(conv, f"register_{step}_forward_hook")(lambda module, inputs, out: scaled(out))

    return apply


def by_mask(conv, _):
    conv.explain, conv._edge_mask, conv._apply_sigmoid = True, draw(EDGES.size(1), seed=5), True
    conv._loop_mask = torch.ones(EDGES.size(1), dtype=torch.bool)


def by_replacing(part, _):  # the caller puts it in its place
    return Wrapped(part)


def frozen(part, _):
    part.requires_grad_(False)


def parametrised(part, _):
    parametrize.register_parametrization(part, "weight", Doubled())


def weight_norm(part, _):
    parametrizations.weight_norm(part)


HOOKS = ("forward_hook", "forward_pre_hook", "full_backward_hook", "full_backward_pre_hook")
ON_PARTS = {
    **{kind.replace("_", " "): by_hook(kind) for kind in HOOKS},
    "own forward": by_own_forward,
    "replaced part": by_replacing,
    "parametrised": parametrised,
    "weight norm": weight_norm,
    "frozen": frozen,
}
ON_MESSAGES = {f"hook on {step}": by_message_hook(step, "post") for step in ("propagate", "message", "aggregate")} | {
    "edge mask": by_mask
}
#: What the peer itself cannot have: ids are no numbers to be scaled, and LightGCN reads its table's weight.
NOT_APPLICABLE = {(name, "forward pre hook") for name in ("Node2Vec", "MetaPath2Vec", "LightGCN")}
NOT_APPLICABLE.add(("LightGCN", "replaced part"))
# No forward computes their loss; and the second derivative of DGL's edge softmax is not the one of its first.
NOT_APPLICABLE |= {(name, "functional_call") for name in ("Node2Vec", "MetaPath2Vec")}
NOT_APPLICABLE.add(("DGL", "HANConv", "second derivatives"))
#: Things done with the whole object.
WHOLE = ("plain", "deepcopy", "saved and loaded", "functional_call", "second derivatives", "inference mode")


def changes(pair: Pair) -> Iterator[Change]:
    """All changes of a pair."""
    for name in WHOLE:
        if (pair.name, name) not in NOT_APPLICABLE and (pair.framework, pair.name, name) not in NOT_APPLICABLE:
            yield Change(name)
    for method in pair.methods:
        yield Change("overridden method", method, derive=overriding(method))
    for part in pair.parts(nn.Linear, pyg.Linear, nn.Embedding):
        for behaviour, apply in ON_PARTS.items():
            if (pair.name, behaviour) not in NOT_APPLICABLE:
                yield Change(behaviour, part, apply=apply)
    for part in pair.parts(MessagePassing):
        for behaviour in ("forward hook", "own forward", "replaced part"):
            yield Change(behaviour, part, apply=ON_PARTS[behaviour])
    convs = pair.parts(MessagePassing) or [""] * issubclass(_class(pair.peer), MessagePassing)
    for part in convs:
        for behaviour, apply in ON_MESSAGES.items():
            if not (behaviour == "edge mask" and pair.call is papers):
                yield Change(behaviour, part, apply=apply)


def _class(made):
    return made if isinstance(made, type) else object


def apply(change: Change, model: nn.Module, name: str) -> None:
    """Make a change of an object."""
    if change.apply is None:
        return
    replacement: Any = change.apply(model.get_submodule(name), name)
    if replacement is not None:
        model.set_submodule(name, replacement)


def tensors(out) -> list[torch.Tensor]:
    if isinstance(out, dict):
        return [part for name in sorted(out) for part in tensors(out[name])]
    if isinstance(out, (tuple, list)):
        return [part for value in out for part in tensors(value)]
    return [out] if torch.is_tensor(out) else []


def _by_function(model, parameters, *args):
    return torch.func.functional_call(model, parameters, args)


def results(pair: Pair, model: nn.Module, behaviour: str) -> Any:
    """What is compared of an object: outputs, and gradients of its parameters in the order of their names."""
    if behaviour == "inference mode":
        with torch.inference_mode():
            tensors(pair.call(model))
    if behaviour == "deepcopy":
        model = copy.deepcopy(model)
    if behaviour == "saved and loaded":
        file = io.BytesIO()
        torch.save(model.state_dict(), file)
        file.seek(0)
        model.load_state_dict(torch.load(file, weights_only=True))
    if behaviour == "functional_call":
        doubled = {name: 2 * value.detach() for name, value in model.named_parameters()}
        function = functools.partial(_by_function, model, doubled)
        function.takes_graphs = isinstance(model, peers.HANExampleLayer)
        return tensors(pair.call(function))
    out = tensors(pair.call(model))
    known = dict(model.named_parameters())
    wanted = {name: value for name, value in known.items() if value.requires_grad}
    if not wanted or not any(part.requires_grad for part in out):
        return [part.detach() for part in out]
    loss = sum((part * draw(*part.shape, seed=3)).sum() for part in out)
    twice = behaviour == "second derivatives"
    loss = loss * loss if twice else loss
    found = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True, create_graph=twice)
    if twice:
        total = sum(gradient.pow(2).sum() for gradient in found if gradient is not None)
        found = torch.autograd.grad(total, list(wanted.values()), allow_unused=True)
    return [part.detach() for part in out], dict(zip(wanted, found, strict=True))


def check(pair: Pair, change: Change) -> None:
    """Make a change of both and compare.

    Raises:
        AssertionError: They differ.
    """
    ours, peer = pair.objects(change.derive or (lambda cls: cls))
    apply(change, ours, pair.renamed(change.what))
    apply(change, peer, change.what)
    found, wanted = (results(pair, model, change.behaviour) for model in (ours, peer))
    if isinstance(wanted, tuple):
        wanted = wanted[0], {pair.renamed(name): value for name, value in wanted[1].items()}
    torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-8)

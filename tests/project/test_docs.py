"""Every public name shows how it is used: an example in its docstring, which pytest runs as a doctest."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect

import pytest

import graphembed_ext as ge
from graphembed_ext._core.optional import installed

FACES = [
    *("graphembed_ext", "graphembed_ext.callbacks", "graphembed_ext.checkpoint", "graphembed_ext.dgl"),
    *("graphembed_ext.distributed", "graphembed_ext.errors", "graphembed_ext.estimators", "graphembed_ext.evaluate"),
    *("graphembed_ext.exports", "graphembed_ext.index", "graphembed_ext.lightning", "graphembed_ext.losses"),
    *("graphembed_ext.parity", "graphembed_ext.plots", "graphembed_ext.pyg", "graphembed_ext.readers"),
    "graphembed_ext.walks",
]

#: What every module of PyG has, and means by it.
PYGS = {"reset_parameters"}

#: What models and layers say to ge.fit, to ge.embed and to each other: nobody else calls it.
BETWEEN_PARTS = {
    "DeepWalk": {"loss_of_sample", "noise_groups"},
    "Embeddings": {"scored"},
    "GraphSAGE": {"init_conv"},
    "GraphView": {"room"},
    "HAN": {"embeddings", "loader"},
    "HANConv": {"dropped", "message", "serves"},
    "LinkModule": {"on_train_end"},
    "LightGCN": {"adopt", "embeddings", "grown", "node_counts", "rows"},
    "MetaPath2Vec": {"embeddings", "loss_of_sample", "noise_groups", "pairs_of"},
    "NeighborBatch": {"beside"},
    "Node2Vec": {"embeddings"},
    "SAGEConv": {
        *("aggregate", "arrived", "finished", "from_rows", "in_parts", "is_as_written", "message"),
        *("message_and_aggregate", "reads_in_place", "serves"),
    },
    "TypedGraphSAGE": {"of_view"},
    "Walker": {
        *("by_number", "check_length", "entry_weights", "global_starts", "length_of", "on", "plan", "refresh", "steps"),
    },
}


#: Takes as many seconds as all others together; tests/checkpoint runs it.
NOT_RUN = {"graphembed_ext.checkpoint.compatibility.matrix"}


def examples(thing):
    """The code of the examples in a docstring that are run."""
    doc = inspect.cleandoc(thing.__doc__ or "") if thing.__module__.startswith("graphembed_ext") else ""
    found = doctest.DocTestParser().get_examples(doc)
    return "".join(example.source for example in found if not example.options.get(doctest.SKIP))


def names_of(face):
    module = importlib.import_module(face)
    public = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == face]
    return {name: getattr(module, name) for name in getattr(module, "__all__", public) if not name.startswith("_")}


def things():
    """Functions and classes of the faces, each once."""
    found = {}
    for face in FACES:
        for value in names_of(face).values():
            if inspect.isclass(value) or inspect.isfunction(value):
                found[f"{value.__module__}.{value.__qualname__}"] = value
    return found


def methods_of(owner):
    """Its own public methods and properties, by name."""
    for name, value in vars(owner).items():
        method = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
        method = value.fget if isinstance(value, property) else method
        # PyG writes methods of its own into a class whose layers it has compiled
        ours = inspect.isfunction(method) and not method.__module__.endswith("_propagate")
        if ours and not name.startswith("_"):
            yield name, method


def called(code):
    """Names of the methods and properties that a piece of code asks; ``forward`` where it calls a model or a layer."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("conv", "model"):
            found.add("forward")
    return found


def shown(owner, name, method):
    """Whether the method's docstring has an example, or that of its class, or of one it inherits from, calls it."""
    return bool(examples(method)) or any(name in called(examples(above)) for above in owner.__mro__)


@pytest.mark.parametrize("where", sorted(things().keys() - NOT_RUN))
def test_it_shows_how_it_is_used(where):
    thing = things()[where]
    assert examples(thing), f"{where}: its docstring has no example"
    if inspect.isclass(thing):
        left_out = PYGS | BETWEEN_PARTS.get(thing.__name__, set())
        methods = {name: method for name, method in methods_of(thing) if name not in left_out}
        assert not [name for name, method in methods.items() if not shown(thing, name, method)], where


def test_what_is_left_out_exists():
    methods = {(thing.__name__, name) for thing in things().values() if inspect.isclass(thing) for name in dir(thing)}
    assert things().keys() >= NOT_RUN
    assert {(owner, name) for owner, names in BETWEEN_PARTS.items() for name in names} <= methods


@pytest.mark.skipif(not installed("pdoc"), reason="pdoc is not installed: pip install --group docs")
def test_pages_are_made_without_warnings(tmp_path):
    from tests.project import api_page  # which reads the names above

    assert api_page.write(tmp_path) == []
    for face in FACES:
        assert (tmp_path / f"{face.replace('.', '/')}.html").exists()
    page = (tmp_path / "graphembed_ext.html").read_text()
    for name in ge.__all__:
        assert f'id="{name}"' in page or f"graphembed_ext/{name}.html" in page, name

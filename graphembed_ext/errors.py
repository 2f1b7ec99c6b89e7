"""The errors of this package: each says what came, what was expected and the way out.

Every class derives from :class:`GraphEmbedError` and from the built-in exception a caller would expect,
so both ``except graphembed_ext.errors.GraphEmbedError`` and ``except ValueError`` work.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ArgumentError",
    "ConversionError",
    "DistributedError",
    "EngineError",
    "FileFormatError",
    "FileInUseError",
    "FileWriteError",
    "GraphChangedError",
    "GraphEmbedError",
    "GraphTypeError",
    "IdError",
    "InputError",
    "MetapathError",
    "MissingDependencyError",
    "MissingFolderError",
]

#: Characters up to which a part of a message is shown whole, and how many are shown of a longer one.
_LONGEST, _BEGIN = 900, 300


def _short(text: str) -> str:
    """A text that a reader takes in: nobody reads five thousand characters of an argument, and what files hold may
    break lines, or tell a terminal what to do.
    """
    shown = text if len(text) <= _LONGEST else f"{text[:_BEGIN]} ... ({len(text):,} characters)"
    if shown.isprintable():
        return shown
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in shown)
    return shown if len(shown) <= _LONGEST else f"{shown[:_BEGIN]} ..."


class GraphEmbedError(Exception):
    """Base class of every error that this package raises on purpose.

    Example:
        >>> import graphembed_ext as ge
        >>> try:
        ...     ge.view("a text")
        ... except GraphEmbedError as error:
        ...     print(type(error).__name__)
        GraphTypeError
    """


class InputError(GraphEmbedError, ValueError):
    """An argument has a value that cannot work.

    Args:
        argument: Name of the argument, as the caller wrote it.
        got: What came; shown as is when a string, by ``repr`` otherwise.
        expected: What would have been accepted.
        hint: The way out, one sentence without a final full stop.

    Example:
        >>> print(InputError("lr", -0.1, "a number above 0", "0.025 is a usual rate"))
        lr: got -0.1; expected a number above 0. Hint: 0.025 is a usual rate.
    """

    def __init__(self, argument: str, got: Any, expected: str, hint: str = "") -> None:
        self.argument, self.got, self.expected, self.hint = argument, got, expected, hint
        shown = got if isinstance(got, str) else repr(got)
        text = f"{_short(argument)}: got {_short(shown)}; expected {_short(expected)}."
        super().__init__(f"{text} Hint: {_short(hint)}." if hint else text)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.argument, self.got, self.expected, self.hint)


class ArgumentError(InputError, TypeError):
    """A keyword argument that a function does not have; a TypeError, too, as Python's own.

    Example:
        >>> import graphembed_ext as ge
        >>> try:
        ...     ge.LightGCN(4, embeding_dim=2, num_layers=1)
        ... except ArgumentError as error:
        ...     print(error.hint)
        did you mean 'embedding_dim'
    """


class IdError(InputError, IndexError):
    """An id of no node, or a number of no row; an IndexError, too, as torch's own.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> model = ge.pyg.Node2Vec(torch.tensor([[0, 1], [1, 0]]), 4, walk_length=3, context_size=2)
        >>> try:
        ...     model.loss(torch.tensor([[0, 1]]), torch.tensor([[0, 2]]))
        ... except IndexError as error:
        ...     print(error)
        neg_rw: got id 2; expected ids from 0 to 1.
    """


class MetapathError(InputError):
    """A metapath that this graph cannot be walked along.

    Args:
        place: The step, such as ``"metapath step 2"``.
        problem: What is wrong with it, read after the place.
        hint: The way out, one sentence without a final full stop.

    Example:
        >>> print(MetapathError("metapath step 1", "is 'likes', no relation here", "this graph has 'buys'"))
        metapath step 1 is 'likes', no relation here. Hint: this graph has 'buys'.
    """

    def __init__(self, place: str, problem: str, hint: str) -> None:
        super().__init__(place, problem, "steps that join", hint)
        self.args = (f"{_short(place)} {_short(problem)}. Hint: {_short(hint)}.",)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.argument, self.got, self.hint)


class ConversionError(InputError):
    """A checkpoint of one layout cannot become, or be made of, such a model.

    Args:
        layout: Name of the layout.
        problem: What it cannot do, read after the name.
        reason: Why not.
        hint: The nearest honest thing to do, one sentence without a final full stop.

    Example:
        >>> print(ConversionError("pyg.Node2Vec", "cannot load into DeepWalk", "one table is not two", "load it twice"))
        layout 'pyg.Node2Vec' cannot load into DeepWalk: one table is not two. Hint: load it twice.
    """

    def __init__(self, layout: str, problem: str, reason: str, hint: str = "") -> None:
        super().__init__("layout", layout, problem, hint)
        self.layout, self.reason = layout, reason
        text = f"layout {layout!r} {problem}: {reason}."
        self.args = (f"{text} Hint: {hint}." if hint else text,)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.layout, self.expected, self.reason, self.hint)


class GraphTypeError(InputError, TypeError):
    """The object given as a graph belongs to neither host.

    Example:
        >>> import graphembed_ext as ge
        >>> try:
        ...     ge.view(7)
        ... except TypeError as error:
        ...     print(error.argument, error.got)
        graph an object of type builtins.int
    """


class FileFormatError(InputError):
    """A file cannot be read as what it claims, or is said, to be.

    Example:
        >>> import graphembed_ext as ge
        >>> try:
        ...     ge.Embeddings.load("emb.xls")
        ... except FileFormatError as error:
        ...     print(error)
        path: got emb.xls; expected a name ending in .parquet, .npz or .safetensors, or a folder.
    """


class MissingFolderError(InputError, FileNotFoundError):
    """A file cannot be written, as its folder does not exist.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> try:
        ...     ge.Embeddings(torch.eye(2)).save("no/such/folder/emb.parquet")
        ... except FileNotFoundError as error:
        ...     print(type(error).__name__)
        MissingFolderError
    """


class FileWriteError(GraphEmbedError, OSError):
    """A file cannot be written: the disk is full, the folder is read-only. What stood there is as it was.

    Args:
        path: The file.
        reason: What went wrong: the system's error, or words.

    Example:
        >>> print(FileWriteError("state.pt", OSError(28, "No space left on device")))
        state.pt: cannot be written (No space left on device); what stood there before is as it was.
    """

    def __init__(self, path: str, reason: Any) -> None:
        self.path, self.reason = path, reason
        shown = getattr(reason, "strerror", None) or " ".join(str(reason).split()) or type(reason).__name__
        super().__init__(f"{_short(path)}: cannot be written ({_short(shown)}); what stood there before is as it was.")
        self.errno, self.filename = getattr(reason, "errno", None), path

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, self.reason)


class FileInUseError(FileWriteError):
    """Another run writes this file.

    Args:
        path: The file.
        holder: Who holds it.

    Example:
        >>> print(FileInUseError("state.pt", "process 12 on ada since 2026-01-01 10:00:00+00:00"))
        state.pt: held by process 12 on ada since 2026-01-01 10:00:00+00:00. Hint: wait for it, or choose another name.
    """

    def __init__(self, path: str, holder: str) -> None:
        super().__init__(path, holder)
        self.args = (f"{_short(path)}: held by {_short(holder)}. Hint: wait for it, or choose another name.",)


class GraphChangedError(GraphEmbedError, RuntimeError):
    """The host graph changed under a model in a way the model cannot follow.

    Example:
        >>> from torch_geometric.data import Data
        >>> import torch, graphembed_ext as ge
        >>> data = Data(edge_index=torch.tensor([[0, 1], [1, 0]]), num_nodes=2)
        >>> model = ge.DeepWalk(data, emb_dim=4, walk_length=12, seed=0)
        >>> data.num_nodes = 3  # the tables have two rows
        >>> try:
        ...     ge.fit(model, epochs=1, progress=False)
        ... except GraphChangedError as error:
        ...     print(str(error).partition(" Hint: ")[0])
        the graph has 3 nodes now, but the model's tables were made for 2.
    """


class EngineError(GraphEmbedError, RuntimeError):
    """The engine asked for cannot serve this call.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> ring = torch.tensor([[0, 1, 2], [1, 2, 0]])
        >>> try:
        ...     ge.walks.random_walk(ring, [0], 5, time=torch.arange(3), engine="dgl")
        ... except EngineError as error:
        ...     print(error)
        engine: 'dgl' cannot serve this call: DGL's walks know no time. Hint: engine='torch' can.
    """


class DistributedError(GraphEmbedError, RuntimeError):
    """Another rank has ended, or cannot be reached; says which, and why.

    Example:
        >>> print(DistributedError("rank 1 has ended."))
        rank 1 has ended.
    """


class MissingDependencyError(GraphEmbedError, ImportError):
    """An optional package is absent; the message names the extra that brings it.

    Example:
        >>> error = MissingDependencyError("a picture needs matplotlib. Hint: pip install 'graphembed_ext[eval]'.")
        >>> isinstance(error, ImportError)
        True
    """

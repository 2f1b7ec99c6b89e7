"""The settings of a job as arguments of its model's constructor and of :func:`graphembed_ext.fit`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ..._core.near import did_you_mean
from ...errors import ArgumentError, InputError
from ...graph.features import FEATURE_NAMES, LABEL_NAMES
from ...graph.metapaths import metapath_of, named_metapath
from ...models.catalogue import builder, models_of
from ...readers.graph_file import WEIGHT, GraphFile
from ...training.fitting import fit, options_of
from .job import ALIASES, Job
from .lists import TIME

__all__ = [
    *("arguments", "asked_task", "class_of", "fill", "settled", "supervised", "targets", "weights_note"),
    "weights_of",
]

#: Arguments without a default that have an option of their own.
_OPTIONS = ("metapath", "window_size")

#: Names of the size of a vector, which every model may be told by.
_DIMENSIONS = ("dim", "emb_dim", "embedding_dim")

#: Arguments that are no settings: the graph, and what the run itself supplies.
_OURS = (
    *("g", "graph", "num_nodes", "model", "y", "masks", "validation"),
    *("checkpoint", "progress", "on_epoch", "options"),
)


def class_of(job: Job, host: str) -> type:
    """The class of a job's model.

    Raises:
        InputError: There is none of that name.
    """
    known = models_of(host)
    if job.name not in known:
        names = sorted({*known, *ALIASES})
        raise InputError("model", job.model, "one of " + ", ".join(map(repr, names)), did_you_mean(job.model, names, 1))
    return known[job.name]


def arguments(job: Job, model_class: type) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments of the constructor and of fit; settings go where they are known.

    Raises:
        InputError: A setting that neither has, or one without a default that is missing.
    """
    of_model, of_fit = _names(builder(model_class)), [*_names(fit), *options_of(model_class)]
    config: dict[str, Any] = {"seed": job.seed} if "seed" in of_model else {}
    training: dict[str, Any] = {"seed": job.seed}
    if job.deterministic and "deterministic" in of_fit:
        training["deterministic"] = True
    for given, value in job.settings.items():
        name = _own_name(given, of_model)
        if name == "walk_engine" and "engine" in of_model:
            config["engine"] = value
        elif name in of_model and name != "device":  # models are made where the graph is, and trained there
            config[name] = value
        elif name.removeprefix("fit.") in of_fit:
            training[name.removeprefix("fit.")] = value
        else:
            known = list(dict.fromkeys([*of_model, *of_fit]))
            expected = f"an argument of {model_class.__name__} or of fit: {', '.join(known)}"
            raise ArgumentError(name, value, expected, did_you_mean(name, known, 1))
    config |= _time(job, of_model)
    _check_needed(job, model_class, config)
    return config, training


def _time(job: Job, of_model: list[str]) -> dict[str, str]:
    """By which feature of the edges walks follow time."""
    if job.time_column is None:
        return {}
    if "time" not in of_model:
        expected = "no column: deepwalk and metapath2vec alone follow edges in the order of time"
        raise InputError("time_column", job.time_column, expected)
    return {"time": TIME}


def _own_name(name: str, of_model: list[str]) -> str:
    """What a model calls a setting: the size of its vectors has several names."""
    if name not in _DIMENSIONS or name in of_model:
        return name
    return next((own for own in (*_DIMENSIONS, "hidden_channels") if own in of_model), name)


def _check_needed(job: Job, model_class: type, config: Mapping[str, Any]) -> None:
    """Raise for an argument without a default that is missing, and for metapaths that nothing follows."""
    of_model = _names(builder(model_class))
    if job.metapath and not {"metapath", "metapaths"} & set(of_model):
        raise InputError("metapath", job.metapath[0], f"no metapath: {model_class.__name__} follows none")
    given = {*config, "metapath"} if job.metapath else set(config)
    parameters = inspect.signature(builder(model_class)).parameters
    for name in of_model:
        parameter = parameters[name]
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD and name not in given:
            way_out = f"--{name.replace('_', '-')}" if name in _OPTIONS else f"--set {name}=VALUE"
            raise InputError(
                name, "nothing", f"a value, as {model_class.__name__} has no default", f"{way_out} gives one"
            )


def _names(function: Callable[..., Any]) -> list[str]:
    """Arguments that are settings."""
    return [name for name in inspect.signature(function).parameters if name not in _OURS]


def fill(job: Job, config: dict[str, Any], model_class: type, source: GraphFile) -> None:
    """Put in settings that depend on the graph: metapaths by their words, the input's weights, the number of classes.

    Raises:
        InputError: A graph without features for a model that computes embeddings from them.
    """
    if config.get("weight") in ("weight", WEIGHT):
        config["weight"] = weights_of(job, source, config["weight"])
    _fill_metapaths(job, config, model_class, source)
    if getattr(model_class, "task", "") != "nodes":
        return
    if supervised(job, "nodes"):
        _fill_classes(job, config, model_class, source)
    if not any(name in features for features in source.view.features.values() for name in FEATURE_NAMES):
        raise InputError(
            "features",
            "nothing",
            f"features of nodes, as {model_class.__name__} computes embeddings from them",
            "--features FILE names some; --features one-hot takes the nodes themselves, where the graph has no more",
        )


def weights_of(job: Job, source: GraphFile, name: str = "weight") -> str:
    """The edge feature with the weights of the input, for a model that is told to go by them; ``name`` where the input
    is a graph that has one of this name.

    Raises:
        FileFormatError: One of them is none.
        InputError: There are none.
    """
    if source.trouble is not None:
        raise source.trouble
    if source.weight is None:
        if any(name in features for features in source.view.edge_features.values()):
            return name
        why = "as --no-weight says" if job.reading.get("no_weight") else "which has no weights of edges"
        raise InputError("weight", f"{job.source}, {why}", "weights to go by", "leave out --weight")
    return source.weight


def _fill_metapaths(job: Job, config: dict[str, Any], model_class: type, source: GraphFile) -> None:
    of_model = _names(builder(model_class))
    if "metapaths" in of_model and job.metapath:
        named = [named_metapath(text) for text in job.metapath]
        config["metapaths"] = {name: metapath_of(source.view, path) for name, path in named}
    elif "metapath" in of_model and job.metapath:
        paths = [metapath_of(source.view, text) for text in job.metapath]
        config["metapath"] = paths[0] if len(paths) == 1 else paths
    elif isinstance(config.get("metapath"), str):
        config["metapath"] = metapath_of(source.view, config["metapath"])


def _fill_classes(job: Job, config: dict[str, Any], model_class: type, source: GraphFile) -> None:
    if len(source.labels) != 1:
        return
    ((kind, y),) = source.labels.items()
    if source.view.is_typed and "target" in _names(builder(model_class)):
        config.setdefault("target", kind)
    if config.get("target", kind) == kind:
        numbers = asked_task(job) == "regression"
        config.setdefault("out_channels", 1 if numbers else y.shape[1] if y.ndim == 2 else int(y.max()) + 1)


def targets(model: Any, source: GraphFile) -> dict[str, Any]:
    """Labels of the nodes that a model classifies, as fit takes them; nothing where it can do without.

    Raises:
        InputError: There are none, and the model needs some.
    """
    features = source.view.features
    y = {
        kind: next(features[kind][name] for name in LABEL_NAMES if name in features[kind])
        for kind in model.targets
        if kind in source.labels
    }
    if not y and getattr(model, "task_without_labels", "nodes") == "nodes":
        raise InputError(
            "labels",
            "nothing",
            f"classes of nodes, as {type(model).__name__} learns from them",
            "--labels FILE names a table with a node and its class on each line",
        )
    return {"y": y} if y else {}


def supervised(job: Job, task: str) -> bool:
    """Whether a job's model learns from the labels of nodes, where there are any."""
    return task == "nodes" and asked_task(job) in (None, "nodes", "regression")


def asked_task(job: Job) -> Any:
    """What a job says that its model is to be trained on; None where it leaves that to the data."""
    return job.settings.get("task", job.settings.get("fit.task"))


def settled(function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of a function: the given ones, and defaults for the rest."""
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in _OURS and parameter.default is not inspect.Parameter.empty
    }
    return {**defaults, **given}


def weights_note(job: Job, config: Mapping[str, Any], model_class: type, source: GraphFile) -> str:
    """Whether the model goes by the weights of its input; empty where there are none."""
    if source.weight is None:
        return ""
    if config.get("weight") is not None:
        own = config["weight"] in ("weight", source.weight)
        return f"{job.name} goes by the edge " + ("weights" if own else f"feature {config['weight']!r}")
    if "weight" in _names(builder(model_class)):
        return f"{job.name} is NOT told to use the edge weights: --weight weight makes it"
    if getattr(model_class, "task", "") == "recommendation":
        return f"{job.name} does NOT use the edge weights: each line is one interaction, whatever its number"
    return f"{job.name} does NOT use the edge weights"

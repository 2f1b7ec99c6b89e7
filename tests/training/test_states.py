"""States that fit keeps: taken up by the training they belong to, refused whole by any other."""

from __future__ import annotations

import copy
import functools

import numpy as np
import pytest
import torch

import graphembed_ext as ge
from graphembed_ext.errors import FileFormatError, InputError
from tests.graphs import CLIQUES, agree, build_dgl, build_pyg, labelled_rings
from tests.graphs import RING_CLASSES as Y
from tests.trained import Mean

RING = torch.stack([torch.arange(12), (torch.arange(12) + 1) % 12])
BOTH = torch.cat([RING, RING.flip(0)], 1)
OTHER = torch.stack([torch.arange(12), (torch.arange(12) + 5) % 12])
TYPED = {("user", "likes", "item"): RING, ("item", "liked_by", "user"): RING.flip(0)}
MORE = TYPED | {("user", "knows", "user"): BOTH}
WEIGHTS = torch.arange(1.0, 25.0)


def deepwalk(graph=BOTH, **config):
    return ge.DeepWalk(graph, **({"emb_dim": 4, "walk_length": 8, "window_size": 2, "seed": 0} | config))


def metapath2vec(metapath=("likes", "liked_by"), graph=MORE, **config):
    return ge.MetaPath2Vec(graph, list(metapath), **({"window_size": 1, "emb_dim": 4, "seed": 0} | config))


def labelled(**changed):
    data = build_pyg(labelled_rings())
    for name, value in changed.items():
        data[name] = value
    return data


def sage(in_channels=3, hidden_channels=4, num_layers=2, out_channels=2, **config):
    return ge.GraphSAGE(in_channels, hidden_channels, num_layers, out_channels, **({"seed": 0} | config))


def weighted(values):
    data = labelled()
    data.w = torch.arange(1.0, 1.0 + data.edge_index.size(1)) if values is None else values
    return data


def typed_data():
    data = ge.to_host(TYPED, "pyg")
    data["user"].x, data["item"].x, data["user"].y = torch.eye(12), torch.eye(12), torch.arange(12) % 2
    data["user"].train_mask = torch.arange(12) < 8
    return data


def timed(values):
    data = labelled()
    data.t = values
    return data


def han(**config):
    settings = {"hidden_channels": 4, "heads": 2, "metapaths": {"UIU": ["likes", "liked_by"]}, "seed": 0}
    return ge.HAN.for_graph(typed_data(), **(settings | config))


def lightgcn(graph=None, num_layers=2, **config):
    return ge.LightGCN.for_graph(TYPED if graph is None else graph, 4, num_layers, **({"seed": 0} | config))


def fitted(model, graph=None, /, **options):
    settings = {"epochs": 2, "progress": False}
    if model.task == "skip_gram":
        settings["deterministic"] = True
    return ge.fit(model, graph, **(settings | options))


#: What changes, the model and the graph of the first training and of the second, options of the second, the error.
CHANGES = {
    "graph": (deepwalk, None, lambda: deepwalk(torch.cat([OTHER, OTHER.flip(0)], 1)), None, {}, "edges="),
    "edge": (deepwalk, None, lambda: deepwalk(BOTH[:, 1:]), None, {}, "edges="),
    "walk_length": (deepwalk, None, lambda: deepwalk(walk_length=9), None, {}, "walk_length=8; .* walk_length=9"),
    "window_size": (deepwalk, None, lambda: deepwalk(window_size=3), None, {}, "window_size=2"),
    "p": (deepwalk, None, lambda: deepwalk(p=0.5), None, {}, "p=1.0"),
    "q": (deepwalk, None, lambda: deepwalk(q=0.5), None, {}, "q=1.0"),
    "weight": (deepwalk, None, lambda: deepwalk(weight=WEIGHTS), None, {}, "weights="),
    "weights": (
        lambda: deepwalk(weight=WEIGHTS),
        None,
        lambda: deepwalk(weight=WEIGHTS.flip(0)),
        None,
        {},
        "weights=",
    ),
    "walk engine": (
        lambda: deepwalk(engine="dgl"),
        None,
        lambda: deepwalk(engine="torch"),
        None,
        {},
        "walk_engine='dgl'",
    ),
    "seed of the model": (deepwalk, None, lambda: deepwalk(seed=1), None, {}, "seed of the model=0"),
    "seed": (deepwalk, None, deepwalk, None, {"seed": 1}, "seed=0"),
    "negatives": (deepwalk, None, lambda: deepwalk(negative_size=3), None, {}, "negative_size=5"),
    "fast_neg": (deepwalk, None, lambda: deepwalk(fast_neg=False), None, {}, "fast_neg=True"),
    "neg_weight": (deepwalk, None, lambda: deepwalk(neg_weight=2), None, {}, "neg_weight=1"),
    "times": (
        lambda: deepwalk(timed(torch.arange(40)), time="t"),
        None,
        lambda: deepwalk(timed(39 - torch.arange(40)), time="t"),
        None,
        {},
        "times=",
    ),
    "validation of walks": (deepwalk, None, deepwalk, None, {"validation": torch.tensor([[0], [3]])}, "validation="),
    "deterministic": (deepwalk, None, deepwalk, None, {"deterministic": False}, "deterministic=True"),
    "fewer epochs": (deepwalk, None, deepwalk, None, {"epochs": 1}, "epochs=2"),
    "metapath": (
        metapath2vec,
        None,
        lambda: metapath2vec(("knows", "likes", "liked_by")),
        None,
        {},
        "metapaths=",
    ),
    "typed_negatives": (metapath2vec, None, lambda: metapath2vec(typed_negatives=True), None, {}, "typed_negatives="),
    "another model": (
        lambda: deepwalk(ge.view(MORE), walk_length=3, window_size=1),
        None,
        metapath2vec,
        None,
        {},
        "model='DeepWalk'",
    ),
    "labels": (sage, labelled, sage, lambda: labelled(label=1 - torch.tensor(Y)), {}, "train labels"),
    "train mask": (sage, labelled, sage, lambda: labelled(train_mask=torch.arange(20) == 0), {}, "train nodes"),
    "val mask": (sage, labelled, sage, lambda: labelled(val_mask=torch.arange(20) == 1), {}, "val nodes"),
    "features": (sage, labelled, sage, lambda: labelled(x=torch.ones(20, 3)), {}, "features"),
    "edges of a graph with features": (
        sage,
        labelled,
        sage,
        lambda: labelled(edge_index=torch.tensor([[0, 1], [1, 0]])),
        {},
        "edges=",
    ),
    "aggregation": (lambda: sage(aggr="mean"), labelled, lambda: sage(aggr="max"), labelled, {}, "aggr='mean'"),
    "dropout": (lambda: sage(dropout=0.1), labelled, lambda: sage(dropout=0.5), labelled, {}, "dropout.p=0.1"),
    "activation": (sage, labelled, lambda: sage(act="tanh"), labelled, {}, "act='ReLU'"),
    "edge weights": (
        lambda: sage(weight="w"),
        lambda: weighted(None),
        lambda: sage(weight="w"),
        lambda: weighted(torch.ones(40)),
        {},
        "weights",
    ),
    "seed of GraphSAGE": (sage, labelled, lambda: sage(seed=1), labelled, {}, "seed of the model=0"),
    "out_channels": (sage, labelled, lambda: sage(out_channels=3), labelled, {}, "out_channels=2"),
    "validation taken away": (sage, labelled, sage, lambda: labelled(val_mask=torch.zeros(20) > 0), {}, "val nodes"),
    "monitor": (sage, labelled, sage, labelled, {"monitor": "val_accuracy"}, "monitor='val_loss'"),
    "weight_decay": (sage, labelled, sage, labelled, {"weight_decay": 0}, "weight_decay=0.0005"),
    "class_weight": (sage, labelled, sage, labelled, {"class_weight": [1.0, 2.0]}, "class weights=None"),
    "precision": (sage, labelled, sage, labelled, {"precision": "bf16"}, "precision=None"),
    "optimizer": (sage, labelled, sage, labelled, {"optimizer": torch.optim.AdamW}, "optimizer=None"),
    "links": (sage, labelled, sage, labelled, {"task": "links"}, "task='nodes'"),
    "HAN's dropout": (han, typed_data, lambda: han(dropout=0.1), typed_data, {}, "dropout=0.6"),
    "HAN's slope": (han, typed_data, lambda: han(negative_slope=0.1), typed_data, {}, "negative_slope=0.2"),
    "HAN's metapath": (
        lambda: han(metapaths={"P": ["likes", "liked_by"]}),
        typed_data,
        lambda: han(metapaths={"P": ["likes", "liked_by", "likes", "liked_by"]}),
        typed_data,
        {},
        "metapaths=",
    ),
    "alpha": (lightgcn, None, lambda: lightgcn(alpha=0.5), None, {}, "alpha="),
    "layers": (lightgcn, None, lambda: lightgcn(num_layers=3), None, {}, "num_layers=2"),
    "interactions": (
        lightgcn,
        None,
        lambda: lightgcn({("user", "likes", "item"): OTHER}),
        None,
        {},
        "interactions=",
    ),
    "normalize": (lightgcn, None, lambda: lightgcn(normalize=False), None, {}, "normalize=True"),
    "loss": (lightgcn, None, lightgcn, None, {"loss": "pyg"}, "loss='softmax'"),
    "temperature": (lightgcn, None, lightgcn, None, {"temperature": 0.2}, "temperature=0.1"),
    "validation added": (
        lightgcn,
        None,
        lightgcn,
        None,
        {"validation": torch.tensor([[0], [5]]), "k": 2},
        "validation=None",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_state_of_another_training_is_refused_before_anything_changes(name, tmp_path):
    first, its_graph, second, graph, options, message = CHANGES[name]
    path = tmp_path / "state.pt"
    fitted(first(), its_graph and its_graph(), checkpoint=path)
    model, kept = second(), path.read_bytes()
    before, attributes = copy.deepcopy(model.state_dict()), plain(model)
    with pytest.raises(FileFormatError, match=message) as refused:
        fitted(model, graph and graph(), checkpoint=path, **options)
    assert "resume='force'" in str(refused.value)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert plain(model) == attributes
    assert path.read_bytes() == kept


def smoothed(value):
    return functools.partial(torch.nn.functional.cross_entropy, label_smoothing=value)


#: What makes an option of two values, which have one name: of a model's parameters.
OPTIONS = {
    "loss": ((0.1, 0.3), lambda value, _: smoothed(value), r"loss='cross_entropy\(label_smoothing=0.1\)'"),
    "optimizer": (
        (0.5, 0.9),
        lambda value, _: functools.partial(torch.optim.SGD, lr=0.1, momentum=value),
        r"optimizer='SGD\(lr=0.1, momentum=0.5\)'",
    ),
    "optimizer of the model": (
        (0.5, 0.9),
        lambda value, parameters: torch.optim.SGD(parameters, lr=0.1, momentum=value),
        r"optimizer='SGD\(lr=0.1, momentum=0.5\)'",
    ),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_functions_with_other_settings_are_another_training(name, tmp_path):
    (first, second), make, message = OPTIONS[name]
    path = tmp_path / "state.pt"

    def trained(value, **more):
        model = sage()
        return fitted(model, labelled(), checkpoint=path, **{name.split()[0]: make(value, model.parameters())}, **more)

    trained(first)
    with pytest.raises(FileFormatError, match=message):
        trained(second)
    assert len(trained(first, epochs=3).history) == 3


def plain(model):
    """The attributes of a model that can be compared, and whether it knows another graph than before."""
    found = {k: repr(v) for k, v in vars(model).items() if isinstance(v, (int, float, str, bool, type(None)))}
    graphs = vars(model).get("_graphs")
    return found if graphs is None else found | {"graph": id(graphs.view), "sides": graphs.sides}


def test_all_that_differs_is_named(tmp_path):
    path = tmp_path / "state.pt"
    fitted(deepwalk(engine="torch"), checkpoint=path)
    with pytest.raises(FileFormatError, match=r"walk_length=8, p=1.0 and q=1.0; .*walk_length=9, p=2.0 and q=0.5"):
        fitted(deepwalk(walk_length=9, p=2, q=0.5, engine="torch"), checkpoint=path)


@pytest.mark.parametrize("name", ["graph", "walk_length", "labels", "dropout", "alpha", "interactions", "seed"])
def test_force_goes_on_nevertheless(name, tmp_path):
    first, its_graph, second, graph, options, _ = CHANGES[name]
    path = tmp_path / "state.pt"
    model = first()
    fitted(model, its_graph and its_graph(), checkpoint=path)
    other = second()
    result = fitted(other, graph and graph(), checkpoint=path, resume="force", **options)
    assert len(result.history) == 2
    assert agree(model, other), "no epoch is left to train: the state's weights"
    result = fitted(second(), graph and graph(), checkpoint=path, resume="force", **(options | {"epochs": 3}))
    assert [entry["epoch"] for entry in result.history] == [1, 2, 3]


@pytest.mark.parametrize("name", ["out_channels", "layers", "another size"])
def test_force_cannot_load_weights_of_another_shape_and_changes_nothing(name, tmp_path):
    changes = CHANGES | {"another size": (deepwalk, None, lambda: deepwalk(emb_dim=8), None, {}, "")}
    if name == "layers":  # the same weights, but a weight of each layer more
        changes["layers"] = (lightgcn, None, lambda: lightgcn(num_layers=3), None, {}, "")
    first, its_graph, second, graph, options, _ = changes[name]
    path = tmp_path / "state.pt"
    fitted(first(), its_graph and its_graph(), checkpoint=path)
    model = second()
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(FileFormatError, match="a model of the same sizes"):
        fitted(model, graph and graph(), checkpoint=path, resume="force", **options)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_resume_is_checked():
    with pytest.raises(InputError, match="resume: got yes; expected one of 'same', 'force'"):
        fitted(deepwalk(), resume="yes")


@pytest.mark.parametrize(("make", "graph"), [(deepwalk, None), (sage, labelled), (han, typed_data), (lightgcn, None)])
def test_more_epochs_on_resume(make, graph, tmp_path):
    path = tmp_path / "state.pt"
    fitted(make(), graph and graph(), checkpoint=path)
    result = fitted(make(), graph and graph(), checkpoint=path, epochs=4)
    assert [entry["epoch"] for entry in result.history] == [1, 2, 3, 4]


@pytest.mark.usefixtures("one_thread")
def test_a_state_goes_on_upon_the_other_host_and_in_another_order_of_edges(tmp_path):
    path = tmp_path / "state.pt"
    fitted(deepwalk(build_dgl(CLIQUES)), checkpoint=path)
    data = build_pyg(CLIQUES)
    data.edge_index = data.edge_index[:, torch.randperm(data.edge_index.size(1))]
    moved, whole = deepwalk(data), deepwalk(build_pyg(CLIQUES))
    assert len(fitted(moved, checkpoint=path, epochs=2).history) == 2
    fitted(whole)
    assert agree(moved, whole)


@pytest.mark.parametrize(
    ("make", "graph", "options"),
    [
        (deepwalk, None, {"lr": np.float64(0.05), "engine": "torch"}),
        (lambda: deepwalk(neg_weight=np.float64(2.0), weight=WEIGHTS), None, {}),
        (metapath2vec, None, {}),
        (sage, labelled, {"batch_size": np.int64(4), "fanouts": [2, -1]}),
        (sage, labelled, {"task": "links"}),  # leaves a mark on the model, which is no other setting
        (lambda: sage(norm="batch_norm", jk="cat", act=torch.nn.functional.elu), labelled, {}),
        (han, typed_data, {"batch_size": 4}),
        (lightgcn, None, {"validation": torch.tensor([[0], [5]]), "k": 2}),
    ],
    ids=lambda value: getattr(value, "__name__", "") if callable(value) else "",
)
def test_the_same_model_resumes_after_its_training_is_over(make, graph, options, tmp_path):
    model, path = make(), tmp_path / "state.pt"
    data = graph and graph()
    fitted(model, data, checkpoint=path, **options)
    assert len(fitted(model, data, checkpoint=path, **(options | {"epochs": 3})).history) == 3


def test_a_module_of_ones_own_with_a_parameter_called_weight(tmp_path):
    class Own(Mean):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(1))

        def logits(self, inputs):
            return {name: rows * self.weight for name, rows in super().logits(inputs).items()}

    path = tmp_path / "state.pt"
    fitted(Own(), labelled(), checkpoint=path)
    assert len(fitted(Own(), labelled(), checkpoint=path, epochs=3).history) == 3


def test_a_state_without_a_fingerprint_is_refused(tmp_path):
    path = tmp_path / "state.pt"
    fitted(deepwalk(), checkpoint=path)
    state = torch.load(path)
    del state["belongs_to"]
    torch.save(state, path)
    with pytest.raises(FileFormatError, match="trained with model=None"):
        fitted(deepwalk(), checkpoint=path)


@pytest.mark.parametrize("damage", ["cut", "a byte within", "empty", "no state"])
def test_a_damaged_state_falls_back_on_the_one_before_and_says_so(damage, tmp_path):
    path, whole = tmp_path / "state.pt", deepwalk()
    fitted(deepwalk(), checkpoint=path, epochs=3)
    content = path.read_bytes()
    harmed = {
        "cut": content[: len(content) // 2],
        "a byte within": content.replace(weights := bytes_of(path), bytes([weights[0] ^ 1]) + weights[1:]),
        "empty": b"",
        "no state": b"something else",
    }[damage]
    assert harmed != content
    path.write_bytes(harmed)
    resumed = deepwalk()
    message = r"state.pt is damaged; going on from .*state.previous.pt, after epoch 2\."
    with pytest.warns(UserWarning, match=message) as said:
        fitted(resumed, checkpoint=path, epochs=3)
    assert len(said) == 1
    fitted(whole, epochs=3)
    assert agree(resumed, whole)


def bytes_of(path):
    """The bytes of the first table in a state."""
    return torch.load(path)["model"]["node_embed.weight"].numpy().tobytes()


def test_a_damaged_state_does_not_take_the_place_of_the_whole_one(tmp_path):
    path, previous = tmp_path / "state.pt", tmp_path / "state.previous.pt"
    fitted(deepwalk(), checkpoint=path)
    kept = previous.read_bytes()
    path.write_bytes(b"damaged")
    model = deepwalk()
    with pytest.warns(UserWarning, match="damaged"), pytest.raises(ValueError, match="stop"):
        fitted(model, checkpoint=path, on_epoch=stop)
    assert previous.read_bytes() == kept
    assert len(torch.load(path)["history"]) == 2


def stop(entry):
    raise ValueError("stop")


def test_two_damaged_states_are_an_error_and_a_deleted_one_starts_anew(tmp_path):
    path, previous = tmp_path / "state.pt", tmp_path / "state.previous.pt"
    fitted(deepwalk(), checkpoint=path)
    assert [len(torch.load(file)["history"]) for file in (path, previous)] == [2, 1]
    path.unlink()
    seen = []
    fitted(deepwalk(), checkpoint=path, on_epoch=seen.append)
    assert len(seen) == 2
    for file in (path, previous):
        file.write_bytes(b"damaged")
    with pytest.raises(FileFormatError, match="a checkpoint of fit, or a name not taken yet"):
        fitted(deepwalk(), checkpoint=path)


def test_a_state_is_kept_where_there_are_no_links(tmp_path, monkeypatch):
    def link(*_):
        raise OSError("not here")

    monkeypatch.setattr("os.link", link)
    fitted(deepwalk(), checkpoint=tmp_path / "state.pt", epochs=3)
    assert len(torch.load(tmp_path / "state.previous.pt")["history"]) == 2
    assert sorted(file.name for file in tmp_path.iterdir()) == ["state.previous.pt", "state.pt"]

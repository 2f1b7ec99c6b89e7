"""fit: what it learns, that it repeats itself, resumes, stops cleanly and refuses nonsense."""

from __future__ import annotations

import math

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext._core.files import previous_of
from graphembed_ext.errors import FileFormatError, InputError
from graphembed_ext.training import TrainingError, options_of
from tests.graphs import CLIQUES, agree, build_pyg

SMALL = {"emb_dim": 8, "walk_length": 10, "window_size": 2, "seed": 0}
QUICK = {"epochs": 4, "batch_size": 4, "progress": False}


def make(build=build_pyg, **config):
    return ge.DeepWalk(build(CLIQUES), **(SMALL | config))


def test_history_and_counts(build):
    result = ge.fit(make(build), **QUICK)
    assert [entry["epoch"] for entry in result.history] == [1, 2, 3, 4]
    assert result.tokens == 4 * 12 * 10 == sum(entry["tokens"] for entry in result.history)
    assert result.loss == result.history[-1]["loss"] < result.history[0]["loss"]
    assert result.seconds >= sum(entry["seconds"] for entry in result.history) > 0
    assert result.walk_engine == "dgl"
    assert not result.interrupted


@pytest.mark.parametrize("loss", ["stable", "dgl"])
@pytest.mark.parametrize("sparse", [True, False])
def test_cliques_come_apart(build, loss, sparse):
    model = make(build, sparse=sparse)
    ge.fit(model, **(QUICK | {"epochs": 30}), loss=loss)
    vectors = ge.embed(model).tensor
    vectors = torch.nn.functional.normalize(vectors - vectors.mean(0), dim=1)  # all share one direction, as always
    cosine = vectors @ vectors.t()
    side = torch.arange(12) < 6
    same = side[:, None] == side[None, :]
    assert cosine[same].mean() > cosine[~same].mean() + 0.5


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("engine", ["dgl", "torch"])
def test_the_same_seed_gives_the_same_embeddings(build, engine):
    models = [make(build, engine=engine), make(build_pyg, engine=engine), make(build, engine=engine)]
    histories = [
        ge.fit(m, **QUICK, seed=s, num_workers=w) for m, s, w in zip(models, (1, 1, 2), (0, 2, 0), strict=True)
    ]
    assert agree(models[0], models[1])
    assert not agree(models[0], models[2])
    assert [e["loss"] for e in histories[0].history] == [e["loss"] for e in histories[1].history]


@pytest.mark.usefixtures("one_thread")
def test_interrupted_and_resumed_equals_uninterrupted(build, tmp_path):
    whole, broken = make(build), make(build)
    expected = ge.fit(whole, **QUICK)

    def stop(entry):
        if entry["epoch"] == 2:
            raise KeyboardInterrupt

    path = tmp_path / "state.pt"
    with pytest.warns(UserWarning, match=r"interrupted in epoch 3 of 4.*resumes after epoch 2"):
        first = ge.fit(broken, **QUICK, checkpoint=path, on_epoch=stop)
    assert first.interrupted
    assert len(first.history) == 2
    fresh = make(build)
    second = ge.fit(fresh, **QUICK, checkpoint=path)
    assert agree(whole, fresh)
    assert [e["loss"] for e in second.history] == [e["loss"] for e in expected.history]
    assert second.tokens == 2 * 12 * 10
    assert sorted(file.name for file in tmp_path.iterdir()) == ["state.previous.pt", "state.pt"]


def test_interruption_in_an_epoch_keeps_what_was_learned(build, monkeypatch):
    model = make(build)
    untouched, loss, calls = make(build), model.loss, []

    def interrupted_loss(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return loss(*args, **kwargs)

    monkeypatch.setattr(model, "loss", interrupted_loss)
    with pytest.warns(UserWarning, match="keeps what it has learned"):
        result = ge.fit(model, **QUICK, engine="torch")
    assert result.interrupted
    assert result.history == []
    assert math.isnan(result.loss)
    assert not agree(model, untouched)


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    path = tmp_path / "state.pt"
    model = make()
    ge.fit(model, **QUICK, checkpoint=path)
    learned = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(FileFormatError, match=r"trained with lr=0.025; expected one of a training with lr=0.5"):
        ge.fit(model, **QUICK, lr=0.5, checkpoint=path)
    with pytest.raises(FileFormatError, match=r"trained with emb_dim=8; expected one of a training with emb_dim=4"):
        ge.fit(make(emb_dim=4), **QUICK, checkpoint=path)
    with pytest.raises(FileFormatError, match="a model of the same sizes"):
        ge.fit(make(emb_dim=4), **QUICK, checkpoint=path, resume="force")
    previous_of(path).unlink()  # which would be gone on from
    path.write_bytes(b"no checkpoint")
    with pytest.raises(FileFormatError, match="expected a checkpoint of fit"):
        ge.fit(model, **QUICK, checkpoint=path)
    assert path.read_bytes() == b"no checkpoint"
    assert all(torch.equal(value, learned[name]) for name, value in model.state_dict().items())


def test_a_loss_that_is_no_number_stops_the_training():
    model = make()
    with torch.no_grad():
        model.context_embed.weight[3] = math.nan
    with pytest.raises(TrainingError, match=r"the loss is nan in epoch 1, batch 1.*learning rate"):
        ge.fit(model, **QUICK, deterministic=True)  # several threads may end a later batch first


def test_progress_bar(capsys):
    ge.fit(make(), **(QUICK | {"progress": True}))
    assert "480/480" in capsys.readouterr().err
    ge.fit(make(), **QUICK)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"epochs": 0}, r"epochs: got 0; expected an integer of at least 1"),
        ({"epochs": 2.5}, r"epochs: got 2.5"),
        ({"lr": 0}, r"lr: got 0; expected a finite number above 0"),
        ({"lr": math.inf}, r"lr: got inf"),
        ({"batch_size": -1}, r"batch_size: got -1"),
        ({"num_workers": -1}, r"num_workers: got -1"),
        ({"seed": None}, r"seed: got None; expected an integer"),
        ({"seed": -5}, r"seed: got -5"),
        ({"loss": "hinge"}, r"loss: got hinge; expected one of 'stable', 'dgl', 'pyg'"),
        ({"graph": torch.tensor([[0], [1]])}, r"graph: got a Tensor; expected None: DeepWalk trains on the graph"),
    ],
)
def test_bad_arguments(config, message):
    with pytest.raises(InputError, match=message):
        ge.fit(make(), **config)


def test_not_a_model():
    with pytest.raises(InputError, match=r"model: got a Linear; expected a model of graphembed_ext that fit trains"):
        ge.fit(torch.nn.Linear(2, 2))


@pytest.mark.parametrize("several", [False, True])
def test_a_callback_may_end_the_training(several):
    """After the epoch at which it says so; every callback is told of it, and only True ends it."""
    ring = torch.stack([torch.arange(12), (torch.arange(12) + 1) % 12])
    model = ge.DeepWalk(ring, emb_dim=4, walk_length=10, seed=0)
    seen = []
    functions = [lambda entry: entry["epoch"] == 3, lambda entry: seen.append(entry["epoch"]) or 1]
    result = ge.fit(model, epochs=9, progress=False, on_epoch=functions if several else functions[0])
    assert [entry["epoch"] for entry in result.history] == [1, 2, 3]
    assert result.stopped_early
    assert not result.interrupted
    assert seen == ([1, 2, 3] if several else [])


@pytest.mark.parametrize("model", [ge.DeepWalk, ge.pyg.Node2Vec, ge.GraphSAGE, ge.HAN, ge.LightGCN])
def test_every_option_stands_in_the_docstring(model):
    missing = [name for name in options_of(model) if f"``{name}``" not in ge.fit.__doc__]
    assert not missing

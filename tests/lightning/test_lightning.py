"""Lightning's loop around the package's batches and losses: the same numbers as ge.fit's own loop."""

from __future__ import annotations

import copy

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping

import graphembed_ext as ge
from graphembed_ext.errors import InputError
from graphembed_ext.lightning import LinkModule, NodeModule, RecommendationModule, WalkModule
from tests.graphs import agree, build_pyg, cliques, labelled_rings

RING = torch.stack([torch.arange(12), (torch.arange(12) + 1) % 12])
SHOP = {("user", "buys", "item"): torch.tensor([[0, 0, 1, 1, 2, 2, 3, 3], [0, 1, 1, 2, 2, 3, 3, 4]])}
HELD = torch.tensor([[0, 1], [2, 3]])


class Kept(EarlyStopping):
    """What Lightning logs, epoch by epoch: such callbacks are asked after all others."""

    def __init__(self):
        super().__init__("loss")
        self.history = []

    def on_train_epoch_end(self, trainer, pl_module):
        self.history.append({name: float(value) for name, value in trainer.callback_metrics.items()})


def trained(module, epochs, *callbacks):
    kept = Kept()
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = pl.Trainer(
        accelerator="cpu", max_epochs=epochs, enable_model_summary=False, callbacks=[*callbacks, kept], **quiet
    )
    trainer.fit(module)
    return kept.history


def walks():
    model = ge.DeepWalk(RING, emb_dim=4, walk_length=8, window_size=2, engine="torch", seed=0)
    return WalkModule, model, None, {"batch_size": 4}, {"engine": "torch"}


def nodes():
    model = ge.GraphSAGE(3, 4, 2, out_channels=2, seed=0)
    return NodeModule, model, build_pyg(labelled_rings()), {"patience": None}, {}


def batches():
    model = ge.GraphSAGE(3, 4, 2, out_channels=2, seed=0)
    return NodeModule, model, build_pyg(labelled_rings()), {"batch_size": 3, "class_weight": [1, 2]}, {}


def links():
    return LinkModule, ge.GraphSAGE(6, 4, 2, seed=0), build_pyg(cliques()), {"batch_size": 8}, {"task": "links"}


def triplets():
    options = {"loss": "pyg", "batch_size": 4, "validation": HELD, "validate_every": 1, "k": 2}
    return RecommendationModule, ge.LightGCN.for_graph(SHOP, 4, seed=0), None, options, {}


def softmax():
    return RecommendationModule, ge.LightGCN.for_graph(SHOP, 4, seed=0), None, {"schedule": "cosine"}, {}


@pytest.mark.filterwarnings("ignore::UserWarning")  # Lightning's, of workers and of loggers
@pytest.mark.parametrize("case", [walks, nodes, batches, links, triplets, softmax])
def test_lightning_trains_as_fit_does(case):
    make, model, graph, options, more = case()
    twin = copy.deepcopy(model)
    module = make(model, **({} if graph is None else {"graph": graph}), **options, epochs=4, seed=3)
    history = trained(module, 4)
    best = []  # fit gives the best weights back, and Lightning the last

    def keep(entry):
        best[:] = [copy.deepcopy(twin.state_dict())]

    result = ge.fit(twin, graph, **options, **more, epochs=4, seed=3, progress=False, on_epoch=keep)
    assert len(history) == len(result.history) == 4
    for found, wanted in zip(history, result.history, strict=True):
        figures = {name: value for name, value in wanted.items() if name.startswith("val_")}
        assert {name: found[name] for name in figures} == pytest.approx(figures, rel=1e-5)
        assert case in (triplets, softmax, walks) or found["loss"] == pytest.approx(wanted["loss"], rel=1e-5)
    twin.load_state_dict(best[0])
    assert agree(model, twin)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_lightnings_callbacks_see_what_was_validated():
    model, graph = ge.GraphSAGE(3, 4, 2, out_channels=2, dropout=0.5, seed=0), build_pyg(labelled_rings())
    early = EarlyStopping("val_loss", patience=2, check_on_train_epoch_end=True)
    history = trained(NodeModule(model, graph, lr=1e-9), 50, early)
    assert len(history) < 50


def test_a_model_with_a_loop_of_its_own_is_refused():
    with pytest.raises(InputError, match="model: got a Node2Vec; expected one that steps batch by batch"):
        WalkModule(ge.pyg.Node2Vec(RING, 4, 8, 4, seed=0))


def test_options_are_checked_as_by_fit():
    with pytest.raises(InputError, match="batch_size: got 0"):
        NodeModule(ge.GraphSAGE(3, 4, 2, out_channels=2), build_pyg(labelled_rings()), batch_size=0)

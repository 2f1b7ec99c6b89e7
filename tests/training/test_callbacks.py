"""What is called after every epoch: trackers of experiments, as thin as can be; the packages are stood in for."""

from __future__ import annotations

import sys
import types

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext.callbacks import MLflow, WandB
from graphembed_ext.errors import InputError, MissingDependencyError

RING = torch.stack([torch.arange(12), (torch.arange(12) + 1) % 12])
SHOP = {("user", "buys", "item"): torch.tensor([[0, 0, 1, 1, 2], [0, 1, 1, 2, 2]])}


class Run:
    def __init__(self, **settings):
        self.settings, self.logged, self.ended = settings, [], 0

    def log(self, figures, step):
        self.logged.append((step, figures))

    def finish(self):
        self.ended += 1


def trained(log):
    model = ge.LightGCN.for_graph(SHOP, 4, seed=0)
    held = torch.tensor([[0], [2]])
    return ge.fit(model, epochs=2, validation=held, validate_every=1, k=1, progress=False, on_epoch=log)


def figures(entry):
    return {name: value for name, value in entry.items() if name != "epoch"}


def test_wandb_begins_and_ends_a_run_of_its_own(monkeypatch):
    module = types.ModuleType("wandb")
    module.init = Run
    monkeypatch.setitem(sys.modules, "wandb", module)
    with WandB(project="mine") as log:
        result = trained(log)
    assert log._run.settings == {"project": "mine"}
    assert log._run.logged == [(entry["epoch"], figures(entry)) for entry in result.history]
    assert log._run.ended == 1


def test_wandb_leaves_a_users_run_open():
    run = Run()
    with WandB(run) as log:
        result = trained(log)
    assert (len(run.logged), run.ended) == (len(result.history), 0)


def test_mlflow_logs_into_the_active_run(monkeypatch):
    run, module = Run(), types.ModuleType("mlflow")
    module.log_metrics = run.log
    monkeypatch.setitem(sys.modules, "mlflow", module)
    result = trained(MLflow())
    assert [step for step, _ in run.logged] == [1, 2]
    assert run.logged[1][1]["val_recall_at_1"] == result.history[1]["val_recall@1"]
    assert not any("@" in name for _, logged in run.logged for name in logged)


@pytest.mark.parametrize(("make", "package"), [(WandB, "wandb"), (MLflow, "mlflow")])
def test_a_package_that_is_missing_is_named(make, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependencyError, match=rf"needs {package}.*pip install"):
        make()


def test_what_is_no_run_is_refused():
    with pytest.raises(InputError, match="run: got a str; expected a run of wandb"):
        WandB("mine")
    with pytest.raises(InputError, match="run: got a Run; expected a run of wandb and nothing else"):
        WandB(Run(), project="mine")
    with pytest.raises(InputError, match="log: got 3; expected a function"):
        MLflow(3)

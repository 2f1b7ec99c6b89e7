"""What a user brings along: an optimiser, a loss, weights of classes; against plain loops in torch."""

from __future__ import annotations

import copy
import functools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.utils.class_weight import compute_class_weight

import graphembed_ext as ge
from graphembed_ext.errors import EngineError, FileFormatError, InputError
from tests.graphs import RING_CLASSES as Y
from tests.graphs import RING_NODES as NODES
from tests.graphs import build_pyg, labelled_rings
from tests.trained import Mean

RING = torch.stack([torch.arange(12), (torch.arange(12) + 1) % 12])
SHOP = {("user", "buys", "item"): torch.tensor([[0, 0, 1, 1, 2, 2, 3, 3], [0, 1, 1, 2, 2, 3, 3, 4]])}
MOMENTUM = functools.partial(torch.optim.SGD, lr=0.5, momentum=0.9)
QUICK = {"epochs": 6, "progress": False}
TRAIN = torch.arange(0, NODES, 3)


def walks():
    return ge.DeepWalk(RING, emb_dim=4, walk_length=8, window_size=2, seed=0)


def sage(**config):
    return ge.GraphSAGE(**({"in_channels": 3, "hidden_channels": 4, "num_layers": 2, "seed": 0} | config))


def featured():
    from torch_geometric.data import Data

    x = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
    return Data(x=x, edge_index=torch.cat([RING, RING.flip(0)], 1))


def by_hand(model, graph, optimizer, lost, epochs=6, y=None):
    """Losses of a plain loop on the whole graph."""
    inputs, y = model.inputs(ge.view(graph)), torch.tensor(Y) if y is None else y
    found = []
    for _ in range(epochs):
        loss = lost(model.train().logits(inputs)["_N"][TRAIN], y[TRAIN])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(float(loss.detach()))
    return found


def losses_of(result):
    return [entry["loss"] for entry in result.history]


@pytest.mark.parametrize(
    ("optimizer", "plain", "options"),
    [
        (MOMENTUM, MOMENTUM, {}),
        (
            torch.optim.AdamW,
            functools.partial(torch.optim.AdamW, lr=0.1, weight_decay=0.2),
            {"lr": 0.1, "weight_decay": 0.2},
        ),
        (lambda p: torch.optim.RMSprop(p, lr=0.03), functools.partial(torch.optim.RMSprop, lr=0.03), {}),
    ],
)
def test_an_optimiser_of_ones_own_steps_as_in_a_loop_by_hand(optimizer, plain, options):
    graph, model = build_pyg(labelled_rings()), Mean(dropout=0.0)
    twin = copy.deepcopy(model)
    wanted = by_hand(twin, graph, plain(twin.parameters()), F.cross_entropy)
    result = ge.fit(model, graph, **QUICK, patience=None, optimizer=optimizer, **options)
    assert losses_of(result) == pytest.approx(wanted)


def test_an_instance_is_an_optimiser_of_the_models_parameters():
    graph, model = build_pyg(labelled_rings()), Mean(dropout=0.0)
    twin = copy.deepcopy(model)
    wanted = by_hand(twin, graph, MOMENTUM(twin.parameters()), F.cross_entropy)
    assert losses_of(ge.fit(model, graph, **QUICK, optimizer=MOMENTUM(model.parameters()))) == pytest.approx(wanted)
    with pytest.raises(InputError, match=r"optimizer: got a SGD of other tensors; expected one of the model's para"):
        ge.fit(model, graph, **QUICK, optimizer=MOMENTUM(twin.parameters()))


@pytest.mark.parametrize("task", ["walks", "own loop", "links", "triplets", "softmax"])
def test_every_task_takes_an_optimiser(task, tmp_path):
    """It learns by it, names it in its settings, resumes with its moments and with no other's."""

    def run(epochs, optimizer, **more):
        if task == "walks":
            return ge.fit(walks(), epochs=epochs, optimizer=optimizer, deterministic=True, progress=False, **more)
        if task == "own loop":
            model = ge.pyg.Node2Vec(RING, 4, 8, 4, seed=0)
            return ge.fit(model, epochs=epochs, optimizer=optimizer, progress=False, **more)
        if task == "links":
            model = sage()
            return ge.fit(model, featured(), epochs=epochs, task="links", optimizer=optimizer, progress=False, **more)
        model, options = ge.LightGCN.for_graph(SHOP, 4, seed=0), {"schedule": "constant"}
        loss = "pyg" if task == "triplets" else "softmax"
        return ge.fit(
            model, epochs=epochs, loss=loss, optimizer=optimizer, progress=False, batch_size=4, **options, **more
        )

    optimizer = functools.partial(torch.optim.SGD, lr=0.1, momentum=0.9)
    whole = run(4, optimizer)
    assert whole.settings["optimizer"] == "SGD(lr=0.1, momentum=0.9)"
    assert "lr" not in whole.settings  # it is the optimiser's
    assert task == "links" or whole.loss < whole.history[0]["loss"]  # on twelve nodes, that loss is up and down
    if task == "walks":
        assert whole.engine == "torch"
        assert whole.fallback == "it follows plain SGD, not SGD(lr=0.1, momentum=0.9)"
        return  # its rate falls over all epochs: a run of two is another
    path = tmp_path / "state.pt"
    run(2, optimizer, checkpoint=path)
    assert losses_of(run(4, optimizer, checkpoint=path)) == losses_of(whole)
    with pytest.raises(FileFormatError, match="optimizer"):
        run(5, functools.partial(torch.optim.SGD, lr=0.2), checkpoint=path)


def test_the_course_of_the_learning_rate_is_kept():
    """The walk models' rate falls linearly, whatever the optimiser's first one is."""
    seen = []

    class Watched(torch.optim.SGD):
        def step(self, closure=None):
            seen.append(self.param_groups[0]["lr"])
            return super().step(closure)

    ge.fit(walks(), epochs=2, batch_size=6, optimizer=lambda p: Watched(p, lr=0.8), progress=False)
    assert seen == pytest.approx([0.8, 0.6, 0.4, 0.2])


def test_classes_weigh_as_in_torch_and_in_scikit_learn():
    graph, y = build_pyg(labelled_rings()), torch.tensor(Y)
    y = torch.where(torch.arange(NODES) < NODES // 6, 1 - y, y)  # classes of unlike sizes
    graph.y = y
    assert len(set(torch.bincount(y[TRAIN]).tolist())) == 2
    balanced = compute_class_weight("balanced", classes=np.arange(2), y=y[TRAIN].numpy())
    for given, weight in (("balanced", balanced), ([1.0, 5.0], [1.0, 5.0])):
        model = Mean(dropout=0.0)
        twin = copy.deepcopy(model)
        lost = functools.partial(F.cross_entropy, weight=torch.tensor(weight, dtype=torch.float32))
        wanted = by_hand(twin, graph, torch.optim.Adam(twin.parameters(), lr=0.1), lost, y=y)
        result = ge.fit(model, graph, **QUICK, lr=0.1, weight_decay=0.0, patience=None, class_weight=given)
        assert losses_of(result) == pytest.approx(wanted, rel=1e-5)


def test_batches_of_weighed_classes_add_up_to_the_whole():
    """The loss of an epoch is the mean over its nodes, however they are parted."""
    graph = build_pyg(labelled_rings())
    model = sage(num_layers=1, out_channels=2)
    options = {"epochs": 1, "lr": 1e-9, "class_weight": [1.0, 3.0], "progress": False}
    whole = ge.fit(copy.deepcopy(model), graph, **options)
    parts = ge.fit(copy.deepcopy(model), graph, batch_size=2, fanouts=[-1], **options)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-4)


def test_a_loss_of_ones_own_on_nodes():
    def focal(scores, labels):
        chance = F.softmax(scores, 1).gather(1, labels[:, None]).squeeze(1)
        return (-((1 - chance) ** 2) * chance.log()).mean()

    graph, model = build_pyg(labelled_rings()), Mean(dropout=0.0)
    twin = copy.deepcopy(model)
    wanted = by_hand(twin, graph, torch.optim.Adam(twin.parameters(), lr=0.1), focal)
    result = ge.fit(model, graph, **QUICK, lr=0.1, weight_decay=0.0, loss=focal)
    assert losses_of(result) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("task", ["walks", "links", "recommendation"])
def test_a_loss_of_pairs_gets_the_scores_of_the_usual_one(task):
    """A function that says what the usual loss says, in its own words, trains alike."""

    def skip_gram(pos, neg):
        return -F.logsigmoid(pos).mean() - F.logsigmoid(-neg).sum(1).mean()

    def ranked(pos, neg):
        return F.softplus(neg - pos).mean()

    def run(**more):
        if task == "walks":
            return ge.fit(walks(), engine="torch", deterministic=True, **QUICK, **more)
        if task == "links":
            return ge.fit(sage(), featured(), task="links", **QUICK, **more)
        return ge.fit(ge.LightGCN.for_graph(SHOP, 4, seed=0), batch_size=4, **QUICK, **more)

    usual = run(**({"loss": "pyg"} if task == "recommendation" else {}))
    own = run(loss=ranked if task == "recommendation" else skip_gram)
    assert losses_of(own) == pytest.approx(losses_of(usual), rel=1e-5)
    assert own.settings["loss"].endswith("ranked" if task == "recommendation" else "skip_gram")


def nodes(**options):
    return ge.fit(Mean(), build_pyg(labelled_rings()), epochs=1, progress=False, **options)


WRONG = {
    "no optimiser": (lambda: nodes(optimizer="adam"), "optimizer: got adam; expected a class of torch.optim"),
    "no class of optimisers": (lambda: nodes(optimizer=dict), "optimizer: got a type; expected a class of torch.optim"),
    "a function without one": (lambda: nodes(optimizer=lambda p: 3), "optimizer: got a function that returned a int"),
    "two rates": (lambda: nodes(optimizer=MOMENTUM, lr=0.1), "lr: got 0.1; expected None with an optimizer, which has"),
    "two decays": (
        lambda: nodes(optimizer=MOMENTUM, weight_decay=0.1),
        "weight_decay: got 0.1; expected None with an optimizer, which has its own",
    ),
    "an unknown weighing": (lambda: nodes(class_weight="fair"), "class_weight: got .*; expected 'balanced', or 2 num"),
    "weights of other classes": (lambda: nodes(class_weight=[1, 2, 3]), r"class_weight: got \[1.0, 2.0, 3.0\]; expect"),
    "negative weights": (lambda: nodes(class_weight=[-1.0, 2.0]), r"class_weight: got \[-1.0, 2.0\]; expected"),
    "weights of numbers": (
        lambda: ge.fit(
            Mean(1), build_pyg(labelled_rings()), class_weight="balanced", y=torch.rand(NODES), progress=False
        ),
        "class_weight: got balanced; expected None with numbers",
    ),
    "weights beside a loss": (
        lambda: nodes(class_weight="balanced", loss=F.cross_entropy),
        "class_weight: got balanced; expected None with a loss of one's own",
    ),
    "a loss of no number": (lambda: nodes(loss=lambda a, b: a), r"loss: got a function that returned shape \(\d+, 2\)"),
    "a loss of links that is none": (
        lambda: ge.fit(sage(), featured(), task="links", loss="mse", progress=False),
        "loss: got mse; expected None or a function of the scores",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_parts_are_refused(case):
    call, message = WRONG[case]
    with pytest.raises(InputError, match=message):
        call()


def test_the_compiled_engine_says_what_it_has_not():
    with pytest.raises(EngineError, match=r"'numba' cannot serve this call: it follows plain SGD, not SGD\(lr=0.5"):
        ge.fit(walks(), engine="numba", optimizer=MOMENTUM, progress=False)
    with pytest.raises(EngineError, match="computes the loss 'stable', not a function of one's own"):
        ge.fit(walks(), engine="numba", loss=lambda pos, neg: pos.mean(), progress=False)

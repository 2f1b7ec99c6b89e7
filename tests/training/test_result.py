"""What fit returns, as it is shown."""

from __future__ import annotations

import torch

import graphembed_ext as ge

RING = torch.stack([torch.arange(12), (torch.arange(12) + 1) % 12])


def test_three_lines_of_a_walk_model():
    result = ge.fit(ge.DeepWalk(RING, 4, 10, engine="torch", seed=0), epochs=2, progress=False, deterministic=True)
    first, second, third = repr(result).split("\n")
    assert first.startswith("FitResult: 2 epochs, 240 tokens, ")
    assert first.endswith(" seconds")
    assert second == f"  loss {result.loss:.4g}"
    assert third == "  trained by numba, walks by torch; lr=0.025, batch_size=512, seed=0"


def test_three_lines_of_a_validated_model():
    edges = {("user", "buys", "item"): RING[:, ::2] // 2}
    model = ge.LightGCN.for_graph(edges, 4, seed=0)
    held = torch.tensor([[0], [3]])
    result = ge.fit(model, epochs=40, progress=False, validation=held, validate_every=1, patience=2, k=1)
    first, second, third = repr(result).split("\n")
    assert first.endswith(" seconds, stopped early")
    assert second.startswith("  loss ")
    assert f"val_recall@1 {result.history[-1]['val_recall@1']:.4g}" in second
    assert second.endswith(f"; weights of epoch {result.best_epoch}")
    assert third == "  trained by torch; lr=0.02, batch_size=32, seed=0"


def test_nothing_done():
    assert repr(ge.FitResult()).split("\n") == [
        "FitResult: 0 epochs, 0 samples, 0 seconds",
        "  no epoch is over",
        "  trained by ; ",
    ]


def course(*losses, **facts):
    return ge.FitResult(history=[{"epoch": n, "loss": loss} for n, loss in enumerate(losses, 1)], **facts)


def test_advice_goes_by_the_course_of_the_loss():
    falling = course(4.0, 3.6, 3.2, 2.8, 2.4, settings={"lr": 0.1})
    assert falling.advice == (
        "The loss was still falling when training ended, from 2.8 to 2.4 in the last of 5 epochs: more epochs, or a "
        "learning rate above 0.1, may help."
    )
    assert repr(falling).endswith(falling.advice)
    longer = course(*range(20, 9, -1)).advice
    assert longer == (
        "The loss was still falling when training ended, from 12 to 10 in the last 2 of 11 epochs: more epochs, or a "
        "higher learning rate, may help."
    )
    begun = course(4.0, 4.0, 3.99, 3.98, 3.97).advice
    assert begun.startswith("The loss has hardly begun to fall, from 4 to 3.97 in 5 epochs: raise")
    assert course(4.0, 2.2, 2.01, 2.001, 2.0).advice == ""
    assert course(4.0, 3.6).advice == course().advice == ""
    assert course(4.0, 3.6, 3.2, 2.8, monitor="val_recall@20").advice == ""
    assert course(4.0, 3.6, 3.2, 2.8, interrupted=True).advice == ""


def test_metapath2vec_at_chance_is_told():
    """SGD on a small graph in five epochs learns nothing, where Adam in the loop of dgl.nn would."""
    edges = {("author", "writes", "paper"): torch.stack([torch.arange(40), torch.arange(40) // 2])}
    edges["paper", "written-by", "author"] = edges["author", "writes", "paper"].flip(0)
    model = ge.MetaPath2Vec(edges, ["writes", "written-by"], 2, 16, seed=0)
    assert "hardly begun to fall" in ge.fit(model, epochs=5, progress=False).advice


def test_fit_says_what_the_loss_advises_beside_its_bar(capsys):
    model = ge.DeepWalk(RING, 4, 10, engine="torch", seed=0)
    result = ge.fit(model, epochs=4, lr=1e-6)
    assert result.advice in capsys.readouterr().err
    assert "hardly begun to fall" in result.advice
    ge.fit(model, epochs=4, lr=1e-6, progress=False)
    assert capsys.readouterr().err == ""

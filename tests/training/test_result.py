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
    assert third == "  trained by torch; lr=0.001, batch_size=2048, seed=0"


def test_nothing_done():
    assert repr(ge.FitResult()).split("\n") == [
        "FitResult: 0 epochs, 0 samples, 0 seconds",
        "  no epoch is over",
        "  trained by ; ",
    ]

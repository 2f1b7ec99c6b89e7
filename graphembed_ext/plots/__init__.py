"""Pictures of trainings and embeddings. Needs matplotlib and scikit-learn (the extra ``eval``)."""

from .style import (
    attention,
    degree_against_norm,
    draw_embedding,
    embedding_map,
    loss_curve,
    project,
    recall_curve,
    save,
)

__all__ = [
    "attention",
    "degree_against_norm",
    "draw_embedding",
    "embedding_map",
    "loss_curve",
    "project",
    "recall_curve",
    "save",
]

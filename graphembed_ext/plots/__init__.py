"""Pictures of trainings and embeddings. Needs matplotlib and scikit-learn (the extra ``eval``)."""

from .curves import attention, degree_against_norm, loss_curve, recall_curve
from .maps import draw_embedding, embedding_map, project
from .style import save

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

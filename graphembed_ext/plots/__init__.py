"""Pictures of trainings and embeddings.

They need matplotlib and scikit-learn (the extra ``eval``), interactive ones bokeh (the extra ``map``).
"""

from .curves import attention, degree_against_norm, loss_curve, overlap_curves, recall_curve, search_curve
from .interactive import interactive_map
from .maps import draw_embedding, embedding_map, map_places, project
from .style import save

__all__ = [
    "attention",
    "degree_against_norm",
    "draw_embedding",
    "embedding_map",
    "interactive_map",
    "loss_curve",
    "map_places",
    "overlap_curves",
    "project",
    "recall_curve",
    "save",
    "search_curve",
]

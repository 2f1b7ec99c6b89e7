"""How good embeddings are: node classification, link prediction, recommendation."""

from .baselines import recommendation_baselines
from .classification import node_classification
from .links import link_prediction
from .ranking import recommendation
from .references import classification_references, link_references
from .scores import Scores
from .similarity import neighbourhood_overlap, procrustes

__all__ = [
    "Scores",
    "classification_references",
    "link_prediction",
    "link_references",
    "neighbourhood_overlap",
    "node_classification",
    "procrustes",
    "recommendation",
    "recommendation_baselines",
]

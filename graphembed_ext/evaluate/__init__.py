"""How good embeddings are: node classification, link prediction, recommendation."""

from .classification import link_prediction, node_classification
from .ranking import recommendation

__all__ = ["link_prediction", "node_classification", "recommendation"]

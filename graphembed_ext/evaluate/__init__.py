"""How good embeddings are: node classification, link prediction, recommendation."""

from .classification import node_classification
from .links import link_prediction
from .ranking import recommendation

__all__ = ["link_prediction", "node_classification", "recommendation"]

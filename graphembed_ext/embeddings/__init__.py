"""Vectors of nodes, by name or number."""

from .vectors import Embeddings, embed

__all__ = ["Embeddings", "embed"]

"""Graphs out of files."""

from .graphs import WEIGHT, GraphFile, read_graph, read_pairs

__all__ = ["WEIGHT", "GraphFile", "read_graph", "read_pairs"]

"""Graphs out of files."""

from .graph_file import WEIGHT, GraphFile
from .graphs import read_graph
from .pairs import read_pairs

__all__ = ["WEIGHT", "GraphFile", "read_graph", "read_pairs"]

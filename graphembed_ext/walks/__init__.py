"""Random walks: uniform, weighted, node2vec, along metapaths, restarting.

Call a walker with start nodes, or let :func:`random_walk` do it. Walks are rows of one tensor, -1 after their end.
"""

from .random_walks import random_walk, stream
from .tables import check_starts
from .walker import ENGINES, Walker, Walks

__all__ = ["ENGINES", "Walker", "Walks", "check_starts", "random_walk", "stream"]

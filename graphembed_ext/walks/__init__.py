"""Random walks: uniform, weighted, node2vec, along metapaths, restarting."""

from .walker import ENGINES, Walker, Walks, check_starts, random_walk, stream

__all__ = ["ENGINES", "Walker", "Walks", "check_starts", "random_walk", "stream"]

"""A random order of any number of things, of which each place is worked out by itself: nothing is kept for the rest."""

from __future__ import annotations

from torch import Tensor

from . import rng

__all__ = ["Shuffle"]

#: Rounds of the network: four make an order that nobody tells from a random one, the others are for small sizes.
_ROUNDS = 6


class Shuffle:
    """The numbers from 0 to ``size - 1`` in a random order.

    A Feistel network whose rounds are hashes permutes the numbers of twice as many bits as half of ``size - 1`` has;
    a number that is too large goes through it again, until it is not.

    Args:
        size: How many numbers there are.
        key: The order depends on it.

    Reference:
        Luby and Rackoff 1988, "How to construct pseudorandom permutations", SIAM J. Comput. 17; Black and Rogaway 2002,
        "Ciphers with arbitrary finite domains", CT-RSA ("cycle walking").

    Example:
        >>> import torch
        >>> order = Shuffle(10, key=0).at(torch.arange(10))
        >>> order.sort().values.tolist()
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
        >>> bool((Shuffle(10, key=0).at(torch.arange(3, 5)) == order[3:5]).all())
        True
    """

    def __init__(self, size: int, key: int) -> None:
        self._size = size
        self._half = max(1, ((size - 1).bit_length() + 1) // 2)
        self._keys = [rng.key(key, "shuffle", number) for number in range(_ROUNDS)]

    def at(self, places: Tensor) -> Tensor:
        """The numbers at some places, from 0 to ``size - 1``: int64, of their shape."""
        found = self._mixed(places)
        while True:
            beyond = (found >= self._size).nonzero(as_tuple=True)
            if not len(beyond[0]):
                return found
            found[beyond] = self._mixed(found[beyond])

    def _mixed(self, numbers: Tensor) -> Tensor:
        mask = (1 << self._half) - 1
        left, right = numbers >> self._half, numbers & mask
        for key in self._keys:
            left, right = right, left ^ (rng.bits(key, right) & mask)
        return (left << self._half) | right

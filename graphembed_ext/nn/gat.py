"""The parts of DGL's HAN example, with its parameters' names: a projection for each metapath, and their attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.nn.dense import Linear

__all__ = ["GATLayer", "SemanticAttention"]

#: Hidden size of the example's semantic attention.
_HIDDEN = 128


class GATLayer(nn.Module):
    """The parameters of one metapath: those of ``dgl.nn.GATConv``, which attention over its edges starts from.

    Args:
        in_channels: Size of the features; a pair where sources and destinations are of different types.
        heads: Number of heads.
        dim: Size of the output of a head.
    """

    def __init__(self, in_channels: int | tuple[int, int], heads: int, dim: int) -> None:
        super().__init__()
        self.heads, self.dim = heads, dim
        if isinstance(in_channels, tuple):
            self.fc_src, self.fc_dst = (_Projection(size, heads * dim) for size in in_channels)
        else:
            self.fc = _Projection(in_channels, heads * dim)
        self.attn_l = nn.Parameter(torch.empty(1, heads, dim))
        self.attn_r = nn.Parameter(torch.empty(1, heads, dim))
        self.bias = nn.Parameter(torch.empty(heads * dim))

    def reset_parameters(self) -> None:
        """Draw new parameters, as DGL does."""
        for projection in self.children():
            projection.reset_parameters()  # type: ignore[operator]
        gain = nn.init.calculate_gain("relu")
        nn.init.xavier_normal_(self.attn_l, gain=gain)
        nn.init.xavier_normal_(self.attn_r, gain=gain)
        nn.init.zeros_(self.bias)

    def forward(self, x_src: Tensor, x_dst: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Vectors of either end ``(num_nodes, H, D)``, and either end's half of the scores."""
        shape = -1, self.heads, self.dim
        if x_src is x_dst and hasattr(self, "fc"):
            src = dst = self.fc(x_src).view(shape)
        else:
            src, dst = self.fc_src(x_src).view(shape), self.fc_dst(x_dst).view(shape)
        return src, dst, (src * self.attn_l).sum(-1), (dst * self.attn_r).sum(-1)


class SemanticAttention(nn.Module):
    """Scores of the metapaths, by a hidden layer on the mean over nodes.

    Args:
        in_channels: Size of the vectors.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Linear(in_channels, _HIDDEN), nn.Tanh(), nn.Linear(_HIDDEN, 1, bias=False))

    def reset_parameters(self) -> None:
        """Draw new parameters."""
        for number in (0, 2):
            self.project[number].reset_parameters()  # type: ignore[operator]

    def forward(self, z: Tensor, mean: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """Scores ``(num_metapaths,)`` of vectors ``(num_metapaths, num_nodes, in_channels)``.

        ``mean`` takes the mean over the nodes where some of them are elsewhere.
        """
        scores = self.project(z)
        return (scores.mean(1) if mean is None else mean(scores)).squeeze(1)


class _Projection(Linear):
    """A linear map without bias, drawn as DGL draws it, once its size is known."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, bias=False)

    def reset_parameters(self) -> Any:
        if self.in_channels > 0:
            nn.init.xavier_normal_(self.weight, gain=nn.init.calculate_gain("relu"))

"""The LSTM over true neighbours, as DGL has it; PyG's own runs on over the zeros that pad short neighbourhoods."""

from __future__ import annotations

import inspect

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch_geometric.nn.aggr import Aggregation

__all__ = ["NeighborLSTM", "last_states", "wants_sorted"]

#: What an aggregation of PyG's calls that takes messages sorted by target alone.
_SORTED = {"to_dense_batch", "assert_sorted_index"}


def last_states(lstm: torch.nn.LSTM, carried: Tensor, degrees: Tensor) -> Tensor:
    """The last hidden state of an LSTM over each node's messages; zeros where nothing comes in.

    Args:
        lstm: Of one layer and direction, ``batch_first=True``.
        carried: Messages, those of a node next to one another, ``(num_edges, d)``.
        degrees: How many each node gets, ``(num_nodes,)``.

    Returns:
        ``(num_nodes, hidden)``.
    """
    out = carried.new_zeros(len(degrees), lstm.hidden_size)
    reached = degrees.nonzero().squeeze(1)
    if len(reached) == 0:
        return out
    lengths = degrees[reached]
    start = torch.cumsum(lengths, 0) - lengths
    row = torch.repeat_interleave(torch.arange(len(reached), device=carried.device), lengths)
    place = torch.arange(len(carried), device=carried.device) - start[row]
    padded = carried.new_zeros(len(reached), int(lengths.max()), carried.size(1))
    padded = padded.index_put((row, place), carried)
    packed = pack_padded_sequence(padded, lengths.cpu(), batch_first=True, enforce_sorted=False)
    return out.index_copy(0, reached, lstm(packed)[1][0][0].to(out.dtype))


class NeighborLSTM(Aggregation):
    """DGL's LSTM aggregation in PyG's form: each sequence ends with the last true neighbour.

    Like PyG's ``LSTMAggregation`` it keeps its weights in ``lstm`` and wants messages sorted by destination. It depends
    on the order of neighbours.

    Args:
        in_channels: Size of a message.
        out_channels: Size of the result.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        self.lstm = torch.nn.LSTM(in_channels, out_channels, batch_first=True)

    def reset_parameters(self) -> None:
        """Draw the weights anew."""
        self.lstm.reset_parameters()

    def forward(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
    ) -> Tensor:
        """See ``torch_geometric.nn.aggr.Aggregation``."""
        self.assert_sorted_index(index)
        if index is None:
            assert ptr is not None
            return last_states(self.lstm, x, ptr[1:] - ptr[:-1])
        count = int(index.max()) + 1 if dim_size is None and len(index) else dim_size or 0
        return last_states(self.lstm, x, torch.bincount(index, minlength=count))


def wants_sorted(aggregation: nn.Module | None) -> bool:
    """Whether an aggregation, or one that it is made of, takes messages sorted by target alone.

    Example:
        >>> from torch_geometric.nn.aggr import MeanAggregation
        >>> wants_sorted(NeighborLSTM(2, 2)), wants_sorted(MeanAggregation())
        (True, False)
    """
    parts = () if aggregation is None else aggregation.modules()
    written = (type(part).forward for part in parts if isinstance(part, Aggregation))
    return any(_SORTED.intersection(inspect.unwrap(forward).__code__.co_names) for forward in written)

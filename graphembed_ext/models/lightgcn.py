"""LightGCN: embeddings of users and items, propagated linearly along their interactions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from .._core import checks, memory, rng
from .._core.near import spelt
from .._core.overrides import remembered, rewritten
from ..embeddings.vectors import Embeddings
from ..errors import InputError
from ..graph.edges import ends
from ..graph.interactions import Interactions, Sides, interactions
from ..graph.view import NODE_TYPE, GraphView
from ..hosts import registry
from ..losses import bpr_loss, link_loss
from ..nn.lgconv import LGConv, is_native
from ..nn.ops.propagation import edges_and_weights, propagate, propagate_rows
from ..nn.unchanged import eager
from ._growing import Moved, copy_without, rows_of_types, take_over
from .lightgcn_graphs import Numbering, counts_of, first_rows, grown_numbering, pairs_of, rows_of
from .lightgcn_recommend import Recommending

__all__ = ["LightGCN"]

_INITS = ("pyg", "lightgcn-pytorch", "recbole")


@remembered("get_embedding")
class LightGCN(Recommending, nn.Module):
    r"""LightGCN: the weighted sum of a node's embedding at all layers of a linear propagation.

    A drop-in for ``torch_geometric.nn.LightGCN``: the same arguments, the same ``state_dict``, after the same
    ``torch.manual_seed`` the same initial weights, and with equal weights the same results. Wherever PyG takes an
    ``edge_index``, this takes ``torch_sparse.SparseTensor``, a DGLGraph, ``Data`` or ``HeteroData``, too.

    **Ids.** With an ``edge_index``, ``Data`` or a homogeneous DGLGraph, ids are rows of the one table, as in PyG,
    and edges are followed in the directions given. With a bipartite typed graph (``('user', 'buys', 'item')``,
    in one direction or in both) node types stay apart: user ids and item ids go in, item ids come out, and every
    interaction is followed both ways. The table then holds the node types in alphabetical order, such as items before
    users (LightGCN-PyTorch's and RecBole's tables, joined users first, need their parts swapped). A model made by
    :meth:`for_graph` for such a graph keeps its numbering: a plain tensor ``(2, E)`` stands for pairs of a user id and
    an item id then.

    Args:
        num_nodes: Rows of the table: users and items together.
        embedding_dim: Size of each vector.
        num_layers: Number of propagations.
        alpha: Weight of each layer's vectors, a number or a tensor ``(num_layers + 1,)``; None for
            ``1 / (num_layers + 1)``.
        init: Initial weights: ``"pyg"``, Xavier's uniform distribution over the joint table, whose bound
            sqrt(6 / (num_nodes + embedding_dim)) is tiny for a large graph; ``"lightgcn-pytorch"``, N(0, 0.1);
            ``"recbole"``, Xavier's for users and items each, which must be known apart (:meth:`for_graph`).
        seed: Fixes the initial weights; None draws them from torch's default generator.
        **kwargs: Of :class:`~graphembed_ext.nn.ops.propagation.LGConv`, such as ``normalize=False``.

    Attributes:
        embedding: Table of vectors before propagation, ``nn.Embedding(num_nodes, embedding_dim)``.
        alpha: Buffer ``(num_layers + 1,)``.
        convs: The propagation layers.

    Raises:
        InputError: An argument that cannot work, such as an alpha of the wrong length.

    Reference:
        He et al. 2020, "LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation",
        arXiv:2002.02126.

    Example:
        >>> import graphembed_ext as ge
        >>> from torch_geometric.data import HeteroData
        >>> data = HeteroData()
        >>> data["user"].num_nodes, data["item"].num_nodes = 2, 3
        >>> data["user", "buys", "item"].edge_index = torch.tensor([[0, 0, 1], [0, 1, 1]])
        >>> model = ge.LightGCN.for_graph(data, embedding_dim=8, num_layers=2, seed=0)
        >>> model(data).shape, model.recommend(data, src_index=[0], k=1, exclude=True)  # user 0 has items 0 and 1
        (torch.Size([3]), tensor([[2]]))
        >>> model.predict_link(data, torch.tensor([[0], [2]]), prob=True).shape  # how likely user 0 takes item 2
        torch.Size([1])
        >>> model.link_pred_loss(model(data), torch.ones(3)).shape, model.interactions(data).items
        (torch.Size([]), tensor([0, 1, 1]))
        >>> model.view, model.sides.items  # rows of the table
        (GraphView(pyg: nodes item 3, user 2; edges user-buys-item 3), range(0, 3))
    """

    task = "recommendation"
    alpha: Tensor
    convs: Any

    @spelt(LGConv)
    def __init__(
        self,
        num_nodes: int,
        embedding_dim: int,
        num_layers: int,
        alpha: float | Tensor | None = None,
        *,
        init: str = "pyg",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self.num_nodes = checks.integer("num_nodes", num_nodes)
        self.embedding_dim = checks.integer("embedding_dim", embedding_dim)
        self.num_layers = checks.layers(num_layers, minimum=0)
        memory.check_room("num_nodes", f"{num_nodes}", 4 * self.num_nodes * self.embedding_dim, "the table")
        self.init, self.seed = checks.choice("init", init, _INITS), checks.seed(seed)
        self.register_buffer("alpha", _coefficients(alpha, self.num_layers))
        self._graphs = Numbering(self.num_nodes)
        # Given weights, Embedding draws none; PyG's constructor draws, and the same draws give the same weights.
        table = None if self.seed is None else torch.empty(self.num_nodes, self.embedding_dim)
        self.embedding = nn.Embedding(self.num_nodes, self.embedding_dim, _weight=table)
        self.convs = nn.ModuleList([LGConv(**kwargs) for _ in range(self.num_layers)])
        if self.init != "recbole":
            self.reset_parameters()

    @classmethod
    @spelt()
    def for_graph(
        cls,
        graph: Any,
        embedding_dim: int = 64,
        num_layers: int = 3,
        alpha: float | Tensor | None = None,
        *,
        user_type: str | None = None,
        num_users: int | None = None,
        init: str = "pyg",
        seed: int | None = None,
        normalize: bool = True,
    ) -> LightGCN:
        """A model of the size of a graph, with its numbering.

        Args:
            graph: Bipartite DGL heterograph or ``HeteroData``, or an untyped graph, of either host.
            embedding_dim, num_layers, alpha, init, seed: As above.
            user_type: Node type of the users of a typed graph, where edges in both directions leave it open; by
                default ``"user"``.
            num_users: Number of users of an untyped graph, whose ids come first; may be left out until the
                model is trained.
            normalize: Whether to divide by the root of the degrees.

        Raises:
            InputError: A graph that is not bipartite.
        """
        view = registry.view(graph)
        typed = view.is_typed or num_users is not None
        sides = interactions(view, user_type, num_users).sides if typed else None
        if sides is None and init == "recbole":
            raise InputError(
                "num_users", None, "the number of users, as init='recbole' needs them apart from the items"
            )
        model = cls(view.total_nodes, embedding_dim, num_layers, alpha, init=init, seed=seed, normalize=normalize)
        model._graphs.sides, model._graphs.view = sides, view
        if init == "recbole":
            model.reset_parameters()
        return model

    def node_counts(self, view: GraphView | None = None, num_users: int | None = None) -> dict[str, int]:
        """Number of nodes of each type, or side, of the model's graph, or of another."""
        return counts_of(self._graphs, view, num_users)

    def grown(
        self, view: GraphView, ids: Mapping[str, Moved], *, num_users: int | None = None, weight: Any = None
    ) -> tuple[Any, dict[str, Moved]]:
        """A copy on another graph for :func:`graphembed_ext.grow`, and the rows that its table took over.

        Args:
            view: The graph.
            ids: By type, or side, ids of the nodes that stay, before and after.
            num_users: Number of users of an untyped graph.
            weight: None: LightGCN keeps no weights.
        """
        found = copy_without(self, "embedding")
        found._graphs = grown_numbering(self._graphs, view, num_users)
        found.num_nodes = found._graphs.num_nodes
        like = self.embedding.weight
        table = torch.empty(found.num_nodes, self.embedding_dim)
        found.embedding = nn.Embedding(found.num_nodes, self.embedding_dim, _weight=table).to(like)
        found.reset_parameters()
        rows = rows_of_types(ids, first_rows(self._graphs), first_rows(found._graphs))
        take_over(found.embedding, self.embedding, rows)
        return found, {"embedding.weight": rows}

    @property
    def sides(self) -> Sides | None:
        """Which rows are users and which items, where that is known."""
        return self._graphs.sides

    @property
    def view(self) -> GraphView | None:
        """The graph the model was made for or last trained on, if any."""
        return self._graphs.view

    def reset_parameters(self) -> None:
        """Draw the initial weights anew: with a seed the same ones, otherwise from torch's default generator.

        Raises:
            InputError: ``init="recbole"`` and users and items are not known apart.
        """
        generator = None if self.seed is None else rng.generator(rng.key(self.seed, "lightgcn"))
        with torch.no_grad():
            table = self.embedding.weight
            if self.init == "lightgcn-pytorch":
                table.normal_(0, 0.1, generator=generator)
            elif self.init == "pyg":
                nn.init.xavier_uniform_(table, generator=generator)
            elif self.sides is None:
                raise InputError(
                    "init", "recbole", "a model that knows users and items apart", "make it by LightGCN.for_graph"
                )
            else:
                for rows in (self.sides.users, self.sides.items):
                    nn.init.xavier_uniform_(table[rows.start : rows.stop], generator=generator)

    def get_embedding(self, edge_index: Any = None, edge_weight: Tensor | None = None) -> Tensor:
        """Vectors of all nodes after propagation, ``(num_nodes, embedding_dim)``.

        Args:
            edge_index: Edges to propagate along, in any form; None for the graph the model was made for.
            edge_weight: Weight of each edge, or interaction of a typed graph, ``(E,)``.

        Example:
            >>> import torch, graphembed_ext as ge
            >>> ge.LightGCN(3, 8, num_layers=2).get_embedding(torch.tensor([[0, 1], [1, 2]])).shape
            torch.Size([3, 8])
        """
        edges, edge_weight, _ = self._read(edge_index, edge_weight)
        return self._propagated(edges, edge_weight)

    def forward(
        self, edge_index: Any = None, edge_label_index: Tensor | None = None, edge_weight: Tensor | None = None
    ) -> Tensor:
        """Score pairs of nodes by the dot product of their vectors.

        Args:
            edge_index: Edges to propagate along, in any form; None for the graph the model was made for.
            edge_label_index: Pairs to score, ``(2, B)``: rows, or user ids above item ids for a typed graph. None
                for all edges, or interactions.
            edge_weight: Weight of each edge, ``(E,)``.

        Returns:
            ``(B,)``.
        """
        given = edge_index, edge_weight
        edges, edge_weight, known = self._read(edge_index, edge_weight)
        if edge_label_index is None:
            source, target = ends(edges) if known is None else (known.users, known.items)
        elif known is None:
            source, target = pairs_of(edge_label_index, self.num_nodes)
        else:
            source, target = known.sides.pairs(edge_label_index, "edge_label_index")
        out = self._vectors(given, edges, edge_weight)
        return (out.index_select(0, source) * out.index_select(0, target)).sum(-1)

    def predict_link(
        self,
        edge_index: Any = None,
        edge_label_index: Tensor | None = None,
        edge_weight: Tensor | bool | None = None,
        prob: bool = False,
    ) -> Tensor:
        """Whether pairs of nodes are linked, 0 or 1, or with which probability; arguments as for :meth:`forward`.

        Args:
            prob: Whether to return probabilities. As in older releases of PyG, it may stand in place of
                ``edge_weight``.
        """
        if isinstance(edge_weight, bool):
            return self.predict_link(edge_index, edge_label_index, None, edge_weight)
        chance = self(edge_index, edge_label_index, edge_weight).sigmoid()
        return chance if prob else chance.round()

    def link_pred_loss(self, pred: Tensor, edge_label: Tensor, **kwargs: Any) -> Tensor:
        """Binary cross-entropy of scores with labels from 0 to 1; see :func:`graphembed_ext.losses.link_loss`."""
        return link_loss(pred, edge_label, **kwargs)

    def recommendation_loss(
        self,
        pos_edge_rank: Tensor,
        neg_edge_rank: Tensor,
        node_id: Tensor | float | None = None,
        lambda_reg: float = 1e-4,
        **kwargs: Any,
    ) -> Tensor:
        """Bayesian personalised ranking, as PyG's; see :func:`graphembed_ext.losses.bpr_loss`.

        Args:
            pos_edge_rank: Scores of observed pairs, ``(B,)``.
            neg_edge_rank: Scores of negative pairs of the same users, ``(B,)``; or of K for each, ``(B, K)``.
            node_id: Nodes whose initial vectors are held small; None for all. As in older releases of PyG,
                ``lambda_reg`` may stand here.
            lambda_reg: Strength of that.
            **kwargs: None are left: PyG's loss has no further arguments that work.

        Example:
            >>> import torch, graphembed_ext as ge
            >>> model = ge.LightGCN(3, 8, num_layers=2)
            >>> model.recommendation_loss(torch.tensor([2.0]), torch.tensor([0.0]), lambda_reg=0.0)  # ln(1 + exp(-2))
            tensor(0.1269)
        """
        if kwargs:
            name, value = next(iter(kwargs.items()))
            raise InputError(name, value, "no further argument: PyG's BPRLoss has none that works")
        if isinstance(node_id, (int, float)):
            return self.recommendation_loss(pos_edge_rank, neg_edge_rank, None, node_id, **kwargs)
        table = self.embedding.weight
        rows = table if node_id is None else table[rows_of(node_id, self.num_nodes, "node_id")]
        return bpr_loss(pos_edge_rank, neg_edge_rank, initial=(rows,), weight_decay=lambda_reg)

    def embeddings(self, graph: Any = None) -> Embeddings:
        """Vectors of all nodes after propagation, by node type; for :func:`graphembed_ext.embed`."""
        with torch.no_grad():
            _, _, known = self._read(graph, None)
            counts = None if known is None else known.sides.counts
            names = self._graphs.names(graph, (NODE_TYPE,) if counts is None else counts)
            return Embeddings(self.get_embedding(graph), counts, names)

    def interactions(self, graph: Any = None, *, num_users: int | None = None) -> Interactions:
        """The interactions of a graph, by rows of the table.

        Args:
            graph: Bipartite graph in any form; None for the one the model was made for.
            num_users: Number of users, where neither graph nor model knows the sides.

        Raises:
            InputError: A graph that is not bipartite, or has another number of nodes than the model.
        """
        return self._graphs.interactions(graph, num_users, self.embedding.weight.device)

    def adopt(self, graph: Any = None, *, num_users: int | None = None) -> Interactions:
        """The same, and from now on the model knows these sides and is one for this graph."""
        return self._graphs.adopt(graph, num_users, self.embedding.weight.device)

    def rows(self, known: Interactions, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors of some distinct nodes after and before propagation along interactions; what training looks at."""
        if rewritten(self, LightGCN):
            edges = known if self.sides is not None and self.sides.typed else known.edge_index
            return self.get_embedding(edges)[rows], self.embedding.weight[rows]
        if self._linear(known.edge_index):
            graph, _ = edges_and_weights(known.edge_index, None, self.num_nodes, self._flow)
            return propagate_rows(graph, self.embedding.weight, rows, self.alpha, normalize=self._normalized)
        return self._propagated(known.edge_index, None)[rows], self.embedding.weight[rows]

    def _read(self, graph: Any, weight: Tensor | None) -> tuple[Any, Tensor | None, Interactions | None]:
        return self._graphs.read(graph, weight, self.embedding.weight.device)

    def _vectors(self, given: tuple[Any, Any], edges: Any, weight: Tensor | None) -> Tensor:
        """What :meth:`get_embedding` returns for the arguments given, which were read already."""
        return self.get_embedding(*given) if rewritten(self, LightGCN) else self._propagated(edges, weight)

    def _propagated(self, edges: Any, weight: Tensor | None) -> Tensor:
        x = self.embedding.weight
        if self._linear(edges):
            graph, weight = edges_and_weights(edges, weight, self.num_nodes, self._flow)
            return propagate(graph, x, self.alpha, weight, normalize=self._normalized)
        out = x * self.alpha[0]
        for conv, factor in zip(self.convs, self.alpha[1:], strict=True):
            x = conv(x, edges, weight)
            out = out + x * factor
        return out

    def _linear(self, edges: Any) -> bool:
        """Whether the layers are nothing but propagation, so that they can be taken together."""
        plain = all(is_native(conv) for conv in self.convs) and eager(self.embedding.weight)
        return plain and len({(conv.normalize, conv.flow) for conv in self.convs}) <= 1

    @property
    def _normalized(self) -> bool:
        return all(conv.normalize for conv in self.convs)

    @property
    def _flow(self) -> str:
        return self.convs[0].flow if len(self.convs) else "source_to_target"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.num_nodes}, {self.embedding_dim}, num_layers={self.num_layers})"


def _coefficients(alpha: float | Tensor | None, num_layers: int) -> Tensor:
    count = num_layers + 1
    if isinstance(alpha, Tensor):
        if alpha.shape != (count,):
            raise InputError("alpha", f"shape {tuple(alpha.shape)}", f"shape ({count},): a weight for each layer and x")
        return alpha
    value = 1.0 / count if alpha is None else checks.number("alpha", alpha, minimum=-torch.inf)
    return torch.tensor([value] * count)

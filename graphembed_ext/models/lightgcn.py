"""LightGCN: embeddings of users and items, propagated linearly over who touched what."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .._core import checks as _checks
from .._core import rng
from ..embeddings.vectors import Embeddings
from ..errors import InputError
from ..graph.edges import ends
from ..graph.interactions import Interactions, Sides, as_ids, interactions
from ..graph.view import GraphView
from ..hosts.registry import view as view_of
from ..losses import bpr_loss, link_loss
from ..nn.lgconv import LGConv, is_native
from ..nn.ops.propagation import edges_and_weights, propagate, propagate_rows, propagate_to_new
from ..nn.ops.top_k import TopK, top_k
from ..nn.unchanged import eager, overridden, remembered
from .lightgcn_graphs import Numbering, excluded, pairs_of, rows_of

__all__ = ["LightGCN"]

_INITS = ("pyg", "lightgcn-pytorch", "recbole")


@remembered("get_embedding")
class LightGCN(nn.Module):
    r"""LightGCN: the weighted sum of a node's embedding at all layers of a linear propagation.

    A drop-in for ``torch_geometric.nn.LightGCN``: the same arguments, the same ``state_dict``, after the same
    ``torch.manual_seed`` the same initial weights, and with equal weights the same results. Wherever the peer takes an
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
    """

    task = "recommendation"
    alpha: Tensor
    convs: Any

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
        self.num_nodes = _checks.integer("num_nodes", num_nodes)
        self.embedding_dim = _checks.integer("embedding_dim", embedding_dim)
        self.num_layers = _checks.integer("num_layers", num_layers, minimum=0)
        self.init, self.seed = _checks.choice("init", init, _INITS), _checks.seed(seed)
        self.register_buffer("alpha", _coefficients(alpha, self.num_layers))
        self._graphs = Numbering(self.num_nodes)
        # Given weights, Embedding draws none; PyG's constructor draws, and the same draws give the same weights.
        table = None if self.seed is None else torch.empty(self.num_nodes, self.embedding_dim)
        self.embedding = nn.Embedding(self.num_nodes, self.embedding_dim, _weight=table)
        self.convs = nn.ModuleList([LGConv(**kwargs) for _ in range(self.num_layers)])
        if self.init != "recbole":
            self.reset_parameters()

    @classmethod
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
        view = view_of(graph)
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

    def recommend(
        self,
        edge_index: Any = None,
        edge_weight: Any = None,
        src_index: Any = None,
        dst_index: Any = None,
        k: int = 1,
        sorted: bool = True,
        *,
        exclude: Any = None,
    ) -> Tensor:
        """The ``k`` best items for each user, best first, of equal ones the lower position first.

        Positional arguments may also be those of older releases of PyG, ``(edge_index, src_index, dst_index, k)``.

        Args:
            edge_index: Edges to propagate along, in any form; None for the graph the model was made for.
            edge_weight: Weight of each edge, ``(E,)``.
            src_index: Users; None for all (of an untyped graph: all nodes).
            dst_index: Candidates; None for all items (of an untyped graph: all nodes).
            k: How many; at most the number of candidates.
            sorted: Taken for PyG's sake; the result always is.
            exclude: Known pairs that must not come out, ``(2, E)``, user ids above item ids, or True for those of the
                graph itself. A user with fewer than ``k`` candidates left gets -1 in the last places.

        Returns:
            Ids, int64, ``(users, k)``.

        Raises:
            InputError: Ids out of range, or ``k`` above the number of candidates.
        """
        return self.top(*_recommend_arguments(edge_index, edge_weight, src_index, dst_index, k), exclude=exclude).items

    def top(
        self,
        edge_index: Any = None,
        edge_weight: Tensor | None = None,
        src_index: Any = None,
        dst_index: Any = None,
        k: int = 1,
        *,
        exclude: Any = None,
    ) -> TopK:
        """What :meth:`recommend` returns, with the scores: minus infinity where there is no candidate left."""
        given = edge_index, edge_weight
        edges, edge_weight, known = self._read(edge_index, edge_weight)
        sides = None if known is None else known.sides
        everything = range(self.num_nodes)
        if sides is None:
            users = rows_of(everything if src_index is None else src_index, self.num_nodes, "src_index")
        else:
            users = as_ids(sides.users, "src_index") if src_index is None else sides.user_rows(src_index)
        items = self._candidates(sides, dst_index)
        with torch.no_grad():
            out = self._vectors(given, edges, edge_weight)
        users, items = users.to(out.device), items.to(out.device)
        banned = None
        if exclude is True and known is not None and dst_index is None:
            banned = known.items_of(users)
        elif exclude is not None and exclude is not False:
            if exclude is True:
                pairs = ends(edges) if known is None else (known.users, known.items)
            else:
                pairs = (
                    pairs_of(exclude, self.num_nodes, "exclude") if sides is None else sides.pairs(exclude, "exclude")
                )
            banned = excluded(users, items, pairs[0].to(out.device), pairs[1].to(out.device), self.num_nodes)
        return self._named(top_k(out[users], out[items], k, banned), items, sides)

    def recommend_new(
        self, edge_index: Any, history: Tensor, k: int = 1, *, dst_index: Any = None, repeat: bool = False
    ) -> Tensor:
        """The ``k`` best items for users the model has never seen, by what they touched.

        Args:
            edge_index: The graph of the known users, in any form; None for the one the model was made for.
            history: Number of the new user, from 0, above the item's id, ``(2, E)``.
            k: How many.
            dst_index: Candidates; None for all items (of an untyped graph: all nodes).
            repeat: Whether items of a user's own history may come out.

        Returns:
            Item ids, ``(new users, k)``; -1 where a user has no candidate left.
        """
        vectors, touched = self._new_users(edge_index, history)
        _, _, known = self._read(edge_index, None)
        sides = None if known is None else known.sides
        items = self._candidates(sides, dst_index).to(vectors.device)
        users = torch.arange(len(vectors), device=vectors.device)
        banned = None if repeat else excluded(users, items, *touched, self.num_nodes)
        out = self.get_embedding(edge_index).detach()
        return self._named(top_k(vectors, out[items], k, banned), items, sides).items

    def embed_new_users(self, edge_index: Any, history: Tensor) -> Tensor:
        """Vectors of users the model has never seen, by one step of propagation from the items they touched.

        They are what nodes with initial vectors of 0 and these edges would get if they changed nobody else's degree.

        Args:
            edge_index: The graph of the known users, in any form.
            history: Number of the new user, from 0, above the item's id, ``(2, E)``.

        Returns:
            ``(new users, embedding_dim)``; zeros for a user whose number does not occur.
        """
        return self._new_users(edge_index, history)[0]

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
            neg_edge_rank: Scores of noise pairs of the same users, ``(B,)``.
            node_id: Nodes whose initial vectors are held small; None for all. As in older releases of PyG,
                ``lambda_reg`` may stand here.
            lambda_reg: Strength of that.
            **kwargs: None are left: PyG's loss has no further arguments that work.
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
            return Embeddings(self.get_embedding(graph), None if known is None else known.sides.counts)

    def interactions(self, graph: Any = None, *, num_users: int | None = None) -> Interactions:
        """Who touched what in a graph, by rows of the table.

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
        if overridden(self, LightGCN):
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
        return self.get_embedding(*given) if overridden(self, LightGCN) else self._propagated(edges, weight)

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

    def _candidates(self, sides: Sides | None, dst_index: Any) -> Tensor:
        if sides is None:
            return rows_of(range(self.num_nodes) if dst_index is None else dst_index, self.num_nodes, "dst_index")
        return as_ids(sides.items, "dst_index") if dst_index is None else sides.item_rows(dst_index)

    def _named(self, found: TopK, items: Tensor, sides: Sides | None) -> TopK:
        ids = items if sides is None else sides.item_ids(items)
        return TopK(torch.where(found.items < 0, -1, ids[found.items]), found.scores)

    def _new_users(self, edge_index: Any, history: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        edges, _, known = self._read(edge_index, None)
        if not isinstance(history, Tensor) or history.dim() != 2 or history.size(0) != 2 or not history.size(1):
            got = f"shape {tuple(history.shape)}" if isinstance(history, Tensor) else f"a {type(history).__name__}"
            raise InputError("history", got, "shape (2, E), at least one item: numbers of new users above item ids")
        items = self._candidates(None if known is None else known.sides, history[1])
        users = as_ids(history[0], "history")
        if int(users.min()) < 0:
            raise InputError("history", f"user number {int(users.min())}", "numbers from 0")
        with torch.no_grad():
            graph, _ = edges_and_weights(edges, None, self.num_nodes, self._flow)
            table = self.embedding.weight
            vectors = propagate_to_new(graph, table, users, items, self.alpha, normalize=self._normalized)
        return vectors, (users, items)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.num_nodes}, {self.embedding_dim}, num_layers={self.num_layers})"


def _coefficients(alpha: float | Tensor | None, num_layers: int) -> Tensor:
    count = num_layers + 1
    if isinstance(alpha, Tensor):
        if alpha.shape != (count,):
            raise InputError("alpha", f"shape {tuple(alpha.shape)}", f"shape ({count},): a weight for each layer and x")
        return alpha
    value = 1.0 / count if alpha is None else _checks.number("alpha", alpha, minimum=-torch.inf)
    return torch.tensor([value] * count)


def _recommend_arguments(
    edge_index: Any, edge_weight: Any, src_index: Any, dst_index: Any, k: Any
) -> tuple[Any, Any, Any, Any, Any]:
    """Arguments of either signature of PyG, told apart: weights are floats, ids integers, ``k`` is a number."""
    if isinstance(dst_index, int):
        return edge_index, None, edge_weight, src_index, dst_index
    ids = isinstance(edge_weight, Tensor) and not edge_weight.is_floating_point()
    if ids or isinstance(edge_weight, (list, range)):
        return edge_index, None, edge_weight, src_index if dst_index is None else dst_index, k
    return edge_index, edge_weight, src_index, dst_index, k

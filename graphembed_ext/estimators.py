"""Node embeddings as a scikit-learn estimator, for pipelines, grid searches and ``clone``; needs scikit-learn."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from torch import Tensor

from ._core import checks
from ._core.optional import optional
from .embeddings.vectors import embed
from .errors import InputError
from .graph.view import GraphView
from .hosts import registry
from .models.catalogue import MODELS, builder, create, models_of
from .training.fitting import fit, options_of

optional("sklearn", "graphembed_ext.estimators")

from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin  # noqa: E402
from sklearn.utils import check_array, check_random_state  # noqa: E402
from sklearn.utils.validation import check_non_negative  # noqa: E402

__all__ = ["NodeEmbedding"]

#: What models call the size of a vector.
_SIZES = ("emb_dim", "embedding_dim", "hidden_channels")
#: Edge feature that :func:`graphembed_ext.view` has of a matrix that is not of zeros and ones alone.
_WEIGHT = "edge_weight"


class NodeEmbedding(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Vectors of the nodes of a graph by any model of the package, trained anew by every ``fit``.

    As scikit-learn's ``TSNE`` and ``SpectralEmbedding``, it has vectors of the nodes that it was fitted on and no
    ``transform``: a matrix is the adjacency, a row for each node.

    Args:
        model: Name of a model, as :func:`graphembed_ext.create` takes it.
        n_components: Size of each vector.
        epochs: Passes over the data; None for the usual number, as of the learning rate.
        lr: Learning rate.
        random_state: As scikit-learn takes it; with a number, each fit gives the same vectors, bit by bit, and walk
            models take one thread.
        device: Where to train; see :func:`graphembed_ext.fit`.
        model_params: Further arguments of the model, such as ``{"walk_length": 20, "p": 0.5}``.
        fit_params: Further arguments of :func:`graphembed_ext.fit`, such as ``{"batch_size": 64}``.

    Attributes:
        embedding_: Vectors, float32, ``(n_nodes, n_components)``; of typed graphs type by type in alphabetical order.
        embeddings_: The same as :class:`graphembed_ext.Embeddings`, by name where the graph has names.
        model_: The trained model.
        result_: What :func:`graphembed_ext.fit` returned.
        n_iter_: Epochs that were trained.
        n_features_in_: Number of columns of a matrix.

    Raises:
        MissingDependencyError: scikit-learn is not installed (extra ``eval``).

    Example:
        >>> import numpy as np
        >>> from sklearn.cluster import KMeans
        >>> from sklearn.pipeline import make_pipeline
        >>> ring = np.roll(np.eye(12), 1, axis=1)
        >>> embedding = NodeEmbedding(n_components=4, epochs=2, random_state=0)
        >>> embedding.fit_transform(ring + ring.T).shape
        (12, 4)
        >>> len(KMeans(2, n_init=1, random_state=0).fit_predict(embedding.embedding_))
        12
        >>> embedding.fit(ring).n_iter_
        2
    """

    def __init__(
        self,
        model: str = "deepwalk",
        n_components: int = 128,
        *,
        epochs: int | None = None,
        lr: float | None = None,
        random_state: Any = None,
        device: Any = None,
        model_params: Mapping[str, Any] | None = None,
        fit_params: Mapping[str, Any] | None = None,
    ) -> None:
        self.model, self.n_components, self.epochs, self.lr = model, n_components, epochs, lr
        self.random_state, self.device = random_state, device
        self.model_params, self.fit_params = model_params, fit_params

    def fit(self, X: Any, y: Any = None) -> NodeEmbedding:
        """Train on a graph.

        Args:
            X: Adjacency matrix ``(n_nodes, n_nodes)``, dense or sparse, rows being sources and values other than 1
                weights of at least 0; or anything else that :func:`graphembed_ext.view` takes: a graph of DGL, PyG or
                NetworkX, an ``edge_index`` as a tensor, a data frame of edges.
            y: Labels of the nodes, for models that learn from them, with ``masks`` in ``fit_params``; None for none.

        Returns:
            The estimator.

        Raises:
            InputError: No such model, or no graph.
        """
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """Train on a graph and return the vectors of its nodes.

        Args:
            X, y: As :meth:`fit` takes them.

        Returns:
            ``(n_nodes, n_components)``.

        Raises:
            InputError: No such model, or no graph.
        """
        checks.choice("model", self.model, sorted(MODELS))
        more = _parameters("fit_params", self.fit_params)
        seed = self._seed()
        view = self._view_of(X)
        model = self._made(view, seed)
        graph = view if hasattr(model, "logits") else None
        options: dict[str, Any] = {"epochs": self.epochs, "lr": self.lr, "device": self.device, "seed": seed}
        if self.random_state is not None and "deterministic" in options_of(model):
            options["deterministic"] = True
        if graph is not None and y is not None and "masks" in more:
            options["y"] = y
        self.result_ = fit(model, graph, **({"progress": False} | options | more))
        self.model_, self.embeddings_ = model, embed(model, graph)
        self.embedding_, self.n_iter_ = self.embeddings_.numpy(), len(self.result_.history)
        return self.embedding_

    def _view_of(self, X: Any) -> GraphView:
        """The graph of a matrix, or another."""
        if not _is_matrix(X):
            return registry.view(X)
        matrix = _validated(self, X)
        check_non_negative(matrix, type(self).__name__)
        if matrix.shape[0] != matrix.shape[1]:
            hint = "a row and a column for each node; sklearn.neighbors.kneighbors_graph makes such of features"
            raise InputError("X", f"shape {matrix.shape}", "a square adjacency matrix", hint)
        return registry.view(sp.csr_array(matrix))

    def _made(self, view: GraphView, seed: int) -> Any:
        """The model, untrained."""
        known = inspect.signature(builder(models_of("pyg")[self.model])).parameters
        config: dict[str, Any] = {"seed": seed}
        config |= {name: self.n_components for name in _SIZES if name in known}
        weighed = any(_WEIGHT in features for features in view.edge_features.values())
        if weighed and "weight" in known and view.host == "scipy":
            config["weight"] = _WEIGHT
        return create(self.model, view, **(config | _parameters("model_params", self.model_params)))

    def _seed(self) -> int:
        try:
            return int(check_random_state(self.random_state).randint(2**31 - 1))
        except ValueError as error:
            expected = "None, an integer from 0 to 2**32 - 1 or a RandomState of NumPy"
            raise InputError("random_state", checks.described(self.random_state), expected) from error

    @property
    def _n_features_out(self) -> int:
        return int(self.embedding_.shape[1])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = tags.input_tags.sparse = tags.input_tags.positive_only = True
        return tags


def _is_matrix(given: Any) -> bool:
    """Whether something is an adjacency matrix; a data frame is where it is square."""
    if sp.issparse(given) or isinstance(given, (np.ndarray, list, tuple)):
        return True
    shape = getattr(given, "shape", None)
    square = isinstance(shape, tuple) and len(shape) == 2 and shape[0] == shape[1]
    return square and hasattr(given, "__array__") and not isinstance(given, Tensor)


def _parameters(argument: str, given: Any) -> dict[str, Any]:
    """Further arguments by name; None for none."""
    found = checks.mapping(argument, {} if given is None else given, "arguments by name, or None")
    return {checks.text(argument, name, "arguments by name"): value for name, value in found.items()}


def _validated(estimator: Any, given: Any) -> Any:
    """A matrix of finite numbers, dense or as a CSR; its columns are the estimator's features."""
    how: dict[str, Any] = {"accept_sparse": "csr", "dtype": np.float64, "ensure_min_samples": 2}
    try:
        from sklearn.utils.validation import validate_data
    except ImportError:  # before scikit-learn 1.6
        found = check_array(given, **how)
        estimator.n_features_in_ = found.shape[1]
        return found
    return validate_data(estimator, given, **how)

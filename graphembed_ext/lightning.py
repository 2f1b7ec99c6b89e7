"""The trainings of :func:`graphembed_ext.fit` as modules of Lightning, one a task; needs pytorch-lightning.

Lightning's ``Trainer`` then has the loop: its callbacks, loggers, checkpoints. Batches, losses, the optimiser and
the course of its rate are those of ``ge.fit``, so that without dropout the losses are, too.

Every module is made as ``Module(model, graph, **options)``: the model, the graph, where ``ge.fit`` wants one beside the
model, and options as :func:`graphembed_ext.fit` takes them for that task. ``epochs`` is what the learning rate falls
over, and no limit: the trainer's ``max_epochs`` is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor

from ._core.optional import installed, optional
from .errors import InputError
from .training.fitting import fit, options_of
from .training.run import TAKING, Taken

_PACKAGE = "lightning.pytorch" if installed("lightning") else "pytorch_lightning"
LightningModule: Any = optional(_PACKAGE, "graphembed_ext.lightning").LightningModule

__all__ = ["LinkModule", "NodeModule", "RecommendationModule", "WalkModule"]


class _Epochs:
    """The batches of the epoch that Lightning is at."""

    def __init__(self, module: Any, trainer: Any) -> None:
        self._module, self._trainer = module, trainer

    def __iter__(self) -> Iterator[Any]:
        return iter(self._trainer.steps(self._module.current_epoch))


class _Module(LightningModule):
    """A training of a task.

    Args:
        model: The model.
        graph: The graph; None for the one that the model was made for.
        **options: As :func:`graphembed_ext.fit` takes them.

    Raises:
        InputError: A model whose training has a loop of its own, or what ``ge.fit`` refuses.
    """

    _fixed: ClassVar[dict[str, Any]] = {}

    def __init__(self, model: Any, graph: Any = None, **options: Any) -> None:
        super().__init__()
        self.model = model
        fixed = {name: value for name, value in self._fixed.items() if name == "task" or name in options_of(model)}
        token = TAKING.set(True)
        try:
            fit(model, graph, progress=False, **(fixed | options))
        except Taken as taken:
            if not hasattr(taken.trainer, "steps"):
                expected = "one that steps batch by batch, not by its own loop"
                raise InputError("model", f"a {type(model).__name__}", expected) from None
            self._task, self._validated = taken.trainer, taken.validated
        finally:
            TAKING.reset(token)

    def train_dataloader(self) -> Any:
        """The batches that ``ge.fit`` would train on, epoch by epoch."""
        return _Epochs(self, self._task)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """The batch as it is: models move what they read."""
        return batch

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The optimiser that ``ge.fit`` would step with."""
        found: torch.optim.Optimizer = self._task.optimizer
        return found

    def on_train_epoch_start(self) -> None:
        """Dropout is on, whatever was validated before."""
        self.model.train()

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The loss of a batch, logged as ``loss``."""
        loss, count = self._task.lost(batch)
        self.log("loss", loss.detach(), batch_size=count, on_epoch=True, on_step=False, prog_bar=True)
        found: Tensor = loss
        return found

    def on_train_epoch_end(self) -> None:
        """Log what validation comes to, under the names that ``ge.fit`` has in its history."""
        self.log_dict(self._validated(self.current_epoch), batch_size=1)


class WalkModule(_Module):
    """DeepWalk or MetaPath2Vec, by the engine ``torch``: :func:`graphembed_ext.training.walks.train`.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> ring = torch.stack([torch.arange(12), (torch.arange(12) + 1) % 12])
        >>> module = WalkModule(ge.DeepWalk(ring, emb_dim=4, walk_length=8, seed=0), epochs=5)
        >>> type(module.configure_optimizers()).__name__
        'SparseAdam'
    """

    _fixed: ClassVar[dict[str, Any]] = {"engine": "torch"}


class NodeModule(_Module):
    """GraphSAGE or HAN on labelled nodes: :func:`graphembed_ext.training.nodes.train`.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> ring = torch.stack([torch.arange(6), (torch.arange(6) + 1) % 6])
        >>> graph = ge.view(ring).with_features({"_N": {"x": torch.eye(6)}})
        >>> model, y = ge.GraphSAGE(6, 4, 2, out_channels=2, seed=0), torch.tensor([0, 0, 0, 1, 1, 1])
        >>> module = NodeModule(model, graph, y=y, masks={"train": torch.arange(6)})
        >>> [nodes["_N"].tolist() for _, nodes in module.train_dataloader()]
        [[0, 1, 2, 3, 4, 5]]
    """

    _fixed: ClassVar[dict[str, Any]] = {"task": "nodes"}


class LinkModule(_Module):
    """GraphSAGE without labels: :func:`graphembed_ext.training.links.train`.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> ring = torch.stack([torch.arange(6), (torch.arange(6) + 1) % 6])
        >>> graph = ge.view(ring).with_features({"_N": {"x": torch.eye(6)}})
        >>> module = LinkModule(ge.GraphSAGE(6, 4, 2, seed=0), graph, negatives=2)
        >>> len(list(module.train_dataloader()))
        1
    """

    _fixed: ClassVar[dict[str, Any]] = {"task": "links"}

    def on_train_end(self) -> None:
        """The vectors of :func:`graphembed_ext.embed` have length 1, as the loss compares them."""
        self.model.unit_norm = True


class RecommendationModule(_Module):
    """LightGCN: :func:`graphembed_ext.training.recommendation.train`.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> shop = {("user", "buys", "item"): torch.tensor([[0, 0, 1, 1, 2], [0, 1, 1, 2, 2]])}
        >>> module = RecommendationModule(ge.LightGCN.for_graph(shop, 4, seed=0), loss="pyg", batch_size=2)
        >>> len(list(module.train_dataloader()))
        3
    """

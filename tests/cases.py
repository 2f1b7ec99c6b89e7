"""Contract tests: what every model, recommender (tests/model_cases.py), layer and loss promises, once and inherited.

A subclass says by attributes and methods how its thing is made and on what it is tried. What does not apply to a member
of a kind is an attribute as well, and the contract tests that it is refused, so that nothing is left out in silence.
tests/project/test_contracts.py fails where a public class or function has no case.
"""

from __future__ import annotations

import abc
import copy
import pickle
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
import torch

from graphembed_ext.errors import InputError


@dataclass(frozen=True)
class Variant:
    """One way to make and train a model: arguments of the graph, of the model, and of the training."""

    name: str
    config: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    graph: dict[str, Any] = field(default_factory=dict)


def assert_apart(vectors, side):
    """Each two vectors of one side are closer, by their cosines, than any two of different sides."""
    vectors = torch.nn.functional.normalize(vectors, dim=1)
    cosine, same = vectors @ vectors.t(), side[:, None] == side[None, :]
    assert cosine[same].min() > cosine[~same].max()


class Case:
    """Runs the tests of a class over its attributes: an argument in RUNS_OVER takes the values of that attribute."""

    RUNS_OVER: ClassVar[dict[str, str]] = {}

    @classmethod
    def pytest_generate_tests(cls, metafunc):
        for argument, attribute in cls.RUNS_OVER.items():
            if argument in metafunc.fixturenames:
                values = getattr(cls, attribute)
                assert values, f"{cls.__name__}.{attribute} is empty"
                metafunc.parametrize(argument, values, ids=[cls.label(value) for value in values])

    @staticmethod
    def label(value) -> str:
        """The id of a value in a test's name."""
        if isinstance(value, tuple):  # a refusal: the beginning of its message
            return "".join(c if c.isalnum() or c in "_ -" else "" for c in value[1])[:40].strip()
        return getattr(value, "name", str(value))


class LayerCase(Case, abc.ABC):
    """What every layer promises."""

    RUNS_OVER: ClassVar = {"variant": "variants", "bad_call": "bad_calls"}

    layers: tuple[type, ...]
    variants: ClassVar[list[Variant]]
    #: Calls with a layer, its features and its edges that are refused, with the message.
    bad_calls: ClassVar[list[tuple[Any, str]]]
    #: Names of variants whose output depends on the order of a node's edges.
    ordered: ClassVar[set[str]] = set()
    #: Rows of the output that no edge leads to.
    isolated: ClassVar[list[int]]

    @abc.abstractmethod
    def make(self, **config): ...

    @abc.abstractmethod
    def features(self) -> list[torch.Tensor]:
        """In double precision."""

    @abc.abstractmethod
    def edges(self) -> list[torch.Tensor]:
        """One list of edges for each edge type, ``(2, E)``."""

    @abc.abstractmethod
    def call(self, layer, features, edges) -> torch.Tensor:
        """The output for the nodes that edges lead to."""

    def layer(self, variant):
        torch.manual_seed(0)
        return self.make(**variant.config).double().eval()

    def test_order_of_edges_changes_no_bit(self, variant):
        layer, draw = self.layer(variant), torch.Generator().manual_seed(4)
        edges = self.edges()
        others = [e[:, torch.randperm(e.size(1), generator=draw)] for e in edges]
        out, other = (self.call(layer, self.features(), given) for given in (edges, others))
        assert torch.equal(out, other) is (variant.name not in self.ordered)

    @pytest.mark.usefixtures("one_thread")
    def test_gradients_by_finite_differences(self, variant):
        layer, edges = self.layer(variant), self.edges()
        features = [x.requires_grad_() for x in self.features()]
        assert torch.autograd.gradcheck(lambda *x: self.call(layer, x, edges), features)

    @pytest.mark.parametrize("way", ["state_dict", "pickle", "deepcopy"])
    def test_survives_a_copy(self, variant, way):
        layer = self.layer(variant)
        out = self.call(layer, self.features(), self.edges())
        if way == "state_dict":
            twin = self.make(**variant.config).double().eval()
            twin.load_state_dict(layer.state_dict(), strict=True)
        else:
            twin = copy.deepcopy(layer) if way == "deepcopy" else pickle.loads(pickle.dumps(layer))
        assert repr(twin) == repr(layer)
        assert torch.equal(self.call(twin, self.features(), self.edges()), out)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
    def test_other_precisions(self, variant, dtype):
        layer = self.layer(variant)
        expected = self.call(layer, self.features(), self.edges())
        out = self.call(layer.to(dtype), [x.to(dtype) for x in self.features()], self.edges())
        assert out.dtype == dtype
        rough = 1e-5 if dtype == torch.float32 else 0.1
        torch.testing.assert_close(out.double(), expected, rtol=rough, atol=rough)

    def test_no_edges_at_all(self, variant):
        layer = self.layer(variant)
        whole = self.call(layer, self.features(), self.edges())
        features = [x.requires_grad_() for x in self.features()]
        out = self.call(layer, features, [e[:, :0] for e in self.edges()])
        assert out.shape == whole.shape
        assert bool(torch.isfinite(out).all())
        if out.requires_grad:
            out.sum().backward()

    def test_nodes_without_edges_depend_on_no_others(self, variant):
        layer = self.layer(variant)
        out = self.call(layer, self.features(), self.edges())
        fewer = self.call(layer, self.features(), [e[:, ::2] for e in self.edges()])
        assert not torch.equal(out, fewer)
        torch.testing.assert_close(out[self.isolated], fewer[self.isolated], rtol=0, atol=0)
        assert bool(torch.isfinite(out).all())

    def test_refuses_bad_calls(self, bad_call):
        call, message = bad_call
        layer = self.layer(self.variants[0])
        with pytest.raises(InputError, match=message):
            call(layer, self.features(), self.edges())


class LossCase(Case, abc.ABC):
    """What every loss promises."""

    RUNS_OVER: ClassVar = {"options": "variants"}

    #: The function, wrapped in staticmethod.
    loss: Any
    variants: ClassVar[list[dict[str, Any]]]
    #: Positives end above this after ten steps, negatives below its opposite.
    margin = 0.0

    @staticmethod
    def label(value) -> str:
        return ",".join(f"{name}={option}" for name, option in value.items()) or "default"

    @abc.abstractmethod
    def scores(self, dtype=torch.float64) -> list[torch.Tensor]:
        """Random scores."""

    def others(self) -> tuple:
        """What the function takes after the scores."""
        return ()

    def sides(self, *scores) -> tuple[torch.Tensor, torch.Tensor]:
        """Those of the scores that should rise, and those that should fall."""
        return scores

    def call(self, scores, options):
        return self.loss(*scores, *self.others(), **options)

    @pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
    def test_scalar_finite_and_of_the_scores_type(self, options, dtype):
        loss = self.call(self.scores(dtype), options)
        assert (loss.shape, loss.dtype, bool(torch.isfinite(loss))) == ((), dtype, True)

    def test_gradients_by_finite_differences(self, options):
        scores = [tensor.requires_grad_() for tensor in self.scores()]
        assert torch.autograd.gradcheck(lambda *given: self.call(given, options), scores)

    def test_ten_steps_lift_positives_above_negatives(self, options):
        scores = [torch.zeros_like(tensor, requires_grad=True) for tensor in self.scores()]
        optimizer = torch.optim.SGD(scores, lr=1.0)
        for _ in range(10):
            optimizer.zero_grad()
            self.call(scores, options).backward()
            optimizer.step()
        positives, negatives = self.sides(*scores)
        assert positives.min() > self.margin >= -self.margin > negatives.max()

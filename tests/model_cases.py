"""Contract tests of models and recommenders: what each promises, written once and inherited; see tests/cases.py."""

from __future__ import annotations

import abc
import copy
import io
import pickle
from typing import Any, ClassVar

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext.errors import InputError
from tests.cases import Case, Variant
from tests.graphs import BUILDERS, Spec, agree, build_dgl, build_pyg, shuffled


class ModelCase(Case, abc.ABC):
    """What every model promises."""

    RUNS_OVER: ClassVar = {
        "host": "hosts",
        "refused": "refused_arguments",
        "bad_call": "bad_calls",
        "learns": "variants_that_learn",
        "alike": "variants_alike",
        "dtype": "dtypes",
        "trained_dtype": "trained_dtypes",
    }

    #: The classes on trial: the one of ``ge`` or of a host, and those that a host gets in its place.
    models: tuple[type, ...]
    hosts: ClassVar = list(BUILDERS)
    #: By which :func:`ge.create` makes it, and with which arguments; None: by none.
    name: str | None = None
    created_with: ClassVar[dict[str, Any]] = {}
    #: Whether the model was made for one graph and asks for none afterwards.
    keeps_its_graph = False
    #: Whether :func:`ge.fit` trains it. Else :meth:`fit` does, as the host's users would.
    trained_by_fit = True
    #: Whether a training has a seed of its own beside the model's.
    training_has_a_seed = True
    #: Whether reset_parameters gives a model its first weights again. PyG's draw new ones from torch's generator.
    reset_repeats = True
    #: Settings of a short training that is the same each time, bit for bit.
    training: ClassVar[dict[str, Any]] = {"epochs": 3}
    #: Rows of :func:`ge.embed` by node type, and its columns.
    rows: ClassVar[dict[str, int]]
    columns: int
    #: Arguments of the model that is copied, where the default ones would leave a part of it out.
    copied_with: ClassVar[dict[str, Any]] = {}
    #: Arguments of the model that is trained in another precision.
    retyped_with: ClassVar[dict[str, Any]] = {}
    variants_that_learn: ClassVar[list[Variant]]
    variants_alike: ClassVar[list[Variant]]
    #: Arguments of the model that are refused, with the message, which begins with the argument.
    refused_arguments: ClassVar[list[tuple[dict[str, Any], str]]]
    #: Calls with a model and its graph that are refused, with the message: ids out of range before all.
    bad_calls: ClassVar[list[tuple[Any, str]]]
    dtypes: ClassVar = [torch.float64, torch.bfloat16, torch.float16]
    trained_dtypes: ClassVar = [torch.float64, torch.bfloat16]

    @abc.abstractmethod
    def spec(self, **graph) -> Spec:
        """A small graph with a structure that the model can learn."""

    @abc.abstractmethod
    def make(self, graph, **config):
        """A small model with a seed of its own, unless ``config`` has one."""

    @abc.abstractmethod
    def check_structure(self, model, graph, result):
        """Asserts that the model has learned the structure of the graph."""

    def given(self, graph) -> tuple:
        """What embed and fit take after the model."""
        return () if self.keeps_its_graph else (graph,)

    def fit(self, model, graph, **settings):
        """The result of a training; here of a short one, unless ``settings`` say otherwise."""
        return ge.fit(model, *self.given(graph), **{"progress": False, **self.training, **settings})

    def embed(self, model, graph) -> ge.Embeddings:
        return ge.embed(model, *self.given(graph))

    def draw(self, model, graph) -> list[torch.Tensor]:
        """What a user's own loop draws from the model: walks, pairs, losses."""
        return []

    def losses(self, result) -> list[float]:
        return [entry["loss"] for entry in result.history]

    def assert_draws_agree(self, first, second, graph):
        pairs = zip(self.draw(first, graph), self.draw(second, graph), strict=True)
        assert all(torch.equal(one, other) for one, other in pairs)

    def trained(self, graph, seed=1, **config):
        model = self.make(graph, **config)
        return model, self.fit(model, graph, seed=seed)

    # --- training

    def test_learns(self, host, learns):
        graph = BUILDERS[host](self.spec(**learns.graph))
        model = self.make(graph, **learns.config)
        result = self.fit(model, graph, **learns.training)
        assert self.losses(result)[-1] < self.losses(result)[0]
        self.check_structure(model, graph, result)

    def test_a_seed_repeats_bit_for_bit(self, host):
        graph = BUILDERS[host](self.spec())
        same, twin, unlike = (self.make(graph, seed=seed) for seed in (3, 3, 4))
        assert agree(same, twin)
        assert not agree(same, unlike)
        self.assert_draws_agree(same, twin, graph)
        (first, one), (again, two), (other, _) = (self.trained(graph, seed) for seed in (1, 1, 2))
        assert agree(first, again)
        assert self.losses(one) == self.losses(two)
        assert agree(first, other) is not self.training_has_a_seed

    def test_torch_manual_seed_governs_a_model_without_a_seed(self, host):
        graph = BUILDERS[host](self.spec())

        def models():
            torch.manual_seed(11)
            return self.make(graph, seed=None), self.make(graph, seed=None)

        (first, second), (again, _) = models(), models()
        assert agree(first, again)
        assert not agree(first, second)
        self.assert_draws_agree(first, again, graph)

    def test_hosts_and_orders_of_edges_change_no_bit(self, alike, global_state_untouched):
        spec = self.spec(**alike.graph)
        runs = []
        for graph in (build_dgl(spec), build_dgl(shuffled(spec)), build_pyg(shuffled(spec, seed=1))):
            model = self.make(graph, **alike.config)
            result = self.fit(model, graph, seed=1, **alike.training)
            runs.append((model, self.losses(result), result.metrics, self.embed(model, graph)))
        (model, losses, metrics, emb), *others = runs
        for other in others:
            assert agree(model, other[0])
            assert other[1:3] == (losses, metrics)
            assert torch.equal(other[3].tensor, emb.tensor)

    def test_leaves_global_state_alone(self, host, global_state_untouched):
        graph = BUILDERS[host](self.spec())
        model, _ = self.trained(graph)
        self.embed(copy.deepcopy(model), graph)
        self.draw(model, graph)
        if self.reset_repeats:
            model.reset_parameters()

    def test_reset_parameters_forgets_the_training(self, host):
        graph = BUILDERS[host](self.spec())
        model, _ = self.trained(graph)
        before = copy.deepcopy(model)
        model.reset_parameters()
        assert not agree(model, before)
        assert agree(model, self.make(graph)) is self.reset_repeats
        unseeded = self.make(graph, seed=None)
        before = copy.deepcopy(unseeded)
        unseeded.reset_parameters()
        assert not agree(unseeded, before)

    def test_an_interrupted_training_resumes_bit_for_bit(self, host, tmp_path):
        graph, path = BUILDERS[host](self.spec()), tmp_path / "state.pt"
        if not self.trained_by_fit:
            with pytest.raises(InputError, match="model: got a"):
                ge.fit(self.make(graph), checkpoint=path)
            return
        whole, expected = self.trained(graph)

        def stop(entry):
            if entry["epoch"] == 2:
                raise KeyboardInterrupt

        with pytest.warns(UserWarning, match=r"interrupted in epoch 3 of.*resumes after epoch 2"):
            self.fit(self.make(graph), graph, seed=1, checkpoint=path, on_epoch=stop)
        resumed = self.make(graph)
        found = self.fit(resumed, graph, seed=1, checkpoint=path)
        assert agree(whole, resumed)
        assert self.losses(found) == self.losses(expected)

    # --- an ordinary module

    @pytest.mark.parametrize("way", ["state_dict", "pickle", "deepcopy"])
    def test_survives_a_copy(self, host, way):
        graph = BUILDERS[host](self.spec())
        model, _ = self.trained(graph, **self.copied_with)
        emb = self.embed(model, graph).tensor
        self.draw(model, graph)  # builds what must not be sent along
        if way == "state_dict":
            file = io.BytesIO()
            torch.save(model.state_dict(), file)
            file.seek(0)
            twin = self.make(graph, **self.copied_with, seed=9)
            twin.load_state_dict(torch.load(file, weights_only=True), strict=True)
        else:
            twin = copy.deepcopy(model) if way == "deepcopy" else pickle.loads(pickle.dumps(model))
        assert type(twin) is type(model)
        assert repr(twin) == repr(model)
        assert agree(model, twin)
        assert torch.equal(self.embed(twin, graph).tensor, emb)
        if way != "state_dict":  # which holds the weights, not the random streams of a model
            self.assert_draws_agree(model, twin, graph)
            losses = [self.losses(self.fit(one, graph, seed=5)) for one in (model, twin)]
            assert losses[0] == losses[1]
            assert agree(model, twin)

    def test_other_precisions(self, host, dtype):
        graph = BUILDERS[host](self.spec())
        model, _ = self.trained(graph)
        expected = self.embed(model, graph).tensor
        assert model.to("cpu") is model
        assert model.to(dtype) is model
        assert {p.dtype for p in model.parameters()} == {dtype}
        found = self.embed(model, graph).tensor
        assert found.dtype == dtype
        rough = dtype != torch.float64
        close = {"rtol": 0.05, "atol": 0.05 * float(expected.abs().max())} if rough else {"rtol": 1e-4, "atol": 1e-5}
        torch.testing.assert_close(found.float(), expected, **close)

    def test_trains_in_other_precisions(self, host, trained_dtype):
        graph = BUILDERS[host](self.spec())
        model = self.make(graph, **self.retyped_with).to(trained_dtype)
        before = copy.deepcopy(model)
        self.fit(model, graph)
        assert {p.dtype for p in model.parameters()} == {trained_dtype}
        assert all(bool(torch.isfinite(p).all()) for p in model.parameters())
        assert not agree(before, model)

    # --- names and vectors

    def test_is_made_by_name(self, host):
        graph = BUILDERS[host](self.spec())
        named = getattr(ge, host).models()
        if self.name is None:
            assert not set(named.values()) & set(self.models)
            return
        assert self.name in ge.available_models(host)
        model = ge.create(self.name.upper(), graph, **self.created_with, seed=0)
        assert isinstance(model, self.models)
        assert agree(model, self.make(graph, seed=0))
        with pytest.raises(InputError, match=r"sead: got 0; expected an argument of"):
            ge.create(self.name, graph, **self.created_with, sead=0)

    def test_embed_has_a_row_for_each_node(self, host):
        graph = BUILDERS[host](self.spec())
        model = self.make(graph).train()
        emb = self.embed(model, graph)
        assert model.training
        assert emb.num_nodes == self.rows
        assert not emb.tensor.requires_grad
        assert bool(torch.isfinite(emb.tensor).all())
        assert torch.equal(self.embed(model, graph).tensor, emb.tensor)
        for node_type, count in self.rows.items():
            assert emb[node_type].shape == (count, self.columns)
        view = ge.view(ge.attach(graph, emb, name="vectors"))
        for node_type in self.rows:
            assert torch.equal(torch.as_tensor(view.features[node_type]["vectors"]), emb[node_type])

    # --- refusals

    def test_refuses_arguments(self, host, refused):
        arguments, message = refused
        with pytest.raises(InputError, match=message):
            self.make(BUILDERS[host](self.spec()), **arguments)

    def test_refuses_bad_calls(self, host, bad_call):
        call, message = bad_call
        graph = BUILDERS[host](self.spec())
        model = self.make(graph)
        before = copy.deepcopy(model)
        with pytest.raises(InputError, match=message):
            call(model, graph)
        assert agree(model, before)


class BoundModelCase(ModelCase):
    """A model that was made for one graph: it takes no other."""

    keeps_its_graph = True

    def test_takes_no_other_graph(self, host):
        model, other = (self.make(BUILDERS[host](self.spec())), BUILDERS[host](Spec.untyped(3, [(0, 1)])))
        with pytest.raises(InputError, match=r"graph: got a .*expected None.* the graph it was built on"):
            ge.embed(model, other)
        message = r"graph: got a .*expected None" if self.trained_by_fit else "model: got a"
        with pytest.raises(InputError, match=message):
            ge.fit(model, other, progress=False)


class FreeModelCase(ModelCase):
    """A model whose vectors depend on the graph that it is given."""

    def test_asks_for_a_graph(self, host):
        model = self.make(BUILDERS[host](self.spec()))
        with pytest.raises(InputError, match="graph: got None"):
            ge.embed(model)


class RecommenderCase(ModelCase):
    """What every recommender promises."""

    CELLS = 10

    def checkerboard(self):
        """Even users like even items, odd users odd ones; the item of a user's own number is withheld."""
        cells = range(self.CELLS)
        pairs = [(user, item) for user in cells for item in cells if user % 2 == item % 2 and user != item]
        users, items = map(list, zip(*pairs, strict=True))
        return Spec({"user": self.CELLS, "item": self.CELLS}, {("user", "likes", "item"): (users, items)})

    def test_recommends_what_was_withheld(self, host, learns):
        graph = BUILDERS[host](self.checkerboard())
        model = self.make(graph, **learns.config)
        self.fit(model, graph, **learns.training)
        users = torch.arange(self.CELLS)
        assert model.recommend(graph, k=1, exclude=True).flatten().tolist() == users.tolist()
        withheld = torch.stack([users, users])
        assert ge.evaluate.recommendation(model, graph, withheld, 1)["recall@1"] == 1.0
        best = model.recommend(graph, k=self.CELLS // 2)
        assert bool((best % 2 == users[:, None] % 2).all())

    def test_known_items_are_left_out(self, host):
        spec = self.checkerboard()
        graph = BUILDERS[host](spec)
        model = self.make(graph)
        lists = model.recommend(graph, k=self.CELLS, exclude=True).tolist()
        ((users, items),) = spec.edges.values()
        for user, row in enumerate(lists):
            known = {item for who, item in zip(users, items, strict=True) if who == user}
            assert sorted(row) == [-1] * len(known) + sorted(set(range(self.CELLS)) - known)
            assert row[len(row) - len(known) :] == [-1] * len(known)

    def test_refuses_ids_that_are_not_there(self, host):
        graph = BUILDERS[host](self.checkerboard())
        model = self.make(graph)
        for arguments, message in (
            ({"src_index": [self.CELLS]}, "src_index: got user id 10"),
            ({"src_index": [-1]}, "src_index: got user id -1"),
            ({"dst_index": [self.CELLS]}, "dst_index: got item id 10"),
            ({"k": 0}, "k: got 0"),
            ({"k": self.CELLS + 1}, "k: got 11; expected at most 10"),
        ):
            with pytest.raises(InputError, match=message):
                model.recommend(graph, **arguments)

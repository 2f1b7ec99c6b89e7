"""MetaPath2Vec with DGL's conventions, on both hosts."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import pytest
import torch
from torch.optim import SparseAdam
from torch.utils.data import DataLoader

import graphembed_ext as ge
from graphembed_ext.models.metapath2vec import visits
from tests.cases import Variant
from tests.graphs import Spec
from tests.model_cases import BoundModelCase

dgl = pytest.importorskip("dgl")

EDGES = {
    ("author", "writes", "paper"): ([0, 0, 1, 2, 2, 3], [0, 1, 1, 2, 3, 3]),
    ("paper", "written_by", "author"): ([0, 1, 1, 2, 3, 3], [0, 0, 1, 2, 2, 3]),
    ("paper", "in", "venue"): ([0, 1, 2, 3], [0, 0, 1, 1]),
    ("venue", "of", "paper"): ([0, 0, 1, 1], [0, 1, 2, 3]),
    ("paper", "cites", "paper"): ([0, 1], [1, 2]),
}
COUNTS = {"author": 5, "paper": 5, "venue": 3, "zone": 2}  # the last of each type is isolated, all zones are
APA = ["writes", "written_by"]
APVPA = ["writes", "in", "of", "written_by"]


def graph(host: str = "dgl"):
    edges = {edge_type: torch.tensor(ids) for edge_type, ids in EDGES.items()}
    return ge.to_host(ge.view(edges, num_nodes=COUNTS), host)


def model(host: str = "dgl", metapath=APVPA, window_size: int = 2, **options) -> ge.MetaPath2Vec:
    return ge.MetaPath2Vec(graph(host), metapath, window_size, **{"emb_dim": 8, "seed": 0, **options})


def loop_pairs(walk: list[int], window: int) -> list[tuple[int, int]]:
    nodes = walk[: walk.index(-1)] if -1 in walk else walk
    return [
        (u, v) for i, u in enumerate(nodes) for j, v in enumerate(nodes) if i != j and i - window <= j <= i + window
    ]


#: Metapaths that cannot be walked.
REFUSED = [
    (
        ["writes", "of"],
        r"metapath step 2 cannot follow step 1: \('author', 'writes', 'paper'\) ends at 'paper', but "
        r"\('venue', 'of', 'paper'\) starts at 'venue'. Hint: from 'paper' this graph offers 'cites', 'in', 'writt",
    ),
    (["likes"], "metapath step 1 is 'likes', a relation that this graph lacks. Hint: this graph has 'cites', 'in'"),
    ([("author", "likes", "paper")], "an edge type that this graph lacks. Hint: from 'author' .* offers 'writes'"),
    ([APA, ["writes", "of"]], "metapath 2, step 2 cannot follow"),
    ([], "at least one edge type"),
    ("writes", "a list of at least one edge type"),
    (("author", "writes", "paper"), "is a path of one step"),
]


class TestMetaPath2Vec(BoundModelCase):
    """The contract of a model, see tests/model_cases.py."""

    models = (ge.MetaPath2Vec,)
    name = "metapath2vec"
    created_with: ClassVar = {"metapath": APVPA, "window_size": 2, "emb_dim": 8}
    training: ClassVar = {"epochs": 3, "batch_size": 2, "deterministic": True}
    retyped_with: ClassVar = {"sparse": False}  # torch adds no sparse gradients of half precision
    rows: ClassVar = COUNTS
    columns = 8
    variants_that_learn: ClassVar = [
        Variant(name, config, {"epochs": 60, "lr": 0.05})
        for name, config in {
            "default": {},
            "typed negatives": {"typed_negatives": True},
            "long walks": {"walk_length": 20, "window_size": 5},
        }.items()
    ]
    variants_alike: ClassVar = [
        Variant("dgl", {"engine": "dgl"}),
        Variant("torch", {"engine": "torch"}),
        Variant("typed negatives", {"typed_negatives": True}),
        Variant("long walks", {"walk_length": 13}),
    ]
    refused_arguments: ClassVar = [
        ({"window_size": 4, "metapath": APA}, "window_size: got 4; expected at most 3, as the metapath has 2 steps"),
        ({"window_size": 0}, "window_size: got 0"),
        ({"negative_size": 0}, "negative_size"),
        ({"emb_dim": -1}, "emb_dim"),
        ({"sparse": 1}, "sparse"),
        ({"typed_negatives": "yes"}, "typed_negatives"),
        ({"engine": "cuda"}, "engine"),
        ({"seed": -1}, "seed"),
        ({"walk_length": 1}, "at most 1, as a walk has 1 nodes"),
        *(({"metapath": path}, message) for path, message in REFUSED),
    ]
    bad_calls: ClassVar = [
        (lambda model, g: model.sample([5]), "node ids of type 'author' from 0 to 4"),
        (lambda model, g: model.sample([-1]), "starts: got node -1"),
        (lambda model, g: model(*ids([0], [15], [[0]])), "pos_v: got node id 15"),
        (lambda model, g: model(*ids([-1], [0], [[0]])), "pos_u: got node id -1"),
        (lambda model, g: model(*ids([0], [0], [[15]])), "neg_v: got node id 15"),
    ]

    def spec(self):
        return Spec(COUNTS, EDGES)

    def make(self, graph, **config):
        return ge.MetaPath2Vec(graph, **{**self.created_with, "seed": 0, **config})

    def draw(self, model, graph):
        batch = model.sample(torch.arange(5))
        return [*batch, model(*batch).detach(), *model.loader(batch_size=2)]

    def check_structure(self, model, graph, result):
        emb = ge.embed(model)
        assert emb.most_similar(0, node_type="author", k=1)[0][0] == 1
        assert emb.most_similar(2, node_type="author", k=1)[0][0] == 3


def ids(*values):
    return [torch.tensor(value) for value in values]


def test_the_example_of_the_document_runs():
    g = dgl.heterograph(
        {
            ("user", "uc", "company"): dgl.rand_graph(100, 1000).edges(),
            ("company", "cp", "product"): dgl.rand_graph(100, 1000).edges(),
            ("company", "cu", "user"): dgl.rand_graph(100, 1000).edges(),
            ("product", "pc", "company"): dgl.rand_graph(100, 1000).edges(),
        }
    )
    from graphembed_ext.dgl import MetaPath2Vec

    found = MetaPath2Vec(g, ["uc", "cu"], window_size=1)
    loader = DataLoader(torch.arange(g.num_nodes("user")), batch_size=128, shuffle=True, collate_fn=found.sample)
    optimizer = SparseAdam(found.parameters(), lr=0.025)
    for pos_u, pos_v, neg_v in loader:
        loss = found(pos_u, pos_v, neg_v)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    user_nids = torch.LongTensor(found.local_to_global_nid["user"])
    assert found.node_embed(user_nids).shape == (100, 128)
    assert neg_v.shape == (len(pos_u), 5)
    assert found.hg is g
    assert found.g is g
    assert found.node_metapath == ["user", "company", "user"]


@pytest.mark.parametrize("window", [1, 2, 3, 5])
@pytest.mark.parametrize("lengths", [[9, 9, 9], [9, 4, 1], [2, 1, 1]])
def test_pairs_are_those_of_a_plain_loop(window, lengths):
    found = model(window_size=window, walk_length=9, metapath=APA)
    generator = torch.Generator().manual_seed(0)
    walks = torch.randint(0, 15, (3, 9), generator=generator)
    for walk, length in zip(walks, lengths, strict=True):
        walk[length:] = -1
    pos_u, pos_v = found.pairs_of(walks)
    expected = [pair for walk in walks.tolist() for pair in loop_pairs(walk, window)]
    assert list(zip(pos_u.tolist(), pos_v.tolist(), strict=True)) == expected


@pytest.mark.parametrize("host", ["dgl", "pyg"])
def test_sample_gives_the_pairs_of_walks_on_the_graph(host):
    pos_u, pos_v, neg_v = model(host, walk_length=9, window_size=1).sample(torch.arange(4))
    offsets = ge.view(graph(host)).offsets
    edges = {
        (s + offsets[t[0]], d + offsets[t[2]]) for t, (src, dst) in EDGES.items() for s, d in zip(src, dst, strict=True)
    }
    pairs = Counter(zip(pos_u.tolist(), pos_v.tolist(), strict=True))
    assert set(pairs) <= edges
    assert pairs == Counter({(v, u): n for (u, v), n in pairs.items()})  # windows are symmetric
    assert neg_v.shape == (4 * 16, 5)


def test_both_hosts_give_the_same_pairs_noise_and_loss():
    samples = [model(host, engine="dgl").sample(torch.arange(5)) for host in ("dgl", "pyg")]
    assert all(torch.equal(a, b) for a, b in zip(*samples, strict=True))
    losses = [model(host)(*samples[0]) for host in ("dgl", "pyg")]
    assert torch.equal(*losses)


@pytest.mark.parametrize("engine", ["dgl", "torch"])
@pytest.mark.parametrize("options", [{}, {"typed_negatives": True}, {"walk_length": 13}])
def test_parity_of_the_hosts(engine, options):
    report = ge.parity.report(
        "metapath2vec", graph("dgl"), graph("pyg"), metapath=APVPA, window_size=2, emb_dim=8, engine=engine, **options
    )
    assert report.ok, str(report)
    assert report.engine == engine


def test_the_loss_of_walks_is_that_of_their_pairs():
    found = model(walk_length=9)
    torch.nn.init.normal_(found.context_embed.weight, generator=torch.Generator().manual_seed(1))
    walks = next(iter(found.loader(batch_size=5)))
    pos_u, pos_v = found.pairs_of(walks)
    noise = torch.randint(0, 15, (len(pos_u), 5), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(found.loss(walks, noise, preset="dgl"), found(pos_u, pos_v, noise))


def test_walks_without_pairs_cost_nothing():
    found = model()
    pos_u, pos_v, neg_v = found.sample(torch.tensor([4]))  # isolated
    assert (len(pos_u), len(pos_v), neg_v.shape) == (0, 0, (0, 5))
    loss = found(pos_u, pos_v, neg_v)
    loss.backward()
    assert loss == 0


def test_a_single_pair_works():
    loss = model()(torch.tensor([0]), torch.tensor([5]), torch.tensor([[6]]))
    assert round(loss.item(), 4) == 1.3863  # 2 ln 2


def test_noise_is_in_proportion_to_expected_visits():
    found = model(engine="torch")
    walks = found.walker.walk(torch.arange(5).repeat(20000), 5, stream=0).nodes
    counted = torch.bincount(walks[walks >= 0], minlength=15) / 20000
    wanted = visits(found.walker, 5)
    reached = counted > 0
    torch.testing.assert_close(counted[reached].double(), wanted[reached], rtol=0.03, atol=0.02)
    torch.testing.assert_close(found.neg_prob, wanted**0.75 / (wanted**0.75).sum())


@pytest.mark.parametrize("weight", [None, {t: torch.arange(1.0, 1 + len(e[0])) for t, e in EDGES.items()}])
def test_visits_of_a_weighted_walk_by_hand(weight):
    found = model(metapath=["writes"], window_size=1, weight=weight)
    half = 0.5 if weight is None else 1 / 3
    to_paper = 0.5 if weight is None else 4 / 9
    papers = [half, 1 - half + 1, to_paper, 1 - to_paper + 1]
    expected = torch.tensor([1.0] * 5 + [*papers, min(1.0, *papers)] + [0.0] * 5, dtype=torch.float64)
    torch.testing.assert_close(visits(found.walker, 2), expected)


def test_nodes_never_visited_keep_a_chance_and_types_off_the_path_have_none():
    probability = model().neg_prob
    assert probability.shape == (15,)
    assert (probability[:13] > 0).all()
    assert (probability[13:] == 0).all()
    assert probability[9] == probability[:13].min()  # the isolated paper


def test_noise_is_drawn_as_stated():
    found = model()
    drawn = found._draw(200_000, None, 7)
    frequency = torch.bincount(drawn, minlength=15) / len(drawn)
    torch.testing.assert_close(frequency.double(), found.neg_prob, atol=0.005, rtol=0)


def test_typed_noise_is_of_the_contexts_type():
    found = model(typed_negatives=True)
    _, pos_v, neg_v = found.sample(torch.arange(5))
    ends = torch.tensor([5, 10, 13, 15])
    assert torch.equal(
        torch.bucketize(neg_v, ends, right=True), torch.bucketize(pos_v, ends, right=True)[:, None].expand_as(neg_v)
    )
    drawn = found._draw(50_000, torch.full((50_000,), 5), 3)
    expected = found.neg_prob[5:10] / found.neg_prob[5:10].sum()
    torch.testing.assert_close(torch.bincount(drawn - 5, minlength=5).double() / 50_000, expected, atol=0.01, rtol=0)


def test_the_typed_loss_of_walks_takes_noise_of_each_pairs_context():
    found = model(typed_negatives=True, walk_length=5)
    torch.nn.init.normal_(found.context_embed.weight, generator=torch.Generator().manual_seed(1))
    walks = torch.tensor([[0, 5, 10, 6, 1], [2, 7, -1, -1, -1]])
    noise = found._draw_negatives(walks, walks >= 0, False, 5)
    assert noise.shape == (2, 5, 5)
    pos_u, pos_v = found.pairs_of(walks)
    where = {(w, int(node)): noise[w, i] for w in range(2) for i, node in enumerate(walks[w]) if node >= 0}
    owner = [w for w, walk in enumerate(walks.tolist()) for _ in loop_pairs(walk, 2)]
    per_pair = torch.stack([where[w, int(v)] for w, v in zip(owner, pos_v, strict=True)])
    torch.testing.assert_close(found.loss(walks, preset="dgl", stream=5), found(pos_u, pos_v, per_pair))


def test_several_metapaths_at_once():
    found = model(metapath=[APA, APVPA], engine="torch")
    assert found.node_metapath == [["author", "paper", "author"], ["author", "paper", "venue", "paper", "author"]]
    walks = torch.cat(list(found.loader(batch_size=4)))
    assert walks.shape == (10, 5)
    assert ((walks >= 0).sum(1) == 3).sum() == 4  # a walk along the short one is through after 3 nodes
    pos_u, _, _ = found.sample([0, 1])
    assert len(pos_u) == 2 * 6 + 2 * 14


def test_several_metapaths_from_several_types():
    found = model(metapath=[APA, ["of", "in"]], engine="torch", window_size=1)
    for starts in ({"author": [0], "venue": [1]}, [("author", 0), ("venue", 1)]):
        pos_u, _, _ = found.sample(starts)
        assert len(pos_u) == 8
    with pytest.raises(ge.errors.InputError, match=r"metapaths start from \['author', 'venue'\]"):
        found.sample([0])
    with pytest.raises(ge.errors.InputError, match="nodes of type 'paper'"):
        found.sample({"paper": [0]})
    assert ge.fit(found, epochs=1, progress=False).tokens > 0


def test_a_metapath_need_not_come_back():
    found = model(metapath=["writes", "in"])
    walks = next(iter(found.loader(batch_size=9)))
    assert walks.shape == (5, 3)
    with pytest.raises(ge.errors.InputError, match="cannot be gone round"):
        model(metapath=["writes", "in"], walk_length=6)


def test_a_shared_relation_name_is_accepted_as_a_triple():
    edges = torch.tensor([[0, 1], [1, 0]])
    shared = {("a", "to", "b"): edges, ("b", "to", "a"): edges}
    with pytest.raises(ge.errors.MetapathError, match=r"2 edge types share. Hint: write \('a', 'to', 'b'\) or \('b'"):
        ge.MetaPath2Vec(shared, ["to"], 1)
    found = ge.MetaPath2Vec(shared, [("a", "to", "b"), ("b", "to", "a")], 1, seed=0)
    assert len(found.sample([0])[0]) == 4


def test_the_rule_of_the_document_is_met_at_its_edge():
    assert len(model(metapath=APA, window_size=3).sample([0])[0]) == 6


def test_a_long_walk_serves_a_wide_window():
    assert model(metapath=APA, window_size=6, walk_length=20).walk_length == 20


def test_fit_does_not_depend_on_workers():
    tables = []
    for workers in (0, 1):
        found = model("pyg", engine="torch")
        ge.fit(found, epochs=2, batch_size=2, seed=1, num_workers=workers, progress=False, deterministic=True)
        tables.append(found.node_embed.weight)
    assert torch.equal(*tables)


def test_state_dict():
    assert {name: tuple(value.shape) for name, value in model().state_dict().items()} == {
        "node_embed.weight": (15, 8),
        "context_embed.weight": (15, 8),
    }


def test_edge_types_of_add_metapaths():
    """PyG's transform keeps the steps in metapath_dict, as the user wrote them: pairs of node types here."""
    from torch_geometric.data import HeteroData
    from torch_geometric.transforms import AddMetaPaths

    writes = torch.tensor([[0, 0, 1, 2, 2, 3], [0, 1, 1, 2, 3, 3]])
    data = HeteroData({"author": {"num_nodes": 4}, "paper": {"num_nodes": 4}})
    data["author", "writes", "paper"].edge_index = writes
    data["paper", "by", "author"].edge_index = writes.flip(0)
    steps = [("paper", "author"), ("author", "paper")]
    whole = (("paper", "by", "author"), ("author", "writes", "paper"))
    key = ("paper", "metapath_0", "paper")
    made = AddMetaPaths([steps])(data)
    for path in (key, made.metapath_dict[key], made.metapath_dict, [["by", "writes"]]):
        assert ge.MetaPath2Vec(made, path, 2).walker.metapaths == (whole,)
    assert ge.MetaPath2Vec(made, [key], 2).walker.metapaths == ((key,),)
    assert ge.MetaPath2Vec(data, steps, 2).walker.metapaths == (whole,)
    assert ge.pyg.MetaPath2Vec(made, 4, key, walk_length=4, context_size=2).walker.metapaths == (whole,)
    del made[key]
    assert ge.MetaPath2Vec(made, [key], 2).walker.metapaths == (whole,)
    with pytest.raises(
        ge.errors.MetapathError, match=r"metapath_0.* this graph lacks.*data.metapath_dict\[edge_type\]"
    ):
        ge.MetaPath2Vec(data, [key], 2)
    gone = AddMetaPaths([steps], drop_orig_edge_types=True)(data)
    with pytest.raises(ge.errors.InputError, match="from 'paper' to 'author'"):
        ge.MetaPath2Vec(gone, gone.metapath_dict, 2)


def test_samples_of_more_positions_than_the_tables_have_rows():
    edges = torch.tensor([[0, 1], [0, 1]])
    graph = {("user", "buys", "item"): edges, ("item", "bought", "user"): edges.flip(0)}
    model = ge.MetaPath2Vec(ge.view(graph), ["buys", "bought"], window_size=1, emb_dim=4, seed=0)
    centre, context, _ = model.sample([0, 1, 0, 1])  # walks of three nodes: twelve positions, four rows
    assert len(centre) == 16
    assert bool((centre < 4).all())
    assert bool((context < 4).all())

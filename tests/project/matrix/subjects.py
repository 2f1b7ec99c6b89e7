"""What the matrix calls: every public function and class, with arguments that work, and the methods users call."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import torch

import graphembed_ext as ge
import graphembed_ext.dgl
import graphembed_ext.pyg
from graphembed_ext import callbacks, exports, index, plots, readers
from graphembed_ext.nn.lgconv import LGConv
from graphembed_ext.training.fitting import options_of
from tests import graphs

from .values import VALUES

#: Arguments by which a user asks for so much work: however much is right.
WORK = {"epochs", "repeats", "steps", "patience", "validate_every"}
LARGE = {"2**31", "10**15", "2**63 - 1", "2**63", "10**30"}
#: Arguments that may be a function of a user's own.
OWN_FUNCTIONS = {"on_epoch", "loss", "preset", "log"}
#: Arguments that are never called wrongly: they hand on any name.
KINDS = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Subject:
    """Something to call.

    Args:
        name: Its name in the report.
        make: Makes a pair of what to call, and arguments that work.
        peer: The same for the class of DGL or PyG that it stands in for: its errors may be ours.
        more: Further arguments beside those of the signature.
    """

    def __init__(self, name, make, peer=None, more=()):
        self.name, self.prepared, self.peer = name, make, peer
        call, self.arguments = make()
        if isinstance(call, torch.nn.Module):
            call = call.forward
        found = [p for p in inspect.signature(call).parameters.values() if p.kind not in KINDS and p.name[0] != "_"]
        self.parameters = [*(p.name for p in found), *more]

    def values(self, parameter):
        """Names and makers of the values to try."""
        without = LARGE | {"None"} if parameter in WORK else set()
        # what a user's own function raises is the user's
        without |= {"a module of torch", "a class"} if parameter in OWN_FUNCTIONS else set()
        return [pair for pair in VALUES.items() if pair[0] not in without]


class Log:
    """A run of Weights & Biases."""

    def log(self, figures, step):
        pass


def ring():
    return torch.stack([torch.arange(10), (torch.arange(10) + 1) % 10])


def people():
    graph = graphs.build_pyg(graphs.people())
    for number, part in enumerate(("train", "val", "test")):
        graph[f"{part}_mask"] = torch.arange(10) % 3 == number
    return graph


def camps():
    return graphs.build_pyg(graphs.camps())


def world():
    return graphs.build_pyg(graphs.world())


def embeddings():
    return ge.Embeddings(torch.randn(10, 4), names={"_N": [f"n{k}" for k in range(10)]})


def deepwalk(**config):
    return ge.DeepWalk(ring(), **{"emb_dim": 4, "walk_length": 5, "window_size": 2, "seed": 0} | config)


def metapath2vec():
    return ge.MetaPath2Vec(camps(), ["likes", "liked_by"], 2, emb_dim=4, seed=0)


def sage(**config):
    return ge.GraphSAGE(4, 4, 2, 3, seed=0, **config)


def typed_sage():
    return ge.TypedGraphSAGE({"paper": 4, "author": 8, "venue": -1}, 4, 2, 2, metadata=METADATA, target="paper", seed=0)


METADATA = (
    ["author", "paper", "venue"],
    [("author", "writes", "paper"), ("paper", "by", "author"), ("paper", "in", "venue"), ("venue", "shows", "paper")],
)
PAPERS = (["paper"], [("paper", "PAP", "paper")])


def han():
    return ge.HAN.for_graph(world(), 4, 2, metapaths=graphs.PATHS, target="paper", heads=2, seed=0)


def lightgcn():
    model = ge.LightGCN.for_graph(camps(), 4, 2, seed=0)
    model.adopt(camps())
    return model


def x_of_papers():
    return {"paper": torch.randn(7, 4)}


def edges_of_papers():
    return {PAPERS[1][0]: torch.randint(7, (2, 20))}


def saved():
    path = Path("embeddings.npz").absolute()
    embeddings().save(path)
    return path


def checkpoint():
    path = Path("weights.pt").absolute()
    ge.checkpoint.save(deepwalk(), path)
    return path


def edge_list():
    path = Path("edges.txt").absolute()
    path.write_text("a b\nb c\nc a\n")
    return path


def on(make, method, **arguments):
    """A method of an object made anew for every case."""
    return lambda: (getattr(make(), method), {name: value() for name, value in arguments.items()})


def of(call, **arguments):
    """A function or class; arguments are made anew for every case."""
    return lambda: (call, {name: value() for name, value in arguments.items()})


def plain(value):
    return lambda: value


def peer(package, name):
    """A class of a peer, imported when it is asked for."""

    def make(**arguments):
        import importlib

        return getattr(importlib.import_module(package), name)(**arguments)

    return make


ids, rows = lambda: torch.tensor([0, 1]), lambda: torch.randn(10, 4)
pairs = lambda: torch.tensor([[0, 1], [1, 2]])  # noqa: E731
history = lambda: [{"epoch": 1, "loss": 2.0, "val_recall@20": 0.1}, {"epoch": 2, "loss": 1.0, "val_recall@20": 0.2}]  # noqa: E731
_PYG, _DGL = "torch_geometric.nn", "dgl.nn"


def dgl_ring():
    import dgl

    return dgl.graph(tuple(ring()))


def sizes_of_han():
    return {"in_channels": plain(4), "out_channels": plain(4), "metadata": plain(PAPERS)}


def _fits():
    trained = {
        "DeepWalk": (deepwalk, plain(None)),
        "MetaPath2Vec": (metapath2vec, plain(None)),
        "GraphSAGE, labels": (sage, people),
        "GraphSAGE, links": (lambda: ge.GraphSAGE(4, 4, 2, seed=0), lambda: _bare(people())),
        "HAN": (han, world),
        "LightGCN": (lambda: ge.LightGCN.for_graph(camps(), 4, 2, seed=0), camps),
    }
    for name, (model, graph) in trained.items():
        arguments = {"model": model, "graph": graph, "epochs": plain(1), "progress": plain(False)}
        yield Subject(f"ge.fit, {name}", of(ge.fit, **arguments), more=options_of(model()))


def _bare(graph):
    for part in ("train", "val", "test"):
        del graph[f"{part}_mask"]
    return graph


def _models():
    walk = {"emb_dim": plain(4), "walk_length": plain(5), "window_size": plain(2), "seed": plain(0)}
    yield Subject("ge.DeepWalk", of(ge.DeepWalk, g=ring, **walk))
    yield Subject("dgl.DeepWalk", of(ge.dgl.DeepWalk, g=dgl_ring, **walk))
    yield Subject("DeepWalk.sample", on(deepwalk, "sample", indices=ids))
    yield Subject("DeepWalk.forward", on(deepwalk, "forward", batch_walk=lambda: deepwalk().sample(torch.arange(10))))
    yield Subject("DeepWalk.loss", on(deepwalk, "loss", batch_walk=lambda: deepwalk().sample(torch.arange(10))))
    yield Subject("DeepWalk.loader", on(deepwalk, "loader"), more=("batch_size", "shuffle", "num_workers"))
    path = {"metapath": plain(["likes", "liked_by"]), "window_size": plain(2), "emb_dim": plain(4)}
    yield Subject("ge.MetaPath2Vec", of(ge.MetaPath2Vec, g=camps, **path))
    yield Subject("MetaPath2Vec.sample", on(metapath2vec, "sample", indices=ids))
    yield Subject("MetaPath2Vec.pairs_of", on(metapath2vec, "pairs_of", walks=lambda: torch.tensor([[0, 7, 1]])))
    given = {"pos_u": ids, "pos_v": ids, "neg_v": lambda: torch.ones(2, 5, dtype=torch.int64)}
    yield Subject("MetaPath2Vec.forward", on(metapath2vec, "forward", **given))
    three = {"in_channels": plain(4), "hidden_channels": plain(4), "num_layers": plain(2)}
    extra = ("aggr", "normalize", "root_weight", "project", "bias")
    yield Subject("ge.GraphSAGE", of(ge.GraphSAGE, **three), of(peer(_PYG, "GraphSAGE"), **three), more=extra)
    yield Subject("GraphSAGE.for_graph", of(ge.GraphSAGE.for_graph, graph=people))
    x = {"x": rows, "edge_index": ring}
    theirs = lambda: peer(_PYG, "GraphSAGE")(in_channels=4, hidden_channels=4, num_layers=2)  # noqa: E731
    yield Subject("GraphSAGE.forward", on(sage, "forward", **x), on(theirs, "forward", **x))
    yield Subject("GraphSAGE.inference", on(sage, "inference", graph=people))
    typed = three | {"in_channels": plain({"paper": 4, "author": 8, "venue": 3}), "metadata": plain(METADATA)}
    yield Subject("ge.TypedGraphSAGE", of(ge.TypedGraphSAGE, **typed, target=plain("paper")))
    yield Subject("dgl.GraphSAGE", of(ge.dgl.GraphSAGE, **three), of(peer(_PYG, "GraphSAGE"), **three))
    of_dgl = lambda: ge.dgl.GraphSAGE(4, 4, 2, seed=0)  # noqa: E731
    yield Subject("dgl.GraphSAGE.forward", on(of_dgl, "forward", g=dgl_ring, x=rows))
    conv = {"in_channels": plain(4), "hidden_channels": plain(4), "out_channels": plain(2)}
    yield Subject("ge.HANConv", of(ge.HANConv, **sizes_of_han()))
    yield Subject("dgl.HANConv", of(ge.dgl.HANConv, **sizes_of_han()))
    heterograph = three | {"in_channels": plain({"paper": 4, "author": 8, "venue": 3}), "metadata": plain(METADATA)}
    yield Subject("dgl.TypedGraphSAGE", of(ge.dgl.TypedGraphSAGE, **heterograph, target=plain("paper")))
    yield Subject("ge.HAN", of(ge.HAN, **conv, metadata=plain(PAPERS), heads=plain(2)))
    on_world = {"graph": world, "metapaths": plain(graphs.PATHS), "target": plain("paper"), "hidden_channels": plain(8)}
    yield Subject("HAN.for_graph", of(ge.HAN.for_graph, **on_world))
    direct = lambda: ge.HAN(4, 4, 2, PAPERS, heads=2, seed=0)  # noqa: E731
    yield Subject("HAN.forward", on(direct, "forward", x_dict=x_of_papers, edge_index_dict=edges_of_papers))
    yield Subject("HAN.embeddings", on(han, "embeddings", graph=world))
    yield Subject("HAN.semantic_attention", on(han, "semantic_attention", graph=world))
    light = {"num_nodes": plain(13), "embedding_dim": plain(4), "num_layers": plain(2)}
    yield Subject("ge.LightGCN", of(ge.LightGCN, **light), of(peer(_PYG, "LightGCN"), **light))
    yield Subject("LightGCN.for_graph", of(ge.LightGCN.for_graph, graph=camps, embedding_dim=plain(4)))
    made = lambda: ge.LightGCN(13, 4, 2, seed=0)  # noqa: E731
    theirs = lambda: peer(_PYG, "LightGCN")(**{name: value() for name, value in light.items()})  # noqa: E731
    edges = {"edge_index": lambda: torch.tensor([[0, 1, 6, 7], [6, 7, 0, 1]])}
    for method in ("get_embedding", "forward", "predict_link"):
        yield Subject(f"LightGCN.{method}", on(made, method, **edges), on(theirs, method, **edges))
    asked = {"src_index": ids, "k": plain(2)}
    yield Subject("LightGCN.recommend", on(made, "recommend", **edges, **asked), on(theirs, "recommend", **edges))
    yield Subject("LightGCN.recommend, of a graph", on(lightgcn, "recommend", src_index=ids, k=plain(2)))
    yield Subject("LightGCN.top", on(lightgcn, "top"))
    new = {"history": lambda: torch.tensor([[0, 0], [1, 2]])}
    yield Subject("LightGCN.recommend_new", on(lightgcn, "recommend_new", edge_index=camps, **new))
    yield Subject("LightGCN.embed_new_users", on(lightgcn, "embed_new_users", edge_index=camps, **new))
    scores = {"pos_edge_rank": lambda: torch.randn(3), "neg_edge_rank": lambda: torch.randn(3)}
    scores |= {"node_id": ids}
    method = "recommendation_loss"
    yield Subject(f"LightGCN.{method}", on(made, method, **scores), on(theirs, method, **scores))
    judged = {"pred": lambda: torch.randn(3), "edge_label": lambda: torch.ones(3)}
    method = "link_pred_loss"
    yield Subject(f"LightGCN.{method}", on(made, method, **judged), on(theirs, method, **judged))
    yield Subject("LightGCN.interactions", on(lightgcn, "interactions", graph=camps))
    yield Subject("LightGCN.embeddings", on(lightgcn, "embeddings", graph=camps))


def _drop_ins():
    given = {"edge_index": ring, "embedding_dim": plain(4), "walk_length": plain(5), "context_size": plain(3)}
    # PyG's Node2Vec itself wants pyg-lib or torch_cluster, which may be absent: its errors are no excuse
    yield Subject("pyg.Node2Vec", of(ge.pyg.Node2Vec, **given))
    node2vec = lambda: ge.pyg.Node2Vec(ring(), 4, 5, 3, seed=0)  # noqa: E731
    walks = {"pos_rw": lambda: torch.tensor([[0, 1, 2]]), "neg_rw": lambda: torch.tensor([[0, 5, 6]])}
    yield Subject("pyg.Node2Vec.loss", on(node2vec, "loss", **walks))
    yield Subject("pyg.Node2Vec.forward", on(node2vec, "forward"))
    for method in ("pos_sample", "neg_sample", "sample"):
        yield Subject(f"pyg.Node2Vec.{method}", on(node2vec, method, batch=ids))
    yield Subject("pyg.Node2Vec.loader", on(node2vec, "loader"), more=("batch_size", "shuffle", "num_workers"))
    edges = {t: torch.stack(e) for t, e in ge.view(camps()).edges.items()}
    path = [("user", "likes", "item"), ("item", "liked_by", "user")]
    given = {"edge_index_dict": plain(edges), "embedding_dim": plain(4), "metapath": plain(path)}
    given |= {"walk_length": plain(4), "context_size": plain(2)}
    yield Subject("pyg.MetaPath2Vec", of(ge.pyg.MetaPath2Vec, **given), of(peer(_PYG, "MetaPath2Vec"), **given))
    metapath2vec = lambda: ge.pyg.MetaPath2Vec(edges, 4, path, 4, 2, seed=0)  # noqa: E731
    yield Subject("pyg.MetaPath2Vec.loss", on(metapath2vec, "loss", **walks))
    yield Subject("pyg.MetaPath2Vec.forward", on(metapath2vec, "forward", node_type=plain("user")))
    sizes = {"in_channels": plain(4), "out_channels": plain(4)}
    yield Subject("pyg.SAGEConv", of(ge.pyg.SAGEConv, **sizes), of(peer(_PYG, "SAGEConv"), **sizes))
    x = {"x": rows, "edge_index": ring}
    for name in ("SAGEConv", "LGConv"):
        options = {} if name == "LGConv" else {"in_channels": 4, "out_channels": 4}
        ours = {"SAGEConv": ge.pyg.SAGEConv, "LGConv": LGConv}[name]
        make = lambda ours=ours, options=options: ours(**options)  # noqa: E731
        theirs = lambda name=name, options=options: peer(_PYG, name)(**options)  # noqa: E731
        yield Subject(f"pyg.{name}.forward", on(make, "forward", **x), on(theirs, "forward", **x))
    sizes |= {"metadata": plain(PAPERS)}
    yield Subject("pyg.HANConv", of(ge.pyg.HANConv, **sizes), of(peer(_PYG, "HANConv"), **sizes))
    both = {"x_dict": x_of_papers, "edge_index_dict": edges_of_papers}
    ours, theirs = (lambda make=make: make(in_channels=4, out_channels=4, metadata=PAPERS) for make in
                    (ge.pyg.HANConv, peer(_PYG, "HANConv")))  # fmt: skip
    yield Subject("pyg.HANConv.forward", on(ours, "forward", **both), on(theirs, "forward", **both))
    sizes = {"in_feats": plain(4), "out_feats": plain(4), "aggregator_type": plain("mean")}
    yield Subject("dgl.SAGEConv", of(ge.dgl.SAGEConv, **sizes), of(peer(_DGL, "SAGEConv"), **sizes))
    given = {"graph": dgl_ring, "feat": rows}
    ours, theirs = (lambda make=make: make(in_feats=4, out_feats=4, aggregator_type="mean") for make in
                    (ge.dgl.SAGEConv, peer(_DGL, "SAGEConv")))  # fmt: skip
    yield Subject("dgl.SAGEConv.forward", on(ours, "forward", **given), on(theirs, "forward", **given))


def _functions():
    yield Subject("ge.view", of(ge.view, graph=ring), more=("num_nodes",))
    yield Subject("ge.to_host", of(ge.to_host, graph=ring, host=plain("pyg")))
    yield Subject("ge.attach", of(ge.attach, graph=people, embeddings=rows))
    yield Subject("ge.create", of(ge.create, name=plain("deepwalk"), graph=ring), more=("emb_dim", "walk_length"))
    yield Subject("ge.embed", of(ge.embed, model=deepwalk))
    yield Subject("ge.embed, GraphSAGE", of(ge.embed, model=sage, graph=people))
    yield Subject("ge.available_models", of(ge.available_models))
    yield Subject("ge.register_host", of(_register_host, name=plain("x"), module=plain("x"), packages=plain(("x",))))
    paths = {"graph": world, "metapaths": plain(graphs.PATHS)}
    yield Subject("ge.metapath_edges", of(ge.metapath_edges, **paths))
    yield Subject("ge.neighbor_loader", of(_batches, graph=people, fanouts=plain([2, 2])), more=LOADER)
    yield Subject(
        "ge.neighbor_loader, typed", of(_batches, graph=world, fanouts=plain([2]), nodes=plain(("paper", None)))
    )
    yield Subject("ge.GraphView", of(ge.GraphView, num_nodes=plain({"_N": 10}), edges=_view_edges))
    yield Subject("GraphView.edge_index", on(_view, "edge_index"))
    yield Subject("GraphView.csr", on(_view, "csr"))
    yield Subject("walks.random_walk", of(ge.walks.random_walk, graph=ring, starts=ids, walk_length=plain(5)))
    uphill = of(ge.walks.random_walk, graph=ring, starts=ids, walk_length=plain(5), engine=plain("torch"))
    yield Subject("walks.random_walk, torch", uphill)
    yield Subject("walks.stream", of(_streamed, graph=ring, walk_length=plain(5)), more=STREAM)
    yield Subject("walks.Walker", of(ge.walks.Walker, view=_view))
    walker = lambda: ge.walks.Walker(_view())  # noqa: E731
    yield Subject("Walker.walk", on(walker, "walk", starts=ids, walk_length=plain(5), stream=plain(0)))
    yield Subject("walks.check_starts", of(ge.walks.check_starts, starts=ids, num_nodes=plain(10)))


LOADER = ("batch_size", "nodes", "y", "features", "edge_weight", "weight", "replace", "shuffle", "drop_last")
LOADER += ("prefetch", "seed")
STREAM = ("walk_length", "starts", "batch_size", "shuffle", "prefetch", "num_workers", "engine", "seed", "p", "q")
STREAM += ("weight", "restart", "metapath")


def _batches(graph, fanouts, **options):
    return next(iter(ge.neighbor_loader(graph, fanouts, **options)), None)


def _streamed(graph, **options):
    return next(iter(ge.walks.stream(graph, **options)))


def _view():
    return ge.view(ring(), num_nodes=10)


def _view_edges():
    return {("_N", "_E", "_N"): tuple(ring())}


def _register_host(name, module, packages):
    from graphembed_ext.hosts import registry

    before = dict(registry._ADAPTERS)
    try:
        ge.register_host(name, module, packages)
    finally:
        registry._ADAPTERS.clear()
        registry._ADAPTERS.update(before)


def featured():
    return ge.GraphView({"_N": 10}, _view_edges(), {"_N": {"x": torch.eye(10, 4)}})


def classes():
    return torch.arange(10) % 2


def _newer():
    yield Subject("ge.split", of(ge.split, graph=ring))
    yield Subject("ge.split, by time", of(ge.split, graph=_dated, strategy=plain("time"), time=plain("when")))
    yield Subject("ge.edge_features", of(ge.edge_features, emb=rows, pairs=pairs))
    more = lambda: torch.cat([ring(), torch.tensor([[10, 0], [0, 10]])], 1)  # noqa: E731
    yield Subject("ge.grow", of(ge.grow, model=deepwalk, graph=more))
    for call in (ge.predict, ge.predict_proba):
        yield Subject(f"ge.{call.__name__}", of(call, model=sage, graph=people, nodes=ids))
    yield Subject("evaluate.Scores", of(ge.evaluate.Scores, runs=plain([{"auc": 0.5}, {"auc": 1.0}])))
    told = {"view": featured, "node_type": plain("_N"), "y": classes, "repeats": plain(1)}
    subject = of(ge.evaluate.classification_references, **told)
    yield Subject("evaluate.classification_references", subject, more=("train_ratio", "seed"))
    told = {"view": featured, "kinds": plain(("_N", "_N")), "positive": pairs, "negative": pairs}
    yield Subject("evaluate.link_references", of(ge.evaluate.link_references, **told))
    alike = {"first": rows, "second": rows}
    yield Subject("evaluate.neighbourhood_overlap", of(ge.evaluate.neighbourhood_overlap, **alike, k=plain(3)))
    yield Subject("evaluate.procrustes", of(ge.evaluate.procrustes, **alike))
    ranked = {"train_edges": camps, "test_edges": lambda: torch.tensor([[0, 1], [1, 0]]), "k": plain(3)}
    yield Subject("evaluate.recommendation_baselines", of(ge.evaluate.recommendation_baselines, **ranked))
    given = {"predicted": lambda: torch.randn(3, 1), "y": lambda: torch.randn(3)}
    yield Subject("losses.regression_loss", of(ge.losses.regression_loss, **given))
    given = {"pos": lambda: torch.randn(3), "neg": lambda: torch.randn(3, 2)}
    yield Subject("losses.sampled_softmax_loss", of(ge.losses.sampled_softmax_loss, **given))
    given = {"users": lambda: torch.randn(3, 4), "items": lambda: torch.randn(3, 4)}
    yield Subject("losses.alignment_uniformity_loss", of(ge.losses.alignment_uniformity_loss, **given))
    yield Subject("plots.map_places", of(plots.map_places, vectors=rows))
    yield Subject("plots.interactive_map", of(plots.interactive_map, vectors=rows))
    yield Subject("plots.overlap_curves", of(plots.overlap_curves, lines=plain({"both": {1: 0.5, 10: 0.7}})))
    yield Subject("plots.search_curve", of(plots.search_curve, values=plain([0.5, None, 0.7]), given=plain(0.6)))


def _loops():
    """The loops of other packages around our trainings."""
    given = {"X": lambda: np.roll(np.eye(10), 1, axis=1)}
    yield Subject("estimators.NodeEmbedding", of(_estimated, **given), spectral, more=ESTIMATOR)
    yield Subject("lightning.WalkModule", of(_stepped, name=plain("WalkModule"), model=deepwalk))
    yield Subject("lightning.NodeModule", of(_stepped, name=plain("NodeModule"), model=sage, graph=people))
    unlabelled = lambda: ge.GraphSAGE(4, 4, 2, seed=0)  # noqa: E731
    yield Subject("lightning.LinkModule", of(_stepped, name=plain("LinkModule"), model=unlabelled, graph=featured))
    yield Subject("lightning.RecommendationModule", of(_stepped, name=plain("RecommendationModule"), model=lightgcn))


ESTIMATOR = ("model", "n_components", "epochs", "lr", "random_state", "device", "model_params", "fit_params")


def _estimated(X, y=None, **options):
    from graphembed_ext.estimators import NodeEmbedding

    return NodeEmbedding(**({"epochs": 1, "n_components": 4} | options)).fit_transform(X, y)


def spectral():
    from sklearn.manifold import SpectralEmbedding

    def embedded(X, y=None, random_state=0, **options):
        return SpectralEmbedding(2, affinity="precomputed", random_state=random_state).fit_transform(X, y)

    return embedded, {"X": np.roll(np.eye(10), 1, axis=1)}


def _stepped(name, model, graph=None, epochs=None, lr=None, batch_size=None, seed=0):

    known = {"WalkModule", "NodeModule", "LinkModule", "RecommendationModule"}
    kind = getattr(ge.lightning, name if isinstance(name, str) and name in known else "WalkModule")
    module = kind(model, graph, epochs=epochs, lr=lr, batch_size=batch_size, seed=seed)
    module.configure_optimizers()
    return next(iter(module.train_dataloader()))


def _dated():
    return _view().with_features(edge_features={("_N", "_E", "_N"): {"when": torch.arange(10)}})


def _judging():
    scores = {"pos": lambda: torch.randn(3), "neg": lambda: torch.randn(3, 2)}
    yield Subject("losses.skip_gram_loss", of(ge.losses.skip_gram_loss, **scores))
    scores = {"pos": lambda: torch.randn(3), "neg": lambda: torch.randn(3)}
    yield Subject("losses.bpr_loss", of(ge.losses.bpr_loss, **scores))
    given = {"scores": lambda: torch.randn(3, 2), "y": lambda: torch.tensor([0, 1, 0])}
    yield Subject("losses.classification_loss", of(ge.losses.classification_loss, **given))
    given = {"scores": lambda: torch.randn(3), "labels": lambda: torch.ones(3)}
    yield Subject("losses.link_loss", of(ge.losses.link_loss, **given))
    classes = {"emb": rows, "y": lambda: torch.arange(10) % 2, "repeats": plain(1)}
    yield Subject("evaluate.node_classification", of(ge.evaluate.node_classification, **classes))
    links = {"emb": rows, "positive": pairs, "negative": lambda: torch.tensor([[5, 6], [8, 9]])}
    yield Subject("evaluate.link_prediction", of(ge.evaluate.link_prediction, **links))
    ranked = {
        "model": lightgcn,
        "train_edges": camps,
        "test_edges": lambda: torch.tensor([[0, 1], [1, 0]]),
        "k": plain(3),
    }
    yield Subject("evaluate.recommendation", of(ge.evaluate.recommendation, **ranked))
    yield Subject("plots.loss_curve", of(plots.loss_curve, history=history))
    yield Subject("plots.recall_curve", of(plots.recall_curve, history=history))
    groups = {"groups": lambda: {"_N": (torch.arange(10), torch.rand(10))}}
    yield Subject("plots.degree_against_norm", of(plots.degree_against_norm, **groups))
    yield Subject("plots.attention", of(plots.attention, weights=plain({"paper": {"PAP": 0.5}})))
    drawn = {"vectors": rows, "names": lambda: list("abcdefghij"), "groups": lambda: list("aaaaabbbbb")}
    drawn |= {"path": lambda: Path("map.png"), "title": plain("map")}
    yield Subject("plots.draw_embedding", of(plots.draw_embedding, **drawn))
    yield Subject("plots.embedding_map", of(plots.embedding_map, vectors=rows))
    yield Subject("plots.project", of(plots.project, vectors=rows))
    yield Subject("plots.save", of(plots.save, figure=lambda: plots.loss_curve(history()), path=plain("curve.png")))
    yield Subject("FitResult.plot", on(lambda: ge.FitResult(history=history()), "plot"))
    both = {"first": ring, "second": dgl_ring, "steps": plain(1)}
    yield Subject("parity.report", of(ge.parity.report, name=plain("deepwalk"), **both), more=("emb_dim",))


def _prepared():
    folder = Path("opened.graph")
    return folder if folder.is_dir() else ge.prepare(edge_list(), folder)


def _files():
    yield Subject("ge.Embeddings", of(ge.Embeddings, tensor=rows))
    yield Subject("Embeddings.most_similar", on(embeddings, "most_similar", node=plain("n1")))
    yield Subject("Embeddings.__getitem__", lambda: (lambda key: embeddings()[key], {"key": "_N"}))
    yield Subject("Embeddings.save", on(embeddings, "save", path=plain("emb.npz")))
    yield Subject("Embeddings.load", of(ge.Embeddings.load, path=saved))
    yield Subject("Embeddings.labels_of", on(embeddings, "labels_of", node_type=plain("_N")))
    yield Subject("Embeddings.type_of", on(embeddings, "type_of", node=plain("n1")))
    yield Subject("Embeddings.id_of", on(embeddings, "id_of", node=plain("n1"), node_type=plain("_N")))
    yield Subject("exports.export", of(exports.export, emb=embeddings, path=plain("emb.txt")))
    small = lambda: ge.GraphSAGE.for_graph(people(), hidden_channels=2, num_layers=1, out_channels=2)  # noqa: E731
    program = {"model": small, "graph": people, "path": plain("sage.pt2")}
    yield Subject("exports.export_model", of(exports.export_model, **program))
    yield Subject("exports.words", of(exports.words, emb=embeddings))
    yield Subject("index.NeighborIndex", of(index.NeighborIndex, emb=embeddings))
    near = lambda: index.NeighborIndex(embeddings())  # noqa: E731
    yield Subject("NeighborIndex.most_similar", on(near, "most_similar", node=plain("n1")))
    yield Subject("index.write_indexes", of(index.write_indexes, emb=embeddings, path=plain("emb.usearch")))
    yield Subject(
        "index.index_path", of(index.index_path, path=plain("x.usearch"), emb=embeddings, node_type=plain("_N"))
    )
    yield Subject("readers.read_graph", of(readers.read_graph, source=edge_list))
    yield Subject("ge.prepare", of(ge.prepare, source=edge_list, folder=plain("prepared.graph")))
    yield Subject("ge.open_graph", of(ge.open_graph, folder=_prepared))
    yield Subject("readers.read_pairs", of(readers.read_pairs, path=edge_list))
    yield Subject("readers.GraphFile", of(readers.GraphFile, view=_view))
    yield Subject("GraphFile.build", on(lambda: readers.GraphFile(_view()), "build", host=plain("pyg")))
    yield Subject("checkpoint.save", of(ge.checkpoint.save, model=deepwalk, file=plain("weights.pt")))
    yield Subject("checkpoint.load", of(ge.checkpoint.load, model=deepwalk, source=checkpoint))
    given = {"source": checkpoint, "target": plain("other.safetensors"), "to": plain("dgl.DeepWalk")}
    yield Subject("checkpoint.convert", of(ge.checkpoint.convert, **given))
    yield Subject("checkpoint.layouts", of(ge.checkpoint.layouts, model=deepwalk))
    yield Subject("callbacks.TensorBoard", of(callbacks.TensorBoard, folder=plain("runs")))
    yield Subject("callbacks.WandB", of(callbacks.WandB, run=plain(Log())))
    yield Subject("callbacks.MLflow", of(callbacks.MLflow, log=plain(print)))


def subjects():
    """All of them; made where files may be written."""
    return [*_fits(), *_models(), *_drop_ins(), *_functions(), *_newer(), *_loops(), *_judging(), *_files()]

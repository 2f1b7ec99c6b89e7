"""The one table of README, a row a model: how fast beside DGL and PyG, and how good."""

from __future__ import annotations

from typing import Any

from .cells import Cell, Grid, Row, Table, text, times, value

FIGURES = (
    "skipgram", "metapath2vec", "graphsage", "han", "lightgcn", "blogcatalog", "walk_quality_dblp", "graphsage_quality",
    "han_quality", "lightgcn_gowalla_longer", "published",
)  # fmt: skip


def quality(what: str, ours: str, other: str, spec: str = ".2f", factor: float = 1, whose: str = "published") -> Cell:
    """A cell: what is measured, on which data, our figure and the other one."""
    figures = value(ours, spec, factor), value(other, spec, factor)

    def cell(found: Any, row: Row) -> str:
        mine, theirs = (figure(found, row) for figure in figures)
        return f"{what}: {mine} ({whose} {theirs})"

    return cell


def none(said: str) -> Cell:
    return lambda found, row: said


#: A row a model: what it is timed at beside DGL and PyG, and how good it is.
MODELS = {
    "DeepWalk": (
        value("skipgram/summary/engine=dgl,window=5/ours_times", ".0f", unit=" x"),
        none("its Node2Vec needs pyg-lib"),
        quality("BlogCatalog, Micro-F1", "blogcatalog/deepwalk/f1/50/0", "blogcatalog/published/50/0"),
    ),
    "MetaPath2Vec": (
        times("metapath2vec/tokens_per_second/ours, by fit", "metapath2vec/tokens_per_second/dgl", ".0f"),
        times("metapath2vec/tokens_per_second/ours, by fit", "metapath2vec/tokens_per_second/pyg", ".0f"),
        quality(
            "DBLP, Micro-F1", "walk_quality_dblp/means/ours, fit/micro", "published/metapath2vec/DBLP/micro", factor=100
        ),
    ),
    "GraphSAGE": (
        times("graphsage/seconds/DGL", "graphsage/seconds/ours"),
        times("graphsage/seconds/PyG", "graphsage/seconds/ours"),
        quality(
            "Cora, accuracy", "graphsage_quality/cora/ours, mean/test", "graphsage_quality/cora/PyG, mean/test",
            factor=100, whose="PyG's class",
        ),
    ),
    "HAN": (
        times("han/medians/dgl, 2 GATConv/step", "han/medians/ours, DGL's example/step"),
        times("han/medians/pyg/step", "han/medians/ours/step"),
        quality(
            "ACM3025, Micro-F1", "han_quality/acm3025/ours, DGL's example/micro_f1",
            "published/han/DGL's example/micro_f1",
        ),
    ),
    "LightGCN": (
        none("it has none"),
        times("lightgcn/seconds/PyG, SparseTensor", "lightgcn/seconds/ours"),
        quality(
            "Gowalla, recall@20", "lightgcn_gowalla_longer/curve/-1/recall@20",
            "published/lightgcn/epoch 1000/recall@20", ".4f",
        ),
    ),
}  # fmt: skip

README_TABLES = {
    "figures": Table(
        FIGURES,
        (
            Grid(
                {
                    "model": text("model"),
                    "times faster than DGL": lambda found, row: MODELS[row["model"]][0](found, row),
                    "than PyG": lambda found, row: MODELS[row["model"]][1](found, row),
                    "quality": lambda found, row: MODELS[row["model"]][2](found, row),
                },
                [{"model": model} for model in MODELS],
            ),
        ),
        source=False,
    )
}

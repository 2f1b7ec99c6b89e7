"""Every table, as data: which record it is made from, its columns and rows."""

from __future__ import annotations

from typing import Any

from .cells import Grid, Table, spread, text, times, value
from .table_rows import (
    COUNTRIES,
    SAGE,
    UNLABELLED,
    a_billion,
    accuracies,
    beside_skipgram,
    blogcatalog_columns,
    blogcatalog_rows,
    by_ranks,
    default_rows,
    differences,
    gowalla_rows,
    han_rows,
    kinds_of_walks,
    largest,
    named,
    of_gensim,
    of_graph,
    of_settings,
    of_steps,
    on_gpu,
    on_sets,
    parity_rows,
    prepared_graphs,
    readers,
    recommendation_rows,
    sizes,
    walk_quality_rows,
)


def one(record: str, columns: Any, rows: Any, *more: Any) -> Table:
    """A single grid from a single record, and sentences below it."""
    return Table((record,), (Grid(columns, rows), *more))


TABLES = {
    "skipgram": one(
        "skipgram",
        {
            "beside": text("title"),
            "window": text("window"),
            "`ge.fit`": value("summary/{of}/ours_times", ".1f", unit=" x"),
            "with gensim's windows": value("same_windows_as_gensim/{same}", ".1f", unit=" x"),
        },
        beside_skipgram,
        of_graph,
    ),
    "deepwalk": one(
        "deepwalk",
        {
            "class": text("name"),
            "accuracy, mean of 5 seeds": value("{name}/mean_accuracy", ".3f"),
            "tokens/s, ratio": value("{name}/speed_ratio", ".1f"),
        },
        named,
    ),
    "metapath2vec": one(
        "metapath2vec",
        {
            "ours, beside": text("title"),
            "constructor": times("constructor_seconds/{other}", "constructor_seconds/{ours}", ".0f"),
            "constructor and first batch": times(
                "constructor_seconds/{other}", "constructor_seconds/{ours}, with a first batch"
            ),
            "epoch of its own loop": times("tokens_per_second/{ours}", "tokens_per_second/{other}"),
            "`ge.fit`": times("tokens_per_second/ours, by fit", "tokens_per_second/{other}", ".0f"),
        },
        [
            {"title": "`dgl.nn.MetaPath2Vec`", "other": "dgl", "ours": "ours"},
            {"title": "PyG's `MetaPath2Vec`", "other": "pyg", "ours": "ours, PyG's"},
        ],
    ),
    "gpu": one(
        "gpu",
        {
            "on a GPU": text("title"),
            "beside": text("other"),
            "times faster": times("{case}/seconds/{theirs}", "{case}/seconds/{ours}"),
            "rate": value("{rate}", ".1f", factor=1e-6, unit=" million tokens/s"),
        },
        on_gpu,
        "Skip-gram: a graph of YouTube's size (1,138,499 nodes, 2,990,443 undirected edges, R-MAT), 128 dimensions, "
        "walks of 40 nodes, window 5, 5 negatives. Training has a figure of its own, on walks that are there; an epoch "
        "is all of `ge.fit`.",
    ),
    "walks": one(
        "walks",
        {
            "walks": text("kind"),
            "times faster than DGL's": times(
                "million_steps_per_second/{kind} | torch",
                "million_steps_per_second/{kind} | dgl",
                unit="",
                missing="DGL cannot",
            ),
            "speed beside uniform walks": times(
                "million_steps_per_second/{kind} | torch", "million_steps_per_second/uniform | torch", ".2f", unit=""
            ),
        },
        kinds_of_walks,
    ),
    "reading": one(
        "reading",
        {
            "reader": text("reader"),
            "time, ratio": text("time"),
            "held at most": text("held"),
            "kept": text("kept"),
            "held to kept": text("ratio"),
        },
        readers,
    ),
    "folder": one(
        "folder",
        {
            "edges": text("edges"),
            "nodes": text("nodes"),
            "held at most while prepared": text("prepared"),
            "on the disk": text("written"),
            "walked": text("way"),
            "opened in": text("open"),
            "memory of its own": text("own"),
        },
        prepared_graphs,
    ),
    "edge_memory": one(
        "edge_memory",
        {
            "a million nodes": text("name"),
            "the user's edges": value("{name}/own", ".0f", unit=" bytes an edge"),
            "stays": value("{name}/stays", ".1f", unit=" bytes an edge"),
            "at most": value("{name}/peak", ".1f", unit=" bytes an edge"),
        },
        named,
    ),
    "ranks": one(
        "ranks",
        {
            "graph": text("graph"),
            "by": text("way"),
            "tokens per CPU second": value("{case}/medians/{way}/tokens_per_cpu_second", ",.0f"),
            "rows pulled a token": value("{case}/medians/{way}/rows_per_token", ".2f"),
            "bytes sent a token": value("{case}/medians/{way}/bytes_per_token", ",.0f"),
            "a process holds at most": value("{case}/medians/{way}/peak_mib", ",.0f", unit=" MiB"),
            "of them before training": value("{case}/medians/{way}/held_mib", ",.0f", unit=" MiB"),
        },
        by_ranks,
        a_billion,
    ),
    "ranks_quality": one(
        "ranks_quality",
        {
            "20 walks from every node, by": text("name"),
            "Micro-F1": value("{name}/micro_f1", ".2f"),
            "Macro-F1": value("{name}/macro_f1", ".2f"),
            "loss": value("{name}/loss", ".3f"),
            "CPU time, ratio": times("{name}/cpu_seconds", "one process, torch/cpu_seconds", ".2f", ""),
            "rows pulled a token": value("{name}/rows_per_token", ".2f"),
            "bytes sent a token": value("{name}/bytes_per_token", ",.0f"),
        },
        named,
    ),
    "growth": one(
        "growth",
        {
            "an epoch of": text("model"),
            "edges": text("edges"),
            "time per edge": value("{model}/runs/edges={count}/microseconds", ".2f", unit=" µs"),
            "memory per edge": value("{model}/runs/edges={count}/bytes", ".0f", unit=" bytes"),
            "exponent of time": value("{model}/exponents/cpu_seconds", ".2f"),
            "of memory": value("{model}/exponents/grown_mib", ".2f"),
        },
        largest,
    ),
    "scale": one(
        "scale",
        {
            "nodes": text("nodes"),
            "edges": text("edges"),
            "time per token, ratio": text("ratio"),
            "peak memory": text("peak"),
            "predicted": text("predicted"),
        },
        sizes,
    ),
    "graphsage": one(
        "graphsage",
        {
            "ours, beside": text("title"),
            "an epoch of mini-batches": times("seconds/{other}", "seconds/ours"),
            "drawing them": times("seconds/{other}, loader", "seconds/ours, loader"),
            "a step on all of Coauthor CS": times("whole/seconds/{other}", "whole/seconds/ours", ".0f"),
            "memory": times("memory_mib/{other}/peak", "memory_mib/ours/peak"),
        },
        [{"title": "PyG, `NeighborLoader`", "other": "PyG"}, {"title": "DGL, `DataLoader`", "other": "DGL"}],
    ),
    "han": one(
        "han",
        {
            "ours, beside": text("title"),
            "forward and backward": times("medians/{other}/step", "medians/{ours}/step"),
            "peak memory": times("medians/{other}/peak", "medians/{ours}/peak", unit=" x less"),
        },
        [
            {"title": "PyG's `HANConv`", "other": "pyg", "ours": "ours"},
            {
                "title": 'two `dgl.nn.GATConv`, `architecture="dgl"`',
                "other": "dgl, 2 GATConv",
                "ours": "ours, DGL's example",
            },
        ],
    ),
    "han_minibatch": one(
        "han_minibatch",
        {
            "typed edges": value("typed_edges", ","),
            "edges along metapaths": value("metapath_edges", ","),
            "graph": value("graph_mib", ".0f", unit=" MiB"),
            "training, on top": value("training_mib", ".0f", unit=" MiB"),
            "training": value("seconds", ".1f", unit=" s"),
            "Micro-F1 on validation nodes": value("val_micro_f1", ".3f"),
        },
        [{}],
    ),
    "lightgcn": one(
        "lightgcn",
        {
            "ours, beside": text("other"),
            "a training step": times("seconds/{other}", "seconds/ours"),
            "peak memory": times("peak_memory_mib/{other}", "peak_memory_mib/ours", unit=" x less"),
        },
        [{"other": "PyG, edge_index"}, {"other": "PyG, SparseTensor"}],
        of_steps,
    ),
    "blogcatalog": one("blogcatalog", blogcatalog_columns, blogcatalog_rows, of_gensim),
    "growing": one(
        "growing",
        {
            "DeepWalk": text("title"),
            "old nodes, Micro-F1": value("{of}/f1/old/micro_f1", ".2f"),
            "Macro-F1": value("{of}/f1/old/macro_f1", ".2f"),
            "new nodes, Micro-F1": value("{of}/f1/new/micro_f1", ".2f"),
            "new, Macro-F1": value("{of}/f1/new/macro_f1", ".2f"),
            "training": value("{of}/seconds", ".0f", unit=" s"),
        },
        [
            {"title": "on nine nodes of ten, 20 walks from each", "of": "before"},
            {"title": "grown by the others", "of": "grown, not trained"},
            {"title": "and trained, 4 walks from each", "of": "grown"},
            {"title": "on all from the start, 20 walks from each", "of": "anew"},
        ],
    ),
    "walk_quality": Table(
        ("walk_quality_dblp", "walk_quality_acm", "walk_quality_aminer", "published"),
        (
            Grid(
                {
                    "data": text("data"),
                    "model": text("model"),
                    "Micro-F1": value("{of}/micro", ".2f", 100),
                    "Macro-F1": value("{of}/macro", ".2f", 100),
                },
                walk_quality_rows,
            ),
        ),
        command="walk_quality",
    ),
    "graphsage_quality": one(
        "graphsage_quality",
        accuracies(SAGE),
        on_sets(cora="Cora", pubmed="PubMed", computers="Amazon Computers", cs="Coauthor CS"),
        "Without labels, by a logistic regression on the vectors:",
        Grid(accuracies(UNLABELLED), on_sets(links_cora="Cora", links_pubmed="PubMed")),
        "Trained on Twitch DE, ROC-AUC on countries never seen:",
        Grid(
            accuracies({"ours, mean": "ours, mean", "features": "logistic regression on features"}),
            [{"part": "twitch", "data": title, "key": key} for key, title in COUNTRIES.items()],
        ),
    ),
    "dgl_example": one(
        "dgl_example",
        {
            "data": text("name"),
            "DGL's class": spread("{name}/DGL/test"),
            "the best seed": value("{name}/DGL/most", ".1f"),
            "ours": spread("{name}/ours/test"),
        },
        named,
    ),
    "han_quality": Table(
        ("han_quality", "published"),
        (
            Grid(
                {
                    "data": text("data"),
                    "model": text("model"),
                    "seeds": text("seeds"),
                    "Micro-F1": spread("{of}/micro_f1"),
                    "Macro-F1": spread("{of}/macro_f1"),
                    "attention to metapaths": text("attention"),
                },
                han_rows,
            ),
        ),
    ),
    "lightgcn_gowalla": Table(
        (*(f"lightgcn_gowalla_{part}" for part in ("reference", "fast", "softmax", "longer")), "published"),
        (
            Grid(
                {
                    "settings": text("settings"),
                    "epoch": text("epoch"),
                    "CPU minutes": text("minutes"),
                    "recall@20": value("{of}/recall@20", ".4f"),
                    "ndcg@20": value("{of}/ndcg@20", ".4f"),
                },
                gowalla_rows,
            ),
            of_settings,
        ),
        command="lightgcn_gowalla",
    ),
    "recommendation": one(
        "recommendation",
        {
            "data": text("data"),
            "recommender": text("model"),
            "recall@20": value("{of}/recall@20", ".4f"),
            "ndcg@20": value("{of}/ndcg@20", ".4f"),
            "CPU seconds of training": value("{of}/cpu_seconds", ".0f"),
        },
        recommendation_rows,
    ),
    "defaults": one(
        "defaults",
        {
            "data": text("data"),
            "model": text("model"),
            "default": value("{data}/default/test", ".4f"),
            "best of the grid": text("best"),
            "its score": value("{data}/best/test", ".4f"),
            "default by best": text("share"),
        },
        default_rows,
    ),
    "parity_hosts": one(
        "parity",
        {
            "model": text("model"),
            "data": text("data"),
            "nodes": text("nodes"),
            "edges": text("edges"),
            "comparisons, by stage": text("stages"),
            "": text("verdict"),
        },
        parity_rows,
    ),
    "parity_peers": one(
        "parity",
        {
            "beside": text("peer"),
            "data": text("data"),
            "float64: output, loss, gradients": text("float64"),
            "float32": text("float32"),
        },
        differences,
    ),
}

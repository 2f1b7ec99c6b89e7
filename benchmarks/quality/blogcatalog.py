"""DeepWalk and node2vec on BlogCatalog: F1 by training ratio beside the published row, and the time it took.

80 walks of 40 nodes from every node, window 10, drawn from 1 to 10 for every centre as the published figures did, and
beside them the full window; 128 dimensions; one-vs-rest logistic regression, the number of labels of each test node
taken as known. gensim (on walks like ours) and GRAPE (with its own) run in processes of their own and are scored the
same way, at half of the labels.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from ..data import blogcatalog
from ..harness import Benchmark, Case, Clock, Run, measure
from ..speed import skipgram

PASSES, LENGTH, WINDOW, DIMENSION, NEGATIVES, SEED = 80, 40, 10, 128, 5, 0
#: Training ratio: Micro-F1, Macro-F1 of phanein/deepwalk's README.
PUBLISHED = {
    10: (35.86, 21.08), 20: (38.51, 23.98), 30: (39.96, 25.71), 40: (40.76, 26.73), 50: (41.51, 27.68),
    60: (41.85, 28.28), 70: (42.27, 28.88), 80: (42.35, 28.70), 90: (42.40, 28.21),
}  # fmt: skip
#: GRAPE's own rates, and word2vec's without decay: the better of the two counts.
GRAPE_RATES = {"its defaults": (0.01, 0.9), "0.025, decay 0.97": (0.025, 0.97)}
OURS = {"deepwalk": {}, "full": {"shrink": False}, "node2vec": {"p": 0.25, "q": 0.25}}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", help="folder of the data sets, by default what GRAPHEMBED_DATA names")
    parser.add_argument("--peers", default=sys.executable, help="interpreter with gensim and grape")
    parser.add_argument("--shuffles", type=int, default=10)
    parser.add_argument("--passes", type=int, default=PASSES, help="walks from every node")
    parser.add_argument("--ratios", type=int, nargs="+", default=list(PUBLISHED), choices=PUBLISHED)
    parser.add_argument("--parts", nargs="+", default=[*OURS, "grape", "gensim"], choices=[*OURS, "grape", "gensim"])
    parser.set_defaults(vectors=None)  # the folder that other interpreters leave their vectors in


def graph(options: argparse.Namespace):
    """Edges, number of nodes, and labels."""
    network, labels = blogcatalog(options.data)
    return np.stack([network.row, network.col]).astype(np.int64), network.shape[0], labels


def train_ours(edges: np.ndarray, nodes: int, epochs: int, *, shrink: bool = True, **walks: float):
    import torch

    import graphembed_ext as ge

    with Clock() as clock:
        model = ge.DeepWalk(
            torch.tensor(edges), emb_dim=DIMENSION, walk_length=LENGTH, window_size=WINDOW, negative_size=NEGATIVES,
            fast_neg=False, num_nodes=nodes, seed=SEED, **walks,
        )  # fmt: skip
        result = ge.fit(model, epochs=epochs, seed=SEED, shrink_window=shrink, progress=False)
    found = {"seconds": clock.seconds, "tokens_per_second": result.tokens / result.seconds, "loss": result.loss}
    return model.node_embed.weight.detach().numpy(), found | {"engine": result.engine, "walks": result.walk_engine}


def score(vectors: np.ndarray, labels, ratios: list[int], shuffles: int) -> dict[int, list[float]]:
    import torch

    import graphembed_ext as ge

    table = {}
    for ratio in ratios:
        found = ge.evaluate.node_classification(
            torch.tensor(vectors), labels, train_ratio=ratio / 100, repeats=shuffles, seed=SEED
        )
        table[ratio] = [100 * found["micro_f1"], 100 * found["macro_f1"]]
    return table


def cases(options: argparse.Namespace) -> list[Case]:
    """The others; each leaves its vectors in a file, as its interpreter need not have this package."""
    competitors = {f"grape, {name}": partial(grape, options, *given) for name, given in GRAPE_RATES.items()}
    competitors |= {"gensim": partial(gensim, options)}
    chosen = {name: make for name, make in competitors.items() if name.partition(",")[0] in options.parts}
    return [
        Case(
            "other tools", chosen, repeats=1, warm_ups=0, rounds=1, ours=(), optional=tuple(chosen),
            interpreters=dict.fromkeys(chosen, options.peers),
        )
    ]  # fmt: skip


def kept(options: argparse.Namespace, name: str):
    """Writes vectors, outside of the time."""

    def found(vectors: np.ndarray) -> dict[str, str]:
        path = str(Path(options.vectors) / f"{name}.npy")
        np.save(path, vectors)
        return {"vectors": path}

    return found


def gensim(options: argparse.Namespace) -> Run:
    """Its time counts the walks."""
    from gensim.models import Word2Vec

    edges, nodes, _ = graph(options)

    def go():
        names = [str(node) for node in range(nodes)]
        walks = skipgram.walks_on(*edges, nodes, options.passes, LENGTH).tolist()
        model = Word2Vec(
            [[names[node] for node in walk] for walk in walks], vector_size=DIMENSION, window=WINDOW, sg=1,
            negative=NEGATIVES, sample=0, min_count=0, epochs=1, workers=os.cpu_count(), seed=SEED + 1,
        )  # fmt: skip
        return np.stack([model.wv[name] for name in names])

    return Run(go, kept(options, "gensim"))


def grape(options: argparse.Namespace, rate: float, decay: float) -> Run:
    from embiggen.embedders.ensmallen_embedders import DeepWalkSkipGramEnsmallen

    edges, *_ = graph(options)
    peer = skipgram.grape_graph(*edges)
    model = DeepWalkSkipGramEnsmallen(
        embedding_size=DIMENSION, epochs=options.passes, iterations=1, walk_length=LENGTH, window_size=WINDOW,
        number_of_negative_samples=NEGATIVES, learning_rate=rate, learning_rate_decay=decay, verbose=False,
    )  # fmt: skip
    keep = kept(options, f"grape {rate}")
    return Run(
        lambda: model.fit_transform(peer, return_dataframe=False),
        lambda embedding: keep(skipgram.grape_vectors(peer, embedding)),
    )


def main(options: argparse.Namespace, recorder):
    edges, nodes, labels = graph(options)
    report = (recorder.read() or {}).get("results", {}) | {"published": PUBLISHED}
    path = None
    chosen = {name: walks for name, walks in OURS.items() if name in options.parts}
    if chosen:
        train_ours(edges, nodes, epochs=1)  # compiles, or reads what was compiled
    for name, walks in chosen.items():
        vectors, found = train_ours(edges, nodes, options.passes, **walks)
        ratios = options.ratios if name == "deepwalk" else [r for r in options.ratios if r in (10, 50, 90)]
        table = score(vectors, labels, ratios, options.shuffles)
        report[name] = found | walks | {"shuffles": options.shuffles, "f1": table}
        print(f"{name} {walks or ''}: {found}")
        show(table)
        path = recorder.save(report)
    with tempfile.TemporaryDirectory() as folder:
        options.vectors = folder
        (case,) = cases(options)
        for name, (run,) in measure(BLOGCATALOG, case, options).items():
            f1 = score(np.load(run["vectors"]), labels, [50], 3)[50]
            report[name] = {"seconds": run["seconds"], "f1": f1}
            print(f"{name}: {run['seconds']:.0f} s, F1 at 50 %: {f1[0]:.2f} / {f1[1]:.2f}", flush=True)
            path = recorder.save(report)
    return path


def show(table: dict[int, list[float]]) -> None:
    for ratio, (micro, macro) in table.items():
        there = PUBLISHED[ratio]
        print(
            f"{ratio:3} %  {micro:.2f} / {macro:.2f}   published {there[0]:.2f} / {there[1]:.2f}   "
            f"difference {micro - there[0]:+.2f} / {macro - there[1]:+.2f}",
            flush=True,
        )


QUICK = {"shuffles": 1, "ratios": [50], "passes": 1, "parts": ["deepwalk", "gensim"]}
BLOGCATALOG = Benchmark("blogcatalog", main, options, cases, quick=QUICK)
BENCHMARKS = [BLOGCATALOG]

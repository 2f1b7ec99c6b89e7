"""DeepWalk and node2vec on BlogCatalog: F1 by training ratio beside the published row, and the time it took.

    python benchmarks/blogcatalog.py [--peers PYTHON] [--shuffles 10] [--data FOLDER]

80 walks of 40 nodes from every node, window 10, drawn from 1 to 10 for every centre as the published figures did, and
beside them the full window; 128 dimensions; one-vs-rest logistic regression, the number of
labels of each test node taken as known. Peers (gensim on our walks, GRAPE with its own) run in processes of
their own and are scored the same way, at half of the labels.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

import numpy as np
import scipy.io

PASSES, LENGTH, WINDOW, DIMENSION, NEGATIVES, SEED = 80, 40, 10, 128, 5, 0
#: Training ratio: Micro-F1, Macro-F1 of phanein/deepwalk's README.
PUBLISHED = {
    10: (35.86, 21.08), 20: (38.51, 23.98), 30: (39.96, 25.71), 40: (40.76, 26.73), 50: (41.51, 27.68),
    60: (41.85, 28.28), 70: (42.27, 28.88), 80: (42.35, 28.70), 90: (42.40, 28.21),
}  # fmt: skip
#: GRAPE's own rates, and word2vec's without decay: the better of the two counts.
GRAPE_RATES = {"its defaults": (0.01, 0.9), "0.025, decay 0.97": (0.025, 0.97)}
RESULTS = Path(__file__).parent / "results"


def load(data: Path):
    mat = scipy.io.loadmat(data / "deepwalk" / "blogcatalog.mat")
    return mat["network"].tocoo(), mat["group"].tocsr()


def train_ours(
    edges: np.ndarray, nodes: int, epochs: int = PASSES, *, shrink: bool = True, **options: float
) -> tuple[np.ndarray, dict]:
    import torch

    import graphembed_ext as ge

    began = time.perf_counter()
    model = ge.DeepWalk(
        torch.tensor(edges), emb_dim=DIMENSION, walk_length=LENGTH, window_size=WINDOW, negative_size=NEGATIVES,
        fast_neg=False, num_nodes=nodes, seed=SEED, **options,
    )  # fmt: skip
    result = ge.fit(model, epochs=epochs, seed=SEED, shrink_window=shrink, progress=False)
    seconds = time.perf_counter() - began
    found = {"seconds": seconds, "tokens_per_second": result.tokens / result.seconds, "loss": result.loss}
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


def peer_gensim(edges: np.ndarray, nodes: int) -> tuple[np.ndarray, float]:
    from gensim.models import Word2Vec

    from benchmarks.speed.skipgram import walks_on

    began = time.perf_counter()
    names = [str(node) for node in range(nodes)]
    sentences = [[names[node] for node in walk] for walk in walks_on(*edges, nodes, PASSES, LENGTH).tolist()]
    model = Word2Vec(
        sentences, vector_size=DIMENSION, window=WINDOW, sg=1, negative=NEGATIVES, sample=0, min_count=0, epochs=1,
        workers=os.cpu_count(), seed=SEED + 1,
    )  # fmt: skip
    return np.stack([model.wv[name] for name in names]), time.perf_counter() - began


def peer_grape(edges: np.ndarray, nodes: int, rate: float, decay: float) -> tuple[np.ndarray, float]:
    from embiggen.embedders.ensmallen_embedders import DeepWalkSkipGramEnsmallen

    from benchmarks.speed.skipgram import grape_graph, grape_vectors

    peer = grape_graph(*edges)
    model = DeepWalkSkipGramEnsmallen(
        embedding_size=DIMENSION, epochs=PASSES, iterations=1, walk_length=LENGTH, window_size=WINDOW,
        number_of_negative_samples=NEGATIVES, learning_rate=rate, learning_rate_decay=decay, verbose=False,
    )  # fmt: skip
    began = time.perf_counter()
    embedding = model.fit_transform(peer, return_dataframe=False)
    return grape_vectors(peer, embedding), time.perf_counter() - began


def run_peer(python: str, what: list[str], data: Path, labels) -> dict | None:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "vectors.npy")
        command = [python, __file__, "--data", str(data), "--peer", *what, "--vectors", path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=3600)
        if done.returncode:
            print(f"{what[0]}: left out: {done.stderr.strip().splitlines()[-1]}")
            return None
        seconds = float(done.stdout.strip().splitlines()[-1])
        return {"seconds": seconds, "f1": score(np.load(path), labels, [50], 3)[50]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("GRAPHEMBED_DATA", "../shared/data")))
    parser.add_argument("--peers", default=sys.executable, help="interpreter with gensim and grape")
    parser.add_argument("--shuffles", type=int, default=10)
    parser.add_argument("--ratios", type=int, nargs="+", default=list(PUBLISHED))
    parser.add_argument("--parts", nargs="+", default=["deepwalk", "full", "node2vec", "grape", "gensim"])
    parser.add_argument("--output", type=Path, default=RESULTS / "blogcatalog.json")
    parser.add_argument("--peer", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--vectors", help=argparse.SUPPRESS)
    options = parser.parse_args()
    network, labels = load(options.data)
    edges, nodes = np.stack([network.row, network.col]).astype(np.int64), network.shape[0]
    if options.peer:
        name, *numbers = options.peer
        run = {"gensim": peer_gensim, "grape": peer_grape}[name]
        vectors, seconds = run(edges, nodes, *map(float, numbers))
        np.save(options.vectors, vectors)
        print(seconds)
        return
    report = json.loads(options.output.read_text()) if options.output.exists() else {}
    report |= {
        "cores": os.cpu_count(), "seed": SEED, "passes": PASSES, "load_before": os.getloadavg()[0],
        "published": PUBLISHED,
        "versions": {name: metadata.version(name) for name in ("torch", "numba", "numpy", "scikit-learn")},
    }  # fmt: skip
    if {"deepwalk", "full", "node2vec"} & set(options.parts):
        train_ours(edges, nodes, epochs=1)  # compiles, or reads what was compiled
    for name, settings in (("deepwalk", {}), ("full", {"shrink": False}), ("node2vec", {"p": 0.25, "q": 0.25})):
        if name not in options.parts:
            continue
        vectors, found = train_ours(edges, nodes, **settings)
        ratios = options.ratios if name == "deepwalk" else [r for r in options.ratios if r in (10, 50, 90)]
        table = score(vectors, labels, ratios, options.shuffles)
        report[name] = found | settings | {"shuffles": options.shuffles, "f1": table}
        print(f"{name} {settings or ''}: {found}")
        for ratio, (micro, macro) in table.items():
            there = PUBLISHED[ratio]
            print(f"{ratio:3} %  {micro:.2f} / {macro:.2f}   published {there[0]:.2f} / {there[1]:.2f}   "
                  f"difference {micro - there[0]:+.2f} / {macro - there[1]:+.2f}", flush=True)  # fmt: skip
        options.output.write_text(json.dumps(report, indent=1) + "\n")
    peers = [("grape, " + name, ["grape", *map(str, rates)]) for name, rates in GRAPE_RATES.items()]
    for name, what in [*peers, ("gensim", ["gensim"])]:
        if what[0] in options.parts and (found := run_peer(options.peers, what, options.data, labels)):
            report[name] = found
            print(
                f"{name}: {found['seconds']:.0f} s, F1 at 50 %: {found['f1'][0]:.2f} / {found['f1'][1]:.2f}", flush=True
            )
            options.output.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Tokens per second of skip-gram training, walks included: ours beside GRAPE, gensim and dgl.nn.DeepWalk.

Every run is a process of its own, and the engines take turns. Beside the clock's time stands the processors' time: on
a machine that is busy with other work, its ratio is the one to trust. ``--peers`` is an interpreter that has GRAPE and
gensim (``pip install gensim grape``); one that is missing is named and left out. Each run trains on the same graph with
planted communities and must tell them apart by its embedding before its time counts.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from functools import partial

import numpy as np

from ..harness import Benchmark, Case, Run, measure, rates

LENGTH, DIMENSION, NEGATIVES, SEED = 40, 128, 5, 0
#: Passes of each engine: some seconds of work.
PASSES = {"ours": 20, "own_walks": 20, "shrunk": 20, "grape": 8, "gensim": 2, "dgl": 1}
OURS = ("ours", "own_walks", "shrunk")
DGL_WALKS = 1024


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--peers", default=sys.executable, help="interpreter with gensim and grape")
    parser.add_argument("--rounds", type=int, default=5, help="processes of each engine")
    parser.add_argument("--windows", type=int, nargs="+", default=[5, 10])
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--edges", type=int, default=660_000, help="both directions counted")
    parser.add_argument("--communities", type=int, default=100)
    parser.add_argument("--passes", type=float, default=1.0, help="share of the usual passes over all nodes")


def cases(options: argparse.Namespace) -> list[Case]:
    competitors = {
        "ours": ours,
        "own_walks": partial(ours, walks="torch"),
        "shrunk": partial(ours, shrink=True),
        "grape": grape,
        "gensim": gensim,
        "dgl": dgl,
    }
    return [
        Case(
            f"window {window}",
            {name: partial(make, options, window, passes_of(name, options)) for name, make in competitors.items()},
            unit="tokens/s",
            repeats=1,
            warm_ups=0,
            rounds=options.rounds,
            ours=OURS,
            optional=("grape", "gensim", "dgl"),
            interpreters={"grape": options.peers, "gensim": options.peers},
        )
        for window in options.windows
    ]


def passes_of(name: str, options: argparse.Namespace) -> int:
    return max(1, round(options.passes * PASSES[name]))


def graph(options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Sources and destinations, both directions of every edge: half of the edges stay in their community."""
    draw = np.random.default_rng(SEED)
    nodes, half = options.nodes, options.edges // 2
    source = draw.integers(nodes, size=half)
    size = nodes // options.communities
    near = source // size * size + draw.integers(size, size=half)
    target = np.where(draw.random(half) < 0.5, near, draw.integers(nodes, size=half))
    return np.concatenate([source, target]), np.concatenate([target, source])


def agreement(vectors: np.ndarray, options: argparse.Namespace) -> float:
    """How often two nodes of a community are closer, by cosine, than two of different ones; 0.5 is chance."""
    draw = np.random.default_rng(SEED)
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    first = draw.integers(options.nodes, size=20_000)
    size = options.nodes // options.communities
    near = (vectors[first] * vectors[first // size * size + draw.integers(size, size=len(first))]).sum(1)
    far = (vectors[first] * vectors[draw.integers(options.nodes, size=len(first))]).sum(1)
    return float((near > far).mean())


def judged(tokens: int, agreement: float, least: float, walks: str = "counted") -> dict[str, float | str]:
    """A run's figures.

    Raises:
        AssertionError: It does not tell the communities apart.
    """
    if agreement < least:
        raise AssertionError(f"does not tell the communities apart: {agreement}, at least {least} is expected")
    return {"rows": tokens, "tokens": tokens, "agreement": agreement, "walks": walks}


def ours(options: argparse.Namespace, window: int, passes: int, *, shrink: bool = False, walks: str = "auto") -> Run:
    """``shrink`` gives the windows that gensim trains; ``walks="torch"`` takes the package's walks instead of DGL's."""
    import torch

    import graphembed_ext as ge

    edges = torch.tensor(np.stack(graph(options)))
    settings = {"emb_dim": DIMENSION, "walk_length": LENGTH, "window_size": window, "negative_size": NEGATIVES}
    model = ge.DeepWalk(edges, num_nodes=options.nodes, fast_neg=False, seed=SEED, engine=walks, **settings)
    ge.fit(model, epochs=1, lr=1e-9, progress=False, engine="numba")  # compiles, or reads what was compiled
    return Run(
        lambda: ge.fit(model, epochs=passes, progress=False, engine="numba", shrink_window=shrink),
        lambda result: judged(result.tokens, agreement(model.node_embed.weight.detach().numpy(), options), 0.95),
    )


def dgl(options: argparse.Namespace, window: int, passes: int) -> Run:
    import graphembed_ext  # noqa: F401  # lets dgl be imported on current torch

    import dgl  # isort: skip
    import torch
    from dgl.nn import DeepWalk

    torch.manual_seed(SEED)
    source, target = graph(options)
    model = DeepWalk(
        dgl.graph((torch.tensor(source), torch.tensor(target)), num_nodes=options.nodes),
        emb_dim=DIMENSION, walk_length=LENGTH, window_size=window, negative_size=NEGATIVES,
    )  # fmt: skip
    optimizer = torch.optim.SparseAdam(model.parameters(), lr=0.01)
    walks = max(128, int(DGL_WALKS * passes * min(1, options.passes)))

    def go():
        for first in range(0, walks, 128):
            loss = model(model.sample(torch.arange(first, first + 128) % options.nodes))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return float(loss.detach())

    # A thousand walks cannot teach the communities: its loss must fall below that of the start instead.
    return Run(go, lambda loss: judged(walks * LENGTH, float(loss < 6 * np.log(2)), 0.55))


def walks_on(source: np.ndarray, target: np.ndarray, nodes: int, passes: int, length: int) -> np.ndarray:
    """Uniform walks for a peer that makes none, in random order; every node has a neighbour."""
    order = np.argsort(source, kind="stable")
    target, start = target[order], np.searchsorted(source[order], np.arange(nodes + 1))
    draw = np.random.default_rng(SEED)
    walks = np.empty((passes * nodes, length), np.int64)
    walks[:, 0] = np.tile(np.arange(nodes), passes)
    for step in range(1, length):
        here = walks[:, step - 1]
        walks[:, step] = target[start[here] + (draw.random(len(here)) * (start[here + 1] - start[here])).astype(int)]
    return draw.permutation(walks)


def gensim(options: argparse.Namespace, window: int, passes: int) -> Run:
    from gensim.models import Word2Vec

    names = [str(node) for node in range(options.nodes)]
    walks = walks_on(*graph(options), options.nodes, passes, LENGTH).tolist()
    sentences = [[names[node] for node in walk] for walk in walks]
    model = Word2Vec(
        vector_size=DIMENSION, window=window, sg=1, negative=NEGATIVES, sample=0, min_count=0, workers=os.cpu_count(),
        seed=SEED + 1,
    )  # fmt: skip
    model.build_vocab(sentences)

    # At these few passes it may lag behind.
    def found(_):
        close = agreement(np.stack([model.wv[name] for name in names]), options)
        return judged(4 * passes * options.nodes * LENGTH, close, 0.55, "not counted: made before")

    return Run(lambda: model.train(sentences, total_examples=len(sentences), epochs=4), found)


def grape_graph(source: np.ndarray, target: np.ndarray):
    from ensmallen import Graph

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "edges.tsv")
        np.savetxt(path, np.stack([source, target], 1)[source < target], fmt="%d", delimiter="\t")
        return Graph.from_csv(
            edge_path=path, edge_list_separator="\t", edge_list_header=False, sources_column_number=0,
            destinations_column_number=1, edge_list_numeric_node_ids=True, directed=False, verbose=False,
        )  # fmt: skip


def grape_vectors(peer, embedding) -> np.ndarray:
    """Its central table, rows by node id."""
    order = np.argsort([int(name) for name in peer.get_node_names()])
    return np.asarray(embedding.get_all_node_embedding()[0], np.float64)[order]


def grape(options: argparse.Namespace, window: int, passes: int) -> Run:
    from embiggen.embedders.ensmallen_embedders import DeepWalkSkipGramEnsmallen

    peer = grape_graph(*graph(options))
    model = DeepWalkSkipGramEnsmallen(
        embedding_size=DIMENSION, epochs=passes, iterations=1, walk_length=LENGTH, window_size=window,
        number_of_negative_samples=NEGATIVES, learning_rate=0.025, random_state=SEED + 1, verbose=False,
    )  # fmt: skip
    tokens = passes * peer.get_number_of_nodes() * LENGTH
    return Run(
        lambda: model.fit_transform(peer, return_dataframe=False),
        lambda embedding: judged(tokens, agreement(grape_vectors(peer, embedding), options), 0.55),
    )


#: Positive pairs that one token stands for, away from a walk's ends; each comes with NEGATIVES negative ones.
PAIRS = {
    "ours": ("2 w", lambda w: 2 * w),
    "own_walks": ("2 w (walks by the package, not by DGL)", lambda w: 2 * w),
    "shrunk": ("w + 1 (shrink_window=True)", lambda w: w + 1),
    "grape": ("2 w - 1 (read in its source: the window ends one node early)", lambda w: 2 * w - 1),
    "gensim": ("w + 1 (it draws a window from 1 to w)", lambda w: w + 1),
    "dgl": ("2 w", lambda w: 2 * w),
}


def machine() -> Case:
    """What this machine can do at best: multiply matrices and copy memory."""
    import torch

    a, b = torch.rand(2, 2048, 2048)
    long = torch.rand(1 << 26)
    copy = torch.empty_like(long)
    amounts = {"sgemm_gflops": 2 * 2048**3 / 1e9, "copy_gb_per_second": 8 * long.numel() / 1e9}
    works = {"sgemm_gflops": lambda: a @ b, "copy_gb_per_second": lambda: copy.copy_(long)}
    runs = {name: Run(work, lambda _, name=name: {"rows": amounts[name]}) for name, work in works.items()}
    return Case("machine", {name: lambda run=run: run for name, run in runs.items()}, unit="G/s", repeats=7)


def versions(python: str) -> dict[str, str]:
    """Versions of the packages that matter, as an interpreter sees them."""
    script = (
        "import json, platform\nfrom importlib import metadata\nfound = {'python': platform.python_version()}\n"
        "for name in ('numpy', 'gensim', 'grape', 'embiggen', 'ensmallen'):\n"
        "    try: found[name] = metadata.version(name)\n    except metadata.PackageNotFoundError: pass\n"
        "print(json.dumps(found))"
    )
    return json.loads(subprocess.run([python, "-c", script], capture_output=True, text=True, check=True).stdout)


def main(options: argparse.Namespace, recorder):
    best = rates(machine_case := machine(), measure(SKIPGRAM, machine_case, options))
    results: dict = {"machine": best, "runs": [], "summary": [], "same_windows_as_gensim": {}}
    for window, case in zip(options.windows, cases(options), strict=True):
        samples = measure(SKIPGRAM, case, options)
        results["runs"] += [
            {"engine": name, "window": window, **run} for name, found in samples.items() for run in found
        ]
        speeds = rates(case, samples)
        results["summary"] += summary(window, speeds, samples)
        pairs = 2 * window - window * (window + 1) / LENGTH
        flops = 6 * DIMENSION * pairs * (1 + NEGATIVES)
        work = speeds["ours"] * flops / 1e9
        print(f"{flops / 1e3:.0f} kflop a token; ours {work:.0f} GFLOP/s, {work / best['sgemm_gflops']:.0%} of sgemm")
        if "gensim" in speeds:
            same = results["same_windows_as_gensim"][str(window)] = speeds["shrunk"] / speeds["gensim"]
            print(f"with gensim's windows: {same:.2f} times gensim, whose walks are not counted")
    settings = vars(options) | {"dimension": DIMENSION, "walk_length": LENGTH, "negatives": NEGATIVES}
    return recorder.save(results, **settings, peer_versions=versions(options.peers))


def summary(window: int, speeds: dict[str, float], samples: dict) -> list[dict]:
    """A row for each engine: its speed, ours beside it, and the pairs that a token stands for."""
    frugal = {
        name: statistics.median(run["tokens"] / run["cpu_seconds"] for run in found) for name, found in samples.items()
    }
    rows = []
    for engine, speed in speeds.items():
        text, pairs = PAIRS[engine]
        rows.append(
            {
                "window": window, "engine": engine, "tokens_per_second": speed, "ours_times": speeds["ours"] / speed,
                "tokens_per_cpu_second": frugal[engine],
                "ours_times_by_cpu_time": frugal["ours"] / frugal[engine],
                "own_walks_times": speeds["own_walks"] / speed, "pairs": pairs(window),
                "pairs_per_second": speed * pairs(window),
            }
        )  # fmt: skip
        print(
            f"  {engine:<12} ours {rows[-1]['ours_times']:.2f} times as fast; pairs a token: {pairs(window)} = {text}"
        )
    return rows


QUICK = {"rounds": 1, "windows": [5], "nodes": 1000, "edges": 40_000, "communities": 10, "passes": 0.5}
SKIPGRAM = Benchmark("skipgram", main, options, cases, quick=QUICK)
BENCHMARKS = [SKIPGRAM]

"""Tokens per second of skip-gram training, walks included: ours beside GRAPE, gensim and dgl.nn.DeepWalk.

    python benchmarks/skipgram.py [--peers PYTHON] [--rounds 5]

Every run is a process of its own, and the engines take turns. Beside the clock's time stands the processors' time
of the same stretch: on a machine that is busy with other work, its ratio is the one to trust. PYTHON is an
interpreter that has the peers (``pip install gensim grape``); one that is missing is named and left out. Each run
trains on the same graph with planted communities and must tell them apart by its embedding before its time counts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

import numpy as np

NODES, EDGES, COMMUNITIES, LENGTH, DIMENSION, NEGATIVES, SEED = 10_000, 660_000, 100, 40, 128, 5, 0
#: Passes of each engine: some seconds of work.
PASSES = {"ours": 20, "own_walks": 20, "shrunk": 20, "grape": 8, "gensim": 2, "dgl": 1}
DGL_WALKS = 1024
RESULTS = Path(__file__).parent / "results"


def graph() -> tuple[np.ndarray, np.ndarray]:
    """Sources and destinations, both directions of every edge: half of the edges stay in their community."""
    draw = np.random.default_rng(SEED)
    half = EDGES // 2
    source = draw.integers(NODES, size=half)
    size = NODES // COMMUNITIES
    near = source // size * size + draw.integers(size, size=half)
    target = np.where(draw.random(half) < 0.5, near, draw.integers(NODES, size=half))
    return np.concatenate([source, target]), np.concatenate([target, source])


def agreement(vectors: np.ndarray) -> float:
    """How often two nodes of a community are closer, by cosine, than two of different ones; 0.5 is chance."""
    draw = np.random.default_rng(SEED)
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    first = draw.integers(NODES, size=20_000)
    size = NODES // COMMUNITIES
    near = (vectors[first] * vectors[first // size * size + draw.integers(size, size=len(first))]).sum(1)
    far = (vectors[first] * vectors[draw.integers(NODES, size=len(first))]).sum(1)
    return float((near > far).mean())


class Timer:
    """Seconds by the clock and by the processors, all threads of this process together."""

    def __enter__(self) -> Timer:
        self._began = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds, self.cpu = time.perf_counter() - self._began[0], time.process_time() - self._began[1]


def answer_of(timer: Timer, tokens: int, agreement: float, walks: str = "counted") -> dict[str, float | str]:
    return {
        "tokens": tokens, "seconds": timer.seconds, "cpu_seconds": timer.cpu, "agreement": agreement, "walks": walks,
    }  # fmt: skip


def run_ours(window: int, passes: int, shrink: bool = False, walks: str = "auto") -> dict[str, float | str]:
    import torch

    import graphembed_ext as ge

    edges = torch.tensor(np.stack(graph()))
    options = {"emb_dim": DIMENSION, "walk_length": LENGTH, "window_size": window, "negative_size": NEGATIVES}
    model = ge.DeepWalk(edges, num_nodes=NODES, fast_neg=False, seed=SEED, engine=walks, **options)
    ge.fit(model, epochs=1, lr=1e-9, progress=False, engine="numba")  # compiles, or reads what was compiled
    with Timer() as timer:
        result = ge.fit(model, epochs=passes, progress=False, engine="numba", shrink_window=shrink)
    return answer_of(timer, result.tokens, agreement(model.node_embed.weight.detach().numpy()))


def run_shrunk(window: int, passes: int) -> dict[str, float | str]:
    """Ours with the windows that gensim trains: what to compare it with."""
    return run_ours(window, passes, shrink=True)


def run_own_walks(window: int, passes: int) -> dict[str, float | str]:
    """Ours with walks of the package's own instead of DGL's: ``DeepWalk(..., engine="torch")``."""
    return run_ours(window, passes, walks="torch")


def run_dgl(window: int, passes: int) -> dict[str, float | str]:
    import graphembed_ext  # noqa: F401  # lets dgl be imported on current torch

    import dgl  # isort: skip
    import torch
    from dgl.nn import DeepWalk

    torch.manual_seed(SEED)
    source, target = graph()
    model = DeepWalk(
        dgl.graph((torch.tensor(source), torch.tensor(target)), num_nodes=NODES),
        emb_dim=DIMENSION, walk_length=LENGTH, window_size=window, negative_size=NEGATIVES,
    )  # fmt: skip
    optimizer = torch.optim.SparseAdam(model.parameters(), lr=0.01)
    with Timer() as timer:
        for first in range(0, DGL_WALKS * passes, 128):
            loss = model(model.sample(torch.arange(first, first + 128) % NODES))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    # A thousand walks cannot teach the communities: its loss must fall below that of the start instead.
    return answer_of(timer, DGL_WALKS * passes * LENGTH, float(float(loss.detach()) < 6 * np.log(2)))


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


def run_gensim(window: int, passes: int) -> dict[str, float | str]:
    from gensim.models import Word2Vec

    names = [str(node) for node in range(NODES)]
    sentences = [[names[node] for node in walk] for walk in walks_on(*graph(), NODES, passes, LENGTH).tolist()]
    model = Word2Vec(
        vector_size=DIMENSION, window=window, sg=1, negative=NEGATIVES, sample=0, min_count=0, workers=os.cpu_count(),
        seed=SEED + 1,
    )  # fmt: skip
    model.build_vocab(sentences)
    with Timer() as timer:
        model.train(sentences, total_examples=len(sentences), epochs=4)
    close = agreement(np.stack([model.wv[name] for name in names]))
    return answer_of(timer, 4 * passes * NODES * LENGTH, close, "not counted: made before")


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


def run_grape(window: int, passes: int) -> dict[str, float | str]:
    from embiggen.embedders.ensmallen_embedders import DeepWalkSkipGramEnsmallen

    peer = grape_graph(*graph())
    model = DeepWalkSkipGramEnsmallen(
        embedding_size=DIMENSION, epochs=passes, iterations=1, walk_length=LENGTH, window_size=window,
        number_of_negative_samples=NEGATIVES, learning_rate=0.025, random_state=SEED + 1, verbose=False,
    )  # fmt: skip
    with Timer() as timer:
        embedding = model.fit_transform(peer, return_dataframe=False)
    tokens = passes * peer.get_number_of_nodes() * LENGTH
    return answer_of(timer, tokens, agreement(grape_vectors(peer, embedding)))


RUNS = {
    "ours": run_ours,
    "own_walks": run_own_walks,
    "shrunk": run_shrunk,
    "grape": run_grape,
    "gensim": run_gensim,
    "dgl": run_dgl,
}
OURS = ("ours", "own_walks", "shrunk")
#: Positive pairs that one token stands for, away from a walk's ends; each comes with NEGATIVES noise pairs.
PAIRS = {
    "ours": ("2 w", lambda w: 2 * w),
    "own_walks": ("2 w (walks by the package, not by DGL)", lambda w: 2 * w),
    "shrunk": ("w + 1 (shrink_window=True)", lambda w: w + 1),
    "grape": ("2 w - 1 (read in its source: the window ends one node early)", lambda w: 2 * w - 1),
    "gensim": ("w + 1 (it draws a window from 1 to w)", lambda w: w + 1),
    "dgl": ("2 w", lambda w: 2 * w),
}


def machine() -> dict[str, float | str | int]:
    """What this machine can do at best: multiply matrices and copy memory."""
    import torch

    a, b = torch.rand(2, 2048, 2048)
    long = torch.rand(1 << 26)
    copy = torch.empty_like(long)
    rates = []
    for work, amount in ((lambda: a @ b, 2 * 2048**3 / 1e9), (lambda: copy.copy_(long), 8 * long.numel() / 1e9)):
        work()
        times = []
        for _ in range(7):
            began = time.perf_counter()
            work()
            times.append(time.perf_counter() - began)
        rates.append(amount / statistics.median(times))
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return {
        "cpu": model, "cores": os.cpu_count() or 0, "sgemm_gflops": rates[0], "copy_gb_per_second": rates[1],
        "platform": platform.platform(),
    }  # fmt: skip


def versions(python: str) -> dict[str, str]:
    """Versions of the packages that matter, as an interpreter sees them."""
    script = (
        "import json, platform\nfrom importlib import metadata\nfound = {'python': platform.python_version()}\n"
        "for name in ('torch', 'dgl', 'numba', 'numpy', 'gensim', 'grape', 'embiggen', 'ensmallen'):\n"
        "    try: found[name] = metadata.version(name)\n    except metadata.PackageNotFoundError: pass\n"
        "print(json.dumps(found))"
    )
    return json.loads(subprocess.run([python, "-c", script], capture_output=True, text=True, check=True).stdout)


def child(python: str, engine: str, window: int) -> dict[str, float | str] | None:
    """One run in a process of its own; None where the engine is missing or fails, which is said."""
    command = [python, __file__, "--run", engine, "--windows", str(window)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200)
    if done.returncode:
        print(f"{engine}: left out: {done.stderr.strip().splitlines()[-1]}")
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", default=sys.executable, help="interpreter with gensim and grape")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--windows", type=int, nargs="+", default=[5, 10])
    parser.add_argument("--output", type=Path, default=RESULTS / "skipgram.json")
    parser.add_argument("--run", choices=RUNS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(RUNS[options.run](options.windows[0], PASSES[options.run])))
        return
    report: dict[str, object] = {
        "machine": machine(), "versions": versions(sys.executable), "peer_versions": versions(options.peers),
        "seed": SEED, "nodes": NODES, "edges": EDGES, "dimension": DIMENSION, "walk_length": LENGTH,
        "negatives": NEGATIVES, "load_before": os.getloadavg()[0], "package": metadata.version("graphembed_ext"),
    }  # fmt: skip
    peak = report["machine"]["sgemm_gflops"]
    print(f"{report['machine']}\nload before: {report['load_before']:.2f}")
    for window in options.windows:
        speeds: dict[str, list[float]] = {}
        frugal: dict[str, list[float]] = {}
        missing: set[str] = set()
        for _ in range(options.rounds):
            for engine in RUNS:
                if engine in missing:
                    continue
                found = child(sys.executable if engine in OURS or engine == "dgl" else options.peers, engine, window)
                if found is None:
                    missing.add(engine)
                    continue
                # gensim and GRAPE, at these few passes, may lag behind; by chance is 0.5.
                if found["agreement"] < (0.95 if engine in OURS else 0.55):
                    raise SystemExit(f"{engine} does not tell the communities apart: {found}")
                speeds.setdefault(engine, []).append(found["tokens"] / found["seconds"])
                frugal.setdefault(engine, []).append(found["tokens"] / found["cpu_seconds"])
                report.setdefault("runs", []).append({"engine": engine, "window": window, **found})
        pairs = 2 * window - window * (window + 1) / LENGTH
        flops = 6 * DIMENSION * pairs * (1 + NEGATIVES)
        ours = statistics.median(speeds["ours"])
        print(f"\nwindow {window}: {flops / 1e3:.0f} kflop a token; ours {ours * flops / 1e9:.0f} GFLOP/s, "
              f"{ours * flops / 1e9 / peak:.0%} of sgemm")  # fmt: skip
        print(
            f"{'engine':9} {'k tokens/s':>10} {'lowest':>8} {'highest':>8} {'ours, times':>12} {'by cpu time':>12}"
            f" {'own walks, times':>17}  pairs a token"
        )
        for engine, values in speeds.items():
            ratio = ours / statistics.median(values)
            cpu_ratio = statistics.median(frugal["ours"]) / statistics.median(frugal[engine])
            middle = statistics.median(values)
            own = statistics.median(speeds["own_walks"]) / middle
            report.setdefault("summary", []).append(
                {"window": window, "engine": engine, "tokens_per_second": middle, "ours_times": ratio,
                 "tokens_per_cpu_second": statistics.median(frugal[engine]), "ours_times_by_cpu_time": cpu_ratio,
                 "own_walks_times": own,
                 "pairs": PAIRS[engine][1](window), "pairs_per_second": middle * PAIRS[engine][1](window)}
            )  # fmt: skip
            print(
                f"{engine:9} {middle / 1e3:10.1f} {min(values) / 1e3:8.1f} {max(values) / 1e3:8.1f} {ratio:12.2f}"
                f" {cpu_ratio:12.2f} {own:17.2f}  {PAIRS[engine][1](window)} = {PAIRS[engine][0]}"
            )
        if "gensim" in speeds:
            same = statistics.median(speeds["shrunk"]) / statistics.median(speeds["gensim"])
            report.setdefault("same_windows_as_gensim", {})[window] = same
            print(f"with gensim's windows: {same:.2f} times gensim, whose walks are not counted")
    report["load_after"] = os.getloadavg()[0]
    options.output.parent.mkdir(exist_ok=True)
    options.output.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()

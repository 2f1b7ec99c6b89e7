"""Runs benchmarks by name: ``python -m benchmarks`` lists them.

python -m benchmarks walks --repeats 5              record what it finds in benchmarks/results
python -m benchmarks walks --quick                  a tiny size, to see that it works; recorded nowhere
python -m benchmarks --quick                        all those of speed in their quick form
python -m benchmarks skipgram --against ../before   this checkout beside another, in turns
python -m benchmarks tables                         benchmarks/README.md from the records
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from pathlib import Path

from . import against
from .data import MissingData
from .harness import RESULTS, Benchmark, Recorder

#: Module of each benchmark, and what it is about.
BENCHMARKS = {
    "walks": ("benchmarks.speed.walks", "steps per second of every kind of walk, by both backends"),
    "skipgram": ("benchmarks.speed.skipgram", "skip-gram training beside GRAPE, gensim and dgl.nn.DeepWalk"),
    "metapath2vec": ("benchmarks.speed.metapath2vec", "constructor and epoch beside DGL's and PyG's classes"),
    "graphsage": ("benchmarks.speed.graphsage", "mini-batches, whole graphs and memory beside DGL and PyG"),
    "han": ("benchmarks.speed.han", "the layer beside PyG's HANConv and DGL's GATConv: time and memory"),
    "han_minibatch": ("benchmarks.speed.han", "HAN where metapath neighbours would fit nowhere"),
    "lightgcn": ("benchmarks.speed.lightgcn", "a training step on Gowalla beside PyG: time and memory"),
    "scale": ("benchmarks.speed.scale", "training from ten thousand to a million nodes: time and memory"),
    "ranks": ("benchmarks.speed.ranks", "DeepWalk by 1, 2 and 4 processes beside one: time, traffic and memory"),
    "growth": ("benchmarks.speed.growth", "every model from 10^5 to 10^7 edges: time and memory an edge, exponents"),
    "folder": ("benchmarks.speed.folder", "a graph prepared on the disk and walked from there: time and memory"),
    "edge_memory": ("benchmarks.speed.edge_memory", "bytes an edge that walks and samplers take in memory"),
    "reading": ("benchmarks.speed.reading", "an edge list of named nodes beside pandas and polars: time and memory"),
    "deepwalk": ("benchmarks.quality.deepwalk", "accuracy and speed on Cora beside dgl.nn.DeepWalk, in its loop"),
    "blogcatalog": ("benchmarks.quality.blogcatalog", "DeepWalk and node2vec beside the published F1"),
    "growing": ("benchmarks.quality.growing", "a model that grows with BlogCatalog: F1 of old and of new nodes"),
    "gpu": ("benchmarks.speed.gpu", "skip-gram, LightGCN, HAN and GraphSAGE on a GPU, beside PyG there"),
    "ranks_quality": ("benchmarks.quality.ranks", "F1 on BlogCatalog by 1, 2 and 4 processes beside one"),
    "walk_quality": ("benchmarks.quality.walk_models", "metapath2vec on DBLP, ACM and AMiner beside DGL and PyG"),
    "graphsage_quality": ("benchmarks.quality.graphsage", "accuracy with and without labels, and on unseen graphs"),
    "dgl_example": ("benchmarks.quality.dgl_example", "GraphSAGE as DGL's example trains it, over seeds"),
    "han_quality": ("benchmarks.quality.han", "F1 on ACM and DBLP beside PyG's HANConv"),
    "lightgcn_gowalla": ("benchmarks.quality.lightgcn", "recall@20 on Gowalla over CPU time"),
    "recommendation": ("benchmarks.quality.recommendation", "LightGCN by default, other losses, and what is trivial"),
    "defaults": ("benchmarks.quality.defaults", "what nobody set, beside the best of a few settings, graph by graph"),
    "parity": ("benchmarks.parity", "same answers from both hosts, and as DGL's and PyG's classes"),
    "peer_defects": ("benchmarks.peer_defects", "small graphs on which DGL or PyG are wrong, or stop"),
}


#: Options of every benchmark; the rest are a benchmark's own.
COMMON = ("quick", "output", "against", "against_rounds")


def find(name: str) -> Benchmark:
    """A benchmark by its name."""
    module = importlib.import_module(BENCHMARKS[name][0])
    return next(benchmark for benchmark in module.BENCHMARKS if benchmark.name == name)


def parser_of(benchmark: Benchmark) -> argparse.ArgumentParser:
    """Its own options, and those of every benchmark."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks {benchmark.name}",
        description=sys.modules[benchmark.module].__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    benchmark.options(parser)
    common = parser.add_argument_group("of every benchmark")
    common.add_argument("--quick", action="store_true", help="a tiny size, recorded only where --output says")
    common.add_argument("--output", type=Path, help="folder or file of the record")
    common.add_argument("--against", type=Path, metavar="PATH", help="compare with another checkout instead")
    common.add_argument("--against_rounds", type=int, default=5, metavar="N", help="processes of either checkout")
    return parser


def run(benchmark: Benchmark, words: list[str]) -> None:
    """Run one with the options of its command line."""
    parser = parser_of(benchmark)
    if "--quick" in words:
        parser.set_defaults(**benchmark.quick)
    options = parser.parse_args(words)
    common = {name: vars(options).pop(name) for name in COMMON}
    with tempfile.TemporaryDirectory() as nowhere:
        forgotten = common["quick"] or common["against"]
        target = common["output"] or (Path(nowhere) if forgotten else RESULTS)
        recorder = Recorder(target, benchmark.name, benchmark.seed, vars(options))
        if common["against"]:
            results = against.compare(benchmark, options, common["against"], common["against_rounds"])
            path = against.record(recorder, results)
        else:
            path = benchmark.main(options, recorder)
        if path is not None and path.exists() and Path(nowhere) not in path.parents:
            print(path)


def run_quick(words: list[str]) -> None:
    """All benchmarks of speed in their quick form; those whose data is not there are named."""
    for name, (module, about) in BENCHMARKS.items():
        if not module.startswith("benchmarks.speed."):
            continue
        print(f"\n{name}: {about}", flush=True)
        try:
            run(find(name), words)
        except MissingData as error:
            print(f"left out: {error}")


def main(words: list[str] | None = None) -> None:
    words = sys.argv[1:] if words is None else words
    name = words[0] if words else "--help"
    if name in BENCHMARKS:
        run(find(name), words[1:])
    elif name == "tables":
        from . import tables

        tables.main()
    elif name == "--quick":
        run_quick(words)
    elif name in ("--help", "-h"):
        print(__doc__)
        for each, (_, about) in BENCHMARKS.items():
            print(f"  {each:<20}{about}")
    else:
        raise SystemExit(f"no benchmark is called {name}; there are {', '.join(BENCHMARKS)} and tables")

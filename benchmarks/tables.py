"""Write README's tables from the recorded results, so that no figure stands there without its record.

python benchmarks/readme.py
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def read(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text())


def deepwalk() -> list[str]:
    record = read("deepwalk")
    rows = ["| class | accuracy, mean of 5 seeds | tokens/s, ratio |", "|---|---|---|"]
    for name, result in record["results"].items():
        rows.append(f"| {name} | {result['mean_accuracy']:.3f} | {result['speed_ratio']:.1f} |")
    return [*rows, "", source("deepwalk", record)]


def metapath2vec() -> list[str]:
    record = read("metapath2vec")
    seconds, rates = record["results"]["constructor_seconds"], record["results"]["tokens_per_second"]
    rows = ["| ours, beside | constructor | constructor and first batch | epoch of the peer's loop | `ge.fit` |"]
    rows.append("|---|---|---|---|---|")
    for peer, ours in (("dgl", "ours"), ("pyg", "ours, PyG's")):
        name = {"dgl": "`dgl.nn.MetaPath2Vec`", "pyg": "PyG's `MetaPath2Vec`"}[peer]
        rows.append(
            f"| {name} | {seconds[peer] / seconds[ours]:.0f} x | "
            f"{seconds[peer] / seconds[f'{ours}, with a first batch']:.1f} x | {rates[ours] / rates[peer]:.1f} x | "
            f"{rates['ours, by fit'] / rates[peer]:.0f} x |"
        )
    return [*rows, "", source("metapath2vec", record)]


def walks() -> list[str]:
    record = read("walks")
    rates = record["results"]["million_steps_per_second"]
    rows = ["| walks | ratio torch engine : DGL engine | ratio to uniform, torch engine |", "|---|---|---|"]
    for kind in dict.fromkeys(name.rpartition(" | ")[0] for name in rates):
        ours, peer = rates[f"{kind} | torch"], rates.get(f"{kind} | dgl")
        beside = "DGL cannot" if peer is None else f"{ours / peer:.1f}"
        rows.append(f"| {kind} | {beside} | {ours / rates['uniform | torch']:.2f} |")
    return [*rows, "", source("walks", record)]


def skipgram() -> list[str]:
    record = read("skipgram")
    names = {
        "grape": "GRAPE",
        "gensim": "gensim, its walks not counted",
        "dgl": "`dgl.nn.DeepWalk`",
    }
    rows = [
        "| beside | window | `ge.fit` | with the peer's windows |",
        "|---|---|---|---|",
    ]
    for line in record["summary"]:
        if line["engine"] in names:
            same = record["same_windows_as_gensim"][str(line["window"])] if line["engine"] == "gensim" else None
            rows.append(
                f"| {names[line['engine']]} | {line['window']} | {line['ours_times']:.1f} x | "
                f"{'' if same is None else f'{same:.1f} x'} |"
            )
    machine, file = record["machine"], "benchmarks/results/skipgram.json"
    return [
        *rows,
        "",
        f"`python benchmarks/skipgram.py`, recorded in [`{file}`]({file}): {record['nodes']:,} nodes, "
        f"{record['edges']:,} edges, {record['dimension']} dimensions, {record['negatives']} noise nodes, walks of "
        f"{record['walk_length']} nodes, {machine['cores']} cores ({machine['cpu']}), torch "
        f"{record['versions']['torch']}, gensim {record['peer_versions']['gensim']}, ensmallen "
        f"{record['peer_versions']['ensmallen']}.",
    ]


def blogcatalog() -> list[str]:
    record = read("blogcatalog")
    ratios = list(record["deepwalk"]["f1"])
    rows = ["| labelled | " + " | ".join(f"{ratio} %" for ratio in ratios) + " |", "|---" * (len(ratios) + 1) + "|"]
    published = [record["published"][ratio] for ratio in ratios]
    for number, measure in enumerate(("Micro-F1", "Macro-F1")):
        ours = [record["deepwalk"]["f1"][ratio][number] for ratio in ratios]
        rows.append(f"| {measure} | " + " | ".join(f"{value:.2f}" for value in ours) + " |")
        rows.append(f"| {measure}, published | " + " | ".join(f"{value[number]:.2f}" for value in published) + " |")
    seconds, file = record["deepwalk"]["seconds"], "benchmarks/results/blogcatalog.json"
    gensim = record["gensim"]
    return [
        *rows,
        "",
        f"`python benchmarks/blogcatalog.py`, recorded in [`{file}`]({file}): 80 walks of 40 nodes from every node, "
        f"window 10, `shrink_window=True`. gensim reaches {gensim['f1'][0]:.2f} / {gensim['f1'][1]:.2f} at 50 % in "
        f"{gensim['seconds'] / seconds:.1f} times the time, walks included.",
    ]


def scale() -> list[str]:
    record = read("scale")
    sizes = sorted({run["nodes"] for run in record["runs"]})
    rows = ["| nodes | edges | time per token, ratio | peak memory | foretold |", "|---|---|---|---|---|"]

    def middle(nodes: int, quantity: str) -> float:
        return statistics.median(run[quantity] for run in record["runs"] if run["nodes"] == nodes)

    for nodes in sizes:
        ratio = middle(sizes[0], "tokens_per_second") / middle(nodes, "tokens_per_second")
        memory = [middle(nodes, name) / 2**30 for name in ("peak_memory", "predicted_memory")]
        rows.append(f"| {nodes:,} | {20 * nodes:,} | {ratio:.2f} | {memory[0]:.2f} GiB | {memory[1]:.2f} GiB |")
    file = "benchmarks/results/scale.json"
    return [*rows, "", f"`python benchmarks/scale.py`, recorded in [`{file}`]({file})."]


def lightgcn() -> list[str]:
    record = read("lightgcn")
    results = record["results"]
    seconds, memory, ratios = results["seconds"], results["peak_memory_mib"], results["ratios"]
    rows = ["| ours, beside | a training step | peak memory |", "|---|---|---|"]
    for name in ("PyG, edge_index", "PyG, SparseTensor"):
        rows.append(
            f"| {name} | {seconds[name] / seconds['ours']:.1f} x | {memory[name] / memory['ours']:.1f} x less |"
        )
    return [
        *rows,
        "",
        f"Sampling is 1/{ratios['step / sampler']:.0f} of a step; ranking all items for all users and the six metrics "
        f"take as long as {ratios['evaluation / step']:.0f} steps.",
        "",
        source("lightgcn", record),
    ]


def han() -> list[str]:
    record = read("han")
    found = record["results"]["medians"]
    rows = ["| ours, beside | forward and backward | peak memory |", "|---|---|---|"]
    for ours, peer, title in (
        ("ours", "pyg", "PyG's `HANConv`"),
        ("ours, DGL's example", "dgl, 2 GATConv", 'two `dgl.nn.GATConv`, `architecture="dgl"`'),
    ):
        time, memory = (found[peer][key] / found[ours][key] for key in ("step", "peak"))
        rows.append(f"| {title} | {time:.1f} x | {memory:.1f} x less |")
    return [*rows, "", source("han", record)]


def graphsage() -> list[str]:
    record = read("graphsage")
    results = record["results"]
    seconds, memory, whole = results["seconds"], results["memory_mib"], results["whole"]["seconds"]
    rows = [
        "| ours, beside | an epoch of mini-batches | drawing them | a step on all of Coauthor CS | memory |",
        "|---|---|---|---|---|",
    ]
    for name, title in (("PyG", "PyG, `NeighborLoader`"), ("DGL", "DGL, `DataLoader`")):
        step = f"{whole[name] / whole['ours']:.0f} x" if name in whole else ""
        less = memory[name]["peak"] / memory["ours"]["peak"]
        drawing = seconds[f"{name}, loader"] / seconds["ours, loader"]
        rows.append(f"| {title} | {seconds[name] / seconds['ours']:.1f} x | {drawing:.1f} x | {step} | {less:.1f} x |")
    return [*rows, "", source("graphsage", record)]


def lightgcn_gowalla() -> list[str]:
    rows = ["| settings | epoch | CPU minutes | recall@20 | ndcg@20 |", "|---|---|---|---|---|"]
    records = {part: read(f"lightgcn_gowalla_{part}") for part in ("reference", "fast")}
    for part, record in records.items():
        measured = [point for point in record["results"]["curve"] if "recall@20" in point]
        first = [next(point for point in measured if point["epoch"] >= 5)] if part == "reference" else []
        due = [next((p for p in measured if p["cpu_seconds"] >= 60 * minutes), None) for minutes in (15, 30)]
        for point in {each["epoch"]: each for each in (*first, *filter(None, due), measured[-1])}.values():
            rows.append(
                f"| {part} | {point['epoch']} | {point['cpu_seconds'] / 60:.0f} | {point['recall@20']:.4f} | "
                f"{point['ndcg@20']:.4f} |"
            )
    rows.append("| LightGCN-PyTorch's log, published | 5 |  | .1071 |  |")
    rows.append("| LightGCN-PyTorch, published | 1000 |  | .1824 | .1547 |")
    fast = records["fast"]["settings"]
    return [
        *rows,
        "",
        f"*reference* has the settings of LightGCN-PyTorch; *fast* batches of {fast['batch_size']:,} and a learning "
        f"rate of {fast['lr']:g}{'' if fast.get('schedule', 'constant') == 'constant' else ' that falls to 0'}; batch "
        "size and rate were chosen on training pairs held out. `python benchmarks/lightgcn_gowalla.py`, recorded in "
        "[`benchmarks/results/`](benchmarks/results).",
    ]


def han_quality() -> list[str]:
    record = read("han_quality")
    titles = {"acm3025": "ACM3025", "acm": "HGB ACM", "dblp": "DBLP"}
    names = {
        "ours": "`ge.HAN`",
        "ours, DGL's example": '`ge.HAN`, `architecture="dgl"`',
        "ours, all neighbours": "`ge.HAN`, all neighbours",
        "pyg": "PyG's `HANConv`",
    }
    rows = ["| data | model | seeds | Micro-F1 | Macro-F1 | attention to metapaths |", "|---|---|---|---|---|---|"]
    for part, models in record["results"].items():
        for name, found in models.items():
            cells = (f"{found[key]:.2f} ± {found[key + '_deviation']:.2f}" for key in ("micro_f1", "macro_f1"))
            attention = ", ".join(f"{path} {share:.2f}" for path, share in found.get("semantic_attention", {}).items())
            rows.append(
                f"| {titles[part]} | {names[name]} | {len(found['runs'])} | {' | '.join(cells)} | {attention} |"
            )
        if part == "acm3025":
            rows.append("| ACM3025 | DGL's example, published | | 88.99 | 89.02 |  |")
            rows.append("| ACM3025 | HAN's paper | | 89.22 | 89.40 |  |")
    return [*rows, "", source("han_quality", record)]


def parity_hosts() -> list[str]:
    record = read("parity")
    rows = ["| model | data | nodes | edges | comparisons, by stage | |", "|---|---|---|---|---|---|"]
    for row in record["results"]["hosts"]:
        stages = ", ".join(f"{name} {found['equal']}/{found['rows']}" for name, found in row["stages"].items())
        verdict = "identical, bit for bit" if row["ok"] else row["first_difference"]
        rows.append(f"| {row['model']} | {row['data']} | {row['nodes']:,} | {row['edges']:,} | {stages} | {verdict} |")
    return [*rows, "", source("parity", record)]


def parity_peers() -> list[str]:
    record = read("parity")
    rows = ["| beside | data | float64: output, loss, gradients | float32 |", "|---|---|---|---|"]
    for row in record["results"]["peers"]:
        cells = [
            ", ".join("" if part is None else f"{part['relative']:.0e}" for part in row[dtype].values())
            for dtype in ("float64", "float32")
        ]
        rows.append(f"| {row['peer']} | {row['data']} | {cells[0].lstrip(', ')} | {cells[1].lstrip(', ')} |")
    return [*rows, "", source("parity", record)]


def graphsage_quality() -> list[str]:
    record = read("graphsage_quality")
    titles = {"cora": "Cora", "pubmed": "PubMed", "computers": "Amazon Computers", "cs": "Coauthor CS"}
    titles |= {"links-cora": "Cora", "links-pubmed": "PubMed", "twitch": "Twitch"}

    def table(names: dict[str, str], parts: Iterable[str], keys: dict[str, str]) -> list[str]:
        """Percentages, a row for each part and key, a column for each class."""
        lines = [f"| {' | '.join(['data', *names.values()])} |", "|---" * (len(names) + 1) + "|"]
        for part in parts:
            models = record["results"].get(part, {})
            for key, title in keys.items():
                cells = [percentage([run[key] for run in models.get(name, {"runs": []})["runs"]]) for name in names]
                lines.append(f"| {' | '.join([title or titles[part], *cells])} |")
        return [*lines, ""]

    labelled = ["ours, mean", "PyG, mean", "ours, gcn"]
    for aggr in ("mean", "gcn"):
        labelled += [f"ours from DGL's weights, {aggr}", f"DGL, {aggr}"]
    unlabelled = {"ours, mean": "ours, mean", "ours, gcn": "ours, gcn", "DeepWalk": "DeepWalk", "features": "features"}
    countries = {"ENGB": "Twitch, ENGB", "ES": "ES", "FR": "FR", "PTBR": "PTBR", "RU": "RU", "test": "mean"}
    return [
        *table(dict(zip(labelled, labelled, strict=True)), ("cora", "pubmed", "computers", "cs"), {"test": ""}),
        "Without labels, by a logistic regression on the vectors:",
        "",
        *table(unlabelled, ("links-cora", "links-pubmed"), {"test": ""}),
        "Trained on Twitch DE, ROC-AUC on countries never seen:",
        "",
        *table({"ours, mean": "ours, mean", "features": "logistic regression on features"}, ("twitch",), countries),
        source("graphsage_quality", record),
    ]


def percentage(values: list[float]) -> str:
    """Mean, deviation and number of runs."""
    if not values:
        return ""
    mean = f"{100 * statistics.mean(values):.2f}"
    return f"{mean} ± {100 * statistics.stdev(values):.2f} ({len(values)})" if len(values) > 1 else f"{mean} (1)"


def source(name: str, record: dict[str, Any]) -> str:
    versions, hardware = record["versions"], record["hardware"]
    file = f"benchmarks/results/{name}.json"
    return (
        f"`python benchmarks/{name}.py`, recorded in [`{file}`]({file}): "
        f"torch {versions['torch']}, PyG {versions['torch_geometric']}, DGL {versions['dgl']}, "
        f"{hardware['cores']} cores ({hardware['cpu']}), {record['peak_memory_mib']} MiB at most."
    )


TABLES = {
    "deepwalk": deepwalk,
    "metapath2vec": metapath2vec,
    "walks": walks,
    "skipgram": skipgram,
    "blogcatalog": blogcatalog,
    "scale": scale,
    "lightgcn": lightgcn,
    "han": han,
    "graphsage": graphsage,
    "graphsage_quality": graphsage_quality,
    "han_quality": han_quality,
    "lightgcn_gowalla": lightgcn_gowalla,
    "parity_hosts": parity_hosts,
    "parity_peers": parity_peers,
}


def fill(text: str) -> str:
    """README with each table between its markers made anew."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        body = "\n".join([begin, *table(), end])
        text = re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _, body=body: body, text, flags=re.S)
    return text


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(fill(path.read_text()))

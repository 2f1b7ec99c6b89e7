"""Rows and sentences of the tables that a record does not have as they are printed."""

from __future__ import annotations

import statistics
from typing import Any

from .cells import Row, over_runs, text, value


def named(found: dict[str, Any]) -> list[Row]:
    """A row for each entry."""
    return [{"name": name} for name in found]


def kinds_of_walks(found: dict[str, Any]) -> list[Row]:
    names = (name.rpartition(" | ")[0] for name in found["million_steps_per_second"])
    return [{"kind": kind} for kind in dict.fromkeys(names)]


def beside_skipgram(found: dict[str, Any]) -> list[Row]:
    titles = {"grape": "GRAPE", "gensim": "gensim, its walks not counted", "dgl": "`dgl.nn.DeepWalk`"}
    lines = [line for line in found["summary"] if line["engine"] in titles]
    return [
        {
            "title": titles[line["engine"]],
            "of": f"engine={line['engine']},window={line['window']}",
            "window": line["window"],
            "same": line["window"] if line["engine"] == "gensim" else "none",
        }
        for line in lines
    ]


def of_graph(records: dict[str, Any]) -> str:
    settings = records["skipgram"]["settings"]
    return (
        f"{settings['nodes']:,} nodes, {settings['edges']:,} edges, {settings['dimension']} dimensions, "
        f"{settings['negatives']} negatives, walks of {settings['walk_length']} nodes."
    )


def blogcatalog_columns(found: dict[str, Any]) -> dict[str, Any]:
    ratios = {f"{ratio} %": value(f"{{of}}/{ratio}/{{number}}", ".2f") for ratio in found["deepwalk"]["f1"]}
    return {"labelled": text("title")} | ratios


def blogcatalog_rows(found: dict[str, Any]) -> list[Row]:
    return [
        {"title": measure + said, "number": number, "of": of}
        for number, measure in enumerate(("Micro-F1", "Macro-F1"))
        for said, of in (("", "deepwalk/f1"), (", published", "published"))
    ]


def of_gensim(records: dict[str, Any]) -> str:
    found = records["blogcatalog"]["results"]
    gensim, ours = found["gensim"], found["deepwalk"]["seconds"]
    return (
        "80 walks of 40 nodes from every node, window 10, `shrink_window=True`. gensim reaches "
        f"{gensim['f1'][0]:.2f} / {gensim['f1'][1]:.2f} at 50 % in {gensim['seconds'] / ours:.1f} times the time, "
        "walks included."
    )


def sizes(found: dict[str, Any]) -> list[Row]:
    """Medians over the runs of each number of nodes."""
    counts = sorted({run["nodes"] for run in found["runs"]})

    def middle(nodes: int, quantity: str) -> float:
        return statistics.median(run[quantity] for run in found["runs"] if run["nodes"] == nodes)

    return [
        {
            "nodes": f"{nodes:,}",
            "edges": f"{int(middle(nodes, 'edges')):,}",
            "ratio": f"{middle(counts[0], 'tokens_per_second') / middle(nodes, 'tokens_per_second'):.2f}",
            "peak": f"{middle(nodes, 'peak_memory') / GIB:.2f} GiB",
            "predicted": f"{middle(nodes, 'predicted_memory') / GIB:.2f} GiB",
        }
        for nodes in counts
    ]


def readers(found: dict[str, Any]) -> list[Row]:
    """A row a reader: what it holds beside what it keeps."""
    runs = found["runs"]
    return [
        {
            "reader": name,
            "time": f"{run['seconds'] / runs['ours']['seconds']:.2f}",
            "held": f"{run['peak_over_start'] / MIB:,.0f} MiB",
            "kept": f"{run['kept'] / MIB:,.0f} MiB",
            "ratio": f"{run['peak_over_start'] / run['kept']:.1f}",
        }
        for name, run in runs.items()
    ]


def prepared_graphs(found: dict[str, Any]) -> list[Row]:
    """A row a graph and a way to hold it: what preparing held at most, what lies on the disk, what walking holds."""
    return [
        {
            "edges": f"{graph['edges']:,}",
            "nodes": f"{graph['nodes']:,}",
            "way": way,
            "prepared": f"{graph['prepare_peak_bytes'] / MIB:,.0f} MiB",
            "written": f"{graph['folder_bytes'] / MIB:,.0f} MiB",
            "own": f"{max(run['own_bytes'] for run in runs) / MIB:,.0f} MiB",
            "open": f"{statistics.median(run['open_seconds'] for run in runs):.2f} s",
        }
        for graph in found.values()
        for way, runs in graph["runs"].items()
    ]


def by_ranks(found: dict[str, Any]) -> list[Row]:
    """A row a graph and a number of processes, or an engine of one."""
    return [
        {
            "case": case,
            "graph": f"{case}: {entry['nodes']:,} nodes, tables of {entry['tables_mib']:,.0f} MiB",
            "way": way,
        }
        for case, entry in found.items()
        for way in entry["medians"]
    ]


def a_billion(records: dict[str, Any]) -> str:
    """What the figures of four processes come to for a graph that none of them has seen."""
    four = records["ranks"]["results"]["training"]["medians"]["4 ranks"]
    nodes, entries, width, walks, length = 10**9, 10**10, 128, 10, 40
    machines, cores, network = 16, 32, 25e9 / 8
    tokens = nodes * walks * length
    tables = 2 * nodes * width * 4
    hours = tokens / four["tokens_per_cpu_second"] / machines / cores / 3600
    sent = tokens * four["bytes_per_token"] / machines
    return (
        f"An estimate from these figures, by arithmetic alone, for 10^9 nodes and 10^10 entries of edges, {width} "
        f"dimensions and {walks} walks of {length} nodes from each ({tokens:.0e} tokens): tables of "
        f"{tables / 1e12:.2f} TB, {tables / machines / 1e9:.0f} GB on each of {machines} machines, beside "
        f"{(4 * entries + 8 * nodes) / 1e9:.0f} GB of edges that each maps; {hours:.1f} hours of {machines} machines "
        f"of {cores} cores if cores added up as they do not quite from one to four here, and, with as many bytes a "
        f"token as four processes send, {sent / 1e12:.0f} TB sent by each machine, {sent / network / 3600:.1f} hours "
        "of a 25 Gbit/s network. More processes share fewer rows and send more. Nothing beyond one machine has run."
    )


def of_steps(records: dict[str, Any]) -> str:
    seconds = records["lightgcn"]["results"]["seconds"]
    return (
        f"Sampling is 1/{seconds['ours'] / seconds['sampler']:.0f} of a step; ranking all items for all users and the "
        f"six metrics take as long as {seconds['evaluation of all users'] / seconds['ours']:.0f} steps."
    )


def gowalla_rows(found: dict[str, Any]) -> list[Row]:
    """The first measured epoch from 5 on, those at some minutes, and the last."""
    rows: list[Row] = []
    for part in ("reference", "fast", "softmax", "longer"):
        measured = [point for point in found[f"lightgcn_gowalla_{part}"]["curve"] if "recall@20" in point]
        first = [next(point for point in measured if point["epoch"] >= 5)] if part != "fast" else []
        times = {"softmax": (2, 5), "longer": (5, 10)}.get(part, (15, 30))
        due = [next((p for p in measured if p["cpu_seconds"] >= 60 * minutes), None) for minutes in times]
        for point in {each["epoch"]: each for each in (*first, *filter(None, due), measured[-1])}.values():
            minutes = f"{point['cpu_seconds'] / 60:.0f}"
            of = f"lightgcn_gowalla_{part}/curve/epoch={point['epoch']}"
            rows.append({"settings": part, "epoch": point["epoch"], "minutes": minutes, "of": of})
    for title, epoch in (("LightGCN-PyTorch's log, published", 5), ("LightGCN-PyTorch, published", 1000)):
        rows.append({"settings": title, "epoch": epoch, "of": f"published/lightgcn/epoch {epoch}"})
    return rows


def of_settings(records: dict[str, Any]) -> str:
    parts = "fast", "softmax", "longer"
    fast, softmax, longer = (records[f"lightgcn_gowalla_{part}"]["settings"] for part in parts)
    falling = "" if fast.get("schedule", "constant") == "constant" else " that falls to 0"
    return (
        f"*reference* has the settings of LightGCN-PyTorch; *fast* batches of {fast['batch_size']:,} and a learning "
        f'rate of {fast["lr"]:g}{falling}; *softmax* `loss="softmax"`, {softmax["batch_size"]:,} users in a batch with '
        f"{softmax['num_negatives']:,} negatives, temperature {softmax['temperature']:g}, balance "
        f"{softmax['balance']:g}, a rate of {softmax['lr']:g} "
        f"that falls to 0, decay {softmax['weight_decay']:g}, as `ge.fit` takes them; *longer* the same with a rate of "
        f"{longer['lr']:g}, decay {longer['weight_decay']:g} and {longer['epochs']} epochs. They were chosen on "
        "training pairs held out."
    )


RECOMMENDED = {"lastfm": "LastFM", "movielens": "MovieLens-100k", "gowalla": "Gowalla"}
RECOMMENDERS = {"default": "LightGCN, `ge.fit` without settings", "pyg": 'LightGCN, `loss="pyg"`'}


def recommendation_rows(found: dict[str, Any]) -> list[Row]:
    """Every recommender on every set, the best first."""
    return [
        {"data": RECOMMENDED[data], "model": RECOMMENDERS.get(name, name), "of": f"{data}/{name}"}
        for data, models in found.items()
        for name in sorted(models, key=lambda name: -models[name]["recall@20"])
    ]


def default_rows(found: dict[str, Any]) -> list[Row]:
    """A row a graph: the default, the best of the grid, and what part of its score the default has."""
    rows: list[Row] = []
    for data, one in found.items():
        best = ", ".join(f"`{name}={value:g}`" for name, value in one["best"]["settings"].items())
        share = f"{100 * one['default']['test'] / one['best']['test']:.0f} %"
        rows.append({"data": data, "model": one["model"], "best": best or "the default", "share": share})
    return rows


HAN_DATA = {"acm3025": "ACM3025", "acm": "HGB ACM", "dblp": "DBLP"}
HAN_MODELS = {
    "ours": "`ge.HAN`",
    "ours, DGL's example": '`ge.HAN`, `architecture="dgl"`',
    "ours, all neighbours": "`ge.HAN`, all neighbours",
    "pyg": "PyG's `HANConv`",
}


def han_rows(found: dict[str, Any]) -> list[Row]:
    rows: list[Row] = []
    for part, models in found["han_quality"].items():
        for name, figures in models.items():
            shares = figures.get("semantic_attention", {}).items()
            attention = ", ".join(f"{path} {share:.2f}" for path, share in shares)
            row = {"data": HAN_DATA[part], "model": HAN_MODELS[name], "seeds": len(figures["runs"])}
            rows.append(row | {"attention": attention, "of": f"han_quality/{part}/{name}"})
        if part == "acm3025":
            for title, said in (("DGL's example", "DGL's example, published"), ("HAN's paper", "HAN's paper")):
                rows.append({"data": "ACM3025", "model": said, "of": f"published/han/{title}"})
    return rows


MIB, GIB = 2**20, 2**30
SAGE = ["ours, mean", "PyG, mean", "ours, gcn"]
for _aggr in ("mean", "gcn"):
    SAGE += [f"ours from DGL's weights, {_aggr}", f"DGL, {_aggr}"]
UNLABELLED = ("ours, mean", "ours, gcn", "DeepWalk", "features")
COUNTRIES = {"ENGB": "Twitch, ENGB", "ES": "ES", "FR": "FR", "PTBR": "PTBR", "RU": "RU", "test": "mean"}


def accuracies(names: Any) -> dict[str, Any]:
    """A column for each class, under a title of its own where ``names`` gives one."""
    titles = names if isinstance(names, dict) else {name: name for name in names}
    columns = {title: over_runs(f"{{part}}/{name}/runs", "{key}") for name, title in titles.items()}
    return {"data": text("data")} | columns


def on_sets(**titles: str) -> list[Row]:
    return [{"part": part.replace("_", "-"), "data": title, "key": "test"} for part, title in titles.items()]


def walk_quality_rows(found: dict[str, Any]) -> list[Row]:
    rows: list[Row] = []
    for record, results in found.items():
        if record != "published":
            data = {"dblp": "DBLP", "acm": "ACM", "aminer": "AMiner"}[record.removeprefix("walk_quality_")]
            rows += [{"data": data, "model": name, "of": f"{record}/means/{name}"} for name in results["means"]]
            if data in found["published"]["metapath2vec"]:
                rows.append({"data": data, "model": "OpenHGNN, published", "of": f"published/metapath2vec/{data}"})
    return [row | {"model": row["model"].replace("the peer's loop", "DGL's loop")} for row in rows]


def parity_rows(found: dict[str, Any]) -> list[Row]:
    return [
        {
            "model": row["model"],
            "data": row["data"],
            "nodes": f"{row['nodes']:,}",
            "edges": f"{row['edges']:,}",
            "stages": ", ".join(f"{name} {one['equal']}/{one['rows']}" for name, one in row["stages"].items()),
            "verdict": "identical, bit for bit" if row["ok"] else row["first_difference"],
        }
        for row in found["hosts"]
    ]


def differences(found: dict[str, Any]) -> list[Row]:
    def cell(part: dict[str, Any]) -> str:
        return ", ".join(f"{kind['relative']:.0e}" for kind in part.values() if kind is not None)

    return [row | {"float64": cell(row["float64"]), "float32": cell(row["float32"])} for row in found["peers"]]


def on_gpu(found: Any) -> list[dict[str, str]]:
    """What stands beside what on a GPU; seconds of different work, such as batches of other sizes, are no ratio."""
    skipgram = {"skip-gram, an epoch": ("its 16 cores", "ours, CPU"), "skip-gram, a batch": ("", "none")}
    rows = [
        {"title": case, "other": other, "case": case, "theirs": theirs, "ours": "ours, GPU",
         "rate": f"{case}/rates/ours, GPU"}
        for case, (other, theirs) in skipgram.items()
    ]  # fmt: skip
    for title in ("LightGCN", "HAN", "GraphSAGE"):
        case = f"{title}, a step"
        for name in found[case]["seconds"]:
            if name != "ours":
                rows.append(
                    {"title": case, "other": name, "case": case, "theirs": name, "ours": "ours", "rate": "none"}
                )
    return rows


def largest(found: dict[str, Any]) -> list[Row]:
    """The largest graph of each model."""
    counts = {model: max(run["edges"] for run in one["runs"]) for model, one in found.items()}
    return [{"model": model, "edges": f"{count:,}", "count": count} for model, count in counts.items()]

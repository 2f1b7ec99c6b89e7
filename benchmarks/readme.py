"""Write README's tables from the recorded results, so that no figure stands there without its record.

python benchmarks/readme.py
"""

from __future__ import annotations

import json
import re
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


def source(name: str, record: dict[str, Any]) -> str:
    versions, hardware = record["versions"], record["hardware"]
    file = f"benchmarks/results/{name}.json"
    return (
        f"`python benchmarks/{name}.py`, recorded in [`{file}`]({file}): "
        f"torch {versions['torch']}, PyG {versions['torch_geometric']}, DGL {versions['dgl']}, "
        f"{hardware['cores']} cores ({hardware['cpu']}), {record['peak_memory_mib']} MiB at most."
    )


TABLES = {"deepwalk": deepwalk, "metapath2vec": metapath2vec, "walks": walks}


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

"""The benchmarks: what the harness does, that tables are those of the records, that a quick form runs to its end."""

from __future__ import annotations

import argparse
import ast
import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from benchmarks import against, cells, figures, harness, run, table_list, tables
from benchmarks.harness import Case, Run
from tests.conftest import ROOT

FOLDER = ROOT / "benchmarks"
PAGE = FOLDER / "README.md"
MODULES = sorted(FOLDER.rglob("*.py"))
ALL_TABLES = table_list.TABLES | figures.README_TABLES


def counting(log, name):
    return lambda: log.append(name)


def test_competitors_take_turns_after_the_check():
    log = []
    runs = {name: lambda name=name: counting(log, name) for name in ("ours", "theirs")}
    case = Case("turns", runs, check=lambda: log.append("check"), repeats=2, warm_ups=1)
    samples = harness.measure(None, case, argparse.Namespace())
    assert log == ["check", "ours", "theirs", "ours", "theirs", "ours", "theirs"]
    assert {name: len(found) for name, found in samples.items()} == {"ours": 2, "theirs": 2}
    assert set(samples["ours"][0]) == {"seconds", "cpu_seconds", "peak_mib"}


def test_nothing_is_timed_where_answers_differ():
    def differ():
        raise AssertionError("answers differ")

    log = []
    case = Case("wrong", {"ours": lambda: counting(log, "ours")}, check=differ)
    with pytest.raises(AssertionError, match="answers differ"):
        harness.measure(None, case, argparse.Namespace())
    assert log == []


def test_a_wrong_result_has_no_time():
    def judged(result):
        assert result == "right"

    case = Case("wrong", {"ours": lambda: Run(lambda: "wrong", judged)}, warm_ups=0)
    with pytest.raises(AssertionError):
        harness.measure(None, case, argparse.Namespace())


def test_medians_rates_and_ratios():
    samples = {
        "ours": [{"seconds": seconds, "cpu_seconds": 2 * seconds} for seconds in (4.0, 1.0, 2.0)],
        "theirs": [{"seconds": 8.0, "cpu_seconds": 8.0, "rows": 400}],
    }
    case = Case("epoch", {}, rows=100, unit="rows/s")
    assert harness.medians(samples) == {"ours": 2.0, "theirs": 8.0}
    assert harness.rates(case, samples) == {"ours": 50.0, "theirs": 50.0}
    assert harness.rates(case, samples, "cpu_seconds") == {"ours": 25.0, "theirs": 50.0}
    assert harness.ratios({"ours": 2.0, "theirs": 8.0}) == {"ours": 1.0, "theirs": 4.0}
    assert harness.ratios({"ours": 2.0, "theirs": 8.0}, "theirs") == {"ours": 0.25, "theirs": 1.0}


def test_deviations_are_those_of_a_sample():
    assert harness.summary([{"f1": 1.0}, {"f1": 3.0}], ["f1"]) == {"f1": 2.0, "f1_deviation": 2**0.5}
    assert harness.summary([{"f1": 1.0}], ["f1"]) == {"f1": 1.0, "f1_deviation": 0.0}


def test_a_clock_that_stops_does_not_count():
    clock = harness.Clock()
    with clock:
        sum(range(1000))
    stopped = clock.seconds
    sum(range(100_000))
    assert clock.seconds == stopped > 0
    with clock:
        sum(range(1000))
    assert clock.seconds > stopped


def test_memory_is_that_of_the_process_alone():
    """A child of a process that holds 200 MiB more has not held them itself."""
    held = bytearray(200 * harness.MIB)
    held[::4096] = b"x" * len(held[::4096])
    code = "from benchmarks.harness import peak_memory; print(peak_memory())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 200 * harness.MIB < harness.peak_memory()
    assert harness.memory("VmRSS") <= harness.peak_memory()


def test_every_benchmark_is_found_and_has_a_quick_form():
    for name in run.BENCHMARKS:
        benchmark = run.find(name)
        assert benchmark.name == name
        parser = run.parser_of(benchmark)
        known = {action.dest: action for action in parser._actions}
        assert set(benchmark.quick) <= set(known), name
        for option, value in benchmark.quick.items():
            if known[option].choices is not None:
                assert set(value) <= set(known[option].choices), (name, option)


def test_a_list_is_printed_without_a_name(capsys):
    run.main([])
    printed = capsys.readouterr().out
    assert all(name in printed for name in run.BENCHMARKS)
    with pytest.raises(SystemExit, match="no benchmark is called wals"):
        run.main(["wals"])


TINY = ["--nodes", "60", "--edges", "600", "--starts", "50", "--length", "5", "--repeats", "1"]


def test_a_run_writes_its_record(tmp_path, capsys):
    run.main(["walks", *TINY, "--output", str(tmp_path)])
    record = json.loads((tmp_path / "walks.json").read_text())
    assert record["settings"] == {"nodes": 60, "edges": 600, "starts": 50, "length": 5, "repeats": 1}
    assert record["seed"] == 0
    assert {"hardware", "load", "versions", "peak_memory_mib"} <= set(record)
    rates = record["results"]["million_steps_per_second"]
    assert (
        rates.keys()
        == json.loads((FOLDER / "results" / "walks.json").read_text())["results"]["million_steps_per_second"].keys()
    )
    assert min(rates.values()) > 0
    assert table_list.TABLES["walks"].lines(tmp_path)


STUB = """
from benchmarks.harness import Benchmark, Case, Run
import graphembed_ext

def checked():
    print("checked")

def cases(options):
    told = lambda _: {"which": graphembed_ext.WHICH, "rows": options.count}
    made = {"ours": lambda: Run(lambda: sum(range(options.count)), told), "nobody": lambda: {}["nobody"]}
    return [Case("sum", made, check=checked, repeats=2, rounds=2, optional=("nobody",))]

def main(options, recorder):
    pass

BENCHMARKS = [Benchmark("stub", main, cases=cases)]
"""


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """A benchmark that needs no torch, and two folders with a package for it."""
    for which in ("this", "other"):
        package = tmp_path / which / "graphembed_ext"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(f"WHICH = {which!r}")
        (tmp_path / which / "stub.py").write_text(STUB)
        # What the other checkout measures with must not be taken.
        (tmp_path / which / "benchmarks").mkdir()
        (tmp_path / which / "benchmarks" / "__init__.py").write_text("raise RuntimeError('the wrong harness')")
    for module in (against, harness):
        monkeypatch.setattr(module, "package_folder", lambda: tmp_path / "this")
    made = Case("sum", {"ours": None, "nobody": None}, check=lambda: None, rounds=2, optional=("nobody",))
    main = type("main", (), {"__module__": "stub"})
    return harness.Benchmark("stub", main, cases=lambda options: [made]), made, argparse.Namespace(count=1000)


def test_competitors_have_processes_of_their_own(stub, capsys):
    samples = harness.measure(*stub)
    assert samples.keys() == {"ours"}
    assert [one["which"] for one in samples["ours"]] == ["this"] * 4  # two processes, two runs each
    assert all(one["peak_mib"] >= one["before_mib"] > 0 for one in samples["ours"])
    assert capsys.readouterr().out.startswith("nobody: left out: KeyError: 'nobody'\n")


def test_who_may_not_be_missing(stub):
    benchmark, case, options = stub
    with pytest.raises(harness.ChildError, match="stub, sum, nobody"):
        harness.measure(benchmark, replace(case, optional=()), options)


def test_two_checkouts_side_by_side(stub, tmp_path, capsys):
    benchmark, _, options = stub
    results = against.compare(benchmark, options, tmp_path / "other", rounds=1)
    found = results["sum"]["ours"]
    for which in ("this", "other"):
        assert [one["which"] for one in found["samples"][which]] == [which] * 2
    assert set(found["ratio"]) == {"seconds", "cpu_seconds", "peak_mib"}
    assert found["ratio"]["seconds"] > 0
    assert "sum, ours" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="has no graphembed_ext"):
        against.compare(benchmark, options, FOLDER, rounds=1)


def test_tables_are_those_of_the_records():
    page = PAGE.read_text()
    assert tables.fill(page, table_list.TABLES) == page
    for name in table_list.TABLES:
        assert page.count(f"<!-- {name}:begin -->") == page.count(f"<!-- {name}:end -->") == 1, name
    assert set(re.findall(r"<!-- (\w+):begin -->", page)) == set(table_list.TABLES)


def test_the_table_of_readme_is_that_of_the_records():
    page = (ROOT / "README.md").read_text()
    assert page.count("<!-- figures:begin -->") == page.count("<!-- figures:end -->") == 1
    assert tables.fill(page, figures.README_TABLES) == page


def test_a_changed_record_changes_its_table(tmp_path):
    record = json.loads((FOLDER / "results" / "deepwalk.json").read_text())
    record["results"]["dgl.nn.DeepWalk"]["mean_accuracy"] = 0.5
    (tmp_path / "deepwalk.json").write_text(json.dumps(record))
    before, after = (table_list.TABLES["deepwalk"].lines(folder) for folder in (FOLDER / "results", tmp_path))
    assert [line for line in after if line not in before] == ["| dgl.nn.DeepWalk | 0.500 | 1.0 |"]


def test_every_record_has_a_table_and_every_table_its_records():
    recorded = {path.stem for path in (FOLDER / "results").glob("*.json")}
    assert {record for table in ALL_TABLES.values() for record in table.records} == recorded
    for name in table_list.TABLES.values():
        assert (name.command or name.records[0]) in run.BENCHMARKS


def test_no_cell_of_a_model_is_empty():
    for line in figures.README_TABLES["figures"].lines():
        assert all(cell.strip() for cell in line.strip("|").split("|")), line


def test_paths_find_figures():
    found = {"runs": [{"engine": "dgl", "window": 5, "rate": [1, 2]}], "a": {"b | c": 3}}
    assert cells.at(found, "runs/engine=dgl,window=5/rate/-1") == 2
    assert cells.at(found, "a/{x} | c", {"x": "b"}) == 3
    assert cells.at(found, "a/nothing/more") is None
    assert cells.at(found, "runs/engine=gensim") is None


def test_links_of_the_page_exist():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", PAGE.read_text()):
        assert (FOLDER / target).exists(), target


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_modules_stay_small_and_only_the_harness_keeps_time(path):
    source = path.read_text()
    assert source.count("\n") <= 400
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno - node.lineno < 80, node.name
    if path.name not in ("harness.py", "curve.py"):
        for clock in ("perf_counter", "process_time", "getrusage", "subprocess.run"):
            allowed = (
                clock == "subprocess.run" and path.name == "skipgram.py"
            )  # asks the other interpreter its versions
            assert clock not in source or allowed, clock

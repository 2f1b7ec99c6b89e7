"""What README tells a reader to type works: shell commands, Python, links; and the files it stands beside."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest
import yaml

import graphembed_ext as ge
from tests.conftest import ROOT

README = ROOT / "README.md"


def blocks(language):
    """Code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), re.S | re.M)


def commands():
    """Lines of the shell blocks, without comments; a here-document with its command."""
    found = []
    for block in blocks("sh"):
        lines = iter(block.splitlines())
        for line in lines:
            if not line.strip() or line.startswith("#"):
                continue
            while line.endswith("\\"):
                line = line[:-1] + next(lines)
            mark = re.search(r"<< ?'?(\w+)'?", line)
            if mark:
                for more in lines:
                    line += "\n" + more
                    if more == mark[1]:
                        break
            found.append(line)
    return found


def test_make_targets_exist():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M)
    named = re.findall(r"^make ([a-z]+)", README.read_text(), re.M)
    assert {"demo", "test"} <= set(named) <= set(targets)


def test_shell_commands(tmp_path):
    """In one folder, one after the other, each with exit code 0; those of make and pip are left out."""
    run = [line for line in commands() if line.split()[0] not in ("make", "pip")]
    if not any(line.startswith("graphembed ") for line in run):
        pytest.skip("README has no shell block (```sh) with a graphembed command")
    program = tmp_path / "bin"
    program.mkdir()
    code = "from graphembed_ext.cli import main; main()"
    (program / "graphembed").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c "{code}" "$@"\n')
    (program / "graphembed").chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    script = "\n".join(["set -e", f"PATH={shlex.quote(str(program))}:$PATH", *run])
    done = subprocess.run(["bash", "-c", script], cwd=work, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for path in re.findall(r"wrote (\S+\.png)$", done.stdout, re.M):
        assert (work / path).exists()


def test_named_commands_and_options_exist():
    from typer.main import get_command

    from graphembed_ext.cli.entry import app

    known = get_command(app).commands
    for line in re.findall(r"graphembed (?:[a-z]+)(?: [^`\n#]*)?", README.read_text()):
        words = shlex.split(line.partition("|")[0].rstrip("\\"), comments=True)
        if words[1] not in known:
            continue
        options = {"--help"} | {
            option for parameter in known[words[1]].params for option in parameter.opts + parameter.secondary_opts
        }
        for word in words[2:]:
            if word.startswith("-") and not re.fullmatch(r"-?\d.*", word):
                assert word in options, line


def test_files_that_are_linked_exist():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README.read_text()):
        assert (ROOT / target).exists(), target


def test_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == ge.__version__
    assert citation["license"] == "MIT"
    assert (ROOT / "LICENSE").exists()


def test_the_package_is_typed():
    from pathlib import Path

    assert (Path(ge.__file__).parent / "py.typed").exists()

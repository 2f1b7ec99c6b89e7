"""The rules of the house: imports go one way, hosts stay where they belong, modules stay small."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import graphembed_ext as ge

PACKAGE = Path(ge.__file__).parent

#: A wing imports only wings of rows above its own; imports inside functions count, those for type checkers too.
ROWS = [
    {"errors"},
    {"_core"},
    {"graph", "losses", "callbacks"},
    {"hosts", "nn", "embeddings", "plots"},
    {"distributed"},
    {"walks", "readers", "index", "evaluate"},
    {"sampling", "exports"},
    {"training", "models"},
    {"dgl", "pyg", "parity", "checkpoint", "estimators", "lightning"},
    {"cli", "__init__"},
    {"__main__"},
]
ROW = {wing: number for number, row in enumerate(ROWS) for wing in row}

#: Who reads or makes objects of PyG: its adapter, the layers, which are PyG's, and readers of what PyG saved.
MAY_IMPORT_PYG = ("hosts/pyg.py", "nn/", "readers/datasets.py", "readers/saved.py", "cli/doctor.py", "cli/demo.py")
MAY_IMPORT_DGL = ("_core/optional.py", "hosts/dgl.py", "nn/dgl_", "walks/dgl.py", "readers/saved.py", "cli/")


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(module: str, inside_functions: bool = True):
    """Pairs of line and imported name, the package's own modules by their whole name."""
    path = MODULES[module]
    base = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    tree = ast.parse(path.read_text())
    nodes = ast.walk(tree) if inside_functions else iter(top_level(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = base[: len(base) - node.level + 1] if node.level else []
            source = ".".join([*above, *(node.module.split(".") if node.module else [])])
            for alias in node.names:
                whole = f"{source}.{alias.name}"
                yield node.lineno, whole if whole in MODULES else source


def top_level(tree: ast.Module):
    """Statements that run at import, those under ``if TYPE_CHECKING`` left out."""
    for node in tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node


def wing_of(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def test_every_wing_stands_in_a_row():
    assert {wing_of(module) for module in MODULES} == set(ROW)


def test_imports_go_one_way():
    up = [
        f"{module}, line {line}: {wing_of(module)} imports {wing_of(used)}"
        for module in MODULES
        for line, used in imports(module)
        if used.partition(".")[0] == PACKAGE.name and wing_of(used) != wing_of(module)
        if ROW[wing_of(used)] >= ROW[wing_of(module)]
    ]
    assert not up


def test_no_circle_of_modules():
    """Not even for type checkers or inside functions."""
    arrows = {module: {used for _, used in imports(module) if used in MODULES} - {module} for module in MODULES}
    # an __init__ hands names on: whoever imports the wing's face imports what stands behind it
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module not in done:
            for used in sorted(arrows[module]):
                visit(used, (*path, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())


def test_hosts_are_imported_where_they_are_read_alone():
    for module, path in MODULES.items():
        name = path.relative_to(PACKAGE).as_posix()
        roots = {used.partition(".")[0] for _, used in imports(module)}
        if not name.startswith(MAY_IMPORT_PYG):
            assert not roots & {"torch_geometric", "torch_sparse", "torch_scatter"}, name
        assert "dgl" not in roots, f"{name}: import DGL by _core.optional.import_dgl"
        if not name.startswith(MAY_IMPORT_DGL):
            assert "import_dgl" not in path.read_text(), name


def test_reading_a_graph_loads_few_modules():
    code = (
        "import sys, torch, graphembed_ext as ge\n"
        "from torch_geometric.data import Data\n"
        "ge.view(Data(edge_index=torch.tensor([[0], [1]]), num_nodes=2))\n"
        "print(*sorted(m for m in sys.modules if m.partition('.')[0] == 'graphembed_ext'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert len(done.stdout.split()) <= 15, done.stdout


def lines_of(node: ast.AST) -> int:
    """Lines of a function without its docstring."""
    first = node.body[0]
    length = node.end_lineno - node.lineno + 1
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        length -= first.end_lineno - first.lineno + 1
    return length


def compiled(node: ast.AST) -> bool:
    return any(
        "jit" in ast.unparse(decorator) or "kernel" in ast.unparse(decorator) for decorator in node.decorator_list
    )


def test_modules_and_functions_are_short():
    long = []
    for module, path in MODULES.items():
        text = path.read_text()
        if text.count("\n") > 400:
            long.append(f"{module}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not compiled(node) and lines_of(node) > 80:
                long.append(f"{module}.{node.name}: {lines_of(node)} lines")
    assert not long

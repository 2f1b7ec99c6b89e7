"""The API as pages, out of the docstrings of the public names: ``make docs``.

python -m tests.project.api_page FOLDER
"""

from __future__ import annotations

import importlib
import sys
import warnings
from pathlib import Path

from tests.project.test_docs import FACES


def write(folder: Path) -> list[str]:
    """Pages of all faces, by pdoc; what it warned of."""
    import pdoc

    shown = set()  # modules that have a page as names of the package do
    for face in FACES:
        module = importlib.import_module(face)
        for name in getattr(module, "__all__", ()):
            setattr(module, name, getattr(module, name))  # names are loaded when they are first used
        shown |= {f"{face}.{name}" for name in getattr(module, "__all__", ())}
    pdoc.render.configure(docformat="google", footer_text="graphembed_ext", show_source=False)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        # the constructor of a NamedTuple has a module of its own, without the imports of ours
        warnings.filterwarnings("ignore", r".*ForwardRef\('Tensor'\) for graphembed_ext\.walks\.Walks\.__init__")
        pdoc.pdoc(*(face for face in FACES if face not in shown), output_directory=folder)
    return [str(warning.message) for warning in found]


if __name__ == "__main__":
    told = write(Path(sys.argv[1]))
    print(*told, sep="\n", file=sys.stderr)
    print(f"wrote {sys.argv[1]}/index.html")
    sys.exit(1 if told else 0)

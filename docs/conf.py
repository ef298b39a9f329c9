"""How Sphinx builds the site: `make docs`, into build/docs."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from archsim import __version__ as release

project = "archsim and sdalgo"
author = "the archsim developers"
root_doc = "index"
# README.md is the map, for readers of the repository; index.md shows it on the site.
exclude_patterns = ["README.md", "results"]

extensions = [
    "myst_parser",
    "notebook_source",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
# A heading gets the anchor that GitHub gives it, and a link to one that is missing is an error.
myst_heading_anchors = 3
suppress_warnings = ["config.cache"]

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
napoleon_numpy_docstring = False

highlight_language = "none"  # of a block that names no language
html_theme = "furo"
html_title = f"archsim {release}"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False


def keep_the_colon(_app: Any, what: str, _name: str, _object: Any, _options: Any, lines: list[str]):
    """Put an empty comment before the docstring of a property, else napoleon would take the words
    before its first colon for a type."""
    if what in {"attribute", "data", "property"}:
        lines[:0] = ["..", ""]


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", keep_the_colon, priority=400)

"""Settings of the site, `make docs`: Sphinx reads the pages, `building` makes what is generated."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # for docs.building, which runs the examples as the tests do

project = "atomlab"
author = "the atomlab maintainers"
project_copyright = "2026, the atomlab maintainers; Apache-2.0"
extensions = ["myst_parser", "sphinx.ext.autodoc", "docs.building"]
exclude_patterns = ["_build"]
root_doc = "index"
language = "en"

myst_heading_anchors = 3  # anchors as GitHub names them
suppress_warnings = ["myst.header"]  # a page's part may begin at any level
highlight_language = "console"
default_role = "code"  # in docstrings, `name` is code

nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r".*")]  # types of other libraries have no page here
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
maximum_signature_line_length = 80

html_theme = "furo"
html_title = "atomlab"
html_favicon = "_static/favicon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = False
html_show_sphinx = False
html_last_updated_fmt = None
html_theme_options = {
    "light_css_variables": {"font-stack": "system-ui, sans-serif"},
    "dark_css_variables": {"font-stack": "system-ui, sans-serif"},
}

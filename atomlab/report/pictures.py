"""Pictures that cells put out, as an `img` that holds them."""

from __future__ import annotations

import warnings
from base64 import b64decode, b64encode
from collections.abc import Mapping
from io import BytesIO
from xml.etree import ElementTree

from markupsafe import Markup
from PIL import Image

from atomlab.report.harmless import PICTURES, clean, left_out
from atomlab.text import printable


def picture(data: Mapping[str, str], alt: str = "") -> Markup | None:
    """Return the first picture of these kinds that is one, a word if none is, None without any.

    No SVG is ever part of the page: in an `img` nothing of it runs, and it loads nothing.
    """
    there = [kind for kind, name in PICTURES.items() if name in data]
    for kind in there:
        if content := _content(kind, data[PICTURES[kind]]):
            address = f"data:{PICTURES[kind]};base64,{b64encode(content).decode()}"
            described = printable(alt or data.get("text/plain") or "A picture", 200)
            return clean(Markup('<img alt="{}" src="{}">').format(described, address))
    if there:
        return left_out(f"a picture ({PICTURES[there[0]]})", "it is damaged, or of another kind")
    return None


def size_of(content: bytes) -> tuple[int, int]:
    """Return width and height, in pixels, of a picture that is not SVG.

    Raises ValueError for what is none, or has more pixels than a reader's machine can hold.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(content), formats=("PNG", "JPEG", "GIF", "WEBP")) as image:
                return image.size
    except Exception as error:  # of many kinds, for what is damaged
        raise ValueError(str(error)) from None


def is_svg(content: bytes) -> bool:
    """Return whether it is a drawing in SVG, as a file of its own."""
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - expat bounds what it expands
    except (ValueError, ElementTree.ParseError, RecursionError):
        return False
    return root.tag == "{http://www.w3.org/2000/svg}svg"


def _content(kind: str, text: str) -> bytes | None:
    """Return the picture's bytes, None for what is not of its kind."""
    try:
        if kind == "svg+xml":
            return content if is_svg(content := text.encode()) else None
        content = b64decode("".join(text.split()), validate=True)
        size_of(content)
    except ValueError:
        return None
    return content

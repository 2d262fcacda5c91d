"""A report or postmortem as PDF or Word document: its HTML page, converted by pandoc and typst."""

from __future__ import annotations

import re
import subprocess
from base64 import b64decode, b64encode
from contextlib import suppress
from datetime import UTC, datetime
from html import escape, unescape
from io import BytesIO
from itertools import accumulate
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from atomlab.errors import ReportError
from atomlab.report.pictures import is_svg, size_of
from atomlab.report.templates import FOLDER
from atomlab.text import visible

_FOLDER = FOLDER / "document"
_TIMEOUT_S = 60
_LEFT_OUT = re.compile(
    r'<(a|details|nav)\b[^>]*\bclass="(?:code|contents|skip contents)".*?</\1>', re.DOTALL
)
_TERM = re.compile(r'<a class="term"[^>]*>(.*?)</a>', re.DOTALL)
_IMAGE = re.compile(
    r'<img(?: alt="([^"]*)")?[^>]*? src="'
    r'data:image/(svg|png|jpeg|gif|webp)(?:\+xml)?;base64,([^"]+)"'
)
_FORMULA = re.compile(r"<math\b([^>]*)>.*?</math>", re.DOTALL)
_SOURCE = re.compile(r'\balttext="([^"]*)"')
_TAG = re.compile(r"<[^>]*>")
_END = re.compile(r"<(/?)\w")
_DEEPEST = 20  # of what nests deeper pandoc's time doubles with each level
_UNREADABLE = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="420" height="24"><text y="16" font-size="12">'
    b"Left out: a picture that cannot be printed; report.html has it.</text></svg>"
)
_META = re.compile(r'<meta name="(author|date)" content="([^"]+)">')
_CREATOR = re.compile("<dc:creator>.*?</dc:creator>", re.DOTALL)
_MADE_AT = re.compile(r"(?<=W3CDTF\">)[^<]+")
_NO_GLYPH = re.compile('the text `"(.+?)"` could not be displayed')


def to_docx(page: str) -> bytes:
    """Return the HTML page as a Word document, in the styles of reference.docx.

    Its properties are the page's title, author and date, today where it has none.
    """
    about, written = _about(page), BytesIO()
    content = _content(_with_sources(page, deeper_than=_DEEPEST))
    made = _pandoc(content, "docx", f"--reference-doc={_FOLDER / 'reference.docx'}")
    creator = f"<dc:creator>{escape(about.get('author', ''))}</dc:creator>"
    day = about.get("date") or f"{datetime.now(UTC):%Y-%m-%d}"
    with ZipFile(BytesIO(made)) as before, ZipFile(written, "w", ZIP_DEFLATED) as after:
        for part in before.infolist():
            stored = before.read(part)
            if part.filename == "docProps/core.xml":  # in which pandoc has 1970 and nobody
                named = _CREATOR.sub(lambda _: creator, stored.decode())
                stored = _MADE_AT.sub(f"{day}T00:00:00Z", named).encode()
            after.writestr(part, stored)
    return written.getvalue()


def to_pdf(page: str, footer: str = "") -> tuple[bytes, str]:
    """Return the HTML page as PDF on A4, and the letters in it that no font of this machine has.

    Its title, author and date are the page's; where that has no date it is today's. The PDF is
    tagged, and conforms to PDF/A if it lacks no letter. `footer` is on each page.
    """
    page = _with_sources(page, deeper_than=_DEEPEST)
    files, texts, page = _with_images_apart(page)
    texts |= {"footer": footer, **_about(page)}
    with suppress(RuntimeError):
        return _set(page, files, texts)
    # Pandoc writes some signs, and cells put out drawings, that typst does not know.
    drawn = {name: file if _can_be_set(file) else _UNREADABLE for name, file in files.items()}
    try:
        return _set(_with_sources(page), drawn, texts)
    except RuntimeError as error:
        raise ReportError(
            f"typst cannot set the page: {error}", todo="choose another format, and report this"
        ) from None


def _set(page: str, images: dict[str, bytes], texts: dict[str, str]) -> tuple[bytes, str]:
    """Return the PDF and the letters that it lacks; raise RuntimeError where typst cannot."""
    template = f"--template={_FOLDER / 'document.typ'}"
    main = _pandoc(_content(page), "typst", "--standalone", template)
    files = {**images, "main.typ": main}
    try:
        return _typst(files, texts, pdf_standards="a-2b"), ""
    except RuntimeError as error:
        missing = "".join(dict.fromkeys(_NO_GLYPH.findall(getattr(error, "diagnostic", ""))))
    return _typst(files, texts), missing


def _can_be_set(image: bytes) -> bool:
    with suppress(RuntimeError):
        return bool(_typst({"main.typ": b'#image("0.svg")', "0.svg": image}, {}))
    return False


def _with_sources(page: str, deeper_than: int = 0) -> str:
    """Return the page with the source in place of each formula that nests more elements."""

    def replaced(found: re.Match[str]) -> str:
        ends = accumulate(-1 if end else 1 for end in _END.findall(found[0]))
        if max(ends) <= deeper_than:
            return found[0]
        source = _SOURCE.search(found[1])
        return f"<code>{source[1]}</code>" if source else _TAG.sub("", found[0])

    return _FORMULA.sub(replaced, page)


def check_installed() -> str:
    """Return where pandoc is; raise ReportError if it or typst is not installed."""
    try:
        import pypandoc
        import typst  # noqa: F401

        return str(pypandoc.get_pandoc_path())
    except (ImportError, OSError):
        raise ReportError(
            "DOCX and PDF need pandoc and typst, which are not installed",
            todo="pip install 'atomlab[documents]', or choose another format",
        ) from None


def font_warnings(missing: str) -> list[str]:
    """Return the warning about letters that no font has, none if there are no such letters."""
    if not missing:
        return []
    shown = missing if len(missing) <= 20 else f"{missing[:20]}…"
    boxes = f"the PDF shows boxes for {shown}, which no font on this machine has"
    todo = "install one that does (for Chinese, Japanese and Korean: Noto Sans CJK)"
    return [f"{boxes}; {todo} and make the PDF again"]


def _about(page: str) -> dict[str, str]:
    """Return the author and the date that the page's head states."""
    return {name: visible(unescape(said)) for name, said in _META.findall(page)}


def _content(page: str) -> str:
    """Return the page without folded code and contents; pandoc would read nothing but `main`."""
    shown = _TERM.sub(r"\1", _LEFT_OUT.sub("", _META.sub("", page)))  # the words follow at once
    return visible(re.sub(r"<(/?)main\b", r"<\1div", shown))


def _with_images_apart(page: str) -> tuple[dict[str, bytes], dict[str, str], str]:
    """Return the page's images and their alternative texts by name, and the page with names."""
    images, texts = dict[str, bytes](), dict[str, str]()

    def name(image: re.Match[str]) -> str:
        name, content = f"{len(images)}.svg", b64decode(image[3])
        images[name] = content if is_svg(content) else _framed(image[2], content)
        if image[1]:
            texts[name] = visible(unescape(image[1]))
        return f'<img src="{name}"'

    page = _IMAGE.sub(name, page)
    return images, texts, page


def _framed(kind: str, picture: bytes) -> bytes:
    """Return the picture in an SVG: in memory, typst takes files of text alone."""
    try:
        width, height = size_of(picture)
    except ValueError:  # of HTML that a cell put out
        return _UNREADABLE
    size = f'width="{width}" height="{height}"'
    source = f"data:image/{kind};base64,{b64encode(picture).decode()}"
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size}><image {size} href="{source}"/></svg>'
    return svg.encode()


def _pandoc(page: str, to: str, *options: str) -> bytes:
    """Return the page in another format; pandoc may read no file but those of the options."""
    pandoc = check_installed()
    reading = ["--sandbox", f"--data-dir={_FOLDER}", "--from=html-auto_identifiers"]
    writing = [f"--to={to}", f"--lua-filter={_FOLDER / 'document.lua'}", "--output=-"]
    try:
        ran = subprocess.run(  # noqa: S603 - a fixed command; the page is its input
            [pandoc, *reading, *writing, *options],
            input=page.encode(),
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=True,
        )
    except subprocess.TimeoutExpired:
        reason = f"not done after {_TIMEOUT_S} seconds"
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode(errors="replace").strip() or f"exit code {error.returncode}"
    else:
        return ran.stdout
    raise ReportError(
        f"pandoc cannot convert the page: {reason}",
        todo="choose another format, and report this",
    )


def _typst(files: dict[str, bytes], texts: dict[str, str], **options: Any) -> bytes:
    """Return the PDF of the files and texts; beside them there is nothing that it could read."""
    import typst

    project: Any = files  # which typst's annotations do not know
    pdf: bytes = typst.compile(project, root=_FOLDER, sys_inputs=texts, format="pdf", **options)
    return pdf

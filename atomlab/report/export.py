"""A report or postmortem as PDF or Word document: its HTML page, converted by pandoc and typst."""

from __future__ import annotations

import re
import subprocess
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from html import escape, unescape
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from atomlab.errors import ReportError
from atomlab.report.templates import FOLDER
from atomlab.text import visible

_FOLDER = FOLDER / "document"
_TIMEOUT_S = 60
_LEFT_OUT = re.compile(
    r'<(a|details|nav)\b[^>]*\bclass="(?:code|contents|skip contents)".*?</\1>', re.DOTALL
)
_VERDICT = re.compile(r'(<p class="verdict[^>]*>)(.*?)</p>', re.DOTALL)
_IMAGE = re.compile(
    r'<img(?: alt="([^"]*)")?[^>]*? src="data:image/(svg|png)(?:\+xml)?;base64,([^"]+)"'
)
_META = re.compile(r'<meta name="(author|date)" content="([^"]+)">')
_CREATOR = re.compile("<dc:creator>.*?</dc:creator>", re.DOTALL)
_MADE_AT = re.compile(r"(?<=W3CDTF\">)[^<]+")
_NO_GLYPH = re.compile('the text `"(.+?)"` could not be displayed')


def to_docx(page: str) -> bytes:
    """Return the HTML page as a Word document, in the styles of reference.docx.

    Its properties are the page's title, author and date, today where it has none.
    """
    made = _pandoc(_content(page), "docx", f"--reference-doc={_FOLDER / 'reference.docx'}")
    about, written = _about(page), BytesIO()
    creator = f"<dc:creator>{escape(about.get('author', ''))}</dc:creator>"
    day = about.get("date") or f"{datetime.now(UTC):%Y-%m-%d}"
    with ZipFile(BytesIO(made)) as before, ZipFile(written, "w", ZIP_DEFLATED) as after:
        for part in before.infolist():
            content = before.read(part)
            if part.filename == "docProps/core.xml":  # in which pandoc has 1970 and nobody
                named = _CREATOR.sub(lambda _: creator, content.decode())
                content = _MADE_AT.sub(f"{day}T00:00:00Z", named).encode()
            after.writestr(part, content)
    return written.getvalue()


def to_pdf(page: str, footer: str = "") -> tuple[bytes, str]:
    """Return the HTML page as PDF on A4, and the letters in it that no font of this machine has.

    Its title, author and date are the page's; where that has no date it is today's. The PDF is
    tagged, and conforms to PDF/A if it lacks no letter. `footer` is on each page.
    """
    files, texts, page = _with_images_apart(page)
    texts |= {"footer": footer, **_about(page)}
    template = f"--template={_FOLDER / 'document.typ'}"
    files["main.typ"] = _pandoc(_content(page), "typst", "--standalone", template)
    try:
        return _typst(files, texts, pdf_standards="a-2b"), ""
    except RuntimeError as error:
        missing = "".join(dict.fromkeys(_NO_GLYPH.findall(getattr(error, "diagnostic", ""))))
    try:
        return _typst(files, texts), missing
    except RuntimeError as error:
        raise ReportError(
            f"typst cannot set the page: {error}", todo="choose another format, and report this"
        ) from None


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
    shown = _VERDICT.sub(r"\1<strong>\2</strong></p>", _LEFT_OUT.sub("", _META.sub("", page)))
    return visible(re.sub(r"<(/?)main\b", r"<\1div", shown))


def _with_images_apart(page: str) -> tuple[dict[str, bytes], dict[str, str], str]:
    """Return the page's images and their alternative texts by name, and the page with names."""
    images, texts = dict[str, bytes](), dict[str, str]()

    def name(image: re.Match[str]) -> str:
        name, content = f"{len(images)}.svg", b64decode(image[3])
        images[name] = content if image[2] == "svg" else _framed(content)
        if image[1]:
            texts[name] = visible(unescape(image[1]))
        return f'<img src="{name}"'

    page = _IMAGE.sub(name, page)
    return images, texts, page


def _framed(png: bytes) -> bytes:
    """Return the picture in an SVG: in memory, typst takes files of text alone."""
    size = f'width="{int.from_bytes(png[16:20])}" height="{int.from_bytes(png[20:24])}"'
    source = f"data:image/png;base64,{b64encode(png).decode()}"
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

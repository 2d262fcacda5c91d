"""JupyterLab on a folder of notebooks: for this machine only, and silent towards all others."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree
from typing import Any

from jupyter_core.paths import jupyter_config_dir

from atomlab.errors import ReportError
from atomlab.report.copies import Choice, Copy
from atomlab.report.notebooks import START
from atomlab.report.scratch import scratch_folder
from atomlab.show.terminal import console, print_line
from atomlab.text import count, printable

_START = f"/lab/tree/{START}.ipynb"
# All of the server's settings: it reads no configuration, so that none can open it.
_SETTINGS = (
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.allow_root=True",  # as in a container; the token still guards it
    f"--LabApp.default_url={_START}",
    "--ServerApp.answer_yes=True",  # one Ctrl-C ends the server and its kernels
    "--Application.log_level=ERROR",
    "--KernelManager.transport_encryption=auto",
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
    # The server's parts, which configuration files of their own would enable.
    "--ServerApp.jpserver_extensions=jupyter_lsp=True",
    "--ServerApp.jpserver_extensions=jupyter_server_terminals=True",
    "--LanguageServerManager.autodetect=False",  # which runs npm, if there is one
)

_BROWSER_STARTS_S = 60


def serve_lab(folder: Path, port: int, *, browser: bool) -> None:
    """Serve JupyterLab on `folder` until Ctrl-C or SIGTERM, then end it and its kernels.

    It listens on `port` or the next free one, and only to those who have its new token; once it
    does, it prints the address of the notebook to start at, with the token. No configuration of
    Jupyter is read, and its secrets are in a folder of their own; how the user's Lab looks stays
    where it is kept.
    """
    from jupyterlab.commands import get_user_settings_dir, get_workspaces_dir

    with scratch_folder() as private:
        os.environ["JUPYTERLAB_SETTINGS_DIR"] = get_user_settings_dir()
        os.environ["JUPYTERLAB_WORKSPACES_DIR"] = get_workspaces_dir()
        os.environ["JUPYTER_NO_CONFIG"] = "1"
        os.environ["JUPYTER_RUNTIME_DIR"] = str(private)
        try:
            _serve(folder, port, browser)
        finally:
            rmtree(jupyter_config_dir(), ignore_errors=True)  # a new one, and empty


def _serve(folder: Path, port: int, browser: bool) -> None:
    from jupyterlab.labapp import LabApp

    token = secrets.token_hex(24)
    arguments = [
        *_SETTINGS,
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={folder.resolve()}",
        f"--ServerApp.port={port}",
        *([] if browser else ["--no-browser"]),
    ]
    try:
        server = LabApp.initialize_server(argv=arguments)
    except SystemExit:
        raise ReportError(
            "JupyterLab's server cannot start", todo="its own message above says why"
        ) from None
    except OSError as error:
        raise ReportError(
            f"JupyterLab's server cannot start ({error.strerror})",
            where=error.filename,
            todo="make that writable, or set HOME or TMPDIR to a folder that is",
        ) from None
    # Both name the token, and would stay if the server were killed.
    server.no_browser_open_file = not browser
    server.write_server_info_file = lambda: None
    server.io_loop.call_later(_BROWSER_STARTS_S, server.remove_browser_open_files)
    server.web_app.settings["page_config_hook"] = _without_announcements
    # The port is bound by a callback as well, which comes before this one in the queue.
    said = f"JupyterLab is at {server.connection_url}{_START[1:]}?token={token} until Ctrl-C"
    server.io_loop.add_callback(print_line, console(), said)
    server.start()


def _without_announcements(_: object, page: dict[str, Any]) -> dict[str, Any]:
    """Return the page's settings without the plugin that asks whether to fetch news."""
    disabled = [*page["disabledExtensions"], "@jupyterlab/apputils-extension:announcements"]
    return page | {"disabledExtensions": disabled}


def print_copies(choice: Choice, copies: Sequence[Copy], given_tenant: bool) -> None:
    """Print what the notebooks are about, which of them are new, and which were kept."""
    folder = printable(copies[0].path.parent, 4096)
    fresh = [copy for copy in copies if copy.fresh]
    which = "" if given_tenant else "; --tenant chooses another"
    lines = [
        f"{folder}: {count(len(fresh), 'new file')}, {len(copies) - len(fresh)} kept as they were",
        f"snapshot {printable(choice.parameters['snapshot'], 4096)}",
        f"tenant {printable(choice.parameters['tenant'])}{which}",
    ]
    for copy in copies:
        other = [f"{name} = {printable(repr(value), 300)}" for name, value in copy.other.items()]
        if other:
            line = f"{copy.path.name} was kept, and has {', '.join(other)}; delete it for a new one"
            lines.append(line)
    for line in lines:
        print_line(console(), line)

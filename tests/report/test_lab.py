"""`atomlab lab` as a server: for this machine and its user only, silent, and gone after Ctrl-C."""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from atomlab.cli import main
from tests.labs import running_lab
from tests.refusals import is_one_line

# A user's own Jupyter configuration, as open as it gets.
OPEN = """
c.ServerApp.ip = "0.0.0.0"
c.IdentityProvider.token = ""
c.ServerApp.password = ""
c.LabApp.extension_manager = "pypi"
"""


@pytest.fixture(scope="module")
def taken():
    """Return a port on which something listens already."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(scope="module")
def lab(taken, tmp_path_factory):
    """Return a lab whose user has an open configuration, and wanted a port that is taken."""
    where = tmp_path_factory.mktemp("lab")
    (where / ".jupyter").mkdir()
    (where / ".jupyter" / "jupyter_server_config.py").write_text(OPEN)
    with running_lab(where, "--port", taken) as lab:
        yield lab


def ask(lab, path, token=None, method="GET"):
    """Return a status and an answer of the lab's server."""
    headers = {"Authorization": f"token {token}"} if token is not None else {}
    try:
        with urlopen(Request(lab.origin + path, headers=headers, method=method)) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, ""


def test_only_who_has_the_token_gets_in(lab):
    """The copies are shown to the token that was printed, and to nobody else."""
    status, listing = ask(lab, "/api/contents", lab.token)
    assert status == 200
    shown = {entry["name"] for entry in json.loads(listing)["content"]}
    assert shown == {path.name for path in lab.folder.iterdir() if path.name[0] != "."}
    assert [ask(lab, "/api/contents", token)[0] for token in (None, "", "guess")] == [403] * 3
    assert len(lab.token) == 48


def test_only_this_machine_reaches_it(lab, taken):
    """It listens on 127.0.0.1 alone, and on another port than one that is taken."""
    port = int(lab.origin.rpartition(":")[2])
    assert lab.origin == f"http://127.0.0.1:{port}"
    assert port != taken
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=5)


def test_the_page_has_nothing_that_asks_elsewhere(lab):
    """No announcements, no news, and an extension manager that can install nothing."""
    _, page = ask(lab, "/lab", lab.token)
    found = json.loads(re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', page, re.S)[1])
    assert "@jupyterlab/apputils-extension:announcements" in found["disabledExtensions"]
    assert found["news"] == {"disabled": True}
    assert found["extensionManager"]["can_install"] is False


def test_it_leaves_nothing_at_home(lab):
    """No tool that JupyterLab may run writes to the user's own folder: no npm, no caches."""
    with urlopen(f"{lab.origin}/lsp/status?token={lab.token}") as answer:  # as the page does
        assert answer.status == 200
    home = lab.folder.parents[1] / "home"
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_it_says_what_it_did(lab):
    """Folder, snapshot, tenant and address are printed; nothing of the server's own talk is."""
    lines = lab.told.splitlines()
    assert re.fullmatch(
        r"atomlab-notebooks/brennan-2026-05-02: \d+ new files?, 0 kept as they were", lines[0]
    )
    assert [line.split()[0] for line in lines[1:]] == ["snapshot", "tenant", "JupyterLab"]
    assert (lab.folder.parents[1] / "stderr").read_text() == ""


def test_one_ctrl_c_ends_the_server_and_its_kernels(tmp_path):
    """The exit code is 0, and a kernel that was running is gone."""
    with running_lab(tmp_path, "--port", 8990) as lab:
        assert ask(lab, "/api/kernels", lab.token, "POST")[0] == 201
        children = Path(f"/proc/{lab.process.pid}/task/{lab.process.pid}/children")
        kernels = [Path("/proc", child) for child in children.read_text().split()]
        assert kernels
        lab.process.send_signal(signal.SIGINT)
        assert lab.process.wait(timeout=30) == 0
    assert not [kernel for kernel in kernels if kernel.exists()]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(lab.origin.rpartition(":")[2])), timeout=5)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["gone.sqlite"], 1, "gone.sqlite: no such snapshot"),
        (["--tenant", "brenan"], 1, "did you mean brennan"),
        (["--hypothesis", "gone.yaml"], 1, "gone.yaml: no such file"),
        (["--folder", "file"], 1, "file/brennan-2026-05-02: cannot be written"),
        (["--port", "80"], 2, "--port"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_is_wrong_is_one_line(arguments, code, told, tmp_path, monkeypatch, capsys):
    """Nothing is started, and no folder is made."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(sys, "argv", ["atomlab", "lab", "--no-browser", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()

    out, err = capsys.readouterr()
    assert (stop.value.code, out) == (code, "")
    assert is_one_line(err.removesuffix("\n"))
    assert told in err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]

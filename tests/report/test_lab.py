"""`atomlab lab` as a server: for this machine and its user only, silent, and gone after Ctrl-C."""

from __future__ import annotations

import ast
import json
import re
import signal
import socket
import stat
import sys
import time
from contextlib import closing, suppress
from html import unescape
from http.client import HTTPConnection
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

import pytest

from atomlab.cli import main
from tests.labs import running_lab
from tests.refusals import is_one_line

# A user's own Jupyter configuration, as open as it gets.
OPEN = """
c.ServerApp.ip = "0.0.0.0"
c.ServerApp.allow_origin = "*"
c.ServerApp.allow_origin_pat = ".*"
c.ServerApp.allow_credentials = True
c.ServerApp.disable_check_xsrf = True
c.ServerApp.allow_remote_access = True
c.ServerApp.local_hostnames = ["evil.example"]
c.ServerApp.allow_unauthenticated_access = True
c.ServerApp.base_url = "/elsewhere/"
c.ServerApp.certfile = "/gone.pem"
c.ServerApp.port_retries = 0
c.ServerApp.password = ""
c.ServerApp.root_dir = "/"
c.ServerApp.tornado_settings = {"headers": {"Access-Control-Allow-Origin": "*"}, "debug": True}
c.ServerApp.jpserver_extensions = {"evil": True}
c.ServerApp.identity_provider_class = "evil.Anybody"
c.ServerApp.authorizer_class = "jupyter_server.auth.AllowAllAuthorizer"
c.ServerApp.extra_static_paths = ["/"]
c.ContentsManager.allow_hidden = True
c.ContentsManager.root_dir = "/"
c.FileContentsManager.pre_save_hook = lambda **_: 1 / 0
c.FileContentsManager.delete_to_trash = False
c.IdentityProvider.token = ""
c.PasswordIdentityProvider.hashed_password = ""
c.IdentityProvider.cookie_name = "c"
c.LabApp.extension_manager = "pypi"
c.LabApp.collaborative = True
c.Application.log_level = "DEBUG"
c.Application.logging_config = {"handlers": {"file": {
    "class": "logging.FileHandler", "level": "DEBUG", "filename": "log"}}}
open(__file__ + ".ran", "a").close()
"""
# Where Jupyter looks for it, beside the folders of the machine and of Python itself.
PLACES = (".jupyter", "home/.jupyter", "home/.local/etc/jupyter", ".", "more", "atomlab-notebooks")
FILES = ("jupyter_config", "jupyter_server_config", "jupyter_lab_config", "jupyter_notebook_config")


def open_configurations(where):
    """Yield each file in which a user's configuration may open the server, having written it."""
    said = [line.split(" = ", 1) for line in OPEN.splitlines() if line.startswith("c.S")]
    app = {name.split(".")[-1]: ast.literal_eval(value) for name, value in said}
    for place in PLACES:
        for name in FILES:
            file = where / place / f"{name}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(OPEN)
            file.with_suffix(".json").write_text(json.dumps({"ServerApp": app}))
            yield from (file, file.with_suffix(".json"))
            more = where / place / f"{name}.d" / "open.json"
            more.parent.mkdir(exist_ok=True)
            more.write_text(json.dumps({"ServerApp": app}))
            yield more


@pytest.fixture(scope="module")
def taken():
    """Return a port on which something listens already."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(scope="module")
def monkeypatch_module():
    """Return pytest's monkeypatch for a whole module."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def lab(taken, tmp_path_factory, monkeypatch_module):
    """Return a lab whose user has an open configuration, and wanted a port that is taken."""
    where = tmp_path_factory.mktemp("lab")
    assert len([*open_configurations(where)]) == 72
    for name in ("JUPYTER_CONFIG_PATH", "JUPYTER_PATH"):
        monkeypatch_module.setenv(name, str(where / "more"))
    for name in ("JUPYTER_TOKEN", "JUPYTER_PORT", "JUPYTER_PREFER_ENV_PATH"):
        monkeypatch_module.setenv(name, "1")
    with running_lab(where, "--port", taken) as lab:
        yield lab


def test_it_begins_at_the_start_notebook(lab):
    """The address that is printed, and that the server leads to, is a notebook in the folder."""
    start = re.fullmatch(rf"{lab.origin}/lab/tree/(.*)\?token={lab.token}", lab.address)[1]
    assert start == "start_here.ipynb"
    assert (lab.folder / start).is_file()
    with urlopen(f"{lab.origin}/?token={lab.token}") as answer:
        assert urlsplit(answer.url).path == f"/lab/tree/{start}"


def test_the_browser_is_led_to_the_same_address(short_path, monkeypatch):
    """What a browser is given to open leads on to the address that is printed."""
    own = short_path / "own_browser.py"
    own.write_text(
        "import sys, urllib.request as r\n"
        f"open({str(short_path / 'opened')!r}, 'wb').write(r.urlopen(sys.argv[1]).read())"
    )
    monkeypatch.setenv("BROWSER", f"{sys.executable} {own} %s")
    with running_lab(short_path, "--port", 8985, "--browser") as lab:
        for _ in range(100):
            if (short_path / "opened").is_file() and (short_path / "opened").read_bytes():
                break
            time.sleep(0.1)
        assert lab.address in unescape((short_path / "opened").read_text())


def ask(lab, path, token=None, method="GET"):
    """Return a status and an answer of the lab's server."""
    headers = {"Authorization": f"token {token}"} if token is not None else {}
    try:
        with urlopen(Request(lab.origin + path, headers=headers, method=method)) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, ""


@pytest.mark.attack("11 Lab")
def test_only_who_has_the_token_gets_in(lab):
    """The copies are shown to the token that was printed, and to nobody else."""
    status, listing = ask(lab, "/api/contents", lab.token)
    assert status == 200
    shown = {entry["name"] for entry in json.loads(listing)["content"]}
    assert shown == {path.name for path in lab.folder.iterdir() if path.name[0] != "."}
    assert [ask(lab, "/api/contents", token)[0] for token in (None, "", "guess")] == [403] * 3
    assert len(lab.token) == 48


@pytest.mark.attack("11 Lab")
def test_no_configuration_of_the_user_is_read(lab):
    """Not one of the files that could open it was run, wherever it lay."""
    assert not [*lab.folder.parents[1].rglob("*.ran"), *lab.folder.parents[1].rglob("log")]


@pytest.fixture(scope="module")
def cookie(lab):
    """Return the cookies of a browser that has opened the lab."""
    jar = CookieJar()
    build_opener(HTTPCookieProcessor(jar)).open(f"{lab.origin}/lab?token={lab.token}").close()
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


ELSEWHERE = {
    "origin": {"Origin": "http://evil.example"},
    "no origin": {"Origin": "null"},
    "another port": {"Origin": "http://127.0.0.1:1"},
    "host": {"Host": "evil.example"},
    "host and origin": {"Host": "evil.example:8888", "Origin": "http://evil.example:8888"},
}
SOCKET = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.attack("11 Lab")
@pytest.mark.parametrize("headers", ELSEWHERE.values(), ids=ELSEWHERE)
@pytest.mark.parametrize(
    ("path", "method", "more"),
    [
        ("/api/contents", "GET", {}),
        ("/api/kernels", "POST", {}),
        ("/api/sessions", "GET", {}),
        ("/api/terminals", "POST", {}),
        ("/api/events/subscribe", "GET", SOCKET),
    ],
)
def test_a_page_from_elsewhere_gets_nothing(lab, cookie, headers, path, method, more):
    """Neither another origin nor another name of this machine is let in by the user's cookies."""
    assert browse(lab, path, method, {"Cookie": cookie, **headers, **more}) in (403, 404)


@pytest.mark.attack("11 Lab")
def test_cookies_alone_change_nothing(lab, cookie):
    """A form elsewhere sends them along: without the page's own mark it has no effect."""
    own = {"Cookie": cookie, "Origin": lab.origin}
    assert browse(lab, "/api/contents", "GET", own) == 200
    assert browse(lab, "/api/events/subscribe", "GET", own | SOCKET) == 101
    assert browse(lab, "/api/kernels", "POST", own) == 403


def browse(lab, path, method, headers):
    """Return the status of what a browser asks with these headers, none of them changed."""
    with closing(HTTPConnection(lab.origin.removeprefix("http://"), timeout=10)) as connection:
        connection.request(method, path, headers=headers)
        return connection.getresponse().status


@pytest.mark.attack("11 Lab")
def test_the_token_is_in_no_file_and_no_command_line(short_path):
    """Not while it runs, not after it was killed, and its folder is for its user only."""
    with running_lab(short_path, "--port", 8995) as lab:
        ask(lab, "/lab", lab.token)
        assert ask(lab, "/api/kernels", lab.token, "POST")[0] == 201
        private = [path for path in (short_path / "tmp").iterdir() if path.name[:9] == ".atomlab_"]
        assert [stat.S_IMODE(path.stat().st_mode) & 0o777 for path in private] == [0o700]
        time.sleep(1)
        assert holding(lab.token, short_path) == []
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                assert lab.token.encode() not in line.read_bytes()
        lab.process.kill()
        lab.process.wait()
        assert holding(lab.token, short_path) == []


def holding(secret, folder):
    """Return the files below a folder that hold a secret."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if secret.encode() in path.read_bytes()]


@pytest.mark.attack("11 Lab")
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
    own = ("_config.py", "_config.json", "open.json")
    files = [path for path in home.rglob("*") if path.is_file()]
    assert [path for path in files if not path.name.endswith(own)] == []


def test_it_says_what_it_did(lab):
    """Folder, snapshot, tenant and address are printed; nothing of the server's own talk is."""
    lines = lab.told.splitlines()
    assert re.fullmatch(
        r"atomlab-notebooks/brennan-2026-05-02: \d+ new files?, 0 kept as they were", lines[0]
    )
    assert [line.split()[0] for line in lines[1:]] == ["snapshot", "tenant", "JupyterLab"]
    assert (lab.folder.parents[1] / "stderr").read_text() == ""


def test_one_ctrl_c_ends_the_server_and_its_kernels(short_path):
    """The exit code is 0, and a kernel that was running is gone."""
    with running_lab(short_path, "--port", 8990) as lab:
        assert ask(lab, "/api/kernels", lab.token, "POST")[0] == 201
        children = Path(f"/proc/{lab.process.pid}/task/{lab.process.pid}/children")
        kernels = [Path("/proc", child) for child in children.read_text().split()]
        assert kernels
        lab.process.send_signal(signal.SIGINT)
        assert lab.process.wait(timeout=30) == 0
    assert list((short_path / "tmp").iterdir()) == []
    assert holding(lab.token, short_path) == []
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

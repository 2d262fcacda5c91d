"""The terminal: the answer comes last and fits it; a pipe gets whole lines; help is sentences."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
import typer

import atomlab
from atomlab.cli import app
from atomlab.diagnosis.summary import summarize
from atomlab.show.argument import print_diagnosis
from tests.conftest import ROOT
from tests.screen import COLUMNS, ROWS, at_terminal, on_screen

BRENNAN = ROOT / "data" / "hypotheses" / "brennan-minimax.yaml"
LABELS = ("What", "Why", "What to do", "Whose turn", "Stays broken")
WIDE = 13  # columns of a label of the answer, and the space after it


def every_command(group=None, path=()):
    """Give each command and each group with the words that call it."""
    group = group or typer.main.get_command(app)
    yield path, group
    for name, command in getattr(group, "commands", {}).items():
        yield from every_command(command, (*path, name))


COMMANDS = dict(every_command())
each_command = pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words) or "–")


def answer_of(lines):
    """Return the answer at the end of the lines, by label, its folded lines joined."""
    found, starts = {}, [n for n, line in enumerate(lines) if line.startswith("What  ")]
    for line in lines[starts[-1] :]:
        label, text = line[:WIDE].strip(), line[WIDE:].strip()
        assert not label or label in LABELS, line
        last = label or last  # noqa: F821 - the first line has a label
        found[last] = f"{found.get(last, '')} {text}".strip()
    return found


def wanted(snapshot, tenant, *kinds):
    """Return the answer that the library gives for a tenant, by label."""
    found = summarize(atomlab.diagnose(snapshot, tenant, [atomlab.Request(k) for k in kinds]))
    fields = (found.what, found.why, found.todo, found.who, found.left)
    return {label: said for label, said in zip(LABELS, fields, strict=True) if said}


@pytest.mark.parametrize("tenant", ["brennan", "northwind", "cobalt"])
def test_the_answer_is_the_last_thing_on_the_screen(before, tenant):
    """Whatever goes to stderr comes before it, and it says what the library says."""
    code, lines = on_screen("diagnose", before.path, "--tenant", tenant)
    found = answer_of(lines)
    assert found == wanted(before, tenant, "simple", "moderate", "complex", "advanced")
    assert code == (3 if tenant == "brennan" else 0)
    assert any(line.startswith("warning: ") for line in lines)
    assert list(found) == [label for label in LABELS if label in found]


def test_a_diagnosis_of_one_kind_of_request_fits_the_screen(before):
    """It leaves a row for the next prompt; with every detail it would not."""
    given = ("diagnose", before.path, "--tenant", "brennan", "--complexity", "moderate")
    _, lines = on_screen(*given)
    assert len(lines) < ROWS
    assert lines[0] == "Brennan Machinery (brennan), plan team: affected"
    assert len(on_screen(*given, "-v")[1]) > ROWS
    assert len(on_screen("verify", before.path, BRENNAN)[1]) < ROWS


def test_every_answer_fits_the_screen(before, capsys, monkeypatch):
    """Whatever is wrong with whom."""
    monkeypatch.setenv("FORCE_COLOR", "1")  # for rich, that is a terminal
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    for (tenant,) in before.session.query(atomlab.Tenant.id):
        print_diagnosis(atomlab.diagnose(before, tenant), "x", "quiet")
        lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
        assert len(lines) < ROWS
        assert max(map(len, lines)) <= COLUMNS


def test_quiet_prints_the_answer_alone(run, before):
    """The same words as at the end of all, and nothing on stderr."""
    given = ("diagnose", before.path, "--tenant", "brennan")
    code, out, err = run(*given, "--quiet")
    assert (code, err) == (3, "")
    assert [line.split("  ")[0] for line in out.splitlines()] == [
        *LABELS[:4],
        "Stays broken Advanced requests stay broken; they need another fix: the tenant has to add "
        "a new key for any of: anthropic, deepinfra, moonshot, openrouter.",
    ]
    assert run(*given)[1].endswith(f"\n{out}")
    assert run("verify", before.path, BRENNAN, "-q") == (0, "verdict: confirmed\n", "")
    code, out, err = run("lint", before.path, "-q")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"\d+ findings: \d+ errors, \d+ warnings, \d+ remarks\n", out)


def test_price_warnings_are_one_short_line_unless_all_are_asked_for(run, before):
    """Their number, and what lists them; then each as the prices have it."""
    prices = atomlab.load_platform(before.session).pricing.warnings()
    given = ("diagnose", before.path, "--tenant", "brennan")
    assert run(*given)[2] == f"warning: {len(prices)} price warnings; -v lists them\n"
    assert run(*given, "-v")[2].splitlines() == [f"warning: {each}" for each in prices]
    assert run(*given, "--json")[2] == ""


def test_verbose_says_each_thing_in_full(run, before):
    """Placebos, other explanations, assumptions, the evidence of claims, each finding of lint."""
    given = ("diagnose", before.path, "--tenant", "brennan", "--complexity", "moderate")
    usual, verbose = (run(*given, *more)[1] for more in ((), ("-v",)))
    for words in (
        "a key of an unknown provider: the error stays",
        "pricing-cache-stale",
        "26 of 27",
    ):
        assert words not in usual
        assert words in verbose
    told = [assumed.assumed for assumed in atomlab.diagnose(before, "brennan").assumptions]
    assert all(words in verbose and words not in usual for words in told)
    usual, verbose = (run("verify", before.path, BRENNAN, *more)[1] for more in ((), ("-v",)))
    assert "minimax/speech-02-hd" in verbose.replace(usual, "")
    assert verbose.endswith("\nverdict: confirmed\n")
    found = atomlab.lint(before).findings
    lines = run("lint", before.path, "--verbose")[1].splitlines()
    assert len(lines) == 2 + len(found) + 1
    assert all(any(each.subject in line for line in lines) for each in found)


@pytest.mark.parametrize("command", ["diagnose", "verify", "lint", "capture"])
def test_verbose_and_quiet_do_not_go_together(error, before, command):
    """It is a wrong use, in one line."""
    more = {
        "diagnose": [before.path, "--tenant", "brennan"],
        "verify": [before.path, BRENNAN],
        "lint": [before.path],
        "capture": ["none.db", "--out", "x"],
    }
    assert "--quiet" in error(command, *more[command], "-v", "-q", code=2)


def test_requests_with_one_outcome_are_one_line(run, before, after):
    """Four that find nothing; of the day after, as many lines as there are different outcomes."""
    for snapshot in (before, after):
        found = atomlab.diagnose(snapshot, "brennan").requests
        alike = {}
        for each in found:
            alike.setdefault(str(each.ranking.rejected()), []).append(each.request.complexity)
        out = run("diagnose", snapshot.path, "--tenant", "brennan")[1]
        lines = [line for line in out.splitlines() if " models usable" in line]
        kinds = [re.match(r"[a-z, ]+(?=(: | +)\d)", line)[0].strip() for line in lines]
        assert kinds == [", ".join(these) for these in alike.values()]
        assert len(kinds) < len(found)


def test_warnings_that_requests_share_are_one_line(run, captured, write_json):
    """A winner without a price, of two kinds of request, is warned of once."""
    free = {"litellm_provider": "openai", "max_input_tokens": 200_000, "mode": "chat"}
    prices = write_json({"openai/gpt-4o": free}, "free.json")
    snapshot = captured({"acme": {"OPENAI_API_KEY": "k"}}, pricing=prices)
    _, _, err = run("diagnose", snapshot.path, "--tenant", "acme")
    (line,) = [line for line in err.splitlines() if "it looks free" in line]
    assert line.startswith("warning: simple, moderate")


def test_a_pipe_gets_whole_lines_without_colour(before):
    """Neither 80 columns nor a narrow COLUMNS folds them; no line ends in spaces."""
    commands = (
        ("diagnose", before.path, "--tenant", "brennan"),
        ("diagnose", before.path, "--tenant", "brennan", "-v"),
        ("verify", before.path, BRENNAN),
        ("lint", before.path),
        ("report", before.path, "--help-notebook", "tenant_triage"),
        ("snapshot", "verify", before.path),
    )
    for arguments in commands:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "atomlab", *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "40", "TERM": "xterm-256color"},
            capture_output=True,
            text=True,
        )
        lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
        assert "\x1b" not in done.stdout + done.stderr
        assert max(map(len, lines)) > 80
        assert not [line for line in lines if line != line.rstrip()]
    ids = [claim.id for claim in atomlab.load_hypothesis(str(BRENNAN)).claims]
    claims = run_piped("verify", before.path, BRENNAN)
    assert [line.split()[0] for line in claims[2:-1]] == ids


def run_piped(*arguments):
    """Return the lines that a command sends to a pipe, those of both streams."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "atomlab", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.stdout.splitlines()


def test_colour_in_a_pipe_folds_nothing(before):
    """As continuous integration sets it: lines stay whole, unless it says how wide they may be."""
    for extra, longest in (({}, 120), ({"COLUMNS": "80"}, 80)):
        env = {name: text for name, text in os.environ.items() if name != "COLUMNS"}
        done = subprocess.run(
            [sys.executable, "-P", "-m", "atomlab", "verify", before.path, BRENNAN],
            env={**env, "PYTHONPATH": str(ROOT), "FORCE_COLOR": "1", **extra},
            capture_output=True,
            text=True,
        )
        assert "\x1b[" in done.stdout
        lines = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout).splitlines()
        assert (max(map(len, lines)) > longest) == (not extra)


def test_a_terminal_gets_colour_and_folds_between_words(before):
    """Tables within their columns, sentences on stderr, too; what will fail is never green."""
    given = ("diagnose", before.path, "--tenant", "northwind")
    (what,) = re.findall(r"^\S*What .*$", at_terminal(*given)[1], re.M)
    assert "\x1b[31m" in what
    assert "\x1b[32m" not in what
    assert "\x1b[3" not in at_terminal(*given, env={"NO_COLOR": "1"})[1]
    _, lines = on_screen(*given)
    folded, whole = (sorted(" ".join(each).split()) for each in (lines, run_piped(*given)))
    assert folded == whole


@pytest.mark.parametrize(
    ("arguments", "last"),
    [
        (["verify", "SNAPSHOT", BRENNAN], "verdict: confirmed"),
        (["lint", "SNAPSHOT"], r"38 findings: .*; -v lists each"),
        (["fix", "SNAPSHOT", "--tenant", "brennan"], "of: anthropic, .*openrouter"),
        (["snapshot", "verify", "SNAPSHOT"], "verified: every table is what the manifest recorded"),
    ],
)
def test_the_last_line_is_what_the_reader_needs(before, arguments, last):
    """The verdict, the number of findings, what the fix is and leaves."""
    given = [before.path if each == "SNAPSHOT" else each for each in arguments]
    assert re.fullmatch(last, on_screen(*given)[1][-1].strip())


def test_a_capture_ends_with_what_was_written(make_database, real_prices, tmp_path):
    """Warnings first, the prices' as one line; the snapshot's path and contents last."""
    given = ("capture", make_database({"acme": {}}), "--pricing", real_prices)
    _, lines = on_screen(*given, "--out", tmp_path / "x.sqlite")
    assert "warning: 3 price warnings; atomlab diagnose -v lists them" in lines
    assert "".join(lines[-3:]).endswith("every decision is the same as on the source")
    _, lines = on_screen(*given, "--out", tmp_path / "y.sqlite", "-q")
    assert f"{tmp_path / 'y.sqlite'}: 1 tenant, 0 key" in "".join(lines)
    assert not [line for line in lines if "warning" in line or "sha256" in line]


def test_without_a_command_the_help_is_printed(run):
    """On stdout, and that is no error."""
    code, out, err = run()
    assert (code, err) == (0, "")
    assert out == run("--help")[1]


@each_command
def test_h_is_help(run, words):
    """In every command, and in every group of them."""
    code, out, err = run(*words, "-h")
    assert (code, err) == (0, "")
    assert out == run(*words, "--help")[1]
    assert out.startswith("Usage: atomlab ")


def is_sentence(text):
    """Return whether a text is whole sentences: a capital or a word of ours, words, a full stop."""
    return bool(re.match(r"[A-Z]", text)) and text.endswith(".") and len(text.split()) >= 3


@each_command
def test_help_is_whole_sentences(run, words):
    """Of the command and of each of its options; the list of commands cuts none of them."""
    command = COMMANDS[words]
    assert is_sentence(command.help.split("\n\n")[0].replace("\n", " ")), command.help
    for parameter in command.params:
        assert is_sentence(parameter.help or ""), parameter.opts
    if hasattr(command, "commands"):
        out = run(*words, "--help")[1]
        assert "..." not in out.partition("Commands:")[2]


def test_options_of_all_commands_are_in_the_reference():
    """Those of `atomlab` itself, which belong to no command's section."""
    page = (ROOT / "docs" / "commands.md").read_text()
    spelled = [option for each in COMMANDS[()].params for option in each.opts]
    assert len(spelled) == 3
    assert not [option for option in [*spelled, "-h", "--help"] if f"{option}`" not in page]


def test_the_shell_completes_commands_options_and_their_values(tmp_path):
    """It asks the command itself, which writes nothing then, nor when it is merely run."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}

    def completed(line, place):
        asked = {"_ATOMLAB_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(place)}
        return run_with(env | asked)

    def run_with(environment, *arguments):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "atomlab", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split()

    assert completed("atomlab dia", 1) == ["diagnose"]
    assert completed("atomlab diagnose --comp", 2) == ["--complexity"]
    assert completed("atomlab diagnose --complexity s", 3) == ["simple"]
    run_with(env, "--help")
    assert not [*tmp_path.iterdir()]


def test_completion_that_cannot_be_installed_is_one_clear_line(tmp_path):
    """It names the place in the home folder that cannot be written."""
    home = tmp_path / "home"
    home.write_text("no folder")
    command = f"{sys.executable} -P -m atomlab --install-completion; exit $?"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(home)}
    done = subprocess.run(["bash", "-c", command], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(rf"atomlab: cannot write {home}\S* \(.+\); .+\n", done.stderr)


def test_the_demonstration_ends_with_what_to_try(run, monkeypatch):
    """The verdict, the answer, and commands that can be typed as they stand; it is no failure."""
    monkeypatch.chdir(ROOT)
    code, out, err = run("demo")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    claims = len(atomlab.load_hypothesis(str(BRENNAN)).claims)
    assert lines[1].startswith(f"verdict: confirmed; {claims} of {claims} claims of the incident ")
    assert lines[0] == "Brennan Machinery: every request fails. The incident of 2026-05-02."
    assert [line for line in lines if line.startswith(LABELS)] == run(
        "diagnose", "data/snapshots/brennan-2026-05-02.sqlite", "--tenant", "brennan", "-q"
    )[1].splitlines()
    commands = [line.split() for line in lines if line.startswith("  atomlab ")]
    assert [command[1] for command in commands] == ["diagnose", "demo", "lab", "capture"]
    assert run(*commands[0][1:])[0] == 3


def test_the_demonstration_fits_the_screen():
    """One look shows all of it."""
    assert len(on_screen("demo")[1]) < ROWS


def test_the_demonstration_makes_the_report_if_asked(run, tmp_path):
    """In the folder that is named, and only there."""
    code, out, _ = run("demo", "--out", tmp_path / "made")
    assert code == 0
    assert (tmp_path / "made" / "report.html").exists()
    lines = out.splitlines()
    assert lines[:2] == ["Brennan Machinery: every request fails (affected)", "verdict: confirmed"]
    assert [line for line in lines[-3:] if line.endswith((" lab", "--help"))] == lines[-2:]
    assert "demo" not in lines[-3]

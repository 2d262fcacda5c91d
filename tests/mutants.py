"""Mutants: changes of one expression that some test has to notice (by hand: `make mutants`).

mutmut makes them, and runs for each the tests that reach its function. This file is run as a
script, which says what mutmut is to leave out, and counts; and pytest loads it as a plugin, which
runs the tests of the mutant's own module and the golden files first, and ends the others after a
while.
"""

from __future__ import annotations

import fnmatch
import os
import resource
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import pytest

# CPU seconds: of other modules' tests that a mutant has to survive, and after which it hangs.
BUDGET_S, HANGS_S = 8, 40
GOLDEN = "tests/diagnosis/test_golden.py"
KILLED = ("killed", "timeout", "segfault")


def own_tests() -> tuple[str, ...]:
    """Return the tests that run in any case, the first ones first; none if nothing is mutated.

    The file with the tests of the module that is mutated, and the golden files.
    """
    module, _, function = os.environ.get("MUTANT_UNDER_TEST", "").rpartition(".")
    if "__mutmut_" not in function:
        return ()
    *folders, name = module.split(".")[1:]
    return "/".join(["tests", *folders, f"test_{name}.py"]), GOLDEN


@pytest.hookimpl(trylast=True)  # after Hypothesis's own
def pytest_configure():
    """Let random tests draw the same in every run, and not look for a smaller example."""
    from hypothesis import Phase, settings

    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("mutants", phases=phases, derandomize=True, database=None)
    settings.load_profile("mutants")


def pytest_sessionstart():
    """End a mutant that never ends, long before all of its tests would have."""
    if own_tests():
        end = int(process_time()) + HANGS_S
        resource.setrlimit(resource.RLIMIT_CPU, (end, end + 1))


@pytest.hookimpl(trylast=True)  # after what is deselected
def pytest_collection_modifyitems(items):
    """Put a mutant's own tests first; the others follow, the fastest first.

    Raises UsageError for ids that pytest would escape once more at each collection in the process:
    such a test is not found again, which would count as a mutant that it noticed.
    """
    for item in items:
        given = any(mark.kwargs.get("ids") for mark in item.iter_markers("parametrize"))
        if given and "\\" in item.nodeid:
            raise pytest.UsageError(
                f"{item.nodeid} has ids with a backslash; let it have pytest's own"
            )
    if own := own_tests():
        items.sort(key=lambda item: [not item.nodeid.startswith(file) for file in own])


def pytest_runtest_protocol(item):
    """Skip what is left of the others once they have had their time."""
    own = own_tests()
    if not own or item.nodeid.startswith(own):
        return None
    began = item.session.stash.setdefault("began", process_time())
    return True if process_time() - began > BUDGET_S else None


def without_prose():
    """Let no message be mutated, and of a word only one letter case: its own.

    A message that says something else is for its reader to notice, and of a word in capitals a
    test sees as much as of one in brackets.
    """
    from libcst import BaseString
    from mutmut.mutation import mutators

    def words(node):
        if " " not in getattr(node, "value", " "):
            yield from list(mutators.operator_string(node))[:1]

    place = mutators.mutation_operators.index((BaseString, mutators.operator_string))
    mutators.mutation_operators[place] = (BaseString, words)


def results(patterns) -> Iterator[tuple[Path, str, str]]:
    """Yield file, name and status of each mutant that was asked for."""
    from mutmut.mutation.data import SourceFileMutationData
    from mutmut.stats import status_by_exit_code
    from mutmut.utils.file_utils import walk_mutatable_files

    for path in sorted(walk_mutatable_files()):
        data = SourceFileMutationData(path=path)
        data.load()
        for name, code in data.exit_code_by_key.items():
            if not patterns or any(fnmatch.fnmatch(name, pattern) for pattern in patterns):
                yield path, name, status_by_exit_code[code]


def report(patterns) -> None:
    """Print what became of the mutants, by file and in all, and each one that survived."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    found = [each for each in results(patterns) if each[2] != "caught by type check"]
    print(f"{'killed':>7} {'survived':>8} {'in all':>6}")
    for file in [*dict.fromkeys(path for path, *_ in found), None]:
        seen = Counter(status in KILLED for path, _, status in found if file in (path, None))
        share = f"{seen[True] / max(seen.total(), 1):6.1%}"
        print(f"{seen[True]:7,} {seen[False]:8,} {share} {file or 'of all that have right types'}")
    for path, name, status in found:
        if status not in KILLED:
            lines = get_diff_for_mutant(name, path=path).splitlines()[2:]
            changed = [line for line in lines if line[:1] in ("-", "+")]
            print(f"\n{status}: {name}", *changed, sep="\n    ")


def main(patterns) -> None:
    """Make the mutants whose names fit the patterns, or all, run their tests, and report.

    All are made anew: mutmut keeps what it found of a function that has not changed, also where
    the tests have. Those that are named are run again in any case.
    """
    import mutmut.__main__ as mutmut

    if not patterns:
        shutil.rmtree("mutants", ignore_errors=True)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    sys.path.pop(0)  # this folder: `tests` is to be the copy beside the mutants
    without_prose()
    mutmut.cli.main(["run", *patterns], standalone_mode=False)
    report(patterns)


if __name__ == "__main__":
    main(sys.argv[1:])

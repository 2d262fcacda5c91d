"""`atomlab capture`."""

from __future__ import annotations

import gc
import sys
from typing import Annotated

from typer import Argument, Option

from atomlab.cli.options import harmless

Source = Annotated[
    str, Argument(help="ATOM's database: a PostgreSQL URL, an SQLite file, or env:NAME.")
]
KeyFile = Annotated[str | None, Option(help="Fingerprint key, made if absent; keep it to compare.")]
Operator = Annotated[str | None, Option(help="Who captures; recorded.", callback=harmless)]
Timeout = Annotated[
    float,
    Option(min=0.1, max=86_400, help="Seconds for each statement on the server."),
]


def capture(
    source: Source,
    out: Annotated[str, Option(help="The snapshot to write.", callback=harmless)],
    tenant: Annotated[list[str] | None, Option(help="Only this tenant; repeatable.")] = None,
    pricing: Annotated[str | None, Option(help="Pricing cache (.json, .json.gz).")] = None,
    providers: Annotated[str | None, Option(help="byok_config.json.")] = None,
    catalog: Annotated[str | None, Option(help="Model catalogue (.json).")] = None,
    env: Annotated[str | None, Option(help="The worker's environment, as env prints it.")] = None,
    keys: Annotated[str | None, Option(help="byok_keys.json.")] = None,
    rules: Annotated[str, Option(help="An edition's name, or a file.")] = "hosted-2026-05",
    key_file: KeyFile = None,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace an existing snapshot.")] = False,
    operator: Operator = None,
    parent: Annotated[
        str | None, Option(help="An earlier snapshot of this incident; recorded.")
    ] = None,
    statement_timeout: Timeout = 60,
) -> None:
    """Make a redacted snapshot of a platform database.

    The database is only read. Its password comes from PGPASSWORD, .pgpass, or a URL in the
    environment (env:NAME), rather than from the arguments, which others on the machine can see.
    """
    from atomlab.capturing.capture import capture as write_snapshot
    from atomlab.show.manifest import capture_progress
    from atomlab.show.terminal import print_capture

    _prepare_process()
    with capture_progress() as progress:
        snapshot = write_snapshot(
            source,
            out,
            tenants=tenant or (),
            pricing=pricing,
            providers=providers,
            catalog=catalog,
            env=env,
            keys=keys,
            rules=rules,
            key_file=key_file,
            overwrite=overwrite,
            operator=operator,
            parent=parent,
            statement_timeout_s=statement_timeout,
            progress=progress,
        )
    with snapshot:
        print_capture(snapshot)


def _prepare_process() -> None:
    from atomlab.capturing.memory import close_memory

    close_memory()  # to the end of the process: values are freed, not wiped
    # The thread that fetches rows gets its turn sooner: else the other waits for it each time.
    sys.setswitchinterval(0.001)
    gc.disable()  # rows make no cycles, and looking for some among millions takes a while

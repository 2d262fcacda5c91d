"""`atomlab capture`."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from atomlab.cli.options import Quiet, Verbose, detail_of, file, harmless, overwrite

if TYPE_CHECKING:
    from atomlab.capturing.capture import Options
    from atomlab.evidence.snapshot import Snapshot

Source = Annotated[
    str,
    Argument(
        metavar="SOURCE",
        help="ATOM's database: a PostgreSQL URL, the path of an SQLite file, or env:NAME for a "
        "variable that holds one of these.",
    ),
]
Out = Annotated[
    str, file("The snapshot file to write; with --shards, the folder for the files.", harmless)
]
Shards = Annotated[
    int | None,
    Option(
        min=1,
        max=100,
        metavar="N",
        help="Write N snapshots, each with the tenants that a hash of their ids puts there.",
    ),
]
Tenants = Annotated[
    list[str] | None,
    Option(metavar="T", help="Capture only this tenant. It can be given several times."),
]
Pricing = Annotated[
    str | None,
    file("The prices: ATOM's pricing cache, a LiteLLM map or an OpenRouter list (.json)."),
]
Providers = Annotated[
    str | None, file("The provider registry, a byok_config.json. Default: the rules' own.")
]
Catalog = Annotated[str | None, file("The model catalogue (.json). Default: the database's table.")]
Env = Annotated[str | None, file("A file with the worker's environment, as env prints it there.")]
Keys = Annotated[
    str | None, file("A file with the keys that the platform stores, a byok_keys.json.")
]
Rules = Annotated[
    str, Option(metavar="NAME", help="The platform's rules: an edition's name, or a file.")
]
KeyFile = Annotated[
    str | None,
    file("The key of the fingerprints, made if absent. Keep it to compare snapshots."),
]
Overwrite = Annotated[bool, overwrite("a snapshot that is there already")]
Operator = Annotated[
    str | None,
    Option(metavar="NAME", help="The name of who captures, to be recorded.", callback=harmless),
]
Parent = Annotated[str | None, file("An earlier snapshot of this incident, to be recorded.")]
Timeout = Annotated[
    float,
    Option(min=0.1, max=86_400, metavar="SECONDS", help="The limit of each statement, in seconds."),
]


def capture(
    source: Source,
    out: Out,
    tenant: Tenants = None,
    shards: Shards = None,
    pricing: Pricing = None,
    providers: Providers = None,
    catalog: Catalog = None,
    env: Env = None,
    keys: Keys = None,
    rules: Rules = "hosted-2026-05",
    key_file: KeyFile = None,
    overwrite: Overwrite = False,
    operator: Operator = None,
    parent: Parent = None,
    statement_timeout: Timeout = 60,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Make a redacted snapshot of a platform database.

    The database is only read. Its password comes from PGPASSWORD, .pgpass, or a URL in the
    environment (env:NAME), rather than from the arguments, which others on the machine can see.
    """
    from atomlab.capturing.capture import Options
    from atomlab.show.terminal import print_capture, progress_bars

    detail = detail_of(verbose, quiet)
    _prepare_process()
    with progress_bars() as progress:
        options = Options(
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
        snapshots = _written(source, out, shards, options)
    print_capture(snapshots, out, detail)
    for snapshot in snapshots:
        snapshot.close()


def _written(source: str, out: str, shards: int | None, options: Options) -> list[Snapshot]:
    from atomlab.capturing.capture import capture as write

    if shards is None:
        return [write(source, out, **options)]
    return write(source, out, shards=shards, **options)


def _prepare_process() -> None:
    from atomlab.capturing.memory import close_memory

    close_memory()  # to the end of the process: values are freed, not wiped
    gc.disable()  # rows make no cycles, and looking for some among millions takes a while

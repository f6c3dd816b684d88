"""``flask backup`` and ``flask restore``: a copy of everything but the master keys, and the way back."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext
from rich.console import Console
from rich.progress import Progress

from app.audit.actor import Actor
from app.audit.event import record
from app.backup import making, restoring
from app.backup.checking import Findings
from app.backup.refusal import BackupRefused, ToolMissing
from app.commands.door import Command, CouldNotRun, DatabaseCommand, Failed
from app.extensions import db
from app.operations import preflight

VARIABLE = "BACKUP_PASSPHRASE"
SHORTEST_PASSPHRASE = 12
FILE = click.Path(path_type=Path, dir_okay=False)
passphrase_option = click.option(
    "--passphrase-stdin", is_flag=True, help=f"Read the passphrase from standard input. {VARIABLE} does the same."
)


@contextmanager
def refusals_in_words() -> Iterator[None]:
    """What was not done, and why."""
    try:
        yield
    except BackupRefused as refused:
        raise Failed(str(refused)) from None
    except ToolMissing as missing:
        raise CouldNotRun(str(missing)) from None


@click.command("backup", cls=DatabaseCommand)
@click.argument("file", type=FILE)
@passphrase_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_appcontext
def backup(file: Path, passphrase_stdin: bool, as_json: bool) -> None:
    """Copy the database of this moment into FILE, and its wrapped keys into FILE.keys, while Streamzy serves.

    No master key is in either: keep ENCRYPTION_KEY apart. With a passphrase both are encrypted.
    """
    passphrase = _passphrase(passphrase_stdin)
    if passphrase and len(passphrase) < SHORTEST_PASSPHRASE:
        raise click.UsageError(f"The passphrase is too short: {SHORTEST_PASSPHRASE} characters or more.")
    with refusals_in_words(), Progress(console=Console(stderr=True), transient=True) as shown:
        bar = shown.add_task("Copying", total=None)
        made = making.make(file, passphrase, lambda done, total: shown.update(bar, completed=done, total=total))
    size = made.data.stat().st_size
    record(
        "backup.created",
        Actor.command("backup"),
        target_kind="backup",
        target_name=made.data.name,
        made_at=made.manifest["made_at"],
        bytes=size,
        encrypted=bool(passphrase),
    )
    db.session.commit()
    if as_json:
        about = {"file": str(made.data), "keys": str(made.keys), "bytes": size, "encrypted": bool(passphrase)}
        click.echo(json.dumps({**about, "manifest": made.manifest}))
        return
    rows = sum(made.manifest["rows"].values())
    click.echo(f"{made.data}: {rows:,} rows, {size:,} bytes{', encrypted' if passphrase else ''}.")
    click.echo(f"{made.keys}: the wrapped keys. Keep only the newest few of these: older ones open what was shredded.")
    click.echo(
        f"Neither opens without ENCRYPTION_KEY ({', '.join(made.manifest['master_keys'])}): keep that elsewhere."
    )


@click.command("restore", cls=Command)
@click.argument("file", type=FILE)
@click.option("--keys", type=FILE, help="The key file; without it, FILE.keys.")
@click.option("--check", is_flag=True, help="Restore to a scratch place and say how it looks there; change nothing.")
@click.option("--force", is_flag=True, help="Replace what is in the database now, or restore what is not whole.")
@passphrase_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_appcontext
def restore(file: Path, keys: Path | None, check: bool, force: bool, passphrase_stdin: bool, as_json: bool) -> None:
    """Put a backup in the place of the database. Streamzy must be stopped.

    Hashes, signatures, keys, a sample of the messages and the audit log are looked at first. Exit code 1 if something
    is wrong.
    """
    passphrase = _passphrase(passphrase_stdin)
    with refusals_in_words(), restoring.opened(file, keys or making.keys_beside(file), passphrase) as opened:
        if check:
            findings = restoring.check(opened)
            _note_check(file.name, findings)
        else:
            findings = restoring.restore(opened, Actor.command("restore"), force=force)
    if as_json:
        about = {"ok": findings.ok, "made_at": opened.manifest["made_at"], "restored": not check}
        click.echo(json.dumps({**about, "holds": findings.holds, "problems": findings.problems}))
    else:
        click.echo(f"The backup of {opened.made_at:%d %b %Y, %H:%M:%S} UTC ({opened.manifest['database']}):")
        for sentence in findings.holds + findings.problems:
            click.echo(f"  {sentence}")
    if not findings.ok and check:
        raise Failed("This backup would not come back whole.")
    if not as_json:
        click.echo(
            "It would come back whole. Nothing was changed here."
            if check
            else "Restored. Everybody has to sign in again. Start Streamzy, and make a new anchor of the audit log."
        )


def _passphrase(from_stdin: bool) -> str | None:
    if not from_stdin:
        return os.environ.get(VARIABLE) or None
    given = sys.stdin.readline().rstrip("\r\n")
    if not given:
        raise click.UsageError("There was no passphrase on standard input.")
    return given


def _note_check(name: str, findings: Findings) -> None:
    """Put a check on record, where there is a database of ours to put it in."""
    if not preflight.database_exists(current_app.config["STREAMZY"]) or preflight.migrations_problem():
        return
    record("backup.checked", Actor.command("restore --check"), target_kind="backup", target_name=name, ok=findings.ok)
    db.session.commit()

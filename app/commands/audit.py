"""``flask audit``: is the record still what was written?"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TextIO

import click

from app.audit import anchor, chain, export
from app.audit.actor import Actor
from app.audit.event import AuditEvent, record
from app.commands.door import Command, Failed, Group
from app.extensions import db

audit = Group("audit", help="The tamper-evident record of who did what.")


@audit.command("verify")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--anchors", type=click.File(), help="Compare with the anchors in this file, too.")
def verify(as_json: bool, anchors: TextIO | None) -> None:
    """Check the chain from its first row to its last. Exit code 1 if anything was changed, removed or cut off."""
    last = chain.length()
    problems = [*chain.problems(), *(anchor.problems(anchors) if anchors else ())]
    if as_json:
        click.echo(json.dumps({"ok": not problems, "last_id": last, "problems": problems}))
    else:
        for problem in problems:
            click.echo(problem)
    if problems:
        raise Failed("The audit log is not what was written.")
    if not as_json:
        click.echo(f"The audit log holds: {last} events, none changed, none missing.")


@audit.command("anchor", cls=Command)
@click.argument("file", type=click.File("a"))
def write_anchor(file: TextIO) -> None:
    """Append the log's end to FILE, which belongs on another machine: `audit verify --anchors FILE` compares."""
    end = anchor.take()
    if end is None:
        raise Failed("Nothing has been recorded yet.")
    file.write(json.dumps(end) + "\n")
    click.echo(f"Row {end['row']} is anchored in {file.name}.")


@audit.command("export", cls=Command)
@click.option("--format", "as_format", type=click.Choice(sorted(export.FORMATS)), default="jsonl", show_default=True)
@click.option("--since", type=click.DateTime(), help="UTC.")
@click.option("--until", type=click.DateTime(), help="UTC.")
def write_all(as_format: str, since: datetime | None, until: datetime | None) -> None:
    """Print the log, oldest first, as JSON Lines or for a spreadsheet. That it was exported is in it afterwards."""
    which = [AuditEvent.at >= since.replace(tzinfo=UTC)] if since else []
    which += [AuditEvent.at < until.replace(tzinfo=UTC)] if until else []
    for line in export.FORMATS[as_format][1](*which):
        click.echo(line, nl=False)
    record("audit.exported", Actor.command("audit export"))
    db.session.commit()

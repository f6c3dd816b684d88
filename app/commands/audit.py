"""``flask audit``: is the record still what was written?"""

from __future__ import annotations

import json

import click

from app.audit import chain
from app.commands.door import Failed, Group

audit = Group("audit", help="The tamper-evident record of who did what.")


@audit.command("verify")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def verify(as_json: bool) -> None:
    """Check the chain from its first row to its last. Exit code 1 if anything was changed, removed or cut off."""
    last = chain.length()
    problems = list(chain.problems())
    if as_json:
        click.echo(json.dumps({"ok": not problems, "last_id": last, "problems": problems}))
    else:
        for problem in problems:
            click.echo(problem)
    if problems:
        raise Failed("The audit log is not what was written.")
    if not as_json:
        click.echo(f"The audit log holds: {last} events, none changed, none missing.")

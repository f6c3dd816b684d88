"""``flask doctor``: the deployment checklist, gone through by the machine."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from app.commands.door import Command


@click.command("doctor", cls=Command)
@with_appcontext
def doctor() -> None:
    """Go through the deployment checklist."""

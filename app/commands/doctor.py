"""``flask doctor``: the deployment checklist, gone through by the machine."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict

import click
from flask import current_app
from flask.cli import with_appcontext

from app.commands.door import Command
from app.operations.doctor import examine

COLOURS = {"pass": "green", "warn": "yellow", "fail": "red", "unknown": "cyan"}
SUMMARY = (("fail", "failed"), ("warn", "warnings"), ("pass", "passed"), ("unknown", "for you to look at"))


@click.command("doctor", cls=Command)
@click.option("--production", is_flag=True, help="Judge as where other people are served, whatever FLASK_ENV says.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_appcontext
def doctor(production: bool, as_json: bool) -> None:
    """Go through the deployment checklist. Exit code 1 if one check fails."""
    checks = examine(current_app.config["STREAMZY"], production=production)
    failed = any(check.status == "fail" for check in checks)
    if as_json:
        click.echo(json.dumps({"ok": not failed, "checks": [asdict(check) for check in checks]}))
    else:
        for check in checks:
            click.echo(f"{click.style(f'{check.status:<8}', fg=COLOURS[check.status])}{check.name}: {check.sentence}")
            if check.hint:
                click.echo(f"{'':<8}-> {check.hint}")
        count = Counter(check.status for check in checks)
        click.echo(", ".join(f"{count[status]} {word}" for status, word in SUMMARY if count[status]))
    if failed:
        raise click.exceptions.Exit(1)

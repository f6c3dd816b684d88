"""Which commands there are."""

from __future__ import annotations

from flask import Flask

from app.commands.audit import audit
from app.commands.backup import backup, restore
from app.commands.channels import channels
from app.commands.doctor import doctor
from app.commands.keys import keys
from app.commands.setup import setup
from app.commands.users import users


def init_app(app: Flask) -> None:
    """Add every command to ``flask``."""
    for command in (setup, doctor, keys, audit, users, channels, backup, restore):
        app.cli.add_command(command)

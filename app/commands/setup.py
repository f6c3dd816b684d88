"""``flask setup``: everything a first start needs. Repeating it changes nothing."""

from __future__ import annotations

import logging
import os
import secrets
from dataclasses import replace
from pathlib import Path

import click
import flask_migrate
from alembic.util import CommandError
from cryptography.fernet import Fernet
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import select

import config
from app.audit.actor import Actor
from app.audit.event import record
from app.auth import password as passwords
from app.auth.user import User
from app.commands.door import Command, Failed
from app.encryption.data_key import DataKeys, data_keys
from app.encryption.keyring import KeyRing
from app.extensions import db
from app.operations import preflight
from config import ROOT, Settings

KEEP_IT = "Copy ENCRYPTION_KEY {where} to a safe place now, away from this machine: without it every message is lost."
ENV_FILE = """\
# Settings of this Streamzy. The environment wins over this file; .env.example lists every setting.
# Nobody but its owner may read this file.

{settings}"""


@click.command("setup", cls=Command)
@with_appcontext
def setup() -> None:
    """Write .env, migrate the database and create the admin, whatever of it is missing."""
    _prepare_sqlite_file()
    wrote = _ensure_keys()
    if problems := preflight.key_problems():
        raise Failed("\n".join(problems))
    _migrate()
    data_keys().ensure_instance_keys()
    db.session.commit()
    password = _ensure_admin()
    if wrote or password:
        click.echo(KEEP_IT.format(where=f"from {wrote}" if wrote else "from where you keep it"))
    if password:
        click.echo(f"Admin sign-in: admin / {password}")
        click.echo("It is shown only now, and must be changed at the first sign-in.")
    elif unused := _unused_admin():
        click.echo(f"Nobody has signed in as {unused} yet. Password lost? flask users reset-password {unused}")


def _prepare_sqlite_file() -> None:
    """Make folder and file so that only their owner can read them: SQLite itself would ask the umask."""
    path = preflight.sqlite_path(current_app.config["STREAMZY"])
    if path is None or path.exists():
        return
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.parent == ROOT / "instance":
            path.parent.chmod(0o700)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        pass  # another start was faster
    except OSError as error:
        raise Failed(f"DATABASE_URL: cannot make {path}: {error.strerror}") from None


def _ensure_keys() -> Path | None:
    """Write the ``.env`` file if keys are missing and it is not there; returns its path if it was written."""
    settings: Settings = current_app.config["STREAMZY"]
    if settings.secret_key and settings.encryption_key:
        return None
    path = config.env_file()
    if not settings.encryption_key and (needed := preflight.needed_master_keys()):
        raise Failed(
            f"ENCRYPTION_KEY is not set, and this database needs it (key id {', '.join(needed)}). "
            "Put the copy that was kept into the settings; a new key could not read a single message."
        )
    if path.exists():
        missing = " and ".join(name for name in ("SECRET_KEY", "ENCRYPTION_KEY") if not getattr(settings, name.lower()))
        raise Failed(
            f"{missing} missing: {path} is there already and is left alone. .env.example says how to make one."
        )
    fresh = {"SECRET_KEY": settings.secret_key or secrets.token_hex(32)}
    fresh["ENCRYPTION_KEY"] = ",".join(settings.encryption_key) or Fernet.generate_key().decode()
    # What came from the environment stays there: a second copy in the file would be forgotten, and differ one day.
    _write(path, {name: value for name, value in fresh.items() if not getattr(settings, name.lower())})
    _use(replace(settings, secret_key=fresh["SECRET_KEY"], encryption_key=tuple(fresh["ENCRYPTION_KEY"].split(","))))
    return path


def _write(path: Path, values: dict[str, str]) -> None:
    lines = [f"{comment}{name}={value}\n" for name, value in values.items() for comment in (COMMENTS[name],)]
    try:
        # Exclusive, and closed to others from its first moment: not even an open descriptor sees the keys before.
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(ENV_FILE.format(settings="\n".join(lines)))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Failed(f"ENV_FILE: cannot write {path}: {error.strerror}") from None


COMMENTS = {
    "SECRET_KEY": "# Signs cookies and forms. A new one signs everybody out, and harms nothing else.\n",
    "ENCRYPTION_KEY": (
        "# The master key. Keep a copy away from this machine: without it every message is lost.\n"
        "# To change it: put the output of `flask keys generate` and a comma before it, restart, `flask keys rotate`.\n"
    ),
}


def _use(settings: Settings) -> None:
    """Go on with keys that did not exist when this app was built."""
    current_app.config.update(STREAMZY=settings, SECRET_KEY=settings.secret_key)
    current_app.extensions["data_keys"] = DataKeys(KeyRing(settings.encryption_key))


def _migrate() -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        if preflight.migrations_problem():
            flask_migrate.upgrade()
    except (CommandError, SystemExit):
        raise Failed(f"The database could not be migrated: {preflight.migrations_problem()}") from None


def _ensure_admin() -> str | None:
    """Create the admin if there is none; returns the generated password, which is stored nowhere in clear."""
    if User.admins_exist():
        return None
    password = passwords.generate()
    hashed = passwords.hash_password(password, current_app.config["STREAMZY"].bcrypt_rounds)
    admin = User.create("admin", hashed, role="admin", must_change_password=True)
    record(
        "setup.completed", Actor.command("setup"), target_kind="account", target_id=admin.id, target_name=admin.username
    )
    db.session.commit()
    return password


def _unused_admin() -> str | None:
    admins = db.session.scalars(select(User).where(User.role == "admin").order_by(User.id)).all()
    if any(admin.last_signed_in_at or not admin.must_change_password for admin in admins):
        return None
    return admins[0].username

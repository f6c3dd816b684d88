"""Refusals to serve: what would lose messages, let a stranger in, or fail at the first request.

Commands run where serving is refused, because they mend it.
"""

from __future__ import annotations

from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask, current_app
from sqlalchemy import func, inspect, make_url, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

import config
from app.encryption.data_key import INSTANCE_PURPOSES, MESSAGES, DataKey
from app.encryption.keyring import EncryptionKeyError, KeyRing
from app.extensions import db
from config import Settings

SHORTEST_SECRET = 32
FEWEST_CHARACTERS = 10  # different ones: "aaaa..." is long and no secret
PLACEHOLDERS = (
    "change",
    "placeholder",
    "example",
    "your",
    "secret",
    "insecure",
    "password",
    "xxxx",
    "default",
    "replace",
)
KEYS_IN_WORDS = {
    "applications": "applications",
    "notes": "notes and reasons",
    "two_factor": "second factors",
    "lookup": "look-up hashes",
    "audit": "the audit log",
    "device": "known devices",
}
FEWEST_ROUNDS, MOST_FAILURES, SHORTEST_LOCKOUT = 12, 5, 15


def refusals(app: Flask) -> list[str]:
    """Why ``app`` must not serve, one line each, the setting first; empty when it may."""
    settings: Settings = app.config["STREAMZY"]
    with app.app_context():
        found = [secret_key_problem(settings), *key_problems()]
        database = database_problem(settings)
        found += [database] if database else [migrations_problem(), instance_keys_problem()]
    if settings.production:
        found += production_problems(settings)
    return [problem for problem in found if problem]


def warnings(app: Flask) -> list[str]:
    """What ``app`` can serve with, and its operator should know all the same."""
    settings: Settings = app.config["STREAMZY"]
    found = [
        f"{name}: there is no such setting; is it misspelt?"
        for name in config.unknown_settings(config.environment_over_file())
    ]
    if env_file_problem():
        found.append(env_file_problem())
    if settings.production and not settings.security_contact:
        found.append("SECURITY_CONTACT is not set: whoever finds a hole does not know whom to tell")
    if settings.public_url.startswith("https:") and not settings.trusted_proxies:
        found.append("TRUSTED_PROXIES is 0 behind an https PUBLIC_URL: every visitor seems to come from the proxy")
    return found


def secret_key_problem(settings: Settings) -> str:
    """What is wrong with SECRET_KEY, or ''."""
    key = settings.secret_key
    if not key:
        return "SECRET_KEY is not set; `flask setup` writes one"
    if len(key) < SHORTEST_SECRET:
        return f"SECRET_KEY is too short: it needs {SHORTEST_SECRET} characters or more"
    if len(set(key)) < FEWEST_CHARACTERS or any(word in key.lower() for word in PLACEHOLDERS):
        return "SECRET_KEY is a placeholder: whoever guesses it can sign cookies; make a random one"
    return ""


def key_ring() -> KeyRing | EncryptionKeyError:
    """The master keys, or why there are none."""
    keys = current_app.extensions["data_keys"]
    if isinstance(keys, EncryptionKeyError):
        return keys
    ring: KeyRing = keys.ring
    return ring


def needed_master_keys() -> dict[str, int]:
    """Ids of the master keys that data keys are wrapped under, each with the id of one such data key.

    Empty where there is no database yet, or nothing in it.
    """
    if not database_exists(current_app.config["STREAMZY"]) or not inspect(db.engine).has_table(DataKey.__tablename__):
        return {}
    rows = db.session.execute(
        select(DataKey.master_key_id, func.min(DataKey.id))
        .where(DataKey.wrapped.is_not(None))
        .group_by(DataKey.master_key_id)
    )
    return {master_key_id: data_key_id for master_key_id, data_key_id in rows}


def needed_for(master_key_id: str) -> str:
    """What is under a master key: "3 channels, applications, the audit log"."""
    counted = select(DataKey.purpose, func.count(DataKey.channel_id.distinct())).where(
        DataKey.master_key_id == master_key_id, DataKey.wrapped.is_not(None)
    )
    under = {purpose: count for purpose, count in db.session.execute(counted.group_by(DataKey.purpose))}
    channels = under.pop(MESSAGES, 0)
    parts = [f"{channels} channel{'s' if channels != 1 else ''}"] if channels else []
    return ", ".join(parts + [KEYS_IN_WORDS.get(purpose, purpose) for purpose in sorted(under)])


def key_problems() -> list[str]:
    """What is wrong with ENCRYPTION_KEY: malformed, missing though still needed, or not opening what it sealed."""
    ring = key_ring()
    found = [str(ring)] if isinstance(ring, EncryptionKeyError) else []
    try:
        needed = needed_master_keys()
    except SQLAlchemyError:
        return found  # that the database does not answer is said elsewhere
    for master_key_id, data_key_id in needed.items():
        if isinstance(ring, EncryptionKeyError) or master_key_id not in ring.ids:
            found.append(
                f"ENCRYPTION_KEY: the key with id {master_key_id} is missing and still needed: "
                f"{needed_for(master_key_id)} cannot be read without it. "
                "Find the copy that was kept; a new key does not help"
            )
            continue
        try:
            ring.unwrap(master_key_id, db.session.get_one(DataKey, data_key_id).wrapped or "")
        except EncryptionKeyError as error:
            found.append(str(error))
    return found


def database_exists(settings: Settings) -> bool:
    """Whether there is anything to connect to: asking SQLite would make an empty file."""
    path = sqlite_path(settings)
    return path is None or path.is_file()


def sqlite_path(settings: Settings) -> Path | None:
    """The SQLite file, or None on another database."""
    name = make_url(settings.database_url).database if settings.sqlite else None
    return Path(name) if name and name != ":memory:" else None


def database_problem(settings: Settings) -> str:
    """Why the database cannot be used at all, or ''."""
    if not database_exists(settings):
        return "DATABASE_URL: there is no database yet; run `flask setup`"
    try:
        with db.engine.connect():
            return ""
    except (SQLAlchemyError, OSError) as error:
        return f"DATABASE_URL: the database does not answer: {first_line(error)}"


def migrations_problem() -> str:
    """What keeps the schema of a database that answers from being this version's, or ''."""
    scripts = ScriptDirectory.from_config(current_app.extensions["migrate"].migrate.get_config())
    with db.engine.connect() as connection:
        current = set(MigrationContext.configure(connection).get_current_heads())
    wanted = set(scripts.get_heads())
    if current == wanted:
        return ""
    known = {script.revision for script in scripts.walk_revisions()}
    if current - known:
        return "DATABASE_URL: the database was made by a newer Streamzy than this one"
    return "DATABASE_URL: the database is not set up, or older than this version; run `flask setup`"


def instance_keys_problem() -> str:
    """Which of the instance's own data keys are missing from a database that answers, or ''."""
    if not inspect(db.engine).has_table(DataKey.__tablename__):
        return ""  # said by migrations_problem
    there = set(db.session.scalars(select(DataKey.purpose).where(DataKey.channel_id == 0, DataKey.state == "active")))
    missing = [purpose for purpose in INSTANCE_PURPOSES if purpose not in there]
    return f"ENCRYPTION_KEY: data keys are missing ({', '.join(missing)}); run `flask setup`" if missing else ""


def production_problems(settings: Settings) -> list[str]:
    """What must not be so where other people are served."""
    found = []
    if settings.flask_debug:
        found.append("FLASK_DEBUG is on: it shows source and variables to whoever makes an error happen")
    if not settings.session_cookie_secure:
        found.append("SESSION_COOKIE_SECURE is off: the session cookie would travel unencrypted")
    if settings.bcrypt_rounds < FEWEST_ROUNDS:
        found.append(f"BCRYPT_ROUNDS is {settings.bcrypt_rounds}: it must be {FEWEST_ROUNDS} or more")
    if settings.lockout_failures > MOST_FAILURES:
        found.append(f"LOCKOUT_FAILURES is {settings.lockout_failures}: it must be {MOST_FAILURES} or fewer")
    if settings.lockout_minutes < SHORTEST_LOCKOUT:
        found.append(f"LOCKOUT_MINUTES is {settings.lockout_minutes}: it must be {SHORTEST_LOCKOUT} or more")
    return found


def env_file_problem() -> str:
    """Who else can read the ``.env`` file, or ''."""
    path = config.env_file()
    if path.is_file() and path.stat().st_mode & 0o077:
        return f"{path} can be read by other accounts of this machine: chmod 600 it"
    return ""


def first_line(error: BaseException) -> str:
    """What a database's error says, without the statement and its parameters, which may be secret."""
    original = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return (str(original).strip().splitlines() or [type(original).__name__])[0]

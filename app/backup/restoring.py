"""Restoring: both files opened and compared, the database built, its keys put in, looked at, and put in its place."""

from __future__ import annotations

import hmac
import json
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import flask_migrate
from flask import current_app
from sqlalchemy import delete, inspect, select, update

from app.audit.actor import Actor
from app.audit.event import record
from app.auth.session import UserSession
from app.auth.user import User
from app.backup import archive, checking, key_file, place, postgres_dump, rows, sqlite_copy
from app.backup.checking import Findings
from app.backup.key_file import Merged, Rows
from app.backup.making import KEPT, LISTED
from app.backup.refusal import BackupDamaged, BackupRefused
from app.channels.channel import Channel
from app.clock import now
from app.encryption.data_key import data_keys, mac_under
from app.extensions import db
from app.operations import preflight
from app.workers.worker import Worker
from config import Settings

NEWER = "It was made by a newer Streamzy than this one."


class Backup(NamedTuple):
    """Both files of a backup, unpacked into a folder and found to be what was written."""

    folder: Path
    manifest: dict[str, Any]
    listed: Rows
    kept: Rows
    keys_made_at: datetime

    @property
    def made_at(self) -> datetime:
        """Which moment it holds."""
        return datetime.fromisoformat(self.manifest["made_at"])

    @property
    def sqlite(self) -> bool:
        """Whether it came from SQLite."""
        return bool(self.manifest["database"] == "sqlite")


@contextmanager
def opened(data: Path, keys: Path, passphrase: str | None, scratch: Path | None = None) -> Iterator[Backup]:
    """Unpack both files below ``scratch`` (else where temporary files go) and verify hashes and signatures.

    Raises BackupDamaged, BackupRefused, or EncryptionKeyError when a master key that they need is missing.
    """
    with tempfile.TemporaryDirectory(prefix=".restoring-", dir=scratch) as folder:
        parts = {kind: Path(folder) / kind for kind in ("data", "keys")}
        manifests = {}
        for (kind, part), path in zip(parts.items(), (data, keys), strict=True):
            part.mkdir()
            manifests[kind] = archive.unpack(path, part, kind, passphrase)
        kept: Rows = json.loads((parts["keys"] / KEPT).read_bytes())
        for kind, path in (("data", data), ("keys", keys)):
            _verify(path, parts[kind], manifests[kind], kept)
        listed: Rows = json.loads((parts["data"] / LISTED).read_bytes())
        made_at = datetime.fromisoformat(manifests["keys"]["made_at"])
        yield Backup(parts["data"], manifests["data"], listed, kept, made_at)


def check(backup: Backup) -> Findings:
    """Restore ``backup`` to a scratch place, and say how it looks there."""
    with _scratch(backup) as url:
        _, findings = _build(backup, url)
        return findings


def restore(backup: Backup, actor: Actor, *, force: bool) -> Findings:
    """Put ``backup`` in the place of this app's database.

    Raises BackupRefused while workers are alive, where there is data and ``force`` does not say to overwrite it, or
    where the restored database is not what was backed up.
    """
    settings: Settings = current_app.config["STREAMZY"]
    _refuse_unless_it_fits(backup, settings)
    _refuse_to_overwrite(settings, force=force)
    if path := preflight.sqlite_path(settings):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".restoring-", dir=path.parent) as folder:
            built = Path(folder) / path.name
            findings = _build_for_good(backup, f"sqlite:///{built}", actor, force=force)
            _leave_wal(built)
            sqlite_copy.put_in_place(built, path)
        return findings
    postgres_dump.empty(settings.database_url)
    try:
        return _build_for_good(backup, settings.database_url, actor, force=force)
    except BackupRefused:
        postgres_dump.empty(settings.database_url)  # nobody shall take a half one for a whole
        raise


def _build_for_good(backup: Backup, url: str, actor: Actor, *, force: bool) -> Findings:
    merged, findings = _build(backup, url)
    if not findings.ok and not force:
        raise BackupRefused(
            "\n".join([*findings.problems, "What it would restore is not whole. --force restores it all the same."])
        )
    with place.looking_at(url):
        _start_anew()
        about = {"made_at": backup.manifest["made_at"], "closed_keys": len(merged.missing)}
        record("backup.restored", actor, target_kind="backup", target_name=backup.manifest["made_at"], **about)
        db.session.commit()
    return findings


def _build(backup: Backup, url: str) -> tuple[Merged, Findings]:
    merged = key_file.merge(backup.listed, backup.kept, _channels(backup, url))
    if backup.sqlite:
        with sqlite_copy.open_(Path(url.removeprefix("sqlite:///"))).begin() as connection:
            key_file.write(connection, merged.rows)
    else:
        postgres_dump.load(url, backup.folder / postgres_dump.FILE, merged.rows, backup.manifest["revision"])
    with place.looking_at(url) as engine:
        with engine.connect() as connection:
            counts = rows.counted(connection)
        if problem := preflight.migrations_problem():
            if "newer" in problem:
                raise BackupRefused(NEWER)
            flask_migrate.upgrade()
        return merged, checking.look(backup.manifest, counts, _closed(backup, merged))


def _channels(backup: Backup, url: str) -> list[int]:
    """Which channels the data has. On the way a file of SQLite is put where ``url`` says."""
    if not backup.sqlite:
        return [row["channel_id"] for row in backup.listed]
    target = Path(url.removeprefix("sqlite:///"))
    target.touch(0o600)
    shutil.copyfile(backup.folder / sqlite_copy.FILE, target)
    with sqlite_copy.open_(target).connect() as connection:
        return list(connection.scalars(select(Channel.id)))


def _closed(backup: Backup, merged: Merged) -> str:
    if not merged.missing or backup.keys_made_at >= backup.made_at:
        return ""  # keys that were destroyed since: that is what the newer key file is for
    return (
        f"The key file is older than the data: {len(merged.missing)} data keys are not in it, and what is under "
        "them cannot be read."
    )


def _start_anew() -> None:
    # A session that was ended since the backup must not live again, and nobody serves the restored database yet.
    db.session.execute(
        update(UserSession).where(UserSession.ended_at.is_(None)).values(ended_at=now(), end_reason="revoked")
    )
    db.session.execute(delete(Worker))


@contextmanager
def _scratch(backup: Backup) -> Iterator[str]:
    settings: Settings = current_app.config["STREAMZY"]
    if backup.sqlite:
        yield f"sqlite:///{backup.folder / 'checked'}"
        return
    if settings.sqlite:
        raise BackupRefused("It was made on PostgreSQL: DATABASE_URL must be a PostgreSQL database to check it.")
    with postgres_dump.scratch(settings.database_url, f"streamzy_check_{secrets.token_hex(6)}") as url:
        yield url


def _refuse_unless_it_fits(backup: Backup, settings: Settings) -> None:
    here = "sqlite" if settings.sqlite else "postgresql"
    if backup.manifest["database"] != here:
        raise BackupRefused(f"It was made on {backup.manifest['database']}, and DATABASE_URL is {here}.")


def _refuse_to_overwrite(settings: Settings, *, force: bool) -> None:
    path = preflight.sqlite_path(settings)
    if path is not None and not path.is_file():
        return
    with ExitStack() as afterwards:
        afterwards.callback(db.engine.dispose)
        afterwards.callback(db.session.remove)
        names = set(inspect(db.engine).get_table_names())
        if Worker.__tablename__ in names and (living := Worker.living()):
            raise BackupRefused(
                f"Streamzy is serving ({', '.join(worker.name for worker in living)}): stop it first. "
                "One that was killed counts for 20 seconds."
            )
        if User.__tablename__ in names and db.session.scalar(select(User.id).limit(1)) and not force:
            raise BackupRefused("There is data in the database already. --force replaces all of it.")
    if sqlite_copy.in_use(path) if path else postgres_dump.in_use(settings.database_url):
        raise BackupRefused("Another program has the database open: stop it first.")


def _leave_wal(path: Path) -> None:
    # Its log belongs into the one file that is moved.
    if sqlite_copy.in_use(path):
        raise BackupRefused(f"{path} is in use.")


def _verify(path: Path, folder: Path, manifest: dict[str, Any], kept: Rows) -> None:
    signed_by = next((row for row in kept if row["id"] == manifest["signed_by"]), None)
    if signed_by is None or not signed_by["wrapped"]:
        raise BackupRefused("The key file belongs to another Streamzy than the data.")
    key = data_keys().ring.unwrap(signed_by["master_key_id"], signed_by["wrapped"])
    if not hmac.compare_digest(mac_under(key, archive.authenticated(folder)), archive.mac_of(folder)):
        raise BackupDamaged(f"{path} was changed after it was made: its signature does not fit.")

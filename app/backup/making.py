"""Making a backup while others write: the database of one moment in one file, its wrapped keys in another."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from flask import current_app
from sqlalchemy import func, select

from app.backup import archive, key_file, postgres_dump, rows, sqlite_copy
from app.backup.key_file import Rows
from app.backup.refusal import BackupRefused
from app.clock import now
from app.encryption.data_key import data_keys
from app.extensions import db
from app.operations.preflight import sqlite_path
from config import Settings

LISTED, KEPT = "data_keys.json", "wrapped_keys.json"


class Made(NamedTuple):
    """A backup: its files, and what its manifest says."""

    data: Path
    keys: Path
    manifest: dict[str, Any]


def keys_beside(data: Path) -> Path:
    """Where the key file of a backup is made, and looked for."""
    return data.with_name(data.name + ".keys")


def make(target: Path, passphrase: str | None, progress: Callable[[int, int], None]) -> Made:
    """Write ``target`` and its key file. Raises BackupRefused where one is there already, or cannot be written.

    Everything is made in a folder beside them and moved at the end, so nothing half is ever left under their names.
    """
    target = target.absolute()
    for path in (target, keys_beside(target)):
        if os.path.lexists(path):
            raise BackupRefused(f"{path} is there already, and no backup overwrites anything.")
    try:
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
            manifest = _write(Path(folder), passphrase, progress)
            # The keys first: data whose keys are not there yet would be a backup that opens nothing.
            for name, path in (("keys", keys_beside(target)), ("data", target)):
                _move(Path(folder) / name, path)
    except OSError as error:
        raise BackupRefused(f"{target} cannot be written: {error.strerror or error}.") from None
    return Made(target, keys_beside(target), manifest)


def _write(folder: Path, passphrase: str | None, progress: Callable[[int, int], None]) -> dict[str, Any]:
    settings: Settings = current_app.config["STREAMZY"]
    common = {"format": archive.FORMAT, "made_at": now().isoformat(), "signed_by": data_keys().current_id("audit")}
    common["revision"] = rows.revision(db.session.connection())
    common["database"], common["server"] = db.engine.dialect.name, _server()
    db.session.remove()  # nothing of ours may hold a moment of the database while it is copied
    if path := sqlite_path(settings):
        packed, keys, counts = sqlite_copy.take(path, folder, progress)
    else:
        packed, keys, counts = postgres_dump.take(settings.database_url, folder)
    master_keys = sorted({row["master_key_id"] for row in keys if row["wrapped"]})
    common |= {"rows": counts, "master_keys": master_keys}
    listed = _json(folder / LISTED, key_file.without_keys(keys))
    kept = _json(folder / KEPT, keys)
    manifest = _pack(folder / "data", {**common, "kind": "data"}, {LISTED: listed, packed.name: packed}, passphrase)
    _pack(folder / "keys", {**common, "kind": "keys"}, {KEPT: kept}, passphrase)
    return manifest


def _pack(target: Path, about: dict[str, Any], members: dict[str, Path], passphrase: str | None) -> dict[str, Any]:
    manifest = {**about, "files": archive.described(members)}
    mac = data_keys().mac(manifest["signed_by"], archive.written_for_mac(manifest))
    archive.pack(target, manifest, mac, members, passphrase)
    return manifest


def _json(path: Path, content: Rows) -> Path:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        json.dump(content, file, indent=1)
    return path


def _move(made: Path, target: Path) -> None:
    try:
        os.link(made, target)  # unlike a rename, this replaces nothing that appeared meanwhile
    except PermissionError:  # a disk that knows no links
        made.rename(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _server() -> str:
    if db.engine.dialect.name == "sqlite":
        return str(db.session.scalar(select(func.sqlite_version())))
    return ".".join(map(str, db.session.connection().dialect.server_version_info or ()))

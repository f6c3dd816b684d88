"""Backing up: everything of one moment, in two files that open nothing by themselves, and never a half one."""

from __future__ import annotations

import json
import os
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pytest
from flask import Flask
from sqlalchemy import select

from app.backup import making, sqlite_copy
from app.encryption.data_key import DataKey, data_keys
from app.encryption.keyring import EncryptionKeyError
from app.extensions import db
from tests.backup.conftest import Chat
from tests.commands.conftest import RunFlask
from tests.postgres import on_postgresql, on_postgresql_in_prove_too
from tests.tables import events

PASSPHRASE = "a long walk along the quay"


@on_postgresql_in_prove_too
def test_two_files_for_the_owner_alone_and_no_key_that_opens_anything(
    chat: Chat, flask: RunFlask, tmp_path: Path, keys: dict[str, str]
) -> None:
    target = tmp_path / "copy"
    said = flask("backup", str(target)).stdout
    assert "Neither opens without ENCRYPTION_KEY" in said and keys["ENCRYPTION_KEY"] not in said
    data, kept = target.read_bytes(), (tmp_path / "copy.keys").read_bytes()
    wrapped = [key.encode() for key in db.session.scalars(select(DataKey.wrapped)) if key]
    assert len(wrapped) > 6
    assert all(key in kept and key not in data for key in wrapped)
    assert keys["ENCRYPTION_KEY"].encode() not in data + kept
    assert b"land in sight" not in data + kept
    assert [path.stat().st_mode & 0o777 for path in (target, tmp_path / "copy.keys")] == [0o600, 0o600]
    assert {path.name for path in tmp_path.iterdir() if "copy" in path.name} == {"copy", "copy.keys"}
    [event] = events("backup.created")
    assert (event.target_name, event.details["encrypted"]) == ("copy", False) if event.details else False


@on_postgresql_in_prove_too
def test_the_manifest_says_what_is_in_it(chat: Chat, flask: RunFlask, tmp_path: Path) -> None:
    told = json.loads(flask("backup", str(tmp_path / "copy"), "--json").stdout)
    with tarfile.open(tmp_path / "copy") as tar:
        names = tar.getnames()
        found = tar.extractfile("manifest.json")
        assert found
        manifest = json.load(found)
    assert manifest == told["manifest"]
    assert (manifest["rows"]["message"], manifest["rows"]["channel"]) == (3, 2)
    assert manifest["revision"] and manifest["made_at"]
    assert set(names) == {"manifest.json", "manifest.mac", *manifest["files"]}
    assert manifest["master_keys"] == list(data_keys().ring.ids)


def test_nothing_is_overwritten(chat: Chat, flask: RunFlask, tmp_path: Path) -> None:
    for there in ("copy", "copy.keys"):
        (tmp_path / there).write_text("mine")
        assert "is there already" in flask("backup", str(tmp_path / "copy"), code=1).stderr
        assert (tmp_path / there).read_text() == "mine"
        (tmp_path / there).unlink()
    (tmp_path / "copy").symlink_to(tmp_path / "nowhere")
    assert "is there already" in flask("backup", str(tmp_path / "copy"), code=1).stderr
    assert not events("backup.created")


def test_what_appears_meanwhile_is_not_overwritten_either(
    chat: Chat, flask: RunFlask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = sqlite_copy.take

    def slowly(*arguments):
        (tmp_path / "copy").write_text("mine")
        return taken(*arguments)

    monkeypatch.setattr(sqlite_copy, "take", slowly)
    flask("backup", str(tmp_path / "copy"), code=1)
    assert (tmp_path / "copy").read_text() == "mine"


def test_a_backup_that_fails_leaves_nothing(
    chat: Chat, flask: RunFlask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments):
        raise OSError(28, os.strerror(28))

    before = {path.name for path in tmp_path.iterdir()}
    monkeypatch.setattr(making, "_pack", full)
    assert "No space left on device" in flask("backup", str(tmp_path / "copy"), code=1).stderr
    assert {path.name for path in tmp_path.iterdir()} == before
    flask("backup", str(tmp_path / "no" / "such" / "folder"), code=1)


def test_it_ends_although_the_chat_goes_on_and_is_one_moment(
    chat: Chat, flask: RunFlask, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two rows that are always equal, changed all the time by another connection."""
    monkeypatch.setattr(sqlite_copy, "STEP", 1)
    monkeypatch.setattr(sqlite_copy, "BREATH_SECONDS", 0.001)
    path, over, rounds = database_url.removeprefix("sqlite:///"), Event(), []

    def write() -> None:
        with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as connection:
            while not over.is_set():
                connection.execute("UPDATE channel SET slow_mode_seconds = slow_mode_seconds + 1")
                rounds.append(1)

    writer = Thread(target=write)
    writer.start()
    try:
        before = len(rounds)
        flask("backup", str(tmp_path / "copy"))
        assert len(rounds) > before + 10, "nobody wrote meanwhile"
    finally:
        over.set()
        writer.join()
    with tarfile.open(tmp_path / "copy") as tar:
        tar.extract("database.sqlite", tmp_path, filter="data")
    with closing(sqlite3.connect(tmp_path / "database.sqlite")) as connection:
        assert len(set(connection.execute("SELECT slow_mode_seconds FROM channel"))) == 1
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("way", ["stdin", "environment"])
def test_with_a_passphrase_both_files_are_encrypted(
    chat: Chat, flask: RunFlask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "stdin":
        flask("backup", str(tmp_path / "copy"), "--passphrase-stdin", stdin=f"{PASSPHRASE}\n")
    else:
        monkeypatch.setenv("BACKUP_PASSPHRASE", PASSPHRASE)
        flask("backup", str(tmp_path / "copy"))
    for name in ("copy", "copy.keys"):
        content = (tmp_path / name).read_bytes()
        assert content.startswith(b"streamzy encrypted backup 1\n")
        assert b"manifest" not in content and b"harbour" not in content
    assert events("backup.created")[0].details["encrypted"] is True  # type: ignore[index]


def test_a_short_passphrase_is_refused_and_none_is_taken_for_none(chat: Chat, flask: RunFlask, tmp_path: Path) -> None:
    assert "too short" in flask("backup", str(tmp_path / "copy"), "--passphrase-stdin", stdin="short\n", code=2).stderr
    flask("backup", str(tmp_path / "copy"), "--passphrase-stdin", stdin="", code=2)
    assert not (tmp_path / "copy").exists()


def test_without_a_key_it_cannot_run_and_says_so(app: Flask, flask: RunFlask, tmp_path: Path) -> None:
    app.extensions["data_keys"] = EncryptionKeyError("ENCRYPTION_KEY is not set")
    assert "ENCRYPTION_KEY is not set" in flask("backup", str(tmp_path / "copy"), code=3).stderr


@on_postgresql
def test_a_missing_or_old_pg_dump_is_named(
    chat: Chat, flask: RunFlask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "pg_dump is not on the PATH" in flask("backup", str(tmp_path / "copy"), code=3).stderr
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 13.4'\n")
    old.chmod(0o755)
    said = flask("backup", str(tmp_path / "copy"), code=3).stderr
    assert "too old" in said and "13.4" in said and "postgresql-client-18" in said
    assert not (tmp_path / "copy").exists()

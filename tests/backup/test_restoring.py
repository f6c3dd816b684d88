"""Restoring: what comes back is what was, what was shredded stays closed, and nothing is overwritten by accident."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import update

from app.audit import chain
from app.audit.event import AuditEvent
from app.backup import archive, cipher
from app.backup.refusal import BackupDamaged
from app.chat.line import UNVERIFIED
from app.encryption.data_key import DataKeys
from app.encryption.keyring import KeyRing
from app.extensions import db
from app.workers.worker import Worker
from tests.backup.conftest import Chat, shred
from tests.commands.conftest import RunFlask
from tests.people import PASSWORD, People
from tests.postgres import on_postgresql_in_prove_too
from tests.tables import events, everything

PASSPHRASE = "a long walk along the quay"


@pytest.fixture
def copy(chat: Chat, flask: RunFlask, tmp_path: Path) -> str:
    """A backup of the chat."""
    flask("backup", str(tmp_path / "copy"))
    return str(tmp_path / "copy")


@on_postgresql_in_prove_too
def test_what_was_said_and_changed_since_is_as_it_was(chat: Chat, copy: str, flask: RunFlask) -> None:
    chat.say("harbour", "said too late")
    chat.open("pier", "a channel too late")
    said = flask("restore", copy, "--force").stdout
    assert "Restored." in said and "all stand where they were written" in said
    assert chat.texts("harbour") == ["ahoy", "land in sight"]
    assert chat.texts("lounge") == ["good evening"]
    assert flask("channels", "list").stdout.count("owner") == 3  # the heading, and two channels
    assert list(chain.problems()) == []
    assert [event.event for event in events()] == ["backup.restored"]
    chat.say("harbour", "and it goes on")
    chat.open("pier", "with new channels")
    assert chat.texts("harbour")[-1] == "and it goes on"


@on_postgresql_in_prove_too
def test_a_check_changes_nothing_and_says_what_it_saw(chat: Chat, copy: str, flask: RunFlask) -> None:
    chat.say("harbour", "said since")
    before = everything(without=("audit_event", "audit_head"))
    said = flask("restore", copy, "--check").stdout
    for sentence in (
        "Hashes and signatures: both files are what was written.",
        "Data keys: all 8 open.",
        "Messages: 3 were decrypted as a sample",
        "Audit log: 0 events, none changed, none missing.",
        "Nothing was changed here.",
    ):
        assert sentence in said, said
    assert everything(without=("audit_event", "audit_head")) == before
    assert chat.texts("harbour")[-1] == "said since"
    [event] = events("backup.checked")
    assert event.details == {"ok": True}
    told = json.loads(flask("restore", copy, "--check", "--json").stdout)
    assert told["ok"] and not told["restored"] and not told["problems"]


@on_postgresql_in_prove_too
def test_shredded_messages_stay_closed_in_yesterdays_data_with_todays_keys(
    chat: Chat, copy: str, flask: RunFlask, tmp_path: Path
) -> None:
    shred("harbour")
    flask("backup", str(tmp_path / "today"))
    said = flask("restore", copy, "--keys", str(tmp_path / "today.keys"), "--force").stdout
    assert "1 more were destroyed; 2 messages under them stay closed" in said
    assert chat.texts("harbour") == [UNVERIFIED, UNVERIFIED]
    assert chat.texts("lounge") == ["good evening"]
    # With its own, older key file the same data opens: whoever shreds must let those go, too.
    flask("restore", copy, "--force")
    assert chat.texts("harbour") == ["ahoy", "land in sight"]


@on_postgresql_in_prove_too
def test_keys_of_channels_that_the_data_does_not_know_do_not_come_back(
    chat: Chat, copy: str, flask: RunFlask, tmp_path: Path
) -> None:
    chat.open("pier", "since")
    flask("backup", str(tmp_path / "today"))
    flask("restore", copy, "--keys", str(tmp_path / "today.keys"), "--force")
    chat.open("another", "gets the number that the pier had")
    assert chat.texts("another") == ["gets the number that the pier had"]


@on_postgresql_in_prove_too
def test_keys_older_than_the_data_are_refused_and_say_what_they_lack(
    chat: Chat, copy: str, flask: RunFlask, tmp_path: Path
) -> None:
    chat.open("pier", "since")
    flask("backup", str(tmp_path / "today"))
    said = flask("restore", str(tmp_path / "today"), "--keys", f"{copy}.keys", "--check", code=1)
    assert "older than the data: 1 data keys are not in it" in said.stdout


@on_postgresql_in_prove_too
def test_data_is_not_overwritten_without_force_nor_while_somebody_serves(
    chat: Chat, copy: str, flask: RunFlask
) -> None:
    before = everything()
    assert "--force replaces all of it" in flask("restore", copy, code=1).stderr
    assert everything() == before
    db.session.add(Worker(host="here", pid=4711))
    db.session.commit()
    before = everything()
    assert "process 4711 on here" in flask("restore", copy, "--force", code=1).stderr
    assert everything() == before


@on_postgresql_in_prove_too
def test_a_database_that_somebody_has_open_is_left_alone(
    chat: Chat, copy: str, flask: RunFlask, app: Flask, database_url: str
) -> None:
    from sqlalchemy import create_engine

    other = create_engine(database_url)
    with other.connect() as connection:
        connection.execute(db.select(Worker)).all()
        assert "has the database open" in flask("restore", copy, "--force", code=1).stderr
    other.dispose()
    flask("restore", copy, "--force")


@on_postgresql_in_prove_too
def test_an_empty_place_needs_no_force_and_nobody_stays_signed_in(
    chat: Chat, people: People, flask: RunFlask, tmp_path: Path, database_url: str
) -> None:
    people.account("vera")
    vera = people.visitor().sign_in("vera")
    flask("backup", str(tmp_path / "copy"))
    db.session.remove()
    db.engine.dispose()
    if database_url.startswith("sqlite"):
        for file in Path(database_url.removeprefix("sqlite:///")).parent.glob("streamzy.db*"):
            file.unlink()
    else:
        db.drop_all()
        db.session.execute(db.text("DROP TABLE alembic_version"))
        db.session.commit()
    flask("restore", str(tmp_path / "copy"))
    assert chat.texts("harbour") == ["ahoy", "land in sight"]
    assert not vera.signed_in
    vera.sign_in("vera", PASSWORD)


# --- files that are not what was written ----------------------------------------------------------------------------


def test_a_flipped_byte_anywhere_is_refused(chat: Chat, copy: str, flask: RunFlask) -> None:
    whole = Path(copy).read_bytes()
    for place in (600, len(whole) // 2, whole.rindex(b"SQLite format 3") + 4096):
        Path(copy).write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        flask("restore", copy, "--check", code=1)
    Path(copy).write_bytes(whole[: len(whole) // 2])
    assert "not a whole backup" in flask("restore", copy, "--check", code=1).stderr
    Path(copy).write_bytes(b"")
    flask("restore", copy, "--check", code=1)
    Path(copy).write_bytes(whole)
    flask("restore", copy, "--check")


def test_hashes_that_were_made_to_fit_a_change_do_not_help(
    chat: Chat, copy: str, flask: RunFlask, tmp_path: Path
) -> None:
    folder = tmp_path / "taken apart"
    folder.mkdir()
    manifest = archive.unpack(Path(copy), folder, "data", None)
    changed = folder / "database.sqlite"
    changed.write_bytes(changed.read_bytes().replace(b"harbour-owner", b"harbour-0wner"))
    members = {name: folder / name for name in manifest["files"]}
    manifest["files"] = archive.described(members)
    archive.pack(tmp_path / "forged", manifest, archive.mac_of(folder), members, None)
    shutil.copy(f"{copy}.keys", tmp_path / "forged.keys")
    assert "its signature does not fit" in flask("restore", str(tmp_path / "forged"), "--check", code=1).stderr


def test_nothing_is_written_outside_its_folder(tmp_path: Path) -> None:
    import io
    import tarfile

    for name, kind in (("../outside", tarfile.REGTYPE), ("link", tarfile.SYMTYPE), ("/abs", tarfile.REGTYPE)):
        with tarfile.open(tmp_path / "evil", "w") as tar:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.size = kind, "/etc/passwd", 0
            tar.addfile(entry, io.BytesIO())
        folder = tmp_path / "in"
        folder.mkdir()
        with pytest.raises(BackupDamaged):
            archive.unpack(tmp_path / "evil", folder, "data", None)
        assert list(folder.iterdir()) == []
        folder.rmdir()


def test_the_wrong_files_are_named(
    chat: Chat, copy: str, flask: RunFlask, app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "is the keys file of a backup" in flask("restore", f"{copy}.keys", "--keys", copy, code=1).stderr
    assert "cannot be read" in flask("restore", str(tmp_path / "nowhere"), code=1).stderr
    (tmp_path / "no").write_text("no backup")
    assert "not a whole backup" in flask("restore", str(tmp_path / "no"), code=1).stderr
    own = app.extensions["data_keys"]
    app.extensions["data_keys"] = DataKeys(KeyRing([Fernet.generate_key().decode()]))
    said = flask("restore", copy, "--check", code=3).stderr
    assert own.ring.newest_id in said and "is missing" in said


def test_keys_of_another_instance_open_nothing(copy: str, flask: RunFlask, app: Flask, tmp_path: Path) -> None:
    other = tmp_path / "other"
    db.session.execute(db.delete(AuditEvent))
    from app.encryption.data_key import DataKey, data_keys

    db.session.execute(db.delete(DataKey).where(DataKey.purpose == "audit"))
    data_keys().ensure_instance_keys()
    db.session.commit()
    flask("backup", str(other))
    said = flask("restore", copy, "--keys", f"{other}.keys", "--check", code=1).stderr
    assert "belongs to another Streamzy" in said


@on_postgresql_in_prove_too
def test_a_broken_audit_log_or_message_is_found_by_the_check_and_not_restored(
    chat: Chat, flask: RunFlask, tmp_path: Path
) -> None:
    from app.chat.message import Message

    flask("backup", str(tmp_path / "first"))
    db.session.execute(update(AuditEvent).values(event="logout"))
    db.session.execute(update(Message).where(Message.id == 2).values(body=b"no token"))
    db.session.commit()
    flask("backup", str(tmp_path / "second"))
    found = flask("restore", str(tmp_path / "second"), "--check", code=1)
    assert "Audit log: row 1 was changed." in found.stdout
    assert "/c/harbour message 2: changed, or not where it was written." in found.stdout
    assert events("backup.checked")[-1].details == {"ok": False}


# --- under a passphrase ---------------------------------------------------------------------------------------------


@pytest.fixture
def sealed(chat: Chat, flask: RunFlask, tmp_path: Path) -> str:
    """A backup under a passphrase."""
    flask("backup", str(tmp_path / "sealed"), "--passphrase-stdin", stdin=f"{PASSPHRASE}\n")
    return str(tmp_path / "sealed")


def test_the_passphrase_opens_it_and_another_or_none_does_not(chat: Chat, sealed: str, flask: RunFlask) -> None:
    assert "its passphrase is needed" in flask("restore", sealed, "--check", code=1).stderr
    wrong = flask("restore", sealed, "--check", "--passphrase-stdin", stdin="some other words\n", code=1).stderr
    assert "passphrase is another one" in wrong
    flask("restore", sealed, "--force", "--passphrase-stdin", stdin=f"{PASSPHRASE}\n")
    assert chat.texts("harbour") == ["ahoy", "land in sight"]


Tamper = Callable[[bytes, list[bytes]], bytes]
TAMPERED: dict[str, Tamper] = {
    "cut at a chunk's end": lambda head, chunks: head + b"".join(chunks[:-1]),
    "cut within a chunk": lambda head, chunks: head + b"".join(chunks)[:-1],
    "nothing but its head": lambda head, chunks: head,
    "two chunks change places": lambda head, chunks: head + b"".join([chunks[1], chunks[0], *chunks[2:]]),
    "a chunk left out": lambda head, chunks: head + b"".join([chunks[0], *chunks[2:]]),
    "a chunk doubled": lambda head, chunks: head + b"".join([chunks[0], *chunks]),
    "something added": lambda head, chunks: head + b"".join(chunks) + b"x",
    "a flipped bit": lambda head, chunks: head + bytes([chunks[0][0] ^ 1]) + b"".join(chunks)[1:],
    "another salt": lambda head, chunks: head[:-1] + bytes([head[-1] ^ 1]) + b"".join(chunks),
    "a cost beyond all memory": lambda head, chunks: (
        head[: len(cipher.MAGIC)] + b"\x3f" + head[len(cipher.MAGIC) + 1 :] + b"".join(chunks)
    ),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_an_encrypted_file_that_was_tampered_with_does_not_open(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cipher, "CHUNK", 1000)
    path, head_bytes = tmp_path / "sealed", len(cipher.MAGIC) + 1 + cipher.SALT_BYTES
    with path.open("wb") as file:
        writer = cipher.EncryptingWriter(file, PASSPHRASE)
        writer.write(bytes(4000))
        writer.finish()
    whole = path.read_bytes()
    head, body = whole[:head_bytes], whole[head_bytes:]
    chunks = [body[start : start + 1016] for start in range(0, len(body), 1016)]
    assert len(chunks) == 4
    with path.open("rb") as file:
        assert cipher.DecryptingReader(file, PASSPHRASE).readall() == bytes(4000)
    path.write_bytes(TAMPERED[how](head, chunks))
    with pytest.raises(BackupDamaged), path.open("rb") as file:
        cipher.DecryptingReader(file, PASSPHRASE).readall()


def test_an_empty_stream_comes_back_empty(tmp_path: Path) -> None:
    with (tmp_path / "empty").open("wb") as file:
        cipher.EncryptingWriter(file, PASSPHRASE).finish()
    with (tmp_path / "empty").open("rb") as file:
        assert cipher.DecryptingReader(file, PASSPHRASE).readall() == b""

"""``flask keys``: which key protects what, rotation, and whether every message can still be read."""

from __future__ import annotations

import json
import os
import socket
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import select, update

from app.audit import chain
from app.auth.announcement import Announcement
from app.auth.user import User
from app.channels.channel import Channel
from app.chat import verification
from app.chat.history import newest
from app.chat.message import Message
from app.clock import Clock, now
from app.encryption import rotation
from app.encryption.data_key import INSTANCE_PURPOSES, DataKey, DataKeys, data_keys
from app.encryption.key_work import MASTER, VERIFICATION, KeyWork
from app.encryption.keyring import EncryptionKeyError, KeyRing, key_id_of
from app.encryption.rotation import WorkerLacksKey
from app.extensions import db
from app.workers.worker import Presence
from tests.commands.conftest import RunFlask, say
from tests.people import People
from tests.postgres import on_both_databases
from tests.tables import events

NEW = Fernet.generate_key().decode()


@pytest.fixture
def harbour(people: People) -> Channel:
    """A channel with three messages."""
    owner = people.account("stella")
    channel = Channel.open("harbour", "Harbour", owner)
    for text in ("ahoy", "land", "rope"):
        say(channel, owner, text)
    return channel


def use_keys(app: Flask, *master_keys: str) -> None:
    """Restart with this ENCRYPTION_KEY."""
    app.extensions["data_keys"] = DataKeys(KeyRing(master_keys))


def status(flask: RunFlask, code: int = 0) -> dict[str, dict[str, object]]:
    """The keys of ``keys status``, by id."""
    found = json.loads(flask("keys", "status", "--json", code=code).stdout)
    assert found["complete"] is (code == 0)
    return {key["id"]: key for key in found["keys"]}


def test_a_generated_key_is_a_fernet_key_and_never_the_same(flask: RunFlask) -> None:
    first, second = (flask("keys", "generate").stdout.strip() for _ in range(2))
    assert key_id_of(first) and key_id_of(second) and first != second


def test_a_key_can_be_generated_where_no_key_can_be_used(app: Flask, flask: RunFlask) -> None:
    app.extensions["data_keys"] = EncryptionKeyError("ENCRYPTION_KEY is not set")
    assert key_id_of(flask("keys", "generate").stdout.strip())
    assert "ENCRYPTION_KEY is not set" in flask("keys", "rotate", code=3).stderr


@on_both_databases
def test_rotation_moves_everything_under_the_new_key_and_messages_stay_readable(
    app: Flask, flask: RunFlask, keys: dict[str, str], harbour: Channel
) -> None:
    old, old_id, new_id = keys["ENCRYPTION_KEY"], key_id_of(keys["ENCRYPTION_KEY"]), key_id_of(NEW)
    assert old_id and new_id
    before = status(flask)[old_id]
    assert (before["position"], before["channels"], before["messages"]) == (1, 1, 3)
    assert before["may_be_dropped"] is False
    bodies = db.session.scalars(select(Message.body)).all()

    use_keys(app, NEW, old)
    assert status(flask)[old_id]["may_be_dropped"] is False
    assert f"now under {new_id}" in flask("keys", "rotate").stdout
    after = status(flask)
    assert after[old_id]["may_be_dropped"] is True
    assert (after[new_id]["channels"], after[new_id]["messages"]) == (1, 3)
    assert db.session.scalars(select(Message.body)).all() == bodies

    use_keys(app, NEW)
    db.session.expire_all()
    assert [message["text"] for message in newest(harbour)[0]] == ["ahoy", "land", "rope"]
    flask("keys", "verify")
    assert not list(chain.problems())


def test_a_rotation_is_recorded_and_announced_once(app: Flask, flask: RunFlask, keys: dict[str, str]) -> None:
    use_keys(app, NEW, keys["ENCRYPTION_KEY"])
    flask("keys", "rotate")
    assert "Nothing to do" in flask("keys", "rotate").stdout
    [event] = events("keys.rotated")
    assert (event.actor_name, event.target_name, event.details) == (
        "flask keys rotate",
        key_id_of(NEW),
        {"data_keys": 6},
    )
    assert db.session.scalars(select(Announcement.kind)).all() == ["keys_changed"]


def test_status_says_since_when_a_key_is_known_and_what_else_is_under_it(
    app: Flask, flask: RunFlask, keys: dict[str, str], clock: Clock
) -> None:
    old_id, new_id = str(key_id_of(keys["ENCRYPTION_KEY"])), str(key_id_of(NEW))
    assert status(flask)[old_id]["other"] == dict.fromkeys(INSTANCE_PURPOSES, 1)
    clock.offset_seconds = 3 * 86400
    use_keys(app, NEW, keys["ENCRYPTION_KEY"])
    assert status(flask)[new_id]["first_seen"] is None
    flask("keys", "rotate")
    found = status(flask)
    assert str(found[new_id]["first_seen"])[:10] == (now().date()).isoformat()
    assert str(found[old_id]["first_seen"])[:10] == (now().date() - timedelta(days=3)).isoformat()
    assert found[old_id]["other"] == {}
    assert "second factors" in flask("keys", "status").stdout


@on_both_databases
def test_a_rotation_before_the_restart_is_refused_and_names_the_worker(
    app: Flask, flask: RunFlask, keys: dict[str, str]
) -> None:
    old, old_id = keys["ENCRYPTION_KEY"], str(key_id_of(keys["ENCRYPTION_KEY"]))
    serving = Presence(app, [old_id])
    serving.beat()
    use_keys(app, NEW, old)
    said = flask("keys", "rotate", code=1).stderr
    assert f"process {os.getpid()} on {socket.gethostname()} does not hold the newest key ({key_id_of(NEW)})" in said
    assert "restart Streamzy" in said
    assert not events("keys.rotated")
    assert set(db.session.scalars(select(DataKey.master_key_id))) == {old_id}
    serving.end()
    Presence(app, [str(key_id_of(NEW)), old_id]).beat()
    assert "now under" in flask("keys", "rotate").stdout


def test_a_worker_that_starts_with_the_old_key_during_a_rotation_stops_it(
    app: Flask, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old_id = str(key_id_of(keys["ENCRYPTION_KEY"]))
    use_keys(app, NEW, keys["ENCRYPTION_KEY"])
    monkeypatch.setattr(rotation, "BATCH", 2)
    batches = rotation.rewrap()
    assert next(batches) == 2
    late = Presence(app, [old_id])
    late.beat()
    with pytest.raises(WorkerLacksKey):
        next(batches)
    assert len(db.session.scalars(select(DataKey.id).where(DataKey.master_key_id == key_id_of(NEW))).all()) == 2


def test_how_far_it_came_is_written_down(app: Flask, flask: RunFlask, keys: dict[str, str], harbour: Channel) -> None:
    assert KeyWork.latest(VERIFICATION) is None
    flask("keys", "verify")
    db.session.execute(update(Message).where(Message.id == 2).values(body=b"changed"))
    db.session.commit()
    flask("keys", "verify", code=1)
    last = KeyWork.latest(VERIFICATION, finished=True)
    assert last and (last.total, last.done, last.unreadable) == (3, 3, 1)
    use_keys(app, NEW, keys["ENCRYPTION_KEY"])
    flask("keys", "rotate")
    last = KeyWork.latest(MASTER, finished=True)
    assert last and last.done == last.total == 7 and last.seconds_left is None


def test_rotation_without_the_old_key_changes_nothing(app: Flask, flask: RunFlask) -> None:
    use_keys(app, NEW)
    assert "is missing and still needed" in flask("keys", "rotate", code=3).stderr
    assert not events("keys.rotated")
    assert key_id_of(NEW) not in set(db.session.scalars(select(DataKey.master_key_id)))


def test_a_missing_key_is_named_but_no_key_is_printed(
    app: Flask, flask: RunFlask, keys: dict[str, str], harbour: Channel
) -> None:
    use_keys(app, NEW)
    missing = str(key_id_of(keys["ENCRYPTION_KEY"]))
    shown = flask("keys", "status", code=1).output
    assert f"{missing}  MISSING" in shown
    assert f"ENCRYPTION_KEY lacks {missing}" in shown
    assert NEW not in shown and keys["ENCRYPTION_KEY"] not in shown
    assert status(flask, code=1)[missing]["messages"] == 3


def test_status_works_without_any_usable_key(app: Flask, flask: RunFlask, harbour: Channel) -> None:
    app.extensions["data_keys"] = EncryptionKeyError("ENCRYPTION_KEY: key 1 of 1 is not a Fernet key")
    result = flask("keys", "status", code=1)
    assert "MISSING" in result.stdout
    assert "key 1 of 1 is not a Fernet key" in result.stderr


@on_both_databases
def test_verify_finds_every_message_that_is_not_what_was_written(
    flask: RunFlask, people: People, harbour: Channel
) -> None:
    assert "All 3 messages can be read" in flask("keys", "verify").stdout
    other = people.account("mallory")
    channel_id = harbour.id
    bodies = {row.id: row.body for row in db.session.execute(select(Message.id, Message.body))}
    for number, change in ((1, {"body": bodies[2]}), (3, {"author_id": other.id})):  # moved; put into another's mouth
        row = update(Message).where(Message.channel_id == channel_id, Message.id == number)
        db.session.execute(row.values(**change))
    db.session.commit()

    result = flask("keys", "verify", code=1)
    assert "/c/harbour message 1: changed, or not where it was written" in result.stdout
    assert "/c/harbour message 3: changed" in result.stdout
    assert "message 2" not in result.stdout
    assert "2 of 3 messages cannot be verified" in result.stderr
    found = json.loads(flask("keys", "verify", "--json", code=1).stdout)
    assert [message["id"] for message in found["unreadable"]] == [1, 3]


def test_verify_says_which_master_key_is_missing_and_shows_no_text(
    app: Flask, flask: RunFlask, keys: dict[str, str], harbour: Channel
) -> None:
    use_keys(app, NEW)
    result = flask("keys", "verify", code=1)
    assert str(key_id_of(keys["ENCRYPTION_KEY"])) in result.stdout
    use_keys(app, keys["ENCRYPTION_KEY"])
    assert "ahoy" not in flask("keys", "verify").output + result.output


def test_verify_reads_more_than_one_page(
    flask: RunFlask, people: People, monkeypatch: pytest.MonkeyPatch, harbour: Channel
) -> None:
    monkeypatch.setattr(verification, "PAGE", 2)
    cellar = Channel.open("cellar", "Cellar", people.account("otto"))
    say(cellar, db.session.get_one(User, cellar.owner_id), "below")
    assert "All 4 messages" in flask("keys", "verify").stdout


def test_a_destroyed_data_key_makes_its_messages_unreadable_and_verify_says_so(
    flask: RunFlask, harbour: Channel
) -> None:
    db.session.execute(update(DataKey).where(DataKey.channel_id == harbour.id).values(wrapped=None, state="destroyed"))
    db.session.commit()
    data_keys().forget()
    assert "its data key is gone" in flask("keys", "verify", code=1).stdout

"""ENCRYPTION_KEY as people get it wrong: cut, doubled, in another order, lost. What was sealed stays sealed."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import select, update

from app import create_app
from app.auth.user import User
from app.channels.channel import Channel
from app.chat.history import newest
from app.chat.message import Message
from app.encryption.data_key import DataKey, DataKeys, data_keys
from app.encryption.keyring import EncryptionKeyError, KeyRing, key_id_of
from app.extensions import db
from app.operations import preflight
from config import Settings
from tests.commands.conftest import invoke, say
from tests.people import People
from tests.tables import events

OTHER = Fernet.generate_key().decode()
UNVERIFIED = "This message could not be verified."


@pytest.fixture
def harbour(people: People) -> Channel:
    """A channel with three messages."""
    channel = Channel.open("harbour", "Harbour", people.account("stella"))
    for text in ("ahoy", "land", "rope"):
        say(channel, db.session.get_one(User, channel.owner_id), text)
    return channel


def hold(app: Flask, *keys: str) -> None:
    """Restart with these."""
    app.extensions["data_keys"] = DataKeys(KeyRing(keys))
    db.session.expire_all()


@pytest.mark.parametrize("length", [0, 1, 42, 43, 45, 88])
def test_a_key_that_is_cut_or_longer_is_no_key(length: int) -> None:
    cut = (OTHER + OTHER)[:length]
    with pytest.raises(EncryptionKeyError, match="ENCRYPTION_KEY: key 1 of 1 is not a Fernet key") as refusal:
        KeyRing([cut])
    assert not cut or length == 1 or cut not in str(refusal.value)


def test_a_key_cut_behind_a_good_one_is_named_by_its_place() -> None:
    with pytest.raises(EncryptionKeyError, match="key 2 of 2 is not a Fernet key"):
        KeyRing([OTHER, OTHER[:40]])


def test_a_key_given_twice_is_refused_by_its_id() -> None:
    with pytest.raises(EncryptionKeyError, match=rf"key 2 of 2 is there twice \(id {key_id_of(OTHER)}\)"):
        KeyRing([OTHER, OTHER])


def test_in_another_order_everything_opens_and_only_what_is_sealed_next_changes(
    app: Flask, keys: dict[str, str], harbour: Channel
) -> None:
    old = keys["ENCRYPTION_KEY"]
    for order in ((OTHER, old), (old, OTHER)):
        hold(app, *order)
        assert [message["text"] for message in newest(harbour)[0]] == ["ahoy", "land", "rope"]
        assert preflight.key_problems() == []
        assert data_keys().ring.wrap(b"x")[0] == key_id_of(order[0])


def test_another_key_under_the_same_id_opens_nothing_and_says_so(keys: dict[str, str], app: Flask) -> None:
    row = db.session.scalars(select(DataKey)).first()
    assert row and row.wrapped
    ring = KeyRing([OTHER])
    with pytest.raises(EncryptionKeyError, match=f"{key_id_of(OTHER)} does not open what it sealed"):
        ring.unwrap(str(key_id_of(OTHER)), row.wrapped)


def test_bodies_under_a_dropped_key_are_shown_as_unreadable_on_a_page_that_works(
    app: Flask, people: People, harbour: Channel
) -> None:
    of_messages = update(DataKey).where(DataKey.purpose == "messages")
    db.session.execute(of_messages.values(master_key_id="0badc0de"))  # as if it had been wrapped under another one
    db.session.commit()
    data_keys().forget()
    guest = people.visitor()
    for _ in range(2):
        page = guest.get("/c/harbour")
        assert page.status_code == 200
        assert page.text.count(UNVERIFIED.rstrip(".")) == 3 and "ahoy" not in page.text
    assert len(events("message.unverified")) == 3, "on record once each"
    assert "the key with id 0badc0de is missing" in invoke(app, "keys", "verify", code=1).stdout


def test_an_app_is_built_whatever_key_is_given(environment: dict[str, str]) -> None:
    for given in ("", OTHER[:40], f"{OTHER},{OTHER}"):
        broken = create_app(Settings.from_environment({**environment, "ENCRYPTION_KEY": given}))
        assert isinstance(broken.extensions["data_keys"], EncryptionKeyError)


def test_every_transplant_is_refused_recorded_once_and_listed_by_verify_and_nothing_else_is(
    app: Flask, people: People, harbour: Channel
) -> None:
    stella = db.session.get_one(User, harbour.owner_id)
    cellar = Channel.open("cellar", "Cellar", people.account("otto"))
    below = say(cellar, db.session.get_one(User, cellar.owner_id), "below")
    for text in ("four", "five", "six", "seven", "eight"):
        say(harbour, stella, text)
    body = {row.id: row.body for row in db.session.execute(select(Message.id, Message.body))}
    instance = data_keys().fernet(data_keys().current_id("applications"))
    assert instance
    changes: dict[int, dict[str, object]] = {
        1: {"body": body[2]},  # another row
        3: {"author_id": cellar.owner_id},
        4: {"body": below.body, "random_id": below.random_id, "data_key_id": below.data_key_id},  # another channel
        5: {"body": instance.encrypt(b"of an application"), "data_key_id": data_keys().current_id("applications")},
        6: {"body": Fernet(OTHER).encrypt(b"foreign")},
        7: {"body": body[7][:60] + (b"A" if body[7][60:61] != b"A" else b"B") + body[7][61:]},
        8: {"body": b""},
    }
    for number, change in changes.items():
        row = update(Message).where(Message.channel_id == harbour.id, Message.id == number)
        db.session.execute(row.values(**change))
    db.session.commit()
    found = []
    for _ in range(2):  # looked at twice
        shown, _more = newest(harbour)
        db.session.commit()
        found.append([message["id"] for message in shown if message.get("unverified")])
    assert found == [list(changes)] * 2
    assert [message["text"] for message in shown if message["id"] == 2] == ["land"]
    recorded = [event.target_name for event in events("message.unverified")]
    assert sorted(map(str, recorded)) == sorted(f"harbour/{number}" for number in changes), "on record once each"
    listed = invoke(app, "keys", "verify", code=1).stdout
    assert [f"/c/harbour message {number}:" in listed for number in range(1, 9)] == [
        number in changes for number in range(1, 9)
    ]
    assert "/c/cellar" not in listed

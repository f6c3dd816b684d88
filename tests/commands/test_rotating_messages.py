"""``flask keys rotate --messages``: new data keys, everything encrypted anew, whatever happens meanwhile."""

from __future__ import annotations

import re
import secrets
import struct
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update

from app.auth.user import User
from app.channels.channel import Channel
from app.chat import erasure, pace, resealing
from app.chat.history import newest
from app.chat.message import Message, open_body
from app.chat.swap import Swap, Swapped
from app.clock import Clock, now
from app.encryption.data_key import DataKey, data_keys, period_of
from app.encryption.key_work import MESSAGES, KeyWork
from app.encryption.sealed import seal
from app.extensions import db
from app.workers.worker import Presence
from tests.commands.conftest import RunFlask, say
from tests.people import People
from tests.postgres import on_both_databases
from tests.tables import events

TEXTS = ["ahoy", "land", "rope", "öl", "🦉"]


@pytest.fixture
def harbour(people: People) -> Channel:
    """A channel with five messages."""
    owner = people.account("stella")
    channel = Channel.open("harbour", "Harbour", owner)
    for text in TEXTS:
        say(channel, owner, text)
    return channel


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two messages a batch."""
    for size in ("SMALLEST_BATCH", "FIRST_BATCH", "LARGEST_BATCH"):
        monkeypatch.setattr(pace, size, 2)


def test_a_write_that_took_long_makes_the_next_one_smaller(app: Flask) -> None:
    ours = pace.Pace()
    ours.wrote(100, pace.ALONE * 4)
    assert ours.batch == 25
    ours.wrote(100, pace.ALONE * 1000)
    assert ours.batch == pace.SMALLEST_BATCH
    for _ in range(20):
        ours.wrote(ours.batch, pace.ALONE / 100)
    assert ours.batch == pace.LARGEST_BATCH


def test_beside_people_who_chat_a_write_is_shorter_and_most_of_the_time_is_theirs(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    alone, beside = pace.Pace(), pace.Pace()
    alone.rest(0.25)
    assert not slept, "nobody serves"
    Presence(app, [data_keys().ring.newest_id]).beat()
    beside.rest(0.25)
    assert slept == [0.25 * pace.REST]
    beside.wrote(100, pace.ALONE)
    assert beside.batch < 100 == pace.Pace().batch


def shown(channel: Channel) -> list[str]:
    db.session.rollback()
    db.session.expire_all()
    return [message["text"] for message in newest(channel)[0]]


def states() -> dict[str, int]:
    """How many data keys of messages are in each state."""
    counted = select(DataKey.state, func.count()).where(DataKey.purpose == "messages").group_by(DataKey.state)
    return {state: count for state, count in db.session.execute(counted)}


@on_both_databases
def test_every_message_is_under_a_new_key_and_the_old_one_is_destroyed(
    flask: RunFlask, people: People, harbour: Channel, small_pages: None
) -> None:
    cellar = Channel.open("cellar", "Cellar", people.account("otto"))
    say(cellar, db.session.get_one(User, cellar.owner_id), "below")
    before = {row.id: row.body for row in db.session.execute(select(Message.id, Message.body))}
    old = set(db.session.scalars(select(DataKey.id).where(DataKey.purpose == "messages")))
    said = flask("keys", "rotate", "--messages").stdout
    assert "6 messages are under new data keys; 2 old data keys were destroyed." in said
    assert re.search(r"^4 writes; 99 % took at most \d+ ms, the longest \d+ ms\.$", said, re.MULTILINE)
    assert shown(harbour) == TEXTS and shown(cellar) == ["below"]
    rows = db.session.execute(select(Message.id, Message.body, Message.data_key_id)).all()
    assert not {row.data_key_id for row in rows} & old
    assert all(row.body != before[row.id] for row in rows)
    assert states() == {"active": 2, "destroyed": 2}
    assert all(data_keys().fernet(key_id) is None for key_id in old)
    assert "All 6 messages can be read" in flask("keys", "verify").stdout
    [rotated], [destroyed] = events("keys.messages_rotated"), events("keys.destroyed")
    assert rotated.details == {"messages": 6}
    assert destroyed.details == {"data_keys": 2, "why": "messages rotated"}


def test_one_channel_alone(flask: RunFlask, people: People, harbour: Channel) -> None:
    cellar = Channel.open("cellar", "Cellar", people.account("otto"))
    message = say(cellar, db.session.get_one(User, cellar.owner_id), "below")
    before = message.data_key_id
    assert "5 messages" in flask("keys", "rotate", "--messages", "--channel", "harbour").stdout
    assert db.session.scalars(select(Message.data_key_id).where(Message.channel_id == cellar.id)).one() == before
    assert events("keys.messages_rotated")[0].target_name == "harbour"
    assert "There is no channel" in flask("keys", "rotate", "--messages", "--channel", "nowhere", code=1).stderr
    assert "--channel needs --messages" in flask("keys", "rotate", "--channel", "harbour", code=2).stderr


@on_both_databases
def test_whoever_is_killed_in_the_middle_goes_on_where_it_was(
    app: Flask, flask: RunFlask, harbour: Channel, small_pages: None
) -> None:
    work, new = resealing.begin(None)
    db.session.commit()
    assert new
    assert next(resealing.run(work)) == 2
    db.session.rollback()  # killed
    assert shown(harbour) == TEXTS, "everything can be read in the middle"
    assert states() == {"active": 1, "retired": 1}
    say(harbour, harbour.owner, "meanwhile")
    said = flask("keys", "rotate", "--messages").stdout
    assert "Going on where it was interrupted: 3 of 6 messages are done." in said
    assert shown(harbour) == [*TEXTS, "meanwhile"]
    assert states() == {"active": 1, "destroyed": 1}, "what was made anew is not made anew once more"
    assert len(events("keys.messages_rotated")) == 0, "going on is not a second rotation"
    last = KeyWork.latest(MESSAGES)
    assert last and (last.done, last.total, last.unreadable) == (6, 6, 0) and last.finished_at


@on_both_databases
def test_what_is_deleted_meanwhile_stays_deleted(app: Flask, harbour: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    put, keeper = Swap.put, harbour.owner

    def deleted_after_it_was_read(swap: Swap, batch: list[Swapped]) -> float:
        rows = erasure.candidates(harbour, up_to=3, most=1)
        erasure.erase(harbour, rows, keeper)
        db.session.execute(delete(Message).where(Message.channel_id == harbour.id, Message.id == 4))
        db.session.commit()
        return put(swap, batch)

    monkeypatch.setattr(Swap, "put", deleted_after_it_was_read)
    work, _ = resealing.begin(None)
    db.session.commit()
    list(resealing.run(work))
    assert resealing.clear_up(work) == 1
    db.session.commit()
    assert shown(harbour) == ["ahoy", "land", "🦉"]
    row = db.session.execute(select(Message).where(Message.id == 3)).scalar_one()
    key = data_keys().fernet(row.data_key_id)
    assert open_body(key, 3, row.random_id, row.channel_id, row.author_id, row.body) == ""


def test_what_cannot_be_verified_stays_under_its_old_key_and_is_named(flask: RunFlask, harbour: Channel) -> None:
    db.session.execute(update(Message).where(Message.id == 2).values(body=b"changed"))
    db.session.commit()
    said = flask("keys", "rotate", "--messages", code=1)
    assert "1 could not be verified and stay under their old keys" in said.stderr
    assert states() == {"active": 1, "retired": 1}, "the key of what may still be put right was destroyed"
    assert [message["id"] for message in newest(harbour)[0] if message.get("unverified")] == [2]
    assert "/c/harbour message 2" in flask("keys", "verify", code=1).stdout


@on_both_databases
def test_each_month_has_a_key_of_its_own_before_and_after(flask: RunFlask, harbour: Channel, clock: Clock) -> None:
    clock.offset_seconds = 32 * 86400
    say(harbour, harbour.owner, "a month later")
    months = [period_of(now() - timedelta(days=32)), period_of(now())]

    def by_month() -> list[str]:
        joined = select(Message.id, DataKey.period).join(DataKey, DataKey.id == Message.data_key_id)
        return [row.period for row in db.session.execute(joined.order_by(Message.id))]

    expected = [months[0]] * len(TEXTS) + [months[1]]
    assert by_month() == expected
    flask("keys", "rotate", "--messages")
    assert by_month() == expected
    assert shown(harbour) == [*TEXTS, "a month later"]
    assert states() == {"active": 2, "destroyed": 2}


def test_bodies_of_the_first_version_are_read_and_get_their_number(flask: RunFlask, harbour: Channel) -> None:
    """Until then whoever can write to the database could show one of them twice."""
    key_id, key = data_keys().for_messages(harbour.id, now())
    random_id, author_id = secrets.token_bytes(16), harbour.owner_id
    context = random_id + struct.pack(">QQ", harbour.id, author_id)
    row = {"channel_id": harbour.id, "random_id": random_id, "author_id": author_id, "data_key_id": key_id}
    old = Message(**row, id=6, nonce="six", sent_at=now(), body=seal(key, context, "of old"))
    harbour.last_message_id = 7
    db.session.add(old)
    db.session.commit()
    assert shown(harbour) == [*TEXTS, "of old"]
    flask("keys", "rotate", "--messages")
    db.session.expire_all()
    again = {"random_id": random_id, "author_id": author_id, "data_key_id": old.data_key_id, "body": old.body}
    db.session.add(Message(channel_id=harbour.id, **again, id=7, nonce="seven", sent_at=now()))
    db.session.commit()
    assert shown(harbour) == [*TEXTS, "of old", "This message could not be verified."]


def test_a_message_shown_twice_is_refused(flask: RunFlask, harbour: Channel) -> None:
    first = db.session.execute(select(Message).where(Message.id == 1)).scalar_one()
    stolen = {"random_id": first.random_id, "body": first.body, "data_key_id": first.data_key_id}
    db.session.execute(update(Message).where(Message.id == 3).values(**stolen))
    db.session.commit()
    assert shown(harbour)[2] == "This message could not be verified."
    assert "/c/harbour message 3: changed, or not where it was written" in flask("keys", "verify", code=1).stdout

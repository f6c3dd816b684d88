"""Messages go by age, without anybody coming by; what is younger stays, and nobody sees a hole where they were."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.engine import make_url

from app.audit import chain
from app.auth.user import User
from app.channels.channel import Channel
from app.chat import erasure, retention, verification
from app.chat.history import after, before, gone_among, newest
from app.chat.line import REMOVED
from app.chat.message import Message
from app.clock import Clock, now
from app.clock import clock as the_clock
from app.encryption.data_key import DataKey
from app.extensions import db
from app.workers.duty import DUTIES, perform
from tests.chat.cast import assemble
from tests.chat.stage import Stage, on_both_stages
from tests.commands.conftest import say
from tests.people import People
from tests.postgres import on_both_databases
from tests.tables import events

DAY = 86400


@pytest.fixture
def harbour(people: People, clock: Clock) -> Channel:
    """A channel with a line in each of the last four months (or so), and one of today that answers the oldest."""
    return filled(Channel.open("harbour", "The harbour", people.account("stella")), clock)


def filled(channel: Channel, clock: Clock) -> Channel:
    """Five lines: 95, 65, 35 and 3 days old, and new."""
    for days in (95, 65, 35, 3, 0):
        clock.offset_seconds = -days * DAY
        message = say(channel, channel.owner, f"{days} days old")
    message.reply_to = 1
    db.session.commit()
    return channel


def keep(channel: Channel, days: int) -> None:
    channel.retention_days = days
    db.session.commit()


def pass_by(hours: float = 0) -> None:
    """Let a worker look, after so much time, what is to be done."""
    the_clock.offset_seconds += hours * 3600
    perform(DUTIES["message_retention"])
    db.session.rollback()
    db.session.expire_all()


def texts(channel: Channel) -> list[str]:
    db.session.rollback()
    db.session.expire_all()
    return [message["text"] for message in newest(channel)[0]]


def states(channel: Channel) -> dict[str, int]:
    """How many of a channel's keys are in each state."""
    rows = select(DataKey.state, func.count()).where(DataKey.channel_id == channel.id).group_by(DataKey.state)
    return {state: count for state, count in db.session.execute(rows)}


@on_both_databases
def test_what_is_older_than_the_channel_keeps_it_is_removed_and_the_rest_stays(
    harbour: Channel, people: People, clock: Clock
) -> None:
    lounge = filled(Channel.open("lounge", "The lounge", people.account("otto")), clock)
    keep(harbour, 30)
    pass_by()
    assert texts(harbour) == ["3 days old", "0 days old"]
    assert len(texts(lounge)) == 5, "what its streamer keeps is kept"
    assert db.session.scalar(select(func.count()).where(Message.channel_id == harbour.id)) == 2, "rows and all"
    [event] = events("messages.expired")
    assert (event.actor_name, event.target_name) == ("streamzy", "harbour")
    assert event.details == {"messages": 3, "days": 30}
    assert list(chain.problems()) == []
    assert [problem for _, page in verification.pages() for problem in page] == []
    pass_by(hours=2)
    assert len(events("messages.expired")) == 1, "nothing was due, so nothing is said"


@on_both_databases
@pytest.mark.settings(MESSAGE_RETENTION_DAYS="50")
def test_the_instance_has_a_limit_of_its_own_and_the_shorter_one_holds(
    harbour: Channel, people: People, clock: Clock
) -> None:
    lounge = filled(Channel.open("lounge", "The lounge", people.account("otto")), clock)
    shut = filled(Channel.open("attic", "Shut", people.account("mona")), clock)
    shut.disabled_at = now()
    keep(harbour, 10)
    keep(lounge, 3650)
    pass_by()
    assert texts(harbour) == ["3 days old", "0 days old"]
    assert texts(lounge) == texts(shut) == ["35 days old", "3 days old", "0 days old"]


def test_without_a_limit_nothing_goes(harbour: Channel) -> None:
    pass_by()
    assert len(texts(harbour)) == 5 and events("messages.expired", "keys.destroyed") == []


@pytest.mark.parametrize(("channel", "instance", "days"), [(0, 0, 0), (7, 0, 7), (0, 7, 7), (7, 30, 7), (30, 7, 7)])
def test_zero_is_no_limit_of_its_own(channel: int, instance: int, days: int) -> None:
    assert retention.days_kept(channel, instance) == days


@on_both_databases
def test_the_last_hour_is_waited_for_and_not_longer(harbour: Channel) -> None:
    keep(harbour, 4)
    pass_by()
    assert texts(harbour)[0] == "3 days old"
    pass_by(hours=23)
    assert texts(harbour)[0] == "3 days old"
    pass_by(hours=1.1)
    assert texts(harbour) == ["0 days old"]


@on_both_databases
def test_a_months_key_is_destroyed_when_the_whole_month_is_out_and_not_before(harbour: Channel, clock: Clock) -> None:
    by_month = dict(states(harbour))
    assert by_month["active"] >= 3 and set(by_month) == {"active"}
    oldest = db.session.get_one(Message, (harbour.id, 1))
    key_id, sent_at = oldest.data_key_id, oldest.sent_at
    younger = db.session.get_one(Message, (harbour.id, 2))
    # Two messages of one month: one is out, the other is not yet.
    younger.data_key_id, younger.sent_at = key_id, sent_at + timedelta(minutes=10)
    db.session.commit()
    age = (now() - sent_at).days
    keep(harbour, age)
    clock.offset_seconds = ((sent_at + timedelta(days=age, minutes=5)) - now()).total_seconds()
    pass_by()
    assert db.session.get(Message, (harbour.id, 1)) is None
    assert db.session.get_one(DataKey, key_id).wrapped, "the month still has a message that stays"
    clock.offset_seconds += 40 * DAY
    pass_by()
    key = db.session.get_one(DataKey, key_id)
    assert (key.wrapped, key.state) == (None, "destroyed")
    assert [event.target_name for event in events("keys.destroyed")] == ["harbour"]
    say(harbour, db.session.get_one(User, harbour.owner_id), "and on it goes")
    assert texts(harbour)[-1] == "and on it goes"


@on_both_databases
def test_a_key_under_which_anything_is_left_stays_however_old_its_month(harbour: Channel) -> None:
    oldest, newest_ = (db.session.get_one(Message, (harbour.id, number)) for number in (1, 5))
    key_id = newest_.data_key_id = oldest.data_key_id  # said while a clock was wrong
    keep(harbour, 30)
    pass_by()
    assert db.session.get(Message, (harbour.id, 1)) is None
    assert db.session.get_one(DataKey, key_id).wrapped


@on_both_databases
def test_whoever_is_killed_at_it_leaves_nothing_half_and_is_relieved(
    harbour: Channel, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    keep(harbour, 30)
    next(iter(retention.remove_old()))
    db.session.commit()  # and here the process is gone
    assert texts(harbour)[0] == "65 days old"
    pass_by()
    assert texts(harbour) == ["3 days old", "0 days old"]


@on_both_databases
def test_pages_snippets_and_resyncs_pass_over_what_is_gone(harbour: Channel, people: People) -> None:
    assert newest(harbour)[0][-1]["reply_to"]["text"] == "95 days old"
    db.session.rollback()
    # One that a moderator removed goes with the others.
    erasure.erase(harbour, erasure.candidates(harbour, up_to=2, most=1), harbour.owner)
    keep(harbour, 30)
    pass_by()
    shown, more = newest(harbour)
    assert ([message["id"] for message in shown], more) == ([4, 5], False)
    assert shown[-1]["reply_to"] == {"id": 1, "username": "", "text": REMOVED}
    assert before(harbour, 4, 50) == ([], False)
    missed, gap = after(harbour, 1, 500)
    assert ([message["id"] for message in missed], gap) == ([4, 5], False), "who comes back is told of no gap"
    assert gone_among(harbour, 4, 500) == [1, 2, 3]
    assert say(harbour, db.session.get_one(User, harbour.owner_id), "next").id == 6, "no number is used again"


def test_no_byte_of_what_was_removed_stays_in_sqlites_files(harbour: Channel, database_url: str) -> None:
    path = Path(str(make_url(database_url).database))
    rows = db.session.execute(select(Message.body, DataKey.wrapped).join(DataKey, DataKey.id == Message.data_key_id))
    pairs = [(bytes(row.body), str(row.wrapped).encode()) for row in rows.all()[:2]]
    db.session.rollback()

    def found() -> list[bytes]:
        files = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
        return [needle for pair in pairs for needle in pair if needle in files]

    assert len(found()) == 4
    keep(harbour, 30)
    pass_by()
    assert found() == []


def test_the_settings_page_says_what_holds_here(people: People, clock: Clock) -> None:
    page = people.streamer("stella").get("/c/stella/settings").text
    assert "removed for good, within the hour" in page and "0: they stay until somebody removes them." in page


@pytest.mark.settings(MESSAGE_RETENTION_DAYS="50")
def test_the_pages_name_the_instances_limit(people: People) -> None:
    assert "0 is this server’s limit of 50 days" in people.streamer("stella").get("/c/stella/settings").text
    assert "after 50 days" in people.visitor().get("/security").text


@on_both_stages
def test_old_lines_leave_open_screens_without_a_word(stage: Stage) -> None:
    cast = assemble(stage, "viewer")
    reader = stage.visitor().socket()
    reader.join(cast.channel)
    assert cast.say("viewer", "old by now")["ok"] and cast.say("viewer", "new")["ok"]
    with stage.backstage.open():
        channel = cast.backstage_channel()
        old = (Message.channel_id == channel.id, Message.id == 1)
        db.session.execute(update(Message).where(*old).values(sent_at=now() - timedelta(days=8)))
        for _ in retention._remove_from(channel.id, channel.slug, 7):
            db.session.commit()
    told = reader.wait_for_event("messages_cleared")
    assert told == {"channel": cast.channel, "up_to": 1, "reason": "age"}
    assert [message["text"] for message in reader.join(cast.channel, after=0)["messages"]] == ["new"]


def test_a_large_history_goes_in_batches(harbour: Channel, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    keep(harbour, 30)
    assert list(retention.remove_old())[:2] == [2, 1]

"""Deleting a channel: nobody can decrypt a word of it from the first moment on, and then its rows go, too."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from app import sqlite
from app.audit import chain
from app.audit.actor import Actor
from app.auth import name as names
from app.auth.administration import ActRefused
from app.auth.user import User
from app.channels import administration
from app.channels.channel import Channel
from app.channels.membership import Membership
from app.channels.sanction import Sanction
from app.chat import channel_deletion, resealing
from app.chat.history import newest
from app.chat.message import Message
from app.clock import Clock, now
from app.encryption.data_key import DataKey, data_keys
from app.extensions import Base, db
from app.workers.duty import DUTIES, perform
from tests.chat.cast import assemble
from tests.chat.stage import Stage, on_both_stages, refusal
from tests.commands.conftest import invoke, say
from tests.people import People, Person
from tests.postgres import on_both_databases
from tests.tables import events, everything

PAGE = "/c/stella/settings/delete"
OPERATOR = Actor.command("channels delete")


@pytest.fixture
def stella(people: People) -> Person:
    """A streamer whose channel has messages, a member, a ban with a reason; beside it another channel."""
    stella = people.streamer("stella")
    channel, vera = the("stella"), people.account("vera")
    for text in ("ahoy", "land in sight"):
        say(channel, channel.owner, text)
    db.session.add(Membership(channel_id=channel.id, account_id=vera.id))
    Sanction.impose(channel.id, people.account("bert"), channel.owner, until=None, reason="spam")
    lounge = Channel.open("lounge", "The lounge", people.account("otto"))
    say(lounge, lounge.owner, "good evening")
    db.session.commit()
    return stella


def the(slug: str) -> Channel:
    """The channel as it stands in the database now."""
    db.session.rollback()
    db.session.expire_all()
    channel = Channel.at(slug)
    assert channel, slug
    return channel


def keys_of(channel_id: int) -> list[tuple[str | None, str]]:
    """Each data key of a channel: what is wrapped, and its state."""
    db.session.rollback()
    rows = db.session.execute(select(DataKey.wrapped, DataKey.state).where(DataKey.channel_id == channel_id))
    return [(row.wrapped, row.state) for row in rows]


def rows_of(channel_id: int) -> dict[str, int]:
    """How many rows of each table name the channel, but for the record and for news."""
    db.session.rollback()
    tables = [
        table for table in Base.metadata.sorted_tables if "channel_id" in table.c and table.name != "announcement"
    ]
    found = {
        table.name: db.session.scalar(select(func.count()).select_from(table).where(table.c.channel_id == channel_id))
        for table in tables
    }
    return {name: count for name, count in found.items() if count}


@on_both_databases
def test_a_streamer_deletes_the_channel_and_nothing_of_it_is_left_but_its_record(
    stella: Person, people: People
) -> None:
    channel_id = the("stella").id
    elsewhere, reader = people.visitor().sign_in("stella"), people.visitor()
    page = stella.get(PAGE).text
    assert "2 messages" in page and "1 member or moderator" in page and "1 ban or timeout" in page
    assert reader.get("/c/stella").status_code == 200
    answer = stella.post_form(PAGE, slug="stella")
    assert (answer.status_code, answer.location) == (303, "/")
    assert reader.get("/c/stella").status_code == stella.get("/c/stella").status_code == 404
    assert Channel.at("stella") is None
    assert rows_of(channel_id) == {"data_key": 1}
    assert keys_of(channel_id) == [(None, "destroyed")]
    [event] = events("channel.deleted")
    assert (event.actor_name, event.target_id, event.target_name) == ("stella", channel_id, "stella")
    assert event.details == {"owner": "stella", "messages": 2, "data_keys": 1}
    assert list(chain.problems()) == []
    owner = User.named("stella")
    assert owner and owner.role == "viewer"
    assert stella.signed_in and not elsewhere.signed_in
    assert [message["text"] for message in newest(the("lounge"))[0]] == ["good evening"]


@pytest.mark.parametrize("typed", ["", "lounge", "Stella", "stella2"])
def test_a_slip_of_the_finger_deletes_nothing(stella: Person, typed: str) -> None:
    before = everything()
    answer = stella.post_form(PAGE, slug=typed)
    assert answer.status_code == 400 and "delete-slug-error" in answer.text
    assert everything() == before


def test_the_password_is_asked_for_first_if_it_was_not_given_lately(stella: Person, clock: Clock) -> None:
    clock.offset_seconds = 301
    assert stella.get(PAGE).location.startswith("/account/confirm")
    assert stella.post(PAGE, slug="stella").location.startswith("/account/confirm")
    assert the("stella").deleted_at is None
    stella.post_form("/account/confirm", password="four words make one")
    assert stella.post_form(PAGE, slug="stella").status_code == 303


@on_both_databases
def test_an_admin_deletes_what_nobody_can_open_any_more(stella: Person, people: People, clock: Clock) -> None:
    ada, channel_id = people.admin("ada"), the("stella").id
    page = f"/admin/channels/{channel_id}/delete"
    the("stella").disabled_at = now()
    db.session.commit()
    assert f'href="{page}"' in ada.get(f"/admin/channels/{channel_id}").text
    assert ada.post_form(page, slug="lounge").status_code == 400
    clock.offset_seconds = 301
    assert ada.post(page, on="/admin/channels", slug="stella").location.startswith("/account/confirm")
    clock.offset_seconds = 0
    assert ada.post_form(page, slug="stella").location == "/admin/channels"
    assert Channel.at("stella") is None and keys_of(channel_id) == [(None, "destroyed")]
    assert ada.get(page).status_code == 404
    assert [event.actor_name for event in events("channel.deleted")] == ["ada"]
    assert not stella.signed_in, "another role is a fresh sign-in"


@on_both_databases
def test_the_command_line_deletes_too(app: Flask, stella: Person) -> None:
    channel_id = the("stella").id
    assert "Deleted /c/stella." in invoke(app, "channels", "delete", "stella").output
    assert rows_of(channel_id) == {"data_key": 1}
    assert "no channel at /c/stella" in invoke(app, "channels", "delete", "stella", code=1).stderr


@on_both_databases
def test_whoever_is_killed_after_the_keys_is_relieved_and_nothing_was_readable_meanwhile(
    stella: Person, people: People
) -> None:
    channel = the("stella")
    channel_id = channel.id
    channel_deletion.begin(channel, OPERATOR)
    db.session.commit()  # and here the process is gone
    assert keys_of(channel_id) == [(None, "destroyed")]
    assert rows_of(channel_id)["message"] == 2
    assert people.visitor().get("/c/stella").status_code == 404
    assert "ahoy" not in str([message["text"] for message in newest(the("stella"))[0]])
    for act in (administration.enable, channel_deletion.begin):
        with pytest.raises(ActRefused, match="being deleted"):
            act(the("stella"), OPERATOR)
        db.session.rollback()
    assert perform(DUTIES["channel_deletion"])
    assert rows_of(channel_id) == {"data_key": 1}
    assert Channel.at("stella") is None


def test_a_key_that_a_rotation_makes_meanwhile_is_destroyed_as_well(stella: Person, app: Flask) -> None:
    channel = the("stella")
    channel_id, work = channel.id, resealing.begin(channel)[0]
    db.session.commit()
    pages = resealing.run(work)
    channel_deletion.begin(the("stella"), OPERATOR)
    db.session.commit()
    list(pages)
    data_keys().for_messages(channel_id, now())
    db.session.commit()
    assert any(wrapped for wrapped, _ in keys_of(channel_id)), "this test shows nothing"
    channel_deletion.finish()
    assert {state for _, state in keys_of(channel_id)} == {"destroyed"}


@on_both_databases
def test_nobody_else_gets_the_address_whatever_becomes_of_its_owner(stella: Person, people: People) -> None:
    channel_deletion.begin(the("stella"), OPERATOR)
    db.session.commit()
    channel_deletion.finish()
    owner = User.named("stella")
    assert owner
    owner.rename("estelle", channel_slug=None)
    db.session.commit()
    for name in ("stella", "Ste11a"):
        with pytest.raises(names.NameRefused):
            User.create(name, None)
        db.session.rollback()
    with pytest.raises(names.NameRefused):
        administration.open_for(people.account("mona"), "stella", "Not hers", OPERATOR)


def test_its_owner_may_begin_anew_under_the_same_name_which_stays_the_accounts(stella: Person) -> None:
    channel_deletion.begin(the("stella"), OPERATOR)
    db.session.commit()
    channel_deletion.finish()
    owner = User.named("stella")
    assert owner
    channel = administration.open_for(owner, "stella", "Anew", OPERATOR)
    db.session.commit()
    assert newest(channel) == ([], False)
    administration.move(channel, "harbour", OPERATOR)
    db.session.commit()
    assert names.is_taken("stella"), "the account has that name"


def test_no_byte_of_keys_or_sealed_messages_stays_in_sqlites_files(
    stella: Person, app: Flask, database_url: str
) -> None:
    path = Path(str(make_url(database_url).database))
    channel_id = the("stella").id
    bodies = [
        bytes(row.body) for row in db.session.execute(select(Message).where(Message.channel_id == channel_id)).scalars()
    ]
    wrapped = [key.encode() for key, _ in keys_of(channel_id) if key]
    reason = db.session.scalars(select(Sanction)).one().reason_sealed
    assert reason
    sought = [*bodies, *wrapped, reason.token.encode()]
    assert len(sought) == 4

    def found() -> list[bytes]:
        files = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
        return [needle for needle in sought if needle in files]

    assert found() == sought, "they are found while they are there"
    channel_deletion.begin(the("stella"), OPERATOR)
    db.session.commit()
    assert channel_deletion.finish()
    assert found() == []


def test_a_log_that_somebody_reads_is_emptied_once_they_are_done(stella: Person, app: Flask, database_url: str) -> None:
    path = str(make_url(database_url).database)
    sqlite.checkpoint(path)  # what this process owed before
    reader = sqlite3.connect(path)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM message").fetchone()
    channel_deletion.begin(the("stella"), OPERATOR)
    db.session.commit()
    assert not channel_deletion.finish()
    reader.close()
    assert Path(f"{path}-wal").stat().st_size > 0
    sqlite.checkpoint(path)  # as a process that serves does every two seconds
    assert Path(f"{path}-wal").stat().st_size == 0


# --- sockets --------------------------------------------------------------------------------------------------------


@on_both_stages
def test_whoever_is_in_the_chat_is_told_and_hears_nothing_more(stage: Stage) -> None:
    cast, other = assemble(stage, "viewer"), assemble(stage, "guest")
    reader = stage.visitor().socket()
    for socket in (reader, cast.socket("viewer"), other.socket("guest")):
        socket.join(cast.channel)
    other.socket("guest").join(other.channel)
    assert cast.say("viewer", "ahoy")["ok"]
    channel = cast.channel
    with cast.elsewhere() as acting:
        channel_deletion.begin(acting.channel, acting.actor)
    with stage.backstage.open():
        channel_deletion.finish()
    for socket in (reader, cast.socket("viewer"), other.socket("guest")):
        assert socket.wait_for_event("messages_cleared")["channel"] == channel
        assert socket.wait_for_event("notice", code="not_found")["channel"] == channel
        assert refusal(socket.call("join", {"channel": channel})) == "not_found"
    assert refusal(cast.say("viewer", "anybody here?")) == "not_found"
    assert other.say("guest", "the others go on")["ok"]
    assert other.socket("guest").wait_for_event("message", text="the others go on")
    assert [message["text"] for message in reader.received("message")] == ["ahoy"]

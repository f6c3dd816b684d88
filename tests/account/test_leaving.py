"""Deleting one's own account: what goes, what stays, and what nobody may be left with."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.applications.streamer_application import StreamerApplication
from app.audit import chain
from app.audit.event import AuditEvent
from app.auth.account_recovery import AccountRecovery
from app.auth.announcement import Announcement
from app.auth.session import UserSession
from app.auth.totp import Totp
from app.auth.user import User
from app.channels.channel import Channel
from app.chat import history
from app.chat.message import Message
from app.clock import Clock, now
from app.encryption.data_key import DataKey, data_keys
from app.extensions import db
from tests.commands.conftest import say
from tests.people import PASSWORD, People, Person
from tests.postgres import on_both_databases
from tests.tables import events, everything


def named(name: str) -> User:
    """The account as it stands in the database now."""
    db.session.rollback()
    user = User.named(name)
    assert user
    return user


def leave(person: Person, password: str = PASSWORD, messages: str | None = "keep") -> tuple[int, str]:
    """Fill in and send the form; the status, and the page or where it leads."""
    chosen = {"messages": messages} if messages else {}
    answer = person.post_form("/account/delete", on="/account/data", password=password, **chosen)
    return answer.status_code, html.unescape(answer.text) if answer.status_code != 302 else str(answer.location)


def lounge(keeper: User) -> Channel:
    """A channel of somebody else's."""
    Channel.open("lounge", "The lounge", keeper)
    db.session.commit()
    channel = Channel.at("lounge")
    assert channel
    return channel


@on_both_databases
def test_nothing_of_the_person_is_left(people: People) -> None:
    vera = people.viewer("Vera-Lang", address="192.0.2.77")
    elsewhere = people.visitor().sign_in("vera-lang")
    fields = {"email": "vl@example.org", "channel_name": "Corner of V", "slug": "corner", "about": "About my radios."}
    vera.post_form("/apply", **fields, links="", agree="y")
    user = named("vera-lang")
    AccountRecovery.renew(user)
    Totp.begin(user.id).confirmed_at = now()
    db.session.commit()
    account_id = user.id
    assert leave(vera) == (302, "/")
    assert not vera.signed_in
    assert not elsewhere.signed_in
    assert User.named("vera-lang") is None
    left = str(everything())
    for trace in ("Vera-Lang", "vera-lang", "192.0.2.77", "Firefox", "Corner of V"):
        assert trace not in left, trace
    [application] = StreamerApplication.of_account(account_id)
    assert (application.status, application.email, application.about) == ("withdrawn", "", "")
    assert db.session.scalar(select(func.count()).select_from(AccountRecovery)) == 0
    assert db.session.scalar(select(func.count()).select_from(Totp)) == 0
    assert {reason for reason in db.session.scalars(select(UserSession.end_reason))} == {"disabled"}
    with pytest.raises(AssertionError):
        people.visitor().sign_in("Vera-Lang")
    people.account("vera-lang")  # the name is free
    people.account("corner")  # and so is what the application reserved


@on_both_databases
def test_the_audit_log_keeps_what_happened_and_its_chain_holds(people: People) -> None:
    ada = people.admin("ada")
    vera = people.viewer("vera", address="192.0.2.77")
    people.visitor().post_form("/login", username="vera", password="not it at all")
    account_id = named("vera").id
    ada.post(f"/admin/users/{account_id}/rename", on="/account/sessions", username="Veronika")
    before = [(event.id, event.event, event.at) for event in events()]
    leave(vera)
    after = [(event.id, event.event, event.at) for event in events()]
    assert after[: len(before)] == before
    [deleted] = events("account.deleted")
    assert (deleted.actor_name, deleted.ip) == (f"deleted account {account_id}", "")
    assert deleted.details == {"messages": "kept", "channel": "none"}
    assert list(chain.problems()) == []
    mine = [event for event in events() if event.actor_id == account_id or event.target_id == account_id]
    for event in mine[:-1]:
        assert (event.actor_name, event.ip, event.user_agent, event.target_name, event.details, event.salt) == (
            None,
        ) * 6
    [own] = [event for event in events("login.succeeded") if event.actor_name == "ada"]
    assert own.ip, "nobody else's record is touched"


@on_both_databases
def test_a_change_to_an_erased_row_still_shows(people: People) -> None:
    vera = people.viewer("vera")
    leave(vera)
    row = db.session.scalars(select(AuditEvent).where(AuditEvent.event == "login.succeeded")).one()
    row.event = "logout"
    db.session.commit()
    assert list(chain.problems()) == [f"row {row.id} was changed"]


@on_both_databases
def test_messages_stay_under_no_name_if_one_says_so(people: People) -> None:
    vera = people.viewer("vera")
    channel = lounge(people.account("keeper"))
    say(channel, named("vera"), "I was here")
    account_id = named("vera").id
    leave(vera, messages="keep")
    shown, _ = history.newest(channel)
    assert [(one["author"]["username"], one["text"]) for one in shown] == [
        (f"deleted account {account_id}", "I was here")
    ]


@on_both_databases
def test_messages_go_everywhere_if_one_says_so_and_open_screens_hear_of_it(people: People) -> None:
    vera = people.viewer("vera")
    channel = lounge(people.account("keeper"))
    say(channel, named("vera"), "first")
    say(channel, named("keeper"), "what others said")
    say(channel, named("vera"), "third")
    leave(vera, messages="delete")
    db.session.rollback()
    shown, _ = history.newest(channel)
    assert [(one["id"], one["text"]) for one in shown] == [(2, "what others said")]
    assert db.session.scalar(select(func.count()).select_from(Message)) == 1, "the rows are gone, not only hidden"
    [told] = db.session.scalars(select(Announcement).where(Announcement.kind == "messages_cleared"))
    assert (told.channel_id, told.details) == (channel.id, {"channel": "lounge", "up_to": 3, "username": "vera"})
    say(channel, named("keeper"), "goes on")
    assert history.newest(channel)[0][-1]["id"] == 4, "numbers are not given twice"


def test_messages_that_went_with_their_author_are_in_no_file_of_the_database(app: Flask, people: People) -> None:
    vera = people.viewer("vera")
    message = say(lounge(people.account("keeper")), named("vera"), "first")
    wrapped = db.session.get_one(DataKey, message.data_key_id).wrapped
    gone = (message.body, str(wrapped).encode())
    db.session.rollback()
    path = db.engine.url.database
    files = (Path(str(path)), Path(f"{path}-wal"))
    assert all(any(trace in file.read_bytes() for file in files) for trace in gone), "this shows nothing"
    leave(vera, messages="delete")
    for file in files:
        assert not any(trace in file.read_bytes() for trace in gone)


@on_both_databases
def test_a_months_key_goes_with_its_last_message_and_not_before(people: People, clock: Clock) -> None:
    vera, channel = people.viewer("vera"), lounge(people.account("keeper"))

    def written(days: float, *names: str) -> int:
        clock.offset_seconds = -days * 86400
        ids = {say(channel, named(name), f"{days} days ago").data_key_id for name in names}
        clock.offset_seconds = 0
        [key_id] = ids
        return key_id

    shared, moving, alone = written(95, "vera", "keeper"), written(65, "vera"), written(35, "vera")
    # A rotation in the middle: the month's new key holds nothing yet, its old one what somebody else said.
    old, other = db.session.get_one(DataKey, moving), say(channel, named("keeper"), "under the key that retires")
    today, other.data_key_id, old.state = other.data_key_id, moving, "retired"
    db.session.flush()
    anew = data_keys().create("messages", channel.id, old.period)
    db.session.commit()
    leave(vera, messages="delete")
    db.session.rollback()
    db.session.expire_all()
    states = {key: db.session.get_one(DataKey, key).state for key in (shared, moving, anew, alone)}
    assert states == {shared: "active", moving: "retired", anew: "active", alone: "destroyed"}
    assert db.session.get_one(DataKey, alone).wrapped is None
    [event] = events("keys.destroyed")
    assert event.details and (event.target_name, event.details["data_keys"]) == ("lounge", 2), (
        "of a month ago, and of now"
    )
    assert "keys_changed" in db.session.scalars(select(Announcement.kind)).all()
    said = say(channel, named("keeper"), "goes on")
    assert said.data_key_id not in (shared, moving, anew, alone, today)
    assert history.newest(channel)[0][-1]["text"] == "goes on"


@on_both_databases
def test_a_streamers_channel_closes_and_nobody_can_pass_for_it(people: People) -> None:
    stella = people.streamer("stella")
    assert "Your channel <code>/c/stella</code> closes" in stella.get("/account/data").text
    channel = Channel.at("stella")
    assert channel
    say(channel, named("stella"), "goodbye")
    leave(stella)
    assert people.visitor().get("/c/stella").status_code == 404
    assert "stella live" not in str(everything())
    for taken in ("stella", "5te11a".replace("5", "s")):
        with pytest.raises(ValueError, match="taken"):
            people.account(taken)
        db.session.rollback()
    assert "/c/stella" not in people.visitor().get("/").text


def test_an_account_whose_channel_has_another_name_gives_its_own_back(people: People) -> None:
    keeper = people.viewer("keeper")
    lounge(named("keeper"))
    leave(keeper)
    people.account("keeper")
    with pytest.raises(ValueError, match="taken"):
        people.account("lounge")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"password": ""}, "Type your password."),
        ({"password": "not it at all"}, "Wrong password, or there were too many tries."),
        ({"messages": None}, "Choose what becomes of your messages."),
        ({"messages": "burn"}, "Not a valid choice."),
    ],
)
def test_a_mistake_deletes_nothing_and_keeps_the_choice(people: People, fields: dict[str, str], words: str) -> None:
    vera = people.viewer("vera")
    status, page = leave(vera, **{"messages": "delete", **fields})
    assert status == 400
    assert words in page
    assert vera.signed_in
    if "messages" not in fields:
        [chosen] = re.findall(r'<input checked [^>]*value="(\w+)"', page)
        assert chosen == "delete"
        assert "not it at all" not in page


@on_both_databases
def test_the_last_admin_cannot_leave(people: People) -> None:
    ada = people.admin("ada")
    assert "You are the last admin who can sign in" in ada.get("/account/data").text
    answer = ada.post("/account/delete", on="/account/sessions", password=PASSWORD, messages="delete")
    assert answer.status_code == 409
    assert ada.signed_in
    people.account("bea", role="admin")
    assert leave(ada) == (302, "/")


def test_nobody_deletes_anybody_else(people: People) -> None:
    bert = people.viewer("bert")
    people.account("vera")
    leave(bert)
    assert not named("vera").is_disabled
    assert str(people.visitor().post("/account/delete", password=PASSWORD).location).startswith("/login")


def test_the_page_says_what_goes_and_what_stays(people: People) -> None:
    page = people.viewer("vera").get("/account/data").text
    for words in ("What goes", "What stays, and why", "without your name", "Copies that were made before"):
        assert words in page


def test_commands_leave_a_deleted_account_alone(people: People, app: Flask) -> None:
    vera = people.viewer("vera")
    account_id = named("vera").id
    leave(vera)
    name = f"deleted account {account_id}"
    for command in (["enable", name], ["make-admin", name], ["rename", name, "vera"], ["reset-password", name]):
        result = app.test_cli_runner().invoke(args=["users", *command])
        assert result.exit_code == 1, result.output
        assert "deleted by its owner" in result.output
    listed = json.loads(app.test_cli_runner().invoke(args=["users", "list", "--json"]).stdout)
    assert [one["state"] for one in listed] == ["deleted"]

"""Members and moderators come and go by name; into a private channel also with its password."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.audit.event import AuditEvent
from app.channels.channel import Channel
from app.channels.membership import Membership
from app.channels.sanction import Sanction
from app.clock import Clock
from app.extensions import db
from tests.people import People, Person
from tests.postgres import on_both_databases

SETTINGS = "/c/stella/settings"
SECRET = "pizza-every-friday"
JOIN = "/c/stella/join"


@pytest.fixture
def stella(people: People) -> Person:
    """A streamer, signed in."""
    return people.streamer("stella")


def the_channel() -> Channel:
    """stella's channel, as it is stored."""
    db.session.expire_all()
    found: Channel = db.session.scalars(db.select(Channel)).one()
    return found


def roles() -> dict[str, str]:
    """Who is what in it."""
    db.session.expire_all()
    return {membership.account.username: membership.role for membership in db.session.scalars(db.select(Membership))}


def events(name: str) -> list[AuditEvent]:
    """All such events."""
    return list(db.session.scalars(db.select(AuditEvent).where(AuditEvent.event == name)))


def close(stella: Person, **rules: Any) -> None:
    """Make the channel private."""
    for name, value in {"access": "private", **rules}.items():
        setattr(the_channel(), name, value)
        db.session.commit()
    assert stella.get("/c/stella").status_code == 200


@on_both_databases
def test_members_and_moderators_come_and_go(people: People, stella: Person) -> None:
    people.account("vera")
    stella.post_form(f"{SETTINGS}/members", on=SETTINGS, username="Vera")
    assert roles() == {"vera": "member"}
    stella.post_form(f"{SETTINGS}/moderators", on=SETTINGS, username="vera")
    assert roles() == {"vera": "moderator"}
    stella.post_form(f"{SETTINGS}/moderators/remove", on=SETTINGS, username="vera")
    assert roles() == {"vera": "member"}, "trusted no longer, and still here"
    stella.post_form(f"{SETTINGS}/members/remove", on=SETTINGS, username="vera")
    assert roles() == {}
    stella.post_form(f"{SETTINGS}/moderators", on=SETTINGS, username="vera")
    assert roles() == {"vera": "moderator"}, "a viewer becomes one directly"
    for event in ("member.added", "moderator.added", "moderator.removed", "member.removed"):
        (first, *_) = events(event)
        assert (first.actor_name, first.target_name, first.details["channel"]) == ("stella", "vera", "stella")  # type: ignore[index]


def test_what_changes_nothing_is_said_and_not_recorded(people: People, stella: Person) -> None:
    people.account("vera")
    for path in ("members", "moderators"):
        stella.post_form(f"{SETTINGS}/{path}", on=SETTINGS, username="vera")
        answer = stella.post_form(f"{SETTINGS}/{path}", on=SETTINGS, username="vera")
        assert answer.status_code == 400 and "already" in answer.text
        answer = stella.post_form(f"{SETTINGS}/{path}", on=SETTINGS, username="nobody-here")
        assert answer.status_code == 400 and "no account of that name" in answer.text
        assert stella.post_form(f"{SETTINGS}/{path}", on=SETTINGS, username="").status_code == 400
        assert stella.post(f"{SETTINGS}/{path}/remove", username="nobody-here").status_code == 404
    assert (len(events("member.added")), len(events("moderator.added"))) == (1, 1)


def test_a_member_reads_a_private_channel_and_an_outsider_does_not(people: People, stella: Person) -> None:
    vera, otto = people.viewer("vera"), people.viewer("otto")
    close(stella)
    assert vera.get("/c/stella").status_code == otto.get("/c/stella").status_code == 404
    stella.post_form(f"{SETTINGS}/members", on=SETTINGS, username="vera")
    assert vera.get("/c/stella").status_code == 200
    assert "/c/stella" in vera.get("/").text
    assert otto.get("/c/stella").status_code == 404
    assert "/c/stella" not in otto.get("/").text
    assert "/c/stella" not in people.visitor().get("/").text


# --- the password -----------------------------------------------------------------------------------------------------


@on_both_databases
def test_who_knows_the_password_becomes_a_member(people: People, stella: Person) -> None:
    vera, otto = people.viewer("vera"), people.viewer("otto")
    close(stella)
    stella.post_form(f"{SETTINGS}/password", on=SETTINGS, password=SECRET)
    assert JOIN in stella.get(SETTINGS).text
    assert the_channel().password_hash.startswith("$2b$")  # type: ignore[union-attr]
    wrong = otto.post_form(JOIN, password="pizza-every-monday")
    assert wrong.status_code == 403 and "not its password" in wrong.text
    assert otto.get("/c/stella").status_code == 404
    right = vera.post_form(JOIN, password=SECRET)
    assert (right.status_code, right.location) == (303, "/c/stella")
    assert vera.get("/c/stella").status_code == 200
    assert roles() == {"vera": "member"}
    assert vera.get(JOIN).location == "/c/stella", "who is in is led in"
    assert [event.actor_name for event in events("member.joined")] == ["vera"]
    assert [event.actor_name for event in events("channel.password_refused")] == ["otto"]
    assert SECRET not in str([event.details for event in db.session.scalars(db.select(AuditEvent))])


def test_the_join_page_tells_nobody_which_channels_there_are(people: People, stella: Person) -> None:
    vera = people.viewer("vera")
    close(stella)
    stella.post_form(f"{SETTINGS}/password", on=SETTINGS, password=SECRET)

    def without_names(text: str) -> str:
        token = text.partition('name="csrf_token" value="')[2].partition('"')[0]
        return text.replace("stella", "NAME").replace("nowhere", "NAME").replace(token, "TOKEN")

    for path in ("", "/join"):
        there, nowhere = vera.get(f"/c/stella{path}"), vera.get(f"/c/nowhere{path}")
        assert there.status_code == nowhere.status_code
        assert without_names(there.text) == without_names(nowhere.text)
    there, nowhere = (vera.post_form(f"/c/{slug}/join", password="a wrong guess") for slug in ("stella", "nowhere"))
    assert there.status_code == nowhere.status_code == 403
    assert without_names(there.text) == without_names(nowhere.text)
    assert people.visitor().get(JOIN).location == "/login?next=/c/stella/join"


def test_a_password_opens_only_what_is_private_and_only_while_it_is_set(people: People, stella: Person) -> None:
    vera = people.viewer("vera")
    stella.post_form(f"{SETTINGS}/password", on=SETTINGS, password=SECRET)
    the_channel().access = "accounts"
    db.session.commit()
    assert vera.get(JOIN).location == "/c/stella", "there is nothing to join"
    close(stella)
    stella.post_form(f"{SETTINGS}/password", on=SETTINGS, remove="1")
    assert vera.post_form(JOIN, password=SECRET).status_code == 403
    close(stella, password_hash=None)
    for nothing in ("", "\0", "x" * 73, "x" * 1001):
        assert vera.post_form(JOIN, password=nothing).status_code in (400, 403)
    assert roles() == {}


@pytest.mark.settings(RATELIMIT_CHANNEL_PASSWORDS="1000 per minute")
def test_who_guesses_five_times_is_refused_for_a_while_and_their_account_is_not_locked(
    people: People, stella: Person, clock: Clock
) -> None:
    vera, otto = people.viewer("vera"), people.viewer("otto")
    close(stella)
    stella.post_form(f"{SETTINGS}/password", on=SETTINGS, password=SECRET)
    for _ in range(5):
        wrong = vera.post_form(JOIN, password="a wrong guess")
    locked = vera.post_form(JOIN, password=SECRET)
    assert locked.status_code == wrong.status_code == 403
    assert "After 5 wrong ones it takes none from you for 15 minutes" in locked.text
    assert [(event.details or {})["locked"] for event in events("channel.password_refused")] == [False] * 5 + [True]
    assert otto.post_form(JOIN, password=SECRET).status_code == 303, "a stranger's guesses lock nobody else out"
    people.visitor().sign_in("vera")  # and not themselves out of their account
    clock.offset_seconds = 15 * 60 + 1
    assert vera.post_form(JOIN, password=SECRET).status_code == 303
    assert roles() == {"vera": "member", "otto": "member"}


def test_a_ban_outweighs_the_password(people: People, stella: Person) -> None:
    vera = people.viewer("vera")
    close(stella)
    stella.post_form(f"{SETTINGS}/password", on=SETTINGS, password=SECRET)
    stella.post_form(f"{SETTINGS}/bans", on=SETTINGS, username="vera", seconds="")
    assert db.session.query(Sanction).count() == 1
    answer = vera.post_form(JOIN, password=SECRET)
    assert answer.status_code == 403 and "banned" in answer.text
    assert roles() == {}
    assert vera.get("/c/stella").status_code == 404


@pytest.mark.parametrize(
    ("password", "says"), [("", "Choose a password."), ("short", "at least 8"), ("\u00e4" * 37, "at most 72 bytes")]
)
def test_a_password_nobody_should_use_is_refused(stella: Person, password: str, says: str) -> None:
    answer = stella.post_form(f"{SETTINGS}/password", on=SETTINGS, password=password)
    assert answer.status_code == 400 and says in answer.text
    assert the_channel().password_hash is None


@pytest.mark.settings(RATELIMIT_CHANNEL_PASSWORDS="3 per minute")
def test_guessing_a_password_is_limited_by_address_and_by_account(app: Flask, people: People, stella: Person) -> None:
    close(stella)
    stella.post_form(f"{SETTINGS}/password", on=SETTINGS, password=SECRET)
    vera = people.viewer("vera")
    for _ in range(3):
        assert vera.post_form(JOIN, password="a wrong guess").status_code == 403
    answer = vera.post_form(JOIN, password=SECRET)
    assert answer.status_code == 429 and "Retry-After" in answer.headers
    elsewhere = people.visitor(address="127.0.0.9").sign_in("vera")
    assert elsewhere.post_form(JOIN, password=SECRET).status_code == 429, "one account, many addresses"
    otto = people.viewer("otto")
    assert otto.post_form(JOIN, password=SECRET).status_code == 429, "one address, many accounts"
    ines = people.viewer("ines", address="127.0.0.10")
    assert ines.post_form(JOIN, password=SECRET).status_code == 303

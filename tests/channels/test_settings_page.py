"""A streamer sets up their channel, with or without JavaScript; each change is on record and felt at once."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.audit.event import AuditEvent
from app.channels.channel import Channel
from app.channels.sanction import Sanction
from app.clock import now
from app.extensions import db
from tests.people import People, Person
from tests.postgres import on_both_databases

SETTINGS = "/c/stella/settings"
FORM = {
    "title": "Stella at night",
    "description": "Pottery.\nMostly.",
    "rules": "Be kind\nNo spoilers",
    "access": "accounts",
    "stream_url": "https://www.twitch.tv/stella",
    "slow_mode": "15",
    "retention_days": "30",
    "members_only": "y",
    "unique_messages": "y",
}


@pytest.fixture
def stella(people: People) -> Person:
    """A streamer, signed in."""
    return people.streamer("stella")


def the_channel() -> Channel:
    """stella's channel, as it is stored."""
    db.session.expire_all()
    found: Channel = db.session.scalars(db.select(Channel)).one()
    return found


def recorded(event: str) -> list[dict[str, Any]]:
    """The details of all such events."""
    found = db.session.scalars(db.select(AuditEvent).where(AuditEvent.event == event).order_by(AuditEvent.id))
    return [entry.details or {} for entry in found]


@on_both_databases
def test_every_setting_is_saved_and_on_record(stella: Person) -> None:
    answer = stella.post_form(SETTINGS, **FORM)
    assert (answer.status_code, answer.location) == (303, SETTINGS)
    channel = the_channel()
    assert (channel.title, channel.description, channel.rules) == (FORM["title"], FORM["description"], FORM["rules"])
    assert (channel.access, channel.slow_mode_seconds) == ("accounts", 15)
    assert (channel.stream_url, channel.retention_days) == (FORM["stream_url"], 30)
    assert channel.members_only and channel.unique_messages
    changes = {change["what"]: change for change in recorded("channel.changed")}
    assert set(changes) == {
        "title",
        "description",
        "rules",
        "access",
        "members_only",
        "slow_mode_seconds",
        "unique_messages",
        "stream_url",
        "retention_days",
    }
    assert (changes["title"]["before"], changes["title"]["after"]) == ("stella live", "Stella at night")
    assert "after" not in changes["rules"], "long texts are not copied into the log"
    page = stella.get(SETTINGS).text
    for shown in ("Stella at night", "No spoilers", 'value="15"'):
        assert shown in page
    stella.post_form(SETTINGS, **{name: value for name, value in FORM.items() if value != "y"})
    assert not the_channel().members_only and not the_channel().unique_messages, "an empty box is off"
    assert len(recorded("channel.changed")) == len(changes) + 2, "only what differs"


def test_what_a_program_leaves_out_stays(stella: Person) -> None:
    assert stella.post(SETTINGS, title="Short").status_code == 303, "without slow mode, too"
    stella.post_form(SETTINGS, **FORM)
    assert stella.post(SETTINGS, title="Shorter").status_code == 303
    channel = the_channel()
    assert (channel.title, channel.description, channel.access) == ("Shorter", FORM["description"], "accounts")
    assert channel.slow_mode_seconds == 15


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("title", "", "Give the channel a title."),
        ("title", "\u200b\u200b", "nothing to read"),
        ("title", "x" * 81, "at most 80"),
        ("title", "<script>alert(1)</script>", "looks like an attack"),
        ("description", "x" * 501, "at most 500"),
        ("description", "<img src=x onerror=alert(1)>", "looks like an attack"),
        ("rules", "\n".join("x" * 21), "at most 20 rules"),
        ("rules", "x" * 2001, "at most 2000"),
        ("slow_mode", "301", "0 to 300"),
        ("slow_mode", "-1", "0 to 300"),
        ("slow_mode", "soon", "Not a valid"),
        ("slow_mode", "", "Type a number"),
        ("retention_days", "3651", "0 to 3650"),
        ("retention_days", "", "Type a number of days"),
        ("access", "everybody", "Not a valid choice"),
    ],
)
def test_a_wrong_value_is_said_beside_its_field_and_nothing_is_saved(
    stella: Person, field: str, value: str, says: str
) -> None:
    answer = stella.post_form(SETTINGS, **FORM | {field: value})
    assert answer.status_code == 400
    assert says in answer.text
    assert f'href="#{field}' in answer.text, "the summary leads to the field"
    assert "Stella at night" in answer.text or field == "title", "what was typed is kept"
    assert the_channel().title == "stella live"
    blocked = recorded("input.blocked")
    assert bool(blocked) is ("attack" in says)
    assert all(value not in str(entry) for entry in blocked)


def test_nobody_overwrites_what_they_have_not_seen(people: People, stella: Person) -> None:
    ada = people.admin()
    seen = stella.forms(SETTINGS)
    stale = next(form for form in seen if "seen" in form.fields)
    ada.post_form(SETTINGS, **FORM | {"title": "Ada was here"})
    answer = stella.request(SETTINGS, method="POST", data={**stale.fields, **FORM})
    assert answer.status_code == 409
    assert "Somebody changed these settings" in answer.text and "Stella at night" in answer.text
    assert the_channel().title == "Ada was here"
    fresh = stella.request(SETTINGS, method="POST", data={**stale.fields, **FORM, "seen": seen_in(answer.text)})
    assert fresh.status_code == 303, "having been told, one may"
    assert the_channel().title == "Stella at night"


def seen_in(page: str) -> str:
    """The mark of the state that a page shows."""
    return page.partition('name="seen" type="hidden" value="')[2].partition('"')[0]


def test_going_live_and_ending_it(people: People, stella: Person) -> None:
    for _ in range(2):  # a double click is one
        assert stella.post_form(f"{SETTINGS}/live", on=SETTINGS, state="live").status_code == 303
    since = the_channel().live_since
    assert since is not None
    assert "LIVE" in people.visitor().get("/c/stella").text
    stella.post_form(f"{SETTINGS}/live", on=SETTINGS, state="over")
    assert the_channel().live_since is None
    assert [change["after"] for change in recorded("channel.changed")] == [True, False]
    assert stella.post(f"{SETTINGS}/live", state="maybe").status_code == 400


def test_a_new_streamer_is_shown_three_steps_and_may_skip_them(people: People, stella: Person) -> None:
    ada, vera = people.admin(), people.viewer()
    page = stella.get("/c/stella").text
    assert "Three steps" in page and page.count('class="first-steps__step"') == 3
    for anchor in ("#about", "#stream", "#moderators"):
        assert f'href="{SETTINGS}{anchor}"' in page
    for other in (ada, vera, people.visitor()):
        assert "Three steps" not in other.get("/c/stella").text, "they are the streamer's alone"
    assert "Three steps" not in stella.get("/c/stella?popout=1").text
    stella.post(SETTINGS, description="Pots", rules="Be kind")
    page = stella.get("/c/stella").text
    assert page.count("first-steps__step--done") == 1 and f'href="{SETTINGS}#about"' not in page
    assert vera.post(f"{SETTINGS}/introduced").status_code == 403
    assert "Three steps" in stella.get("/c/stella").text
    answer = stella.post_form(f"{SETTINGS}/introduced", on="/c/stella")
    assert (answer.status_code, answer.location) == (303, "/c/stella")
    assert "Three steps" not in stella.get("/c/stella").text


def test_the_page_is_linked_for_those_it_is_for(people: People, stella: Person) -> None:
    vera, ada = people.viewer(), people.admin()
    assert SETTINGS in stella.get("/c/stella").text
    assert SETTINGS in ada.get("/c/stella").text
    assert SETTINGS not in vera.get("/c/stella").text
    assert SETTINGS not in people.visitor().get("/c/stella").text
    assert people.visitor().get(SETTINGS).location == "/login?next=/c/stella/settings"


def test_a_disabled_channel_has_no_settings(people: People, stella: Person) -> None:
    the_channel().disabled_at = now()
    db.session.commit()
    assert stella.get(SETTINGS).status_code == 404
    assert people.admin().get(SETTINGS).status_code == 404
    for odd in ("nowhere", "%00", "x" * 300):
        assert stella.get(f"/c/{odd}/settings").status_code == 404


@on_both_databases
def test_bans_are_made_listed_looked_for_and_lifted(people: People, stella: Person) -> None:
    people.account("vera")
    people.account("otto")
    answer = stella.post_form(f"{SETTINGS}/bans", on=SETTINGS, username="vera", seconds="", reason="sold <b>things</b>")
    assert (answer.status_code, answer.location) == (303, f"{SETTINGS}#bans")
    stella.post_form(f"{SETTINGS}/bans", on=SETTINGS, username="OTTO", seconds="600", purge="y")
    page = stella.get(SETTINGS).text
    assert "sold &lt;b&gt;things&lt;/b&gt;" in page, "a reason may quote what it is about"
    assert "Banned" in page and "Timed out" in page
    only = stella.get(f"{SETTINGS}?name=ver").text
    assert ">vera<" in only and ">otto<" not in only
    assert ">vera<" not in stella.get(f"{SETTINGS}?by=somebody").text
    assert stella.get(f"{SETTINGS}?name=%00&by=%00").status_code == 200
    assert stella.post_form(f"{SETTINGS}/bans/lift", on=SETTINGS, username="vera").status_code == 303
    assert ">vera<" not in stella.get(SETTINGS).text
    assert ">vera<" in stella.get(f"{SETTINGS}?past=1").text
    again = stella.post(f"{SETTINGS}/bans/lift", username="vera")
    assert again.status_code == 303, "somebody was faster: it is as it was wanted"
    assert [event["seconds"] for event in recorded("member.timed_out")] == [600]
    assert "sold" not in str([*recorded("member.banned"), *recorded("member.unbanned")])


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"username": ""}, "Type a user name."),
        ({"username": "nobody-here"}, "no account called"),
        ({"username": "nul\0"}, "no account called"),
        ({"username": "vera", "seconds": "5"}, "Not a valid choice"),
        ({"username": "vera", "seconds": "600", "reason": "x" * 301}, "at most 300"),
    ],
)
def test_a_ban_that_cannot_be_is_said_beside_its_field(
    people: People, stella: Person, fields: dict[str, str], says: str
) -> None:
    people.account("vera")
    answer = stella.post_form(f"{SETTINGS}/bans", on=SETTINGS, **{"seconds": "", **fields})
    assert answer.status_code == 400
    assert says in answer.text
    assert db.session.query(Sanction).count() == 0


def test_clearing_the_chat_has_to_be_confirmed(app: Flask, stella: Person) -> None:
    answer = stella.post_form(f"{SETTINGS}/clear", on=SETTINGS)
    assert answer.status_code == 400 and "Tick this first" in answer.text
    assert recorded("chat.cleared") == []
    assert stella.post_form(f"{SETTINGS}/clear", on=SETTINGS, sure="y").status_code == 303
    assert len(recorded("chat.cleared")) == 1

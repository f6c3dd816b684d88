"""What is recorded, and with what: time, who, from where, with which browser, and words for a person."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask

from app.audit.actor import Actor
from app.audit.event import record
from app.audit.vocabulary import EVENTS
from app.clock import now
from app.extensions import db
from config import ROOT
from tests.people import FIREFOX, People, Person
from tests.postgres import on_both_databases
from tests.tables import events


def last(name: str) -> str:
    """The newest event of that name, checked for everything an event must have."""
    event = events(name)[-1]
    assert abs(event.at - now()) < timedelta(minutes=1)
    assert event.actor_name
    assert event.description == EVENTS[name]
    return f"{event.actor_name} {event.ip} {event.user_agent}"


@on_both_databases
def test_signing_in_and_out_and_failing_to(people: People) -> None:
    vera = people.viewer("vera", address="192.0.2.7")
    assert last("login.succeeded") == f"vera 192.0.2.7 {FIREFOX}"
    vera.post_form("/logout", on="/")
    assert last("logout") == f"vera 192.0.2.7 {FIREFOX}"
    stranger = people.visitor(address="192.0.2.8")
    stranger.post_form("/login", username="vera", password="wrong")
    assert last("login.failed") == f"vera 192.0.2.8 {FIREFOX}"
    assert events("login.failed")[-1].target_name == "vera"


def test_an_applications_way(people: People) -> None:
    applicant = people.visitor(address="192.0.2.7")
    sent = {"email": "a@example.org", "channel_name": "Radios", "slug": "radios", "about": "valves", "agree": "y"}
    assert applicant.post_form("/apply", **sent).status_code == 200
    assert last("application.submitted").startswith("applicant 192.0.2.7")
    ada = people.admin("ada")
    page = "/admin/applications/1"
    ada.get(page)
    assert last("application.viewed").startswith("ada ")
    ada.post_form(f"{page}/approve", on=page, reason="welcome", note="")
    assert last("application.approved").startswith("ada ")
    assert events("application.approved")[-1].target_name == events("application.submitted")[-1].target_name


def test_a_blocked_text_is_recorded_and_not_kept(people: People) -> None:
    attack = "<script>alert('a mark of its own')</script>"
    sent = {"email": "a@example.org", "channel_name": "Radios", "slug": "radios", "about": attack, "agree": "y"}
    assert people.visitor().post_form("/apply", **sent).status_code == 400
    details = events("input.blocked")[-1].details
    assert details is not None
    assert details["rule"].startswith("html.")
    assert details["length"] == len(attack)
    assert "a mark of its own" not in repr([vars(event) for event in events()])


def test_a_refused_page_and_a_forged_form(people: People) -> None:
    vera = people.viewer("vera")
    assert vera.get("/admin/").status_code == 403
    assert last("access.denied").startswith("vera ")
    assert vera.request("/logout", method="POST").status_code == 400
    assert last("csrf.refused").startswith("vera ")


def test_an_event_that_is_not_in_the_vocabulary_cannot_be_recorded(app: Flask) -> None:
    with pytest.raises(KeyError):
        record("login.suceeded", Actor.command("test"))
    db.session.rollback()
    assert events() == []


@pytest.mark.parametrize(
    "agent", ["a\r\n2026-01-01 login.succeeded admin", "\x1b[2J\x1b[31m", "a\u2028b\u202ec", "x" * 5000]
)
def test_a_browsers_name_forges_no_line(app: Flask, agent: str) -> None:
    actor = Actor.on("vera", ip="192.0.2.7", user_agent=agent)
    record("logout", actor)
    db.session.commit()
    kept = events("logout")[-1].user_agent
    assert kept is not None
    assert len(kept) <= 256
    assert not re.search(r"[\x00-\x1f\u2028\u202e]", kept)


def test_a_stranger_is_named_as_what_they_are(app: Flask) -> None:
    Person(app).post("/logout", on="/login")
    assert events("logout") == []


def test_security_md_lists_every_event() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    assert [name for name in EVENTS if f"`{name}`" not in text] == []

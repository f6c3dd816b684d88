"""The audit log as admins look through it and take it along; nobody else sees it, and nobody changes it."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from app.audit import verification
from app.audit.actor import Actor
from app.audit.event import AuditEvent, record
from app.clock import Clock
from app.encryption import key_work
from app.encryption.key_work import KeyWork
from app.extensions import db
from tests.people import PASSWORD, People, Person
from tests.postgres import on_both_databases
from tests.tables import events

PAGE = "/admin/audit"
DAY = 86400


def rows(person: Person, query: str = "") -> list[int]:
    """Numbers of the events on the page, in order."""
    answer = person.get(f"{PAGE}{query}")
    assert answer.status_code == 200
    return [int(number) for number in re.findall(r'data-event-id="(\d+)"', answer.text)]


def note(event: str = "login.failed", who: str = "mallory", on: str = "", ip: str = "192.0.2.7") -> int:
    number = record(event, Actor(who, ip=ip), target_name=on).id
    db.session.commit()
    return number


@pytest.mark.parametrize("role", ["visitor", "viewer", "streamer"])
def test_the_log_is_the_admins_to_read(people: People, role: str) -> None:
    person = getattr(people, role)()
    assert person.get(PAGE).status_code == (302 if role == "visitor" else 403)


@on_both_databases
def test_events_are_found_by_kind_time_and_name_newest_first(people: People, clock: Clock) -> None:
    admin = people.admin()
    clock.offset_seconds = -10 * DAY
    old = note()
    clock.offset_seconds = 0
    new, other = note(on="100%"), note("channel.renamed", who="ada", on="harbour")
    assert rows(admin, "?kind=login&name=mallory") == [new, old]
    assert rows(admin, "?days=7&name=MALLORY") == [new]
    assert rows(admin, "?name=harb") == [other]
    assert rows(admin, "?name=192.0.2.7&kind=channel") == [other]
    assert rows(admin, "?name=100%25") == [new], "a percent sign is a percent sign"
    assert rows(admin, "?name=nothing-of-the-kind") == []
    assert rows(admin)[:3] == sorted(rows(admin)[:3], reverse=True)
    for query in ("?kind=nonsense", "?days=8", "?page=x"):
        assert admin.get(PAGE + query).status_code == 400


def test_more_than_a_page_is_turned(people: People) -> None:
    admin = people.admin()
    for number in range(60):
        record("login.failed", Actor("mallory"), target_name=f"try {number}")
    db.session.commit()
    assert len(rows(admin, "?name=mallory")) == 50
    assert len(rows(admin, "?name=mallory&page=2")) == 10


def test_the_page_says_when_the_end_was_changed(people: People) -> None:
    admin, last = people.admin(), note()
    assert "is as it was written" in admin.get(PAGE).text
    db.session.execute(update(AuditEvent).where(AuditEvent.id == last).values(event="logout"))
    db.session.commit()
    assert "Chain broken" in admin.get(PAGE).text


def test_what_was_typed_by_strangers_is_shown_letter_by_letter(people: People) -> None:
    admin = people.admin()
    note(who="<img src=x onerror=alert(1)>")
    page = admin.get(PAGE).text
    assert "<img src=x" not in page and "&lt;img src=x onerror=alert(1)&gt;" in page


def test_the_download_takes_the_password_holds_what_is_listed_and_is_recorded(app: Flask, people: People) -> None:
    admin, wanted = people.admin(), [note(on="first"), note(on="second")]
    note("channel.renamed", who="ada")
    asked = f"{PAGE}?kind=login&name=mallory"
    answer = admin.post_form(f"{PAGE}/export", on=asked)
    if answer.status_code != 200:
        assert not events("audit.exported"), "before the password was given"
        admin.post_form("/account/confirm", current_password=PASSWORD)
        answer = admin.post_form(f"{PAGE}/export", on=asked)
    assert answer.mimetype == "application/jsonl"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["id"] for line in lines] == wanted
    assert lines[0]["target"] == "first" and len(lines[0]["hash"]) == 64
    [recorded] = events("audit.exported")
    assert recorded.details == {"narrowed_by": {"kind": "login", "name": "mallory"}, "format": "jsonl"}
    answer = admin.post_form(f"{PAGE}/export", on=asked, format="csv")
    assert answer.mimetype == "text/csv" and len(answer.text.splitlines()) == 3
    assert admin.post_form(f"{PAGE}/export", on=asked, format="exe").status_code == 400


def verified(app: Flask, admin: Person) -> str:
    """What the page says once the verification it began is over."""
    assert admin.post_form(f"{PAGE}/verify", on=PAGE).status_code == 303
    app.extensions["audit_verification"].join(20)
    db.session.rollback()
    return admin.get(PAGE).text


@on_both_databases
def test_every_row_is_verified_at_an_admins_wish_and_what_is_wrong_is_said(app: Flask, people: People) -> None:
    admin, changed = people.admin(), note()
    for _ in range(3):
        note()
    assert "Nobody has had all rows verified" in admin.get(PAGE).text
    page = verified(app, admin)
    assert "Whole" in page and "rows was changed, none is missing" in page
    db.session.execute(update(AuditEvent).where(AuditEvent.id == changed).values(event="logout"))
    db.session.commit()
    assert "1 thing is wrong" in verified(app, admin)
    first, second = events("audit.verified")
    assert first.details and second.details
    assert first.details["problems"] == 0 and first.actor_id is not None
    assert second.details["first"] == [f"row {changed} was changed"]


def test_a_verification_under_way_says_how_far_it_is_and_is_not_begun_twice(people: People) -> None:
    admin = people.admin()
    work = KeyWork.begin(key_work.AUDIT, 1000)
    work.note(250, 125.0)
    db.session.commit()
    for address in (PAGE, f"{PAGE}/under-way"):
        page = admin.get(address).text
        assert "250 of 1,000" in page and "125 a second, about 6 s left" in page and "data-under-way" in page
        assert "/audit/verify" not in page, "the button is gone"
    assert verification.begin() is None, "and does nothing for who kept it"
    work.updated_at -= timedelta(minutes=5)
    db.session.commit()
    assert "was interrupted" in admin.get(PAGE).text

"""The overview: what needs a person now, said once each, for as many statements however much there is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from app.audit.actor import Actor
from app.audit.event import record
from app.auth import lockout
from app.clock import Clock
from app.extensions import db
from app.operations import doctor
from tests.admin.test_review_queue import wish
from tests.people import People
from tests.postgres import on_both_databases
from tests.statements import counted


@on_both_databases
def test_what_ages_what_is_locked_and_what_was_blocked_needs_somebody(people: People, clock: Clock) -> None:
    ada = people.admin()
    assert "is locked" not in ada.get("/admin/").text
    for name, days in (("young", 0), ("old", 4), ("older", 9)):
        wish(name, days)
    lock(people, "boss", role="admin")
    lock(people, "vera")
    lock(people, "bert")
    for back in (2, 0, 0):
        clock.offset_seconds = -timedelta(days=back).total_seconds()
        record("input.blocked", Actor("visitor"))
        db.session.commit()
    page = ada.get("/admin/").text
    for words in (
        "3 applications wait for an answer",
        "2 of them have waited for over 3 days",
        'href="/admin/applications?age=3"',
        "boss is locked",
        "2 accounts are locked",
        'href="/admin/users?state=locked"',
        "2 texts were blocked in 24 hours",
        'href="/admin/audit?kind=input&amp;days=1"',
    ):
        assert words in page, words
    log = ada.get("/admin/audit?kind=input&days=1").text
    assert log.count("<code>input.blocked</code>") == 2
    assert "<code>login.succeeded</code>" not in log


@on_both_databases
def test_a_hundred_locked_accounts_cost_what_one_costs(people: People, app: Flask) -> None:
    ada = people.admin()
    lock(people, "boss-0", role="admin")
    ada.get("/admin/")
    with counted() as few:
        ada.get("/admin/")
    for number in range(1, 6):
        lock(people, f"boss-{number}", role="admin")
    with counted() as many:
        page = ada.get("/admin/").text
    assert page.count("is locked") >= 6
    assert len(few) == len(many)


def test_a_check_that_fails_stands_there_and_one_that_only_warns_does_not(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [
        doctor.Check("The key is safe", "fail", "Everybody can read it.", "chmod 600 .env"),
        doctor.Check("Backups", "warn", "None is known.", ""),
    ]
    monkeypatch.setattr(doctor, "examine", lambda *_, **__: found)
    monkeypatch.setattr(doctor, "_lately", None)
    page = people.admin().get("/admin/").text
    assert "A check failed: The key is safe" in page
    assert "Everybody can read it. chmod 600 .env Run: flask doctor" in page
    assert "Backups" not in page


def lock(people: People, name: str, **options: str) -> None:
    """An account that too many wrong passwords have closed."""
    account = people.account(name, None, **options)
    for _ in range(5):
        lockout.take_a_try(account.id)
    db.session.commit()

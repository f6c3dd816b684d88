"""Revealing the generated sign-in: once, at the press of a button, and never stored, logged or shown again."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.applications import decision, reveal
from app.applications.streamer_application import StreamerApplication
from app.audit.actor import Actor
from app.auth import password as passwords
from app.auth.user import User
from app.clock import Clock
from app.extensions import db
from tests.applications.wishes import apply, private_link, revealed_on, status_on
from tests.people import People, Person
from tests.postgres import on_both_databases
from tests.tables import events, everything

DAY = 24 * 3600


def approved(people: People, slug: str = "star-watch") -> str:
    """The private link of an application that an admin has just approved."""
    link = private_link(apply(people.visitor(), slug=slug))
    application = db.session.scalars(select(StreamerApplication).where(StreamerApplication.slug == slug)).one()
    admin = people.account(f"admin-of-{slug}", role="admin")
    decision.approve(application, admin, Actor("ada", admin.id), version=application.version, reason="Welcome.")
    db.session.commit()
    return link


def press(person: Person, link: str) -> TestResponse:
    """Press the button on the applicant's page; it must be there."""
    return person.post_form(f"{link}/reveal", on=link)


def has_button(person: Person, link: str) -> bool:
    """Whether the page offers to reveal."""
    return any(form.action == f"{link}/reveal" for form in person.forms(link))


@on_both_databases
def test_the_sign_in_is_shown_once_and_signs_in(people: People) -> None:
    link, stella = approved(people), people.visitor()
    shown = revealed_on(press(stella, link))
    assert shown is not None
    name, password = shown
    assert name == "star-watch"
    assert len(password) == 16
    again = stella.get(link)
    assert revealed_on(again) is None
    assert password not in again.text
    assert status_on(again) == "approved"
    answer = stella.post_form("/login", username=name, password=password)
    assert answer.location == "/account/password", "and must be changed first"
    assert len(events("application.revealed")) == 1


@on_both_databases
def test_the_password_is_stored_only_as_a_hash_and_logged_nowhere(
    people: People, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    link = approved(people)
    assert db.session.scalars(select(User.password_hash).where(User.username == "star-watch")).one() is None
    shown = revealed_on(press(people.visitor(), link))
    assert shown is not None
    assert shown[1] not in str(everything())
    assert shown[1] not in caplog.text
    hashed = db.session.scalars(select(User.password_hash).where(User.username == "star-watch")).one()
    assert hashed is not None
    assert hashed.startswith("$2b$")


def test_what_shows_it_is_kept_by_no_cache_and_sent_to_no_other_site(people: People) -> None:
    link = approved(people)
    answer = press(people.visitor(), link)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers.getlist("Referrer-Policy") == ["no-referrer"]
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"


@on_both_databases
def test_opening_the_link_burns_nothing(people: People) -> None:
    """Link previews, virus scanners and prefetching open links before the applicant does."""
    link = approved(people)
    before = everything()
    for _ in range(3):
        preview = people.visitor(agent="Slackbot-LinkExpanding 1.0")
        assert revealed_on(preview.get(link)) is None
        assert preview.request(link, method="HEAD").status_code == 200
        assert preview.get(f"{link}/reveal").status_code == 405
        assert preview.request(f"{link}/reveal", method="POST").status_code == 400, "without the form's token"
    assert everything(without=("audit_event", "audit_head")) == {
        table: rows for table, rows in before.items() if table not in ("audit_event", "audit_head")
    }
    assert revealed_on(press(people.visitor(), link)) is not None


@on_both_databases
def test_nothing_is_shown_before_an_approval(people: People) -> None:
    link = private_link(apply(people.visitor()))
    visitor = people.visitor()
    assert not has_button(visitor, link)
    answer = visitor.post(f"{link}/reveal", on=link)
    assert answer.status_code == 409
    assert revealed_on(answer) is None
    assert User.named("star-watch") is None


@on_both_databases
def test_a_double_click_does_not_lose_the_password(people: People, clock: Clock) -> None:
    link, stella = approved(people), people.visitor()
    first = revealed_on(press(stella, link))
    clock.offset_seconds = 59
    assert has_button(stella, link)
    second = revealed_on(press(stella, link))
    assert first is not None
    assert second is not None
    assert first[1] != second[1], "it was stored nowhere, so it is made anew"
    assert people.visitor().post_form("/login", username=first[0], password=first[1]).status_code == 401
    assert people.visitor().post_form("/login", username=second[0], password=second[1]).status_code == 302


@on_both_databases
def test_after_a_minute_it_is_not_shown_again(people: People, clock: Clock) -> None:
    link, stella = approved(people), people.visitor()
    shown = revealed_on(press(stella, link))
    clock.offset_seconds = 61
    assert not has_button(stella, link)
    late = stella.post(f"{link}/reveal", on=link)
    assert late.status_code == 409
    assert revealed_on(late) is None
    assert shown is not None
    assert stella.post_form("/login", username=shown[0], password=shown[1]).status_code == 302, "and it still works"


@on_both_databases
def test_another_browser_is_shown_nothing_even_at_once(people: People) -> None:
    link, stella, thief = approved(people), people.visitor(), people.visitor()
    shown = revealed_on(press(stella, link))
    assert not has_button(thief, link)
    answer = thief.post(f"{link}/reveal", on=link)
    assert answer.status_code == 409
    assert revealed_on(answer) is None
    assert "Was that not you?" in answer.text, "the page says that somebody has seen it"
    assert shown is not None
    assert people.visitor().post_form("/login", username=shown[0], password=shown[1]).status_code == 302


def test_once_it_has_signed_in_it_is_not_made_anew(people: People) -> None:
    """Else the link would be a way into the account for a minute after its owner went in."""
    link, stella = approved(people), people.visitor()
    shown = revealed_on(press(stella, link))
    assert shown is not None
    people.visitor().post_form("/login", username=shown[0], password=shown[1])
    assert stella.post(f"{link}/reveal", on=link).status_code == 409


@on_both_databases
def test_after_seven_days_it_is_gone(people: People, clock: Clock) -> None:
    link, stella = approved(people), people.visitor()
    clock.offset_seconds = 7 * DAY - 60
    assert has_button(stella, link)
    clock.offset_seconds = 7 * DAY + 60
    assert not has_button(stella, link)
    assert "An admin has to issue it anew" in stella.get(link).text
    assert stella.post(f"{link}/reveal", on=link).status_code == 409
    assert db.session.scalars(select(User.password_hash).where(User.username == "star-watch")).one() is None


@on_both_databases
def test_an_operator_may_let_it_be_shown_once_more(people: People, clock: Clock) -> None:
    link, stella = approved(people), people.visitor()
    first = revealed_on(press(stella, link))
    clock.offset_seconds = 8 * DAY
    application, ada = db.session.scalars(select(StreamerApplication)).one(), people.account("ada", role="admin")
    reveal.reissue(application, ada, Actor("ada", ada.id), version=application.version)
    db.session.commit()
    second = revealed_on(press(people.visitor(), link))
    assert first is not None
    assert second is not None
    assert people.visitor().post_form("/login", username=first[0], password=first[1]).status_code == 401
    assert people.visitor().post_form("/login", username=second[0], password=second[1]).status_code == 302


@on_both_databases
def test_one_link_reveals_one_sign_in(people: People) -> None:
    """Another application's link, also an approved one, opens nobody else's account."""
    link, other = approved(people), approved(people, "moon-watch")
    visitor = people.visitor()
    shown = revealed_on(press(visitor, other))
    assert shown is not None
    assert shown[0] == "moon-watch"
    assert has_button(visitor, link)
    assert db.session.scalars(select(User.password_hash).where(User.username == "star-watch")).one() is None


@pytest.mark.settings(RATELIMIT_REVEALS="2 per 5 minutes")
def test_pressing_again_and_again_waits(people: People) -> None:
    link, stella = approved(people), people.visitor()
    press(stella, link)
    press(stella, link)
    assert stella.post(f"{link}/reveal", on=link).status_code == 429
    assert people.visitor(address="127.0.0.2").post(f"{link}/reveal", on=link).status_code == 409


def test_two_reveals_at_once_leave_one_password_that_works(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tabs: while one waits for its hash, the other is through. What is on a screen must be what signs in."""
    link, stella, other_tab = approved(people), people.visitor(), people.visitor()
    stella.get(link)
    run, shown = passwords.hashing.run, []

    def slowly(*arguments: object) -> object:
        monkeypatch.undo()
        shown.append(revealed_on(press(other_tab, link)))
        return run(*arguments)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(passwords.hashing, "run", slowly)
    late = press(stella, link)
    assert late.status_code == 409
    assert revealed_on(late) is None
    assert shown[0] is not None
    name, password = shown[0]
    assert people.visitor().post_form("/login", username=name, password=password).status_code == 302

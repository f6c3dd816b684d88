"""Changing the password: with the current one only, by the rules; and nothing else first where it must be changed."""

from __future__ import annotations

from typing import Any

import pytest
from flask import url_for

from app.auth import password as passwords
from app.auth.user import User
from app.channels.channel import Channel
from app.extensions import db
from tests.people import PASSWORD, People, Person
from tests.postgres import on_both_databases
from tests.tables import events, everything

CHOSEN = "a new one of my own"


def change(person: Person, current: str = PASSWORD, new: str = CHOSEN, again: str | None = None) -> tuple[int, str]:
    """Fill in and send the form; the status, and the page or where it leads."""
    fields = {"current_password": current, "new_password": new, "confirm_password": new if again is None else again}
    answer = person.post_form("/account/password", **fields)
    return answer.status_code, answer.location or answer.text


@on_both_databases
def test_a_person_changes_their_password(people: People) -> None:
    vera = people.viewer()
    assert change(vera) == (302, "/account/sessions")
    assert vera.signed_in
    assert people.visitor().post_form("/login", username="vera", password=PASSWORD).status_code == 401
    assert people.visitor().sign_in("vera", CHOSEN).signed_in
    (event,) = events("password.changed")
    assert event.actor_name == "vera"
    assert CHOSEN not in str(everything())


@on_both_databases
def test_nobody_changes_it_without_the_current_one(people: People) -> None:
    """Whoever finds an open browser must not be able to keep the account."""
    vera = people.viewer()
    counted = ("audit_event", "audit_head", "sign_in_tries")
    before = everything(without=counted)
    status, page = change(vera, current="not the password at all")
    assert status == 400
    assert "Wrong password, or there were too many tries." in page
    assert everything(without=counted) == before
    assert vera.signed_in
    (event,) = events("password.refused")
    assert event.actor_name == "vera"
    assert "not the password at all" not in str(everything())


@pytest.mark.parametrize(
    ("new", "again", "words"),
    [
        ("elevenchars", None, "Use at least 12 characters."),
        ("x" * 73, None, "Use at most 72 bytes"),
        ("abababababab", None, "It is easy to guess. Repeats like"),
        ("I am VERA, this is me", None, "It must not contain your name."),
        (CHOSEN, CHOSEN + ".", "The two passwords differ."),
        (PASSWORD, None, "It must differ from the current one."),
        ("", None, "Choose a new password."),
        (CHOSEN, "", "Type the new password again."),
        ("x" * 5000, None, "This password is too long."),
    ],
)
def test_a_password_that_keeps_no_rule_is_refused_in_words(
    people: People, new: str, again: str | None, words: str
) -> None:
    vera = people.viewer()
    before = everything()
    status, page = change(vera, new=new, again=again)
    assert status == 400
    assert words in page
    assert everything() == before


@pytest.mark.settings(RATELIMIT_PASSWORDS="3 per 5 minutes")
def test_the_current_password_cannot_be_guessed_from_an_open_browser(people: People) -> None:
    vera = people.viewer()
    for _ in range(3):
        assert change(vera, current="not the password at all")[0] == 400
    assert change(vera)[0] == 429


def test_two_changes_at_once_are_one(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two browsers change it at the same time: the second would overwrite what the first was told is the password."""
    vera, elsewhere = people.viewer(), people.visitor().sign_in("vera")
    run = passwords.hashing.run

    def slowly(*arguments: object) -> object:
        monkeypatch.undo()
        assert change(elsewhere, new="the one that came first")[0] == 302
        return run(*arguments)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(passwords.hashing, "run", slowly)
    assert change(vera)[0] in (302, 409)
    works = [new for new in (CHOSEN, "the one that came first") if _works(people, new)]
    assert works == ["the one that came first"]


def _works(people: People, password: str) -> bool:
    return people.visitor().post_form("/login", username="vera", password=password).status_code == 302


def test_while_it_must_be_changed_no_other_page_opens(people: People) -> None:
    people.account("newcomer", role="admin", must_change_password=True)
    newcomer, others = people.visitor(), people.admin()
    answer = newcomer.post_form("/login", username="newcomer", password=PASSWORD, next="/admin/")
    assert answer.location == "/account/password"
    closed: list[str] = []
    opened: list[str] = []
    with people.app.test_request_context():
        anything: dict[str, Any] = {"id": 1}
        pages = [
            url_for(rule.endpoint, **{name: anything.get(name, "x") for name in rule.arguments})
            for rule in people.app.url_map.iter_rules()
            if "GET" in (rule.methods or ()) and rule.endpoint != "static"
        ]
    for path in pages:
        answer = newcomer.get(path)
        (closed if answer.location == "/account/password" else opened).append(path)
    assert {"/", "/admin/", "/account/sessions", "/apply", "/security", "/c/x"} <= set(closed)
    assert set(opened) <= {"/account/password", "/healthz", "/readyz", "/metrics"}
    assert others.get("/admin/").status_code == 200, "the page itself is there"


def test_while_it_must_be_changed_no_other_form_is_taken(people: People) -> None:
    people.account("newcomer", must_change_password=True)
    newcomer = people.visitor()
    newcomer.post_form("/login", username="newcomer", password=PASSWORD)
    before = everything()
    for path in (
        "/apply",
        "/account/sessions/revoke-others",
        "/account/sessions/1/revoke",
        "/admin/applications/1/approve",
    ):
        assert newcomer.post(path, on="/account/password").location == "/account/password"
    assert everything() == before
    page = newcomer.get("/account/password").text
    assert "Sign out" in page
    assert 'href="/apply"' not in page, "nothing is offered that does not open"


@on_both_databases
def test_after_the_change_everything_opens(people: People) -> None:
    people.account("newcomer", role="admin", must_change_password=True)
    newcomer = people.visitor()
    newcomer.post_form("/login", username="newcomer", password=PASSWORD)
    assert change(newcomer) == (302, "/admin/")
    assert newcomer.get("/admin/").status_code == 200
    user = User.named("newcomer")
    assert user is not None
    assert not user.must_change_password


def test_a_new_streamer_is_led_to_their_channel(people: People) -> None:
    Channel.open("newcomer", "Newcomer live", people.account("newcomer", must_change_password=True))
    db.session.commit()
    newcomer = people.visitor()
    newcomer.post_form("/login", username="newcomer", password=PASSWORD)
    assert change(newcomer) == (302, "/c/newcomer")


def test_who_must_change_it_may_still_sign_out(people: People) -> None:
    people.account("newcomer", must_change_password=True)
    newcomer = people.visitor()
    newcomer.post_form("/login", username="newcomer", password=PASSWORD)
    assert newcomer.post_form("/logout", on="/account/password").location == "/"
    assert newcomer.get("/").status_code == 200

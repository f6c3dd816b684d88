"""Signing in: the same answer for every way it can fail, a new session for every way it succeeds, and no way out."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.auth import password as passwords
from app.auth import sign_in
from app.auth.permissions import safe_path
from app.auth.session import UserSession
from app.auth.user import User
from app.clock import Clock
from app.extensions import db
from tests.people import FIREFOX, PASSWORD, People
from tests.postgres import on_both_databases
from tests.second_factor import set_up_app
from tests.tables import events, everything

WRONG = "not the password at all"

# How people are led elsewhere: protocol-relative, backslashes and controls that browsers drop, other schemes.
OUTSIDE = (
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "/\\/evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    "/\n/evil.example",
    " //evil.example",
    "/ /evil.example",
    "https:evil.example",
    "https://evil.example/",
    "http:///evil.example",
    "HTTP://evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "@evil.example",
    "http://localhost/account/sessions",  # absolute, even to this very host: a path is enough
    "/\x00/evil.example",
    "/\u2028/evil.example\\",
    "",
)

ODD_NAMES = (
    "",
    " ",
    "a\0b",
    "\0",
    "x" * 1025,
    "x" * 90_000,
    "\ud800",
    "😀" * 300,
    "' OR 1=1 --",
    "%s%n",
    "{{7*7}}",
    "\n",
)


def answer_of(response: TestResponse) -> tuple[int, str, list[str]]:
    """What a guesser can compare: status, body but for their own CSRF token, and which headers there are."""
    body = re.sub(r'name="csrf_token" value="[^"]+"', "", response.text)
    return response.status_code, body, sorted(name for name, _ in response.headers)


@on_both_databases
def test_a_person_with_the_right_password_signs_in(people: People) -> None:
    people.account("vera")
    vera = people.visitor()
    assert not vera.signed_in
    answer = vera.post_form("/login", username="vera", password=PASSWORD)
    assert (answer.status_code, answer.location) == (302, "/")
    assert vera.signed_in


@on_both_databases
def test_the_name_may_be_typed_in_any_case_but_the_password_may_not(people: People) -> None:
    people.account("Vera", password="Four words make one")
    assert people.visitor().post_form("/login", username="vERA", password="Four words make one").status_code == 302
    assert people.visitor().post_form("/login", username="Vera", password="four words make one").status_code == 401


@on_both_databases
def test_nobody_signs_in_with_a_wrong_password(people: People) -> None:
    people.account("vera")
    guesser = people.visitor()
    assert guesser.post_form("/login", username="vera", password=WRONG).status_code == 401
    assert not guesser.signed_in
    assert guesser.get("/account/sessions").location == "/login?next=/account/sessions"


@on_both_databases
def test_unknown_wrong_locked_disabled_and_unrevealed_look_the_same(people: People) -> None:
    people.account("vera")
    people.account("lola")
    people.account("dora").disable()
    people.account("rita", password=None)
    db.session.commit()
    for _ in range(5):
        people.visitor().post_form("/login", username="lola", password=WRONG)
    assert events("login.locked"), "lola must be locked for this test to mean anything"

    answers = {}
    for name, password in {"nobody": WRONG, "vera": WRONG, "lola": PASSWORD, "dora": PASSWORD, "rita": WRONG}.items():
        guesser = people.visitor()
        answer = guesser.post_form("/login", username=name, password=password)
        status, body, headers = answer_of(answer)
        answers[name] = (status, body.replace(f'value="{name}"', ""), headers)
        assert not guesser.signed_in, name
    assert answers["vera"][0] == 401
    assert len({str(answer) for answer in answers.values()}) == 1, answers


def test_a_disabled_account_signs_in_again_once_it_is_enabled(people: People) -> None:
    dora = people.account("dora")
    dora.disable()
    db.session.commit()
    assert people.visitor().post_form("/login", username="dora", password=PASSWORD).status_code == 401
    db.session.get_one(User, dora.id).enable()
    db.session.commit()
    assert people.visitor().post_form("/login", username="dora", password=PASSWORD).status_code == 302


@pytest.mark.settings(RATELIMIT_LOGIN="10 per 5 minutes")
def test_the_eleventh_try_from_one_address_waits_and_another_address_does_not(people: People) -> None:
    people.account("vera")
    for number in range(10):
        assert people.visitor().post_form("/login", username=f"guess{number}", password=WRONG).status_code == 401
    late = people.visitor()
    answer = late.post_form("/login", username="vera", password=PASSWORD)
    assert answer.status_code == 429
    assert 290 <= int(answer.headers["Retry-After"]) <= 300
    assert not late.signed_in
    assert people.visitor(address="127.0.0.2").sign_in("vera").signed_in


@pytest.mark.settings(RATELIMIT_LOGIN="3 per 5 minutes")
def test_a_right_password_uses_up_a_try_as_well(people: People) -> None:
    people.account("vera")
    for _ in range(3):
        people.visitor().sign_in("vera")
    assert people.visitor().post_form("/login", username="vera", password=PASSWORD).status_code == 429


@pytest.mark.parametrize("path", OUTSIDE)
def test_next_never_leads_off_the_site(people: People, path: str) -> None:
    people.account("vera")
    vera = people.visitor()
    answer = vera.post_form("/login", username="vera", password=PASSWORD, next=path)
    assert (answer.status_code, answer.location) == (302, "/")
    again = vera.get("/login", query_string={"next": path})  # signed in already: the gate sends people on, too
    assert (again.status_code, again.location) == (302, "/")


@pytest.mark.parametrize("path", ["/c/stella?popout=1", "/account/sessions", "/apply", "/c/a%2f%2fevil.example"])
def test_next_leads_to_where_one_was_going(people: People, path: str) -> None:
    people.account("vera")
    assert safe_path(path) == path
    answer = people.visitor().post_form("/login", username="vera", password=PASSWORD, next=path)
    assert answer.location == path


def test_a_closed_page_is_opened_after_signing_in(people: People) -> None:
    people.account("vera")
    vera = people.visitor()
    to_login = vera.get("/account/sessions").location
    assert to_login == "/login?next=/account/sessions"
    hidden = next(form for form in vera.forms(to_login) if form.action == "/login").fields
    answer = vera.request("/login", method="POST", data={**hidden, "username": "vera", "password": PASSWORD})
    assert answer.location == "/account/sessions"


def test_a_cookie_chosen_before_signing_in_is_worth_nothing_afterwards(people: People) -> None:
    """Session fixation: the attacker plants a cookie of their own, and waits for the victim to sign in with it."""
    people.account("vera")
    attacker, vera = people.visitor(), people.visitor()
    planted_token = attacker.csrf_token("/login")
    planted = vera.cookie = attacker.cookie
    vera.sign_in("vera")
    assert vera.cookie != planted
    assert not attacker.signed_in
    forged = vera.request("/logout", method="POST", data={"csrf_token": planted_token})
    assert forged.status_code == 400, "the attacker would know the victim's CSRF token"
    assert vera.signed_in


def test_each_sign_in_is_a_session_of_its_own(people: People) -> None:
    first, second = people.viewer("vera"), people.visitor().sign_in("vera")
    assert first.cookie != second.cookie
    second.post_form("/logout", on="/")
    assert first.signed_in
    assert not second.signed_in


def test_nobody_is_signed_in_by_a_foreign_page(people: People) -> None:
    """Login CSRF: the victim would write and be watched under the attacker's name."""
    people.account("mallory")
    victim, attacker = people.visitor(), people.visitor()
    credentials = {"username": "mallory", "password": PASSWORD}
    before = everything(without=("audit_event", "audit_head"))
    for forged in ({}, {"csrf_token": ""}, {"csrf_token": attacker.csrf_token("/login")}, {"csrf_token": "IkE.B.C"}):
        victim.get("/login")
        answer = victim.request("/login", method="POST", data={**credentials, **forged})
        assert answer.status_code == 400
        assert not victim.signed_in
    assert everything(without=("audit_event", "audit_head")) == before
    assert victim.post_form("/login", **credentials).status_code == 302, "with the form's own token it works"


@on_both_databases
@pytest.mark.parametrize("meanwhile", ["password changed", "account disabled"])
def test_what_changed_while_the_password_was_compared_counts(
    people: People, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    """The owner changes a stolen password in the quarter of a second that the thief's sign-in takes."""
    owner, thief = people.viewer(), people.visitor()
    run = passwords.hashing.run

    def slowly(function: Any, *arguments: Any) -> Any:
        answer = run(function, *arguments)
        monkeypatch.undo()
        if meanwhile == "password changed":
            new = "a new one of my own"
            fields = {"current_password": PASSWORD, "new_password": new, "confirm_password": new}
            assert owner.post_form("/account/password", **fields).status_code == 302
        else:
            assert people.app.test_cli_runner().invoke(args=["users", "disable", "vera"]).exit_code == 0
        return answer

    monkeypatch.setattr(passwords.hashing, "run", slowly)
    assert thief.post_form("/login", username="vera", password=PASSWORD).status_code == 401
    assert not thief.signed_in


@on_both_databases
@pytest.mark.parametrize("meanwhile", ["password changed", "account disabled", "second factor added"])
def test_what_changed_between_the_right_password_and_the_session_counts(
    people: People, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    """The password was right, and is no longer enough, by the time the session would open."""
    owner, thief = people.viewer(), people.visitor()
    open_session = sign_in.open_session

    def late(*arguments: Any) -> Any:
        monkeypatch.undo()
        if meanwhile == "password changed":
            new = "a new one of my own"
            fields = {"current_password": PASSWORD, "new_password": new, "confirm_password": new}
            assert owner.post_form("/account/password", **fields).status_code == 302
        elif meanwhile == "account disabled":
            assert people.app.test_cli_runner().invoke(args=["users", "disable", "vera"]).exit_code == 0
        else:
            set_up_app(owner)
        return open_session(*arguments)

    monkeypatch.setattr(sign_in, "open_session", late)
    assert thief.post_form("/login", username="vera", password=PASSWORD).status_code == 401
    assert not thief.signed_in
    assert len(events("login.succeeded")) == 1, "the owner's"
    assert len(events("login.refused")) == 1
    assert [session.user_agent for session in db.session.scalars(db.select(UserSession)) if not session.ended_at] == (
        [] if meanwhile == "account disabled" else [FIREFOX]
    )


def test_the_sign_in_page_does_not_fill_in_a_password_again(people: People) -> None:
    page = people.visitor().post_form("/login", username="vera", password="seen by nobody else").text
    assert "vera" in page
    assert "seen by nobody else" not in page


@on_both_databases
def test_an_odd_name_is_refused_and_never_an_error(people: People) -> None:
    guesser = people.visitor()
    form = {"csrf_token": guesser.csrf_token("/login"), "password": WRONG}
    for name in ODD_NAMES:
        sent = {**form, "username": name.encode("utf-8", "surrogatepass")}
        answer = guesser.request("/login", method="POST", data=sent)
        assert answer.status_code in (400, 401), name[:20]
    assert not guesser.signed_in


def test_form_fields_that_nobody_asked_for_change_nothing(people: People) -> None:
    """Mass assignment: a form may not set what is not on it."""
    people.account("vera")
    vera = people.visitor()
    vera.post_form("/login", username="vera", password=PASSWORD, role="admin", is_admin="1", id="1", user_id="1")
    assert vera.signed_in
    assert vera.get("/admin/").status_code == 403
    user = User.named("vera")
    assert user is not None
    assert user.role == "viewer"


def test_signing_in_is_remembered(people: People, clock: Clock) -> None:
    people.account("vera")
    clock.offset_seconds = 3600
    people.visitor(address="127.0.0.9").sign_in("vera")
    session = db.session.scalars(db.select(UserSession)).one()
    assert session.ip == "127.0.0.9"
    assert session.device == "Firefox on Linux"
    assert session.user.last_signed_in_at is not None
    assert abs(session.user.last_signed_in_at - session.created_at) < timedelta(seconds=1)

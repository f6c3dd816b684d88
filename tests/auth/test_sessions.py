"""Sessions: kept on the server as a hash, ended there, and dead from then on whatever a cookie says."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface

from app.auth.session import UserSession
from app.auth.user import User
from app.clock import Clock
from app.extensions import db
from tests.people import PASSWORD, People, Person
from tests.postgres import on_both_databases
from tests.tables import events, everything
from tests.visitor import FormReader

MINUTE = 60


def token_in(person: Person) -> str:
    """The token within the signed cookie."""
    serializer = SecureCookieSessionInterface().get_signing_serializer(person.app)
    assert serializer
    return str(serializer.loads(person.cookie)["token"])


def forge(app: Flask, **content: object) -> str:
    """A cookie that is properly signed: what whoever stole SECRET_KEY could make."""
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    return str(serializer.dumps(content))


@on_both_databases
def test_the_database_knows_only_a_hash_of_the_token(people: People) -> None:
    vera = people.viewer()
    token = token_in(vera)
    assert len(base64.urlsafe_b64decode(token + "==")) == 64
    session = db.session.scalars(db.select(UserSession)).one()
    assert session.token_hash == hashlib.sha256(token.encode()).digest()
    assert token not in str(everything())


@on_both_databases
def test_a_cookie_kept_from_before_signing_out_is_worth_nothing(people: People) -> None:
    vera = people.viewer()
    kept = vera.cookie
    thief = people.visitor()
    thief.cookie = kept
    assert thief.signed_in, "the stolen cookie must work before, for this test to mean anything"
    assert vera.post_form("/logout", on="/").location == "/"
    assert not vera.signed_in
    thief.cookie = vera.cookie = kept
    assert not thief.signed_in
    assert not vera.signed_in
    assert thief.get("/account/sessions").location == "/login?next=/account/sessions"


def test_signing_out_clears_what_the_browser_kept(people: People) -> None:
    answer = people.viewer().post_form("/logout", on="/")
    assert answer.headers["Clear-Site-Data"] == '"cache"'


@pytest.mark.parametrize("path", ["/", "/account/sessions", "/account/password", "/apply", "/security"])
def test_what_a_signed_in_person_saw_stays_out_of_caches(people: People, path: str) -> None:
    answer = people.viewer().get(path)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Cookie" in answer.headers["Vary"]


@on_both_databases
def test_a_session_ends_two_hours_after_its_last_request(people: People, clock: Clock) -> None:
    vera = people.viewer()
    clock.offset_seconds = 119 * MINUTE
    assert vera.signed_in
    clock.offset_seconds += 119 * MINUTE
    assert vera.signed_in, "each request starts the two hours anew"
    clock.offset_seconds += 120 * MINUTE
    assert not vera.signed_in
    clock.offset_seconds = 0
    assert not vera.signed_in, "ended is ended, wherever the clock goes"
    session = db.session.scalars(db.select(UserSession)).one()
    assert session.end_reason == "expired"


@on_both_databases
@pytest.mark.parametrize("role", ["admin", "streamer"])
def test_whoever_can_do_harm_is_signed_out_after_half_an_hour_of_silence(
    people: People, clock: Clock, role: str
) -> None:
    person = people.admin() if role == "admin" else people.streamer()
    clock.offset_seconds = 29 * MINUTE
    assert person.signed_in
    clock.offset_seconds += 30 * MINUTE
    assert not person.signed_in
    session = db.session.scalars(db.select(UserSession)).one()
    assert session.end_reason == "idle"


def test_a_viewer_is_not_signed_out_after_half_an_hour(people: People, clock: Clock) -> None:
    vera = people.viewer()
    clock.offset_seconds = 31 * MINUTE
    assert vera.signed_in


def test_a_clock_set_by_a_day_ends_sessions_or_keeps_them_and_makes_none_endless(people: People, clock: Clock) -> None:
    early, late = people.viewer("vera"), people.viewer("otto")
    clock.offset_seconds = 86400
    assert not early.signed_in, "set forward: whoever was silent, by the clock, is out"
    late.sign_in("otto")
    clock.offset_seconds = 0
    assert late.signed_in, "set back: nobody is disturbed"
    clock.offset_seconds = 86400 + 7201
    assert not late.signed_in


@pytest.mark.settings(SESSION_LIFETIME_MINUTES="10", ACTIVITY_TIMEOUT_MINUTES="5")
def test_an_operator_may_choose_shorter_times(people: People, clock: Clock) -> None:
    vera, ada = people.viewer(), people.admin()
    clock.offset_seconds = 6 * MINUTE
    assert (vera.signed_in, ada.signed_in) == (True, False)
    clock.offset_seconds += 10 * MINUTE
    assert not vera.signed_in


def test_timers_do_not_keep_a_session_alive(people: People, clock: Clock) -> None:
    """Pings and polling are no sign of a person: else an admin's forgotten tab would never sign itself out."""
    people.admin()
    session = db.session.scalars(db.select(UserSession)).one()
    for minute in range(0, 35, 5):
        clock.offset_seconds = minute * MINUTE
        session.touch(person=False)
    assert session.past_its_limits() == "idle"
    assert session.last_seen_at - session.last_active_at >= timedelta(minutes=30)


def test_the_cookie_is_out_of_reach_for_scripts_and_foreign_sites(people: People) -> None:
    people.account("vera")
    vera = people.visitor()
    answer = vera.post_form("/login", username="vera", password=PASSWORD)
    cookies = answer.headers.getlist("Set-Cookie")
    assert sorted(cookie.split("=")[0] for cookie in cookies) == ["device", "session"]
    for cookie in cookies:
        attributes = {part.strip() for part in cookie.split(";")[1:]}
        assert attributes >= {"HttpOnly", "SameSite=Lax", "Path=/"}
        assert "Domain" not in cookie
    assert "Max-Age" not in cookies[-1], "the session ends with the browser, too"


@pytest.mark.settings(SESSION_COOKIE_SECURE="true")
def test_behind_https_no_cookie_ever_travels_in_clear(people: People) -> None:
    people.account("vera")
    vera, site = people.visitor(), "https://chat.example"
    page = FormReader()
    page.feed(vera.get("/login", base_url=site).text)
    login, *_, theme = page.forms
    sent = {**login.fields, "username": "vera", "password": PASSWORD}
    cookies = []
    for path, data in (("/theme", {**theme.fields, "theme": "dark"}), ("/login", sent)):
        cookies += vera.request(path, method="POST", base_url=site, data=data).headers.getlist("Set-Cookie")
    assert {cookie.split("=")[0] for cookie in cookies} == {"__Host-session", "device", "theme"}
    for cookie in cookies:
        assert {part.strip() for part in cookie.split(";")} >= {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"}


@on_both_databases
def test_a_signed_cookie_without_a_session_is_nobody(people: People) -> None:
    people.viewer()
    thief = people.visitor()
    session = db.session.scalars(db.select(UserSession)).one()
    forged: tuple[object, ...] = ("", "x", "x" * 5000, None, 1, True, ["a"], {"a": 1}, session.token_hash.hex(), "\0")
    for token in (*forged, *({"token": token} for token in forged)):
        thief.cookie = forge(
            people.app, **(token if isinstance(token, dict) and "token" in token else {"token": token})
        )
        assert not thief.signed_in
        assert thief.get("/account/sessions").status_code == 302


@pytest.mark.parametrize(
    "cookie", ["", "x", "garbage.garbage.garbage", "eyJ0b2tlbiI6IngifQ.aaaa.bbbb", "a" * 4000, "\\"]
)
def test_a_garbage_cookie_is_no_cookie(people: People, cookie: str) -> None:
    vera = people.visitor()
    vera.cookie = cookie
    assert vera.get("/").status_code == 200
    assert not vera.signed_in


def test_a_cookie_signed_with_another_key_is_no_cookie(people: People) -> None:
    vera = people.viewer()
    token = token_in(vera)
    real, people.app.secret_key = people.app.secret_key, "some other key, thirty-two letters"
    try:
        forged = forge(people.app, token=token)
    finally:
        people.app.secret_key = real
    vera.cookie = forged
    assert not vera.signed_in
    vera.cookie = forge(people.app, token=token)
    assert vera.signed_in


@on_both_databases
@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_a_page_that_saw_nobody_ends_the_session_only_when_the_time_is_over(
    people: People, clock: Clock, role: str
) -> None:
    vera, otto = people.viewer() if role == "viewer" else people.admin("vera"), people.viewer("otto")
    token = vera.csrf_token("/security")
    asked = {"method": "POST", "headers": {"X-CSRFToken": token}}
    for minute, left in ((0, 1800), (10, 1200), (29, 60)):
        clock.offset_seconds = minute * MINUTE
        assert abs(vera.request("/account/away", **asked).get_json()["seconds"] - left) <= 2, "asking is no deed"
    clock.offset_seconds = 30.1 * MINUTE
    answer = vera.request("/account/away", **asked)
    assert answer.status_code == 302 if role == "admin" else answer.get_json() == {"seconds": 0}
    assert not vera.signed_in
    assert otto.signed_in
    ended = db.session.scalars(db.select(UserSession).where(UserSession.ended_at.is_not(None))).all()
    assert [session.end_reason for session in ended] == ["idle"]


def test_whoever_was_active_in_another_tab_stays(people: People, clock: Clock) -> None:
    vera = people.viewer()
    token = vera.csrf_token("/security")
    clock.offset_seconds = 29 * MINUTE
    assert vera.get("/").status_code == 200
    clock.offset_seconds = 31 * MINUTE
    answer = vera.request("/account/away", method="POST", headers={"X-CSRFToken": token})
    assert abs(answer.get_json()["seconds"] - 28 * MINUTE) <= 2
    assert vera.signed_in


def test_no_page_elsewhere_signs_anybody_out_that_way(people: People, clock: Clock) -> None:
    vera = people.viewer()
    clock.offset_seconds = 31 * MINUTE
    assert vera.request("/account/away", method="POST").status_code == 400
    assert vera.get("/account/away").status_code == 405
    assert vera.signed_in


@on_both_databases
def test_disabling_an_account_ends_every_session_of_it_and_no_other(people: People) -> None:
    first, second, otto = people.viewer("dora"), people.visitor().sign_in("dora"), people.viewer("otto")
    done = people.app.test_cli_runner().invoke(args=["users", "disable", "dora"])
    assert done.exit_code == 0, done.output
    assert (first.signed_in, second.signed_in, otto.signed_in) == (False, False, True)
    people.app.test_cli_runner().invoke(args=["users", "enable", "dora"])
    assert not first.signed_in, "an old session does not come to life again"


def test_a_disabled_account_is_out_even_while_its_sessions_stand(people: People) -> None:
    dora = people.viewer("dora")
    user = User.named("dora")
    assert user is not None
    user.disable()
    db.session.commit()
    assert not dora.signed_in


@on_both_databases
def test_a_new_password_ends_every_session_from_before(people: People) -> None:
    vera, elsewhere = people.viewer(), people.visitor().sign_in("vera")
    before = vera.cookie
    chosen = "a new one of my own"
    fields = {"current_password": PASSWORD, "new_password": chosen, "confirm_password": chosen}
    assert vera.post_form("/account/password", **fields).status_code == 302
    assert vera.signed_in, "who changed it stays"
    assert not elsewhere.signed_in
    assert vera.cookie != before
    thief = people.visitor()
    thief.cookie = before
    assert not thief.signed_in, "the session that changed it goes on under another token"
    assert people.visitor().post_form("/login", username="vera", password=PASSWORD).status_code == 401


@pytest.mark.parametrize("command", ["reset-password", "make-admin"])
def test_what_an_operator_changes_about_an_account_ends_its_sessions(people: People, command: str) -> None:
    vera, otto = people.viewer(), people.viewer("otto")
    done = people.app.test_cli_runner().invoke(args=["users", command, "vera"])
    assert done.exit_code == 0, done.output
    assert not vera.signed_in
    assert otto.signed_in


def test_a_request_that_began_before_signing_out_does_not_bring_the_session_back(people: People) -> None:
    """The race of a slow request: it answers with the cookie that it was sent, after the session has ended."""
    vera = people.viewer()
    kept = vera.cookie
    vera.post_form("/logout", on="/")
    vera.cookie = kept  # the slow answer writes the old cookie back
    assert not vera.signed_in
    ended = db.session.scalars(db.select(UserSession)).one()
    assert ended.end_reason == "logout"


def test_signing_out_is_on_record(people: People) -> None:
    people.viewer(address="127.0.0.5").post_form("/logout", on="/")
    (event,) = events("logout")
    assert (event.actor_name, event.ip) == ("vera", "127.0.0.5")
    assert event.session_id == db.session.scalars(db.select(UserSession.id)).one()

"""The password again before risky acts: an open screen is not enough to lock its owner out."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.auth import lockout, own_password
from app.auth.session import UserSession
from app.auth.user import User
from app.clock import Clock
from app.extensions import db
from tests.people import PASSWORD, People, Person
from tests.postgres import on_both_databases
from tests.second_factor import PAGE, begin, set_up_app
from tests.tables import events, everything

CONFIRM = "/account/confirm"
WRONG = "not the password at all"
NEW = "lantern kettle harbour"
MINUTE = 60
RISKY = (
    f"{PAGE}/app",
    f"{PAGE}/app/remove",
    f"{PAGE}/codes",
    f"{PAGE}/codes/download",
    f"{PAGE}/passkeys",
    f"{PAGE}/passkeys/options",
    f"{PAGE}/passkeys/1/remove",
    PAGE,
    "/account/sessions/1/revoke",
    "/account/sessions/revoke-others",
)


def press(person: Person, path: str, on: str = PAGE) -> TestResponse:
    """Press a button as a browser does: it says which page the button stood on."""
    token = person.csrf_token("/security")
    return person.request(path, method="POST", data={"csrf_token": token}, headers={"Referer": f"http://localhost{on}"})


def confirm(person: Person, password: str = PASSWORD, **fields: str) -> TestResponse:
    """Give the password once more."""
    return person.post_form(CONFIRM, password=password, **fields)


def test_right_after_signing_in_nobody_is_asked(people: People, clock: Clock) -> None:
    vera = people.viewer()
    clock.offset_seconds = 4.9 * MINUTE
    assert press(vera, f"{PAGE}/app").location == PAGE


def test_a_copy_of_the_cookie_gains_nothing_by_the_owners_proof(people: People, clock: Clock) -> None:
    vera, thief = people.viewer(), people.visitor()
    thief.cookie = vera.cookie
    assert thief.signed_in
    clock.offset_seconds = 6 * MINUTE
    in_another_tab = vera.forms(PAGE)[0].fields["csrf_token"]
    assert confirm(vera).status_code == 302
    assert press(vera, f"{PAGE}/app").location == PAGE
    assert not thief.signed_in
    assert str(press(thief, f"{PAGE}/app").location).startswith("/login")
    answer = vera.request(f"{PAGE}/app/remove", method="POST", data={"csrf_token": in_another_tab})
    assert answer.location == PAGE, "forms that were open in other tabs can still be sent"


def test_what_was_under_way_in_another_tab_does_not_sign_the_browser_out(people: People, clock: Clock) -> None:
    vera = people.viewer()
    assert vera.signed_in
    late = people.visitor()
    late.cookie = vera.cookie
    confirm(vera)
    assert "Set-Cookie" not in late.get("/security").headers, "it would replace the new cookie"


def test_one_browsers_proof_is_not_anothers(people: People, clock: Clock) -> None:
    vera = people.viewer()
    elsewhere = people.visitor().sign_in("vera")
    clock.offset_seconds = 6 * MINUTE
    confirm(vera)
    assert str(press(elsewhere, f"{PAGE}/app").location).startswith(CONFIRM)


@on_both_databases
def test_later_every_risky_act_asks_first_and_does_nothing(people: People, clock: Clock) -> None:
    vera = people.viewer()
    set_up_app(vera)
    clock.offset_seconds = 5.1 * MINUTE
    vera.get("/")
    before = everything()
    for path in RISKY:
        assert press(vera, path).location == f"{CONFIRM}?next={PAGE}", path
    assert everything() == before


def test_after_the_password_one_is_back_and_the_act_is_done(people: People, clock: Clock) -> None:
    vera, elsewhere = people.viewer(), people.visitor().sign_in("vera")
    clock.offset_seconds = 6 * MINUTE
    asked = press(vera, "/account/sessions/revoke-others", on="/account/sessions?a=b").location
    assert asked == f"{CONFIRM}?next=/account/sessions?a%3Db"
    page = vera.get(asked).text
    assert "press it again" in page
    [form] = [form for form in vera.forms(asked) if form.action == CONFIRM]
    answer = vera.request(CONFIRM, method="POST", data={**form.fields, "password": PASSWORD})
    assert answer.location == "/account/sessions?a=b"
    assert elsewhere.signed_in, "nothing is done by giving the password"
    assert press(vera, "/account/sessions/revoke-others").location == "/account/sessions"
    assert not elsewhere.signed_in
    clock.offset_seconds += 5.1 * MINUTE
    assert press(vera, f"{PAGE}/app").location == f"{CONFIRM}?next={PAGE}", "five minutes, not for ever"


def test_a_page_that_asks_is_opened_afterwards(people: People, clock: Clock) -> None:
    vera = people.viewer()
    begin(vera)
    clock.offset_seconds = 6 * MINUTE
    assert vera.get(PAGE).location == f"{CONFIRM}?next={PAGE}"
    assert confirm(vera, next=PAGE).location == PAGE
    assert vera.get(PAGE).status_code == 200


def test_a_script_is_told_where_to_send_the_person(people: People, clock: Clock) -> None:
    vera = people.viewer()
    clock.offset_seconds = 6 * MINUTE
    headers = {"X-CSRFToken": vera.csrf_token(), "Referer": f"http://localhost{PAGE}"}
    answer = vera.request(f"{PAGE}/passkeys/options", method="POST", json={}, headers=headers)
    assert (answer.status_code, answer.get_json()) == (403, {"location": f"{CONFIRM}?next={PAGE}"})


@pytest.mark.parametrize(
    "referrer",
    ["", "https://evil.example/x", "http://localhost//evil.example", "javascript:alert(1)", "http://[", "\\\\x"],
)
def test_one_is_led_nowhere_else(people: People, clock: Clock, referrer: str) -> None:
    vera = people.viewer()
    clock.offset_seconds = 6 * MINUTE
    token = vera.csrf_token("/security")
    answer = vera.request(f"{PAGE}/app", method="POST", data={"csrf_token": token}, headers={"Referer": referrer})
    assert answer.location == f"{CONFIRM}?next=/account/sessions"
    assert confirm(vera, next="//evil.example").location == "/"


@on_both_databases
def test_a_wrong_password_confirms_nothing_and_is_on_record(people: People, clock: Clock) -> None:
    vera = people.viewer(address="127.0.0.8")
    clock.offset_seconds = 6 * MINUTE
    answer = confirm(vera, WRONG)
    assert answer.status_code == 400 and "Wrong password" in answer.text and WRONG not in answer.text
    assert press(vera, f"{PAGE}/app").location == f"{CONFIRM}?next={PAGE}"
    assert confirm(vera).status_code == 302
    [failed] = events("account.confirmation_failed")
    assert (failed.actor_name, failed.ip, failed.details) == ("vera", "127.0.0.8", {"locked": False})
    assert len(events("account.confirmed")) == 1


@on_both_databases
def test_five_wrong_ones_close_it_for_a_quarter_of_an_hour_and_the_sign_in_stays_open(
    people: People, clock: Clock
) -> None:
    """Whoever sits down at an open screen gets five guesses at the password, and cannot lock its owner out."""
    vera = people.viewer()
    clock.offset_seconds = 6 * MINUTE
    answers = [confirm(vera, WRONG) for _ in range(5)] + [confirm(vera)]
    assert {answer.status_code for answer in answers} == {400}
    assert [event.details for event in events("account.confirmation_failed")][-2:] == [
        {"locked": False},
        {"locked": True},
    ]
    assert vera.signed_in
    assert people.visitor().sign_in("vera").signed_in
    clock.offset_seconds += 15.1 * MINUTE
    vera.get("/")
    assert confirm(vera).status_code == 302


@on_both_databases
def test_every_page_that_asks_for_the_password_counts_on_one_counter(people: People, clock: Clock) -> None:
    """Else three pages would give somebody at an open screen three times as many guesses, from as many addresses."""
    vera, chosen = people.viewer(), "a new one of my own"
    change = {"new_password": chosen, "confirm_password": chosen}
    for _ in range(2):
        assert vera.post_form("/account/password", current_password=WRONG, **change).status_code == 400
        assert vera.post_form("/account/delete", on="/account/data", messages="keep", password=WRONG).status_code == 400
    assert confirm(vera, WRONG).status_code == 400
    locked = vera.post_form("/account/delete", on="/account/data", messages="keep", password=PASSWORD)
    assert locked.status_code == 400 and "too many tries" in locked.text
    assert vera.post_form("/account/password", current_password=PASSWORD, **change).status_code == 400
    assert confirm(vera).status_code == 400
    user = User.named("vera")
    assert user and not user.is_deleted
    assert people.visitor().sign_in("vera").signed_in, "the sign-in has a counter of its own"
    clock.offset_seconds += 15.1 * MINUTE
    assert vera.post_form("/account/password", current_password=PASSWORD, **change).status_code == 302


@on_both_databases
@pytest.mark.parametrize("asked", ["/account/password", CONFIRM, "/account/delete"])
@pytest.mark.parametrize("meanwhile", ["password changed", "account disabled", "session ended"])
def test_what_changed_while_the_password_was_compared_counts(
    people: People, monkeypatch: pytest.MonkeyPatch, asked: str, meanwhile: str
) -> None:
    vera, elsewhere = people.viewer(), people.visitor().sign_in("vera")
    veras = db.session.scalars(db.select(UserSession.id).order_by(UserSession.id)).first()
    db.session.rollback()
    hold = own_password.hold

    def late(*arguments: Any) -> Any:
        monkeypatch.undo()
        if meanwhile == "password changed":
            new = "a newer one of my own"
            fields = {"current_password": PASSWORD, "new_password": new, "confirm_password": new}
            assert elsewhere.post_form("/account/password", **fields).status_code == 302
        elif meanwhile == "account disabled":
            assert people.app.test_cli_runner().invoke(args=["users", "disable", "vera"]).exit_code == 0
        else:
            assert press(elsewhere, f"/account/sessions/{veras}/revoke").location == "/account/sessions"
        db.session.rollback()
        return hold(*arguments)

    monkeypatch.setattr(own_password, "hold", late)
    fields = {"current_password": PASSWORD, "new_password": NEW, "confirm_password": NEW}
    if asked == CONFIRM:
        answer = confirm(vera)
    elif asked == "/account/delete":
        answer = vera.post_form(asked, on="/account/data", messages="keep", password=PASSWORD)
    else:
        answer = vera.post_form(asked, **fields)
    assert answer.status_code == 409, answer.text
    assert "Nothing was done" in answer.text
    assert not vera.signed_in
    user = User.named("vera")
    assert user and not user.is_deleted
    assert not events("account.confirmed", "account.deleted")
    assert people.visitor().post_form("/login", username="vera", password=NEW).status_code == 401


def test_a_right_password_starts_the_count_anew(people: People) -> None:
    vera = people.viewer()
    for _ in range(2):
        assert [confirm(vera, WRONG).status_code for _ in range(4)] == [400] * 4
        assert confirm(vera).status_code == 302
    user = User.named("vera")
    assert user and lockout.locked_until(user.id) is None


def test_one_browser_does_not_confirm_for_another(people: People, clock: Clock) -> None:
    vera, elsewhere = people.viewer(), people.visitor().sign_in("vera")
    clock.offset_seconds = 6 * MINUTE
    confirm(vera)
    assert press(vera, f"{PAGE}/app").location == PAGE
    assert press(elsewhere, f"{PAGE}/app").location == f"{CONFIRM}?next={PAGE}"


def test_changing_the_password_confirms_as_well(people: People, clock: Clock) -> None:
    vera, chosen = people.viewer(), "a new one of my own"
    clock.offset_seconds = 6 * MINUTE
    fields = {"current_password": PASSWORD, "new_password": chosen, "confirm_password": chosen}
    assert vera.post_form("/account/password", **fields).status_code == 302
    assert press(vera, f"{PAGE}/app").location == PAGE


@pytest.mark.settings(RATELIMIT_PASSWORDS="3 per 5 minutes")
def test_the_address_is_limited_too(people: People) -> None:
    vera = people.viewer()
    assert [confirm(vera, WRONG).status_code for _ in range(4)] == [400, 400, 400, 429]


def test_what_is_no_password_is_refused_and_never_an_error(people: People) -> None:
    vera = people.viewer()
    for odd in ("", "\0", "x" * 5000, "\u0308" * 900):
        assert confirm(vera, odd).status_code == 400
    assert not events("account.confirmed")


def test_a_visitor_has_nothing_to_confirm(people: People) -> None:
    assert people.visitor().get(CONFIRM).location == f"/login?next={CONFIRM}"


def test_the_time_is_the_sessions_own(people: People, clock: Clock) -> None:
    vera = people.viewer()
    clock.offset_seconds = 6 * MINUTE
    [session] = db.session.scalars(db.select(UserSession))
    assert not session.is_confirmed()
    confirm(vera)
    db.session.rollback()
    assert session.is_confirmed()

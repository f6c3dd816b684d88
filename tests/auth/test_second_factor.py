"""The second step of signing in: the password alone opens nothing, each code opens once, and guessing ends soon."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import select, update

from app.auth import half_signed_in, lockout, sign_in, two_factor
from app.auth.announcement import Announcement
from app.auth.recovery_code import ALPHABET, GROUP, GROUPS, RecoveryCode
from app.auth.totp import Totp
from app.auth.user import User
from app.clock import Clock, now
from app.extensions import db
from tests.people import PASSWORD, People, Person
from tests.postgres import on_both_databases
from tests.second_factor import PAGE, VERIFY, begin, set_up_app
from tests.tables import events, everything

MINUTE = 60
STEP = 30


def halfway(people: People, name: str = "vera", **options: str) -> Person:
    """Somebody in a browser of their own who gave the right password of an account with a second factor."""
    person = people.visitor()
    assert person.post_form("/login", username=name, password=PASSWORD, **options).location == VERIFY
    assert not person.signed_in
    return person


def later(clock: Clock, seconds: float = 0) -> None:
    """Time passes: ``seconds``, or until the app has just begun to show another code."""
    clock.offset_seconds += seconds or STEP + 1 - now().timestamp() % STEP


def account(name: str) -> User:
    """The account as it stands in the database now."""
    db.session.rollback()
    user = User.named(name)
    assert user
    return user


@on_both_databases
def test_the_password_and_a_code_open_the_account_and_the_password_alone_does_not(people: People, clock: Clock) -> None:
    phone, _ = set_up_app(people.viewer())
    later(clock)
    vera = halfway(people, next="/account/sessions")
    answer = vera.post_form(VERIFY, code=phone.code())
    assert (answer.status_code, answer.location) == (302, "/account/sessions")
    assert vera.signed_in
    assert [event.details for event in events("login.succeeded")] == [{"how": "password"}, {"how": "password+totp"}]


def test_without_a_second_factor_the_password_is_enough(people: People) -> None:
    set_up_app(people.viewer())
    assert people.viewer("otto").signed_in
    assert people.visitor().get(VERIFY).location == "/login", "there is nothing to verify for a stranger"


def test_an_app_that_no_code_confirmed_asks_nobody_for_anything(people: People) -> None:
    begin(people.viewer())
    assert people.visitor().sign_in("vera").signed_in


def test_halfway_in_no_page_of_the_account_opens(people: People) -> None:
    set_up_app(people.admin("ada"))
    ada = halfway(people, "ada")
    for path in ("/account/sessions", PAGE, f"{PAGE}/qr.svg", "/account/confirm", "/admin/"):
        assert ada.get(path).location.startswith("/login?"), path
    assert ada.post(f"{PAGE}/app/remove", on="/login").location.startswith("/login")
    assert two_factor.is_on(account("ada").id)


@on_both_databases
def test_a_code_opens_once(people: People, clock: Clock) -> None:
    later(clock)
    phone, _ = set_up_app(people.viewer())
    code = phone.code()
    assert halfway(people).post_form(VERIFY, code=code).status_code == 401, "it was spent when the app was confirmed"
    later(clock)
    assert halfway(people).post_form(VERIFY, code=phone.code()).status_code == 302
    assert halfway(people).post_form(VERIFY, code=phone.code()).status_code == 401, "somebody looked over the shoulder"
    phone.wrong_by = -STEP
    assert halfway(people).post_form(VERIFY, code=phone.code()).status_code == 401, "nor an older one after a newer"


@on_both_databases
def test_of_many_who_send_the_same_code_at_once_one_gets_in(people: People, app: Flask, clock: Clock) -> None:
    phone, codes = set_up_app(people.viewer())
    later(clock)
    user_id = account("vera").id
    db.session.rollback()

    def send(code: str) -> bool:
        with app.app_context():
            how = two_factor.accept(db.session.get_one(User, user_id), code)
            db.session.commit()
            return how is not None

    for code in (phone.code(), codes[0]):
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(send, [code] * 16)) == 1


@pytest.mark.parametrize(
    ("wrong_by", "right"), [(-STEP, True), (STEP, True), (-2.1 * STEP, False), (2.1 * STEP, False)]
)
def test_a_phone_may_be_one_step_off(people: People, clock: Clock, wrong_by: float, right: bool) -> None:
    phone, _ = set_up_app(people.viewer())
    later(clock, 5 * MINUTE)
    later(clock)
    phone.wrong_by = wrong_by
    assert (halfway(people).post_form(VERIFY, code=phone.code()).status_code == 302) is right


def test_a_code_may_be_typed_as_apps_show_it(people: People, clock: Clock) -> None:
    phone, _ = set_up_app(people.viewer())
    later(clock)
    code = phone.code()
    assert halfway(people).post_form(VERIFY, code=f" {code[:3]} {code[3:]} ").status_code == 302


@pytest.mark.parametrize(
    "odd", ["", " ", "000000", "12345", "1234567", "\u0661" * 6, "\0", "x" * 5000, "'--", "\u00b2" * 6]
)
def test_what_is_no_code_is_refused_and_never_an_error(people: People, odd: str) -> None:
    set_up_app(people.viewer())
    vera = halfway(people)
    assert vera.post_form(VERIFY, code=odd).status_code in (400, 401)
    assert not vera.signed_in


@on_both_databases
def test_the_sixth_code_is_refused_even_if_it_is_right(people: People, clock: Clock) -> None:
    phone, codes = set_up_app(people.viewer())
    set_up_app(people.viewer("otto"))
    vera = halfway(people)
    refusals = [vera.post_form(VERIFY, code="000000") for _ in range(5)]
    later(clock)
    refusals += [vera.post_form(VERIFY, code=phone.code()), vera.post_form(VERIFY, code=codes[0])]
    assert {answer.status_code for answer in refusals} == {401}
    assert re.search(r'aria-describedby="code-help code-error" aria-invalid="true"', refusals[0].text), (
        "beside the field"
    )
    words = {re.sub(r'name="csrf_token" value="[^"]+"', "", answer.text) for answer in refusals}
    assert len({re.sub(r'value="[^"]*"', "", text) for text in words}) == 1, "the answer tells which it was"
    assert not vera.signed_in
    assert [event.details for event in events("login.locked")] == [{"minutes": 15}]
    whys = [event.details["why"] for event in events("login.second_factor_failed") if event.details]
    assert whys == ["code"] * 5 + ["locked"] * 2
    assert RecoveryCode.left(account("vera").id) == 10, "what was refused is not used up"

    later(clock, 14 * MINUTE)
    assert halfway(people).post_form(VERIFY, code=phone.code()).status_code == 401
    later(clock, 1 * MINUTE)
    assert halfway(people).post_form(VERIFY, code=phone.code()).status_code == 302


def test_new_browsers_bring_no_new_tries(people: People, clock: Clock) -> None:
    phone, _ = set_up_app(people.viewer())
    for _ in range(5):
        assert halfway(people).post_form(VERIFY, code="000000").status_code == 401
    later(clock)
    assert halfway(people).post_form(VERIFY, code=phone.code()).status_code == 401


@on_both_databases
def test_each_wrong_code_after_a_lock_locks_for_twice_as_long(people: People, clock: Clock) -> None:
    phone, _ = set_up_app(people.viewer())
    for _ in range(5):
        halfway(people).post_form(VERIFY, code="000000")
    for minutes in (15, 30, 60, 120):
        later(clock, (minutes - 1) * MINUTE)
        assert halfway(people).post_form(VERIFY, code=phone.code()).status_code == 401, f"locked for {minutes} minutes"
        later(clock, 1 * MINUTE)
        assert halfway(people).post_form(VERIFY, code="000000").status_code == 401
    locked = [event.details["minutes"] for event in events("login.locked") if event.details]
    assert locked == [15, 30, 60, 120, 240]
    later(clock, 240 * MINUTE)
    assert halfway(people).post_form(VERIFY, code=phone.code()).status_code == 302, "the right one ends it"
    later(clock)
    for _ in range(4):
        halfway(people).post_form(VERIFY, code="000000")
    later(clock)
    assert halfway(people).post_form(VERIFY, code=phone.code()).status_code == 302, "and the count begins anew"


def test_no_lock_of_the_second_step_is_longer_than_a_day(app: Flask) -> None:
    assert [lockout.minutes_of(number) for number in (5, 6, 11, 12, 500)] == [15, 30, 960, 1440, 1440]


def test_who_has_the_password_alone_cannot_lock_the_owner_out_of_the_second_step(people: People, clock: Clock) -> None:
    owner = people.viewer()
    phone, _ = set_up_app(owner)
    owner.post_form("/logout", on="/")
    thief = halfway(people)
    for _ in range(5):
        assert thief.post_form(VERIFY, code="000000").status_code == 401
    later(clock)
    assert thief.post_form(VERIFY, code=phone.code()).status_code == 401, "strangers are locked out"
    owner.post_form("/login", username="vera", password=PASSWORD)
    assert owner.post_form(VERIFY, code=phone.code()).status_code == 302


def test_wrong_codes_lock_nobody_who_is_inside_and_a_right_one_starts_anew(people: People, clock: Clock) -> None:
    inside = people.viewer()
    phone, _ = set_up_app(inside)
    for _ in range(2):
        vera = halfway(people)
        for _ in range(4):
            vera.post_form(VERIFY, code="000000")
        later(clock)
        assert vera.post_form(VERIFY, code=phone.code()).status_code == 302
    assert inside.signed_in
    vera = halfway(people)
    for _ in range(6):
        vera.post_form(VERIFY, code="000000")
    assert inside.signed_in


def test_a_guesser_without_the_password_does_not_even_get_to_guess(people: People, clock: Clock) -> None:
    phone, _ = set_up_app(people.viewer())
    stranger = people.visitor()
    for _ in range(6):
        assert stranger.post(VERIFY, on="/login", code="000000").location == "/login"
    later(clock)
    assert halfway(people).post_form(VERIFY, code=phone.code()).status_code == 302
    assert not events("login.second_factor_failed")


@pytest.mark.settings(RATELIMIT_LOGIN="5 per 5 minutes")
def test_codes_count_against_the_address_as_passwords_do(people: People) -> None:
    set_up_app(people.viewer())
    vera = halfway(people)  # one sign-in
    answers = [vera.post_form(VERIFY, code="000000").status_code for _ in range(5)]
    assert answers == [401] * 4 + [429]


@on_both_databases
def test_a_recovery_code_opens_once(people: People) -> None:
    _, codes = set_up_app(people.viewer())
    _, foreign = set_up_app(people.viewer("otto"))
    assert len(set(codes)) == 10 and not set(codes) & set(foreign)
    assert len(ALPHABET) ** (GROUPS * GROUP) >= 2**50
    vera = halfway(people)
    assert vera.post_form(VERIFY, code=foreign[0]).status_code == 401
    assert vera.post_form(VERIFY, code=codes[3]).status_code == 302
    assert "used up: 9 left" in vera.get("/").text
    assert halfway(people).post_form(VERIFY, code=codes[3]).status_code == 401
    assert halfway(people).post_form(VERIFY, code=f"  {codes[4].upper().replace('-', ' ')}").status_code == 302
    assert [event.details for event in events("two_factor.recovery_used")] == [{"left": 9}, {"left": 8}]
    assert events("login.succeeded")[-1].details == {"how": "password+recovery"}


@on_both_databases
def test_neither_key_nor_codes_stand_in_the_database(people: People) -> None:
    phone, codes = set_up_app(people.viewer())
    stored = str(everything()).lower()
    assert "otpauth" not in stored and phone.key.lower() not in stored
    for code in codes:
        assert code not in stored and code.replace("-", "") not in stored
        assert code.encode().hex() not in stored and code.replace("-", "").encode().hex() not in stored
    assert len(set(db.session.scalars(select(RecoveryCode.code_hash)))) == 10


@on_both_databases
def test_a_secret_moved_into_another_row_opens_nothing_and_the_factor_stays_asked_for(
    people: People, clock: Clock
) -> None:
    """Whoever may write to the database copies the secret of a phone they hold onto the victim's account."""
    mallory, _ = set_up_app(people.viewer("mallory"))
    _, codes = set_up_app(people.viewer())
    source = db.session.get_one(Totp, account("mallory").id).secret_sealed
    db.session.execute(update(Totp).where(Totp.account_id == account("vera").id).values(secret_sealed=source))
    db.session.commit()
    later(clock)
    vera = halfway(people)
    assert vera.post_form(VERIFY, code=mallory.code()).status_code == 401
    [event] = events("login.second_factor_failed")
    assert event.details == {"why": "sealed secret not verified"}
    assert vera.post_form(VERIFY, code=codes[0]).status_code == 302, "recovery codes still do"
    assert halfway(people, "mallory").post_form(VERIFY, code=mallory.code()).status_code == 302


def test_five_minutes_after_the_password_it_is_asked_for_again(people: People, clock: Clock) -> None:
    phone, _ = set_up_app(people.viewer())
    in_time, late = halfway(people), halfway(people)
    later(clock, 4.9 * MINUTE)
    assert in_time.post_form(VERIFY, code=phone.code()).status_code == 302
    later(clock, 0.2 * MINUTE)
    assert late.get(VERIFY).location == "/login"
    assert late.post(VERIFY, on="/login", code=phone.code()).location == "/login"
    assert not late.signed_in


def test_a_changed_password_a_shut_account_and_a_reset_end_what_was_halfway(people: People, clock: Clock) -> None:
    for name, command in {"vera": "reset-password", "otto": "disable", "rita": "reset-two-factor"}.items():
        phone, _ = set_up_app(people.viewer(name))
        later(clock)
        person = halfway(people, name)
        assert person.get(VERIFY).status_code == 200
        done = people.app.test_cli_runner().invoke(args=["users", command, name])
        assert done.exit_code == 0, done.output
        assert person.post(VERIFY, on="/login", code=phone.code()).location == "/login", command
        assert not person.signed_in, command


@pytest.mark.parametrize("command", ["reset-password", "disable"])
def test_what_changes_between_the_right_code_and_the_session_counts(
    people: People, clock: Clock, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    phone, _ = set_up_app(people.viewer())
    later(clock)
    vera, open_session = halfway(people), sign_in.open_session

    def late(*arguments: Any) -> Any:
        monkeypatch.undo()
        db.session.commit()  # another process does it: not inside this one's transaction
        assert people.app.test_cli_runner().invoke(args=["users", command, "vera"]).exit_code == 0
        return open_session(*arguments)

    monkeypatch.setattr(sign_in, "open_session", late)
    assert vera.post_form(VERIFY, code=phone.code()).location == "/login"
    assert not vera.signed_in
    assert vera.get(VERIFY).location == "/login", "nothing is left of being halfway in"


def test_nobody_skips_the_password_with_the_key_that_signs_cookies(people: People, app: Flask, clock: Clock) -> None:
    """SECRET_KEY alone impersonates nobody: what stands for the password in the cookie hangs on a data key."""
    phone, _ = set_up_app(people.viewer())
    later(clock)
    honest = half_signed_in.remember(account("vera"), "/")
    thief = people.visitor()
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signer
    forgeries: tuple[object, ...] = (
        {**honest, "proof": ""},
        {**honest, "proof": "0" * 64},
        {**honest, "at": honest["at"] + 1},
        {**honest, "account": 999},
        {"account": account("vera").id, "at": now().timestamp(), "then": "/"},
        {},
        [],
        "x",
        None,
    )
    for forged in forgeries:
        thief.cookie = str(signer.dumps({half_signed_in.KEY: forged}))
        assert thief.get(VERIFY).location == "/login", forged
    thief.cookie = str(signer.dumps({half_signed_in.KEY: honest}))
    assert thief.get(VERIFY).status_code == 200, "or else this test shows nothing"


def test_a_cookie_from_halfway_is_worth_nothing_inside(people: People, clock: Clock) -> None:
    phone, _ = set_up_app(people.viewer())
    later(clock)
    vera = halfway(people)
    kept = vera.cookie
    vera.post_form(VERIFY, code=phone.code())
    thief = people.visitor()
    thief.cookie = kept
    assert not thief.signed_in
    assert thief.post_form(VERIFY, code=phone.code()).status_code == 401


def test_a_generated_password_is_changed_after_the_second_factor_not_before(people: People, clock: Clock) -> None:
    phone, _ = set_up_app(people.viewer())
    said = people.app.test_cli_runner().invoke(args=["users", "reset-password", "vera"]).output
    password = re.findall(r"^Sign-in: vera / (\S{16})$", said, re.MULTILINE)[0]
    later(clock)
    vera = people.visitor()
    assert vera.post_form("/login", username="vera", password=password).location == VERIFY
    assert vera.get("/account/password").location.startswith("/login")
    assert vera.post_form(VERIFY, code=phone.code()).location == "/account/password"


@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_the_second_step_leads_nowhere_else(people: People, clock: Clock, path: str) -> None:
    phone, _ = set_up_app(people.viewer())
    later(clock)
    assert halfway(people, next=path).post_form(VERIFY, code=phone.code()).location == "/"


@on_both_databases
def test_switching_it_on_or_off_ends_every_other_session_and_tells_the_sockets(people: People, clock: Clock) -> None:
    vera, elsewhere, otto = people.viewer(), people.visitor().sign_in("vera"), people.viewer("otto")
    phone, _ = set_up_app(vera)
    assert (vera.signed_in, elsewhere.signed_in, otto.signed_in) == (True, False, True)
    later(clock)
    elsewhere = halfway(people)
    assert elsewhere.post_form(VERIFY, code=phone.code()).status_code == 302
    vera.post_form(f"{PAGE}/app/remove", on=PAGE)
    assert (vera.signed_in, elsewhere.signed_in, otto.signed_in) == (True, False, True)
    assert people.visitor().sign_in("vera").signed_in, "the password is enough again"
    user_id = account("vera").id
    told = list(db.session.execute(select(Announcement.kind, Announcement.reason, Announcement.account_id)))
    assert set(told) == {("account_changed", "", user_id), ("session_ended", "revoked", user_id)}
    assert [event.event for event in events() if event.event.startswith("two_factor")] == [
        "two_factor.app_added",
        "two_factor.enabled",
        "two_factor.app_removed",
        "two_factor.disabled",
    ]
    assert not db.session.scalars(select(RecoveryCode)).all(), "codes without a factor would be a second password"


def test_a_lock_at_the_second_step_can_be_lifted(people: People, clock: Clock) -> None:
    phone, _ = set_up_app(people.viewer())
    vera = halfway(people)
    for _ in range(5):
        vera.post_form(VERIFY, code="000000")
    assert lockout.locked_until(account("vera").id)
    people.app.test_cli_runner().invoke(args=["users", "unlock", "vera"])
    later(clock)
    assert vera.post_form(VERIFY, code=phone.code()).status_code == 302


# --- admins -----------------------------------------------------------------------------------------------------------


def test_an_admin_without_one_is_told_on_every_admin_page_and_nobody_else_is(people: People) -> None:
    ada, vera = people.admin(), people.viewer()
    words = "Your password alone opens these pages"
    assert words in ada.get("/admin/").text and words in ada.get("/admin/applications").text
    assert words not in ada.get("/").text and words not in vera.get("/").text
    set_up_app(ada)
    assert words not in ada.get("/admin/").text


@pytest.mark.settings(REQUIRE_ADMIN_TWO_FACTOR="true")
def test_where_it_is_a_must_an_admin_reaches_nothing_before(people: People) -> None:
    ada, vera = people.admin(), people.viewer()
    for path in ("/", "/admin/", "/admin/applications", "/account/sessions", "/security", "/apply"):
        assert ada.get(path).location == PAGE, path
    assert ada.post("/admin/applications/1/approve", on=PAGE).location == PAGE
    for path in (PAGE, "/account/password", "/account/confirm", "/healthz"):
        assert ada.get(path).status_code == 200, path
    assert ada.get("/static/css/tokens.css").status_code == 200
    assert "no other page opens" in ada.get(PAGE).text
    assert vera.get("/").status_code == 200
    set_up_app(ada)
    assert ada.get("/admin/").status_code == 200
    ada.post_form(f"{PAGE}/app/remove", on=PAGE)
    assert ada.get("/admin/").location == PAGE
    ada.post_form("/logout", on=PAGE)
    assert not ada.signed_in

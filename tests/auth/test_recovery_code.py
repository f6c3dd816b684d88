"""The way back for people without mail: a code given once, which sets a new password once."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from app.auth import lockout
from app.auth import password as passwords
from app.auth.account_recovery import ALPHABET, AccountRecovery
from app.auth.announcement import Announcement
from app.auth.totp import Totp
from app.auth.user import User
from app.clock import now
from app.extensions import db
from tests.people import PASSWORD, People, Person
from tests.postgres import on_both_databases
from tests.tables import events, everything

NEW = "another lamp beside the river"
CODE = re.compile(r'id="recovery-code">([^<]+)<')


def register(person: Person, name: str = "vera", **more: str) -> str:
    """Register, and return where that leads."""
    answer = person.post_form("/register", username=name, password=PASSWORD, confirm_password=PASSWORD, **more)
    assert answer.status_code == 302
    return str(answer.location)


def given_code(person: Person, name: str = "vera") -> str:
    """Register, and read the code."""
    return shown(person.get(register(person, name)).text)


def shown(page: str) -> str:
    """The code on a page."""
    [code] = CODE.findall(page)
    return str(code)


def set_anew(person: Person, code: str, name: str = "vera", password: str = NEW) -> tuple[int, str]:
    """Fill in and send the form of somebody who forgot; the status and the page."""
    fields = {"username": name, "recovery_code": code, "new_password": password, "confirm_password": password}
    answer = person.post_form("/forgot", **fields)
    return answer.status_code, answer.text


@on_both_databases
def test_who_registers_gets_a_code_that_sets_a_new_password_once(people: People) -> None:
    code = given_code(people.visitor())
    late = people.visitor()
    status, page = set_anew(late, code)
    assert status == 200
    assert "Your password is set, <bdi>vera</bdi>" in page
    assert not late.signed_in, "signing in is the next step: a second factor must not be passed by"
    assert people.visitor().sign_in("vera", NEW).signed_in
    assert set_anew(people.visitor(), code)[0] == 401, "the code is spent"
    successor = shown(page)
    assert successor != code
    assert set_anew(people.visitor(), successor, password=PASSWORD)[0] == 200


def test_the_code_has_98_bits_in_groups_that_are_easy_to_copy(people: People) -> None:
    code = given_code(people.visitor())
    assert re.fullmatch(rf"([{ALPHABET}]{{4}}-){{4}}[{ALPHABET}]{{4}}", code)
    assert len(ALPHABET) ** 20 > 2**98
    assert not set(ALPHABET) & set("01OILU")


@pytest.mark.parametrize("typed", [str.lower, lambda code: code.replace("-", ""), lambda code: f"  {code} \n"])
def test_a_code_may_be_typed_as_people_type(people: People, typed: object) -> None:
    assert callable(typed)
    code = given_code(people.visitor())
    assert set_anew(people.visitor(), typed(code))[0] == 200


def test_the_code_is_shown_once_and_stands_nowhere(people: People) -> None:
    vera = people.visitor()
    where = register(vera, next="/security")
    assert where == "/account/recovery-code?next=/security"
    before = vera.cookie
    page = vera.get(where).text
    code = shown(page)
    assert 'href="/security">I have it, go on' in page
    assert vera.get(where).location == "/account/password", "once"
    assert code not in str(everything())
    assert code.replace("-", "") not in str(everything()).upper()
    assert code not in before
    other = people.visitor()
    register(other, "bert")
    other.cookie = vera.cookie
    assert other.get("/account/recovery-code").status_code == 302, "a ticket is for its own account"


def test_the_page_of_the_code_is_no_trap(people: People) -> None:
    vera = people.visitor()
    register(vera)
    for path in ("/", "/account/sessions", "/apply", "/security"):
        assert vera.get(path).status_code == 200
    assert shown(vera.get("/account/recovery-code").text), "and it is still there"


def test_an_address_elsewhere_is_not_gone_on_to(people: People) -> None:
    vera = people.visitor()
    page = vera.get(register(vera, next="https://evil.example/")).text
    assert "evil.example" not in page


@on_both_databases
def test_a_new_code_ends_the_former_one(people: People) -> None:
    vera = people.visitor()
    former = given_code(vera)
    assert "Make a new recovery code" in vera.get("/account/password").text
    page = vera.post_form("/account/recovery-code/renew", on="/account/password").text
    assert set_anew(people.visitor(), former)[0] == 401
    assert set_anew(people.visitor(), shown(page))[0] == 200
    assert len(events("recovery.code_renewed")) == 1


def test_a_new_code_takes_the_password_again_after_a_while(people: People, clock: object) -> None:
    vera = people.viewer()
    assert "No code yet" in vera.get("/account/password").text
    clock.offset_seconds = 6 * 60  # type: ignore[attr-defined]  # the fixture of conftest.py
    answer = vera.post_form("/account/recovery-code/renew", on="/account/password")
    assert answer.location.startswith("/account/confirm")
    assert AccountRecovery.of(named("vera")) is None


def test_setting_it_anew_signs_everybody_out_and_says_so(people: People) -> None:
    vera = people.visitor()
    code = given_code(vera)
    elsewhere = people.visitor().sign_in("vera")
    set_anew(people.visitor(), code)
    assert not vera.signed_in
    assert not elsewhere.signed_in
    assert {row.reason for row in db.session.scalars(select(Announcement)) if row.kind == "session_ended"} == {
        "password_changed"
    }
    [event] = events("recovery.used")
    assert (event.actor_name, event.target_name) == ("vera", "vera")
    with pytest.raises(AssertionError):
        people.visitor().sign_in("vera")


def test_the_second_factor_is_still_asked_for(people: People) -> None:
    code = given_code(people.visitor())
    app = Totp.begin(named("vera").id)
    app.confirmed_at = now()
    db.session.commit()
    assert set_anew(people.visitor(), code)[0] == 200
    vera = people.visitor()
    assert vera.post_form("/login", username="vera", password=NEW).location == "/login/verify"
    assert not vera.signed_in


@on_both_databases
def test_a_wrong_code_an_unknown_name_and_a_shut_account_are_answered_alike(people: People) -> None:
    code = given_code(people.visitor())
    given_code(people.visitor(), "bert")
    named("bert").disable()
    db.session.commit()
    people.account("clara")  # has no code
    pages = []
    for name, tried in (
        ("vera", "AAAA-BBBB-CCCC-DDDD-EEEE"),
        ("nobody", code),
        ("bert", code),
        ("clara", code),
        ("vera", "no code at all"),
    ):
        status, page = set_anew(people.visitor(), tried, name)
        assert status == 401
        said = re.sub(r'name="csrf_token" value="[^"]+"', "", page).replace(html.escape(tried), "").replace(name, "")
        pages.append(said)
    assert len(set(pages)) == 1
    assert len(events("recovery.refused")) == 5
    assert people.visitor().sign_in("vera").signed_in


def test_known_name_or_not_the_same_work_is_done(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """How long an answer takes must not tell."""
    given_code(people.visitor())
    worked: list[str] = []
    run = passwords.hashing.run

    def watched(work: Callable[..., Any], *given: Any) -> Any:
        worked.append(work.__name__)
        return run(work, *given)

    monkeypatch.setattr(passwords.hashing, "run", watched)
    for name in ("vera", "nobody"):
        worked.clear()
        status, _ = set_anew(people.visitor(), "AAAA-BBBB-CCCC-DDDD-EEEE", name)
        assert (status, worked) == (401, ["hashpw"]), name


@on_both_databases
@pytest.mark.settings(LOCKOUT_FAILURES="3")
def test_after_a_few_wrong_codes_the_right_one_waits_and_signing_in_does_not(people: People) -> None:
    code = given_code(people.visitor())
    for _ in range(3):
        set_anew(people.visitor(), "AAAA-BBBB-CCCC-DDDD-EEEE")
    assert set_anew(people.visitor(), code)[0] == 401
    assert people.visitor().sign_in("vera").signed_in
    lockout.forget(named("vera").id)
    db.session.commit()
    assert set_anew(people.visitor(), code)[0] == 200


@on_both_databases
@pytest.mark.settings(LOCKOUT_FAILURES="5")
def test_strangers_do_not_lock_the_owner_out_of_a_browser_that_signed_in_before(people: People) -> None:
    vera = people.visitor()
    code = given_code(vera)
    vera.post_form("/logout", on="/")
    vera.sign_in("vera").post_form("/logout", on="/")
    stranger = people.visitor()
    for _ in range(5):
        assert set_anew(stranger, "AAAA-AAAA-AAAA-AAAA-AAAA")[0] == 401
    assert set_anew(stranger, code)[0] == 401, "strangers are locked out, whatever they type"
    assert set_anew(vera, code)[0] == 200


def test_twenty_guesses_at_once_get_five_tries(people: People) -> None:
    given_code(people.visitor())
    guessers = [people.visitor() for _ in range(20)]
    for guesser in guessers:
        guesser.get("/forgot")
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda guesser: set_anew(guesser, "AAAA-BBBB-CCCC-DDDD-EEEE"), guessers))
    counted = [event.details["locked"] for event in events("recovery.refused") if event.details]
    assert (counted.count(False), counted.count(True)) == (5, 15)


@on_both_databases
def test_of_two_who_use_one_code_at_once_one_gets_in(people: People) -> None:
    code = given_code(people.visitor())
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda person: set_anew(person, code)[0], [people.visitor() for _ in range(4)]))
    assert sorted(answers) == [200, 401, 401, 401]


@pytest.mark.settings(RATELIMIT_LOGIN="3 per 5 minutes")
def test_one_address_may_not_try_all_day(people: People) -> None:
    guesser = people.visitor()
    assert [set_anew(guesser, "x", "nobody")[0] for _ in range(4)] == [401, 401, 401, 429]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"username": ""}, "Type your user name."),
        ({"recovery_code": ""}, "Type the recovery code."),
        ({"new_password": "short", "confirm_password": "short"}, "Use at least 12 characters."),
        ({"new_password": "vera and her lamp", "confirm_password": "vera and her lamp"}, "must not contain your name"),
        ({"confirm_password": "something else again"}, "The two passwords differ."),
        ({"recovery_code": "x" * 2000}, "That is no recovery code."),
    ],
)
def test_a_mistake_is_named_beside_its_field_and_costs_neither_the_code_nor_what_was_typed(
    people: People, fields: dict[str, str], words: str
) -> None:
    code = given_code(people.visitor())
    sent = {"username": "vera", "recovery_code": code, "new_password": NEW, "confirm_password": NEW, **fields}
    answer = people.visitor().post_form("/forgot", **sent)
    assert answer.status_code == 400
    assert words in html.unescape(answer.text)
    assert NEW not in answer.text
    if sent["username"] and sent["recovery_code"] == code:
        assert f'value="{code}"' in answer.text and 'value="vera"' in answer.text
    assert set_anew(people.visitor(), code)[0] == 200


def test_who_has_no_code_is_told_whom_to_ask_and_who_is_signed_in_is_sent_on(people: People) -> None:
    assert "An admin can make a private link" in people.visitor().get("/forgot").text
    assert 'href="/forgot"' in people.visitor().get("/login").text
    assert people.viewer("bert").get("/forgot").location == "/"


def named(name: str) -> User:
    """The account as it stands in the database now."""
    db.session.rollback()
    user = User.named(name)
    assert user
    return user

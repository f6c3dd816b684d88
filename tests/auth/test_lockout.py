"""Lockout: a few wrong passwords close an account to guessing, for a while, and to nobody who is inside already."""

from __future__ import annotations

import sqlite3
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from app.auth import lockout
from app.auth.lockout import SignInTries
from app.clock import Clock
from app.extensions import db
from tests.conftest import NewVisitor
from tests.people import PASSWORD, People
from tests.postgres import on_both_databases
from tests.streamzy_server import StreamzyServer
from tests.tables import events

WRONG = "not the password at all"
MINUTE = 60


def guess(people: People, name: str, password: str = WRONG, times: int = 1) -> list[int]:
    """Try a password from a browser of its own; the statuses."""
    return [people.visitor().post_form("/login", username=name, password=password).status_code for _ in range(times)]


@on_both_databases
def test_the_sixth_try_is_refused_even_with_the_right_password(people: People) -> None:
    people.account("vera")
    people.account("otto")
    assert guess(people, "vera", times=5) == [401] * 5
    assert guess(people, "vera", PASSWORD) == [401]
    assert [event.event for event in events()][-2:] == ["login.locked", "login.refused"]
    assert guess(people, "otto", PASSWORD) == [302], "one account is locked, not the house"


@on_both_databases
def test_four_wrong_passwords_lock_nobody_out(people: People) -> None:
    people.account("vera")
    assert guess(people, "vera", times=4) == [401] * 4
    assert guess(people, "vera", PASSWORD) == [302]
    assert guess(people, "vera", times=4) == [401] * 4, "the right password started the count anew"
    assert guess(people, "vera", PASSWORD) == [302]
    assert not events("login.locked")


@on_both_databases
def test_a_lock_ends_after_fifteen_minutes_and_not_before(people: People, clock: Clock) -> None:
    people.account("vera")
    guess(people, "vera", times=5)
    clock.offset_seconds = 14.9 * MINUTE
    assert guess(people, "vera", PASSWORD) == [401]
    clock.offset_seconds = 15.1 * MINUTE
    assert guess(people, "vera", PASSWORD) == [302]


@on_both_databases
def test_a_clock_that_is_set_neither_keeps_a_lock_for_a_day_nor_opens_more_than_its_own(
    people: People, clock: Clock
) -> None:
    people.account("vera")
    clock.offset_seconds = 24 * 60 * MINUTE
    assert guess(people, "vera", times=5) == [401] * 5
    clock.offset_seconds = 0
    assert guess(people, "vera", times=4) == [401] * 4
    assert guess(people, "vera", PASSWORD) == [302], "tries are counted anew"
    assert guess(people, "vera", times=5) == [401] * 5
    assert guess(people, "vera", PASSWORD) == [401], "and lock as ever"


@on_both_databases
def test_a_try_that_looked_at_the_clock_before_the_lock_began_does_not_open_it(people: People, clock: Clock) -> None:
    people.account("vera")
    guess(people, "vera", times=5)
    clock.offset_seconds = -MINUTE  # it waited for its turn to be counted, as one of many at once
    assert guess(people, "vera", PASSWORD) == [401]
    assert [event.event for event in events()][-1] == "login.refused"


@on_both_databases
def test_guessing_on_does_not_prolong_a_lock(people: People, clock: Clock) -> None:
    """Else anybody could keep anybody out for ever with one request a quarter of an hour."""
    people.account("vera")
    guess(people, "vera", times=5)
    for minute in (5, 10, 14.9):
        clock.offset_seconds = minute * MINUTE
        assert guess(people, "vera") == [401]
    clock.offset_seconds = 15.1 * MINUTE
    assert guess(people, "vera", PASSWORD) == [302]


def test_after_a_lock_there_are_five_tries_again_not_one(people: People, clock: Clock) -> None:
    vera = people.account("vera")
    guess(people, "vera", times=5)
    clock.offset_seconds = 15.1 * MINUTE
    assert guess(people, "vera", times=4) == [401] * 4
    assert lockout.locked_until(vera.id) is None
    assert guess(people, "vera") == [401]
    assert lockout.locked_until(vera.id) is not None


def test_failures_that_lie_long_apart_do_not_add_up(people: People, clock: Clock) -> None:
    vera = people.account("vera")
    for number in range(8):
        clock.offset_seconds = number * 15.1 * MINUTE
        guess(people, "vera")
    assert lockout.locked_until(vera.id) is None
    assert guess(people, "vera", PASSWORD) == [302]


def test_who_is_signed_in_already_is_not_disturbed(people: People) -> None:
    """Lockout as a weapon: a stranger's guesses close no open session."""
    ada = people.admin()
    guess(people, "ada", times=6)
    assert guess(people, "ada", PASSWORD) == [401], "ada must be locked for this test to mean anything"
    assert ada.signed_in
    assert "ada is locked" in ada.get("/admin/").text


@on_both_databases
def test_strangers_do_not_lock_the_owner_out_of_a_browser_that_signed_in_before(people: People) -> None:
    vera = people.viewer()
    vera.post_form("/logout", on="/")
    guess(people, "vera", times=6)
    assert guess(people, "vera", PASSWORD) == [401], "vera must be locked elsewhere for this test to mean anything"
    assert vera.post_form("/login", username="vera", password=PASSWORD).status_code == 302
    assert guess(people, "vera", PASSWORD) == [401], "and that opens it for nobody else"


def test_a_known_browser_has_five_tries_of_its_own_and_no_more(people: People) -> None:
    vera = people.viewer()
    vera.post_form("/logout", on="/")
    tries = [vera.post_form("/login", username="vera", password=WRONG).status_code for _ in range(5)]
    assert tries == [401] * 5
    assert vera.post_form("/login", username="vera", password=PASSWORD).status_code == 401
    assert guess(people, "vera", PASSWORD) == [302], "a stolen device locks out itself"


def test_a_device_is_known_for_the_account_that_signed_in_there_and_for_no_other(people: People) -> None:
    otto = people.viewer("otto")
    otto.post_form("/logout", on="/")
    people.account("vera")
    guess(people, "vera", times=5)
    assert otto.post_form("/login", username="vera", password=PASSWORD).status_code == 401
    device = otto.client.get_cookie("device")
    assert device is not None
    for forged in ("", "x", device.value.replace("1.", "2.", 1), "2.abc.def", "2..", "/" * 500, "\u00e9.\u00e9.\u00e9"):
        guesser = people.visitor()
        guesser.client.set_cookie("device", forged)
        assert guesser.post_form("/login", username="vera", password=PASSWORD).status_code == 401


def test_one_browser_may_be_known_to_several_accounts(people: People) -> None:
    browser = people.viewer("vera")
    browser.post_form("/logout", on="/")
    people.account("otto")
    browser.sign_in("otto").post_form("/logout", on="/")
    for name in ("vera", "otto"):
        guess(people, name, times=5)
        assert guess(people, name, PASSWORD) == [401]
        browser.sign_in(name).post_form("/logout", on="/")


def test_an_operator_ends_a_lock(people: People) -> None:
    people.account("vera")
    guess(people, "vera", times=5)
    assert guess(people, "vera", PASSWORD) == [401]
    done = people.app.test_cli_runner().invoke(args=["users", "unlock", "vera"])
    assert done.exit_code == 0, done.output
    assert guess(people, "vera", PASSWORD) == [302]
    assert events("account.unlocked")


@pytest.mark.settings(LOCKOUT_FAILURES="2", LOCKOUT_MINUTES="3")
def test_an_operator_may_choose_other_numbers(people: People, clock: Clock) -> None:
    people.account("vera")
    assert "after 3 minutes" in people.visitor().post_form("/login", username="vera", password=WRONG).text
    assert guess(people, "vera") == [401]
    assert guess(people, "vera", PASSWORD) == [401]
    clock.offset_seconds = 3.1 * MINUTE
    assert guess(people, "vera", PASSWORD) == [302]


def test_a_name_that_is_nobodys_is_not_counted(people: People) -> None:
    """Else a flood of invented names would fill the table."""
    guess(people, "nobody", times=7)
    assert not db.session.scalars(db.select(SignInTries)).all()
    assert [event.event for event in events()] == ["login.failed"] * 7


def test_a_crowd_of_guesses_sent_at_once_gets_five_tries(server: StreamzyServer, new_visitor: NewVisitor) -> None:
    """The race: fifty guesses that all read "four failures so far" before any of them is counted."""
    name = f"crowd-{uuid.uuid4().hex[:8]}"
    new_visitor().register(name, PASSWORD)
    crowd = [new_visitor() for _ in range(50)]
    tokens = [guesser.csrf_token("/login") for guesser in crowd]

    def send(number: int) -> int:
        form = {"csrf_token": tokens[number], "username": name, "password": f"guess number {number}"}
        return crowd[number].http.post(f"{server.url}/login", data=form, timeout=60).status_code

    with ThreadPoolExecutor(25) as pool:  # fewer at once than may wait for the hashing thread
        assert set(pool.map(send, range(50))) == {401}
    late = new_visitor().post_form("/login", username=name, password=PASSWORD)
    assert late.status_code == 401, "the right password comes too late"
    with closing(sqlite3.connect(server.folder / "streamzy.db")) as database:
        rows = database.execute("SELECT event FROM audit_event WHERE target_name = ? AND event LIKE 'login.%'", (name,))
        happened = Counter(event for (event,) in rows)
    assert happened == {"login.failed": 5, "login.locked": 1, "login.refused": 46}  # refused: not compared at all

"""Passwords: what may be chosen, what is generated, and that a password is verified exactly as it was given."""

from __future__ import annotations

import re
import string
import time
from typing import Any

import bcrypt
import pytest
from flask import Flask

from app.auth import password as passwords
from app.auth.forms import SignInForm
from app.auth.password import PasswordRefused
from app.auth.user import User
from app.extensions import db
from tests.people import PASSWORD, People
from tests.postgres import on_both_databases

SYMBOLS = re.escape(passwords.SYMBOLS)

# Combining marks: what a keyboard composes (NFC) and what it spells out (NFD) is the same password.
COMPOSED, SPELT_OUT = "caf\u00e9 au lait \u00e0 Paris", "cafe\u0301 au lait a\u0300 Paris"

SEVENTY_TWO = "a lamp beside the harbour wall keeps watch while the grey ferry is under"
EIGHTEEN_EMOJI = "".join(chr(0x1F40C + 17 * step % 97 + step) for step in range(18))


@pytest.fixture(scope="module")
def generated() -> list[str]:
    """Ten thousand generated passwords."""
    return [passwords.generate() for _ in range(10_000)]


def refused_by_no_check(app: Flask, generated: list[str]) -> None:
    """Take each password through the rules for a new one and through the sign-in form."""
    with app.test_request_context("/login", method="POST"):
        form = SignInForm(meta={"csrf": False})
        for password in generated:
            passwords.check(password, "stella")
            form.process(formdata=None, data={"username": "stella", "password": password})
            form.password.raw_data = [password]
            form.username.raw_data = ["stella"]
            assert form.validate(), form.errors
            assert form.password.data == password


def test_generated_passwords_have_sixteen_characters_of_all_four_types(generated: list[str]) -> None:
    for password in generated:
        assert len(password) == 16
        for kind in ("[a-z]", "[A-Z]", "[2-9]", f"[{SYMBOLS}]"):
            assert re.search(kind, password), (kind, password)


def test_generated_passwords_hold_nothing_that_is_misread_or_spoilt_by_copying(generated: list[str]) -> None:
    assert not set("".join(generated)) & set("0O1lI \t'\"`\\$&<>")
    assert set("".join(generated)) <= set(string.printable)


def test_generated_passwords_are_never_the_same_and_use_every_character_everywhere(generated: list[str]) -> None:
    assert len(set(generated)) == len(generated)
    alphabet = set(passwords.LOWER + passwords.UPPER + passwords.DIGITS + passwords.SYMBOLS)
    for position in range(16):  # a fixed place for the four types would show here
        assert {password[position] for password in generated} == alphabet


def test_generated_passwords_pass_every_check_on_their_way_in(app: Flask, generated: list[str]) -> None:
    refused_by_no_check(app, generated[:300])  # all ten thousand: tests/prove/test_generated_passwords.py


def test_one_password_has_another_hash_each_time() -> None:
    assert passwords.hash_password(PASSWORD, 4) != passwords.hash_password(PASSWORD, 4)


@pytest.mark.parametrize(
    ("password", "accepted"),
    [
        ("gut-Xv7qLmz", False),  # 11 characters
        ("gut-Xv7qLmzw", True),  # 12
        (SEVENTY_TWO[:64], True),
        (SEVENTY_TWO, True),
        (SEVENTY_TWO + "x", False),  # 73 bytes
        (EIGHTEEN_EMOJI, True),  # 72 bytes
        (EIGHTEEN_EMOJI + "\U0001f600", False),
        ("\u043b\u0430\u043c\u043f\u0430 " * 2 + "\u0433\u043e\u0440\u043e\u0434 \u0432\u0435\u0442\u0435\u0440", True),
        ("            ", False),  # one character, repeated
        ("four words make one", True),  # no rules about capitals, digits and symbols
        ("only-small-letters", True),
        ("1234567890123", False),  # a row of keys
        ("abcdefghijkl", False),  # a row of letters
        ("password1234", False),
        ("Passw0rd!Passw0rd!", False),  # all kinds of characters, and the first that is tried
        ("correcthorsebatterystaple", True),
        ("abcd" * 16, False),
        ("abcdefghijk\0", False),
        ("x" * 1_000_000, False),
    ],
)
def test_what_may_be_chosen(password: str, accepted: bool) -> None:
    if accepted:
        passwords.check(password)
        assert passwords.matches(password, passwords.hash_password(password, 4), 4)
    else:
        with pytest.raises(PasswordRefused):
            passwords.check(password)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("password1234", "It is easy to guess."),
        ("qwertyuiop[]", "Straight rows of keys"),
        ("abcdefghijkl", "Sequences like"),
        ("abcabcabcabc", "Repeats like"),
        ("streamzystreamzy", "It is easy to guess."),
        ("1234567890!@#$%^&*()", "It is easy to guess."),
    ],
)
def test_a_password_that_is_soon_guessed_is_refused_with_the_reason(password: str, why: str) -> None:
    with pytest.raises(PasswordRefused, match=re.escape(why)):
        passwords.check(password)


@pytest.mark.parametrize("weak", ["a" * 30, "abcd" * 10, "password" * 5])
def test_a_strong_end_makes_up_for_a_weak_beginning(weak: str) -> None:
    with pytest.raises(PasswordRefused):
        passwords.check(weak)
    passwords.check(weak + " grey ferry lamp")
    passwords.check("grey ferry lamp " + weak)


DISGUISES = "4@8({[<369&#!1/|0$5+7%2"


@pytest.mark.parametrize(
    "password",
    [
        (DISGUISES * 4)[:72],
        DISGUISES[::-1] + DISGUISES,
        "17|" * 24,
        "p@$$w0rd" * 9,
        "1.1.2001" * 9,
        "x" * 1_000_000,
        "\u0130" * 36,
        "".join(chr(0x4E00 + number) for number in range(24)),
    ],
)
def test_judging_a_password_never_keeps_anybody_waiting(password: str) -> None:
    """The judge's work grows with the square of the length, and faster with disguised letters: 72 took seconds."""
    began = time.process_time()
    try:
        passwords.check(password)
    except PasswordRefused:
        pass
    assert time.process_time() - began < 0.25


@pytest.mark.settings(PASSWORD_MIN_LENGTH="20")
def test_an_operator_may_ask_for_longer_ones(people: People) -> None:
    visitor = people.visitor()
    assert "20 characters or more" in visitor.get("/register").text
    fields = {"username": "vera", "password": PASSWORD, "confirm_password": PASSWORD}
    answer = visitor.post_form("/register", **fields)
    assert (answer.status_code, "Use at least 20 characters." in answer.text) == (400, True)
    longer = PASSWORD + " of them"
    assert visitor.post_form("/register", username="vera", password=longer, confirm_password=longer).status_code == 302


@pytest.mark.settings(PASSWORD_MIN_LENGTH="8")
def test_an_operator_may_ask_for_shorter_ones_but_not_for_weak_ones(people: People) -> None:
    for password, status in (("kF7!qLmz9", 302), ("password", 400), ("kF7!qLm", 400)):
        fields = {"username": f"vera-{len(password)}{status}", "password": password, "confirm_password": password}
        assert people.visitor().post_form("/register", **fields).status_code == status


@pytest.mark.parametrize("path", ["/register", "/forgot"])
def test_the_rules_stand_on_the_form_before_anybody_types(people: People, path: str) -> None:
    page = people.visitor().get(path).text
    assert "12 characters or more" in page
    field = "password" if path == "/register" else "new_password"
    assert f'aria-describedby="{field}-help"' in page


@pytest.mark.parametrize("name", ["vera", "VERA", "vera-1"])
def test_a_password_may_not_hold_its_owners_name(name: str) -> None:
    with pytest.raises(PasswordRefused, match="your name"):
        passwords.check(f"I am Vera-1 and {name}", name)


@pytest.mark.parametrize(
    ("given", "tried"),
    [
        ("Four words make one", "four words make one"),
        ("four words make one", "four words make one "),
        (" four words make one", "four words make one"),
        ("four words make one", "four words make on"),
        ("four words make one", "four words make one\0"),
        ("four words\0make one", "four words"),
        ("abcdefghi" * 8, "abcdefghi" * 8 + "A"),  # what bcrypt would cut off
        ("abcdefghi" * 7 + "abcdefghA", "abcdefghi" * 7 + "abcdefghB"),
        ("four words make one", ""),
    ],
)
def test_nothing_but_the_very_password_matches(given: str, tried: str) -> None:
    hashed = passwords.hash_password(given, 4)
    assert passwords.matches(given, hashed, 4)
    assert not passwords.matches(tried, hashed, 4)


def test_two_long_passwords_with_one_beginning_are_two() -> None:
    """bcrypt reads 72 bytes: cutting instead of refusing would let one open the other's account."""
    beginning = "abcdefghi" * 8
    with pytest.raises(PasswordRefused):
        passwords.check(beginning + "A")
    hashed = bcrypt.hashpw(beginning.encode(), bcrypt.gensalt(4)).decode()  # as if it had been cut
    assert passwords.matches(beginning, hashed, 4)
    assert not passwords.matches(beginning + "A", hashed, 4)


def test_however_a_keyboard_composes_a_letter_it_is_the_same_password() -> None:
    assert COMPOSED != SPELT_OUT
    assert passwords.matches(SPELT_OUT, passwords.hash_password(COMPOSED, 4), 4)


def test_without_a_hash_nothing_matches_and_the_work_is_done_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    work: list[tuple[Any, ...]] = []
    run = passwords.hashing.run

    def watched(*arguments: Any) -> Any:
        work.append(arguments)
        return run(*arguments)

    monkeypatch.setattr(passwords.hashing, "run", watched)
    assert not passwords.matches(PASSWORD, None, 4)
    assert not passwords.matches("x" * 5000, None, 4)
    assert [function for function, *_ in work] == [bcrypt.checkpw] * 2
    assert all(hashed.startswith(b"$2b$04$") for *_, hashed in work), "at the price of a real one"


@on_both_databases
def test_no_password_breaks_signing_in(people: People) -> None:
    people.account("vera")
    guesser = people.visitor()
    form = {"csrf_token": guesser.csrf_token("/login"), "username": "vera"}
    for password in (
        b"\0",
        b"four words make one\0",
        "\U0001f600".encode() * 40,
        b"\xed\xa0\x80" * 6,
        b"x" * 73,
        b"\xff",
    ):
        assert guesser.request("/login", method="POST", data={**form, "password": password}).status_code == 401
    for password, status in ((b"", 400), (b"x" * 1025, 400), (b"x" * 1_000_000, 413)):
        assert guesser.request("/login", method="POST", data={**form, "password": password}).status_code == status
    assert not guesser.signed_in


@on_both_databases
def test_every_accepted_kind_of_password_opens_its_account(people: People) -> None:
    for number, password in enumerate((SEVENTY_TWO, EIGHTEEN_EMOJI, COMPOSED, "  spaces  around  ")):
        fields = {"username": f"person-{number}", "password": password, "confirm_password": password}
        assert people.visitor().post_form("/register", **fields).status_code == 302
        people.visitor().sign_in(f"person-{number}", password)
        assert (
            not people.visitor()
            .post_form("/login", username=f"person-{number}", password=password.strip() + "!")
            .location
        )


@pytest.mark.settings(BCRYPT_ROUNDS="5")
def test_a_hash_of_fewer_rounds_is_renewed_at_the_next_sign_in_and_only_by_the_right_password(people: People) -> None:
    vera = people.account("vera")
    vera.password_hash = weak = passwords.hash_password(PASSWORD, 4)
    db.session.commit()
    people.visitor().post_form("/login", username="vera", password="not the password at all")
    db.session.refresh(vera)
    assert vera.password_hash == weak
    for _ in range(2):
        assert people.visitor().sign_in("vera").signed_in
    db.session.refresh(vera)
    assert vera.password_hash and vera.password_hash.startswith("$2b$05$")


@on_both_databases
def test_the_database_holds_a_bcrypt_hash_and_nothing_else(people: People) -> None:
    people.viewer()
    hashed = db.session.scalars(db.select(User.password_hash)).one()
    assert hashed is not None
    assert re.fullmatch(r"\$2b\$04\$[./A-Za-z0-9]{53}", hashed)
    assert bcrypt.checkpw(PASSWORD.encode(), hashed.encode())


def test_too_many_who_wait_are_told_to_come_back(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    people.account("vera")
    monkeypatch.setattr(passwords.hashing, "waiting", passwords.MOST_WAITING)
    answer = people.visitor().post_form("/login", username="vera", password=PASSWORD)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "10"
    monkeypatch.undo()
    assert people.visitor().sign_in("vera").signed_in

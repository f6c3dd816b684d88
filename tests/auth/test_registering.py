"""Registering: who may, what is refused in whose words, and that a refusal keeps nothing."""

from __future__ import annotations

import pytest

from app.auth.user import User
from app.extensions import db
from tests.people import PASSWORD, People, Person
from tests.postgres import on_both_databases
from tests.tables import events, everything


def register(person: Person, name: str, password: str = PASSWORD, **more: str) -> int:
    """Fill in and send the form; return the status."""
    fields = {"username": name, "password": password, "confirm_password": password, **more}
    return person.post_form("/register", **fields).status_code


@on_both_databases
def test_a_visitor_registers_and_is_signed_in(people: People) -> None:
    vera = people.visitor()
    assert register(vera, "vera") == 302
    assert vera.signed_in
    user = User.named("vera")
    assert user is not None
    assert (user.role, user.must_change_password) == ("viewer", False)
    assert PASSWORD not in str(everything()), "the password stands nowhere in clear"


@on_both_databases
def test_a_name_is_given_once(people: People) -> None:
    register(people.visitor(), "vera")
    before = everything()
    for name in ("vera", "VERA", "Vera"):
        late = people.visitor()
        assert register(late, name) == 409
        assert not late.signed_in
    assert everything() == before


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "Choose a user name."),
        ("ab", "Use 3 to 32 characters."),
        ("a" * 33, "Use 3 to 32 characters."),
        ("a" * 1025, "This name is too long."),
        ("vera vera", "Use letters a to z, digits"),
        ("-vera", "Use letters a to z, digits"),
        ("vera\n", "Use letters a to z, digits"),
        ("véra", "Use letters a to z, digits"),
        ("v\u0435ra", "Use letters a to z, digits"),
        ("<b>vera", "Use letters a to z, digits"),
        ("vera\0", "Use letters a to z, digits"),
        ("admin", "This name is reserved."),
        ("Adm1n", "This name is reserved."),
        ("adrnin", "This name is reserved."),
        ("streamzy", "This name is reserved."),
    ],
)
def test_a_name_that_cannot_be_is_refused_in_words(people: People, name: str, words: str) -> None:
    before = everything()
    vera = people.visitor()
    answer = vera.post_form("/register", username=name, password=PASSWORD, confirm_password=PASSWORD)
    assert answer.status_code == 400
    assert words in answer.text
    assert not vera.signed_in
    assert everything() == before


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("", "Choose a password."),
        ("elevenchars", "Use at least 12 characters."),
        ("x" * 73, "Use at most 72 bytes"),
        ("abababababab", "It is easy to guess. Repeats like"),
        ("I am VERA and I am here", "It must not contain your name."),
    ],
)
def test_a_password_that_keeps_no_rule_is_refused_in_words(people: People, password: str, words: str) -> None:
    before = everything()
    vera = people.visitor()
    answer = vera.post_form("/register", username="vera", password=password, confirm_password=password)
    assert answer.status_code == 400
    assert words in answer.text
    assert not vera.signed_in
    assert everything() == before


def test_a_password_typed_differently_the_second_time_is_refused(people: People) -> None:
    vera = people.visitor()
    answer = vera.post_form("/register", username="vera", password=PASSWORD, confirm_password=PASSWORD + " ")
    assert answer.status_code == 400
    assert "The two passwords differ." in answer.text
    assert 'value="vera"' in answer.text, "what was typed is kept"
    assert PASSWORD not in answer.text
    assert User.named("vera") is None


@pytest.mark.settings(REGISTRATION="closed")
def test_nobody_registers_where_it_is_closed(people: People) -> None:
    vera = people.visitor()
    assert "Registration is closed" in vera.get("/register").text
    assert "/register" not in vera.get("/").text
    fields = {"username": "vera", "password": PASSWORD, "confirm_password": PASSWORD}
    assert vera.post("/register", on="/login", **fields).status_code == 403
    assert User.count() == 0
    people.account("vera")
    assert people.visitor().sign_in("vera").signed_in, "who has an account goes on using it"


@pytest.mark.settings(RATELIMIT_REGISTRATION="2 per hour")
def test_one_address_cannot_fill_the_house(people: People) -> None:
    assert register(people.visitor(), "first-one") == 302
    assert register(people.visitor(), "second-one") == 302
    late = people.visitor()
    answer = late.post_form("/register", username="third-one", password=PASSWORD, confirm_password=PASSWORD)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 3000
    assert User.count() == 2
    assert register(people.visitor(address="127.0.0.2"), "third-one") == 302


def test_a_signed_in_person_is_sent_on(people: People) -> None:
    vera = people.viewer()
    assert vera.get("/register").location == "/"
    assert vera.post("/register", username="second", password=PASSWORD, confirm_password=PASSWORD).location == "/"
    assert User.count() == 1


def test_registering_makes_viewers_whatever_the_form_says(people: People) -> None:
    """Mass assignment: a form may not set what is not on it."""
    vera = people.visitor()
    assert register(vera, "vera", role="admin", is_admin="1", id="99", must_change_password="1") == 302
    user = db.session.scalars(db.select(User)).one()
    assert (user.role, user.must_change_password, user.id) == ("viewer", False, 1)
    assert vera.get("/admin/").status_code == 403


def test_registering_starts_a_session_that_nobody_else_knows(people: People) -> None:
    attacker, vera = people.visitor(), people.visitor()
    attacker.get("/register")
    vera.cookie = attacker.cookie
    register(vera, "vera")
    assert vera.cookie != attacker.cookie
    assert not attacker.signed_in


def test_registering_is_on_record_without_the_password(people: People) -> None:
    register(people.visitor(address="127.0.0.7"), "vera")
    (event,) = events("account.registered")
    assert (event.actor_name, event.target_name, event.ip) == ("vera", "vera", "127.0.0.7")
    assert event.details is None

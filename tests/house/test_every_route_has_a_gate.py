"""Every page says who may open it, and lets in those and nobody else; nothing changes without a form's token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask, url_for
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app.applications.streamer_application import StreamerApplication
from app.auth.permissions import open_to_everyone
from app.auth.session import UserSession
from app.auth.totp import Totp
from app.clock import now
from app.extensions import db
from tests.people import PASSWORD, People, Person
from tests.tables import everything

GATES = {"everyone", "visitors", "half signed in", "signed in", "channel keepers", "admins"}
MAY_PASS = {
    "visitor": {"everyone", "visitors"},
    "halfway": {"everyone", "visitors", "half signed in"},  # the password was right, the second factor is asked for
    "viewer": {"everyone", "signed in"},
    "streamer": {"everyone", "signed in", "channel keepers"},
    "admin": {"everyone", "signed in", "channel keepers", "admins"},
}
# A refused form is on record, and a page that shows personal data is, too: everything else must stand as it stood.
RECORD = ("audit_event", "audit_head")


@dataclass
class House:
    """The app with somebody of each role, and something behind every kind of address."""

    app: Flask
    people: dict[str, Person]
    values: dict[str, dict[str, Any]]

    def pages(self, method: str) -> list[tuple[Rule, str]]:
        """Each route that takes ``method``, with an address at which there is something to find."""
        with self.app.test_request_context():
            return [
                (rule, url_for(rule.endpoint, **self.values.get(rule.endpoint, {}) or self.named(rule)))
                for rule in self.app.url_map.iter_rules()
                if method in (rule.methods or ())
            ]

    def named(self, rule: Rule) -> dict[str, Any]:
        """What stands for the arguments of ``rule``."""
        return {name: self.values["everywhere"][name] for name in rule.arguments}

    def gate_of(self, rule: Rule) -> str | None:
        """Who may open a route."""
        return getattr(self.app.view_functions[rule.endpoint], "gate", None)


@pytest.fixture
def house(app: Flask, people: People) -> House:
    """A house with people in it."""
    cast = {
        "visitor": people.visitor(),
        "halfway": half_signed_in(people, "hanna"),
        "viewer": people.viewer(),
        "streamer": people.streamer(),
        "admin": people.admin(),
    }
    application, token = StreamerApplication.submit(
        email="a@example.org", channel_name="Apple", slug="apple", about="Apples.", links=[], applicant=None
    )
    db.session.commit()
    forgotten_phone = People(app).visitor().sign_in("vera")
    assert forgotten_phone.signed_in
    phone = db.session.scalars(db.select(UserSession.id).order_by(UserSession.id.desc())).first()
    everywhere = {"slug": "stella", "token": token, "filename": "css/tokens.css", "id": application.id}
    return House(app, cast, {"everywhere": everywhere, "account.revoke_session": {"id": phone}})


def half_signed_in(people: People, name: str) -> Person:
    """Somebody who gave the right password of an account that has a second factor."""
    app = Totp.begin(people.account(name).id)
    app.confirmed_at = now()
    db.session.commit()
    person = people.visitor()
    assert person.post_form("/login", username=name, password=PASSWORD).location == "/login/verify"
    return person


def outcome(answer: TestResponse, gate: str | None) -> str:
    """'let in', or how the gate refused."""
    if answer.status_code == 403:
        return "forbidden"
    if answer.status_code == 302 and answer.location.partition("?")[0] == "/login":
        return "sent to sign in"
    if gate in ("visitors", "half signed in") and (answer.status_code, answer.location) == (302, "/"):
        return "sent on"
    return "let in"


def expected(role: str, gate: str | None) -> str:
    """What the gate must do with somebody."""
    if gate in MAY_PASS[role]:
        return "let in"
    if role in ("visitor", "halfway"):
        return "sent to sign in"
    return "sent on" if gate in ("visitors", "half signed in") else "forbidden"


def test_every_view_says_who_may_open_it(app: Flask) -> None:
    gates = {name: getattr(view, "gate", None) for name, view in app.view_functions.items() if name != "static"}
    assert len(gates) > 20
    assert {name: gate for name, gate in gates.items() if gate not in GATES} == {}


@pytest.mark.parametrize("role", MAY_PASS)
def test_each_role_opens_its_own_pages_and_no_others(house: House, role: str) -> None:
    person, wrong, seen = house.people[role], [], set()
    for rule, path in house.pages("GET"):
        if rule.endpoint == "static":
            continue
        gate = house.gate_of(rule)
        answer = person.get(path)
        seen.add(outcome(answer, gate))
        if outcome(answer, gate) != expected(role, gate) or answer.status_code >= 500:
            wrong.append((path, gate, answer.status))
    assert not wrong
    assert len(seen) > 1, "nobody may do everything, or nothing"


@pytest.mark.parametrize("role", MAY_PASS)
def test_each_role_sends_its_own_forms_and_no_others(house: House, role: str) -> None:
    person, wrong = house.people[role], []
    pages = sorted(house.pages("POST"), key=lambda page: page[1] == "/logout")  # signing out comes last
    assert pages[-1][1] == "/logout"
    for rule, path in pages:
        gate = house.gate_of(rule)
        on = "/account/sessions" if "signed in" in MAY_PASS[role] else "/login"
        answer = person.post(path, on=on)
        if outcome(answer, gate) != expected(role, gate) or answer.status_code >= 500:
            wrong.append((path, gate, answer.status))
    assert not wrong


def test_no_form_is_taken_without_its_token(house: House) -> None:
    strangers = People(house.app).visitor().csrf_token()
    for rule, path in house.pages("POST"):
        role = next(role for role in MAY_PASS if house.gate_of(rule) in MAY_PASS[role])
        person = house.people[role]
        person.get("/security")
        before = everything(without=RECORD)
        for forged in ({}, {"csrf_token": ""}, {"csrf_token": "x"}, {"csrf_token": strangers}):
            assert person.request(path, method="POST", data=forged).status_code == 400, (path, forged)
        for headers in ({"X-CSRFToken": "x"}, {"Content-Type": "application/json"}, {"Content-Type": "text/plain"}):
            answer = person.request(path, method="POST", data=b"{}", headers=headers)
            assert answer.status_code == 400, (path, headers)
        assert everything(without=RECORD) == before, path


def test_a_token_of_another_session_of_the_same_person_is_refused(house: House) -> None:
    viewer = house.people["viewer"]
    elsewhere = People(house.app).visitor().sign_in("vera")
    answer = viewer.request("/logout", method="POST", data={"csrf_token": elsewhere.csrf_token()})
    assert answer.status_code == 400
    assert viewer.signed_in


def test_opening_an_address_never_does_what_its_button_does(house: House) -> None:
    only_posted = [path for rule, path in house.pages("POST") if "GET" not in (rule.methods or ())]
    assert "/logout" in only_posted
    for person in house.people.values():
        person.get("/security")
        before = everything(without=RECORD)
        for path in only_posted:
            for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH"):
                assert person.request(path, method=method).status_code in (400, 405), (method, path)
        assert everything(without=RECORD) == before


def test_reading_changes_nothing(house: House) -> None:
    """But that the first admin to open an application is seen to review it, for ten minutes from the latest look."""
    house.people["admin"].get("/admin/applications/1")
    without = (*RECORD, "application_claim")
    for person in house.people.values():
        person.get("/security")
        before = everything(without=without)
        for _, path in house.pages("GET"):
            person.get(path)
            person.request(path, method="HEAD")
        assert everything(without=without) == before


def test_a_page_that_names_no_gate_is_closed_to_everybody(app: Flask, people: People) -> None:
    app.add_url_rule("/forgotten", "forgotten", lambda: "what nobody thought about")
    app.add_url_rule("/thought-of", "thought_of", open_to_everyone(lambda: "everybody may"))
    for person in (people.visitor(), people.viewer(), people.streamer(), people.admin()):
        assert person.get("/thought-of").text == "everybody may"
        assert person.get("/forgotten").status_code == 403


def test_numbers_beyond_every_table_are_not_there(house: House) -> None:
    """Ids of somebody else's, of nobody's, and those that would make a database complain."""
    admin, viewer = house.people["admin"], house.people["viewer"]
    for number in (0, 999, 2**31 - 1, 2**31, 2**63, 10**30):
        assert admin.get(f"/admin/applications/{number}").status_code == 404
        assert admin.post(f"/admin/applications/{number}/approve").status_code == 404
        assert viewer.post(f"/account/sessions/{number}/revoke").status_code == 404
    for odd in ("-1", "1.5", "abc", "%00", "1%27"):
        assert admin.get(f"/admin/applications/{odd}").status_code == 404

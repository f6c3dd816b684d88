"""Every form: what is wrong stands beside its field and belongs to it, what was typed stays, a password never does."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest
from flask_wtf import FlaskForm

from app.applications.link import ApplicationLink, hashed
from app.applications.state import NEEDS_INFORMATION
from app.applications.streamer_application import StreamerApplication
from app.extensions import db
from app.security.typed_form import TypedForm
from tests.people import PASSWORD, People, Person
from tests.second_factor import begin, set_up_app

TOO_LONG = "x" * 1100
ASKED = "/apply/status/of-one-who-is-asked"
# Form: who sends it, from which page, to where, what is wrong in it, and what is right in it and may not be lost.
Case = tuple[str, str, str, dict[str, str], dict[str, str]]
CASES: dict[str, list[Case]] = {
    "SignInForm": [("visitor", "/login", "/login", {"password": ""}, {"username": "vera"})],
    "RegistrationForm": [
        (
            "visitor",
            "/register",
            "/register",
            {"username": "a b", "password": "short", "confirm_password": ""},
            {},
        )
    ],
    "CodeForm": [
        ("halfway", "/login/verify", "/login/verify", {"code": ""}, {}),
        ("pairing", "/account/two-factor", "/account/two-factor", {"code": TOO_LONG}, {}),
    ],
    "ConfirmForm": [("viewer", "/account/confirm", "/account/confirm", {"password": ""}, {})],
    "ForgottenForm": [
        (
            "visitor",
            "/forgot",
            "/forgot",
            {"recovery_code": "", "new_password": "short", "confirm_password": ""},
            {"username": "vera"},
        )
    ],
    "PasswordForm": [
        (
            "viewer",
            "/account/password",
            "/account/password",
            {"current_password": "", "new_password": "short", "confirm_password": ""},
            {},
        )
    ],
    "DeleteForm": [("viewer", "/account/data", "/account/delete", {"password": "", "messages": ""}, {})],
    "DecisionForm": [
        (
            "admin",
            "/admin/applications/1",
            "/admin/applications/1/approve",
            {"reason": "x" * 2001},
            {"note": "knows radios"},
        )
    ],
    "BulkForm": [
        (
            "admin",
            "/admin/applications",
            "/admin/applications/bulk",
            {"reason": "x" * 2001},
            {"note": "knows radios", "chosen": "1:1", "act": "reject"},
        )
    ],
    "ReasonTemplateForm": [
        (
            "admin",
            "/admin/texts",
            "/admin/texts/add",
            {"decision": "maybe", "title": ""},
            {"text": "Welcome, {channel_name}."},
        )
    ],
    "RenameForm": [("admin", "/admin/users/1", "/admin/users/1/rename", {"username": "x" * 65}, {})],
    "OpenChannelForm": [
        ("admin", "/admin/channels", "/admin/channels/open", {"slug": "", "owner": "x" * 65}, {"title": "A title"})
    ],
    "MoveChannelForm": [("admin", "/admin/channels/1", "/admin/channels/1/rename", {"slug": "x" * 65}, {})],
    "ApplicationForm": [
        (
            "visitor",
            "/apply",
            "/apply",
            {"email": "no address", "slug": "!", "links": "javascript:alert(1)", "agree": ""},
            {"channel_name": "Vera's corner", "about": "Radios <slowly>."},
        )
    ],
    "AnswerForm": [("visitor", ASKED, f"{ASKED}/answer", {"answer": "x" * 2001}, {})],
    "ChannelForm": [
        (
            "streamer",
            "/c/stella/settings",
            "/c/stella/settings",
            {
                "title": "",
                "slow_mode": "301",
                "retention_days": "-1",
                "stream_url": "https://evil.example/",
                "access": "nobody",
            },
            {"description": "About <me>."},
        )
    ],
    "MemberForm": [("streamer", "/c/stella/settings", "/c/stella/settings/members", {"username": "x" * 65}, {})],
    "ModeratorForm": [("streamer", "/c/stella/settings", "/c/stella/settings/moderators", {"username": "x" * 65}, {})],
    "SanctionForm": [
        (
            "streamer",
            "/c/stella/settings",
            "/c/stella/settings/bans",
            {"username": "", "seconds": "7"},
            {"reason": "Was rude."},
        )
    ],
    "ClearForm": [("streamer", "/c/stella/settings", "/c/stella/settings/clear", {"sure": ""}, {})],
    "DeleteChannelForm": [
        ("streamer", "/c/stella/settings/delete", "/c/stella/settings/delete", {"slug": "other"}, {})
    ],
    "ChannelPasswordForm": [
        ("streamer", "/c/stella/settings", "/c/stella/settings/password", {"password": "short"}, {})
    ],
    "EntryForm": [("viewer", "/c/locked/join", "/c/locked/join", {"password": ""}, {})],
}
# What a person does not type: the browser's own dialogue asks for it, and says what is wrong.
NOT_TYPED = {"PasskeyForm"}


@dataclass
class Element:
    """One tag: its attributes, and the text inside it."""

    tag: str
    given: dict[str, str]
    text: list[str] = field(default_factory=list)
    group: Element | None = None  # the fieldset around a radio button: of those, the whole group is wrong


class Forms(HTMLParser):
    """The controls of the form that posts to ``action``, and everything on the page that has an id."""

    def __init__(self, page: str, action: str) -> None:
        super().__init__()
        self.action, self.inside = action, False
        self.controls: list[Element] = []
        self.by_id: dict[str, Element] = {}
        self.open: list[Element] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = Element(tag, {name: value or "" for name, value in attributes})
        if tag == "form":
            self.inside = found.given.get("action") == self.action
        if id := found.given.get("id"):
            self.by_id[id] = found
        if self.inside and tag in ("input", "textarea", "select"):
            self.controls.append(found)
            if found.given.get("type") == "radio":
                found.group = next(element for element in reversed(self.open) if element.tag == "fieldset")
        self.open.append(found)

    def handle_endtag(self, tag: str) -> None:
        if tag in [element.tag for element in self.open]:
            while self.open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text.append(data)

    def named(self, name: str) -> Element:
        """The control of a name; of several, as with radio buttons, the first."""
        return next(control for control in self.controls if control.given.get("name") == name)

    def value(self, name: str) -> str:
        """What stands in a control."""
        control = self.named(name)
        return "".join(control.text).lstrip("\r\n") if control.tag == "textarea" else control.given.get("value", "")


@pytest.fixture
def cast(people: People) -> dict[str, Person]:
    """Somebody of each role, with something behind every address of CASES."""
    wish: dict[str, Any] = {"email": "a@example.org", "about": "Apples.", "links": [], "applicant": None}
    StreamerApplication.submit(channel_name="Apple", slug="apple", **wish)
    asked, _ = StreamerApplication.submit(channel_name="Apricot", slug="apricot", **wish)
    asked.status = NEEDS_INFORMATION
    db.session.add(ApplicationLink(token_hash=hashed(ASKED.rpartition("/")[2]), application_id=asked.id))
    db.session.commit()
    found = {"visitor": people.visitor(), "viewer": people.viewer(), "streamer": people.streamer()}
    found["admin"] = people.admin()
    found["pairing"] = people.viewer("paul")
    begin(found["pairing"])
    set_up_app(people.viewer("hanna"))
    found["halfway"] = people.visitor()
    found["halfway"].post_form("/login", username="hanna", password=PASSWORD)
    return found


def every_form() -> set[str]:
    """The names of all forms of the app."""
    found, waiting = set(), [FlaskForm]
    while waiting:
        for form in waiting.pop().__subclasses__():
            waiting.append(form)
            if form.__module__.startswith("app.") and not form.__subclasses__():
                assert issubclass(form, TypedForm), f"{form.__name__} takes a file for a text, and breaks over it"
                found.add(form.__name__)
    return found


def test_every_form_is_looked_at(cast: dict[str, Any]) -> None:
    assert every_form() == set(CASES) | NOT_TYPED


@pytest.mark.parametrize("path", ["/login", "/register", "/apply"])
def test_a_file_or_json_in_place_of_a_text_is_nothing_typed(people: People, path: str) -> None:
    visitor = people.visitor()
    token = visitor.csrf_token(on=path)
    names = ("username", "password", "confirm_password", "email", "slug", "about", "agree")
    files = {name: (io.BytesIO(b"typed?"), "typed?") for name in names}
    sent = {"csrf_token": token, **files}
    assert visitor.request(path, method="POST", data=sent, content_type="multipart/form-data").status_code == 400
    for odd in (5, [1], {"a": 1}, None, True, "typed?"):
        typed = dict.fromkeys(names, odd)
        answer = visitor.request(path, method="POST", json=typed, headers={"X-CSRFToken": token})
        assert answer.status_code == 400, odd


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(cast: dict[str, Person], name: str) -> None:
    for who, on, action, wrong, right in CASES[name]:
        answer = cast[who].post_form(action, on=on, **wrong, **right)
        assert answer.status_code == 400, f"{action}: {answer.status_code}"
        page = Forms(answer.text, action)
        for field_name in wrong:
            control = page.named(field_name)
            marked = (control.group or control).given
            said = [page.by_id[id] for id in marked.get("aria-describedby", "").split() if id in page.by_id]
            errors = [each for each in said if "field__error" in each.given.get("class", "")]
            assert marked.get("aria-invalid") == "true", f"{action} {field_name}: not marked as wrong"
            assert len(errors) == 1, f"{action} {field_name}: nothing says what is wrong with it"
            assert len("".join(errors[0].text).removeprefix("Error: ").split()) > 2
        for field_name, typed in {**wrong, **right}.items():
            control = page.named(field_name)
            if control.given.get("type") == "password":
                assert "value" not in control.given or not control.given["value"], "a password came back"
            elif control.tag != "select" and control.given.get("type") not in ("checkbox", "radio"):
                assert page.value(field_name) == typed, f"{action} {field_name}: what was typed is lost"
        assert "<title>Error: " in answer.text, f"{action}: the title, which is read first, does not say so"

"""Errors: pages that say what to do next, and tell nothing about the inside."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from app.channels.channel import Channel
from tests.people import People, Person
from tests.tables import everything

INSIDE = re.compile(
    r"Traceback|werkzeug|sqlalchemy|psycopg|sqlite|SELECT |/app/|\.py\b|gunicorn/|Python/", re.IGNORECASE
)


def is_page(answer: TestResponse, status: int) -> None:
    """An error page: its number, a way on, the headers, and nothing from inside."""
    assert answer.status_code == status
    assert answer.mimetype == "text/html"
    assert f"{status}" in answer.text
    assert 'href="/"' in answer.text
    assert not INSIDE.search(answer.text), INSIDE.search(answer.text)
    assert "Content-Security-Policy" in answer.headers


def test_an_unknown_page(app: Flask, people: People) -> None:
    is_page(people.visitor().get("/nothing-here"), 404)
    is_page(people.visitor().get("/c/nothing-here"), 404)
    is_page(people.visitor().get("/apply/status/nothing-here"), 404)
    is_page(people.visitor().get("/%00"), 404)


def test_a_page_that_is_not_yours(people: People) -> None:
    is_page(people.viewer().get("/admin/"), 403)


def test_a_wrong_method(people: People) -> None:
    answer = people.viewer().get("/logout")
    is_page(answer, 405)
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("token", [None, "", "rubbish"])
def test_a_form_without_its_token_changes_no_row(app: Flask, people: People, token: str | None) -> None:
    viewer = people.viewer()
    before = everything(without=("audit_event", "audit_head"))
    is_page(viewer.request("/logout", method="POST", data={} if token is None else {"csrf_token": token}), 400)
    assert everything(without=("audit_event", "audit_head")) == before
    assert viewer.signed_in


def test_a_body_of_ten_megabytes(app: Flask, people: People) -> None:
    visitor = people.visitor()
    before = everything()
    is_page(visitor.request("/login", method="POST", data={"username": "x" * 10_000_000}), 413)
    assert everything() == before


@pytest.mark.settings(RATELIMIT_LOGIN="1 per 5 minutes")
def test_too_often(app: Flask) -> None:
    person = Person(app)
    person.post_form("/login", username="nobody-here", password="wrong")
    answer = person.post("/login", on="/register", username="nobody-here", password="wrong")
    is_page(answer, 429)
    assert int(answer.headers["Retry-After"]) >= 1


def test_our_own_fault(app: Flask, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("secret detail from inside")

    monkeypatch.setattr(Channel, "listed_for", fail)
    answer = people.visitor().get("/")
    is_page(answer, 500)
    assert "secret detail" not in answer.text


def test_a_database_that_does_not_answer(app: Flask, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("secret detail from inside"))

    monkeypatch.setattr(Channel, "listed_for", fail)
    answer = people.visitor().get("/")
    is_page(answer, 503)
    assert "secret detail" not in answer.text
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_signed_in_persons_error_page_still_signs_out(people: People) -> None:
    viewer = people.viewer()
    for answer in (viewer.get("/nothing-here"), viewer.get("/admin/"), viewer.request("/logout", method="POST")):
        assert 'action="/logout"' in answer.text

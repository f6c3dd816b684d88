"""How many pages one address may ask for, and that all doors count in one window."""

from __future__ import annotations

import pytest
from flask import Flask

from app.security.rate_limits import RateLimited, spend
from tests.people import Person


@pytest.mark.settings(RATELIMIT_PAGES="5 per minute")
def test_pages_have_a_limit_of_their_own_per_address(app: Flask) -> None:
    stranger = Person(app, address="192.0.2.7")
    assert [stranger.get("/").status_code for _ in range(5)] == [200] * 5
    refused = stranger.get("/")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert Person(app, address="192.0.2.8").get("/").status_code == 200


@pytest.mark.settings(RATELIMIT_PAGES="2 per minute")
def test_probes_and_static_files_are_not_counted(app: Flask) -> None:
    person = Person(app)
    for path in ["/healthz", "/static/img/logo.svg", "/metrics"] * 3:
        assert person.get(path).status_code == 200, path
    assert person.get("/").status_code == 200


@pytest.mark.settings(RATELIMIT_PAGES="2 per minute")
def test_looking_for_pages_that_are_not_there_is_counted(app: Flask) -> None:
    stranger = Person(app)
    assert [stranger.get("/wp-login.php").status_code for _ in range(3)] == [404, 404, 429]


@pytest.mark.settings(RATELIMIT_LOGIN="2 per 5 minutes")
def test_what_was_spent_at_another_door_is_missing_at_this_one(app: Flask) -> None:
    person = Person(app, address="192.0.2.7")
    spend("login", "192.0.2.7")
    fields = {"username": "nobody-here", "password": "not this one"}
    assert [person.post_form("/login", **fields).status_code for _ in range(2)] == [401, 429]
    with pytest.raises(RateLimited):
        spend("login", "192.0.2.7")
    spend("login", "192.0.2.8")

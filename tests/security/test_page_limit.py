"""How many pages one address may ask for."""

from __future__ import annotations

import pytest
from flask import Flask

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

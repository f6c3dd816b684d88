"""Each request has an id, and nobody but a trusted proxy chooses it."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.people import Person

FROM_NGINX = "5f2ac0de5f2ac0de5f2ac0de5f2ac0de"


@pytest.mark.parametrize("path", ["/", "/nothing-here", "/healthz", "/static/css/ground.css", "/socket.io/?EIO=3"])
def test_every_answer_has_an_id_of_its_own(app: Flask, path: str) -> None:
    first, second = (Person(app).get(path).headers["X-Request-Id"] for _ in range(2))
    assert len(first) == 16 and first != second


def test_what_a_stranger_sends_is_no_id(app: Flask) -> None:
    assert Person(app).get("/", headers={"X-Request-Id": FROM_NGINX}).headers["X-Request-Id"] != FROM_NGINX


@pytest.mark.settings(TRUSTED_PROXIES="1")
def test_a_trusted_proxys_id_is_kept_in_a_safe_shape_only(app: Flask) -> None:
    def answered(sent: str) -> str:
        return Person(app).get("/healthz", headers={"X-Request-Id": sent}).headers["X-Request-Id"]

    for good in (FROM_NGINX, "6f1b1c1e-7f0e-4f6e-9d55-2d1c5d0f7a11"):
        assert answered(good) == good
    for bad in ("", "short", "x" * 65, '12345678"}', "1234 5678", "12345678<b>", "ünsichtbar"):
        assert answered(bad) != bad

"""The addresses that people, browsers and programs rely on. A path may be added here, and none may go."""

from __future__ import annotations

import pytest
from flask import Flask

PATHS = [
    ("GET", "/"),
    ("GET", "/register"),
    ("POST", "/register"),
    ("GET", "/login"),
    ("POST", "/login"),
    ("POST", "/logout"),
    ("GET", "/account/password"),
    ("POST", "/account/password"),
    ("GET", "/account/sessions"),
    ("POST", "/account/sessions/1/revoke"),
    ("POST", "/account/sessions/revoke-others"),
    ("GET", "/apply"),
    ("POST", "/apply"),
    ("GET", "/apply/status/TOKEN"),
    ("POST", "/apply/status/TOKEN/reveal"),
    ("POST", "/apply/status/TOKEN/withdraw"),
    ("GET", "/c/stella"),
    ("GET", "/c/stella/settings"),
    ("POST", "/c/stella/settings"),
    ("GET", "/admin/"),
    ("GET", "/admin/applications"),
    ("GET", "/admin/applications/1"),
    ("POST", "/admin/applications/1/approve"),
    ("POST", "/admin/applications/1/reject"),
    ("GET", "/admin/audit"),
    ("GET", "/admin/security"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/security"),
    ("GET", "/.well-known/security.txt"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_the_contract_keeps_this_path(app: Flask, method: str, path: str) -> None:
    endpoint, _ = app.url_map.bind("localhost").match(path, method=method)
    assert endpoint != "static"
    assert endpoint in app.view_functions

"""Generated passwords, many of them: none is refused on its way in, and they really sign in at the full price."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import bcrypt
import pytest
from flask import Flask

from app.auth import password as passwords
from app.auth.user import User
from app.extensions import db
from tests.auth.test_passwords import refused_by_no_check
from tests.people import PASSWORD, People

pytestmark = pytest.mark.prove


def test_none_of_ten_thousand_is_refused_by_any_check(app: Flask) -> None:
    refused_by_no_check(app, [passwords.generate() for _ in range(10_000)])


@pytest.mark.settings(BCRYPT_ROUNDS="12")
def test_twenty_really_sign_in_at_twelve_rounds(people: People) -> None:
    sign_ins = {f"streamer-{number}": passwords.generate() for number in range(20)}
    with ThreadPoolExecutor(2) as pool:  # hashed side by side, which saves seconds; signing in is what is shown here
        hashes = pool.map(lambda password: bcrypt.hashpw(password.encode(), bcrypt.gensalt(12)), sign_ins.values())
    for name, hashed in zip(sign_ins, hashes, strict=True):
        assert hashed.startswith(b"$2b$12$")
        User.create(name, hashed.decode())
    db.session.commit()
    for name, password in sign_ins.items():
        assert people.visitor().post_form("/login", username=name, password=password).location == "/"
    assert passwords.hash_password(PASSWORD, people.app.config["STREAMZY"].bcrypt_rounds).startswith("$2b$12$")

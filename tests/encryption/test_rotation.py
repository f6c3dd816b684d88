"""Rotating the master key: every data key moves under the new one, and the old one may go."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from flask import Flask, current_app
from sqlalchemy import func, select

from app.applications.streamer_application import StreamerApplication
from app.encryption import rotation
from app.encryption.data_key import DataKey, DataKeys, data_keys
from app.encryption.keyring import EncryptionKeyError, KeyRing
from app.extensions import db
from tests.postgres import on_both_databases


def hold(*keys: str) -> KeyRing:
    """Go on with these master keys, newest first, as after a restart."""
    ring = KeyRing(keys)
    current_app.extensions["data_keys"] = DataKeys(ring)
    return ring


def under(key_id: str) -> int:
    return db.session.scalar(select(func.count()).select_from(DataKey).where(DataKey.master_key_id == key_id)) or 0


def an_application() -> StreamerApplication:
    application, _ = StreamerApplication.submit(
        email="jonas@example.org", channel_name="Radios", slug="radios", about="valves", links=[], applicant=None
    )
    db.session.commit()
    return application


@on_both_databases
def test_after_rotation_the_old_key_may_go_and_everything_opens(app: Flask, keys: dict[str, str]) -> None:
    application, old, new = an_application(), keys["ENCRYPTION_KEY"], Fernet.generate_key().decode()
    ring = hold(new, old)
    before = under(ring.ids[1])
    assert sum(rotation.rewrap()) == before > 0
    assert (under(ring.ids[0]), under(ring.ids[1])) == (before, 0)
    hold(new)
    db.session.expire_all()
    assert application.about == "valves"


@on_both_databases
def test_before_rotation_the_old_key_may_not_go(app: Flask, keys: dict[str, str]) -> None:
    application = an_application()
    old_id = data_keys().ring.newest_id
    hold(Fernet.generate_key().decode())
    db.session.expire_all()
    with pytest.raises(EncryptionKeyError, match=old_id):
        _ = application.about
    with pytest.raises(EncryptionKeyError, match=old_id):
        list(rotation.rewrap())


@on_both_databases
def test_a_rotation_killed_in_the_middle_leaves_every_key_under_one_of_the_two(
    app: Flask, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    application, old, new = an_application(), keys["ENCRYPTION_KEY"], Fernet.generate_key().decode()
    monkeypatch.setattr(rotation, "BATCH", 2)
    ring = hold(new, old)
    assert next(rotation.rewrap()) == 2
    db.session.rollback()
    assert under(ring.ids[0]) == 2
    assert under(ring.ids[1]) > 0
    hold(new, old)
    db.session.expire_all()
    assert application.about == "valves"
    list(rotation.rewrap())
    assert under(ring.ids[1]) == 0


def test_a_second_rotation_finds_nothing_to_do(app: Flask, keys: dict[str, str]) -> None:
    hold(Fernet.generate_key().decode(), keys["ENCRYPTION_KEY"])
    assert sum(rotation.rewrap()) > 0
    assert sum(rotation.rewrap()) == 0

"""A sealed text opens only where it was written, under its own key, and leaves nothing readable behind."""

from __future__ import annotations

from pathlib import Path

from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import select, text, update
from sqlalchemy.engine import make_url

from app.applications.streamer_application import StreamerApplication
from app.encryption.data_key import data_keys
from app.encryption.sealed import UNVERIFIED, SealedText, seal, unseal
from app.extensions import db
from tests.postgres import on_both_databases

TABLE = StreamerApplication.__table__


def an_application(slug: str, about: str = "I mend valve radios on Tuesdays.") -> StreamerApplication:
    application, _ = StreamerApplication.submit(
        email=f"{slug}@example.org", channel_name=slug, slug=slug, about=about, links=[], applicant=None
    )
    db.session.commit()
    return application


def put(application: StreamerApplication, column: str, value: SealedText) -> StreamerApplication:
    """What somebody with access to the database would do."""
    db.session.execute(
        update(StreamerApplication).where(StreamerApplication.id == application.id).values({column: value})
    )
    db.session.commit()
    db.session.expire_all()
    return application


def test_a_text_opens_in_its_own_context_and_in_no_other() -> None:
    key = Fernet(Fernet.generate_key())
    token = seal(key, b"row 1", "hello")
    assert unseal(key, b"row 1", token) == "hello"
    assert unseal(key, b"row 2", token) is None
    assert unseal(key, b"row", token) is None
    assert unseal(Fernet(Fernet.generate_key()), b"row 1", token) is None
    assert unseal(None, b"row 1", token) is None


def test_a_changed_empty_or_foreign_token_does_not_open() -> None:
    key = Fernet(Fernet.generate_key())
    token = bytearray(seal(key, b"row 1", "hello"))
    token[30] ^= 1
    assert unseal(key, b"row 1", bytes(token)) is None
    assert unseal(key, b"row 1", b"") is None
    assert unseal(key, b"row 1", key.encrypt(b"never sealed by us")) is None


@on_both_databases
def test_a_text_is_not_in_the_database_in_clear(app: Flask) -> None:
    application = an_application("radio")
    stored = db.session.execute(select(TABLE.c.about_sealed, TABLE.c.email_sealed)).one()
    for value in stored:
        assert value.token.startswith("gAAAA")
    assert application.about == "I mend valve radios on Tuesdays."


@on_both_databases
def test_a_text_moved_to_another_row_is_not_shown(app: Flask) -> None:
    mine, other = an_application("radio", "mine"), an_application("chess", "another's")
    put(mine, "about_sealed", other.about_sealed)
    assert mine.about == UNVERIFIED
    assert other.about == "another's"


@on_both_databases
def test_a_text_moved_to_another_field_is_not_shown(app: Flask) -> None:
    application = an_application("radio")
    put(application, "reason_sealed", application.about_sealed)
    assert application.public_reason == UNVERIFIED


def test_a_text_under_an_unknown_key_is_not_shown(app: Flask) -> None:
    application = an_application("radio")
    put(application, "about_sealed", SealedText(4711, application.about_sealed.token))
    assert application.about == UNVERIFIED


def test_a_mangled_value_breaks_no_page(app: Flask) -> None:
    application = an_application("radio")
    db.session.execute(text("UPDATE streamer_application SET about_sealed = 'rubbish'"))
    db.session.commit()
    db.session.expire_all()
    assert application.about == UNVERIFIED


def test_a_text_under_a_destroyed_key_is_gone(app: Flask) -> None:
    application = an_application("radio")
    db.session.execute(text("UPDATE data_key SET wrapped = NULL, state = 'destroyed' WHERE purpose = 'applications'"))
    db.session.commit()
    db.session.expire_all()
    data_keys().forget()
    assert application.about == UNVERIFIED


def test_sqlite_overwrites_what_is_deleted(app: Flask, database_url: str) -> None:
    mark = "an-address-that-is-soon-free"
    path = Path(str(make_url(database_url).database))
    an_application(mark)
    db.session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    assert mark.encode() in path.read_bytes()
    db.session.execute(text("DELETE FROM streamer_application"))
    db.session.execute(text("DELETE FROM taken_name"))
    db.session.commit()
    db.session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    assert mark.encode() not in path.read_bytes()

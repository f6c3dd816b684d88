"""The audit chain: whoever can write to the database, but has no key, leaves a trace that names the row."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, cast

import pytest
from flask import Flask
from sqlalchemy import Table, delete, insert, select, update

from app.audit import chain
from app.audit.actor import Actor
from app.audit.event import AuditEvent, AuditHead, record
from app.encryption.data_key import DataKey
from app.extensions import db
from tests.people import People
from tests.postgres import on_both_databases

pytestmark = on_both_databases

LENGTH = 6
PERSONAL = ("actor_name", "ip", "user_agent", "target_name", "details")
TABLE = cast(Table, AuditEvent.__table__)


@pytest.fixture
def log(app: Flask) -> None:
    """Six events."""
    for number in range(1, LENGTH + 1):
        actor = Actor.on(f"person {number}", ip="192.0.2.7", user_agent="Firefox", account_id=number, session_id=number)
        record("login.failed", actor, target_kind="account", target_id=number, target_name=f"name {number}", n=number)
    db.session.commit()
    assert problems() == []


def problems() -> list[str]:
    """What the verification says, reading everything anew."""
    db.session.rollback()
    db.session.expunge_all()
    return list(chain.problems())


def tamper(statement: Any) -> None:
    """What somebody with the database's password, and nothing else, does."""
    db.session.rollback()
    db.session.execute(statement)
    db.session.commit()


def row(number: int) -> dict[str, Any]:
    """A row as it stands."""
    return dict(db.session.execute(select(TABLE).where(TABLE.c.id == number)).one()._mapping)


FORGERIES: dict[str, Callable[[Any], Any]] = {
    "at": lambda at: at + timedelta(microseconds=1),
    "event": lambda _: "login.succeeded",
    "actor_id": lambda _: 99,
    "session_id": lambda _: None,
    "target_kind": lambda _: "channel",
    "target_id": lambda _: 99,
    "actor_name": lambda _: "somebody else",
    "ip": lambda _: "198.51.100.1",
    "user_agent": lambda _: None,
    "target_name": lambda _: "somebody else",
    "details": lambda _: {"n": 0},
    "salt": lambda salt: bytes(reversed(salt)),
    "personal_digest": lambda digest: bytes(reversed(digest)),
    "data_key_id": lambda key_id: key_id + 1,
    "previous_hash": lambda previous: bytes(reversed(previous)),
    "hash": lambda value: bytes(reversed(value)),
}


def test_every_column_is_tried(app: Flask) -> None:
    assert {*FORGERIES, "id"} == {column.name for column in TABLE.columns}


def test_a_change_of_any_column_names_its_row(log: None) -> None:
    whole = row(3)
    for column, forge in FORGERIES.items():
        tamper(update(TABLE).where(TABLE.c.id == 3).values({column: forge(whole[column])}))
        found = problems()
        assert found, column
        assert all(re.match(r"row [34]\b", line) for line in found), (column, found)
        assert any(line.startswith("row 3") for line in found), (column, found)
        tamper(update(TABLE).where(TABLE.c.id == 3).values(whole))
        assert problems() == []


def test_a_change_with_its_digest_made_anew_is_seen_all_the_same(log: None) -> None:
    """The salt stands beside the digest: what only hashes protect, anybody can hash again."""
    event = db.session.get_one(AuditEvent, 3)
    event.actor_name = "somebody else"
    forged = event.expected_personal_digest()
    db.session.rollback()
    tamper(update(TABLE).where(TABLE.c.id == 3).values(actor_name="somebody else", personal_digest=forged))
    assert problems()[0].startswith("row 3")


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ([1], "row 1 is missing"),
        ([3], "row 3 is missing"),
        ([3, 4], "rows 3 to 4 are missing"),
        ([6], "the end was cut off: row 5 is the last one here, the log's head says 6"),
        ([4, 5, 6], "the end was cut off: row 3 is the last one here, the log's head says 6"),
        ([1, 2, 3, 4, 5, 6], "the end was cut off: row 0 is the last one here, the log's head says 6"),
    ],
)
def test_a_deletion_is_named(log: None, gone: list[int], said: str) -> None:
    tamper(delete(TABLE).where(TABLE.c.id.in_(gone)))
    assert said in problems()


def test_closing_the_hole_by_counting_anew_is_seen(log: None) -> None:
    tamper(delete(TABLE).where(TABLE.c.id == 3))
    for number in (4, 5, 6):
        tamper(update(TABLE).where(TABLE.c.id == number).values(id=number - 1))
    tamper(update(AuditHead).values(last_id=5))
    found = problems()
    assert any(line.startswith("row 3 ") for line in found)


def test_two_rows_that_change_places_are_both_named(log: None) -> None:
    third, fourth = row(3), row(4)
    tamper(delete(TABLE).where(TABLE.c.id.in_([3, 4])))
    tamper(insert(TABLE).values([{**third, "id": 4}, {**fourth, "id": 3}]))
    found = " / ".join(problems())
    assert "row 3 was changed" in found
    assert "row 4 was changed" in found


@pytest.mark.parametrize("where", [0, -5, 7, 8, 1000])
def test_a_row_put_in_beside_the_chain_is_named(log: None, where: int) -> None:
    tamper(insert(TABLE).values({**row(6), "id": where}))
    (found,) = problems()
    assert re.match(rf"row {where}\b", found)


def test_a_row_put_in_with_everybody_moved_up_is_named(log: None) -> None:
    forged = {**row(3), "event": "login.succeeded"}
    for number in (6, 5, 4, 3):
        tamper(update(TABLE).where(TABLE.c.id == number).values(id=number + 1))
    tamper(insert(TABLE).values(forged))
    tamper(update(AuditHead).values(last_id=LENGTH + 1))
    assert any(line.startswith("row 3 ") for line in problems())


def test_a_cut_off_end_is_seen_though_the_head_was_rewritten_to_fit(log: None) -> None:
    """Whoever cuts off the end writes into the head what stood there when an earlier row was the last one."""
    fourth, fifth = row(4), row(5)
    tamper(delete(TABLE).where(TABLE.c.id > 4))
    for forged in (
        fourth["hash"],
        fifth["previous_hash"],
        fourth["previous_hash"],
        hashlib.sha256(fourth["hash"]).digest(),
    ):
        tamper(update(AuditHead).values(last_id=4, last_hash=forged))
        assert any("the end was cut off" in line for line in problems())
        assert not chain.end_holds()


def test_going_on_after_a_cut_does_not_heal_it(log: None) -> None:
    tamper(delete(TABLE).where(TABLE.c.id > 4))
    tamper(update(AuditHead).values(last_id=4, last_hash=row(4)["hash"]))
    record("logout", Actor("somebody"))
    db.session.commit()
    assert "row 5 does not follow the row before it" in problems()


@pytest.mark.parametrize("forgery", [{"last_id": 5}, {"last_id": 7}, {"last_hash": bytes(32)}, {"last_id": 0}])
def test_a_changed_head_is_seen(log: None, forgery: dict[str, Any]) -> None:
    tamper(update(AuditHead).values(forgery))
    assert problems()
    assert not chain.end_holds()


def test_a_head_that_is_gone_is_seen(log: None) -> None:
    tamper(delete(AuditHead))
    assert any("the log's head says missing" in line for line in problems())
    assert not chain.end_holds()


def test_the_dashboard_says_so(people: People, log: None) -> None:
    ada = people.admin()
    assert "The audit log does not add up" not in ada.get("/admin/").text
    last = chain.length()
    tamper(update(TABLE).where(TABLE.c.id == last).values(data_key_id=1))
    page = ada.get("/admin/")
    assert page.status_code == 200
    assert "The audit log does not add up" in page.text


def test_erasing_what_is_personal_keeps_the_chain(log: None) -> None:
    tamper(update(TABLE).where(TABLE.c.id == 3).values({"salt": None, **dict.fromkeys(PERSONAL)}))
    assert problems() == []
    assert "person 3" not in str(db.session.execute(select(TABLE)).all())
    assert "person 4" in str(db.session.execute(select(TABLE)).all())


@pytest.mark.parametrize("field", PERSONAL)
def test_erasing_is_no_way_to_write_something_else(log: None, field: str) -> None:
    """Without its salt a digest proves nothing: then nothing may stand there."""
    forged: dict[str, Any] = {"salt": None, **dict.fromkeys(PERSONAL)}
    forged[field] = {"n": 0} if field == "details" else "somebody else"
    tamper(update(TABLE).where(TABLE.c.id == 3).values(forged))
    assert problems() == ["row 3: who, from where or on what was changed"]


def test_what_is_taken_back_leaves_no_hole(app: Flask, log: None) -> None:
    record("logout", Actor("somebody"))
    db.session.rollback()
    record("logout", Actor("somebody else"))
    db.session.commit()
    assert chain.length() == LENGTH + 1
    assert problems() == []


def test_several_events_of_one_transaction_are_several_rows(app: Flask, log: None) -> None:
    for name in ("one", "two", "three"):
        record("logout", Actor(name))
    db.session.commit()
    assert chain.length() == LENGTH + 3
    assert problems() == []


def test_details_of_every_kind_come_back_as_they_were_hashed(app: Flask) -> None:
    details: dict[str, Any] = {
        "text": "caf\u00e9 \u2028 \0 \U0001f600 \"'",
        "n": 1.5,
        "big": 2**60,
        "none": None,
        "list": [1, {"a": True}],
    }
    record("input.blocked", Actor("somebody"), **details)
    db.session.commit()
    assert problems() == []
    assert db.session.scalars(select(AuditEvent.details)).one() == details


def test_nobody_forks_the_chain(app: Flask) -> None:
    """Eight at a time, ten transactions each: every one of them must take the end, one after the other."""

    def many(worker: int) -> None:
        with app.app_context():
            for number in range(10):
                record("logout", Actor(f"worker {worker}"), n=number)
                if number % 5 == 4:
                    db.session.rollback()
                else:
                    db.session.commit()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(many, range(8)))
    assert chain.length() == 64
    assert problems() == []
    written = db.session.scalars(select(AuditEvent.id).order_by(AuditEvent.id)).all()
    assert written == list(range(1, 65))


def test_an_event_that_has_no_name_cannot_be_recorded(app: Flask) -> None:
    with pytest.raises(KeyError):
        record("login.sucess", Actor("somebody"))
    assert chain.length() == 0


def test_without_a_key_nothing_can_be_recorded(app: Flask, log: None) -> None:
    db.session.execute(update(DataKey).where(DataKey.purpose == "audit").values(state="retired"))
    with pytest.raises(LookupError):
        record("logout", Actor("somebody"))
    db.session.rollback()
    assert problems() == []


def test_an_empty_log_holds(app: Flask) -> None:
    assert problems() == []
    assert chain.end_holds()

"""``flask audit verify``: an operator asks whether the record is still what was written."""

from __future__ import annotations

import csv
import io
import json

import pytest
from flask import Flask
from sqlalchemy import delete, update

from app.audit.actor import Actor
from app.audit.event import AuditEvent, record
from app.encryption.keyring import EncryptionKeyError
from app.extensions import db
from tests.commands.conftest import RunFlask


@pytest.fixture(autouse=True)
def history(app: Flask) -> None:
    """Three events."""
    for name in ("alice", "bob", "carol"):
        record("login.failed", Actor("visitor"), target_kind="account", target_name=name)
    db.session.commit()


def test_a_whole_record_passes(flask: RunFlask) -> None:
    assert "holds: 3 events" in flask("audit", "verify").stdout
    assert json.loads(flask("audit", "verify", "--json").stdout) == {"ok": True, "last_id": 3, "problems": []}


def test_a_changed_row_is_named(flask: RunFlask) -> None:
    db.session.execute(update(AuditEvent).where(AuditEvent.id == 2).values(event="login.succeeded"))
    db.session.commit()
    result = flask("audit", "verify", code=1)
    assert "row 2 was changed" in result.stdout
    assert "not what was written" in result.stderr
    assert json.loads(flask("audit", "verify", "--json", code=1).stdout)["problems"] == ["row 2 was changed"]


def test_a_cut_off_end_is_noticed(flask: RunFlask) -> None:
    db.session.execute(delete(AuditEvent).where(AuditEvent.id == 3))
    db.session.commit()
    assert "the end was cut off" in flask("audit", "verify", code=1).stdout


def test_in_a_spreadsheet_no_cell_is_a_formula_and_every_event_is_there(flask: RunFlask) -> None:
    record("login.failed", Actor("visitor"), target_kind="account", target_name='=HYPERLINK("//example.org")', why="x")
    db.session.commit()
    rows = list(csv.DictReader(io.StringIO(flask("audit", "export", "--format", "csv").stdout)))
    assert [row["target"] for row in rows] == ["alice", "bob", "carol", """'=HYPERLINK("//example.org")"""]
    assert [row["id"] for row in rows] == ["1", "2", "3", "4"]
    assert rows[3]["details"] == '{"why": "x"}' and len(rows[0]["hash"]) == 64
    as_lines = flask("audit", "export", "--format", "jsonl").stdout.splitlines()
    assert json.loads(as_lines[3])["target"] == '=HYPERLINK("//example.org")', "a program gets what was said"
    assert "Invalid value for '--format'" in flask("audit", "export", "--format", "xlsx", code=2).stderr


def test_without_the_key_it_cannot_run_and_says_so(app: Flask, flask: RunFlask) -> None:
    app.extensions["data_keys"] = EncryptionKeyError("ENCRYPTION_KEY is not set")
    assert "ENCRYPTION_KEY is not set" in flask("audit", "verify", code=3).stderr

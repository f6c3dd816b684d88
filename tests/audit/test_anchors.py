"""An anchor outside finds out what no look into the database can: the whole log put back as it was."""

from __future__ import annotations

import json
from pathlib import Path

from flask import Flask
from sqlalchemy import delete, select, update

from app.audit.actor import Actor
from app.audit.event import AuditEvent, AuditHead, record
from app.extensions import db
from tests.commands.conftest import invoke
from tests.tables import events


def note() -> int:
    number = record("logout", Actor("vera")).id
    db.session.commit()
    return number


def test_a_log_that_was_put_back_as_it_was_is_found_out_by_its_anchor(app: Flask, tmp_path: Path) -> None:
    file = tmp_path / "anchors"
    note()
    head = db.session.execute(select(AuditHead.last_id, AuditHead.last_hash)).one()
    last = note()
    assert f"Row {last} is anchored" in invoke(app, "audit", "anchor", str(file)).stdout
    assert "holds" in invoke(app, "audit", "verify", "--anchors", str(file)).stdout
    db.session.execute(delete(AuditEvent).where(AuditEvent.id == last))
    db.session.execute(update(AuditHead).values(last_id=head.last_id, last_hash=head.last_hash))
    db.session.commit()
    assert "holds" in invoke(app, "audit", "verify").stdout, "the database alone cannot tell"
    assert (
        f"row {last}, which was the last one" in invoke(app, "audit", "verify", "--anchors", str(file), code=1).stdout
    )
    note()  # goes on under the same number
    said = invoke(app, "audit", "verify", "--anchors", str(file), code=1).stdout
    assert f"row {last} is not the one" in said


def test_an_anchor_file_grows_and_nonsense_in_it_is_named(app: Flask, tmp_path: Path) -> None:
    file = tmp_path / "anchors"
    assert "Nothing has been recorded" in invoke(app, "audit", "anchor", str(file), code=1).stderr
    for _ in range(2):
        note()
        invoke(app, "audit", "anchor", str(file))
    assert [json.loads(line)["row"] for line in file.read_text().splitlines()] == [1, 2]
    file.write_text(file.read_text() + "nonsense\n")
    assert "anchor 3 cannot be read" in invoke(app, "audit", "verify", "--anchors", str(file), code=1).stdout


def test_the_export_holds_every_event_and_is_recorded(app: Flask) -> None:
    numbers = [note(), note()]
    lines = [json.loads(line) for line in invoke(app, "audit", "export").stdout.splitlines()]
    assert [line["id"] for line in lines] == numbers and lines[0]["actor"] == "vera"
    assert len(events("audit.exported")) == 1
    assert invoke(app, "audit", "export", "--until", "2001-01-01").stdout == ""

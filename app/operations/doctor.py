"""The doctor: goes through the checklist and says what is well, what is not, and what no program can see."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from app.extensions import db
from app.operations import preflight
from app.operations.checklist import Box
from app.operations.checklist_data import data_boxes
from app.operations.checklist_machine import machine_boxes, unseen_boxes
from app.operations.checklist_settings import settings_boxes
from config import Settings

CHECKLIST = [*settings_boxes.boxes, *machine_boxes.boxes, *data_boxes.boxes, *unseen_boxes.boxes]
log = logging.getLogger(__name__)
LATELY_SECONDS = 300
_lately: tuple[float, Settings, list[Check]] | None = None


@dataclass(frozen=True)
class Check:
    """A box that was looked at. ``status`` is pass, warn, fail or unknown (a program cannot see this)."""

    name: str
    status: str
    sentence: str
    hint: str


def examine(settings: Settings, *, production: bool) -> list[Check]:
    """Go through the whole checklist; ``production``: judge as where other people are served.

    Never raises: without keys or database, what can be looked at is looked at.
    """
    there = {""}
    if not preflight.database_problem(settings):
        there.add("database")
        if not preflight.migrations_problem():
            there.add("schema")
    return [_check(box, settings, production or settings.production, there) for box in CHECKLIST]


def examined_lately(settings: Settings) -> list[Check]:
    """What ``examine`` found within the last minutes: the overview must not go through it all at every look."""
    global _lately
    if _lately is None or time.monotonic() - _lately[0] > LATELY_SECONDS or _lately[1] is not settings:
        _lately = (time.monotonic(), settings, examine(settings, production=False))
    return _lately[2]


def _check(box: Box, settings: Settings, production: bool, there: set[str]) -> Check:
    if box.needs not in there:
        missing = "the database does not answer" if "database" not in there else "the database is not set up"
        return Check(box.name, "unknown", f"Not looked at: {missing}.", "")
    try:
        finding = box.look(settings)
    except Exception as error:  # one box that breaks must not hide the others
        log.debug("%s could not be looked at", box.name, exc_info=True)
        db.session.rollback()
        return Check(box.name, "unknown", f"Could not be looked at: {preflight.first_line(error)}", "")
    if finding.ok is None:
        return Check(box.name, "unknown", finding.sentence, finding.hint)
    if finding.ok:
        return Check(box.name, "pass", finding.sentence, finding.hint)
    fails = box.fails == "always" or (box.fails == "in production" and production)
    return Check(box.name, "fail" if fails else "warn", finding.sentence, finding.hint)

"""Several applications at once: turned down or archived, each for itself, and never approved."""

from __future__ import annotations

import re

from sqlalchemy import select
from werkzeug.test import TestResponse

from app.applications.streamer_application import StreamerApplication
from app.extensions import db
from tests.admin.test_review_queue import wish
from tests.applications.desk import desk
from tests.applications.wishes import apply
from tests.people import People, Person
from tests.postgres import on_both_databases
from tests.tables import events, everything

QUEUE = "/admin/applications"
SEEN = ("audit_event", "audit_head", "application_claim")


def choose(admin: Person, act: str, state: str = "pending", **typed: str) -> TestResponse:
    """Tick every box of the list, and press the button."""
    page = admin.get(f"{QUEUE}?state={state}")
    boxes = re.findall(r'name="chosen" form="bulk" value="(\d+:\d+)"', page.text)
    fields = next(form.fields for form in admin.forms(f"{QUEUE}?state={state}") if form.action == f"{QUEUE}/bulk")
    return admin.request(f"{QUEUE}/bulk", method="POST", data={**fields, "chosen": boxes, "act": act, **typed})


def states() -> list[str]:
    """The state of each, by id."""
    db.session.rollback()
    return list(db.session.scalars(select(StreamerApplication.status).order_by(StreamerApplication.id)))


@on_both_databases
def test_each_is_decided_for_itself_and_each_result_is_said(people: People) -> None:
    ada, alan = people.admin(), desk(people, "alan")
    first, _second, third = wish("first"), wish("second"), wish("third")
    page = ada.get(QUEUE)
    boxes = re.findall(r'value="(\d+:\d+)"', page.text)
    alan.approve(first)
    alan.ask(third)
    apply(ada, slug="own-wish", channel_name="Own wish")
    own = re.findall(r'value="(4:\d+)"', ada.get(QUEUE).text)
    fields = next(form.fields for form in ada.forms(QUEUE) if form.action == f"{QUEUE}/bulk")
    sent = {**fields, "chosen": [*boxes, *own, "999:1", "x", "1:x"], "act": "reject", "reason": "Too many."}
    answer = ada.request(f"{QUEUE}/bulk", method="POST", data=sent)
    assert answer.status_code == 200
    assert "This application was approved by alan on" in answer.text
    assert "alan asked for more on" in answer.text
    assert "It is your own. Another admin has to decide." in answer.text
    assert answer.text.count(">Done<") == 1
    assert states() == ["approved", "rejected", "needs_information", "pending"]
    assert [event.target_id for event in events("application.rejected")] == [2]


@on_both_databases
def test_what_is_decided_is_archived_and_what_waits_stays(people: People) -> None:
    ada, alan = people.admin(), desk(people, "alan")
    alan.reject(wish("alpha"))
    wish("second")
    answer = choose(ada, "archive", state="all")
    assert answer.text.count(">Done<") == 1
    assert "It still waits for a decision." in answer.text
    assert "alpha" not in ada.get(f"{QUEUE}?state=rejected").text.split("<main")[1]
    assert len(events("application.archived")) == 1


def test_nobody_approves_in_bulk_or_turns_down_without_a_word(people: People) -> None:
    ada = people.admin()
    wish("first")
    ada.get(QUEUE)
    before = everything(without=SEEN)
    assert choose(ada, "approve", reason="Welcome.").status_code == 400
    silent = choose(ada, "reject", note="For us.")
    assert silent.status_code == 400
    assert "Tell the applicants why." in silent.text
    assert "For us." in silent.text
    fields = next(form.fields for form in ada.forms(QUEUE) if form.action == f"{QUEUE}/bulk")
    nothing = ada.request(f"{QUEUE}/bulk", method="POST", data={**fields, "act": "archive"})
    assert nothing.status_code == 400
    assert "Choose at least one application" in nothing.text
    assert everything(without=SEEN) == before
    assert people.viewer().post(f"{QUEUE}/bulk", chosen="1:1", act="reject", reason="No.").status_code == 403

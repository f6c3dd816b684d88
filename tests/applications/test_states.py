"""The states of an application: each verb from where it may be done, and from nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.applications import applicant, claim, decision, erasure, flag, reveal, state, timeline, turnaround
from app.applications.reason_template import ReasonTemplate
from app.applications.refusal import CannotDecide, OwnApplication, StaleDecision
from app.applications.streamer_application import StreamerApplication
from app.audit import chain
from app.audit.actor import Actor
from app.auth import name as names
from app.auth.user import User
from app.channels.channel import Channel
from app.clock import Clock, now
from app.extensions import db
from app.workers.duty import DUTIES, perform
from tests.applications.desk import Desk, desk, newest, sent
from tests.people import People
from tests.postgres import on_both_databases
from tests.tables import events, everything

DAY = 24 * 3600
APPLICANT = Actor("applicant")
RECORD = ("audit_event", "audit_head", "announcement")


def verbs(at: Desk) -> dict[str, Callable[[StreamerApplication], object]]:
    """Everything anybody can do, on the application as it stands."""
    by = (at.admin, at.actor)
    return {
        "ask": lambda one: decision.ask(one, *by, version=one.version, reason="How often?"),
        "answer": lambda one: applicant.answer(one, APPLICANT, "Daily."),
        "approve": lambda one: decision.approve(one, *by, version=one.version, reason="Welcome."),
        "reject": lambda one: decision.reject(one, *by, version=one.version, reason="No."),
        "reopen": lambda one: decision.reopen(one, *by, version=one.version),
        "withdraw": lambda one: applicant.withdraw(one, APPLICANT),
        "reissue": lambda one: reveal.reissue(one, *by, version=one.version),
        "archive": lambda one: decision.archive(one, *by, version=one.version),
    }


@on_both_databases
@pytest.mark.parametrize("status", state.STATES)
def test_each_verb_is_done_where_the_table_allows_it_and_refused_elsewhere(people: People, status: str) -> None:
    at = desk(people)
    for verb, do in verbs(at).items():
        sent(people, slug=f"wish-{verb}")
        way_there = {
            "needs_information": ["ask"],
            "approved": ["approve"],
            "rejected": ["reject"],
            "withdrawn": ["withdraw"],
            "expired": ["approve", "expire"],
        }.get(status, [])
        for step in way_there:
            if step == "expire":
                newest().reveal_until = now() - timedelta(seconds=1)
                db.session.flush()
                assert reveal.expire_all() == 1
            else:
                verbs(at)[step](newest())
            db.session.commit()
        before = everything(without=RECORD)
        application = newest()
        assert application.status == status
        if state.allows(status, verb):
            do(application)
            db.session.commit()
            assert newest().status == state.after(status, verb), verb
        else:
            with pytest.raises(StaleDecision):
                do(application)
            assert everything(without=RECORD) == before, verb


@on_both_databases
def test_a_question_and_its_answer_stay_on_the_timeline_sealed(people: People) -> None:
    at, (application, _) = desk(people), sent(people)
    at.decide(decision.ask, application, reason="How often do you stream?", note="Sounds odd.")
    assert application.public_reason == "How often do you stream?"
    assert names.is_taken("star-watch"), "the address stays reserved"
    applicant.answer(application, APPLICANT, "Every clear night.")
    db.session.commit()
    steps = timeline.of(newest())
    assert [(one.step, one.told_text, one.remark_text, one.by.username if one.by else None) for one in steps] == [
        ("received", None, None, None),
        ("asked", "How often do you stream?", "Sounds odd.", "ada"),
        ("answered", "Every clear night.", None, None),
    ]
    stored = str(everything())
    for text in ("How often do you", "Sounds odd", "Every clear"):
        assert text not in stored
    assert [one.event for one in events("application.asked", "application.answered")] == [
        "application.asked",
        "application.answered",
    ]


@on_both_databases
def test_whoever_looked_before_the_answer_decides_nothing(people: People) -> None:
    at, (application, _) = desk(people), sent(people)
    looked_at = application.version
    at.ask(application)
    applicant.answer(application, APPLICANT, "Daily.")
    db.session.commit()
    with pytest.raises(StaleDecision):
        decision.approve(newest(), at.admin, at.actor, version=looked_at, reason="Welcome.")
    db.session.rollback()
    assert Channel.at("star-watch") is None


@on_both_databases
def test_a_rejection_taken_back_waits_again_under_its_address(people: People) -> None:
    at, (application, _) = desk(people), sent(people)
    at.reject(application)
    assert not names.is_taken("star-watch")
    at.decide(decision.reopen, newest())
    application = newest()
    assert (application.status, application.decided_at, application.public_reason) == ("pending", None, None)
    assert names.is_taken("star-watch")
    at.approve(application)
    assert Channel.at("star-watch") is not None


@on_both_databases
def test_it_cannot_be_taken_back_once_somebody_else_has_the_address(people: People) -> None:
    at, (application, _) = desk(people), sent(people)
    at.reject(application)
    people.account("star-watch")
    before = everything(without=RECORD)
    with pytest.raises(CannotDecide, match="taken meanwhile"):
        at.decide(decision.reopen, newest())
    assert everything(without=RECORD) == before


def test_nobody_does_anything_about_their_own_application(people: People) -> None:
    ada, alan = people.admin(), desk(people, "alan")
    sent(people, ada)
    own = Desk(db.session.scalars(select(User).where(User.username == "ada")).one())
    for verb in ("ask", "approve", "reject"):
        with pytest.raises(OwnApplication):
            verbs(own)[verb](newest())
    with pytest.raises(OwnApplication):
        decision.add_note(newest(), own.admin, own.actor, "I am good.")
    alan.reject(newest())
    with pytest.raises(OwnApplication):
        verbs(own)["reopen"](newest())
    alan.decide(decision.reopen, newest())
    assert newest().status == "pending", "another admin does"


@on_both_databases
def test_a_note_makes_nobodys_decision_go_stale(people: People) -> None:
    at, (application, _) = desk(people), sent(people)
    looked_at = application.version
    decision.add_note(application, at.admin, at.actor, "Ask Alan.")
    db.session.commit()
    assert [one.remark_text for one in timeline.of(newest()) if one.step == "noted"] == ["Ask Alan."]
    assert "noted" not in [one.step for one in timeline.seen_by_the_applicant(newest())]
    decision.approve(newest(), at.admin, at.actor, version=looked_at)
    db.session.commit()
    assert len(events("application.noted")) == 1


@on_both_databases
def test_opening_an_application_claims_it_and_another_may_take_it_over(people: People, clock: Clock) -> None:
    ada, alan, (application, _) = desk(people).admin, desk(people, "alan").admin, sent(people)
    version = application.version

    def claimed(admin: User, **how: bool) -> str:
        found = claim.claim(newest(), admin, **how)
        db.session.commit()
        assert found is not None
        return found.admin.username

    assert claimed(ada) == "ada"
    assert claimed(alan) == "ada", "others see who is at it"
    assert claimed(alan, take_over=True) == "alan"
    assert claimed(ada) == "alan"
    clock.offset_seconds = 11 * 60
    assert claim.of(newest()) is None, "it ends by itself"
    assert claimed(ada) == "ada"
    claim.release(newest(), alan)
    assert claim.of(newest()) is not None, "nobody lets go of another's"
    assert newest().version == version, "and no decision goes stale by it"
    assert [one.step for one in timeline.of(newest())] == ["received", "opened"], "the applicant sees it once"
    decision.reject(newest(), ada, Actor("ada", ada.id), version=version, reason="No.")
    db.session.commit()
    assert claim.of(newest()) is None
    assert claim.claim(newest(), ada) is None, "nothing is left to review"


@on_both_databases
def test_a_sign_in_that_nobody_fetches_expires_and_is_issued_anew(people: People, clock: Clock) -> None:
    at, (application, _) = desk(people), sent(people)
    at.approve(application)
    assert reveal.expire_all() == 0
    clock.offset_seconds = 7 * DAY + 1
    assert newest().shown_status == "expired", "on time, whenever the clockwork comes round"
    assert reveal.expire_all() == 1
    db.session.commit()
    assert newest().status == "expired"
    assert reveal.expire_all() == 0
    reveal.reissue(newest(), at.admin, at.actor, version=newest().version)
    db.session.commit()
    assert newest().status == "approved"
    assert reveal.can_reveal(newest(), None)
    assert len(events("application.expired")) == len(events("application.reissued")) == 1


@on_both_databases
def test_once_its_owner_has_signed_in_nothing_is_issued_anew(people: People) -> None:
    """Else whoever has the link, a mailbox for example, could be let into the account years later."""
    at, (application, _) = desk(people), sent(people)
    at.approve(application)
    newest().account.last_signed_in_at = now()  # type: ignore[union-attr]  # approval made it
    db.session.commit()
    before = everything(without=RECORD)
    with pytest.raises(CannotDecide, match="signed in already"):
        reveal.reissue(newest(), at.admin, at.actor, version=newest().version)
    assert everything(without=RECORD) == before


@on_both_databases
def test_erasing_leaves_the_decision_and_nothing_of_what_was_told(people: People) -> None:
    at, (application, link) = desk(people), sent(people)
    at.decide(decision.reject, application, reason="Too many stars.", note="Odd.")
    row = newest()
    before = (row.email_sealed.token, row.about_sealed.token, row.email_lookup, row.network_lookup, row.seal_id)
    erasure.erase(newest(), APPLICANT)
    db.session.commit()
    application = newest()
    assert (application.status, application.email, application.about, application.links) == ("rejected", "", "", [])
    assert (application.public_reason, application.note, application.slug) == (None, None, "")
    assert all(step.told_text is None and step.remark_text is None for step in timeline.of(application))
    stored = str(everything())
    assert not [value for value in before[:4] if str(value) in stored or repr(value) in stored]
    assert "Stella" not in stored
    assert people.visitor().get(link).status_code == 404
    (gone,) = events("application.submitted")
    assert (gone.ip, gone.user_agent, gone.actor_name) == (None, None, None)
    assert events("application.rejected")[0].actor_name == "ada", "who decided stays on record"
    assert chain.end_holds()
    assert len(events("application.erased")) == 1
    with pytest.raises(CannotDecide, match="erased"):
        at.decide(decision.reopen, newest())


@on_both_databases
def test_what_was_refused_or_taken_back_is_erased_when_it_is_due(people: People, clock: Clock) -> None:
    at = desk(people)
    for slug in ("one-waits", "one-is-asked", "one-is-approved", "one-is-rejected", "one-is-withdrawn"):
        sent(people, slug=slug)
        if slug == "one-is-asked":
            at.ask(newest())
        elif slug == "one-is-approved":
            at.approve(newest())
        elif slug == "one-is-rejected":
            at.reject(newest())
        elif slug == "one-is-withdrawn":
            applicant.withdraw(newest(), APPLICANT)
            db.session.commit()
    clock.offset_seconds = 30 * DAY - 60
    assert erasure.erase_overdue(30) == 0
    clock.offset_seconds = 30 * DAY + 60
    assert erasure.erase_overdue(30) == 2
    db.session.commit()
    assert erasure.erase_overdue(30) == 0
    kept = db.session.scalars(select(StreamerApplication.slug).where(StreamerApplication.erased_at.is_(None))).all()
    assert set(kept) == {"one-waits", "one-is-asked", "one-is-approved"}
    assert {event.actor_name for event in events("application.erased")} == {"streamzy"}


@on_both_databases
def test_flags_say_what_to_look_at_twice(people: People) -> None:
    people.streamer("moonlight")
    for number, (slug, name, email, address) in enumerate(
        (
            ("quiet-hill", "Quiet hill", "q@example.org", "198.51.100.7"),
            ("moon-light-2", "Another", "m@example.org", "198.51.100.8"),
            ("other-one", "M\u00f6\u00f6nlight!", "M@example.org", "198.51.100.9"),
            ("far-away", "Far away", "f@example.org", "203.0.113.1"),
        )
    ):
        sent(people, people.visitor(address=address), slug=slug, channel_name=name, email=email)
        assert newest().id == number + 1
    rows = list(db.session.scalars(select(StreamerApplication).order_by(StreamerApplication.id)))
    kinds = {one.slug: [found.kind for found in flag.of_all(rows)[one.id]] for one in rows}
    assert kinds == {
        "quiet-hill": ["same_network"],
        "moon-light-2": ["duplicate_contact", "similar_name", "same_network"],
        "other-one": ["duplicate_contact", "similar_name", "same_network"],
        "far-away": [],
    }
    assert "198.51.100" not in str(everything(without=RECORD)), "the network is kept as a keyed hash only"


def test_how_long_it_usually_takes_is_said_from_five_real_decisions_on(people: People, clock: Clock) -> None:
    at = desk(people)
    for number in range(5):
        assert turnaround.usual() is None
        clock.offset_seconds = 0
        sent(people, slug=f"wish-{number}")
        clock.offset_seconds = 3600 * (number + 2)
        at.reject(newest())
    wait = turnaround.usual()
    assert wait is not None
    assert turnaround.in_words(wait) == "within 4 hours"
    assert [turnaround.in_words(timedelta(hours=hours)) for hours in (0.1, 30, 60)] == [
        "within an hour",
        "within 30 hours",
        "within 3 days",
    ]


@on_both_databases
def test_admins_edit_the_texts_that_answers_begin_with(people: People) -> None:
    at, (application, _) = desk(people), sent(people)
    template = ReasonTemplate.add(at.admin, at.actor, decision="ask", title="Logs", text="{slug}: {__class__} {x}")
    db.session.commit()
    assert template.filled(application) == "star-watch: {__class__} {x}", "known places only, and no code"
    template.change(at.admin, at.actor, version=1, decision="ask", title="Logs", text="{reference}?")
    db.session.commit()
    assert template.filled(application) == f"{application.reference}?"
    with pytest.raises(StaleDecision):
        template.change(at.admin, at.actor, version=1, decision="ask", title="Mine", text="?")
    db.session.rollback()
    template.remove(at.actor)
    db.session.commit()
    assert "Logs" not in [one.title for one in ReasonTemplate.all("ask")]
    assert len(events("reason_template.added", "reason_template.changed", "reason_template.removed")) == 3


@on_both_databases
def test_every_step_is_announced_for_whoever_looks_at_the_queue(people: People) -> None:
    from app.auth.announcement import announced

    heard: list[tuple[str, str]] = []

    def listen(news: object) -> None:
        if getattr(news, "kind", "") == "application_changed":
            heard.append((news.details["step"], news.details["status"]))  # type: ignore[attr-defined]  # a News

    at = desk(people)
    with announced.connected_to(listen):
        sent(people)
        at.ask(newest())
        applicant.answer(newest(), APPLICANT, "Daily.")
        db.session.rollback()
        assert heard == [("received", "pending"), ("asked", "needs_information")], "and not what was rolled back"
        at.approve(newest())
    assert heard[-1] == ("approved", "approved")


@pytest.mark.settings(APPLICATION_RETENTION_DAYS="30")
def test_time_does_its_part_without_a_visitor(people: People, clock: Clock) -> None:
    at = desk(people)
    sent(people, slug="one-approved")
    at.approve(newest())
    sent(people, slug="one-rejected")
    at.reject(newest())
    clock.offset_seconds = 31 * DAY
    assert perform(DUTIES["application_expiry"])
    assert perform(DUTIES["application_retention"])
    db.session.rollback()
    rows = db.session.execute(
        select(StreamerApplication.status, StreamerApplication.erased_at).order_by(StreamerApplication.id)
    ).all()
    assert [(row.status, row.erased_at is not None) for row in rows] == [("expired", False), ("rejected", True)]


@pytest.mark.settings(APPLICATION_RETENTION_DAYS="0")
def test_nothing_is_erased_where_the_operator_wants_to_keep_it(people: People, clock: Clock) -> None:
    at = desk(people)
    sent(people)
    at.reject(newest())
    clock.offset_seconds = 1000 * DAY
    assert perform(DUTIES["application_retention"])
    assert newest().erased_at is None

"""The private page: it says where an application stands, takes an answer, and forgets everything when it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from app.applications import applicant, claim, decision
from app.applications.refusal import StaleDecision
from app.applications.streamer_application import StreamerApplication
from app.audit.actor import Actor
from app.channels.channel import Channel
from app.clock import Clock
from app.extensions import db
from tests.applications.desk import Desk, desk, newest, sent
from tests.applications.wishes import apply, private_link, revealed_on, status_on
from tests.people import People
from tests.postgres import on_both_databases
from tests.tables import events, everything

DAY = 24 * 3600
RECORD = ("audit_event", "audit_head")


def test_it_says_where_the_application_stands_with_dates_and_names_no_admin(people: People, clock: Clock) -> None:
    at, stella = desk(people), people.visitor()
    application, link = sent(people, stella)
    assert "Waiting for a person" in stella.get(link).text
    claim.claim(application, at.admin)
    db.session.commit()
    page = stella.get(link)
    assert status_on(page) == "pending"
    assert "In review" in page.text
    assert "A person began to read it" in page.text
    at.ask(newest(), "How often?")
    page = stella.get(link)
    assert status_on(page) == "needs_information"
    assert "How often?" in page.text
    applicant.answer(newest(), Actor("applicant"), "Daily.")
    db.session.commit()
    at.decide(decision.reject, newest(), reason="Too many stars.", note="Sounds odd.")
    page = stella.get(link)
    assert status_on(page) == "rejected"
    for words in ("Too many stars.", "Daily.", "Not approved", "you may apply again from now on", "erased 90 days"):
        assert words in page.text
    assert page.text.count("<time datetime=") >= 5, "each step with its date"
    assert "Sounds odd" not in page.text
    assert "ada" not in page.text
    for name, value in {
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex, nofollow",
        "Referrer-Policy": "no-referrer",
    }.items():
        assert page.headers[name] == value


def test_a_sign_in_that_was_not_fetched_in_time_says_expired_at_once(people: People, clock: Clock) -> None:
    at, (application, link) = desk(people), sent(people)
    at.approve(application)
    clock.offset_seconds = 7 * DAY + 1
    page = people.visitor().get(link)
    assert status_on(page) == "expired"
    assert "An admin has to issue it anew" in page.text


@on_both_databases
def test_a_question_is_answered_on_the_page_and_the_application_waits_again(people: People) -> None:
    at, stella = desk(people), people.visitor()
    application, link = sent(people, stella)
    assert not any(form.action.endswith("/answer") for form in stella.forms(link)), "nothing is asked"
    at.ask(application)
    assert stella.post_form(f"{link}/answer", on=link, answer="Every clear <b>night</b>.").location == link
    page = stella.get(link)
    assert status_on(page) == "pending"
    assert "Every clear &lt;b&gt;night&lt;/b&gt;." in page.text
    assert "Every clear" not in str(everything())
    late = stella.post(f"{link}/answer", on=link, answer="And one more thing.")
    assert late.status_code == 409
    assert "And one more thing." in late.text, "it is kept"
    assert len(events("application.answered")) == 1


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Type your answer."),
        ("  ", "There is nothing to read here."),
        ("x" * 2001, "Use at most 2000 characters"),
        ("\U0001f600" * 5000, "Use at most 2000 characters"),
        ("a\0b", "It holds a control character"),
        ("<script>steal()</script>", "This looks like an attack"),
    ],
)
def test_an_answer_that_is_refused_says_why_beside_the_box_and_changes_nothing(
    people: People, typed: str, words: str
) -> None:
    at, stella = desk(people), people.visitor()
    application, link = sent(people, stella)
    at.ask(application)
    before = everything(without=RECORD)
    answer = stella.post_form(f"{link}/answer", on=link, answer=typed)
    assert answer.status_code == 400
    assert words in answer.text.partition('id="answer-error">')[2].partition("</p>")[0]
    assert 'aria-describedby="answer-help answer-error"' in answer.text
    assert everything(without=RECORD) == before


@on_both_databases
def test_an_applicant_erases_everything_once_the_box_is_ticked(people: People) -> None:
    stella = people.visitor()
    _, link = sent(people, stella)
    before = everything(without=RECORD)
    assert stella.post_form(f"{link}/erase", on=link).status_code == 400
    assert everything(without=RECORD) == before
    assert stella.post_form(f"{link}/erase", on=link, confirm="y").location == "/apply"
    assert stella.get(link).status_code == 404
    assert "is erased" in stella.get("/apply").text
    application = newest()
    assert (application.status, application.email, application.about) == ("withdrawn", "", "")
    assert len(events("application.erased")) == len(events("application.withdrawn")) == 1
    assert apply(people.visitor()).status_code == 200, "and the address is free"


def test_what_holds_a_sign_in_that_waits_is_not_erased(people: People) -> None:
    """Else the channel would be open and nobody could ever come in."""
    at, stella = desk(people), people.visitor()
    application, link = sent(people, stella)
    at.approve(application)
    assert not any(form.action.endswith("/erase") for form in stella.forms(link))
    assert stella.post(f"{link}/erase", on=link, confirm="y").status_code == 409
    assert revealed_on(stella.post_form(f"{link}/reveal", on=link)) is not None
    assert stella.post_form(f"{link}/erase", on=link, confirm="y").location == "/apply"
    assert Channel.at("star-watch") is not None


def test_nobody_erases_or_answers_through_another_link(people: People) -> None:
    at, (application, _) = desk(people), sent(people)
    at.ask(application)
    before = everything(without=RECORD)
    for verb in ("erase", "answer", "withdraw"):
        forged = people.visitor().post(f"/apply/status/{'x' * 43}/{verb}", confirm="y", answer="Mine.")
        assert forged.status_code == 404
    assert people.visitor().get(f"/apply/status/{'x' * 43}/link.txt").status_code == 404
    assert everything(without=RECORD) == before


def test_the_link_can_be_kept_as_a_file(people: People) -> None:
    stella = people.visitor()
    received = apply(stella)
    link = private_link(received)
    assert f'href="{link}/link.txt"' in received.text
    file = stella.get(f"{link}/link.txt")
    assert file.mimetype == "text/plain"
    assert file.headers["Content-Disposition"] == f"attachment; filename=streamzy-{newest().reference}.txt"
    assert f"http://localhost{link}\n" in file.text
    assert file.headers["Cache-Control"] == "no-store"


@on_both_databases
@pytest.mark.parametrize("first", ["withdraw", "approve"])
def test_of_a_withdrawal_and_an_approval_that_both_saw_it_undecided_one_wins(
    app: Flask, people: People, first: str
) -> None:
    at, (application, _) = desk(people), sent(people)
    version = application.version
    admin_id = at.admin.id
    db.session.rollback()
    seen, went = threading.Barrier(2), threading.Event()

    def act(verb: str, do: Callable[[StreamerApplication], object]) -> str:
        with app.app_context():
            found = db.session.get_one(StreamerApplication, 1)
            assert found.version == version
            seen.wait(30)
            if verb != first:
                assert went.wait(30)
            try:
                do(found)
                db.session.commit()
                return verb
            except StaleDecision:
                db.session.rollback()
                return "stale"
            finally:
                went.set()

    def approve(found: StreamerApplication) -> None:
        from app.auth.user import User

        admin = Desk(db.session.get_one(User, admin_id))
        decision.approve(found, admin.admin, admin.actor, version=version)

    with ThreadPoolExecutor(2) as pool:
        both = [
            pool.submit(act, "withdraw", lambda found: applicant.withdraw(found, Actor("applicant"))),
            pool.submit(act, "approve", approve),
        ]
        assert sorted(one.result() for one in both) == sorted([first, "stale"])
    assert newest().status == {"withdraw": "withdrawn", "approve": "approved"}[first]
    assert (Channel.at("star-watch") is not None) == (first == "approve")
    assert len(events("application.withdrawn", "application.approved")) == 1

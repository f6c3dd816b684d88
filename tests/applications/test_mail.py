"""Mail: one letter a step, with a link and nothing else; tried again, given up in sight of admins, never needed."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gevent
import pytest
from flask import Flask
from sqlalchemy import select

from app.applications import erasure, letter, postman
from app.applications.letter import Letter
from app.audit.actor import Actor
from app.clock import Clock, now
from app.extensions import db
from app.workers.duty import DUTIES, perform
from tests.applications.desk import desk, newest, sent
from tests.applications.postbox import MAIL, Postbox, mail_server
from tests.applications.wishes import WISHES, apply, private_link, status_on
from tests.people import People
from tests.postgres import on_both_databases
from tests.tables import events, everything

with_mail = pytest.mark.settings(**MAIL)


@pytest.fixture
def box(app: Flask) -> Iterator[Postbox]:
    """A mail server without TLS."""
    found = Postbox()
    with mail_server(app, found):
        yield found


def deliver(clock: Clock, after: float = 16) -> None:
    """Let the clockwork come round."""
    clock.offset_seconds += after
    db.session.rollback()
    assert perform(DUTIES["mail"])
    db.session.rollback()


def letters() -> list[Letter]:
    """What waits or was given up."""
    db.session.rollback()
    return list(db.session.scalars(select(Letter).order_by(Letter.id).execution_options(populate_existing=True)))


def ours(caplog: pytest.LogCaptureFixture) -> str:
    """What was logged, but by the mail server: that is nobody's but its operator's."""
    return "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("mail."))


@with_mail
@on_both_databases
def test_receipt_question_and_decision_are_mailed_with_a_link_and_nothing_else(
    people: People, clock: Clock, box: Postbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    at = desk(people)
    sent(people)
    assert box.given == [], "nobody waits for the mail server"
    at.ask(newest(), "How often?")
    at.reject(newest(), "Too many stars.", note="Sounds odd.")
    waiting = str(everything())
    deliver(clock)
    assert [to for to, _ in box.given] == [["stella@example.org"]] * 3
    assert [message["Subject"] for _, message in box.given] == list(postman.SUBJECTS.values())
    assert {message["From"] for _, message in box.given} == {MAIL["MAIL_DEFAULT_SENDER"]}
    for private in ("Stella", "star-watch", "How often", "Too many", "odd", "ada", newest().reference):
        assert private not in "".join(box.bodies())
    assert len(set(box.links())) == 3, "each has a link of its own: no earlier one is known any more"
    for body, link in zip(box.bodies(), box.links(), strict=True):
        assert f"\n{MAIL['PUBLIC_URL']}{link}\n" in body.replace("\r\n", "\n")
        assert status_on(people.visitor().get(link)) == "rejected"
        token = link.rpartition("/")[2]
        assert token not in waiting + str(everything())
        assert token not in ours(caplog)
    assert "stella@example.org" not in waiting + ours(caplog)
    assert letters() == [], "what was sent is kept no longer"
    deliver(clock)
    assert len(box.given) == 3


@with_mail
def test_an_approval_is_mailed_without_name_and_password(people: People, clock: Clock, box: Postbox) -> None:
    at, (application, _) = desk(people), sent(people)
    at.approve(application)
    deliver(clock)
    link = box.links()[-1]
    assert people.visitor().post_form(f"{link}/reveal", on=link).status_code == 200
    deliver(clock)
    assert len(box.given) == 2
    assert "star-watch" not in "".join(box.bodies())


@on_both_databases
def test_without_a_mail_server_nothing_is_written_and_nothing_is_missing(people: People, clock: Clock) -> None:
    at, (application, link) = desk(people), sent(people)
    at.reject(application)
    deliver(clock)
    assert letters() == []
    assert status_on(people.visitor().get(link)) == "rejected"
    ada = people.visitor().sign_in("ada")
    assert "/admin/letters" not in ada.get("/admin/applications").text
    assert "No mail server is set" in ada.get("/admin/letters").text


@with_mail
@on_both_databases
def test_a_letter_is_tried_again_ever_later_and_given_up_in_sight_of_admins(
    people: People, clock: Clock, box: Postbox
) -> None:
    sent(people)
    ada = people.admin()
    box.refusal = "451 Not now, stella@example.org"
    pauses = []
    for _ in range(letter.MOST_TRIES):
        clock.offset_seconds += 6 * 3600
        began = now()
        deliver(clock)
        (waiting,) = letters()
        assert waiting.problem == "the address was refused (451)"
        if waiting.due_at:
            pauses.append(round((waiting.due_at - began).total_seconds() / 60))
            assert "could not be mailed" not in ada.get("/admin/").text
    assert pauses == [1, 4, 16, 64, 256, 360, 360]
    assert waiting.due_at is None
    box.refusal = ""
    deliver(clock, after=24 * 3600)
    assert box.given == [], "given up is given up"
    (recorded,) = events("letter.given_up")
    assert (recorded.target_name, recorded.details) == (newest().reference, {"problem": waiting.problem})
    ada = people.visitor().sign_in("ada")
    assert "1 letter to applicants could not be mailed" in ada.get("/admin/").text
    page = ada.get("/admin/letters").text
    assert "the address was refused (451)" in page
    lost = 'The receipt could not be mailed: <a href="/admin/letters">the address was refused (451)</a>'
    assert lost in ada.get("/admin/applications/1").text
    assert "stella@example.org" not in page + str(everything())
    ada.post_form("/admin/letters/retry", on="/admin/letters")
    for address in ("/admin/", "/admin/applications/1"):
        assert "could not be mailed" not in ada.get(address).text
    deliver(clock)
    assert len(box.given) == 1
    assert letters() == []
    assert [event.actor_name for event in events("letter.retried")] == ["ada"]


@with_mail
def test_a_letter_that_was_put_off_arrives_not_before_its_time(people: People, clock: Clock, box: Postbox) -> None:
    sent(people)
    box.refusal = "450 Greylisted"
    deliver(clock)
    box.refusal = ""
    deliver(clock)
    assert box.given == []
    deliver(clock, after=61)
    assert len(box.given) == 1


@with_mail
@on_both_databases
def test_an_address_that_does_not_exist_is_given_up_at_once_and_can_be_forgotten(
    people: People, clock: Clock, box: Postbox
) -> None:
    sent(people)
    box.refusal = "550 No such user"
    deliver(clock)
    assert [(one.tries, one.due_at) for one in letters()] == [(1, None)]
    ada = people.admin()
    ada.post_form("/admin/letters/drop", on="/admin/letters")
    assert letters() == []
    assert "Every letter went out" in ada.get("/admin/letters").text
    assert ada.post("/admin/letters/drop").location == "/admin/letters"
    assert len(events("letter.dropped")) == 1, "nothing done is nothing to record"


@with_mail
def test_what_was_given_up_stands_there_for_a_month(people: People, clock: Clock, box: Postbox) -> None:
    sent(people)
    box.refusal = "550 No such user"
    deliver(clock)
    deliver(clock, after=29 * 24 * 3600)
    assert letter.given_up() == 1
    deliver(clock, after=2 * 24 * 3600)
    assert letter.given_up() == 0


@with_mail
@on_both_databases
def test_while_the_server_is_away_one_letter_knocks_for_all(app: Flask, people: People, clock: Clock) -> None:
    for number in range(3):
        sent(people, slug=f"wish-{number}")
    deliver(clock)
    assert [(one.tries, one.problem) for one in letters()] == [(1, "nothing answers there"), (0, ""), (0, "")]
    box = Postbox()
    with mail_server(app, box):
        deliver(clock, after=61)
    assert len(box.given) == 3


@with_mail
@on_both_databases
def test_who_erased_everything_gets_no_letter(people: People, clock: Clock, box: Postbox) -> None:
    sent(people)
    erasure.erase(newest(), Actor("applicant"))
    db.session.commit()
    deliver(clock)
    assert (letters(), box.given) == ([], [])


@with_mail
def test_a_server_that_is_rude_in_parting_gets_the_letter_once(people: People, clock: Clock, box: Postbox) -> None:
    sent(people)
    box.farewell = "500 What?"
    deliver(clock)
    deliver(clock, after=24 * 3600)
    assert len(box.given) == 1


@with_mail
@on_both_databases
def test_of_two_workers_who_are_both_at_it_each_letter_is_sent_by_one(
    app: Flask, people: People, clock: Clock, box: Postbox
) -> None:
    """As if the lease had not held: while the first letter is on its way, another worker goes through the outbox."""
    for number in range(3):
        sent(people, slug=f"wish-{number}", email=f"stella{number}@example.org")

    def another_worker() -> None:
        with app.app_context():
            for _ in postman.deliver():
                db.session.commit()

    box.before_taking.append(another_worker)
    deliver(clock)
    assert sorted(to for (to,), _ in box.given) == [f"stella{number}@example.org" for number in range(3)]
    assert letters() == []


@with_mail
@on_both_databases
def test_five_workers_send_each_letter_once(app: Flask, people: People, clock: Clock, box: Postbox) -> None:
    for number in range(4):
        sent(people, slug=f"wish-{number}", email=f"stella{number}@example.org")
    clock.offset_seconds += 16
    start = threading.Barrier(5)

    def work(_: int) -> bool:
        with app.app_context():
            start.wait()
            return perform(DUTIES["mail"])

    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(work, range(5))) == [False] * 4 + [True]
    assert sorted(to for (to,), _ in box.given) == [f"stella{number}@example.org" for number in range(4)]


@with_mail
@on_both_databases
@pytest.mark.parametrize("taken", [True, False])
def test_killed_in_the_middle_the_letter_goes_out_later(
    people: People, clock: Clock, box: Postbox, taken: bool
) -> None:
    """Killed once the server took the letter it is sent twice, which is better than never."""
    sent(people)
    clock.offset_seconds += 16
    db.session.rollback()
    child = os.fork()
    if child == 0:
        gevent.reinit()
        db.engine.dispose(close=False)
        perform(DUTIES["mail"])
        os._exit(1)
    box.before_taking.append(lambda: os.kill(child, signal.SIGKILL))
    if not taken:
        box.take = False
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert [one.tries for one in letters()] == [1]
    box.take = True
    deliver(clock, after=91)  # the dead worker's lease has run out
    assert letters() == []
    assert len(box.given) == 1 + taken
    for link in box.links():
        assert status_on(people.visitor().get(link)) == "pending"


@with_mail
@pytest.mark.parametrize("address", ["a@example.org\r\nBcc: all@example.org", "a@example.org\n\nBuy", "\r\n.\r\n"])
def test_no_header_is_added_through_an_address(people: People, clock: Clock, box: Postbox, address: str) -> None:
    """Forced past the form, as if its checks did not exist."""
    application, _ = sent(people)
    application.email = address
    db.session.commit()
    deliver(clock)
    assert box.given == []
    assert letter.given_up() == 1


@with_mail
def test_a_domain_in_letters_of_its_own_is_written_as_mail_servers_know_it(
    people: People, clock: Clock, box: Postbox
) -> None:
    sent(people, email="stella@b\u00fccher.example")
    sent(people, email="st\u00e9lla@example.org", slug="other-one")
    deliver(clock)
    assert [to for to, _ in box.given] == [["stella@xn--bcher-kva.example"]]
    assert [one.problem for one in letters()] == ["the server cannot do what this needs"]


@with_mail
def test_nobodys_mailbox_is_filled_by_strangers(people: People, clock: Clock, box: Postbox) -> None:
    at = desk(people)
    answers = [
        apply(people.visitor(), slug=f"wish-{number}", email="Stella@example.org" if number % 2 else WISHES["email"])
        for number in range(5)
    ]
    assert {answer.status_code for answer in answers} == {200}, "all are answered alike"
    deliver(clock)
    assert len(box.given) == 3
    at.reject(newest())
    sent(people, slug="another-one", email="other@example.org")
    deliver(clock)
    assert len(box.given) == 5, "what an admin says always goes out, and others have their own measure"
    assert apply(people.visitor(), slug="wish-0", email="third@example.org").status_code == 409
    assert [apply(people.visitor(), slug=f"more-{n}", email="third@example.org").status_code for n in range(3)] == [
        200
    ] * 3
    deliver(clock)
    assert len(box.given) == 8, "what was refused counts for nothing"


@with_mail
def test_the_pages_say_what_is_mailed(people: People) -> None:
    assert "mailed to you, too" in people.visitor().get("/apply").text
    answer = apply(people.visitor())
    assert "mailed to you, too" in answer.text
    assert private_link(answer)


@pytest.mark.parametrize("what", ["retry", "drop"])
def test_only_admins_do_anything_about_letters(people: People, what: str) -> None:
    vera: Any = people.viewer()
    assert vera.get("/admin/letters").status_code == 403
    assert vera.post(f"/admin/letters/{what}").status_code == 403

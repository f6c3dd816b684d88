"""Deciding: once, by an admin, on what was really looked at, and never on one's own application."""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import delete, event, select
from werkzeug.test import TestResponse

from app.applications import applicant, decision
from app.applications.streamer_application import StreamerApplication
from app.audit.actor import Actor
from app.audit.event import AuditHead
from app.auth import name as names
from app.auth.user import User
from app.channels.channel import Channel
from app.extensions import db
from tests.applications.postbox import MAIL
from tests.applications.wishes import apply, private_link, revealed_on, status_on
from tests.conftest import NewVisitor
from tests.people import PASSWORD, People, Person
from tests.postgres import on_both_databases, on_postgresql
from tests.streamzy_server import StreamzyServer
from tests.tables import events, everything

PAGE = "/admin/applications/1"
RECORD = ("audit_event", "audit_head", "application_claim")  # and how long somebody has it open


def decide(admin: Person, how: str, reason: str = "Welcome.", note: str = "", page: str = PAGE) -> TestResponse:
    """Open the application, fill in the decision, and press the button."""
    fields = next(form.fields for form in admin.forms(page) if form.action == f"{page}/approve")
    return admin.request(f"{page}/{how}", method="POST", data={**fields, "reason": reason, "note": note})


@on_both_databases
def test_approving_opens_the_channel_and_the_account(people: People) -> None:
    applicant, ada = people.visitor(), people.admin()
    link = private_link(apply(applicant))
    assert decide(ada, "approve", "Welcome to the stars.").location == PAGE
    channel = Channel.at("star-watch")
    assert channel is not None
    assert (channel.title, channel.owner.username, channel.owner.role) == (
        "Stella's star watch \u2728",
        "star-watch",
        "streamer",
    )
    assert channel.owner.must_change_password
    assert channel.owner.password_hash is None, "nobody has a password until it is revealed"
    page = applicant.get(link)
    assert status_on(page) == "approved"
    assert "Welcome to the stars." in page.text
    assert applicant.get("/c/star-watch").status_code == 200
    (event,) = events("application.approved")
    application = db.session.scalars(select(StreamerApplication)).one()
    assert (event.actor_name, event.target_name, event.target_id) == ("ada", application.reference, 1)
    assert application.decided_by is not None
    assert application.decided_by.username == "ada"


@on_both_databases
def test_approving_takes_over_nobodys_account(people: People) -> None:
    """Whoever gets hold of the link must not get hold of an account that was there before."""
    vera, ada = people.viewer(), people.admin()
    elsewhere = people.visitor().sign_in("vera")
    link = private_link(apply(vera))
    decide(ada, "approve")
    channel = Channel.at("star-watch")
    assert channel is not None
    assert channel.owner.username == "vera"
    assert channel.owner.role == "streamer"
    assert not vera.signed_in, "rights changed: whoever holds an old session shows the password again"
    assert not elsewhere.signed_in
    stranger = people.visitor()
    page = stranger.get(link)
    assert status_on(page) == "approved"
    assert not any(form.action.endswith("/reveal") for form in stranger.forms(link))
    assert stranger.post(f"{link}/reveal", on=link).status_code == 409
    assert revealed_on(stranger.get(link)) is None
    assert vera.sign_in("vera").signed_in, "name and password stay as they were"
    assert User.named("star-watch") is None
    assert names.is_taken("star-watch"), "and the address is no longer free for anybody's name"


@on_both_databases
def test_rejecting_tells_why_and_gives_the_address_free(people: People) -> None:
    applicant, ada = people.visitor(), people.admin()
    link = private_link(apply(applicant))
    assert decide(ada, "reject", "Too many stars <already>.", "He sounds odd.").location == PAGE
    page = applicant.get(link)
    assert status_on(page) == "rejected"
    assert "Too many stars &lt;already&gt;." in page.text
    assert "He sounds odd" not in page.text, "the note stays with the admins"
    assert "He sounds odd" in ada.get(PAGE).text
    assert "ada" not in page.text, "who decided is nobody's business but the admins'"
    assert not names.is_taken("star-watch")
    assert Channel.at("star-watch") is None
    assert User.named("star-watch") is None
    assert len(events("application.rejected")) == 1
    assert apply(people.visitor()).status_code == 200


def test_rejecting_without_a_word_is_refused_and_keeps_the_note(people: People) -> None:
    apply(people.visitor())
    answer = decide(people.admin(), "reject", reason="  ", note="He sounds odd.")
    assert answer.status_code == 400
    assert "Tell the applicant why." in answer.text
    assert "He sounds odd." in answer.text
    assert db.session.scalars(select(StreamerApplication.status)).one() == "pending"


def test_an_answer_that_cannot_be_is_refused_in_words_and_kept(people: People) -> None:
    apply(people.visitor())
    ada = people.admin()
    ada.get(PAGE)
    before = everything(without=RECORD)
    for field in ("reason", "note"):
        for wrong, words in (
            ("x" * 2001, "Use at most 2000 characters. These are 2001."),
            ("\U0001f600" * 5000, "Use at most 2000 characters."),
            ("No\0pe.", "It holds a control character"),
        ):
            answer = decide(ada, "reject", **{"reason": "No.", field: wrong})
            assert answer.status_code == 400
            assert words in answer.text.partition(f'id="{field}-error">')[2].partition("</p>")[0]
            assert wrong in answer.text
    assert everything(without=RECORD) == before


@on_both_databases
@pytest.mark.parametrize("second", ["approve", "reject"])
def test_whoever_comes_second_is_told_who_was_faster_and_keeps_what_they_wrote(people: People, second: str) -> None:
    apply(people.visitor())
    ada, alan = people.admin(), people.admin("alan")
    fields = next(form.fields for form in alan.forms(PAGE) if form.action == f"{PAGE}/approve")
    decide(ada, "approve")
    before = everything(without=RECORD)
    typed = {"reason": "My long answer.", "note": "My long note."}
    answer = alan.request(f"{PAGE}/{second}", method="POST", data={**fields, **typed})
    assert answer.status_code == 409
    assert "This application was approved by ada on " in answer.text
    assert " UTC" in answer.text
    assert "My long answer." in answer.text
    assert "My long note." in answer.text
    assert everything(without=RECORD) == before
    assert len(events("application.approved", "application.rejected")) == 1


@pytest.mark.parametrize("version", ["", "0", "2", "-1", "1.0", "x", "\u0661", "9" * 30])
def test_a_decision_on_another_state_than_was_looked_at_is_refused(people: People, version: str) -> None:
    apply(people.visitor())
    ada = people.admin()
    ada.get(PAGE)
    before = everything(without=RECORD)
    answer = ada.post(f"{PAGE}/approve", on=PAGE, reason="Welcome.", version=version)
    assert answer.status_code == (400 if version == "" else 409)
    assert everything(without=RECORD) == before


def test_an_application_taken_back_can_no_longer_be_decided(people: People) -> None:
    applicant, ada = people.visitor(), people.admin()
    link = private_link(apply(applicant))
    fields = next(form.fields for form in ada.forms(PAGE) if form.action == f"{PAGE}/approve")
    applicant.post_form(f"{link}/withdraw", on=link)
    answer = ada.request(f"{PAGE}/approve", method="POST", data={**fields, "reason": "Welcome."})
    assert answer.status_code == 409
    assert "was withdrawn" in answer.text
    assert Channel.at("star-watch") is None


@pytest.mark.parametrize("how", ["approve", "reject"])
def test_nobody_decides_their_own_application(people: People, how: str) -> None:
    ada, alan = people.admin(), people.admin("alan")
    apply(ada)
    assert "This is your own application" in ada.get(PAGE).text
    before = everything(without=RECORD)
    answer = ada.post(f"{PAGE}/{how}", on=PAGE, reason="I am good.", version="1")
    assert answer.status_code == 403
    assert "Nobody decides their own application." in answer.text
    assert everything(without=RECORD) == before
    assert decide(alan, how).status_code == 302, "another admin does"


def test_an_admin_who_applied_stays_an_admin(people: People) -> None:
    ada, alan = people.admin(), people.admin("alan")
    apply(ada)
    decide(alan, "approve")
    channel = Channel.at("star-watch")
    assert channel is not None
    assert (channel.owner.username, channel.owner.role) == ("ada", "admin")


@on_both_databases
def test_an_account_gets_one_channel(people: People) -> None:
    stella, ada = people.streamer(), people.admin()
    apply(stella)
    ada.get(PAGE)
    before = everything(without=RECORD)
    answer = decide(ada, "approve")
    assert answer.status_code == 409
    assert "stella owns a channel already." in answer.text
    assert everything(without=RECORD) == before


@on_both_databases
def test_what_cannot_be_recorded_does_not_happen(people: People) -> None:
    """The audit log fails closed: a decision that leaves no trace is not made."""
    applicant, ada = people.visitor(), people.admin()
    apply(applicant)
    fields = next(form.fields for form in ada.forms(PAGE) if form.action == f"{PAGE}/approve")
    db.session.execute(delete(AuditHead))
    db.session.commit()
    before = everything()
    answer = ada.request(f"{PAGE}/approve", method="POST", data={**fields, "reason": "Welcome."})
    assert answer.status_code == 500
    assert everything() == before


@on_both_databases
def test_the_queue_shows_what_waits_and_what_was_decided(people: People) -> None:
    for slug in ("first-wish", "second-wish", "third-wish"):
        apply(people.visitor(), slug=slug, channel_name=f"The {slug}")
    ada = people.admin()
    assert "3 applications wait for an answer" in ada.get("/admin/").text
    decide(ada, "approve", page="/admin/applications/2")
    pending, decided = ada.get("/admin/applications").text, ada.get("/admin/applications?state=approved").text
    assert pending.index("The first-wish") < pending.index("The third-wish"), "the oldest first"
    assert "The second-wish" not in pending
    assert "The second-wish" in decided
    assert "The first-wish" not in decided
    assert ada.get("/admin/applications?state=nonsense").status_code == 404


def test_opening_an_application_is_on_record_because_it_shows_personal_data(people: People) -> None:
    apply(people.visitor())
    ada = people.admin()
    assert "stella@example.org" in ada.get(PAGE).text
    (event,) = events("application.viewed")
    assert (event.actor_name, event.target_id) == ("ada", 1)


def test_what_an_applicant_wrote_is_text_on_the_admins_screen(people: People) -> None:
    """Forced past the form, as if its checks did not exist: the page is what must hold."""
    StreamerApplication.submit(
        email="<b>a@example.org",
        channel_name="</title><script>steal()</script>",
        slug="star-watch",
        about='"><img src=x onerror=steal()>',
        links=["javascript:steal()", 'https://example.org/"onclick="steal()'],
        applicant=None,
    )
    db.session.commit()
    ada = people.admin()
    for path in ("/admin/", "/admin/applications", PAGE):
        page = ada.get(path).text
        for markup in ("<script>steal", "<img src=x", '"onclick="', "<b>a@"):
            assert markup not in page, path
    assert 'href="javascript:' not in ada.get(PAGE).text


@on_postgresql
@pytest.mark.parametrize("reason", ["", "Because."])
def test_twenty_admins_who_decide_at_once_decide_once(people: People, reason: str) -> None:
    """Two transactions that both find it undecided: the second must find out before it makes a second account."""
    apply(people.visitor())
    admins = [people.admin(f"admin-{number}") for number in range(20)]
    forms = [next(form.fields for form in admin.forms(PAGE) if form.action == f"{PAGE}/approve") for admin in admins]

    def press(number: int) -> int:
        how = "approve" if number % 4 or not reason else "reject"
        fields = {**forms[number], "reason": reason}
        return admins[number].request(f"{PAGE}/{how}", method="POST", data=fields).status_code

    assert at_once(press) == {302: 1, 409: 19}
    decided = events("application.approved", "application.rejected")
    assert len(decided) == 1
    assert_whole("approved" if decided[0].event == "application.approved" else "rejected")


@on_both_databases
def test_a_withdrawal_among_nineteen_approvals_is_one_of_twenty(people: People) -> None:
    applicant = people.visitor()
    link = private_link(apply(applicant))
    taken_back = next(form.fields for form in applicant.forms(link) if form.action == f"{link}/withdraw")
    admins = [people.admin(f"admin-{number}") for number in range(2)]
    fields = next(form.fields for form in admins[0].forms(PAGE) if form.action == f"{PAGE}/approve")
    tokens = [admin.csrf_token() for admin in admins]
    tabs = [Tab(admins[number % 2]) for number in range(19)]

    def press(number: int) -> int:
        if number == 19:
            return applicant.request(f"{link}/withdraw", method="POST", data=taken_back).status_code
        data = {**fields, "csrf_token": tokens[number % 2]}
        return tabs[number].request(f"{PAGE}/approve", method="POST", data=data).status_code

    assert at_once(press) == {302: 1, 409: 19}
    (became,) = events("application.approved", "application.withdrawn")
    assert_whole(became.event.partition(".")[2])


class Tab(Person):
    """One more tab of somebody's browser: the same cookies, a connection of its own."""

    def __init__(self, person: Person) -> None:
        super().__init__(person.app)
        self.cookie = person.cookie


def at_once(press: Callable[[int], int]) -> Counter[int]:
    """The statuses of twenty presses that start together."""
    start = threading.Barrier(20)

    def wait_and_press(number: int) -> int:
        start.wait()
        return press(number)

    with ThreadPoolExecutor(20) as pool:
        return Counter(pool.map(wait_and_press, range(20)))


def assert_whole(status: str) -> None:
    """Everything that hangs on the state is there, or nothing of it."""
    db.session.rollback()
    assert db.session.scalars(select(StreamerApplication.status)).one() == status
    assert (Channel.at("star-watch") is not None) == (status == "approved")
    assert (User.named("star-watch") is not None) == (status == "approved")
    assert len(events("application.approved")) == (status == "approved")


@pytest.mark.prove
@pytest.mark.settings(**MAIL)
@on_both_databases
@pytest.mark.parametrize("became", ["approved", "rejected", "withdrawn"])
def test_killed_between_any_two_statements_it_waits_or_is_decided(people: People, became: str) -> None:
    """A process of its own decides, and kills itself before its first statement, its second, and on to the commit."""
    apply(people.visitor())
    ada = people.account("ada", role="admin")
    before, steps = everything(), 0
    while killed_at(steps, became, ada.id):
        assert everything() == before, f"half decided before statement {steps}"
        steps += 1
    assert steps >= 10, "hardly anything was in between"
    written = len(everything()["letter"]) - len(before["letter"])
    assert written == (became != "withdrawn"), "the letter is written with the decision, or not at all"
    assert_whole(became)


def killed_at(step: int, became: str, admin_id: int) -> bool:
    """Whether a decision in a process of its own was killed before its statement ``step``: else it came through."""
    db.session.rollback()
    child = os.fork()
    if child == 0:
        try:
            decide_until(step, became, admin_id)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def decide_until(step: int, became: str, admin_id: int) -> None:
    """Decide, in this child process, on connections of its own, and die before statement ``step`` (or the commit)."""
    db.engine.dispose(close=False)
    counting = itertools.count()

    def die(*_: object) -> None:
        if next(counting) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    admin = db.session.get_one(User, admin_id)
    application = db.session.scalars(select(StreamerApplication)).one()
    event.listen(db.engine, "before_cursor_execute", die)
    event.listen(db.engine, "commit", die)
    if became == "withdrawn":
        applicant.withdraw(application, Actor("applicant"))
    else:
        verb = {"approved": decision.approve, "rejected": decision.reject}[became]
        verb(application, admin, Actor("ada", admin_id), version=application.version, reason="So.")
    db.session.commit()


@pytest.mark.prove
def test_twenty_decisions_of_two_admins_at_once_on_a_real_server_are_one(
    server: StreamzyServer, new_visitor: NewVisitor
) -> None:
    slug = f"wish-{uuid.uuid4().hex[:8]}"
    names_ = [f"boss-{uuid.uuid4().hex[:8]}" for _ in range(2)]
    for name in names_:
        server.run_flask("users", "create", name, "--role", "admin", "--password-stdin", stdin=f"{PASSWORD}\n")
    wishes = {"email": "s@example.org", "channel_name": slug, "slug": slug, "about": "Stars.", "agree": "y"}
    new_visitor().post_form("/apply", **wishes)
    admins = [new_visitor().sign_in(name, PASSWORD) for name in names_]
    with closing(sqlite3.connect(server.folder / "streamzy.db")) as database:
        (number,) = database.execute("SELECT id FROM streamer_application WHERE slug = ?", (slug,)).fetchone()
    page = f"/admin/applications/{number}"
    forms = [next(form.fields for form in admin.forms(page) if form.action == f"{page}/approve") for admin in admins]
    browsers = []
    for tab in range(20):  # two sessions in ten tabs each, each tab with a connection of its own
        browsers.append(new_visitor())
        browsers[-1].http.cookies.update(admins[tab % 2].http.cookies)

    def press(tab: int) -> int:
        address, data = f"{server.url}{page}/{'approve' if tab % 3 else 'reject'}", {**forms[tab % 2], "reason": "So."}
        return browsers[tab].http.post(address, data=data, allow_redirects=False, timeout=60).status_code

    assert at_once(press) == {302: 1, 409: 19}
    with closing(sqlite3.connect(server.folder / "streamzy.db")) as database:
        (status,) = database.execute("SELECT status FROM streamer_application WHERE id = ?", (number,)).fetchone()
        for query in (
            "SELECT count(*) FROM account WHERE username = ?",
            "SELECT count(*) FROM channel WHERE slug = ?",
        ):
            assert database.execute(query, (slug,)).fetchone() == (int(status == "approved"),)
        recorded = database.execute(
            "SELECT event FROM audit_event WHERE target_kind = 'application' AND target_id = ? AND event IN"
            " ('application.approved', 'application.rejected')",
            (number,),
        )
        assert recorded.fetchall() == [(f"application.{status}",)]

"""One application on one screen: what is seen, who has it open, and what can be done about it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from app.applications.reason_template import ReasonTemplate
from app.clock import Clock
from app.extensions import db
from tests.applications.desk import desk, newest, sent
from tests.applications.wishes import apply, private_link, revealed_on, status_on
from tests.people import People, Person
from tests.postgres import on_both_databases
from tests.tables import events, everything

PAGE = "/admin/applications/1"
SEEN = ("audit_event", "audit_head", "application_claim")


def press(admin: Person, how: str, **typed: str) -> TestResponse:
    """Open the application, type, and press the button ``how`` of its form of decision."""
    fields = next(form.fields for form in admin.forms(PAGE) if form.action in (f"{PAGE}/approve", f"{PAGE}/reopen"))
    return admin.request(f"{PAGE}/{how}", method="POST", data={**fields, **typed})


@on_both_databases
def test_a_question_its_answer_a_note_and_both_decisions_stand_on_the_screen(people: People) -> None:
    applicant, ada = people.visitor(), people.admin()
    link = private_link(apply(applicant))
    assert press(ada, "ask", reason="How often?", note="Sounds keen.").location == PAGE
    page = ada.get(PAGE).text
    for words in (
        "Asked for more information by <bdi>ada</bdi>",
        "How often?",
        "Sounds keen.",
        "Waits for the applicant",
    ):
        assert words in page
    assert "Sounds keen." not in applicant.get(link).text
    assert ada.post_form(f"{PAGE}/note", on=PAGE, note="I know her.").location == PAGE
    assert press(ada, "reject", reason="Too many stars.").location == PAGE
    assert "I know her." in ada.get(PAGE).text
    assert press(ada, "reopen").location == PAGE
    assert status_on(applicant.get(link)) == "pending"
    assert "Opened again by <bdi>ada</bdi>" in ada.get(PAGE).text
    kinds = ("asked", "noted", "rejected", "reopened")
    assert [event.event for event in events(*(f"application.{kind}" for kind in kinds))] == [
        f"application.{kind}" for kind in kinds
    ]


@pytest.mark.parametrize(("how", "words"), [("ask", "Type the question."), ("reject", "Tell the applicant why.")])
def test_what_must_be_told_is_asked_for(people: People, how: str, words: str) -> None:
    apply(people.visitor())
    answer = press(people.admin(), how, reason=" ", note="For us.")
    assert answer.status_code == 400
    assert words in answer.text
    assert "For us." in answer.text
    assert newest().status == "pending"


def test_whoever_decides_after_a_question_is_told_who_asked_and_keeps_what_they_typed(people: People) -> None:
    apply(people.visitor())
    ada, alan = people.admin(), people.admin("alan")
    fields = next(form.fields for form in alan.forms(PAGE) if form.action == f"{PAGE}/approve")
    press(ada, "ask", reason="How often?")
    before = everything(without=SEEN)
    answer = alan.request(f"{PAGE}/approve", method="POST", data={**fields, "reason": "Mine.", "note": "Ours."})
    assert answer.status_code == 409
    assert "This application changed since you opened it: ada asked for more on " in answer.text
    for typed in (">\r\nMine.", ">\r\nOurs."):
        assert typed in answer.text
    assert everything(without=SEEN) == before


@on_both_databases
def test_others_see_who_is_reviewing_and_may_take_over(people: People, clock: Clock) -> None:
    apply(people.visitor())
    ada, alan = people.admin(), people.admin("alan")
    assert "is reviewing" not in ada.get(PAGE).text, "one's own claim is no news"
    assert "You have it open" in ada.get("/admin/applications").text
    assert "<bdi>ada</bdi> is reviewing this" in alan.get(PAGE).text
    assert "<bdi>ada</bdi> is reviewing" in alan.get("/admin/applications").text
    assert alan.post_form(f"{PAGE}/take-over", on=PAGE).location == PAGE
    assert "is reviewing this" not in alan.get(PAGE).text
    assert "<bdi>alan</bdi> is reviewing this" in ada.get(PAGE).text
    assert press(ada, "reject", reason="No.").location == PAGE, "it forbids nothing"
    assert "is reviewing" not in alan.get(PAGE).text
    apply(people.visitor(), slug="moon-watch")
    ada.get("/admin/applications/2")
    clock.offset_seconds = timedelta(minutes=11).total_seconds()
    assert "is reviewing" not in alan.get("/admin/applications").text, "it ends by itself"


def test_earlier_applications_of_the_contact_and_what_to_look_at_twice(people: People) -> None:
    first, _ = sent(people, slug="moon-watch", channel_name="Moon watch")
    desk(people, "alan").reject(first)
    sent(people)
    page = people.admin().get("/admin/applications/2").text
    assert '<a href="/admin/applications/1"><bdi>Moon watch</bdi></a>' in page
    assert "1 more from this contact" in page
    assert "star-watch</bdi>, made when you approve" in page, "the suggested user name"


@on_both_databases
def test_a_text_to_begin_with_is_put_in_and_shown_as_the_applicant_will_read_it(people: People) -> None:
    apply(people.visitor())
    ada = people.admin()
    begun = ReasonTemplate(decision="reject", title="Busy", text="Sorry, {channel_name} <b>must</b> wait.")
    db.session.add(begun)
    db.session.commit()
    number = begun.id
    ada.get(PAGE)
    before = everything(without=SEEN)
    page = press(ada, "preview", template=str(number), reason="Hello!", note="For us.").text
    assert "The applicant will read" in page
    shown = "Hello!\r\n\r\nSorry, Stella&#39;s star watch \u2728 &lt;b&gt;must&lt;/b&gt; wait."
    assert shown.replace("\r", "") in page.replace("\r", "")
    assert "For us." in page
    assert everything(without=SEEN) == before, "a preview stores nothing"
    for odd in ("999", "x", "9" * 30, "\u0661"):
        assert press(ada, "preview", template=odd, reason="Hello!").status_code == 200


@on_both_databases
def test_admins_edit_the_texts_and_of_two_the_second_is_told(people: People) -> None:
    ada, alan = people.admin(), people.admin("alan")
    added = {"decision": "ask", "title": "Which games?", "text": "Which games, {channel_name}?"}
    assert ada.post_form("/admin/texts/add", on="/admin/texts", **added).location == "/admin/texts"
    assert "Which games, {channel_name}?" in ada.get("/admin/texts").text
    number = next(text.id for text in ReasonTemplate.all("ask") if text.title == "Which games?")
    address = f"/admin/texts/{number}/change"
    old = next(form.fields for form in alan.forms("/admin/texts") if form.action == address)
    assert ada.post_form(address, on="/admin/texts", **{**added, "text": "Which?"}).status_code == 302
    late = alan.request(address, method="POST", data={**old, **added, "text": "What games?"})
    assert late.status_code == 409
    assert "Another admin changed this text" in late.text
    assert "What games?" in late.text
    before = everything(without=SEEN)
    for name, wrong, words in (
        ("title", "", "Give it a name."),
        ("title", "x" * 81, "Use at most 80 characters"),
        ("title", "\U0001f600" * 5000, "Use at most 80 characters"),
        ("title", "Which\r\ngames?", "Write it on one line."),
        ("title", "Wh\0ich?", "It holds a control character"),
        ("text", " ", "There is nothing to read here."),
        ("text", "x" * 2001, "Use at most 2000 characters"),
        ("text", "Wh\0ich?", "It holds a control character"),
        ("decision", "ban", "Not a valid choice"),
    ):
        answer = ada.post_form("/admin/texts/add", on="/admin/texts", **{**added, name: wrong})
        assert answer.status_code == 400, wrong
        assert words in answer.text.partition(f'id="{name}-error">')[2].partition("</p>")[0], wrong
    assert everything(without=SEEN) == before
    assert ada.post_form(f"/admin/texts/{number}/remove", on="/admin/texts").status_code == 302
    assert "Which games?" not in ada.get("/admin/texts").text.replace("is removed", "").split("<main")[1]
    assert ada.post(f"/admin/texts/{number}/remove", on="/admin/texts").status_code == 404


@on_both_databases
def test_an_expired_sign_in_is_issued_anew_by_a_button(people: People, clock: Clock) -> None:
    applicant, ada = people.visitor(), people.admin()
    link = private_link(apply(applicant))
    press(ada, "approve", reason="Welcome.")
    clock.offset_seconds = timedelta(days=8).total_seconds()
    ada = people.visitor().sign_in("ada")
    assert "It was not fetched in time." in ada.get(PAGE).text
    assert ada.post_form(f"{PAGE}/reissue", on=PAGE).location == PAGE
    assert revealed_on(applicant.post_form(f"{link}/reveal", on=link)) is not None
    assert len(events("application.reissued")) == 1


def test_what_is_decided_goes_to_the_archive_and_what_waits_does_not(people: People) -> None:
    application, _ = sent(people)
    ada = people.admin()
    assert ada.post(f"{PAGE}/archive", on=PAGE, version="1").status_code == 409
    desk(people, "alan").reject(application)
    assert ada.post_form(f"{PAGE}/archive", on=PAGE).location == PAGE
    assert "star watch" not in ada.get("/admin/applications?state=rejected").text
    assert "star watch" in ada.get("/admin/applications?state=archived").text


def test_nobody_does_anything_about_their_own(people: People) -> None:
    ada = people.admin()
    apply(ada)
    ada.get(PAGE)
    before = everything(without=SEEN)
    for how in ("approve", "reject", "ask", "note", "reopen", "reissue"):
        typed = {"reason": "I am good.", "note": "I am good.", "version": "1"}
        assert ada.post(f"{PAGE}/{how}", on=PAGE, **typed).status_code == 403, how
    ada.post(f"{PAGE}/take-over", on=PAGE)
    assert everything(without=SEEN) == before

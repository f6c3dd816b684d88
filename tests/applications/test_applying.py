"""Applying: every field keeps its rule and says so, nothing half-right is kept, and the link is the only way back."""

from __future__ import annotations

import hashlib
import io
import re

import pytest
from markupsafe import escape
from sqlalchemy import select

from app.applications.link import ApplicationLink
from app.applications.streamer_application import StreamerApplication
from app.auth import name as names
from app.clock import Clock
from app.extensions import db
from tests.applications.desk import desk, newest, sent
from tests.applications.wishes import WISHES, apply, private_link, status_on
from tests.people import People, Person
from tests.postgres import on_both_databases
from tests.tables import events, everything
from tests.visitor import FormReader


@on_both_databases
def test_a_visitor_applies_and_gets_the_private_link(people: People) -> None:
    applicant = people.visitor()
    answer = apply(applicant)
    assert answer.status_code == 200
    page = people.visitor().get(private_link(answer))  # the link needs no account and no cookie
    assert page.status_code == 200
    assert status_on(page) == "pending"
    application = db.session.scalars(select(StreamerApplication)).one()
    assert application.reference in answer.text
    assert application.reference in page.text
    assert application.email == WISHES["email"]
    assert application.about == WISHES["about"]
    assert application.links == ["https://example.org/stars", "http://example.com"]
    (event,) = events("application.submitted")
    assert event.target_name == application.reference


@on_both_databases
def test_the_database_keeps_the_texts_sealed_and_the_link_as_a_hash(people: People) -> None:
    token = private_link(apply(people.visitor())).rsplit("/", 1)[1]
    stored = str(everything())
    for secret in (WISHES["email"], "Every clear night", "Bring a blanket", "example.org/stars", token):
        assert secret not in stored
    row = db.session.execute(select(ApplicationLink.token_hash)).one()
    assert row.token_hash == hashlib.sha256(token.encode()).digest()
    assert len(token) >= 43, "32 random bytes"


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "x" * 5000, "%00", "..", "' OR 1=1 --", "\u2713"])
def test_no_other_link_shows_anything(people: People, token: str) -> None:
    apply(people.visitor())
    assert people.visitor().get(f"/apply/status/{token}").status_code == 404


EMOJI = "\U0001f600" * 5000

WRONG = [
    ("email", None, "Type your e-mail address."),
    ("email", "", "Type your e-mail address."),
    ("email", "stella", "This is not an e-mail address."),
    ("email", "stella@example", "This is not an e-mail address."),
    ("email", "stella@exa mple.org", "This is not an e-mail address."),
    ("email", "a@b@example.org", "This is not an e-mail address."),
    ("email", "stella@example.org\nBcc: all@example.org", "Give one address, on one line."),
    ("email", "<stella@example.org>", "This is not an e-mail address."),
    ("email", "s\0tella@example.org", "This is not an e-mail address."),
    ("email", "s" * 250 + "@example.org", "This address is too long."),
    ("channel_name", "", "Name your channel."),
    ("channel_name", "   ", "There is nothing to read here."),
    ("channel_name", "\u200b\u2063", "There is nothing to read here."),
    ("channel_name", "\u3164", "There is nothing to read here."),
    ("channel_name", "x" * 81, "Use at most 80 characters"),
    ("channel_name", "x" * 5000, "Use at most 80 characters"),
    ("channel_name", "<script>steal()</script>", "This looks like an attack"),
    ("slug", "", "Choose an address."),
    ("slug", "ab", "Use 3 to 32 characters."),
    ("slug", "s" * 33, "Use 3 to 32 characters."),
    ("slug", "star watch", "Use lower-case letters a to z"),
    ("slug", "star_watch", "Use lower-case letters a to z"),
    ("slug", "../admin", "Use lower-case letters a to z"),
    ("slug", "st\u00e4r", "Use lower-case letters a to z"),
    ("slug", "st\0r", "Use lower-case letters a to z"),
    ("slug", "admin", "This name is reserved."),
    ("about", "", "Tell us what you will stream."),
    ("about", "x" * 2001, "Use at most 2000 characters"),
    ("about", "x" * 200_000, "Use at most 2000 characters"),
    ("about", "1' UNION SELECT username, password FROM users--", "This looks like an attack"),
    ("about", "<img src=x onerror=steal()>", "This looks like an attack"),
    ("links", "example.org", "Links begin with https://"),
    ("links", "javascript:alert(1)", "Links begin with https://"),
    ("links", "JaVaScRiPt:alert(1)//https://example.org", "Links begin with https://"),
    ("links", "data:text/html,<b>x", "Links begin with https://"),
    ("links", "//example.org", "Links begin with https://"),
    ("links", "https://", "Links begin with https://"),
    ("links", "https://user:password@example.org", "Links begin with https://"),
    ("links", "https://example.org/a b", "Links begin with https://"),
    ("links", "https://exa\u202emple.org", "Links begin with https://"),
    ("links", "https://[::1", "Links begin with https://"),
    ("links", "https://example.org/" + "x" * 300, "A link has at most 300 characters."),
    ("links", "\n".join(f"https://example.org/{number}" for number in range(6)), "Give at most 5 links"),
    ("agree", None, "Please agree"),
    ("agree", "<b>y</b>", "Please agree"),
    ("email", "stella@example.org\r\nBcc: all@example.org", "Give one address, on one line."),
    ("email", EMOJI, "This address is too long."),
    ("channel_name", EMOJI, "Use at most 80 characters"),
    ("slug", EMOJI, "It holds \U0001f600."),
    ("about", EMOJI, "Use at most 2000 characters"),
    ("links", EMOJI, "A link has at most 300 characters."),
    ("channel_name", "Stella\r\nadmin", "Write it on one line."),
    ("channel_name", "Stel\0la", "It holds a control character"),
    ("about", "Every\0 night", "It holds a control character"),
    ("links", "https://example.org/\0", "Links begin with https://"),
    ("slug", "star\r\nwatch", "It holds a control character"),
    ("slug", "<b>star</b>", "Use lower-case letters a to z"),
    ("links", "<b>https://example.org</b>", "Links begin with https://"),
    ("website", "https://example.org", "Empty this field"),
]


@pytest.mark.parametrize(("field", "value", "words"), WRONG)
def test_what_a_field_refuses_it_refuses_in_its_own_words(
    people: People, field: str, value: str | None, words: str
) -> None:
    before = everything(without=("audit_event", "audit_head"))
    answer = apply(people.visitor(), **{field: value})
    assert answer.status_code == 400
    error = re.search(rf'id="{field}-error">(.*?)</p>', answer.text, re.DOTALL)
    assert error, f"{field} says nothing"
    assert words in error.group(1)
    assert len(re.findall(r'id="\w+-error">', answer.text)) == 1, "and no other field complains"
    assert everything(without=("audit_event", "audit_head")) == before


@pytest.mark.parametrize("field", ["email", "channel_name", "slug", "about", "links"])
def test_a_file_in_place_of_a_text_is_no_text(people: People, field: str) -> None:
    """A browser sends files in the same way as texts: whatever stands in one was never typed."""
    person = people.visitor()
    form = next(form for form in person.forms("/apply") if form.action == "/apply")
    sent = {**form.fields, **WISHES, field: (io.BytesIO(b"text"), "stella@example.org")}
    answer = person.request("/apply", method="POST", data=sent, content_type="multipart/form-data")
    assert answer.status_code == (200 if field == "links" else 400)  # links may be left out
    assert b"text" not in [one.about for one in db.session.scalars(select(StreamerApplication))]


def test_a_browser_that_filled_in_the_trap_is_told_so(people: People) -> None:
    """In silence a person would wait for ever for the answer to what was never taken."""
    page = apply(people.visitor(), website="https://example.org").text
    assert "Every clear night" in page
    assert 'aria-hidden="true">\n            <div class="field' not in page, "and now sees the field"
    assert StreamerApplication.count() == 0


def ask(person: Person, slug: str) -> dict[str, object]:
    """What the form is told while somebody types an address."""
    answer = person.get("/apply/address", query_string={"slug": slug})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.get_json()  # type: ignore[no-any-return]  # a JSON object


@on_both_databases
@pytest.mark.parametrize("signed_in", [False, True])
def test_an_address_is_checked_while_it_is_typed_in_the_words_of_the_form(people: People, signed_in: bool) -> None:
    people.streamer("stella")
    apply(people.visitor(), slug="lounge")
    person = people.viewer() if signed_in else people.visitor()
    before = everything(without=("audit_event", "audit_head", "user_session"))
    for slug in (
        "",
        "ab",
        "s" * 33,
        "star_watch",
        "st\u00e4r",
        "st\0r",
        "admin",
        "stella",
        "Ste11a",
        "lounge",
        "1ounge",
    ):
        told = ask(person, slug)
        assert told["free"] is False, slug
        assert set(told) == {"slug", "free", "message"}
        if slug:
            assert escape(told["message"]) in apply(people.visitor(), slug=slug).text, slug
    assert ask(person, " Star-Watch ") == {"slug": "star-watch", "free": True, "message": "This address is free."}
    assert ask(person, "vera")["free"] is True, "nobody's, or the applicant's own"
    assert everything(without=("audit_event", "audit_head", "user_session")) == before


@pytest.mark.settings(RATELIMIT_ADDRESS_CHECKS="3 per minute")
def test_nobody_reads_the_list_of_names_through_the_form(people: People) -> None:
    person = people.visitor()
    for _ in range(3):
        ask(person, "star-watch")
    answer = person.get("/apply/address?slug=star-watch")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert people.visitor(address="127.0.0.2").get("/apply/address?slug=star-watch").status_code == 200


@pytest.mark.settings(APPLICATION_RETENTION_DAYS="30")
def test_the_form_says_what_is_kept_how_long_and_how_long_it_takes_once_there_are_figures(
    people: People, clock: Clock
) -> None:
    at = desk(people)
    for number in range(5):
        page = people.visitor().get("/apply").text
        assert "erased 30 days later" in page
        assert "Most are answered" not in page, "four are no figure"
        clock.offset_seconds = 0
        sent(people, slug=f"wish-{number}")
        clock.offset_seconds = 3 * 3600
        at.reject(newest())
    assert "Most are answered within 3 hours." in people.visitor().get("/apply").text


@pytest.mark.settings(APPLICATION_RETENTION_DAYS="0")
def test_where_nothing_is_erased_by_itself_the_form_says_so(people: People) -> None:
    assert "It is kept until you erase it." in people.visitor().get("/apply").text


def test_what_was_typed_is_kept_for_putting_it_right(people: People) -> None:
    typed = {**WISHES, "channel_name": 'Stella "the" <b>star</b>', "slug": "no"}
    page = apply(people.visitor(), **typed).text
    assert "Use 3 to 32 characters." in page
    assert 'value="stella@example.org"' in page
    assert "Stella &#34;the&#34; &lt;b&gt;star&lt;/b&gt;" in page
    assert 'value="no"' in page
    assert "Bring a blanket." in page
    assert "https://example.org/stars" in page
    assert "checked" in page


def test_several_mistakes_are_all_said_at_once(people: People) -> None:
    page = apply(people.visitor(), email="x", slug="no", agree=None).text
    assert len(re.findall(r'id="\w+-error">', page)) == 3
    assert "Three things" in page


@on_both_databases
def test_ordinary_wishes_are_taken(people: People) -> None:
    for number, about in enumerate(
        ("I don't know C#, I use C++ < 3", "<3 <3 <3", "\u0645\u0631\u062d\u0628\u0627", "x" * 2000)
    ):
        answer = apply(people.visitor(), slug=f"wish-{number}", about=about, links="", channel_name="x" * 80)
        assert answer.status_code == 200, about
        application = db.session.scalars(select(StreamerApplication).order_by(StreamerApplication.id.desc())).first()
        assert application is not None
        assert application.about == about
        assert application.links == []


@on_both_databases
def test_an_application_keeps_its_address_for_itself(people: People) -> None:
    apply(people.visitor(), slug="lounge")
    before = everything(without=("audit_event", "audit_head"))
    for slug in ("lounge", "LOUNGE", "1ounge", "l0unge"):
        answer = apply(people.visitor(), slug=slug, email="other@example.org")
        assert answer.status_code == 409
        assert "This name is taken" in answer.text
    assert (
        people.visitor()
        .post_form(
            "/register", username="Lounge", password="four words make one", confirm_password="four words make one"
        )
        .status_code
        == 409
    )
    assert everything(without=("audit_event", "audit_head")) == before


def test_an_address_that_somebody_has_is_refused(people: People) -> None:
    people.streamer("stella")
    people.account("vera")
    for taken in ("stella", "vera", "ste11a"):
        assert apply(people.visitor(), slug=taken).status_code == 409


@on_both_databases
def test_a_known_contact_is_answered_like_any_other(people: People) -> None:
    """Else anybody could ask the form who has applied here, or has an account by it."""
    apply(people.visitor(), slug="first-one")
    desk(people).approve(newest())
    answers = [
        apply(people.visitor(), slug="second-one"),
        apply(people.visitor(), slug="third--one", email="STELLA@example.org "),
        apply(people.visitor(), slug="fourth-one", email="nobody@example.org"),
    ]
    assert {answer.status_code for answer in answers} == {200}
    shown = []
    for answer in answers:
        text = re.sub(r"/apply/status/[\w-]+|APP-\w{4}-\w{4}|csrf_token\" value=\"[^\"]+", "", answer.text)
        shown.append(re.sub(r"(?:second|third-|fourth)-one", "", text))
    assert len(set(shown)) == 1
    first = db.session.scalars(select(StreamerApplication).order_by(StreamerApplication.id)).all()[0]
    assert len(first.others_of_contact()) == 2, "the admin sees it, whatever the case"


@pytest.mark.settings(RATELIMIT_APPLICATIONS="5 per 5 minutes")
def test_the_sixth_application_from_one_address_waits(people: People) -> None:
    for number in range(5):
        assert apply(people.visitor(), slug=f"wish-{number}").status_code == 200
    sixth = people.visitor()
    answer = apply(sixth, slug="one-too-many", about='Every "clear" <night>.\nBring a blanket.')
    assert answer.status_code == 429
    assert 290 <= int(answer.headers["Retry-After"]) <= 300
    assert "You can send it in" in answer.text
    reader = FormReader()
    reader.feed(answer.text)
    [kept] = [form for form in reader.forms if form.action == "/apply"]
    assert kept.fields["about"] == 'Every "clear" <night>.\nBring a blanket.', "and what was typed is lost to nobody"
    again = sixth.request("/apply", method="POST", data=kept.fields)
    assert again.status_code == 429
    assert "Bring a blanket." in again.text, "however often one presses"
    assert StreamerApplication.count() == 5
    assert apply(people.visitor(address="127.0.0.2"), slug="one-too-many").status_code == 200
    assert people.visitor().get("/apply").status_code == 200, "reading is not applying"


@on_both_databases
def test_a_signed_in_viewer_applies_for_themselves(people: People) -> None:
    apply(people.viewer(), slug="star-watch")
    application = db.session.scalars(select(StreamerApplication)).one()
    assert application.applicant_id is not None
    assert not application.creates_account


def test_nobody_applies_for_somebody_else(people: People) -> None:
    """Mass assignment: whose application it is, and how it stands, is not asked of the form."""
    people.account("vera")
    apply(
        people.visitor(), applicant_id="1", account_id="1", status="approved", version="9", decided_by_id="1", id="77"
    )
    application = db.session.scalars(select(StreamerApplication)).one()
    assert (application.id, application.status, application.version) == (1, "pending", 1)
    assert (application.applicant_id, application.account_id, application.decided_by_id) == (None, None, None)


def test_a_blocked_text_is_on_record_and_stands_nowhere(people: People) -> None:
    attack = "<script>steal('everything')</script>"
    apply(people.visitor(), about=attack)
    apply(people.visitor(), about=attack)
    first, second = events("input.blocked")
    assert first.details is not None
    assert second.details is not None
    assert first.details["rule"] == "html.script"
    assert first.details["field"] == "about"
    assert first.details["length"] == len(attack)
    assert first.details["text_hash"] == second.details["text_hash"], "that it was the same text can be seen"
    assert "steal(" not in str(everything())


@on_both_databases
def test_an_applicant_takes_the_application_back_and_gives_the_address_free(people: People) -> None:
    applicant = people.visitor()
    link = private_link(apply(applicant))
    assert applicant.post_form(f"{link}/withdraw", on=link).location == link
    assert status_on(applicant.get(link)) == "withdrawn"
    assert not names.is_taken("star-watch")
    assert apply(people.visitor()).status_code == 200
    again = applicant.post(f"{link}/withdraw", on=link)
    assert again.status_code == 409
    assert len(events("application.withdrawn")) == 1


def test_opening_the_withdraw_address_withdraws_nothing(people: People) -> None:
    link = private_link(apply(people.visitor()))
    assert people.visitor().get(f"{link}/withdraw").status_code == 405
    assert people.visitor().request(f"{link}/withdraw", method="POST").status_code == 400
    assert db.session.scalars(select(StreamerApplication.status)).one() == "pending"

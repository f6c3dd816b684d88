"""The queue of applications: what waits, how it is searched and narrowed, and that it costs the same however long."""

from __future__ import annotations

import html
import re
import secrets
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.applications import claim
from app.applications.contact import contact_hash, network_hash
from app.applications.streamer_application import StreamerApplication
from app.auth.user import User
from app.channels.channel import Channel
from app.clock import now
from app.extensions import db
from tests.applications.desk import desk
from tests.applications.wishes import apply
from tests.people import People, Person
from tests.postgres import on_both_databases
from tests.statements import counted

NAME = re.compile(r'class="queue__name"><a href="/admin/applications/\d+"><bdi>([^<]+)</bdi></a>')


def queue(person: Person, query: str = "") -> list[str]:
    """The channel names on the list, in order."""
    answer = person.get(f"/admin/applications{query}")
    assert answer.status_code == 200
    return [html.unescape(name) for name in NAME.findall(answer.text)]


def wish(name: str, days_ago: float = 0, **changed: object) -> StreamerApplication:
    """An application in the database, past the form and its limit."""
    email = str(changed.pop("email", f"{name}@example.org"))
    application, _ = StreamerApplication.submit(
        email=email, channel_name=name, slug=name, about="Stars.", links=[], applicant=None
    )
    application.submitted_at = now() - timedelta(days=days_ago)
    for column, value in changed.items():
        setattr(application, column, value)
    db.session.commit()
    return application


@pytest.mark.parametrize("role", ["visitor", "viewer", "streamer"])
def test_only_admins_see_the_queue(people: People, role: str) -> None:
    assert getattr(people, role)().get("/admin/applications").status_code == (302 if role == "visitor" else 403)


@on_both_databases
def test_what_waits_stands_oldest_first_and_is_counted_in_title_and_navigation(people: People) -> None:
    wish("young"), wish("old", 9), wish("middle", 2)
    asked = wish("asked", 4)
    ada, alan = people.admin(), desk(people, "alan")
    alan.ask(asked)
    page = ada.get("/admin/applications").text
    assert queue(ada) == ["old", "middle", "young"], "the one that was asked waits for its applicant, not for us"
    assert "<title>(3) Applications" in page
    assert 'Admin<span data-live="waiting"> <span class="count">3<' in page
    assert queue(ada, "?state=needs_information") == ["asked"]
    assert queue(ada, "?state=all") == ["young", "middle", "asked", "old"]
    alan.reject(wish("no"))
    assert queue(ada, "?state=rejected") == ["no"]
    assert 'data-count="rejected">0<' in page
    assert 'data-count="rejected">1<' in ada.get("/admin/applications").text


@on_both_databases
def test_applications_are_found_by_reference_address_name_and_a_whole_e_mail_address(people: People) -> None:
    ada = people.admin()
    first = wish("star-watch", channel_name="Stella's stars \u2728", email="stella@example.org")
    wish("star_x", channel_name="100% chess")
    for query in (first.reference, first.reference[4:8].lower(), "tar-wat", "STELLA", "%20stella's%20", "\u2728"):
        assert queue(ada, f"?name={query}") == ["Stella's stars \u2728"], query
    assert queue(ada, "?name=Stella@Example.org") == ["Stella's stars \u2728"]
    assert queue(ada, "?name=tella@example.org") == [], "an address is found whole, or not at all"
    assert queue(ada, "?name=0%25") == ["100% chess"], "no pattern, but what was typed"
    assert queue(ada, "?name=Stars.") == [], "what they wrote is sealed, and is not searched"
    assert "encrypted and cannot be searched" in ada.get("/admin/applications?name=nothing").text


@on_both_databases
def test_applications_are_narrowed_by_age_reviewer_and_network_all_in_the_address(people: People) -> None:
    ada, alan = people.admin(), desk(people, "alan")
    same = network_hash("192.0.2.1")
    old, near = wish("old", 9, network_lookup=same), wish("near", network_lookup=network_hash("192.0.2.200"))
    wish("far", 2, network_lookup=network_hash("198.51.100.1"))
    assert queue(ada, "?age=7") == ["old"]
    assert queue(ada, "?age=1") == ["old", "far"]
    assert queue(ada, f"?network={near.id}") == ["old", "near"]
    claim.claim(old, alan.admin)
    db.session.commit()
    assert queue(ada, f"?reviewer={alan.admin.id}") == ["old"]
    assert queue(ada, "?reviewer=nobody") == ["far", "near"]
    alan.reject(near)
    assert queue(ada, f"?reviewer={alan.admin.id}&state=rejected") == ["near"]
    page = ada.get(f"/admin/applications?age=1&reviewer={alan.admin.id}&network={old.id}&name=ol").text
    assert f'href="/admin/applications?name=ol&amp;state=all&amp;age=1&amp;reviewer={alan.admin.id}' in page
    for kept in ('value="ol"', '<option value="1" selected>', f'<option value="{old.id}" selected>'):
        assert kept in page


@pytest.mark.parametrize(
    "query",
    ["?state=dead", "?age=2", "?reviewer=999", "?network=999", "?network=x", "?page=x", "?network=9999999999999"],
)
def test_a_filter_that_makes_no_sense_finds_nothing(people: People, query: str) -> None:
    assert people.admin().get(f"/admin/applications{query}").status_code == 404


@on_both_databases
def test_what_to_look_at_twice_and_who_is_reviewing_stand_on_the_list(people: People) -> None:
    ada, alan = people.admin(), desk(people, "alan")
    Channel.open("star-watch", "Weather", people.account("Vera"))
    apply(people.viewer("bo-bo"), slug="bo-bo", channel_name="Bo")
    Channel.open("bo-bo", "Rain", db.session.scalars(select(User).where(User.username == "bo-bo")).one())
    network = network_hash("192.0.2.1")
    for name in ("starwatch2", "moon", "sun"):
        wish(name, email="same@example.org", network_lookup=network)
    quiet = wish("quiet")
    claim.claim(quiet, alan.admin)
    db.session.commit()
    page = ada.get("/admin/applications").text
    assert "Looks like the channel /c/star-watch" in page
    assert page.count("The address /c/bo-bo is taken") == 1, "since it was asked for, under the applicant's own name"
    assert page.count("2 more from this contact") == 3
    assert page.count("3 from one network within 7 days") == 3
    assert "<bdi>alan</bdi> is reviewing" in page


@on_both_databases
def test_fifty_of_five_thousand_for_the_price_of_one(people: People, app: Flask) -> None:
    ada = people.admin()
    wish("first", 99, network_lookup=network_hash("192.0.2.1"))
    with counted() as few:
        queue(ada)
    fill(5000)
    queue(ada)  # the minute may have passed after which a session notes that it was seen
    with counted() as many:
        first = queue(ada)
    assert len(few) == len(many), "as many statements with 5,000 as with one"
    assert (first[0], len(first)) == ("first", 50)
    assert len(queue(ada, "?page=2")) == 50
    assert len(set(first + queue(ada, "?page=2"))) == 100
    with counted() as searched:
        queue(ada, "?name=wish-04&age=1&state=all")
    assert len(searched) == len(few)


def fill(number: int, start: int = 0) -> None:
    """Add ``number`` applications at once: two in three wait, one in three was approved."""
    sample = db.session.query(StreamerApplication).first()
    assert sample is not None
    moment, boss = now(), User.named("ada")
    assert boss is not None
    rows = []
    for one in range(start, start + number):
        decided = one % 3 == 0
        rows.append(
            {
                "version": 1,
                "reference": f"APP-{one:09}",
                "seal_id": sample.seal_id,
                "status": "approved" if decided else "pending",
                "slug": f"wish-{one:04}",
                "channel_name": f"Wish {one}",
                "email_sealed": sample.email_sealed,
                "email_lookup": contact_hash(f"{one // 2}@example.org"),
                "network_lookup": secrets.token_bytes(32),
                "about_sealed": sample.about_sealed,
                "submitted_at": moment - timedelta(minutes=5000 - one),
                "decided_at": moment if decided else None,
                "decided_by_id": boss.id if decided else None,
            }
        )
    db.session.bulk_insert_mappings(StreamerApplication, rows)
    db.session.commit()

"""What an applicant wishes for, and the way through the form."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from werkzeug.test import TestResponse

from tests.people import Person

WISHES = {
    "email": "stella@example.org",
    "channel_name": "Stella's star watch \u2728",
    "slug": "star-watch",
    "about": "Every clear night.\nBring a blanket.",
    "links": "https://example.org/stars\nhttp://example.com",
    "agree": "y",
}


def apply(person: Person, **changed: Any) -> TestResponse:
    """Fill in and send the form; None leaves a field out."""
    fields = {name: value for name, value in {**WISHES, **changed}.items() if value is not None}
    return person.post_form("/apply", **fields)


def private_link(answer: TestResponse) -> str:
    """The path of the private link that the answer to an application holds."""
    found = re.search(r"https?://[^\s\"<]+/apply/status/[\w-]+", answer.text)
    assert found, answer.text
    return urlsplit(found.group()).path


def status_on(page: TestResponse) -> str:
    """The exact word on the applicant's page."""
    found = re.search(r'id="application-status">(\w+)<', page.text)
    assert found, page.text
    return found.group(1)


def revealed_on(page: TestResponse) -> tuple[str, str] | None:
    """The name and the password that the page shows, or None."""
    found = re.search(
        r'id="generated-username">([^<]*)<.*?id="generated-password">(.*?)</span>\s*<button', page.text, re.DOTALL
    )
    return (found.group(1), re.sub(r"<[^>]*>", "", found.group(2))) if found else None

"""The application form: every field keeps its rule, and says so beside itself."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from wtforms import BooleanField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, ValidationError

from app.auth import name as names
from app.security.input_validation import attack_rule
from app.security.typed_form import ATTACK, TypedForm, readable

MOST_LINKS, LONGEST_LINK = 5, 300


class AnswerForm(TypedForm):
    """The applicant's answer to what the admins asked."""

    answer = TextAreaField("Your answer", [InputRequired("Type your answer."), readable(2000, multiline=True)])


class ApplicationForm(TypedForm):
    """What we ask somebody who wants to become a streamer."""

    email = StringField(
        "E-mail", [InputRequired("Type your e-mail address."), Length(max=254, message="This address is too long.")]
    )
    channel_name = StringField("Channel name", [InputRequired("Name your channel."), readable(80, multiline=False)])
    slug = StringField("Address", [InputRequired("Choose an address.")])
    about = TextAreaField(
        "What will you stream?",
        [InputRequired("Tell us what you will stream."), readable(2000, multiline=True)],
    )
    links = TextAreaField("Links")
    agree = BooleanField("I have read what is kept and for how long", [InputRequired("Please agree, or don't apply.")])
    # People never see it, and programs that fill in whatever they find do. It is refused in words and not in silence:
    # a browser that fills in forms by itself must not cost anybody their application.
    website = StringField("Leave this empty")

    def validate_website(self, field: StringField) -> None:
        """Nobody writes here."""
        if field.data:
            raise ValidationError("Empty this field: it is there to catch programs.")

    def validate_agree(self, field: BooleanField) -> None:
        """What the box sends, and nothing else."""
        if field.raw_data != ["y"]:
            raise ValidationError("Please agree, or don't apply.")

    def validate_email(self, field: StringField) -> None:
        """An address somebody could be reached at; whether it exists only a mail would show."""
        field.data = (field.data or "").strip()
        if re.search(r"[\r\n]", field.data):
            raise ValidationError("Give one address, on one line.")
        if not re.fullmatch(
            r"[^\s@<>\"(),:;\\\[\]\x00-\x1f]{1,64}@[^\s@<>\"(),:;\\\[\]\x00-\x1f]+\.[^\s@.<>\"(),:;\\\[\]\x00-\x1f]{2,}",
            field.data,
        ):
            raise ValidationError("This is not an e-mail address.")

    def validate_slug(self, field: StringField) -> None:
        """Letters, digits and dashes; free, and not looking like one that is taken."""
        field.data = (field.data or "").strip().lower()
        try:
            names.check_slug(field.data)
        except names.NameRefused as refused:
            raise ValidationError(str(refused)) from None

    def validate_links(self, field: TextAreaField) -> None:
        """At most five, http(s) only: anything else could run when an admin clicks it."""
        lines = self.link_list()
        if len(lines) > MOST_LINKS:
            raise ValidationError(f"Give at most {MOST_LINKS} links, one a line.")
        for line in lines:
            if len(line) > LONGEST_LINK:
                raise ValidationError(f"A link has at most {LONGEST_LINK} characters.")
            if not _is_web_address(line):
                raise ValidationError("Links begin with https:// or http://, one a line.")
            if rule := attack_rule(line):
                self.blocked_rules[field.name] = rule
                raise ValidationError(ATTACK)

    def link_list(self) -> list[str]:
        """The links, without blank lines."""
        return [line.strip() for line in (self.links.data or "").splitlines() if line.strip()]


def _is_web_address(line: str) -> bool:
    try:
        parts = urlsplit(line)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and line.isprintable()
            and " " not in line
            and not parts.username
        )
    except ValueError:
        return False

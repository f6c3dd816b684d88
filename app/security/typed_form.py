"""Forms of what people type: nothing else is a text, and a text that others will read keeps one rule everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flask import request
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import StopValidation

from app.security.input_validation import attack_rule
from app.security.text import UncleanText, clean_text, is_blank

ATTACK = "This looks like an attack: active HTML or SQL. Say it in other words."
CONTROLS = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")  # no keyboard types them; PostgreSQL cannot store the first


class TypedForm(FlaskForm):
    """A form that reads what was typed into it, and no file and no JSON in its place: those are no text.

    ``blocked_rules`` says by field what looked like an attack, for the audit log.
    """

    class Meta(FlaskForm.Meta):
        """How Flask-WTF finds what was sent."""

        def wrap_formdata(self, form: FlaskForm, formdata: Any) -> Any:
            """What the fields are filled from."""
            found = super().wrap_formdata(form, formdata)
            return found if found is None or found is formdata else request.form

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.blocked_rules: dict[str, str] = {}


def readable(
    longest: int, *, multiline: bool, blank: bool = False, watched: bool = True
) -> Callable[[TypedForm, StringField], None]:
    """A validator of text that people read: cleaned, short enough, and no attack where ``watched``.

    ``longest`` counts characters. ``blank``: it may show nothing, and is "" then.
    """

    def check(form: TypedForm, field: StringField) -> None:
        text = field.data or ""
        too_long = f"Use at most {longest} characters."
        if len(text) > 4 * longest:  # cleaning takes its time
            raise StopValidation(too_long)
        if CONTROLS.search(text):
            raise StopValidation("It holds a control character, which nobody can read.")
        if not multiline and re.search(r"[\r\n]", text):
            raise StopValidation("Write it on one line.")
        try:
            text = clean_text(text, multiline=multiline)
        except UncleanText:
            raise StopValidation("It holds characters that cannot be stored.") from None
        field.data = text = "" if is_blank(text) else text
        if not text and not blank:
            raise StopValidation("There is nothing to read here.")
        if len(text) > longest:
            raise StopValidation(f"{too_long} These are {len(text)}.")
        if watched and (rule := attack_rule(text)):
            form.blocked_rules[field.name] = rule
            raise StopValidation(ATTACK)

    return check

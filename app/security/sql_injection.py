"""SQL injection by its shapes: text that breaks out of a query. SQL as such is talk, on a programming stream."""

import re

from app.security.sql_shapes import SHAPES

# Word processors and phones bend quotes; what copies the text into a query may bend them back.
_STRAIGHT_QUOTES = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u2032": "'", "\u00b4": "'", "\u201c": '"', "\u201d": '"', "\0": " "}
)
# Most talk has none of what any shape needs, and is done with after one look.
_ANY_NEED = re.compile("|".join(sorted({re.escape(need) for shape in SHAPES for need in shape.needs})))
_VERSION_MARK = re.compile(r"^!\d{0,8}")


def _without_comments(text: str) -> str:
    """`text` without its `/*…*/`, but for what stands in `/*!…*/`: MySQL runs that."""
    parts: list[str] = []
    at = 0
    while (start := text.find("/*", at)) >= 0 and (end := text.find("*/", start + 2)) >= 0:
        inside = text[start + 2 : end]
        parts += [text[at:start], _VERSION_MARK.sub("", inside) if inside.startswith("!") else ""]
        at = end + 2
    return " ".join([*parts, text[at:]])


def _shape_in(text: str) -> str | None:
    if not _ANY_NEED.search(text):
        return None
    text = " ".join(text.split())
    for shape in SHAPES:
        if any(need in text for need in shape.needs) and shape.pattern.search(text):
            return shape.rule
    return None


def sql_injection_rule(text: str) -> str | None:
    """Name the shape of SQL injection that `text` has, with its comments or without, or None."""
    text = text.lower().translate(_STRAIGHT_QUOTES)
    rule = _shape_in(text)
    if rule is None and "/*" in text:
        rule = _shape_in(_without_comments(text))
    return rule

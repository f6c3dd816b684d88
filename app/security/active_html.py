"""Active HTML: markup that would run or load something if a page ever showed it unescaped. A tag as such is talk."""

import re
from html.parser import HTMLParser
from typing import Any

# What each element fetches and runs, or where it sends what is typed. `<iframe>` alone, as people write it, is no harm.
_LOADING_ATTRIBUTES: dict[str, frozenset[str]] = {
    "iframe": frozenset({"src"}),
    "frame": frozenset({"src"}),
    "portal": frozenset({"src"}),
    "embed": frozenset({"src", "code"}),
    "object": frozenset({"data", "classid", "codebase"}),
    "applet": frozenset({"code", "codebase", "archive", "object"}),
    "link": frozenset({"href"}),
    "base": frozenset({"href"}),
    "meta": frozenset({"http-equiv"}),
    "form": frozenset({"action"}),
}
_LOADING_ANYWHERE = frozenset({"srcdoc", "formaction"})
_ANIMATIONS = frozenset({"animate", "animatemotion", "animatetransform", "set"})
_NOTHING: frozenset[str] = frozenset()

_EVENT_HANDLER = re.compile(r"on[a-z]{3,}")
# Browsers skip control characters inside a scheme: `java&#10;script:` runs.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SCRIPT_URL = re.compile(
    r"(?:^|[;,(='\"]) {0,8}(?:(?:java|vb|live)script:|"
    r"data:(?:text/(?:html|xml|javascript)|image/svg|application/x))",
    re.IGNORECASE,
)
# Talk about "javascript: the good parts" is fine; a call is what people are told to paste into their address bar.
_BARE_SCRIPT_URL = re.compile(r"[ '\"(]{0,8}(?:java|vb)script:[^\s(=`]{0,200}(?:[(=`]|%28)", re.IGNORECASE)
_ACTIVE_STYLE = re.compile(r"expression\s{0,8}\(|@import|behaviou?r\s{0,8}:|-moz-binding", re.IGNORECASE)
_STYLE_RULE = re.compile(r"\{[^{}:]*:|@import", re.IGNORECASE)

_START_TAG = re.compile(r"<(?=[a-zA-Z])")
_OTHER_ANGLE = re.compile(r"<(?![a-zA-Z])")
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])'(?=[^\W\d_])")
# Closes whatever quote and tag the text left open, as the rest of a page would.
_REST_OF_PAGE = "\"'\"' >"


class _Active(Exception):
    """Ends the reading at the first active tag; its text is the rule's name."""


class _TagReader(HTMLParser):
    in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag.rpartition(":")[2] == "script":
            raise _Active("html.script")
        loading = _LOADING_ATTRIBUTES.get(tag, _NOTHING)
        for name, value in attrs:
            if not value:
                continue
            if name in loading or name in _LOADING_ANYWHERE:
                raise _Active("html.loader")
            if rule := _attribute_rule(tag, name, _CONTROLS.sub("", value)):
                raise _Active(rule)
        self.in_style = self.in_style or tag == "style"

    def handle_data(self, data: str) -> None:
        if self.in_style and _STYLE_RULE.search(data):
            raise _Active("html.style_sheet")

    def set_cdata_mode(self, *_: Any, **__: Any) -> None:
        """Read on inside `<style>`, `<title>` or `<xmp>`: what is inert there must not hide what comes after it."""


def _attribute_rule(tag: str, name: str, value: str) -> str | None:
    if _EVENT_HANDLER.match(name):
        return "html.event_handler"
    if _SCRIPT_URL.search(value):
        return "html.script_url"
    if name == "style" and _ACTIVE_STYLE.search(value):
        return "html.active_style"
    if tag in _ANIMATIONS and name == "attributename" and value.lower().startswith(("on", "href", "xlink:href", "src")):
        return "html.animated_attribute"
    return None


def _rule_in(page: str) -> str | None:
    reader = _TagReader()
    try:
        reader.feed(page + _REST_OF_PAGE)
        reader.close()
    except _Active as active:
        return str(active)
    return None


def active_html_rule(text: str) -> str | None:
    """Name the rule that finds active HTML in `text`, read as a page's content and as a quoted attribute's, or None."""
    if _BARE_SCRIPT_URL.match(text):
        return "html.script_url"
    has_tag = _START_TAG.search(text) is not None
    if not has_tag and "=" not in text:
        return None
    # Only start tags matter. Other angles (`<!--`, `<![`, `</`) would lead the parser into comments that hide what
    # follows, into an AssertionError, or into a search for their end from every one of them: quadratic time.
    text = _OTHER_ANGLE.sub("\ufffd", text.replace("\0", ""))
    readings = []
    if has_tag:
        # The second reading sees each tag on its own: `<style>"<x a="</style><img …>` hides one from the first.
        readings += [text, _START_TAG.sub(_REST_OF_PAGE + "<", text)]
    if '"' in text:
        readings.append(f'<x y="{text}')
    unquoted = _APOSTROPHE.sub("\u2019", text)  # "I don't use onclick=…" breaks out of nothing
    if "'" in unquoted:
        readings.append(f"<x y='{unquoted}")
    return next(filter(None, map(_rule_in, readings)), None)

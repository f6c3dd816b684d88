"""No script and no style stands in a page, and no text becomes markup, in the templates or in the browser."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from config import ROOT

TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted(path for path in (ROOT / "static" / "js").rglob("*.js"))
SHEETS = sorted((ROOT / "static" / "css").rglob("*.css"))

IN_TEMPLATES = {
    "a script in the page": r"<script(?![^>]*\ssrc=)[^>]*>",
    "an event handler": r"\son[a-z]+\s*=",
    "a style in the page": r"<style|\sstyle\s*=",
    "a script address": r"javascript:",
    "text taken for markup": r"\|\s*safe\b|\bMarkup\b|autoescape\s+false|\|\s*tojson",
    "an object of another kind": (
        r"<(?:object|embed|applet|base|frame)\b"
        r"|<iframe(?![^>]*\ssandbox=\"allow-scripts allow-same-origin allow-presentation\")"
    ),
    "another site's file": r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//",
    "a form without its address": r"<form(?![^>]*\saction=)[^>]*>",
}
IN_SCRIPTS = {
    "text taken for markup": (
        r"\b(?:innerHTML|outerHTML|insertAdjacentHTML|srcdoc|createContextualFragment|DOMParser|setHTML\w*)\b"
    ),
    "a page written over": r"\bdocument\.write\w*",
    "text taken for a program": r"\beval\s*\(|\bnew\s+Function\b|\bset(?:Timeout|Interval)\s*\(\s*[\"'`]",
    "a handler or style as text": r"setAttribute\(\s*[\"'](?:style|on\w+|srcdoc)",
    "a script made up": r"createElement\(\s*[\"'](?:script|style|iframe|object|embed)",
    "another site's file": r"(?:from|import)\s*\(?\s*[\"'](?:https?:)?//",
    "a policy that lets text be markup": r"trustedTypes",
}
# What each inspection must find: an inspector that finds nothing anywhere proves nothing.
FOUND_IN_TEMPLATES = {
    "a script in the page": "<script>go()</script>",
    "an event handler": '<b onclick="go()">',
    "a style in the page": '<b style="color: red">',
    "a script address": '<a href="javascript:go()">',
    "text taken for markup": "{{ text | safe }}",
    "an object of another kind": "<iframe src=/>",
    "another site's file": '<script src="//cdn.example/x.js">',
    "a form without its address": '<form method="post">',
}
FOUND_IN_SCRIPTS = {
    "text taken for markup": "line.innerHTML = text",
    "a page written over": "document.write(text)",
    "text taken for a program": "setTimeout('go()', 1)",
    "a handler or style as text": 'x.setAttribute("style", text)',
    "a script made up": 'document.createElement("script")',
    "another site's file": 'import x from "https://cdn.example/x.js"',
    "a policy that lets text be markup": "trustedTypes.createPolicy('x', {})",
}


def name(path: Path) -> str:
    """A file's name for a test's id."""
    return path.relative_to(ROOT).as_posix()


def findings(text: str, patterns: dict[str, str]) -> list[str]:
    """What is wrong with ``text``."""
    return [what for what, pattern in patterns.items() if re.search(pattern, text, re.IGNORECASE)]


def test_the_inspectors_find_what_they_look_for() -> None:
    for patterns, samples in ((IN_TEMPLATES, FOUND_IN_TEMPLATES), (IN_SCRIPTS, FOUND_IN_SCRIPTS)):
        assert set(samples) == set(patterns)
        for what, sample in samples.items():
            assert what in findings(sample, patterns)
    assert findings('<script type="module" src="/x.js"></script> <form action="/x">', IN_TEMPLATES) == []
    assert len(TEMPLATES) > 15
    assert len(SCRIPTS) > 10


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_a_template_holds_no_script_no_style_and_escapes_everything(path: Path) -> None:
    text = re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.DOTALL)
    assert findings(text, IN_TEMPLATES) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_a_script_never_takes_text_for_markup(path: Path) -> None:
    assert findings(path.read_text(), IN_SCRIPTS) == []


@pytest.mark.parametrize("path", SHEETS, ids=name)
def test_a_sheet_loads_nothing_from_elsewhere(path: Path) -> None:
    assert not re.search(
        r"@import|url\(\s*[\"']?(?:https?:)?//|expression\s*\(|(?<![-\w])behavior\s*:", path.read_text()
    )


def test_every_template_ends_so_that_jinja_escapes_it() -> None:
    """Jinja escapes what comes from a file named .html; .txt or .j2 it would pass through."""
    others = [name(path) for path in (ROOT / "templates").rglob("*") if path.is_file() and path.suffix != ".html"]
    assert others == []


def test_the_app_makes_markup_only_from_words_of_its_own() -> None:
    made = 0
    for path in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            assert called not in ("render_template_string", "eval", "exec", "compile"), name(path)
            if called == "Markup" and isinstance(node, ast.Call):
                made += 1
                (argument,) = node.args
                assert isinstance(argument, ast.Constant), f"{name(path)}:{node.lineno}"
    assert made, "the time element is made here, so there must be something to find"

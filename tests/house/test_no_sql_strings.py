"""Queries are built, never written as text: what somebody typed cannot become part of one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from config import ROOT

# The SQL that stands as text, all of it, by file. {}: what is put in, a constant of the same file.
ALLOWED = {
    "app/backup/sqlite_copy.py": r"BEGIN|PRAGMA [a-z_]+(=\w+)?|VACUUM INTO \?",  # of files, through no engine
    "app/sqlite.py": r"PRAGMA (\{\}|[a-z_]+(=\w+|\(\w+\))?)",
    "app/encryption/data_key.py": r"state = 'active'",  # the condition of a partial index
}
TAKES_SQL = {"text", "literal_column", "TextClause", "exec_driver_sql", "from_statement", "executescript", "mogrify"}
RUNS_SQL = {
    "execute",
    "executemany",
    "scalar",
    "scalars",
    "stream",
    "stream_scalars",
    "prefix_with",
    "suffix_with",
    "op",
}
LOOKS_LIKE_SQL = re.compile(
    r"\s*(?:select\s.+\sfrom\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s|drop\s+(?:table|index)\s|alter\s+table\s|"
    r"create\s+(?:table|index)\s|pragma\s|truncate\s|grant\s|vacuum\b)",
    re.IGNORECASE | re.DOTALL,
)
SQL_LIBRARIES = {"sqlalchemy", "sqlalchemy.sql", "sqlalchemy.sql.expression"}


def written(node: ast.expr) -> str | None:
    """The text an expression is made of, with {} for what is put in; None when it is no text."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        left, right = written(node.left), written(node.right)
        return None if left is None and right is None else f"{left or '{}'}{right or '{}'}"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("format", "join"):
        return written(node.func.value)
    return None


def sql_in(source: str) -> Iterator[str]:
    """Each text that is handed to something that takes SQL, and each that reads like a statement."""
    tree = ast.parse(source)
    imported = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in SQL_LIBRARIES
        for alias in node.names
    }
    no_statement = {id(part) for node in ast.walk(tree) for part in _parts_and_docstring(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            text = written(node.args[0]) if node.args else None
            if imported.get(name, name) in TAKES_SQL and _is_sqlalchemys(node.func, imported):
                yield text or "?"
            elif name in RUNS_SQL and text is not None:
                yield text
        elif isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in no_statement:
            if LOOKS_LIKE_SQL.match(written(node) or ""):
                yield written(node) or ""


def _parts_and_docstring(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.JoinedStr):
        return node.values
    if (
        isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    ):
        return [node.body[0].value]
    return []


def _is_sqlalchemys(function: ast.expr, imported: dict[str, str]) -> bool:
    if isinstance(function, ast.Attribute):  # sa.text, not request.text
        return function.attr != "text" or getattr(function.value, "id", "") in ("sa", "sqlalchemy", "db")
    return getattr(function, "id", "") in imported


def test_the_inspector_finds_what_it_looks_for() -> None:
    for source in (
        'from sqlalchemy import text\ntext("SELECT 1")',
        "from sqlalchemy import text as raw\nraw(query)",
        'import sqlalchemy as sa\nsa.text(f"x = {y}")',
        "session.execute(\"DELETE FROM account WHERE name = '%s'\" % name)",
        'cursor.execute("select * from message where id = " + number)',
        'session.scalars(f"{anything}")',
        "connection.exec_driver_sql(query)",
        "query = \"UPDATE account SET role = 'admin'\"",
        "from sqlalchemy import literal_column\nliteral_column(name)",
    ):
        assert list(sql_in(source)), source
    for source in (
        "from sqlalchemy import select\nsession.execute(select(User))",
        'payload.text(data, "channel", 64)',
        'def f():\n    """SELECT nothing FROM nowhere."""',
        'said = "Select your fighter"',
    ):
        assert not list(sql_in(source)), source


def test_no_sql_is_written_as_text() -> None:
    seen, wrong = set(), []
    for path in sorted({*(ROOT / "app").rglob("*.py"), ROOT / "config.py", ROOT / "wsgi.py"}):
        name = path.relative_to(ROOT).as_posix()
        for text in sql_in(path.read_text()):
            if re.fullmatch(ALLOWED.get(name, "(?!)"), text):
                seen.add(name)
            else:
                wrong.append((name, text))
    assert wrong == []
    assert seen == set(ALLOWED), "what is allowed is still there, so the inspector read the files"

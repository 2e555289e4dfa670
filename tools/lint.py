"""House rules that no ready tool checks: `python tools/lint.py [PATH ...]`, default `src`.

Prints `path:line: rule: what is wrong` and exits 1 if there is anything. Each rule is one
sentence in RULES; each way out of it is one line in ALLOWED, with its reason.
"""

import ast
import re
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 60

RULES = {
    "file-length": f"A file has at most {MAX_FILE_LINES} lines; split it by concern.",
    "function-length": f"A function has at most {MAX_FUNCTION_LINES} lines; name its parts.",
    "clock": "The clock is read in bootstrap.py only; elsewhere time is a parameter.",
    "environment": "The environment is read in settings.py only; elsewhere settings are arguments.",
    "sql": "SQL statements stand in queries.py, where the reviewer of tenant isolation looks.",
    "scope": "Only workspaces makes a Scope; elsewhere it is handed in, proven by a token.",
    "suppression": "`type: ignore` and `noqa` name their code and say why on the same line.",
}

#: Where a rule does not hold: (path pattern below the package, reason).
ALLOWED: dict[str, list[tuple[str, str]]] = {
    "clock": [("bootstrap.py", "makes the one real clock")],
    "environment": [("settings.py", "the one reader")],
    "sql": [
        ("*/queries.py", "the place for a feature's statements"),
        ("*_queries.py", "more of them, by concern"),
        ("state/*", "schema, migrations and engine settings of the state store"),
        ("journal/*", "the embedded journal is one SQLite file and nothing but statements"),
        ("warehouse/*", "schema, migrations and the guard that reads statements"),
    ],
    "scope": [("workspaces/*", "the mint"), ("kernel/scope.py", "the definition")],
}

_CLOCKS = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
}
_ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
_SQL = re.compile(
    r"\s*(?:(?:SELECT|INSERT|UPDATE|DELETE|ALTER|CREATE)\s"
    r"|(?i:select\s.+\sfrom\s|insert\s+into\s|update\s.+\sset\s|delete\s+from\s"
    r"|(?:alter|create|drop)\s+(?:table|index|database|view|dictionary)\s))",
    re.DOTALL,
)
#: The directive, its code, and at least two words after it.
_SUPPRESSION = re.compile(r"#\s*(?:type:\s*ignore|noqa)\b")
_EXPLAINED = re.compile(
    r"#\s*(?:type:\s*ignore\[[\w, -]+\]|noqa:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)\W+\w+\W+\w+"
)


class Finding(NamedTuple):
    """One broken rule."""

    path: Path
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message} {RULES[self.rule]}"


def check_file(path: Path, package: Path) -> list[Finding]:
    """Return what is wrong in one file, in line order.

    Args:
        path: A Python file.
        package: Folder that the patterns of ALLOWED are relative to.
    """
    text = path.read_text(encoding="utf-8")
    inside = path.relative_to(package).as_posix()
    found = [
        Finding(path, line, rule, message)
        for rule, line, message in _broken(text, ast.parse(text, filename=str(path)))
        if not any(fnmatch(inside, pattern) for pattern, _ in ALLOWED.get(rule, []))
    ]
    return sorted(found, key=lambda finding: finding.line)


def _broken(text: str, tree: ast.Module) -> Iterator[tuple[str, int, str]]:
    lines = text.splitlines()
    if len(lines) > MAX_FILE_LINES:
        yield "file-length", len(lines), f"{len(lines)} lines."
    for number, line in enumerate(lines, 1):
        if _SUPPRESSION.search(line) and not _EXPLAINED.search(line):
            yield "suppression", number, "No reason given."
    docstrings = _docstrings(tree)
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > MAX_FUNCTION_LINES:
                    yield "function-length", node.lineno, f"{node.name} has {length} lines."
            case ast.Call(func=ast.Name(id="Scope") | ast.Attribute(attr="Scope")):
                yield "scope", node.lineno, "Scope is made here."
            case ast.Constant(value=str(value)) if id(node) not in docstrings and _SQL.match(value):
                yield "sql", node.lineno, f"{value.strip()[:40]!r} is a statement."
            case _:
                yield from _outside(node)


def _outside(node: ast.AST) -> Iterator[tuple[str, int, str]]:
    """Yield where `node` names the clock or the environment: called, handed on or imported."""
    names: list[tuple[str, str]] = []
    match node:
        case ast.Attribute(value=ast.Name(id=owner) | ast.Attribute(attr=owner), attr=name):
            names = [(owner, name)]
        case ast.ImportFrom(module="time" | "os" as owner):
            names = [(owner, alias.name) for alias in node.names]
        case _:
            return
    for owner, name in names:
        if name in _CLOCKS.get(owner, ()):
            yield "clock", node.lineno, f"{owner}.{name} reads the clock."
        if owner == "os" and name in _ENVIRONMENT:
            yield "environment", node.lineno, f"os.{name} reads the environment."


def _docstrings(tree: ast.Module) -> set[int]:
    """Return the ids of the nodes that are docstrings or other bare strings: prose, not SQL."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def check(root: Path) -> list[Finding]:
    """Return what is wrong in all Python files of the package folders below `root`."""
    return [
        finding
        for package in sorted(folder.parent for folder in root.glob("*/__init__.py"))
        for path in sorted(package.rglob("*.py"))
        for finding in check_file(path, package)
    ]


def main(arguments: list[str]) -> int:
    """Check the given source roots and print findings; return the exit code."""
    findings = [finding for root in arguments or ["src"] for finding in check(Path(root))]
    for finding in findings:
        print(finding)
    if findings:
        print(
            f"{len(findings)} broken house rules; tools/lint.py explains them and their exceptions."
        )
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

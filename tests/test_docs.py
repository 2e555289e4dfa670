"""The documentation says what the code does: settings, commands, mappings, the API, links."""

import ast
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App

from footfall.attributes.built_in import BUILT_IN
from footfall.cli import FAILED, INTERRUPTED, MISUSED, OK, UNREACHABLE, app
from footfall.http.openapi import document_of
from footfall.ingest.mappings import parse_mapping, presets
from footfall.ingest.openapi import COLLECTOR_PATHS
from footfall.ingest.types import EVENT_TYPES
from footfall.settings import Settings
from tests.wire.till import ROUTES

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def commands(parent: App = app, path: tuple[str, ...] = ()) -> Iterator[tuple[str, App]]:
    """Yield each command that does something, with its full name."""
    for name in parent:
        if name.startswith("-"):
            continue
        command = parent[name]
        if command.default_command is None:
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(commands())


def test_the_walk_over_commands_finds_them():
    assert set(COMMANDS) == {
        *("serve", "demo", "doctor", "rebuild", "import events"),
        *("workspaces create", "workspaces list", "tokens create", "tokens list", "tokens revoke"),
        *("app-keys create", "app-keys list", "app-keys revoke"),
        *("users list", "users invite", "users reset-link"),
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_on_the_page_of_commands(name):
    lines = [line for line in page("reference/cli.md").splitlines() if f"footfall {name}" in line]
    row = next(line for line in lines if line.startswith("|"))
    for argument in COMMANDS[name].assemble_argument_collection():
        option = argument.name
        if option.startswith("--") and option != "--data-dir":
            assert f"`{option}`" in row, f"{option} is missing"
        elif not option.startswith("--"):
            assert option.upper() in row


def test_the_page_of_commands_names_no_command_that_is_not_there():
    named = re.findall(
        r"^\| `footfall ([a-z -]+?)(?: [A-Z]+)?` \|", page("reference/cli.md"), re.MULTILINE
    )
    assert set(named) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_has_an_example_of_it(name):
    text = COMMANDS[name].help
    assert f"footfall {name}" in text.split("Example: ")[1]


def test_every_exit_code_is_documented():
    codes = re.findall(r"^\| (\d+) \|", page("reference/cli.md"), re.MULTILINE)
    assert [int(code) for code in codes] == [OK, FAILED, MISUSED, UNREACHABLE, INTERRUPTED]


def test_every_setting_is_documented_with_its_default_and_no_other():
    rows = re.findall(
        r"^\| `(FOOTFALL_\w+)` \| (.+?) \|", page("reference/settings.md"), re.MULTILINE
    )
    documented = dict(rows)
    settings = {f"FOOTFALL_{field.name.upper()}": field for field in dataclasses.fields(Settings)}
    assert set(documented) == set(settings)
    for name, field in settings.items():
        if field.default not in {None, ()}:
            assert documented[name] == f"`{field.default}`", name


def test_the_mapping_on_the_page_about_imports_is_a_mapping():
    (example,) = re.findall(r"```toml\n(.*?)```", page("how-to/import.md"), re.DOTALL)
    mapping = parse_mapping(example, "import.md")
    for part in mapping.__struct_fields__:
        assert part in example, f"{part} is missing"


def test_the_page_about_imports_names_the_presets_and_event_types():
    text = page("how-to/import.md")
    assert re.findall(r"^\| `([\w-]+)` \| [TU]", text, re.MULTILINE) == presets()
    assert re.sub(r"\s+", " ", ", ".join(EVENT_TYPES)) in re.sub(r"\s+", " ", text)


def api_document() -> dict:
    given = ("call", "services", "registry", "warehouse", "journal", "advisor", "visibility")
    return document_of(
        ROUTES, (*given, "authenticator", "desk", "objects", "segments", "streams"), COLLECTOR_PATHS
    )


def test_the_page_of_the_api_has_every_address_and_parameter():
    text = page("reference/api.md")
    rows = re.findall(r"^\| `([A-Z]+ /api/v1/\S+)` \|", text, re.MULTILINE)
    paths = api_document()["paths"]
    methods = ("get", "post", "put", "patch", "delete")
    served = {
        f"{method.upper()} {path}": item[method]
        for path, item in paths.items()
        if path.startswith("/api/v1/")
        for method in methods
        if method in item
    }
    assert set(rows) == set(served)
    for request, operation in served.items():
        for parameter in operation.get("parameters", ()):
            if parameter["in"] != "path":
                assert f"`{parameter['name']}" in text, f"{request}: {parameter['name']}"
    compatible = set(re.findall(r"`(?:POST )?(/api/public/[^`\s]*[^/`])/`", text))
    assert compatible == {path for path in paths if path.startswith("/api/public/")}


def error_codes(tree: ast.AST) -> Iterator[str]:
    """Yield each code that the module gives an error, wherever it stands."""
    for node in ast.walk(tree):
        found: list[ast.expr] = []
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            found = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
            if name in {"at", "Problem"}:
                found += node.args[1:2]
            elif name in {"CoercionError", "Refused"}:
                found += node.args[:1]
        elif isinstance(node, ast.ClassDef):
            found = [
                statement.value
                for statement in node.body
                if isinstance(statement, ast.Assign)
                and getattr(statement.targets[0], "id", "") == "code"
            ]
        for value in found:
            for constant in ast.walk(value):
                if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                    yield constant.value


#: Modules whose errors the API never answers with, and codes of other modules that only show there.
NOT_OVER_HTTP = (
    "commands/",
    "console/",
    "ingest/importer.py",
    "ingest/mappings.py",
    "ingest/readers.py",
)
ON_THE_COMMAND_LINE = {"state_url", "unknown_scope"}
#: Where people sign in, which is no part of the API.
ON_PAGES = {"wrong_credentials", "link_ended"}


def test_the_page_of_the_api_has_every_error_code_and_no_other():
    source = ROOT / "src/footfall"
    codes = {
        code
        for path in source.rglob("*.py")
        if not str(path.relative_to(source)).startswith(NOT_OVER_HTTP)
        for code in error_codes(ast.parse(path.read_text()))
    }
    text = page("reference/api.md").split("## Errors")[1].split("## Limits")[0]
    cells = re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE)
    documented = {code for cell in cells for code in re.findall(r"`(\w+)`", cell)}
    assert documented == codes - ON_THE_COMMAND_LINE - ON_PAGES


def test_the_page_of_the_api_names_the_event_types_and_built_in_attributes():
    text = re.sub(r"\s+", " ", page("reference/api.md"))
    assert ", ".join(EVENT_TYPES) in text
    for name in BUILT_IN["product"]:
        assert re.search(rf"[ :]{name}\b", text), name


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_decisions_are_numbered_without_gaps():
    numbers = [int(path.name[:4]) for path in sorted(ROOT.glob("docs/decisions/[0-9]*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))

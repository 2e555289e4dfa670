"""The documentation says what the code does: settings, commands, mappings, links."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App

from footfall.cli import FAILED, INTERRUPTED, MISUSED, OK, UNREACHABLE, app
from footfall.ingest.mappings import parse_mapping, presets
from footfall.ingest.types import EVENT_TYPES
from footfall.settings import Settings

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
        *("serve", "doctor", "rebuild", "import events"),
        *("workspaces create", "workspaces list", "tokens create", "tokens list", "tokens revoke"),
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
        r"^\| `footfall ([a-z ]+?)(?: [A-Z]+)?` \|", page("reference/cli.md"), re.MULTILINE
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
        if field.default is not None:
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


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_decisions_are_numbered_without_gaps():
    numbers = [int(path.name[:4]) for path in sorted(ROOT.glob("docs/decisions/[0-9]*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))

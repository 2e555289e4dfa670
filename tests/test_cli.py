"""The command line says what is wrong with it, and ends with the code that the page promises."""

import pytest

from footfall.cli import run

MISUSES = {
    "no such command": (["frobnicate"], 2, "frobnicate"),
    "an argument is missing": (["tokens", "create"], 2, "NAME"),
    "a port that is none": (["serve", "--port", "99999"], 2, "--port must be a port"),
    "a scope that is none": (["tokens", "create", "x", "--scope", "all"], 2, "--scope"),
    "a workspace that is not there": (["tokens", "list", "--workspace", "x"], 1, '"x"'),
    "a token that is not there": (["tokens", "revoke", "x"], 1, '"x"'),
    "a time zone that is none": (["workspaces", "create", "a", "--time-zone", "x"], 1, "IANA"),
    "neither mapping nor preset": (["import", "events", "f.csv"], 2, "--preset"),
    "a preset that is none": (["import", "events", "f.csv", "--preset", "x"], 2, "taobao"),
    "a file that is not there": (
        ["import", "events", "absent.csv", "--preset", "taobao"],
        1,
        "absent.csv cannot be read",
    ),
}


@pytest.mark.parametrize(("arguments", "code", "words"), MISUSES.values(), ids=MISUSES)
def test_a_mistake_is_said_in_a_sentence_with_its_exit_code(
    tmp_path, capsys, arguments, code, words
):
    assert run([*arguments, "--data-dir", str(tmp_path)]) == code
    printed = capsys.readouterr()
    assert words in printed.err
    assert printed.out == ""


def test_the_version_is_printed(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == "0.1.0\n"

"""The house rules catch planted violations and let the allowed places be."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

LINT = Path(__file__).parents[2] / "tools" / "lint.py"


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(LINT), str(root)], capture_output=True, text=True, check=False
    )


def plant(root: Path, place: str, code: str) -> None:
    file = root / "shop" / place
    file.parent.mkdir(parents=True, exist_ok=True)
    (root / "shop" / "__init__.py").touch()
    file.write_text(code)


LONG_FUNCTION = "def work():\n" + "    pass\n" * 60
LONGEST_FUNCTION = "def work():\n" + "    pass\n" * 59

VIOLATIONS = {
    "a file over the ceiling": ("orders/api.py", "x = 1\n" * 601, "file-length"),
    "a function over the ceiling": ("orders/api.py", LONG_FUNCTION, "function-length"),
    "time.time": ("orders/api.py", "import time\nnow = time.time()\n", "clock"),
    "monotonic": ("orders/api.py", "import time\nnow = time.monotonic()\n", "clock"),
    "imported clock": ("orders/api.py", "from time import time as t\n", "clock"),
    "datetime.now": (
        "orders/api.py",
        "from datetime import datetime, UTC\nnow = datetime.now(UTC)\n",
        "clock",
    ),
    "datetime.datetime.now": (
        "orders/api.py",
        "import datetime\nnow = datetime.datetime.now()\n",
        "clock",
    ),
    "the clock handed on uncalled": ("orders/api.py", "import time\nclock = time.time\n", "clock"),
    "os.environ": ("orders/api.py", "import os\nhome = os.environ['HOME']\n", "environment"),
    "os.getenv": ("orders/api.py", "import os\nhome = os.getenv('HOME')\n", "environment"),
    "imported environ": ("orders/api.py", "from os import environ\n", "environment"),
    "SQL": ("orders/api.py", "q = 'SELECT 1'\n", "sql"),
    "lower-case SQL": ("orders/api.py", "q = 'delete from orders where id = 1'\n", "sql"),
    "SQL in an f-string": ("orders/api.py", "t = 'a'\nq = f'UPDATE {t} SET b = 1'\n", "sql"),
    "indented SQL": ("orders/api.py", 'q = """\n    INSERT INTO a VALUES (1)"""\n', "sql"),
    "a forged scope": ("orders/api.py", "from k import Scope\ns = Scope(1)\n", "scope"),
    "a forged scope by module": ("orders/api.py", "import k\ns = k.Scope(1)\n", "scope"),
    "type: ignore": ("orders/api.py", "x = 1  # type: ignore[assignment]\n", "suppression"),
    "noqa": ("orders/api.py", "x = 1  # noqa: S101\n", "suppression"),
    "a bare noqa": ("orders/api.py", "x = 1  # noqa because of a reason\n", "suppression"),
}


@pytest.mark.parametrize(("place", "code", "rule"), VIOLATIONS.values(), ids=VIOLATIONS)
def test_catches(tmp_path, place, code, rule):
    plant(tmp_path, place, code)
    result = lint(tmp_path)
    assert result.returncode == 1
    assert f": {rule}: " in result.stdout
    assert place in result.stdout


INNOCENT = {
    "a function at the ceiling": ("orders/api.py", LONGEST_FUNCTION),
    "the real clock": ("bootstrap.py", "import time\nnow = time.time()\n"),
    "the environment's reader": ("settings.py", "import os\nhome = os.environ['HOME']\n"),
    "statements in queries": ("orders/queries.py", "q = 'SELECT 1'\n"),
    "prose that begins like SQL": ("orders/api.py", "label = 'Create a token'\n"),
    "a docstring about SQL": ("orders/api.py", '"""SELECT is not run here."""\n'),
    "the mint": ("workspaces/api.py", "from k import Scope\ns = Scope(1)\n"),
    "a reasoned suppression": (
        "orders/api.py",
        "x = 1  # noqa: S101 - the driver checks it\n",
    ),
}


@pytest.mark.parametrize(("place", "code"), INNOCENT.values(), ids=INNOCENT)
def test_lets_pass(tmp_path, place, code):
    plant(tmp_path, place, code)
    result = lint(tmp_path)
    assert result.returncode == 0, result.stdout


def test_every_rule_is_seen_to_catch_something():
    assert {rule for _, _, rule in VIOLATIONS.values()} == set(runpy.run_path(str(LINT))["RULES"])

"""The examples that people copy out of the documentation work as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def example(page: str) -> str:
    """Return the one shell example of `page` that is marked to be run."""
    (found,) = re.findall(
        r"<!-- run by [\w/.]+ -->\n```sh\n(.*?)```", (ROOT / page).read_text(), re.DOTALL
    )
    return found


def bash(script: str, folder: Path, **environment: str) -> str:
    """Run `script` as a person's shell would, `footfall` on the path; return what it printed."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, **environment, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_readme_sends_and_reads_the_first_event(shop, tmp_path):
    script = example("README.md").replace("the-token-that-was-printed", shop.new_token())
    output = bash(script.replace("127.0.0.1:8000", f"127.0.0.1:{shop.port}"), tmp_path)
    assert '"accepted":1' in output
    assert '"mug-1"' in output
    assert '"results":[{"event_type":"view","count":1}]' in output


def test_the_greeting_of_the_first_start_can_be_copied_as_it_stands(open_shop, tmp_path):
    shop = open_shop()
    shop.start()
    while "Ready." not in shop.log():
        assert shop.process.poll() is None
    command = re.compile(r"^    (curl (?:.*\\\n)*.*)$", re.MULTILINE)
    send, read = command.findall(shop.log())
    assert '"accepted":1' in bash(send, tmp_path)
    assert '"Blue mug"' in bash(read, tmp_path)


def test_the_quickstart_imports_a_history(shop, tmp_path):
    output = bash(example("docs/quickstart.md"), tmp_path, FOOTFALL_DATA_DIR=str(shop.data_dir))
    assert "3 rows: 2 stored, 0 repeated, 1 rejected" in output
    assert "unknown_event_type" in output
    mapping = tmp_path / "history.toml"
    better = mapping.read_text().replace('buy = "purchase"', 'buy = "purchase", look = "view"')
    mapping.write_text(better)
    again = "footfall import events history.csv --mapping history.toml"
    output = bash(again, tmp_path, FOOTFALL_DATA_DIR=str(shop.data_dir))
    assert "3 rows: 1 stored, 2 repeated, 0 rejected" in output

"""The examples that people copy out of the documentation work as they stand."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from footfall.ingest.browser import is_signed

ROOT = Path(__file__).parents[2]


def examples(page: str, language: str = "sh") -> list[str]:
    """Return the examples of `page` in that language that are marked to be run."""
    return re.findall(
        rf"<!-- run by [\w/.]+ -->\n```{language}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL
    )


def example(page: str) -> str:
    """Return the only one."""
    (found,) = examples(page)
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


def test_the_examples_of_the_rest_api_work_from_top_to_bottom(shop, tmp_path):
    pieces = examples("docs/reference/api.md")
    script = "\n".join(f"{piece}\necho\necho NEXT" for piece in pieces)
    script = script.replace("the-token-that-was-printed", shop.new_token())
    output = bash(script.replace("127.0.0.1:8000", f"127.0.0.1:{shop.port}"), tmp_path)
    _, limits, single, batch, read, mugs, found, replay, error, rest = output.split("NEXT")
    assert '"products":[{' in found.replace(" ", ""), found
    assert rest.strip() == ""
    assert limits.count('"allowed_networks":["203.0.113.0/24","2001:db8::7"]') == 2
    assert limits.count('"requests_per_second":50') == 2
    assert single.strip() == '{"id":1}'
    assert (
        '{"accepted":2,"duplicates":0,"rejected":[{"index":2,"code":"unknown_event_type"' in batch
    )
    assert '{"accepted":2,"duplicates":0,"rejected":[]}' in batch
    listed, counted = map(json.loads, read.strip().replace("}{", "}\n{").splitlines())
    page = (ROOT / "docs/reference/api.md").read_text()
    shown = json.loads(re.search(r"```json\n(.*?)```", page, re.DOTALL)[1])
    (event,) = listed["results"]
    assert {**event, "received_at": shown["received_at"]} == shown
    assert counted["results"][0] == {"product": "mug-2", "product_id": 2, "count": 3}
    (mug,) = json.loads(mugs)["results"]
    assert (mug["attributes"], mug["last_30_days"]["purchases"]) == (
        {"name": "Blue mug", "price": 9.9},
        0,
    )
    assert re.fullmatch(r'{"id":[0-9]+}', replay.strip())
    refused = json.loads(error)
    documented = json.loads(re.findall(r"```json\n(.*?)```", page, re.DOTALL)[-1])
    assert refused.keys() == documented.keys()
    assert (refused["code"], refused["errors"][0]["pointer"]) == (
        documented["code"],
        documented["errors"][0]["pointer"],
    )


def test_the_order_of_the_guide_is_stored_once_however_often_it_is_sent(shop, tmp_path):
    order, activities = examples("docs/how-to/send-events.md")
    settings = order[: order.index("curl")]
    token = shop.new_token()

    def send(script):
        script = script.replace("the-token-that-was-printed", token)
        return bash(script.replace("127.0.0.1:8000", f"127.0.0.1:{shop.port}"), tmp_path)

    assert send(order) == '{"accepted":2,"duplicates":0,"rejected":[]}'
    assert send(order) == '{"accepted":0,"duplicates":2,"rejected":[]}'
    told = send(settings + activities)
    assert '{"accepted":2,"duplicates":0,"rejected":[]}' in told
    assert '"name":"newsletter signed up"' in told
    assert '"order_id":"order-1"' in told


def test_the_greeting_of_the_first_start_can_be_copied_as_it_stands(open_shop, tmp_path):
    shop = open_shop()
    shop.start()
    while "Ready." not in shop.log():
        assert shop.process.poll() is None
    command = re.compile(r"^    (curl (?:.*\\\n)*.*)$", re.MULTILINE)
    send, read = command.findall(shop.log())
    assert '"accepted":1' in bash(send, tmp_path)
    assert '"Blue mug"' in bash(read, tmp_path)
    # The snippet leads to the script, and its key opens the collector.
    (script,) = re.findall(r'<script async src="http://[^/]+(/\S+)"></script>', shop.log())
    (key,) = re.findall(r'apiKey: "([A-Za-z0-9]{6})"', shop.log())
    client = shop.client("")
    assert client.request("GET", script)[0] == 200
    assert client.request("POST", f"/api/browser/v1/events/{key}", {"events": []})[0] == 202
    client.close()


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


def test_the_guide_to_imports_uploads_and_starts_one(shop, tmp_path):
    given = f"SHOP=http://127.0.0.1:{shop.port}\nAUTH='Authorization: Token {shop.new_token()}'\n"
    output = bash(given + example("docs/how-to/import.md"), tmp_path)
    started, asked = output.replace("}{", "}\n{").splitlines()
    assert json.loads(started)["status"] == "queued"
    assert json.loads(asked)["total_count"] == 1


def test_the_guide_to_exports_leaves_files(shop, tmp_path):
    given = f"SHOP=http://127.0.0.1:{shop.port}\nAUTH='Authorization: Token {shop.new_token()}'\n"
    bash(given + example("docs/how-to/export.md"), tmp_path)
    assert (tmp_path / "contacts.parquet").read_bytes().startswith(b"PAR1")


def test_the_guide_to_keys_works_from_top_to_bottom(shop, tmp_path):
    pieces = examples("docs/how-to/browser-keys.md")
    script = "\n".join(f"{piece}\necho\necho NEXT" for piece in pieces)
    script = script.replace("the-token-that-was-printed", shop.new_token())
    script = script.replace("127.0.0.1:8000", f"127.0.0.1:{shop.port}")
    output = bash(script, tmp_path, FOOTFALL_DATA_DIR=str(shop.data_dir))
    keys, changed, secrets, signed, attributes, _ = output.split("NEXT")
    assert "https://shop.example https://*.shop.example  200" in keys
    assert "Revoked" in keys
    assert json.loads(changed)["allowed_origins"] == ["https://shop.example"]
    before, after = re.findall('"identity_secret":"([0-9a-f]{64})"', secrets)
    assert before != after
    assert json.loads(signed)["require_signed_contacts"] is True
    assert json.loads(attributes)["browser_attributes"] == ["name", "price", "currency", "color"]


@pytest.mark.parametrize("user_id", ["anna", "żółw 🐢"])
def test_the_signatures_of_the_guide_are_the_ones_we_believe(user_id, tmp_path):
    secret = "0123456789abcdef" * 4
    (python,) = examples("docs/how-to/browser-keys.md", "python")
    names: dict[str, Any] = {}
    exec(python, names)
    assert is_signed(user_id, names["signature"](user_id, secret), secret.encode())
    (php,) = examples("docs/how-to/browser-keys.md", "php")
    if shutil.which("php") is None:
        pytest.skip("there is no PHP here to run the other example")
    script = tmp_path / "sign.php"
    script.write_text(php + "echo signature($argv[1], $argv[2]);")
    told = bash(f"php {script} {shlex.quote(user_id)} {secret}", tmp_path)
    assert is_signed(user_id, told, secret.encode())


def test_the_examples_of_the_browser_api_work(shop, tmp_path):
    made = shop.command("app-keys", "create", "pages").stdout.strip()
    script = "\n".join(examples("docs/reference/browser-api.md")).replace("ABC123", made)
    output = bash(script.replace("127.0.0.1:8000", f"127.0.0.1:{shop.port}"), tmp_path)
    page = (ROOT / "docs/reference/browser-api.md").read_text()
    answer = json.loads(re.search(r"```json\n(.*?)```", page, re.DOTALL)[1])
    stored = {"accepted": 1, "duplicates": 0}
    found = [json.loads(part) for part in output.replace("}{", "}\n{").splitlines()]
    assert found == [answer, {"user": {"key": "k3mPq8sTv1Yz"}}, stored]

"""Every command as a person types it, beside a running server and without one."""

import os
import re
import signal
import socket
import stat
from functools import partial

import pytest

from footfall.bootstrap import clock
from footfall.workspaces.api import operator_access, workspace_named
from footfall.workspaces.user_queries import insert_membership, insert_user
from tests.journeys.shop import Shop


@pytest.fixture
def idle(tmp_path) -> Shop:
    """A data folder that nobody serves."""
    return Shop(tmp_path / "shop")


def test_the_first_start_prints_a_token_that_works_and_later_starts_print_none(open_shop):
    shop = open_shop()
    shop.start()
    while "Ready." not in shop.log():
        assert shop.process.poll() is None
    assert shop.stop() == 0
    (token,) = re.findall(r"^\s+([A-Za-z0-9]{64})$", shop.log(), re.MULTILINE)
    assert f"listens on http://127.0.0.1:{shop.port}" in shop.log()
    shop.start()
    client = shop.client(token)
    event = {"user_custom_id": "anna", "product_id": "mug-1", "event_type": "view"}
    status, _, _ = client.request("POST", "/api/v1/events", [event], Prefer="wait")
    assert status == 202
    assert client.get("/api/v1/events/count")["total"] == 1
    client.close()
    assert shop.stop() == 0
    assert len(re.findall(r"^\s+[A-Za-z0-9]{64}$", shop.log(), re.MULTILINE)) == 1


def test_a_token_made_beside_a_server_works_at_once_and_ends_within_a_second(shop):
    made = shop.command("tokens", "create", "till", "--scope", "read")
    token = made.stdout.removesuffix("\n")
    assert re.fullmatch(r"[A-Za-z0-9]{64}", token)
    assert made.stderr == ""
    client = shop.client(token)
    assert client.get("/api/v1/events/count")["total"] == 0
    assert client.request("POST", "/api/v1/events", [])[0] == 403
    limits = ("--network", "10.0.0.0/8", "--network", "::1", "--requests-per-second", "5")
    shop.command("tokens", "create", "limited", *limits)
    listed = shop.command("tokens", "list").stdout
    assert re.search(r"till +read +\S+ +any +- +2\S+Z +(2\S+Z|-) +-$", listed, re.MULTILINE)
    assert re.search(
        r"limited +read-write +\S+ +10.0.0.0/8 ::1 +5 +2\S+Z +- +-$", listed, re.MULTILINE
    )
    assert token not in listed
    assert "till" in shop.command("tokens", "revoke", "till").stdout
    while client.request("GET", "/api/v1/events/count")[0] != 401:
        pass  # the test's time limit ends this, should it never be refused
    client.close()


def test_an_app_key_made_beside_a_server_works_at_once_and_ends_within_a_second(shop):
    made = shop.command("app-keys", "create", "pages", "--origin", "https://a.example")
    key = made.stdout.removesuffix("\n")
    assert re.fullmatch(r"[A-Za-z0-9]{6}", key)
    assert made.stderr == ""
    client = shop.client("")
    address = f"/api/browser/v1/events/{key}"
    ask = partial(client.request, "POST", address, {"events": []})
    assert ask()[0] == 202
    assert ask(Origin="https://b.example")[0] == 403
    listed = shop.command("app-keys", "list").stdout
    assert re.search(rf"^{key} +pages +https://a.example +- ", listed, re.MULTILINE)
    more = ("--origin", "https://a.example", "--origin", "https://b.example")
    shop.command("app-keys", "create", "limited", *more, "--events-per-second", "5")
    assert "https://a.example https://b.example  5 " in shop.command("app-keys", "list").stdout
    wrong = shop.command("app-keys", "create", "pages", "--origin", "a.example", check=False)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "https://shop.example" in wrong.stderr
    assert key in shop.command("app-keys", "revoke", "pages").stdout
    while ask()[0] != 401:
        pass  # the test's time limit ends this, should it never be refused
    client.close()


def test_tokens_of_another_workspace_open_that_one_only(shop):
    shop.command("workspaces", "create", "Berlin", "--time-zone", "Europe/Berlin")
    listed = shop.command("workspaces", "list").stdout.splitlines()
    assert [line.split()[1:3] for line in listed[1:]] == [
        ["default", "UTC"],
        ["Berlin", "Europe/Berlin"],
    ]
    token = shop.new_token(workspace="Berlin")
    assert token[:8] not in shop.command("tokens", "list").stdout
    assert token[:8] in shop.command("tokens", "list", "--workspace", "Berlin").stdout


def test_people_are_let_in_beside_a_server(shop):
    invitation = shop.command("users", "invite", "Ann@shop.example", "--role", "owner").stdout
    assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+/welcome/[A-Za-z0-9]{43}\n", invitation)
    wrong = shop.command("users", "reset-link", "ann@shop.example", check=False)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "no user ann@shop.example" in wrong.stderr
    with shop._writing() as conn:
        scope = operator_access(workspace_named(conn, "default")).scope
        user_id = insert_user(conn, "ann@shop.example", "Ann", "no hash", clock())
        insert_membership(conn, scope, user_id, "owner", clock())
    assert re.search(
        r"ann@shop.example +Ann +owner +-$", shop.command("users", "list").stdout, re.MULTILINE
    )
    url = ("--url", "https://footfall.shop.example/")
    reset = shop.command("users", "reset-link", "Ann@shop.example", *url).stdout
    assert re.fullmatch(r"https://footfall\.shop\.example/welcome/[A-Za-z0-9]{43}\n", reset)


def test_a_folder_has_one_server_and_a_port_too(shop, tmp_path):
    second = shop.command("serve", "--port", "0", check=False)
    assert second.returncode == 3
    assert f"process {shop.process.pid} owns" in second.stderr
    elsewhere = Shop(tmp_path / "elsewhere")
    taken = elsewhere.command("serve", "--port", str(shop.port), check=False)
    assert taken.returncode == 3
    assert "--port" in taken.stderr


def test_an_interrupt_ends_the_server_with_code_0_and_leaves_no_socket(shop):
    assert stat.S_IMODE((shop.data_dir / "footfall.sock").stat().st_mode) == 0o600
    shop.process.send_signal(signal.SIGINT)
    assert shop.process.wait(60) == 0
    assert not (shop.data_dir / "footfall.sock").exists()


def test_the_doctor_finds_a_healthy_shop_well_with_a_server_and_without(shop):
    beside = shop.command("doctor").stdout
    assert "All is well." in beside
    assert f"process {shop.process.pid}" in beside
    shop.stop()
    alone = shop.command("doctor").stdout
    assert "All is well." in alone
    assert "not running" in alone
    assert "ClickHouse" in alone


def test_the_doctor_says_what_to_do(idle):
    idle.environment["FOOTFALL_DISK_RESERVE_BYTES"] = "1000TiB"
    found = idle.command("doctor", check=False)
    assert found.returncode == 1
    assert "Events are refused until there is space" in found.stdout
    idle.environment["FOOTFALL_STATE_URL"] = "postgresql://nobody@127.0.0.1:1/none"
    found = idle.command("doctor", check=False)
    assert found.returncode == 1
    assert "FOOTFALL_STATE_URL" in found.stdout
    assert "port 1 failed: Connection refused" in found.stdout
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        idle.environment["FOOTFALL_STATE_URL"] = (
            f"postgresql://nobody:secret@127.0.0.1:{port}/none?connect_timeout=2"
        )
        for command in (["doctor"], ["serve", "--port", "0"]):
            found = idle.command(*command, check=False)
            assert found.returncode != 0
            assert "connection timeout expired" in found.stdout + found.stderr
            assert "secret" not in found.stdout + found.stderr


def test_rebuild_brings_the_copies_back_beside_a_server_and_without(shop):
    token = shop.new_token()
    client = shop.client(token)
    event = {"user_custom_id": "anna", "product_id": "mug-1", "event_type": "view"}
    client.request("POST", "/api/v1/events", [event], Prefer="wait")
    before = list(client.every("/api/v1/events"))
    shop.command("rebuild")
    assert list(client.every("/api/v1/events")) == before
    client.close()
    shop.stop()
    shop.command("rebuild")
    shop.start()
    client = shop.client(token)
    assert list(client.every("/api/v1/events")) == before
    client.close()


def test_a_wrong_setting_is_named(idle):
    idle.environment["FOOTFALL_STATE_ULR"] = "x"
    result = idle.command("tokens", "list", check=False)
    assert result.returncode == 2
    assert "Did you mean FOOTFALL_STATE_URL?" in result.stderr


def test_a_store_that_cannot_be_reached_is_code_3(idle):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        idle.environment["FOOTFALL_STATE_URL"] = f"postgresql://nobody@127.0.0.1:{port}/none"
        result = idle.command("tokens", "list", check=False)
    assert result.returncode == 3, result.stderr
    assert "Traceback" not in result.stderr


def test_the_data_folder_may_have_a_long_path_with_spaces(open_shop):
    shop = open_shop("a folder " * 15 + os.sep + "with spaces " * 10)
    shop.data_dir.parent.mkdir()
    shop.start()
    assert "All is well." in shop.command("doctor").stdout
    assert shop.stop() == 0

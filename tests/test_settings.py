"""Settings come from the command line, the environment, defaults; mistakes are named."""

from pathlib import Path

import pytest

from footfall.settings import SettingsError, load_settings


def test_defaults_listen_on_this_machine_only_and_keep_everything_in_the_data_folder():
    settings = load_settings({})
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.data_dir == Path.cwd() / "data"
    assert settings.journal_url is settings.state_url is settings.warehouse_url is None
    for path in (settings.journal_path, settings.state_path, settings.warehouse_path):
        assert path.parent == settings.data_dir


def test_the_command_line_wins_over_the_environment_and_the_environment_over_defaults():
    environ = {"FOOTFALL_PORT": "9000", "FOOTFALL_HOST": "0.0.0.0"}
    settings = load_settings(environ, port=9001, host=None)
    assert (settings.host, settings.port) == ("0.0.0.0", 9001)


def test_the_journal_may_lie_on_a_disk_of_its_own():
    settings = load_settings({"FOOTFALL_JOURNAL_URL": "sqlite:////fast/journal.sqlite"})
    assert settings.journal_path == Path("/fast/journal.sqlite")


def test_an_empty_variable_counts_as_unset():
    assert load_settings({"FOOTFALL_STATE_URL": "", "FOOTFALL_PORT": ""}) == load_settings({})


@pytest.mark.parametrize(
    ("text", "size"),
    [("1024", 1024), ("4KiB", 4096), ("2 mib", 2 << 20), ("1GiB", 1 << 30), ("0", 0)],
)
def test_sizes_are_bytes_with_or_without_a_unit(text, size):
    assert load_settings({"FOOTFALL_DISK_RESERVE_BYTES": text}).disk_reserve_bytes == size


def test_trusted_proxies_are_networks_with_commas_between_them():
    assert load_settings({}).trusted_proxies == ()
    settings = load_settings({"FOOTFALL_TRUSTED_PROXIES": "127.0.0.1, ::1,10.0.0.0/8"})
    assert list(map(str, settings.trusted_proxies)) == ["127.0.0.1/32", "::1/128", "10.0.0.0/8"]


@pytest.mark.parametrize("url", ["postgresql://u:p@h/db", "postgres://u:p@h/db"])
def test_the_usual_spelling_of_a_postgresql_url_is_understood(url):
    assert load_settings({"FOOTFALL_STATE_URL": url}).state_url == "postgresql+psycopg://u:p@h/db"


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"FOOTFALL_PORT": "http"}, "FOOTFALL_PORT must be a port"),
        ({"FOOTFALL_PORT": "70000"}, "FOOTFALL_PORT must be a port"),
        ({"FOOTFALL_PORT": "-1"}, "FOOTFALL_PORT must be a port"),
        ({"FOOTFALL_HOST": "http://x"}, "FOOTFALL_HOST must be a host name"),
        ({"FOOTFALL_DISK_RESERVE_BYTES": "1 GB"}, "FOOTFALL_DISK_RESERVE_BYTES must be a number"),
        ({"FOOTFALL_STATE_URL": "mysql://x"}, "FOOTFALL_STATE_URL must be a URL that begins with"),
        ({"FOOTFALL_WAREHOUSE_URL": "host:8123"}, "FOOTFALL_WAREHOUSE_URL must be a URL"),
        ({"FOOTFALL_JOURNAL_URL": "nats://x"}, "FOOTFALL_JOURNAL_URL must be sqlite:////"),
        ({"FOOTFALL_JOURNAL_URL": "sqlite:///x"}, "FOOTFALL_JOURNAL_URL must be sqlite:////"),
        ({"FOOTFALL_TRUSTED_PROXIES": "10.0.0.1/8"}, "FOOTFALL_TRUSTED_PROXIES must be networks"),
        ({"FOOTFALL_TRUSTED_PROXIES": "::1,"}, "FOOTFALL_TRUSTED_PROXIES must be networks"),
        ({"FOOTFALL_STATE_ULR": "x"}, "not a setting. Did you mean FOOTFALL_STATE_URL?"),
    ],
)
def test_a_mistake_is_named_with_its_variable(environ, message):
    with pytest.raises(SettingsError, match=message.replace("?", r"\?")):
        load_settings(environ)


def test_all_mistakes_are_told_at_once_and_an_option_is_called_by_its_name():
    with pytest.raises(SettingsError) as caught:
        load_settings({"FOOTFALL_HOST": "a b"}, port="x")
    assert [line.split()[0] for line in str(caught.value).splitlines()] == [
        "FOOTFALL_HOST",
        "--port",
    ]


def test_variables_of_the_test_suite_and_of_others_are_left_alone():
    assert load_settings({"FOOTFALL_TESTS_X": "1", "PATH": "/bin"}) == load_settings({})


def test_passwords_are_not_shown():
    url = "postgresql+psycopg://u:secret@h/db"
    assert "secret" not in repr(load_settings({"FOOTFALL_STATE_URL": url}))
    with pytest.raises(SettingsError) as caught:
        load_settings({"FOOTFALL_STATE_URL": "pg://u:secret@h/db"})
    assert "secret" not in str(caught.value)

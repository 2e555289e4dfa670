"""What the command line says is read, and folders of real shops are left alone."""

import pytest

from footfall import cli
from footfall.commands.demo import demo_settings, live_rate
from footfall.settings import SettingsError


def test_a_rate_is_a_number_of_events_in_a_second_or_a_minute():
    assert live_rate(None) is None
    assert live_rate("5/s") == 5
    assert live_rate(" 30/min ") == 0.5
    for text in ("5", "0/s", "-1/s", "5/h", "many"):
        with pytest.raises(SettingsError, match="--live"):
            live_rate(text)


def test_a_history_of_nothing_is_refused(tmp_path, capsys):
    assert cli.run(["demo", "--events", "0", "--data-dir", str(tmp_path)]) == cli.MISUSED
    assert "--events" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_environment_cannot_lead_a_demo_into_the_stores_of_a_real_shop(monkeypatch, tmp_path):
    monkeypatch.setenv("FOOTFALL_STATE_URL", "postgresql://db/shop")
    monkeypatch.setenv("FOOTFALL_DATA_DIR", str(tmp_path / "real"))
    settings = demo_settings(None, 8000)
    assert settings.state_url is None
    assert settings.data_dir.name == "demo-data"
    assert settings.host == "127.0.0.1"


def test_a_folder_that_is_no_demo_is_refused_and_stays_as_it_is(tmp_path, capsys):
    (tmp_path / "state.sqlite").write_bytes(b"a shop's")
    assert cli.run(["demo", "--data-dir", str(tmp_path)]) == cli.MISUSED
    assert "no demo" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["state.sqlite"]

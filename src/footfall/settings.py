"""What an operator can set: environment variables and the command line, read once, checked at once.

The only module that reads the environment. docs/reference/settings.md describes each setting;
a test compares the two.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from footfall.kernel.addresses import Network, network_of

_PREFIX = "FOOTFALL_"
#: Variables of ours that are no settings: the test suite's.
_OTHER_PREFIXES = ("FOOTFALL_TESTS_",)
_UNITS = {"": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}


class SettingsError(ValueError):
    """What was set cannot be used; the message has one line for each mistake."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where Footfall keeps things, where it listens, and how much it takes."""

    #: Folder of the embedded stores, the lock and the control socket; absolute.
    data_dir: Path = Path("data")
    #: Address to listen on. The default is reachable from this machine only.
    host: str = "127.0.0.1"
    #: 0 lets the system choose.
    port: int = 8000
    #: Reverse proxies whose X-Forwarded-For tells where a request comes from.
    trusted_proxies: tuple[Network, ...] = ()
    #: None: the embedded journal in the data folder; else SQLAlchemy's URL of an SQLite file.
    journal_url: str | None = field(default=None, repr=False)
    #: None: SQLite in the data folder; else SQLAlchemy's URL of PostgreSQL or SQLite.
    state_url: str | None = field(default=None, repr=False)
    #: None: chDB in the data folder; else a ClickHouse server.
    warehouse_url: str | None = field(default=None, repr=False)
    #: Past this many bytes accepted and not yet projected, events are refused with 503.
    max_waiting_bytes: int = 1 << 30
    #: With less free space than this under the journal, events are refused with 503.
    disk_reserve_bytes: int = 512 << 20

    @property
    def journal_path(self) -> Path:
        """Return the embedded journal's file."""
        if self.journal_url is not None:
            return Path(self.journal_url.removeprefix("sqlite:///"))
        return self.data_dir / "journal.sqlite"

    @property
    def state_path(self) -> Path:
        """Return the embedded state store's file."""
        return self.data_dir / "state.sqlite"

    @property
    def warehouse_path(self) -> Path:
        """Return the embedded warehouse's folder."""
        return self.data_dir / "warehouse"

    @property
    def imports_path(self) -> Path:
        """Return the folder of uploaded files that wait for their import."""
        return self.data_dir / "imports"

    @property
    def lock_path(self) -> Path:
        """Return the file that the one process owning the data folder holds locked."""
        return self.data_dir / "footfall.lock"

    @property
    def socket_path(self) -> Path:
        """Return the Unix socket on which the running server takes commands."""
        return self.data_dir / "footfall.sock"


def load_settings(
    environ: Mapping[str, str] = os.environ, **given: str | int | Path | None
) -> Settings:
    """Return the settings: what the command line gave, else the environment, else defaults.

    Args:
        environ: Variables `FOOTFALL_<SETTING>`; an empty one counts as unset.
        given: Settings by field name; None counts as not given.

    Raises:
        SettingsError: A value cannot be used, or a `FOOTFALL_` variable is none of ours.
    """
    known = {f"{_PREFIX}{f.name.upper()}": f.name for f in fields(Settings)}
    problems = [_unknown(name, list(known)) for name in sorted(environ) if _is_stray(name, known)]
    values: dict[str, Any] = {}
    for variable, name in known.items():
        chosen = given.get(name)
        origin = f"--{name.replace('_', '-')}"
        if chosen is None:
            chosen, origin = environ.get(variable), variable
        if chosen is None or chosen == "":
            continue
        try:
            values[name] = _read(name, chosen)
        except ValueError as error:
            problems.append(f"{origin} {error}")
    if problems:
        raise SettingsError("\n".join(problems))
    settings = Settings(**values)
    return replace(settings, data_dir=settings.data_dir.absolute())


def _is_stray(name: str, known: Mapping[str, str]) -> bool:
    return name.startswith(_PREFIX) and name not in known and not name.startswith(_OTHER_PREFIXES)


def _unknown(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return f"{name} is not a setting.{hint}"


def _read(name: str, value: str | int | Path) -> object:
    return _READERS.get(name, _size)(str(value).strip())


def _host(text: str) -> str:
    if not text or re.search(r"[\s/]", text):
        raise ValueError(f"must be a host name or an IP address, not {text!r}.")
    return text


def _port(text: str) -> int:
    if not re.fullmatch(r"\d{1,5}", text, re.ASCII) or int(text) > 65_535:
        raise ValueError(f"must be a port from 0 to 65535, not {text!r}.")
    return int(text)


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(network_of(part) for part in text.split(","))
    except ValueError as error:
        raise ValueError(f"must be networks with commas between them: {error}") from None


def _size(text: str) -> int:
    match = re.fullmatch(r"(\d{1,18})\s*([a-z]*)", text.lower(), re.ASCII)
    if match is None or match[2] not in _UNITS:
        raise ValueError(f"must be a number of bytes, such as 536870912 or 512MiB, not {text!r}.")
    return int(match[1]) * _UNITS[match[2]]


def _url(text: str, schemes: set[str]) -> str:
    """Return `text` if its scheme is one of `schemes`; the message never shows a password."""
    scheme = urlsplit(text).scheme
    if scheme not in schemes or "://" not in text:
        allowed = " or ".join(f"{name}://" for name in sorted(schemes))
        raise ValueError(f"must be a URL that begins with {allowed}.")
    return text


def _state_url(text: str) -> str:
    # postgresql:// is what every PostgreSQL service prints; our driver has its own spelling.
    text = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", text)
    return _url(text, {"sqlite", "postgresql+psycopg"})


def _journal_url(text: str) -> str:
    if not text.startswith("sqlite:////"):
        raise ValueError("must be sqlite:////path/to/file, with the file's absolute path.")
    return text


#: How each setting is read; the others are sizes.
_READERS: dict[str, Callable[[str], object]] = {
    "data_dir": lambda text: Path(text).expanduser(),
    "host": _host,
    "port": _port,
    "trusted_proxies": _networks,
    "journal_url": _journal_url,
    "state_url": _state_url,
    "warehouse_url": lambda text: _url(text, {"clickhouse", "clickhouses", "http", "https"}),
}

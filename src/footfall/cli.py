"""The command line: what can be typed, what it means, and with which code it ends."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

from footfall import __version__
from footfall.commands import access, demo, importing, people, serving, upkeep
from footfall.control import FolderBusy, ServerFault
from footfall.demo.api import DeliveryFailed
from footfall.ingest.mappings import MappingError, load_mapping, load_preset, presets
from footfall.kernel.errors import Unavailable, UserError
from footfall.settings import SettingsError, load_settings
from footfall.warehouse.client import WarehouseError

#: Exit codes; docs/reference/cli.md describes them.
OK, FAILED, MISUSED, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 130

DataDir = Annotated[
    Path | None,
    Parameter("--data-dir", help="Folder of the data. Default: FOOTFALL_DATA_DIR, else ./data."),
]
BaseUrl = Annotated[
    str | None,
    Parameter("--url", help="Where browsers reach the console. Default: FOOTFALL_HOST and _PORT."),
]
WorkspaceName = Annotated[str, Parameter("--workspace", help="Name of the workspace.")]

app = App(
    name="footfall",
    help="Self-hosted product-events platform for shops.",
    version=__version__,
    help_format="markdown",
    help_epilogue=(
        "Exit codes: 0 done; 1 failed, or the doctor found something; 2 wrong use, settings or"
        " mapping; 3 a store, the data folder or the port could not be had; 130 interrupted."
    ),
    result_action="return_value",
)
workspaces = App(name="workspaces", help="Shops, each with its own products, contacts and events.")
tokens = App(name="tokens", help="Secrets with which programs use the REST API.")
app_keys = App(name="app-keys", help="Public keys with which browsers and apps send events.")
users = App(name="users", help="People who sign in to the console.")
imports = App(name="import", help="Bring in files.")
app.command(workspaces)
app.command(tokens)
app.command(app_keys)
app.command(users)
app.command(imports)


@app.command
def serve(*, host: str | None = None, port: int | None = None, data_dir: DataDir = None) -> int:
    """Start Footfall and answer requests until interrupted.

    Example: `footfall serve --port 8001 --data-dir /var/lib/footfall`

    Parameters
    ----------
    host
        Address to listen on. Default: FOOTFALL_HOST, else 127.0.0.1, reachable from here only.
    port
        Port to listen on; 0 chooses a free one. Default: FOOTFALL_PORT, else 8000.
    """
    return serving.run_server(load_settings(data_dir=data_dir, host=host, port=port))


@app.command(name="demo")
def run_demo(
    *,
    port: int = 8000,
    shop_port: int = 8001,
    events: int = 100_000,
    seed: int = 1,
    live: str | None = None,
    data_dir: Annotated[
        Path | None, Parameter("--data-dir", help="Folder of the demo. Default: ./demo-data.")
    ] = None,
) -> int:
    """Start Footfall and a small shop that reports to it, with a year of simulated history.

    The shop can be used at once, while the history is being written. A second start finds
    everything there and adds nothing. Uses no settings of the environment.

    Example: `footfall demo --events 300000 --live 5/s`

    Parameters
    ----------
    port
        Port of Footfall; 0 chooses a free one.
    shop_port
        Port of the shop; 0 chooses a free one.
    events
        How many events the history has: product events, ordinary events and page views.
    seed
        The same seed makes the same shoppers.
    live
        Lets simulated shoppers come, at a rate such as 5/s or 30/min: so many events.
    """
    options = demo.DemoOptions(shop_port, events, seed, demo.live_rate(live))
    return demo.run_demo(demo.demo_settings(data_dir, port), options)


@workspaces.command(name="create")
def workspaces_create(
    name: str, /, *, time_zone: str = "UTC", currency: str | None = None, data_dir: DataDir = None
) -> int:
    """Create a workspace and print its id.

    Example: `footfall workspaces create "Shop Berlin" --time-zone Europe/Berlin --currency EUR`

    Parameters
    ----------
    name
        Not used by another workspace.
    time_zone
        IANA name; days of reports begin by it.
    currency
        ISO 4217 code of prices that name none.
    """
    return access.add_workspace(load_settings(data_dir=data_dir), name, time_zone, currency)


@workspaces.command(name="list")
def workspaces_list(*, data_dir: DataDir = None) -> int:
    """List the workspaces.

    Example: `footfall workspaces list`
    """
    return access.show_workspaces(load_settings(data_dir=data_dir))


@tokens.command(name="create")
def tokens_create(
    name: str,
    /,
    *,
    scope: Literal["read", "write", "read-write"] = "read-write",
    network: list[str] | None = None,
    requests_per_second: int | None = None,
    workspace: WorkspaceName = "default",
    data_dir: DataDir = None,
) -> int:
    """Create a token and print it, and nothing else; it is never shown again.

    Works at once, also while the server runs.

    Example: `TOKEN=$(footfall tokens create "shop backend" --scope write)`

    Parameters
    ----------
    name
        For people, to tell tokens apart.
    scope
        What the token allows.
    network
        Where it may be used from, an address or a network such as 203.0.113.0/24; may be given
        several times. Default: anywhere.
    requests_per_second
        Requests past it are refused with 429. Default: no limit.
    """
    settings = load_settings(data_dir=data_dir)
    return access.add_token(settings, name, scope, network, requests_per_second, workspace)


@tokens.command(name="list")
def tokens_list(*, workspace: WorkspaceName = "default", data_dir: DataDir = None) -> int:
    """List the tokens of a workspace, without their secrets.

    Example: `footfall tokens list --workspace default`
    """
    return access.show_tokens(load_settings(data_dir=data_dir), workspace)


@tokens.command(name="revoke")
def tokens_revoke(
    which: str, /, *, workspace: WorkspaceName = "default", data_dir: DataDir = None
) -> int:
    """Revoke a token; the running server refuses it within a second.

    Example: `footfall tokens revoke "shop backend"`

    Parameters
    ----------
    which
        Id of the token, or a name: then every token of that name.
    """
    return access.end_token(load_settings(data_dir=data_dir), which, workspace)


@app_keys.command(name="create")
def app_keys_create(
    name: str,
    /,
    *,
    origin: list[str] | None = None,
    events_per_second: int | None = None,
    workspace: WorkspaceName = "default",
    data_dir: DataDir = None,
) -> int:
    """Create an app key and print it, and nothing else.

    It may send events and read nothing. Works at once, also while the server runs.

    Example: `footfall app-keys create "shop pages" --origin https://shop.example`

    Parameters
    ----------
    name
        For people, to tell keys apart.
    origin
        Pages that may use it, such as https://shop.example or https://*.shop.example; may be given
        several times. Default: any.
    events_per_second
        Events past it are refused with 429. Default: no limit.
    """
    settings = load_settings(data_dir=data_dir)
    return access.add_app_key(settings, name, origin, events_per_second, workspace)


@app_keys.command(name="list")
def app_keys_list(*, workspace: WorkspaceName = "default", data_dir: DataDir = None) -> int:
    """List the app keys of a workspace.

    Example: `footfall app-keys list --workspace default`
    """
    return access.show_app_keys(load_settings(data_dir=data_dir), workspace)


@app_keys.command(name="revoke")
def app_keys_revoke(
    which: str, /, *, workspace: WorkspaceName = "default", data_dir: DataDir = None
) -> int:
    """Revoke an app key; the running server refuses it within a second.

    Example: `footfall app-keys revoke "shop pages"`

    Parameters
    ----------
    which
        The key, or a name: then every app key of that name.
    """
    return access.end_app_key(load_settings(data_dir=data_dir), which, workspace)


@users.command(name="list")
def users_list(*, workspace: WorkspaceName = "default", data_dir: DataDir = None) -> int:
    """List the people of a workspace.

    Example: `footfall users list --workspace default`
    """
    return people.show_users(load_settings(data_dir=data_dir), workspace)


@users.command(name="invite")
def users_invite(
    email: str,
    /,
    *,
    role: Literal["owner", "editor", "viewer"] = "editor",
    workspace: WorkspaceName = "default",
    url: BaseUrl = None,
    data_dir: DataDir = None,
) -> int:
    """Print a link by which somebody joins a workspace, and nothing else; hand it to them.

    Good for a week, once.

    Example: `footfall users invite ann@shop.example --role editor`

    Parameters
    ----------
    email
        Their e-mail address.
    role
        A viewer reads, an editor writes too, an owner also manages settings, keys and people.
    """
    return people.invite_user(load_settings(data_dir=data_dir), email, role, workspace, url)


@users.command(name="reset-link")
def users_reset_link(
    email: str,
    /,
    *,
    workspace: WorkspaceName = "default",
    url: BaseUrl = None,
    data_dir: DataDir = None,
) -> int:
    """Print a link by which somebody sets a new password, and nothing else; hand it to them.

    Good for a day, once. Their sessions end when it is used.

    Example: `footfall users reset-link ann@shop.example`

    Parameters
    ----------
    email
        Their e-mail address.
    """
    return people.make_reset_link(load_settings(data_dir=data_dir), email, workspace, url)


@imports.command(name="events")
def import_events(
    file: Path,
    /,
    *,
    mapping: Path | None = None,
    preset: str | None = None,
    workspace: WorkspaceName = "default",
    data_dir: DataDir = None,
) -> int:
    """Import product events from CSV, TSV, JSON lines or Parquet, also .gz and .zst.

    Returns when the events can be read. A second run of the same file adds nothing. Refused rows
    are written with their reasons to FILE.rejects.jsonl. Works beside a running server and without.

    Example: `footfall import events history.csv.gz --mapping history.toml`

    Parameters
    ----------
    file
        The file.
    mapping
        TOML file that says what the columns are; docs/how-to/import.md describes it.
    preset
        Name of a mapping that comes with Footfall: taobao or uci-online-retail.
    """
    if (mapping is None) == (preset is None):
        raise MappingError(
            f"Give either --mapping M.toml or --preset NAME, one of: {', '.join(presets())}."
        )
    chosen = load_mapping(mapping) if mapping is not None else load_preset(preset or "")
    return importing.import_events(load_settings(data_dir=data_dir), file, chosen, workspace)


@app.command
def doctor(*, data_dir: DataDir = None) -> int:
    """Check the three stores, the disk, the clock and versions, and say what to do.

    Example: `footfall doctor --data-dir /var/lib/footfall`
    """
    return upkeep.examine(load_settings(data_dir=data_dir))


@app.command
def rebuild(*, data_dir: DataDir = None) -> int:
    """Make everything derived again: the warehouse's copies of products and contacts.

    Events are never touched. Works beside a running server and without.

    Example: `footfall rebuild`
    """
    return upkeep.rebuild(load_settings(data_dir=data_dir))


def run(arguments: list[str]) -> int:
    """Carry out one command line; return the exit code."""
    try:
        result = app(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        _complain(str(error))
        return MISUSED
    except (SettingsError, MappingError) as error:
        _complain(str(error))
        return MISUSED
    except (Unavailable, FolderBusy, WarehouseError, serving.PortTaken) as error:
        _complain(str(error))
        return UNREACHABLE
    except (UserError, ServerFault, DeliveryFailed) as error:
        _complain(str(error))
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return result if isinstance(result, int) else OK


def _complain(message: str) -> None:
    Console(stderr=True, soft_wrap=True).print(message, style="red", markup=False, highlight=False)


def main() -> None:
    """Run the command line of this process and exit with its code."""
    sys.exit(run(sys.argv[1:]))

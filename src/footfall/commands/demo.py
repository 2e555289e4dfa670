"""`footfall demo`: Footfall, a shop that reports to it, a year of history, and shoppers."""

import asyncio
import logging
import os
import re
import secrets
import signal
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import uvloop
from jinja2 import Environment
from msgspec import Struct

from footfall import __version__
from footfall.bootstrap import Runtime, clock, serve
from footfall.commands.importing import append_patiently, wait_until_visible
from footfall.commands.serving import (
    free_port,
    greet_owner,
    listening,
    log_to_stderr,
    noted_signals,
    own_folder,
)
from footfall.control import ControlServer, Gateway, RuntimeGateway
from footfall.demo import api as demo
from footfall.demo.types import Plan, Truth
from footfall.journal.types import Entry
from footfall.kernel.ids import Position
from footfall.kernel.instants import Instant, to_iso
from footfall.settings import Settings, SettingsError, load_settings
from footfall.workspaces.api import (
    create_app_key,
    create_token,
    list_workspaces,
    scope_of,
    update_app_key,
)

DEFAULT_FOLDER: Final = Path("demo-data")
#: Events that travel together, as in an import.
_CHUNK_EVENTS: Final = 5_000
#: Of the token and the app key.
_NAME: Final = "demo shop"
_RATE = re.compile(r"(\d{1,4}(?:\.\d{1,3})?)/(s|min)")
_SECONDS: Final = {"s": 1.0, "min": 60.0}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line says of the demo."""

    shop_port: int
    event_count: int
    seed: int
    live_per_second: float | None  #: None: nobody comes by himself


class _Notes(Struct, frozen=True):
    """What a demo folder remembers from start to start."""

    plan: Plan
    token: str = ""  #: empty, as the app key, until the stores are open
    app_key: str = ""
    is_filled: bool = False  #: whether the whole history can be read


def demo_settings(data_dir: Path | None, port: int) -> Settings:
    """Return the settings of a demo: embedded stores, this machine only.

    The environment has no say, because it may name the stores of a real shop.
    """
    return load_settings({}, data_dir=data_dir or DEFAULT_FOLDER, port=port)


def live_rate(text: str | None) -> float | None:
    """Return events per second out of `5/s` or `30/min`.

    Raises:
        SettingsError: It is neither.
    """
    if text is None:
        return None
    match = _RATE.fullmatch(text.strip())
    if match is None or not float(match[1]):
        raise SettingsError(f"--live must be a rate such as 5/s or 30/min, not {text!r}.")
    return float(match[1]) / _SECONDS[match[2]]


def run_demo(settings: Settings, options: DemoOptions) -> int:
    """Serve Footfall and the shop until a signal says to stop; return the exit code."""
    if options.event_count < 1:
        raise SettingsError(f"--events must be 1 or more, not {options.event_count}.")
    log_to_stderr()
    if settings.state_path.exists() and not _notes_path(settings).exists():
        raise SettingsError(
            f"{settings.data_dir} holds a Footfall that is no demo. Give --data-dir another folder."
        )
    with own_folder(settings):
        notes = _claimed(settings, options)
        port = free_port(settings.host, settings.port)
        shop_port = free_port(settings.host, options.shop_port)
        with noted_signals() as asked, closing(Runtime.open(settings)) as runtime:
            uvloop.run(_Demo(runtime, options, notes, port, shop_port).run(asked))
    return 0


def _claimed(settings: Settings, options: DemoOptions) -> _Notes:
    """Return the folder's notes; a new folder is marked as a demo's before anything is in it."""
    path = _notes_path(settings)
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=_Notes)
    notes = _Notes(Plan(options.seed, options.event_count, clock()))
    _write_json(path, notes)
    return notes


def _notes_path(settings: Settings) -> Path:
    return settings.data_dir / "demo.json"


def _write_json(path: Path, value: object) -> None:
    """Write for this user only, whole or not at all."""
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(value)))
    fresh.replace(path)


def write_history(
    gateway: Gateway,
    plan: Plan,
    *,
    workspace_id: int,
    shop_url: str,
    received_at: Instant,
    report: Callable[[str], None],
    ended: threading.Event,
) -> Truth | None:
    """Return the truth of a history that can be read then; events that are there stay as they are.

    Args:
        shop_url: Where its pages stand.
        report: Is told each step.
        ended: Set to stop early; then the answer is None, and the next call goes on.

    Raises:
        Unavailable: The journal is full, or the disk.
        ServerFault: Everything is stored, and none of it became visible for a minute.
    """
    simulation = demo.Simulation(plan, demo.build_catalog())
    maker = demo.RecordMaker(
        workspace_id, received_at=received_at, shop_url=shop_url, key_prefix=f"h{plan.seed}-"
    )
    entries: list[Entry] = []
    written, tenths, last = 0, 0, Position(0)
    for actions in simulation.days():
        entries += map(maker.entry, actions)
        written += sum(1 for action in actions if action.kind != "update")
        if 10 * written // plan.event_count > tenths:
            tenths = 10 * written // plan.event_count
            report(f"  {10 * tenths} %: {to_iso(actions[-1].at)[:10]}")
        if len(entries) >= _CHUNK_EVENTS:
            last = append_patiently(gateway, entries)[-1].position
            entries = []
        if ended.is_set():
            return None
    if entries:
        last = append_patiently(gateway, entries)[-1].position
    is_visible = wait_until_visible(gateway, last, ended)
    return simulation.truth() if is_visible else None


class _Demo:
    """One run."""

    def __init__(
        self, runtime: Runtime, options: DemoOptions, notes: _Notes, port: int, shop_port: int
    ) -> None:
        host = runtime.settings.host
        self._runtime = runtime
        self._options = options
        self._ports = (port, shop_port)
        self._url = f"http://{host}:{port}"
        self._shop_url = f"http://{host}:{shop_port}"
        with runtime.state.read() as conn:
            self._workspace = list_workspaces(conn)[0]
        self._notes = self._equipped(notes)
        self._ended = threading.Event()
        self._lines = (demo.Line(self._url), demo.Line(self._url))
        self._server = demo.ShopServer(self._lines[0], self._notes.token)
        self._outbox = demo.Outbox(self._server)
        self._catalog = demo.build_catalog()

    def _equipped(self, notes: _Notes) -> _Notes:
        """Return the notes with a token and an app key, which pages of this shop may use."""
        now, random_bytes = clock(), secrets.token_bytes
        names = (self._runtime.settings.host, "localhost")
        origins = [f"http://{name}:{self._ports[1]}" for name in names]
        with self._runtime.state.write() as conn:
            scope = scope_of(self._workspace)
            if notes.app_key:
                update_app_key(conn, scope, notes.app_key, allowed_origins=origins)
                return notes
            _, token = create_token(
                conn, scope, _NAME, "read-write", now=now, random_bytes=random_bytes
            )
            key = create_app_key(
                conn, scope, _NAME, allowed_origins=origins, now=now, random_bytes=random_bytes
            )
        equipped = msgspec.structs.replace(notes, token=token, app_key=key.key)
        _write_json(_notes_path(self._runtime.settings), equipped)
        return equipped

    async def run(self, asked: threading.Event) -> None:
        """Serve until interrupted; not at all where a signal has `asked` to stop before."""
        stop = asyncio.Event()
        runtime, host = self._runtime, self._runtime.settings.host
        control = await ControlServer.start(runtime.settings.socket_path, RuntimeGateway(runtime))
        storefront = demo.create_storefront(demo.ROUTES, self._shop)
        company = asyncio.create_task(self._accompany())
        tasks = [
            asyncio.create_task(
                serve(
                    runtime.application(),
                    host,
                    self._ports[0],
                    stop,
                    on_stop=runtime.broadcast.close,
                )
            ),
            asyncio.create_task(serve(storefront, host, self._ports[1], stop)),
            company,
        ]

        def end() -> None:
            stop.set()
            self._ended.set()
            company.cancel()  # its thread, if there is one, looks at `_ended`

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, end)
        if asked.is_set():
            end()
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            end()
            await asyncio.wait(tasks)
            await control.close()
            self._outbox.close()
            for line in self._lines:
                line.close()
        for task in tasks:
            if not task.cancelled():
                task.result()

    def _shop(self, templates: Environment) -> demo.Shop:
        return demo.Shop(
            catalog=self._catalog,
            accounts=demo.Accounts(lambda: secrets.token_hex(16)),
            outbox=self._outbox,
            sign=self._sign,
            app_key=self._notes.app_key,
            footfall_url=self._url,
            clock=clock,
            templates=templates,
        )

    def _sign(self, user_id: str) -> str:
        return demo.signature(user_id, self._workspace.identity_secret)

    async def _accompany(self) -> None:
        """Say where everything is, fill in the history, then let shoppers come."""
        host = self._runtime.settings.host
        for port in self._ports:
            await listening(host, port)
        self._greet()
        await asyncio.to_thread(greet_owner, self._runtime, self._url)
        await asyncio.to_thread(self._fill)
        print("Ctrl-C stops everything.", flush=True)
        if self._options.live_per_second is not None and not self._ended.is_set():
            print("Shoppers come now.", flush=True)
            await asyncio.to_thread(self._live, 1 / self._options.live_per_second)

    def _greet(self) -> None:
        header = f"-H 'Authorization: Token {self._notes.token}'"
        print(f"""
Footfall {__version__} listens on {self._url}
The shop is open on {self._shop_url}
Their data is in {self._runtime.settings.data_dir}

A REST token that may read and write: {self._notes.token}
Look at the counts:

    curl '{self._url}/api/v1/events/count?group_by=event_type' {header}
    curl '{self._url}/api/v1/reports/revenue' {header}
""")

    def _fill(self) -> None:
        """Write the history, if it is not there; return when it can be read, or at the end."""
        notes, options = self._notes, self._options
        plan, folder = notes.plan, self._runtime.settings.data_dir
        if (plan.seed, plan.event_count) != (options.seed, options.event_count):
            print(
                f"This folder keeps its history: {plan.event_count:,} events of seed {plan.seed}."
                " For another one, give --data-dir another folder."
            )
        if notes.is_filled:
            print(f"The history until {to_iso(Instant(plan.ends_at))} is there.")
            return
        print(
            f"The history of {plan.event_count:,} events is being written;"
            " the shop can be used meanwhile.",
            flush=True,
        )
        self._server.push_catalog(self._catalog, self._shop_url)
        truth = write_history(
            RuntimeGateway(self._runtime),
            plan,
            workspace_id=self._workspace.id,
            shop_url=self._shop_url,
            received_at=clock(),
            report=lambda step: print(step, flush=True),
            ended=self._ended,
        )
        if truth is None:
            return
        _write_json(folder / "truth.json", truth)
        self._notes = msgspec.structs.replace(notes, is_filled=True)
        _write_json(_notes_path(self._runtime.settings), self._notes)
        print(f"The history can be read. What is true of it: {folder / 'truth.json'}")

    def _live(self, pause_seconds: float) -> None:
        """Let simulated shoppers do one thing after the other, until the end."""
        browsers = demo.BrowserLine(self._lines[1], self._notes.app_key, self._shop_url)
        steps = demo.live_steps(self._catalog, self._notes.plan.seed, clock())
        step = None
        while not self._ended.wait(pause_seconds):
            step, now = step or next(steps), clock()
            try:
                if step.action.sender == "api":
                    action = step.action._replace(at=now)
                    self._server.send_events([demo.server_item(action, step.event_id)])
                else:
                    item = demo.browser_item(
                        step.action, step.event_id, now, shop_url=self._shop_url, sign=self._sign
                    )
                    browsers.send([item], now, step.device.user_agent)
                step = None
            except demo.DeliveryFailed as error:
                # Browsers try again, too, with the same event id.
                _log.warning("%s", error)

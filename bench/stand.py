"""The test stand: servers in processes of their own, and what the system says of them."""

import http.client
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.journeys.shop import Shop, free_port

REAL_FILES = Path(__file__).parents[2] / "shared" / "data"
_POLL_SECONDS = 0.01
_METRIC = re.compile(r"^footfall_(\w+) ([0-9.e+]+)$", re.MULTILINE)
#: What a process that only opens the engine takes.
_CHDB_ALONE = """
import sys
import chdb.session
session = chdb.session.Session(sys.argv[1])
session.query("SELECT 1")
print([line.split()[1] for line in open("/proc/self/status") if line.startswith("RssAnon")][0])
"""


@contextmanager
def serving(data_dir: Path) -> Iterator[Shop]:
    """Run the real server on `data_dir`."""
    shop = Shop(data_dir)
    shop.start()
    try:
        yield shop
    finally:
        shop.stop()


@contextmanager
def echoing() -> Iterator[int]:
    """Run the baseline server and yield its port."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.echo", str(port)])
    try:
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            try:
                connection.request("POST", "/", b"{}")
                connection.getresponse().read()
                break
            except OSError:
                time.sleep(_POLL_SECONDS)
            finally:
                connection.close()
        yield port
    finally:
        process.kill()
        process.wait()


class Metrics:
    """Reads the metrics of a server over one connection."""

    def __init__(self, shop: Shop) -> None:
        self._client = shop.client("")

    def read(self) -> dict[str, float]:
        status, body, _ = self._client.request("GET", "/metrics")
        assert status == 200, body
        return {
            name: float(value)
            for name, value in re.findall(
                r"^footfall_(\w+) ([0-9.e+]+)$", body.decode(), re.MULTILINE
            )
        }

    def wait_until_visible(self) -> float:
        """Return how many seconds it took until readers see all that was accepted."""
        start = time.perf_counter()
        while True:
            found = self.read()
            if found["visible_position"] >= found["journal_head_position"]:
                return time.perf_counter() - start
            time.sleep(_POLL_SECONDS)  # the server tells nobody who does not ask

    def close(self) -> None:
        self._client.close()


def anonymous_mb(shop: Shop) -> float:
    """Return the server's anonymous memory: what no file on disk can give back."""
    assert shop.process is not None
    status = Path(f"/proc/{shop.process.pid}/status").read_text()
    return int(re.findall(r"RssAnon:\s+(\d+)", status)[0]) / 1024


def cpu_seconds(shop: Shop) -> float:
    """Return the processor time that the server used so far."""
    assert shop.process is not None
    fields = Path(f"/proc/{shop.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def chdb_alone(folder: Path) -> tuple[float, float]:
    """Return seconds and anonymous MB of a fresh process that imports and opens chDB, no more."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _CHDB_ALONE, str(folder)], check=True, capture_output=True, text=True
    )
    return time.perf_counter() - start, int(done.stdout.split()[-1]) / 1024

"""A real run of `footfall demo`."""

import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.journeys.shop import Client, free_port

PATIENCE_SECONDS = 120


class Demo:
    """A demo folder and the process on it."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.port, self.shop_port = free_port(), free_port()
        self.shop_url = f"http://127.0.0.1:{self.shop_port}"
        self.log_path = folder.with_suffix(".log")
        where = ("--data-dir", str(folder), "--port", str(self.port))
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "footfall", "demo", *where),
                    *("--shop-port", str(self.shop_port), *options),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def log(self) -> str:
        return self.log_path.read_text()

    def wait_for(self, words: str) -> None:
        """Return when the demo has said so."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while words not in self.log():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)  # what it prints is the only sign

    def client(self) -> Client:
        (token,) = re.findall(r"read and write: (\w{64})", self.log())
        return Client(self.port, token)

    def page(self, path: str) -> str:
        with urllib.request.urlopen(self.shop_url + path) as response:
            text: str = response.read().decode()
        return text

    def stop(self) -> int:
        """Press Ctrl-C."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=60)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

"""Work that goes on after its request was answered, such as a change of a large catalog."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress

_log = logging.getLogger(__name__)


class Background:
    """Runs jobs on threads of their own, and ends them with the process.

    What a job leaves undone must be taken up by who asks for it again: a process may be killed.
    """

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._threads: set[threading.Thread] = set()

    def start(self, name: str, job: Callable[[Callable[[], bool]], object]) -> None:
        """Run `job` soon. It is given a function that says whether to stop; it looks often."""
        thread = threading.Thread(target=self._run, args=(name, job), name=name, daemon=True)
        self._threads.add(thread)
        thread.start()

    def _run(self, name: str, job: Callable[[Callable[[], bool]], object]) -> None:
        try:
            job(self._stopping.is_set)
        except Exception:  # noqa: BLE001 - a thread's edge: nobody else would hear of it
            _log.exception("%s failed", name)
        finally:
            with suppress(KeyError):
                self._threads.remove(threading.current_thread())

    def wait(self) -> None:
        """Return when every job that was started has ended."""
        for thread in list(self._threads):
            thread.join()

    def stop(self) -> None:
        """Tell all jobs to stop, and wait until they have."""
        self._stopping.set()
        self.wait()

"""A shop with the routes of imports, and a worker that is told to work."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from secrets import token_bytes
from typing import Any

import pytest

from footfall.http.edge import AsgiApp
from footfall.state.api import open_state
from footfall.warehouse.api import Warehouse
from footfall.workspaces.api import create_token, list_changes, scope_of
from footfall.workspaces.types import AuditFilter
from tests.ingest.stack import NOW, Stack
from tests.warehouse_engine import emptied
from tests.wire.till import Till, application


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, opened_warehouse: Warehouse
) -> Iterator[Stack]:
    """One for the module; every test has a workspace of its own."""
    folder = tmp_path_factory.mktemp("desk")
    shutil.copyfile(sqlite_template, folder / "state.sqlite")
    state = open_state(None, folder / "state.sqlite")
    made = Stack(folder, state, emptied(opened_warehouse))
    yield made
    made.close()
    state.close()


@pytest.fixture(scope="module")
def app(stack: Stack) -> AsgiApp:
    return application(stack)


class Desk(Till):
    """A shop that imports files."""

    def upload(
        self, content: bytes | str, kind: str = "products", name: str = "file.csv", **query: str
    ) -> Any:
        """Return the answer's body to an upload that is taken."""
        answer = self.try_upload(content, kind, name, **query)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def try_upload(
        self, content: bytes | str, kind: str = "products", name: str = "file.csv", **query: str
    ) -> Any:
        return self.ask(
            "POST",
            "/api/v1/imports",
            params={"kind": kind, **query},
            files={"file": (name, content)},
        )

    def start(self, import_id: str, **plan: Any) -> Any:
        answer = self.ask("POST", f"/api/v1/imports/{import_id}/start", json=plan or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def run(self, content: bytes | str, kind: str = "products", **plan: Any) -> Any:
        """Upload, start and carry out an import; return how it ended."""
        added = self.upload(content, kind)["import"]
        chosen = {**added["plan"], **plan}
        self.start(added["id"], **chosen)
        return self.finish(added["id"])

    def finish(self, import_id: str) -> Any:
        """Have the worker do what is queued; return how the import ended."""
        self._stack.import_worker().work()
        self._stack.project()
        return self.get(f"/api/v1/imports/{import_id}")

    def with_token(self, scope: str) -> "Desk":
        """Return the same shop with another token."""
        other = Desk.__new__(Desk)
        other.__dict__.update(self.__dict__)
        with self._stack.state.write() as conn:
            _, other.token = create_token(
                conn,
                scope_of(self.workspace),
                scope,
                scope,
                now=NOW,
                random_bytes=token_bytes,
            )
        return other

    def audit(self) -> list[Any]:
        """Return what the audit log says, the newest first."""
        with self._stack.state.read() as conn:
            found, _ = list_changes(
                conn, scope_of(self.workspace), AuditFilter(), before_id=None, limit=10
            )
        return found

    def products(self) -> dict[str, dict[str, Any]]:
        """Return attributes by custom id."""
        found = self.get("/api/v1/products?limit=1000")["results"]
        return {one["custom_id"]: one["attributes"] for one in found}

    def contacts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/api/v1/contacts?limit=1000")["results"]
        return found


@pytest.fixture
def desk(stack: Stack, app: AsgiApp) -> Desk:
    return Desk(stack, app)


@pytest.fixture
def rival(stack: Stack, app: AsgiApp) -> Desk:
    """Another workspace's."""
    return Desk(stack, app)

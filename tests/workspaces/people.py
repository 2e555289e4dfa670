"""A shop with people in it, for tests: quick hashes, a clock set by hand."""

import itertools
from secrets import token_bytes
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import Connection

from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.workspaces.api import (
    Authenticator,
    Passwords,
    add_member,
    create_workspace,
    first_owner_link,
    invite,
    list_workspaces,
    operator_access,
    session_of,
)
from footfall.workspaces.types import Access, Role, Session, User, Workspace

NOW = Instant(1_700_000_000_000)
PASSWORD = "a blue mug on the shelf"
ADDRESS = "192.0.2.7"
_numbers = itertools.count(1)


class HandClock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> Instant:
        return self.now

    def move(self, milliseconds: int) -> None:
        """Let time go by."""
        self.now = Instant(self.now + milliseconds)


class CountingHasher(PasswordHasher):
    """Argon2id, as weak as it can be, that counts how often it was asked."""

    def __init__(self, time_cost: int = 1) -> None:
        super().__init__(time_cost=time_cost, memory_cost=8, parallelism=1)
        self.hashed = 0
        self.verified = 0

    def hash(self, password: Any, **options: Any) -> str:
        self.hashed += 1
        return super().hash(password, **options)

    def verify(self, hash: Any, password: Any) -> Any:  # noqa: A002 - the library's own name
        try:
            known = super().verify(hash, password)
        except VerifyMismatchError:  # not InvalidHashError, which costs no time and so tells
            self.verified += 1
            raise
        self.verified += 1
        return known


class House:
    """A state store with one workspace, and who lets people in."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.clock = HandClock()
        self.hasher = CountingHasher()
        self.door = self.another_door(self.hasher)
        with state.write() as conn:
            create_workspace(conn, "shop", now=NOW, random_bytes=token_bytes)

    def another_door(self, hasher: PasswordHasher) -> Authenticator:
        """Return an authenticator that remembers no attempts."""
        return Authenticator(self.state, self.clock, token_bytes, passwords=Passwords(hasher))

    def workspace(self, name: str = "shop") -> Workspace:
        """Return one workspace, made if there is none of that name."""
        with self.state.write() as conn:
            for known in list_workspaces(conn):
                if known.name == name:
                    return known
            return create_workspace(conn, name, now=NOW, random_bytes=token_bytes)

    def operator(self, workspace: str = "shop") -> Access:
        """Return the command line's rights in a workspace."""
        return operator_access(self.workspace(workspace))

    def owner(self) -> User:
        """Return the first owner, who has just come in by their link."""
        with self.state.write() as conn:
            token = first_owner_link(conn, self.clock(), token_bytes)
        assert token is not None
        return self.door.accept_link(
            token, name="Olga", email="olga@shop.example", password=PASSWORD, address=ADDRESS
        )

    def joined(self, role: Role, workspace: str = "shop", email: str | None = None) -> User:
        """Return somebody who was invited and came."""
        email = email or f"p{next(_numbers)}@shop.example"
        token = self.invitation(email, role, workspace)
        return self.door.accept_link(token, name="P", password=PASSWORD, address=ADDRESS)

    def invitation(self, email: str, role: str, workspace: str = "shop") -> str:
        """Return the token of an invitation."""
        access = self.operator(workspace)
        with self.state.write() as conn:
            return invite(conn, access, email, role, self.clock(), token_bytes)[1]

    def member_of(self, user: User, workspace: str, role: Role) -> None:
        """Make a user a member of another workspace, too."""
        access = self.operator(workspace)
        with self.state.write() as conn:
            add_member(conn, access, user.id, role, self.clock())

    def sign_in(self, email: str, password: str = PASSWORD, address: str = ADDRESS) -> str:
        """Return the token of a new session."""
        return self.door.sign_in(email, password, address=address, user_agent="Browser/1")

    def session(self, token: str) -> Session | None:
        """Return the session of a token, if it has one now."""
        with self.state.read() as conn:
            return session_of(conn, token, self.clock())

    def access(self, user: User, workspace: str = "shop") -> Access:
        """Return what a user who signs in now may do in a workspace."""
        session = self.session(self.sign_in(user.email))
        assert session is not None
        access = session.access(self.workspace(workspace).id)
        assert access is not None
        return access


def scope_in(conn: Connection, name: str = "shop") -> Scope:
    """Return the scope of a workspace."""
    return next(operator_access(w).scope for w in list_workspaces(conn) if w.name == name)

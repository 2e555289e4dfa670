"""Values of workspaces that cross the door."""

from dataclasses import dataclass, field
from typing import Any, Literal

from msgspec import Struct

from footfall.http.services import Actor
from footfall.kernel.addresses import Network
from footfall.kernel.ids import ApiKeyId, AppKeyId, LinkId, SessionId, UserId, WorkspaceId
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope

KeyScope = Literal["read", "write", "read-write"]
#: A viewer reads, an editor writes too, an owner also manages settings, keys and people.
Role = Literal["owner", "editor", "viewer"]
Purpose = Literal["owner", "invitation", "reset"]
Theme = Literal["auto", "light", "dark"]


@dataclass(frozen=True, slots=True)
class Workspace:
    """A shop."""

    id: WorkspaceId
    name: str
    time_zone: str  #: IANA name; days of reports begin by it
    currency: str | None  #: ISO 4217; None until the shop says one
    created_at: Instant
    #: 64 hexadecimal digits: the shop's server signs contact ids with it. Not for browsers.
    identity_secret: str = field(repr=False)
    #: Whether browsers may name a contact only with a signature.
    require_signed_contacts: bool
    #: Product attributes that browsers may write (decision 10); None: any.
    browser_attributes: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A REST token, without its secret."""

    id: ApiKeyId
    workspace_id: WorkspaceId
    name: str
    scope: KeyScope
    token_start: str
    #: Networks from where it may be used, as people write them; None: from anywhere.
    allowed_networks: tuple[str, ...] | None
    requests_per_second: int | None  #: None: unlimited
    created_at: Instant
    #: To the minute; requests that were turned away count, too.
    last_used_at: Instant | None
    revoked_at: Instant | None


@dataclass(frozen=True, slots=True)
class Access:
    """What the caller may do, proven by a token or a session."""

    scope: Scope
    actor: Actor
    api_key_id: ApiKeyId | None  #: None for a person
    may_read: bool
    may_write: bool
    may_manage: bool  #: settings, keys and secrets
    time_zone: str  #: the workspace's, for times in events that name none
    session_id: SessionId | None = None  #: the person's; None for a token
    allowed_networks: tuple[Network, ...] | None = None  #: None: from anywhere
    requests_per_second: int | None = None  #: None: unlimited


@dataclass(frozen=True, slots=True)
class AppKey:
    """A public key with which browsers and mobile apps write; it opens nothing to read."""

    id: AppKeyId
    workspace_id: WorkspaceId
    name: str
    key: str  #: six letters and digits
    #: Origins of pages that may use it, such as https://shop.example; None: any.
    allowed_origins: tuple[str, ...] | None
    events_per_second: int | None  #: None: unlimited
    created_at: Instant
    revoked_at: Instant | None


@dataclass(frozen=True, slots=True)
class AppAccess:
    """What a browser or app may do, by its app key, and the workspace's rules for it."""

    scope: Scope
    app_key_id: AppKeyId
    allowed_origins: tuple[str, ...] | None
    events_per_second: int | None
    time_zone: str
    identity_secret: bytes = field(repr=False)  #: signs contact ids
    require_signed_contacts: bool


class Preferences(Struct, frozen=True, omit_defaults=True):
    """How a person wants the console to look."""

    theme: Theme = "auto"  #: auto: as the device
    locale: str | None = None  #: language tag such as pl or en-GB; None: as the browser asks


@dataclass(frozen=True, slots=True)
class User:
    """A person who signs in."""

    id: UserId
    email: str  #: in small letters
    name: str
    created_at: Instant
    last_seen_at: Instant | None
    disabled_at: Instant | None  #: when they left the last workspace; they cannot sign in since
    preferences: Preferences


@dataclass(frozen=True, slots=True)
class Membership:
    """What a person is in a workspace."""

    workspace: Workspace
    role: Role


@dataclass(frozen=True, slots=True)
class Member:
    """A person of the workspace at hand."""

    user: User
    role: Role
    since: Instant


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that a person has signed in with."""

    id: SessionId
    user: User
    memberships: tuple[Membership, ...]  #: by name of the workspace
    created_at: Instant
    last_seen_at: Instant
    expires_at: Instant
    user_agent: str

    def access(self, workspace_id: WorkspaceId) -> Access | None:
        """Return what the person may do in that workspace; None: nothing, they are not in it."""
        for known in self.memberships:
            if known.workspace.id == workspace_id:
                return Access(
                    scope=Scope(workspace_id),
                    actor=Actor("user", self.user.id, self.user.email),
                    api_key_id=None,
                    may_read=True,
                    may_write=known.role != "viewer",
                    may_manage=known.role == "owner",
                    time_zone=known.workspace.time_zone,
                    session_id=self.id,
                )
        return None


@dataclass(frozen=True, slots=True)
class Link:
    """A link that lets somebody in once, without its secret."""

    id: LinkId
    purpose: Purpose
    email: str | None  #: None: the first owner, who says it
    workspace: Workspace | None  #: None for the first owner, who gets them all
    role: Role | None  #: only of an invitation
    user_id: UserId | None  #: only of a reset
    created_at: Instant
    expires_at: Instant
    used_at: Instant | None
    created_by: UserId | None  #: None: the command line
    #: Whether the invited have an account: then their password is asked for, and none is set.
    has_account: bool


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A change that somebody made."""

    id: int
    at: Instant
    actor: Actor
    action: str  #: such as product.deleted
    object_kind: str
    object_id: str
    object_name: str | None
    before: dict[str, Any] | None  #: only the fields that changed; None: it was made
    after: dict[str, Any] | None  #: likewise; None: it was deleted


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which changes are meant; None: whatever it is."""

    actor_kind: str | None = None
    actor_id: int | None = None
    action: str | None = None  #: whole, or all that begin so when it ends in a dot
    object_kind: str | None = None
    object_id: str | None = None
    since: Instant | None = None
    until: Instant | None = None  #: not that moment itself

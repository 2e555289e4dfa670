"""Values of workspaces that cross the door."""

from dataclasses import dataclass, field
from typing import Literal

from footfall.http.services import Actor
from footfall.kernel.ids import ApiKeyId, AppKeyId, WorkspaceId
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope

KeyScope = Literal["read", "write", "read-write"]


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
    created_at: Instant
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

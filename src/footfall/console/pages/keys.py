"""Settings: the keys of programs, of pages and apps, and the secret that signs contacts."""

from typing import Any, Final

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from footfall.console.api_calls import ApiRefusal, segment
from footfall.console.page_kit import Console, TheConsole

_TOKENS: Final = "/api/v1/tokens"
_APP_KEYS: Final = "/api/v1/app-keys"
_SCOPES: Final = (
    ("write", "Write: send events and change data"),
    ("read", "Read: look at data"),
    ("read-write", "Read and write: everything, settings and keys too"),
)
_PYTHON: Final = """\
import hashlib
import hmac


def signature(user_id: str, identity_secret: str) -> str:
    return hmac.new(identity_secret.encode(), user_id.encode(), hashlib.sha256).hexdigest()
"""
_NODE: Final = """\
const { createHmac } = require("node:crypto");

function signature(userId, identitySecret) {
  return createHmac("sha256", identitySecret).update(userId).digest("hex");
}
"""
_PHP: Final = """\
function signature(string $userId, string $identitySecret): string {
    return hash_hmac('sha256', $userId, $identitySecret);
}
"""
#: Of the id of a contact, for the shop's server to send to its pages.
SIGNING_EXAMPLES: Final = (
    ("Python", _PYTHON),
    ("Node", _NODE),
    ("PHP", _PHP),
)


def _listed(text: str) -> list[str] | None:
    """Return what stands in a field of several entries, None where it is empty: any."""
    return text.replace(",", " ").split() or None


def _number(text: str) -> int | str | None:
    """Return the number of a field, None where it is empty; what is none is for the API to say."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text or None


# --- API keys -------------------------------------------------------------------------------------


@get("/w/{workspace_id:int}/settings/api-keys")
async def api_keys(console: TheConsole) -> Response[str]:
    """List the tokens of the REST API."""
    found = await console.api.get(_TOKENS)
    return console.page(
        "settings/api_keys.html", title="API keys", active="settings", keys=found["results"][::-1]
    )


def _limits(console: Console) -> dict[str, Any]:
    return {
        "name": console.field("name"),
        "allowed_networks": _listed(console.field("allowed_networks")),
        "requests_per_second": _number(console.field("requests_per_second")),
    }


def _api_key_page(
    console: Console,
    given: dict[str, Any],
    *,
    status: int = 200,
    problems: dict[str, str] | None = None,
) -> Response[str]:
    return console.page(
        "settings/api_key.html",
        title=given["name"] if "id" in given else "New API key",
        active="settings",
        status=status,
        problems=problems,
        key=given,
        scopes=_SCOPES,
    )


@get("/w/{workspace_id:int}/settings/api-keys/new")
async def new_api_key(console: TheConsole) -> Response[str]:
    """Ask what a new token is for."""
    await console.api.get(_TOKENS)  # says so at once to who may not
    empty = {"name": "", "scope": "write", "allowed_networks": None, "requests_per_second": None}
    return _api_key_page(console, empty)


@post("/w/{workspace_id:int}/settings/api-keys", status_code=200)
async def create_api_key(console: TheConsole) -> Response[str]:
    """Make a token and show it, this once."""
    body = {**_limits(console), "scope": console.field("scope")}
    try:
        made = await console.api.post(_TOKENS, body)
    except ApiRefusal as refusal:
        return _api_key_page(console, body, status=refusal.status, problems=refusal.by_field)
    return console.page("settings/token.html", title=made["name"], active="settings", made=made)


@get("/w/{workspace_id:int}/settings/api-keys/{token_id:int}")
async def api_key(console: TheConsole, token_id: FromPath[int]) -> Response[str]:
    """Show one token's settings, to change them."""
    return _api_key_page(console, await console.api.get(f"{_TOKENS}/{token_id}"))


@post("/w/{workspace_id:int}/settings/api-keys/{token_id:int}")
async def change_api_key(console: TheConsole, token_id: FromPath[int]) -> Response[str]:
    """Change one token's name and limits."""
    body = _limits(console)
    try:
        changed = await console.api.patch(f"{_TOKENS}/{token_id}", body)
    except ApiRefusal as refusal:
        if refusal.status != 400:
            raise
        known = await console.api.get(f"{_TOKENS}/{token_id}")
        given = {**known, **body}
        return _api_key_page(console, given, status=refusal.status, problems=refusal.by_field)
    notice = f"{changed['name']} is saved. It counts within a second."
    return console.go(console.url("/settings/api-keys"), notice)


@post("/w/{workspace_id:int}/settings/api-keys/{token_id:int}/revoke")
async def revoke_api_key(console: TheConsole, token_id: FromPath[int]) -> Response[str]:
    """End a token."""
    await console.api.delete(f"{_TOKENS}/{token_id}")
    return console.go(
        console.url("/settings/api-keys"), "The key is revoked. Nothing gets in with it any more."
    )


# --- app keys -------------------------------------------------------------------------------------


@get("/w/{workspace_id:int}/settings/app-keys")
async def app_keys(console: TheConsole) -> Response[str]:
    """List the public keys of pages and apps."""
    found = await console.api.get(_APP_KEYS)
    return console.page(
        "settings/app_keys.html", title="App keys", active="settings", keys=found["results"][::-1]
    )


def _app_settings(console: Console) -> dict[str, Any]:
    return {
        "name": console.field("name"),
        "allowed_origins": _listed(console.field("allowed_origins")),
        "events_per_second": _number(console.field("events_per_second")),
    }


def _app_key_page(
    console: Console,
    given: dict[str, Any],
    *,
    status: int = 200,
    problems: dict[str, str] | None = None,
) -> Response[str]:
    return console.page(
        "settings/app_key.html",
        title=given["name"] if "key" in given else "New app key",
        active="settings",
        status=status,
        problems=problems,
        key=given,
    )


@get("/w/{workspace_id:int}/settings/app-keys/new")
async def new_app_key(console: TheConsole) -> Response[str]:
    """Ask what a new app key is for."""
    empty = {"name": "", "allowed_origins": None, "events_per_second": None}
    return _app_key_page(console, empty)


@post("/w/{workspace_id:int}/settings/app-keys")
async def create_app_key(console: TheConsole) -> Response[str]:
    """Make an app key."""
    body = _app_settings(console)
    try:
        made = await console.api.post(_APP_KEYS, body)
    except ApiRefusal as refusal:
        return _app_key_page(console, body, status=refusal.status, problems=refusal.by_field)
    notice = f"{made['name']} is {made['key']}. Everybody can read it in the page: it only writes."
    return console.go(console.url("/settings/app-keys"), notice)


async def _known_app_key(console: Console, key: str) -> dict[str, Any]:
    for known in (await console.api.get(_APP_KEYS))["results"]:
        if known["key"] == key:
            found: dict[str, Any] = known
            return found
    raise ApiRefusal(404, {"detail": "There is no such app key in this workspace."})


@get("/w/{workspace_id:int}/settings/app-keys/{key:str}")
async def app_key(console: TheConsole, key: FromPath[str]) -> Response[str]:
    """Show one app key's settings, to change them."""
    return _app_key_page(console, await _known_app_key(console, key))


@post("/w/{workspace_id:int}/settings/app-keys/{key:str}")
async def change_app_key(console: TheConsole, key: FromPath[str]) -> Response[str]:
    """Change one app key."""
    body = _app_settings(console)
    try:
        changed = await console.api.patch(f"{_APP_KEYS}/{segment(key)}", body)
    except ApiRefusal as refusal:
        if refusal.status != 400:
            raise
        given = {**await _known_app_key(console, key), **body}
        return _app_key_page(console, given, status=refusal.status, problems=refusal.by_field)
    notice = f"{changed['name']} is saved. It counts within a second."
    return console.go(console.url("/settings/app-keys"), notice)


@post("/w/{workspace_id:int}/settings/app-keys/{key:str}/revoke")
async def revoke_app_key(console: TheConsole, key: FromPath[str]) -> Response[str]:
    """End an app key."""
    await console.api.delete(f"{_APP_KEYS}/{segment(key)}")
    return console.go(
        console.url("/settings/app-keys"), "The app key is revoked. Pages with it send no more."
    )


# --- the signing secret ---------------------------------------------------------------------------


def _secret_page(console: Console, secret: str | None, *, rotated: bool = False) -> Response[str]:
    return console.page(
        "settings/signing_secret.html",
        title="Signing secret",
        active="settings",
        secret=secret,
        rotated=rotated,
        examples=SIGNING_EXAMPLES,
    )


@get("/w/{workspace_id:int}/settings/signing-secret")
async def signing_secret(console: TheConsole) -> Response[str]:
    """Explain the secret; it is in the page only after somebody has asked for it."""
    return _secret_page(console, None)


@post("/w/{workspace_id:int}/settings/signing-secret/show", status_code=200)
async def show_signing_secret(console: TheConsole) -> Response[str]:
    """Show the secret."""
    found = await console.api.get("/api/v1/identity-secret")
    return _secret_page(console, found["identity_secret"])


@post("/w/{workspace_id:int}/settings/signing-secret/rotate", status_code=200)
async def rotate_signing_secret(console: TheConsole) -> Response[str]:
    """Make a new secret and show it."""
    found = await console.api.post("/api/v1/identity-secret")
    return _secret_page(console, found["identity_secret"], rotated=True)


ROUTES: Final[list[HTTPRouteHandler]] = [
    api_keys,
    new_api_key,
    create_api_key,
    api_key,
    change_api_key,
    revoke_api_key,
    app_keys,
    new_app_key,
    create_app_key,
    app_key,
    change_app_key,
    revoke_app_key,
    signing_secret,
    show_signing_secret,
    rotate_signing_secret,
]

"""Passwords: which are good enough, how they are kept, and how often one may be guessed."""

import threading
import unicodedata
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from footfall.kernel.errors import Invalid, UserError
from footfall.kernel.instants import MINUTE_MS, SECOND_MS, Instant

MIN_CHARACTERS: Final = 10
#: Past any sentence that somebody remembers; without a limit a megabyte would be hashed.
MAX_CHARACTERS: Final = 200
#: Fewer different characters are a pattern, such as 1212121212.
_MIN_DIFFERENT: Final = 4
#: Runs along the alphabet, the digits and the keyboard, either way.
_RUNS: Final = tuple(
    run[::way]
    for run in (
        "0123456789" * 3,
        "1234567890" * 3,
        "abcdefghijklmnopqrstuvwxyz" * 2,
        "qwertyuiopasdfghjklzxcvbnm",
        "qwertzuiopasdfghjklyxcvbnm",
        "azertyuiopqsdfghjklmwxcvbn",
        "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
        "1q2w3e4r5t6y7u8i9o0p",
        "q1w2e3r4t5y6u7i8o9p0",
    )
    for way in (1, -1)
)
#: What people choose where ten characters are asked for: a word from here and digits or signs.
_WORDS: Final = frozenset(
    {
        *("password", "passwort", "haslo", "kennwort", "motdepasse", "contrasena", "passw0rd"),
        *("p@ssword", "p@ssw0rd", "pa$$word", "qwerty", "qwertz", "azerty", "letmein", "welcome"),
        *("iloveyou", "changeme", "administrator", "admin", "root", "test", "testtest", "user"),
        *("football", "baseball", "basketball", "sunshine", "princess", "monkey", "dragon"),
        *("superman", "batman", "pokemon", "starwars", "michael", "jennifer", "jordan", "abc"),
        *("footfall", "secret", "default", "hello", "guest", "master", "shadow", "trustno"),
    }
)
_AROUND_WORDS: Final = "0123456789!?.@#$%&*-_+ "

#: Hashed at once; each takes 64 MiB and a core for some 50 ms.
_AT_ONCE: Final = 2
#: Callers that may wait for one of those, so that guessing does not hold every thread there is.
_WAITING: Final = 2

#: Attempts at one account that are free, and how long until the next one is.
_ACCOUNT_ATTEMPTS: Final = 10
_ACCOUNT_PAUSE_MS: Final = MINUTE_MS
#: The same from one address, behind which a whole office may sit.
_ADDRESS_ATTEMPTS: Final = 30
_ADDRESS_PAUSE_MS: Final = 10 * SECOND_MS
#: Accounts and addresses remembered each; past it the one not tried for longest is forgotten.
_REMEMBERED: Final = 10_000


class TooManyAttempts(UserError):
    """Too many passwords were tried; the next may be after the seconds given."""

    status = 429
    code = "throttled"

    def __init__(self, retry_after_seconds: int) -> None:
        unit = "second" if retry_after_seconds == 1 else "seconds"
        super().__init__(f"Too many attempts. Try again in {retry_after_seconds} {unit}.")
        self.retry_after_seconds = retry_after_seconds


def checked_password(password: str, email: str, pointer: str = "/password") -> str:
    """Return `password` if it may be chosen.

    Raises:
        Invalid: Too short or too long, one that everybody tries first, or the e-mail address.
    """
    text = _composed(password)
    if not MIN_CHARACTERS <= len(text) <= MAX_CHARACTERS:
        raise Invalid.at(
            pointer,
            "wrong_length",
            f"A password has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters; some words are fine.",
        )
    folded = text.casefold()
    guessable = (
        len(set(folded)) < _MIN_DIFFERENT
        or any(folded in run for run in _RUNS)
        or folded.strip(_AROUND_WORDS) in _WORDS
        or folded.strip(_AROUND_WORDS) in {email, email.partition("@")[0]}
    )
    if guessable:
        raise Invalid.at(
            pointer,
            "too_common",
            "This is among the first that somebody else would try. Take a few words instead.",
        )
    return text


def _composed(password: str) -> str:
    # Letters with marks are typed in one way or another, depending on the device.
    return unicodedata.normalize("NFC", password)


def _encoded(password: str) -> bytes:
    # A broken terminal hands on halves of characters; they are as good as any.
    return _composed(password).encode("utf-8", "surrogatepass")


class Passwords:
    """Keeps passwords as Argon2id hashes. For threads, of which it lets two hash at once.

    Args:
        hasher: With the parameters that new hashes get; by default the library's own.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._places = threading.BoundedSemaphore(_AT_ONCE + _WAITING)
        self._running = threading.BoundedSemaphore(_AT_ONCE)
        self._nobodys = _made_up_hash(self._hasher)

    def hash(self, password: str) -> str:
        """Return what is stored in place of `password`.

        Raises:
            TooManyAttempts: Others are being hashed, and enough wait for it.
        """
        with self._turn():
            return self._hasher.hash(_encoded(password))

    def matches(self, stored: str | None, password: str) -> bool:
        """Return whether `password` is the one stored; None, for nobody's, takes the same time.

        Raises:
            TooManyAttempts: Others are being hashed, and enough wait for it.
        """
        if len(password) > MAX_CHARACTERS:
            password = ""  # nobody's, and hashed as quickly as any
        with self._turn():
            try:
                self._hasher.verify(stored or self._nobodys, _encoded(password))
            except (VerificationError, InvalidHashError):
                return False
        return stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Return whether a new hash of the same password would have other parameters."""
        return self._hasher.check_needs_rehash(stored)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise TooManyAttempts(1)
        try:
            with self._running:
                yield
        finally:
            self._places.release()


def _made_up_hash(hasher: PasswordHasher) -> str:
    """Return a hash that costs as much to check as a real one, and that nothing matches."""
    salt, digest = (
        b64encode(bytes(length)).decode().rstrip("=")
        for length in (hasher.salt_len, hasher.hash_len)
    )
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${digest}"


class _Allowances:
    """A token bucket per key, in whole milliseconds: an attempt costs `pause_ms` of them."""

    def __init__(self, attempts: int, pause_ms: int) -> None:
        self._full = attempts * pause_ms
        self._pause_ms = pause_ms
        #: key -> (milliseconds left, as of when), the one not tried for longest first.
        self._left: dict[str, tuple[int, Instant]] = {}

    def wait_ms(self, key: str, now: Instant) -> int:
        """Return how long until the key may try; 0: at once."""
        return max(self._pause_ms - self._now(key, now), 0)

    def take(self, key: str, now: Instant) -> None:
        """Count an attempt."""
        left = self._now(key, now) - self._pause_ms
        self._left.pop(key, None)
        self._left[key] = (left, now)
        if len(self._left) > _REMEMBERED:
            del self._left[next(iter(self._left))]

    def give_back(self, key: str) -> None:
        """Count an attempt less."""
        known = self._left.get(key)
        if known is not None:
            self._left[key] = (known[0] + self._pause_ms, known[1])

    def give_all_back(self, key: str) -> None:
        """Forget all attempts."""
        self._left.pop(key, None)

    def _now(self, key: str, now: Instant) -> int:
        left, since = self._left.get(key, (self._full, now))
        # A clock that was set back gives nothing, and takes nothing.
        return min(left + max(now - since, 0), self._full)


class Throttle:
    """Bounds how often passwords are tried: at one account, and from one address.

    Kept in memory: one process answers for a data folder, and a restart, which gives the attempts
    back, is nothing that who guesses can bring about. For threads.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._accounts = _Allowances(_ACCOUNT_ATTEMPTS, _ACCOUNT_PAUSE_MS)
        self._addresses = _Allowances(_ADDRESS_ATTEMPTS, _ADDRESS_PAUSE_MS)

    def admit(self, email: str, address: str, now: Instant) -> None:
        """Count an attempt, which is then made.

        Args:
            email: Of the account, whether there is one or not.
            address: Of the network, whence it comes.

        Raises:
            TooManyAttempts: It is not to be made; it does not count either.
        """
        place = _place(address)
        with self._guard:
            wait_ms = max(self._accounts.wait_ms(email, now), self._addresses.wait_ms(place, now))
            if wait_ms > 0:
                raise TooManyAttempts(ceil(wait_ms / SECOND_MS))
            self._accounts.take(email, now)
            self._addresses.take(place, now)

    def succeeded(self, email: str, address: str) -> None:
        """Forget the attempts at the account, and one from the address: its password was known."""
        with self._guard:
            self._accounts.give_all_back(email)
            self._addresses.give_back(_place(address))


def _place(address: str) -> str:
    """Return whose address it is: of the newer ones a household has 2**64."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return parsed.exploded[:19]
    return str(parsed)

"""The shoppers of the simulation: what they browse with, and who of them has told a name."""

import random
from hashlib import sha256
from typing import Final

from footfall.demo.types import Device, Shopper

#: Of shoppers who come again, this share of visits is on their second device.
_SECOND_DEVICE_SHARE: Final = 0.12
#: People come again for a while and then stop: who returns is one of the last so many new ones.
_ACTIVE_PEOPLE: Final = 3_000
_NEW_SHARE: Final = 0.42
_KEY_CHARACTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_FIRST_NAMES: Final = (
    *("Ada", "Amir", "Anna", "Bela", "Carla", "Chen", "Clara", "Dario", "Elif", "Emil", "Femi"),
    *("Greta", "Hana", "Ida", "Ines", "Jakub", "Jonas", "Kaja", "Lena", "Lior", "Luca", "Maja"),
    *("Milo", "Nadia", "Noah", "Olga", "Oskar", "Pia", "Ravi", "Rosa", "Sami", "Sofia", "Tomas"),
    *("Vera", "Wim", "Yara", "Zoe"),
)
_LAST_NAMES: Final = (
    *("Abel", "Berg", "Costa", "Dahl", "Eder", "Fischer", "Grau", "Haas", "Ivanov", "Jansen"),
    *("Kaya", "Lind", "Moreau", "Novak", "Okafor", "Petit", "Quist", "Rossi", "Sato", "Tamm"),
    *("Urban", "Vogel", "Weiss", "Yilmaz", "Zeman"),
)
_ENGINE: Final = "AppleWebKit/537.36 (KHTML, like Gecko)"
_IPHONE: Final = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
_DEVICES: Final = (
    Device(
        *("mobile", "Android", "Chrome"),
        f"Mozilla/5.0 (Linux; Android 10; K) {_ENGINE} Chrome/141.0.0.0 Mobile Safari/537.36",
    ),
    Device(
        *("mobile", "iOS", "Safari"),
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) {_IPHONE}",
    ),
    Device(
        *("desktop", "Windows", "Chrome"),
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_ENGINE} Chrome/141.0.0.0 Safari/537.36",
    ),
    Device(
        *("desktop", "Linux", "Firefox"),
        "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    ),
)
_DEVICE_WEIGHTS: Final = (34, 24, 36, 6)


def customer_id(email: str) -> str:
    """Return the id that the shop gives to whoever logs in with this address."""
    return "c-" + sha256(email.strip().lower().encode()).hexdigest()[:12]


class Browser:
    """A browser on one device, with its visitor key."""

    __slots__ = ("device", "key", "known_since", "used")

    def __init__(self, key: str, device: Device) -> None:
        self.key = key
        self.device = device
        #: Whether anything was sent under the key.
        self.used = False
        #: When its person first logged in here; the key leads to the known contact from then on.
        self.known_since: int | None = None


class Person:
    """Somebody who shops."""

    __slots__ = (
        "browsers",
        "email",
        "first_name",
        "has_account",
        "shelf",
        "user_id",
        "was_anonymous",
    )

    def __init__(self, number: int, browser: Browser | None, shelf: int, name: tuple[str, str]):
        self.browsers = [] if browser is None else [browser]
        #: The category that this person likes best.
        self.shelf = shelf
        self.first_name = name[0]
        # example.com is nobody's (RFC 2606).
        self.email = f"{name[0]}.{name[1]}.{number}@example.com".lower()
        self.user_id = customer_id(self.email)
        self.has_account = False
        #: Whether a browser of theirs was used before the account was made.
        self.was_anonymous = False

    @property
    def contact_count(self) -> int:
        """Return as how many contacts this person can be told apart."""
        apart = sum(1 for browser in self.browsers if browser.used and browser.known_since is None)
        return apart + self.has_account

    def shopper(self, browser: Browser, *, logged_in: bool) -> Shopper:
        """Return who acts in `browser`."""
        if logged_in:
            return Shopper(browser.key, self.user_id, self.email)
        return Shopper(browser.key)

    def log_in(self, browser: Browser | None, at: int) -> bool:
        """Note a login, the first of which makes the account; return whether it was the first."""
        first = not self.has_account
        if first:
            self.was_anonymous = any(one.used for one in self.browsers)
            self.has_account = True
        if browser is not None and browser.known_since is None:
            browser.known_since = at
        return first


class Population:
    """Everybody who has come so far."""

    def __init__(self, rng: random.Random, shelf_count: int, *, first_number: int = 1) -> None:
        """Begin with nobody.

        Args:
            first_number: Of people; makes their addresses differ from another population's.
        """
        self._rng = rng
        self._first_number = first_number
        self._shelf_count = shelf_count
        self.people: list[Person] = []

    def visitor(self) -> tuple[Person, Browser]:
        """Return who comes next, and with which browser."""
        rng = self._rng
        if not self.people or rng.random() < _NEW_SHARE:
            person = self.new_person(with_browser=True)
            return person, person.browsers[0]
        back = int(rng.random() * min(len(self.people), _ACTIVE_PEOPLE))
        person = self.people[-1 - back]
        second = rng.random() < _SECOND_DEVICE_SHARE
        if not person.browsers:  # somebody who telephones
            return self.visitor()
        if second and len(person.browsers) == 1:
            person.browsers.append(self._new_browser())
        return person, person.browsers[-1 if second else 0]

    def new_person(self, *, with_browser: bool) -> Person:
        """Return somebody who was never here before."""
        rng = self._rng
        person = Person(
            self._first_number + len(self.people),
            self._new_browser() if with_browser else None,
            int(rng.random() * self._shelf_count),
            (rng.choice(_FIRST_NAMES), rng.choice(_LAST_NAMES)),
        )
        self.people.append(person)
        return person

    def _new_browser(self) -> Browser:
        key = "".join(self._rng.choices(_KEY_CHARACTERS, k=12))
        (device,) = self._rng.choices(_DEVICES, _DEVICE_WEIGHTS)
        return Browser(key, device)

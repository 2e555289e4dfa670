"""What a product and a contact have in common while a transaction changes them."""

import msgspec

from footfall.attributes.types import Cell, Profile

_decode_profile = msgspec.json.Decoder(dict[str, Cell]).decode


class OpenObject:
    """One object with its profile, and whether it has to be written and copied.

    Attributes:
        is_new: Whether it has no row yet.
        touched: Whether its row is to be written.
        visibly_changed: Whether it looks different, so that its copies are old.
    """

    __slots__ = (
        "_profile",
        "_profile_text",
        "created_at",
        "deleted_at",
        "id",
        "is_new",
        "revision",
        "touched",
        "updated_at",
        "visibly_changed",
    )

    def __init__(
        self,
        object_id: int,
        profile_text: str | None,
        created_at: int,
        updated_at: int,
        deleted_at: int | None,
        revision: int,
    ) -> None:
        self.id = object_id
        self._profile_text = profile_text
        self._profile: Profile | None = None
        self.created_at = created_at
        self.updated_at = updated_at
        self.deleted_at = deleted_at
        self.revision = revision
        self.is_new = self.touched = self.visibly_changed = profile_text is None

    @property
    def profile(self) -> Profile:
        """The attribute cells; decoded at the first look, for most events never take one."""
        if self._profile is None:
            self._profile = _decode_profile(self._profile_text) if self._profile_text else {}
        return self._profile

    @profile.setter
    def profile(self, profile: Profile) -> None:
        self._profile = profile

    def changed(self) -> None:
        """Note that the object looks different now."""
        self.touched = self.visibly_changed = True

"""Which text may be an identifier, and how it is compared."""

import pytest

from footfall.kernel.errors import Invalid
from footfall.kernel.identifiers import checked_email, checked_id


@pytest.mark.parametrize(
    "text", ["a", "a/b", "100%", " a ", "mug☕", "A" * 255, "\u00a0", "\u200d"]
)
def test_an_id_is_kept_as_it_is(text: str) -> None:
    assert checked_id(text, "/custom_id") == text


def test_a_number_is_an_id_too() -> None:
    assert checked_id(2**70, "/custom_id") == str(2**70)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "wrong_length"),
        ("a" * 256, "wrong_length"),
        ("a\nb", "control_character"),
        ("\x00", "control_character"),
        ("a\x7f", "control_character"),
        ("a\x85", "control_character"),
    ],
)
def test_what_is_no_id(text: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        checked_id(text, "/custom_id")
    assert (caught.value.code, caught.value.problems[0].pointer) == (code, "/custom_id")


def test_an_address_is_compared_in_lower_case_without_blanks() -> None:
    assert checked_email(" Ann.Lee@Shop.TEST ") == "ann.lee@shop.test"


@pytest.mark.parametrize("text", ["", "ann", "@shop.test", "ann@", "a\n@b.test", "a" * 320 + "@b"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(Invalid):
        checked_email(text)

import pytest

from banksman.security.passwords import acceptable, hash_password, verify_password

SALT = b"0123456789abcdef"
STORED = hash_password("correct horse", SALT)


def test_the_right_password_verifies_and_a_wrong_one_does_not() -> None:
    assert verify_password("correct horse", STORED)
    assert not verify_password("correct horsf", STORED)


def test_the_stored_line_names_its_parameters_and_not_the_password() -> None:
    assert STORED.startswith("scrypt$ln=14,r=8,p=5$")
    assert "horse" not in STORED


def test_the_salt_makes_equal_passwords_differ() -> None:
    assert hash_password("correct horse", b"fedcba9876543210") != STORED


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "scrypt",
        "plain$correct horse",
        "scrypt$ln=14,r=8,p=5$!!!$!!!",
        STORED.replace("ln=14", "ln=99"),
        STORED.replace("ln=14", "ln=0"),
        STORED.replace("r=8", "r=0"),
        STORED[:-8],
        "\x00" * 40,
    ],
)
def test_a_damaged_line_lets_nobody_in(damaged: str) -> None:
    assert not verify_password("correct horse", damaged)


def test_a_huge_password_is_refused_without_hashing_it() -> None:
    assert not verify_password("x" * 10_000, STORED)


@pytest.mark.parametrize(("chars", "fits"), [(9, False), (10, True), (128, True), (129, False)])
def test_a_new_password_has_ten_to_128_characters(chars: int, fits: bool) -> None:
    assert acceptable("x" * chars) is fits

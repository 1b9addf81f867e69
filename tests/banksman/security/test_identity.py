"""The box's key and certificate on its disk, and when it is renewed."""

from __future__ import annotations

import random
import signal
import ssl
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from secured_site import body_of

from banksman.errors import IdentityError
from banksman.security.enrolment import accepted, certificates_in, new_request
from banksman.security.identity import Identity, client_context, compose, parse, read
from banksman.security.private_file import write_private
from banksman.security.renewal import life_of
from banksman_cloud.ca.authority import Authority, certs_only
from banksman_cloud.ca.requests import check, decode

NOW = datetime(2026, 11, 23, tzinfo=UTC)
DAY_S = 86_400.0


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.make("Plant CA", NOW)


def enrolled(authority: Authority, node: str = "press3") -> bytes:
    request = new_request(node)
    made = authority.issue(check(decode(request.body)), NOW)
    answer = body_of(certs_only([made]))
    certificate = accepted(request, node, answer, authority.chain)
    return compose(request.key_pem, certificate, authority.chain)


@pytest.fixture(scope="module")
def content(authority) -> bytes:
    return enrolled(authority)


def test_an_identity_says_who_it_is_until_when_and_whom_it_trusts(content):
    identity = parse(content)
    assert identity.node == "press3"
    assert identity.ends_s == (NOW + timedelta(days=90)).timestamp()
    assert len(identity.anchors) == 1


def test_it_makes_a_context_that_checks_everything(content, tmp_path):
    file = tmp_path / "identity.pem"
    write_private(file, content)
    context = client_context(parse(content), file)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.cert_store_stats()["x509_ca"] == 1


def test_keys_are_new_each_time_and_not_in_the_request():
    one, two = new_request("press3"), new_request("press3")
    assert one.key_pem != two.key_pem
    assert b"PRIVATE KEY" in one.key_pem
    assert b"PRIVATE" not in one.body


@pytest.mark.parametrize("cut", [0, 1, 100, 300, 700, 1000])
def test_a_damaged_file_is_told_with_the_remedy(content, cut):
    with pytest.raises(IdentityError, match="banksman enrol"):
        parse(content[:cut])


def test_a_key_of_another_pair_is_damage(content, authority):
    other = enrolled(authority)
    at = content.index(b"-----BEGIN CERTIFICATE")
    with pytest.raises(IdentityError, match="damaged"):
        parse(other[: other.index(b"-----BEGIN CERTIFICATE")] + content[at:])


@given(st.binary(max_size=400))
def test_whatever_a_file_or_an_answer_holds_is_taken_or_refused_in_words(data):
    with pytest.raises(IdentityError):
        parse(data)
    with pytest.raises(IdentityError):
        certificates_in(data)


@given(at=st.integers(0, 2000), change=st.integers(1, 255))
def test_a_wrong_byte_never_gives_another_node(content, at, change):
    at %= len(content)
    broken = content[:at] + bytes([content[at] ^ change]) + content[at + 1 :]
    try:
        identity = parse(broken)
    except IdentityError:
        return
    assert len(identity.anchors) == 1


def test_there_may_be_none_and_a_huge_one_is_refused(tmp_path):
    assert read(tmp_path / "identity.pem") is None
    (tmp_path / "identity.pem").write_bytes(bytes(70_000))
    with pytest.raises(IdentityError, match="over 65536 bytes"):
        read(tmp_path / "identity.pem")
    with pytest.raises(IdentityError, match="cannot be read"):
        read(tmp_path)


def test_an_answer_of_another_key_name_or_authority_is_not_accepted(authority):
    request, other = new_request("press3"), new_request("press3")
    made = authority.issue(check(decode(other.body)), NOW)
    with pytest.raises(IdentityError, match="not of the key that was made here"):
        accepted(request, "press3", body_of(certs_only([made])), authority.chain)
    renamed = authority.issue(check(decode(request.body)), NOW)
    with pytest.raises(IdentityError, match="this box is oven1"):
        accepted(request, "oven1", body_of(certs_only([renamed])), authority.chain)
    foreign = Authority.make("Plant CA", NOW)
    with pytest.raises(IdentityError, match="another authority"):
        accepted(request, "press3", body_of(certs_only([renamed])), foreign.chain)


CHILD = """
import sys
from pathlib import Path
from banksman.security.private_file import write_private
file, *contents = map(Path, sys.argv[1:])
texts = [content.read_bytes() for content in contents]
while True:
    for text in texts:
        write_private(file, text, like_folder=True)
        print(flush=True)
"""


def test_killed_while_it_is_written_it_is_the_old_or_the_new_one(tmp_path, authority):
    contents = [tmp_path / "one.pem", tmp_path / "two.pem"]
    for content in contents:
        content.write_bytes(enrolled(authority))
    allowed = {content.read_bytes() for content in contents}
    file = tmp_path / "store" / "identity.pem"
    chance = random.Random(5)
    for _ in range(12):
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, str(file), *map(str, contents)], stdout=subprocess.PIPE
        ) as child:
            for _ in range(chance.randrange(1, 40)):
                child.stdout.readline()
            child.send_signal(signal.SIGKILL)
        assert file.read_bytes() in allowed
        assert parse(file.read_bytes()).node == "press3"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def life(after_days: float, serial: str = "0", whole_days: float = 90.0):
    identity = Identity("press3", serial, 0.0, whole_days * DAY_S, ())
    return life_of(identity, after_days * DAY_S)


@pytest.mark.parametrize(("day", "age"), [
    (0, "good"), (58.4, "good"), (60, "due"), (74.9, "due"), (75, "short"), (89.9, "short"),
    (90, "ended"), (400, "ended"), (-0.5, "good"), (-2, "clock"),
])  # fmt: skip
def test_a_certificate_of_ninety_days_is_renewed_from_day_sixty_at_the_latest(day, age):
    assert life(day).age == age


LIVES_DAYS = st.floats(1.0, 3650.0)
SERIALS = st.integers(0, 2**159).map(lambda serial: f"{serial:X}")


@given(SERIALS, LIVES_DAYS)
def test_whoever_goes_offline_just_before_its_renewal_has_a_third_of_the_life_left(serial, days):
    due = life(0, serial, days)
    just_before = life(due.renew_s / DAY_S - 1e-6, serial, days)
    assert just_before.age == "good"
    assert just_before.left_s > days * DAY_S / 3


@given(SERIALS)
def test_a_box_that_was_offline_for_thirty_days_of_ninety_renews_on_its_return(serial):
    gone = life(0, serial).renew_s / DAY_S - 1e-6
    assert life(gone, serial).age == "good"
    assert life(gone + 30, serial).age in ("due", "short")


@given(SERIALS, LIVES_DAYS)
def test_boxes_enrolled_together_renew_within_a_sixtieth_of_the_life_and_not_later(serial, days):
    due_s = life(0, serial, days).renew_s
    assert days * DAY_S * (2 / 3 - 1 / 60) <= due_s < days * DAY_S * 2 / 3


def test_boxes_enrolled_together_do_not_renew_together():
    dues = {life(0, f"{serial:X}").renew_s for serial in range(500)}
    assert len(dues) == 500


def test_the_key_is_p_256():
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(new_request("press3").key_pem, None)
    assert isinstance(key.curve, ec.SECP256R1)


def test_what_root_writes_belongs_to_the_folders_owner(tmp_path):
    import os

    if os.geteuid() != 0:
        pytest.skip("only root may give files away")
    folder = Path(tmp_path / "store")
    folder.mkdir()
    os.chown(folder, 12345, 12345)
    write_private(folder / "identity.pem", b"x", like_folder=True)
    found = (folder / "identity.pem").stat()
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (12345, 0o600)

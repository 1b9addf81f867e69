import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from banksman.security.certificate import EPOCH, RENEW_BEFORE, VALID, ensure_certificate

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = ("box.plant", "192.168.1.4")


def test_the_first_start_makes_a_pair_that_tls_can_load(tmp_path: Path) -> None:
    made = ensure_certificate(tmp_path, NAMES, NOW)
    assert made.made
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(made.file)


def test_only_the_service_may_read_the_key(tmp_path: Path) -> None:
    made = ensure_certificate(tmp_path, NAMES, NOW)
    assert stat.S_IMODE(made.file.stat().st_mode) == 0o600


def test_the_next_start_keeps_the_pair(tmp_path: Path) -> None:
    first = ensure_certificate(tmp_path, NAMES, NOW)
    again = ensure_certificate(tmp_path, NAMES, NOW + timedelta(days=1))
    assert not again.made
    assert again.sha256 == first.sha256


def test_it_is_renewed_before_it_ends(tmp_path: Path) -> None:
    first = ensure_certificate(tmp_path, NAMES, NOW)
    late = ensure_certificate(tmp_path, NAMES, NOW + VALID - RENEW_BEFORE + timedelta(hours=1))
    assert late.made
    assert late.ends > first.ends


def test_another_name_makes_a_new_one(tmp_path: Path) -> None:
    ensure_certificate(tmp_path, NAMES, NOW)
    assert ensure_certificate(tmp_path, ("other.plant",), NOW).made


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    first = ensure_certificate(tmp_path, NAMES, NOW)
    first.file.write_bytes(first.file.read_bytes()[:200])
    assert ensure_certificate(tmp_path, NAMES, NOW).made


def test_a_box_whose_clock_is_years_behind_still_makes_a_certificate_valid_later(
    tmp_path: Path,
) -> None:
    made = ensure_certificate(tmp_path, NAMES, datetime(1970, 1, 2, tzinfo=UTC))
    certificate = x509.load_pem_x509_certificate(made.file.read_bytes())
    assert certificate.not_valid_before_utc <= EPOCH
    assert made.ends >= EPOCH + VALID


def test_a_failed_write_leaves_no_litter(tmp_path: Path) -> None:
    (tmp_path / "page-certificate.pem").mkdir()
    try:
        ensure_certificate(tmp_path, NAMES, NOW)
    except OSError:
        pass
    else:
        raise AssertionError("a folder was replaced by a file")
    assert [path.name for path in tmp_path.iterdir()] == ["page-certificate.pem"]

from __future__ import annotations

import pytest
from pydantic import ValidationError

from banksman_drivers.settings.vda5050 import Vda5050Settings


def settings(**options: object) -> Vda5050Settings:
    named = {"driver": "vda5050", "id": "agv1", "manufacturer": "acme", "serial_number": "7"}
    return Vda5050Settings.model_validate(named | options)


@pytest.mark.parametrize("option", ["manufacturer", "serial_number", "interface_name"])
@pytest.mark.parametrize("name", ["", "+", "#", "a/b", "$SYS", "7/#", " 7", "x" * 65])
def test_a_name_that_would_listen_to_other_vehicles_is_refused(option, name):
    with pytest.raises(ValidationError):
        settings(**{option: name})


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"ca_file": "ca.pem"}, "ca_file"),
        ({"tls": True, "cert_file": "box.crt"}, "cert_file"),
        ({"tls": True, "key_file": "box.key"}, "key_file"),
        ({"password_file": "secret"}, "password_file"),
    ],
)
def test_an_option_that_nothing_would_read_is_a_flaw(options, path):
    assert [flaw.path for flaw in settings(**options).flaws()] == [(path,)]


def test_a_whole_login_has_no_flaw_and_its_secrets_are_known_as_such():
    one = settings(
        tls=True, ca_file="a", cert_file="c", key_file="k", username="u", password_file="p"
    )
    assert list(one.flaws()) == []
    assert set(one.SECRETS) == {"key_file", "password_file"}
    assert set(one.SECRETS) < set(one.FILES)

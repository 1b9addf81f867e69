"""A device's condition: what people are told of it, whatever the device said."""

from banksman_drivers.condition import Condition
from banksman_drivers.words import WORDS_MAX, printable


class Ticks:
    def mono_ns(self):
        return 1


def test_the_words_of_a_device_are_one_short_printable_line():
    condition = Condition("agv1", "vda5050", Ticks())
    condition.lose("refused: \x1b]0;pwned\x07\r\nINFO ready" + "x" * 5000)
    condition.fault = "frozen\x00" + "y" * 5000
    health = condition.health()
    assert health.message.startswith("agv1: refused: ?]0;pwned???INFO ready")
    assert health.fault.startswith("frozen?y")
    for words in (health.message, health.fault):
        assert words.isprintable()
        assert len(words) == WORDS_MAX


def test_words_that_print_stay_as_they_are():
    assert printable("äöü 20 °C, 3,5 µm") == "äöü 20 °C, 3,5 µm"

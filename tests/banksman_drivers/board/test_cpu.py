"""Texts of /proc/cpuinfo, /proc/meminfo and CPU lists."""

from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.board.cpu import Cpu, Memory, count_cores, parse_cpuinfo, parse_meminfo


def x86(*places):
    return "\n".join(
        f"processor : {number}\nvendor_id : GenuineIntel\nmodel name : Some CPU\n"
        f"physical id : {package}\ncore id : {core}\n"
        for number, (package, core) in enumerate(places)
    )


def test_two_threads_of_one_core_count_once():
    assert parse_cpuinfo(x86((0, 0), (0, 1), (0, 0), (0, 1))).cores == 2


def test_equal_core_numbers_of_two_packages_are_two_cores():
    assert parse_cpuinfo(x86((0, 0), (1, 0))).cores == 2


def test_unlike_cores_are_each_named_once():
    block = "processor : {}\nCPU implementer : {}\nCPU part : {}\n"
    parts = [("0x41", "0xd07"), ("0x4e", "0x003"), ("0x4e", "0x003"), ("0x41", "0xd07")]
    text = "\n".join(block.format(number, *part) for number, part in enumerate(parts))
    assert parse_cpuinfo(text) == Cpu(model="Cortex-A57 + Denver 2", cores=4)


def test_the_title_line_of_an_old_kernel_is_no_processor():
    text = "Processor : ARMv7 Processor rev 5 (v7l)\nprocessor : 0\nprocessor : 1\n"
    assert parse_cpuinfo(text).cores == 2


def test_a_text_without_processors_tells_no_cores():
    assert parse_cpuinfo("nothing here: at all\n").cores is None


def test_a_kernel_without_memavailable_tells_free_memory():
    assert parse_meminfo("MemTotal: 1024000 kB\nMemFree: 2048 kB\n") == Memory(1000, 2)


def test_memory_with_garbage_is_unknown():
    assert parse_meminfo("MemTotal: lots kB\nMemAvailable:\n") == Memory()


@given(st.text())
def test_no_text_breaks_the_parsers(text):
    parse_cpuinfo(text)
    parse_meminfo(text)
    count_cores(text)


@given(st.sets(st.integers(0, 255), min_size=1))
def test_a_kernel_list_names_as_many_cpus_as_it_lists(numbers):
    assert count_cores(",".join(str(number) for number in sorted(numbers))) == len(numbers)


def test_a_kernel_list_of_ranges_is_counted_and_a_broken_one_is_unknown():
    assert count_cores("0-3,6\n") == 5
    assert [count_cores(text) for text in ("", "3-0", "0-", "0-99999999", "a")] == [None] * 5

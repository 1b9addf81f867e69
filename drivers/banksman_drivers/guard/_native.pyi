"""The compiled part's interface; `native.py` is the one place that uses it."""

from typing import final

# fd, is_gpio, kind (0 estop, 1 reset), pair (index or -1), debounce_ns, discrepancy_ns
InputTuple = tuple[int, bool, int, int, int, int]
# fd, is_gpio, safe, toggle_ns
OutputTuple = tuple[int, bool, bool, int]
# believed, discrepant per input; commanded, written, errno per output; latched, cause,
# cause_index, lease_held, realtime errno, lock errno, counters,
# latency (count, p50_ns, p99_ns, p999_ns, max_ns)
StateTuple = tuple[
    tuple[int, ...],
    tuple[int, ...],
    tuple[int, ...],
    tuple[int, ...],
    tuple[int, ...],
    int,
    int,
    int,
    bool,
    int,
    int,
    tuple[int, ...],
    tuple[int, int, int, int, int],
]

@final
class Guard:
    def __new__(
        cls,
        inputs: tuple[InputTuple, ...],
        outputs: tuple[OutputTuple, ...],
        lease_ns: int,
        priority: int,
        latched: bool,
    ) -> Guard: ...
    def renew(self) -> None: ...
    def trip(self) -> int: ...
    def set(self, index: int, value: bool, /) -> int: ...
    def result(self, ticket: int, /) -> int: ...
    def state(self) -> StateTuple: ...
    def take(self) -> list[tuple[int, int, int, int]]: ...
    def fileno(self) -> int: ...
    def stop(self) -> int: ...

def gpio_input(chip: str, offset: int, /) -> int: ...
def gpio_output(chip: str, offset: int, level: bool, /) -> int: ...

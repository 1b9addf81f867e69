"""Two independent evaluators agree: ours, and the rule-engine package.

Values are small whole numbers and halves, so that its decimals and our doubles are both exact.
"""

from __future__ import annotations

import rule_engine
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman.deciding.condition import compile_condition

NUMBERS = [f"n.n{i}" for i in range(4)]
FLAGS = ["door.closed", "gate.closed"]
EXACT = st.integers(-16, 16).map(lambda n: n / 2)


def flat(name):
    return name.replace(".", "_")


# Each strategy gives (our text, its text).
literal = EXACT.map(lambda n: (f"({n!r})", f"({n!r})"))
name = st.sampled_from(NUMBERS).map(lambda n: (n, flat(n)))


def joined(parts, mark):
    return tuple(f"({side[0]} {mark} {side[1]})" for side in zip(*parts, strict=True))


number = st.recursive(
    literal | name,
    lambda below: st.one_of(
        st.tuples(below, below, st.sampled_from("+-*")).map(lambda t: joined(t[:2], t[2])),
        below.map(lambda t: (f"(-{t[0]})", f"(0 - {t[1]})")),
    ),
    max_leaves=4,
)
comparison = st.tuples(number, number, st.sampled_from(["<", "<=", "==", "!=", ">", ">="])).map(
    lambda t: joined(t[:2], t[2])
)
member = st.tuples(name, st.lists(EXACT, min_size=1, max_size=4)).map(
    lambda t: (
        f"({t[0][0]} in ({', '.join(map(repr, t[1]))},))",
        f"({t[0][1]} in [{', '.join(map(repr, t[1]))}])",
    )
)
flag = st.sampled_from(FLAGS).flatmap(
    lambda n: st.sampled_from([(n, f"({flat(n)} == 1)"), (f"{n} == 0", f"({flat(n)} == 0)")])
)
truth = st.recursive(
    comparison | member | flag,
    lambda below: st.one_of(
        st.tuples(below, below, st.sampled_from(["and", "or"])).map(lambda t: joined(t[:2], t[2])),
        below.map(lambda t: (f"(not {t[0]})", f"(not {t[1]})")),
    ),
    max_leaves=6,
)
values = st.fixed_dictionaries(
    {**dict.fromkeys(NUMBERS, EXACT), **dict.fromkeys(FLAGS, st.sampled_from([0.0, 1.0]))}
)


@settings(max_examples=300, deadline=None)
@given(truth, values)
def test_both_evaluators_agree(catalogue, texts, values):
    ours, theirs = texts
    if not any(word in ours for word in (*NUMBERS, *FLAGS)):
        ours, theirs = f"({ours}) and door.closed", f"({theirs}) and (door_closed == 1)"
    condition = compile_condition(ours, catalogue, "f", "when")
    mine = condition.evaluate([values[n] for n in condition.inputs])
    assert mine == rule_engine.Rule(theirs).matches(
        {flat(n): value for n, value in values.items()}
    ), ours

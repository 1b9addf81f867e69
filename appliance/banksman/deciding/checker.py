"""The checker: types and units of a rule expression, and the source it becomes.

It walks a vetted tree once. Each step gives an Operand: its source over ``v[i]``, what kind of
value it is and in which unit. What is wrong is collected, not raised, so that an author sees
everything at once; an UNKNOWN operand keeps one slip from being reported twice.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

import msgspec

from banksman.deciding.features import Catalogue
from banksman.deciding.operands import UNKNOWN, Operand, calculate, in_one_unit, lead_of, literal
from banksman.deciding.syntax import FUNCTIONS, Fault, dotted_name, parse
from banksman.deciding.units import NO_UNIT, parse_quantity, parse_unit

_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}
_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
}


class Checker:
    """Checks expressions that share one list of inputs; ``slots`` maps a name to its place.

    Pass the same ``slots`` to several checkers to let their sources share one list of values.
    """

    def __init__(self, catalogue: Catalogue, slots: dict[str, int] | None = None) -> None:
        self.catalogue = catalogue
        self.slots: dict[str, int] = {} if slots is None else slots
        self.used: dict[str, int] = {}
        self.faults: list[Fault] = []

    def source(self, text: str) -> str:
        """Source that is true where the expression holds; look at ``faults`` before using it."""
        tree = parse(text)
        if isinstance(tree, Fault):
            self.faults.append(tree)
            return "False"
        return self._truth(self._visit(tree))

    def _fault(self, message: str, hint: str = "") -> Operand:
        self._note([Fault(message, hint)])
        return UNKNOWN

    def _note(self, faults: list[Fault]) -> None:
        self.faults += [fault for fault in faults if fault not in self.faults]

    def _visit(self, node: ast.expr) -> Operand:
        visitors: dict[type[ast.expr], Callable[..., Operand]] = {
            ast.Constant: self._constant,
            ast.Name: self._feature,
            ast.Attribute: self._feature,
            ast.BoolOp: self._bool_op,
            ast.UnaryOp: self._unary,
            ast.BinOp: self._arithmetic,
            ast.Compare: self._compare,
            ast.Call: self._call,
        }
        visitor = visitors.get(type(node))
        if visitor is None:
            return self._fault(f"{ast.unparse(node)} stands alone", "a tuple only follows in")
        return visitor(node)

    # -- leaves ---------------------------------------------------------------------------

    def _constant(self, node: ast.Constant) -> Operand:
        value = node.value
        if isinstance(value, bool):
            return Operand(str(value), "truth", str(value), literal=float(value))
        if isinstance(value, (int, float)):
            try:
                number = float(value)
            except OverflowError:
                number = float("inf")
            if number - number != 0.0:
                return self._fault("a number is too large", "at most 1.7e308")
            return literal(number, NO_UNIT)
        if isinstance(value, str):
            quantity = parse_quantity(value)
            if quantity is None:
                hint = "write a number and its unit, as '80 degC'"
                if value in self.catalogue.features:
                    hint = f"names stand without quotes: {value}"
                return self._fault(f"'{value}' is not a quantity", hint)
            return literal(*quantity)
        return self._fault(f"{value!r} is not allowed in a rule", "numbers and quantities only")

    def _feature(self, node: ast.expr) -> Operand:
        name = dotted_name(node)
        if name is None:
            return self._fault(f"{ast.unparse(node)} is not a name", "names are device.point")
        feature = self.catalogue.features.get(name)
        if feature is None:
            if self.catalogue.is_undecided(name):
                return UNKNOWN
            near = self.catalogue.nearest(name)
            if name.lower() in {"true", "false"}:
                near = name.capitalize()
            hint = f"did you mean {near}?" if near else "see the sensors with: banksman check"
            return self._fault(f"unknown name {name}", hint)
        slot = self.slots.setdefault(name, len(self.slots))
        self.used[name] = slot
        unit = parse_unit(feature.unit)
        rigid = feature.difference and unit.ambiguous
        return Operand(f"v[{slot}]", feature.kind, name, unit, rigid=rigid)

    # -- truth ----------------------------------------------------------------------------

    def _truth(self, operand: Operand) -> str:
        if operand.kind == "number":
            what = operand.shown
            self._fault(
                f"{what} is a number where a condition is needed", f"compare it: {what} > …"
            )
        return operand.code

    def _bool_op(self, node: ast.BoolOp) -> Operand:
        word = " and " if isinstance(node.op, ast.And) else " or "
        codes = [self._truth(self._visit(value)) for value in node.values]
        return Operand(f"({word.join(codes)})", "truth", "the condition")

    def _compare(self, node: ast.Compare) -> Operand:
        if isinstance(node.ops[0], (ast.In, ast.NotIn)) or isinstance(
            node.comparators[-1], ast.Tuple
        ):
            return self._member(node)
        operands = [self._visit(part) for part in (node.left, *node.comparators)]
        if any(operand.kind == "unknown" for operand in operands):
            return UNKNOWN
        marks = [_COMPARE[type(op)] for op in node.ops]
        if any(operand.kind in ("flag", "truth") for operand in operands):
            return self._compare_flags(operands, marks)
        codes = self._in_one_unit(operands, "compare")
        if codes is None:
            return UNKNOWN
        chain = codes[0] + "".join(
            f" {mark} {code}" for mark, code in zip(marks, codes[1:], strict=True)
        )
        return Operand(f"({chain})", "truth", "the comparison")

    def _compare_flags(self, operands: list[Operand], marks: list[str]) -> Operand:
        flag = next((operand for operand in operands if operand.kind == "flag"), None)
        if flag is None:
            return self._fault(
                "a condition is compared with something", "use it as it is, or with not"
            )
        hint = f"{flag.shown} is a flag: write {flag.shown} == 1, or not {flag.shown}"
        if len(operands) != 2 or marks[0] not in ("==", "!="):
            return self._fault(f"{flag.shown} is a flag, compared with {' '.join(marks)}", hint)
        left, right = sorted(operands, key=lambda operand: operand.kind != "flag")
        equal = marks[0] == "=="
        if right.kind == "flag":
            return Operand(
                f"(({left.code} != 0.0) {marks[0]} ({right.code} != 0.0))",
                "truth",
                "the comparison",
            )
        if right.literal not in (0.0, 1.0) or right.unit.text:
            return self._fault(f"{flag.shown} is a flag, compared with {right.shown}", hint)
        mark = "!=" if equal == (right.literal == 1.0) else "=="
        return Operand(f"({left.code} {mark} 0.0)", "truth", "the comparison")

    def _member(self, node: ast.Compare) -> Operand:
        options = node.comparators[-1]
        if len(node.ops) != 1 or not isinstance(options, ast.Tuple) or not options.elts:
            return self._fault(
                "in needs a tuple of numbers on its right", "write plc.step in (1, 2)"
            )
        operands = [self._visit(part) for part in (node.left, *options.elts)]
        if any(operand.kind == "unknown" for operand in operands):
            return UNKNOWN
        if any(operand.kind != "number" for operand in operands) or any(
            operand.literal is None for operand in operands[1:]
        ):
            return self._fault("in compares a number with literal numbers", "plc.step in (1, 2)")
        codes = self._in_one_unit(operands, "compare")
        if codes is None:
            return UNKNOWN
        mark = _COMPARE[type(node.ops[0])]
        if mark not in ("in", "not in"):
            return self._fault(f"a tuple follows {mark}", "a tuple only follows in")
        return Operand(f"({codes[0]} {mark} ({', '.join(codes[1:])},))", "truth", "the comparison")

    # -- numbers --------------------------------------------------------------------------

    def _unary(self, node: ast.UnaryOp) -> Operand:
        operand = self._visit(node.operand)
        if isinstance(node.op, ast.Not):
            return Operand(f"(not {self._truth(operand)})", "truth", "the condition")
        if not self._is_number(operand, "a sign"):
            return UNKNOWN
        if isinstance(node.op, ast.UAdd):
            return operand
        if operand.literal is not None:
            return literal(-operand.literal, operand.unit)
        return msgspec.structs.replace(
            operand,
            code=f"(-{operand.code})",
            shown=f"-{operand.shown}",
            rigid=operand.rigid or operand.unit.ambiguous,
        )

    def _arithmetic(self, node: ast.BinOp) -> Operand:
        left, right = self._visit(node.left), self._visit(node.right)
        mark = _ARITHMETIC[type(node.op)]
        if not (self._is_number(left, mark) and self._is_number(right, mark)):
            return UNKNOWN
        result, faults = calculate(left, right, mark)
        self._note(faults)
        return result

    def _call(self, node: ast.Call) -> Operand:
        name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
        if name not in FUNCTIONS or node.keywords:
            return self._fault(f"{name}(…) is not allowed in a rule", "known: abs, min, max")
        wanted = len(node.args) == 1 if name == "abs" else len(node.args) >= 2
        if not wanted:
            return self._fault(
                f"{name}(…) has {len(node.args)} values", "abs(a), min(a, b), max(a, b)"
            )
        operands = [self._visit(argument) for argument in node.args]
        if not all(self._is_number(operand, f"{name}(…)") for operand in operands):
            return UNKNOWN
        codes = self._in_one_unit(operands, "put together")
        if codes is None:
            return UNKNOWN
        lead = lead_of(operands)
        rigid = any(o.rigid for o in operands) or (name == "abs" and lead.unit.ambiguous)
        return Operand(
            f"{name}({', '.join(codes)})",
            "number",
            f"{name}(…)",
            lead.unit,
            rigid=rigid,
            arithmetic=any(o.arithmetic for o in operands),
        )

    def _is_number(self, operand: Operand, what: str) -> bool:
        if operand.kind in ("flag", "truth"):
            hint = "flags are used with and, or, not, == and !="
            self._fault(f"{operand.shown} is a flag, and {what} needs numbers", hint)
        return operand.kind == "number"

    def _in_one_unit(self, operands: list[Operand], verb: str) -> list[str] | None:
        codes, faults = in_one_unit(operands, verb)
        self._note(faults)
        return None if faults else codes

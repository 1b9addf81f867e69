"""An expression in words for people: labels for names, words for signs. Pure.

    plc.oven_temperature > '220 degC' or plc.oven_cut_out == 1
    Oven temperature over 220 degC or Oven cut-out tripped

It never raises: what it cannot read is shown as it was written.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from banksman.deciding.features import Catalogue
from banksman.deciding.syntax import Fault, dotted_name, parse

_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "is",
    ast.NotEq: "is not",
    ast.Lt: "under",
    ast.LtE: "at most",
    ast.Gt: "over",
    ast.GtE: "at least",
    ast.In: "is one of",
    ast.NotIn: "is none of",
}
_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
}


def worded(text: str, catalogue: Catalogue, labels: Mapping[str, str]) -> str:
    """``text`` as a person would say it; ``labels``: sensor -> what people call it."""
    tree = parse(text)
    return text if isinstance(tree, Fault) else _Words(catalogue, labels).of(tree)


class _Words:
    def __init__(self, catalogue: Catalogue, labels: Mapping[str, str]) -> None:
        self._catalogue = catalogue
        self._labels = labels

    def of(self, node: ast.expr) -> str:
        """One part of the tree; the checker has bounded its depth."""
        match node:
            case ast.BoolOp(op, values):
                sign = " or " if isinstance(op, ast.Or) else " and "
                return sign.join(self._grouped(value, ast.BoolOp) for value in values)
            case ast.UnaryOp(ast.Not(), operand):
                return f"not ({self.of(operand)})"
            case ast.UnaryOp(op, operand):
                return f"{'-' if isinstance(op, ast.USub) else ''}{self._grouped(operand)}"
            case ast.BinOp(left, op, right):
                return f"{self._grouped(left)} {_ARITHMETIC[type(op)]} {self._grouped(right)}"
            case ast.Call(ast.Name(function), arguments):
                return f"{function}({', '.join(self.of(each) for each in arguments)})"
            case ast.Tuple(items):
                return ", ".join(self.of(each) for each in items)
            case ast.Compare():
                return self._compared(node)
            case ast.Constant(value):
                return str(value)
        return self._named(node)

    def _grouped(self, node: ast.expr, kind: type[ast.expr] = ast.BinOp) -> str:
        return f"({self.of(node)})" if isinstance(node, kind) else self.of(node)

    def _compared(self, node: ast.Compare) -> str:
        state = self._flag(node)
        if state:
            return state
        signs = [_COMPARE[type(sign)] for sign in node.ops]
        told = [self.of(each) for each in node.comparators]
        return " ".join(
            [self.of(node.left), *(f"{s} {t}" for s, t in zip(signs, told, strict=True))]
        )

    def _flag(self, node: ast.Compare) -> str:
        """A flag that is asked for: its label says what is so when it is set."""
        feature = self._catalogue.features.get(dotted_name(node.left) or "")
        if feature is None or feature.kind != "flag" or len(node.ops) != 1:
            return ""
        match node.ops[0], node.comparators[0]:
            case (ast.Eq(), ast.Constant(0 | 1 as value)) | (
                ast.NotEq(),
                ast.Constant(0 | 1 as value),
            ):
                is_set = bool(value) == isinstance(node.ops[0], ast.Eq)
                return self._named(node.left) if is_set else f"{self._named(node.left)}: no"
        return ""

    def _named(self, node: ast.expr) -> str:
        name = dotted_name(node)
        if name is None:
            return ast.unparse(node)
        if self._labels.get(name):
            return self._labels[name]
        sensor, _, feature = name.rpartition(".")
        label = self._labels.get(sensor)
        return f"{feature} of {label}" if label else name

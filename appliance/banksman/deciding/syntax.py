"""The gate in front of rule expressions: text in, a vetted tree out, or what is not allowed.

Rules of this file
- Python's own parser reads the text; nothing of it is ever run. What comes out consists of
  numbers, quantities, dotted names, and/or/not, comparisons, + - * /, abs, min, max and ``in``
  a literal tuple. Anything else is refused by name, whatever it would do.
- Length, depth and size are bounded before any recursion looks at the tree.
"""

from __future__ import annotations

import ast

import msgspec

TEXT_CHARS_MAX = 2000
NODES_MAX = 400
DEPTH_MAX = 40

FUNCTIONS = ("abs", "min", "max")

_ALLOWED: tuple[type[ast.AST], ...] = (
    ast.Expression,
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.UnaryOp,
    ast.Not,
    ast.USub,
    ast.UAdd,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.Compare,
    ast.Eq,
    ast.NotEq,
    ast.Lt,
    ast.LtE,
    ast.Gt,
    ast.GtE,
    ast.In,
    ast.NotIn,
    ast.Call,
    ast.Name,
    ast.Attribute,
    ast.Load,
    ast.Constant,
    ast.Tuple,
)
_WORDS: dict[type[ast.AST], str] = {
    ast.Lambda: "a lambda",
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.Subscript: "an index [...]",
    ast.IfExp: "if ... else",
    ast.NamedExpr: "an assignment :=",
    ast.JoinedStr: "an f-string",
    ast.Pow: "the power **",
    ast.FloorDiv: "the operator //",
    ast.Mod: "the operator %",
    ast.MatMult: "the operator @",
    ast.LShift: "the operator <<",
    ast.RShift: "the operator >>",
    ast.BitAnd: "the operator & (write: and)",
    ast.BitOr: "the operator | (write: or)",
    ast.BitXor: "the operator ^",
    ast.Invert: "the operator ~ (write: not)",
    ast.Is: "is (write: ==)",
    ast.IsNot: "is not (write: !=)",
    ast.List: "a list (write a tuple: (1, 2))",
    ast.Set: "a set (write a tuple: (1, 2))",
    ast.Dict: "a dict",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
    ast.Starred: "a star *",
}
ALLOWED_TEXT = (
    "allowed: names, numbers, 'quantities', and or not, < <= == != > >=, + - * /, in (…),"
    " abs min max"
)


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong in an expression, with what to do."""

    message: str
    hint: str = ""


def parse(text: str) -> ast.expr | Fault:
    """The vetted tree of one expression, or the first thing that is not allowed in it."""
    refused = _refuse_text(text)
    if refused is not None:
        return refused
    try:
        tree = ast.parse(" ".join(text.split()), mode="eval")
    except SyntaxError as error:
        where = f" near column {error.offset}" if error.offset else ""
        return Fault(f"cannot be read{where}: {error.msg}", ALLOWED_TEXT)
    except (ValueError, RecursionError, MemoryError):
        return Fault("cannot be read: nested too deeply or a number too long", "split the rule")
    return _refuse_tree(tree) or tree.body


def dotted_name(node: ast.expr) -> str | None:
    """``plc.oven.mean`` of a chain of attributes; None when it hangs on anything but a name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(parts)])


def _refuse_text(text: str) -> Fault | None:
    if not text.strip():
        return Fault("is empty", "write a condition, or True to match always")
    if len(text) > TEXT_CHARS_MAX:
        return Fault(f"is {len(text)} characters long, at most {TEXT_CHARS_MAX}", "split the rule")
    if "#" in text:
        return Fault("has a # inside the expression", "write comments outside the quotes")
    if "\\" in text:
        return Fault("has a backslash", ALLOWED_TEXT)
    return None


def _refuse_tree(tree: ast.Expression) -> Fault | None:
    """Walk without recursion, so that no tree is too deep to be refused."""
    level: list[ast.AST] = [tree]
    nodes = depth = 0
    while level:
        depth += 1
        nodes += len(level)
        if depth > DEPTH_MAX or nodes > NODES_MAX:
            return Fault("is nested too deeply or too long", "split it into several rows")
        for node in level:
            if not isinstance(node, _ALLOWED):
                what = _WORDS.get(type(node), type(node).__name__)
                return Fault(f"{what} is not allowed in a rule", ALLOWED_TEXT)
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return None

"""The datasheet behind the config: what each option may be, as words, from the JSON Schema.

`banksman check` tells a wrong option's allowed range and unit from here, and the reference page
is written from here, so the two cannot disagree with what is enforced.
"""

from __future__ import annotations

from typing import Any

import msgspec

from banksman.config.schema import Config
from banksman.deciding.locate import Path

Node = dict[str, Any]

_TYPE_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "table",
}


class Option(msgspec.Struct, frozen=True):
    """One option in words. ``default`` is TOML text; empty when there is none."""

    name: str
    kind: str
    allowed: str
    unit: str
    default: str
    required: bool
    meaning: str

    def shape(self) -> str:
        """What it must be: ``a number, 1 to 3600000 ms``."""
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.kind}, {self.allowed}{unit}" if self.allowed else f"{self.kind}{unit}"


def published_schema() -> Node:
    """The JSON Schema of appliance.toml, as published."""
    schema = Config.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "appliance.toml",
        "description": "The config of a Banksman appliance.",
        **{key: value for key, value in schema.items() if key not in ("title", "description")},
    }


class Datasheet:
    """Finds options by key path."""

    def __init__(self) -> None:
        self.schema = published_schema()

    def node(self, path: Path, data: object) -> Node | None:
        """The schema of what stands at ``path``; ``data`` decides which driver's it is."""
        node = self.resolve(self.schema, data)
        for part in path:
            if isinstance(part, int):
                data = data[part] if isinstance(data, list) and part < len(data) else None
                below = node.get("items")
            else:
                data = data.get(part) if isinstance(data, dict) else None
                below = node.get("properties", {}).get(part)
            if below is None:
                return None
            node = self.resolve(below, data)
        return node

    def resolve(self, node: Node, data: object) -> Node:
        """Follow references, drop ``or null``, and pick the union member that ``data`` names."""
        while True:
            if "$ref" in node:
                extra = {key: value for key, value in node.items() if key != "$ref"}
                node = {**self.schema["$defs"][node["$ref"].rsplit("/", 1)[-1]], **extra}
            elif "oneOf" in node and "discriminator" in node:
                mapping = node["discriminator"]["mapping"]
                name = (
                    data.get(node["discriminator"]["propertyName"])
                    if isinstance(data, dict)
                    else None
                )
                if not isinstance(name, str) or name not in mapping:
                    return node
                node = {"$ref": mapping[name]}
            elif "anyOf" in node:
                kinds = [kind for kind in node["anyOf"] if kind.get("type") != "null"]
                if len(kinds) != 1:
                    return node
                node = {**kinds[0], **{k: v for k, v in node.items() if k != "anyOf"}}
            else:
                return node

    def options(self, node: Node) -> list[Option]:
        """The options of one table, in the order of the datasheet."""
        required = node.get("required", [])
        return [
            self.option(name, self.resolve(raw, None), name in required, raw.get("default"))
            for name, raw in node.get("properties", {}).items()
        ]

    def option(self, name: str, node: Node, required: bool, default: object = None) -> Option:
        """One option in words."""
        return Option(
            name=name,
            kind=self._kind(node),
            allowed=_allowed(node),
            unit=node.get("unit", ""),
            default="" if default is None else toml_text(default),
            required=required,
            meaning=node.get("description", ""),
        )

    def _kind(self, node: Node) -> str:
        if "anyOf" in node:
            return " or ".join(
                dict.fromkeys(self._kind(self.resolve(n, None)) for n in node["anyOf"])
            )
        if "enum" in node or "const" in node:
            return "text"
        if node.get("type") == "array":
            items = self.resolve(node.get("items", {}), None)
            return "list of tables" if _is_table(items) else f"list of {self._kind(items)}s"
        return _TYPE_WORDS.get(node.get("type", ""), "table" if _is_table(node) else "value")


def toml_text(value: object) -> str:
    """A default as one writes it in the file."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, (list, dict)):
        return "" if value else "[]"
    return str(value)


def _is_table(node: Node) -> bool:
    return "properties" in node or "oneOf" in node or node.get("type") == "object"


def _allowed(node: Node) -> str:
    if "const" in node:
        return f'"{node["const"]}"'
    if "enum" in node:
        return "one of " + ", ".join(f'"{value}"' for value in node["enum"])
    parts = []
    low, above = node.get("minimum"), node.get("exclusiveMinimum")
    high = node.get("maximum")
    start = toml_text(low) if low is not None else f"over {toml_text(above)}"
    if (low is not None or above is not None) and high is not None:
        parts.append(f"{start} to {toml_text(high)}")
    elif low is not None:
        parts.append(f"at least {start}")
    elif above is not None:
        parts.append(start)
    if "maxLength" in node:
        parts.append(f"at most {node['maxLength']} characters")
    if "minItems" in node:
        parts.append(f"at least {node['minItems']}")
    if "pattern" in node:
        parts.append(f"like {node['pattern']}")
    return ", ".join(parts)

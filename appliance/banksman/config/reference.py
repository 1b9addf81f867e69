"""The reference page of appliance.toml, written from the datasheet itself."""

from __future__ import annotations

from collections.abc import Iterator

from banksman.config.datasheet import Datasheet, Node, Option

_HEAD = """# appliance.toml: every option

Written by `banksman check --reference` from the datasheet that the daemon enforces: do not edit.
A commented example is `docs/examples/appliance.toml`, rules are described in `rules.md`, and
`appliance.schema.json` is the same as a JSON Schema for editors.

An option that nothing reads is an error. `banksman check FILE` tells every problem at once.
"""


def reference_page() -> str:
    """The whole page as Markdown."""
    sheet = Datasheet()
    parts = [_HEAD]
    for name, raw in sheet.schema["properties"].items():
        parts += _section(sheet, name, raw, many=False)
    return "\n".join(parts)


def _section(sheet: Datasheet, name: str, raw: Node, many: bool) -> Iterator[str]:
    node = sheet.resolve(raw, None)
    if node.get("type") == "array":
        yield from _section(sheet, name, node["items"], many=True)
        return
    if "oneOf" in node:
        for driver in node["discriminator"]["mapping"]:
            chosen = sheet.resolve(node, {"driver": driver})
            yield from _table(sheet, name, chosen, many, f' with driver = "{driver}"')
        return
    yield from _table(sheet, name, node, many, "")


def _table(sheet: Datasheet, name: str, node: Node, many: bool, which: str) -> Iterator[str]:
    marks = ("[[", "]]") if many else ("[", "]")
    depth = "##" if "." not in name else "###"
    yield f"{depth} `{marks[0]}{name}{marks[1]}`{which}\n"
    if node.get("description"):
        yield f"{node['description'].strip()}\n"
    yield "| option | meaning | must be | unit | default |"
    yield "|---|---|---|---|---|"
    below: list[tuple[str, Node]] = []
    for option in sheet.options(node):
        raw = node["properties"][option.name]
        own = sheet.resolve(raw, None)
        if "properties" in own or "properties" in sheet.resolve(own.get("items", {}), None):
            below.append((f"{name}.{option.name}", raw))
        yield _row(option)
    yield ""
    for deeper, raw in below:
        yield from _section(sheet, deeper, raw, many=False)


def _row(option: Option) -> str:
    default = "**required**" if option.required else f"`{option.default}`" if option.default else ""
    must = f"{option.kind}, {option.allowed}" if option.allowed else option.kind
    cells = [f"`{option.name}`", option.meaning, must, option.unit, default]
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"

"""The tables of the documentation that follow from the code: settings, the keys of the report, codes of hazards."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ipy_tensorwatch.core.hazards.codes import OUTCOMES
from ipy_tensorwatch.render.wording.hazards.code_meanings import CODE_MEANINGS
from ipy_tensorwatch.shell.ipython.settings import TensorWatch

from .kernel import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Schema = Mapping[str, Any]

SCHEMA = ROOT / "ipy_tensorwatch" / "report.schema.json"
MARKS = "<!-- made by `python -m docs.make`: {name} -->\n", "<!-- end -->"


def fill(text: str, name: str, table: str) -> str:
    """Put a table where a page has its marks for it."""
    begin, end = (mark.format(name=name) for mark in MARKS)
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise ValueError(f"the page has no place for {name!r}")
    return pattern.sub(lambda _: f"{begin}\n{table}\n\n{end}", text)


def settings_table() -> str:
    """List all settings: `c.TensorWatch.NAME = VALUE`."""
    traits = TensorWatch.class_traits(config=True)
    rows = [(f"`{name}`", f"`{trait.default_value}`", trait.help) for name, trait in sorted(traits.items())]
    return _table(("name", "default", "meaning"), rows)


def hazards_table() -> str:
    """List the codes of hazards."""
    rows = [
        (f"[{code}](#{code.lower()})", CODE_MEANINGS[code], ", ".join(f"`{outcome}`" for outcome in outcomes))
        for code, outcomes in OUTCOMES.items()
    ]
    return _table(("code", "what will happen", "outcome"), rows)


def report_tables() -> str:
    """List the keys of the report, and of each kind of record in it."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    records = {name: one for name, one in schema["$defs"].items() if one["type"] == "object"}
    parts = ["## Keys", _keys(schema)]
    for name, one in records.items():
        parts += [f"### {name}", one["description"], _keys(one)]
    return "\n\n".join(parts)


def _keys(record: Schema) -> str:
    rows = [(f"`{key}`", _type(one), one.get("description", "")) for key, one in record["properties"].items()]
    return _table(("key", "value", "meaning"), rows)


def _type(one: Schema) -> str:
    """Spell what values a key may have."""
    if "$ref" in one:
        name = one["$ref"].rpartition("/")[2]
        return name if name == "path" else f"[{name}](#{name})"
    if "anyOf" in one:
        return " or ".join(map(_type, one["anyOf"]))
    if "enum" in one:
        return ", ".join(f"`{json.dumps(value)}`" for value in one["enum"])
    if "const" in one:
        return f"`{json.dumps(one['const'])}`"
    if one["type"] == "array":
        return f"list of {_type(one['items'])}".replace("integer", "integers").replace("path", "paths")
    return " or ".join([one["type"]] if isinstance(one["type"], str) else one["type"])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(_lines(head, rows))


def _lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |".replace("|  |", "| |")

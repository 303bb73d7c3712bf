"""The schema of reports, compiled: it takes a twentieth of the time of a validator that reads the schema anew."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import fastjsonschema

if TYPE_CHECKING:
    from collections.abc import Callable

DRAFT_7 = {"$schema": "http://json-schema.org/draft-07/schema#"}
"""The version that the compiler knows; what our schema uses means the same in it."""


@cache
def report_checker() -> Callable[[dict[str, Any]], object]:
    """Return a function that raises `JsonSchemaException` if a report does not fit the schema of the package."""
    schema = json.loads((resources.files("ipy_tensorwatch") / "report.schema.json").read_text("utf-8"))
    return fastjsonschema.compile(schema | DRAFT_7)

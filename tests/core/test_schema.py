"""The JSON Schema in the package says exactly what `Report.to_dict()` gives."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import fields, replace
from importlib import resources
from itertools import cycle
from typing import get_args

import pytest
from fastjsonschema import JsonSchemaException
from jsonschema import Draft202012Validator

from ipy_tensorwatch.core.hazards.codes import OUTCOMES
from ipy_tensorwatch.core.hazards.fix import Applicability, Edit
from ipy_tensorwatch.core.records import report_parts
from ipy_tensorwatch.core.records.reading import METADATA
from tests.support.records import full_report, hazard
from tests.support.report_schema import report_checker

SCHEMA = json.loads((resources.files("ipy_tensorwatch") / "report.schema.json").read_text("utf-8"))
DEFINED = SCHEMA["$defs"]
RECORDS = {
    "cell": report_parts.Cell,
    "tensor": report_parts.TensorRecord,
    "group": report_parts.AliasGroup,
    "origin": report_parts.Origin,
    "pair": report_parts.Pair,
    "change": report_parts.Change,
    "site": report_parts.Site,
    "inner": report_parts.Inner,
    "elements": report_parts.Elements,
    "example": report_parts.Example,
    "coverage": report_parts.Coverage,
    "unverified": report_parts.Unverified,
    "write": report_parts.OperatorWrite,
    "edit": Edit,
}
BESIDE = {"change": {"fix"}}
"""The keys of a record that the report adds to it."""
WORDS = {
    ("pair", "relation"): report_parts.Relation,
    ("change", "kind"): report_parts.Kind,
    ("change", "cause"): report_parts.Cause,
    ("hazard", "outcome"): report_parts.Outcome,
    ("fix", "applicability"): Applicability,
    ("site", "certainty"): report_parts.Certainty,
    ("origin", "certainty"): report_parts.Certainty,
    ("cell", "status"): report_parts.Status,
}
DESIGN = {
    "cell": {"count", "source", "status", "duration", "overhead"},
    "tensor": {
        "path",
        "kind",
        "object",
        "storage",
        "device",
        "dtype",
        "shape",
        "strides",
        "data_ptr",
        "span",
        "version",
        "requires_grad",
        "is_leaf",
        "grad_fn",
    },
    "group": {"id", "device", "nbytes", "members", "pairs", "origins"},
    "origin": {"a", "b", "cell", "line", "end_line", "text", "how"},
    "pair": {"a", "b", "relation"},
    "change": {
        "path",
        "kind",
        "cause",
        "silent",
        "via",
        "sites",
        "versions",
        "versioned",
        "verified",
        "elements",
        "shared_since",
    },
    "site": {"line", "end_line", "text", "certainty", "inner"},
    "inner": {"cell", "line", "text"},
    "elements": {"changed", "total", "max_abs"},
    "hazard": {"code", "outcome", "paths", "op", "message", "remedy", "fix", "saved_at", "written_at"},
    "fix": {"title", "applicability", "edits"},
    "coverage": {"tensors", "bytes", "verified_bytes", "unverified"},
    "unverified": {"path", "why"},
}


def faults(report: dict) -> list[str]:
    """Say what the schema objects to."""
    return [f"{e.json_path}: {e.message}" for e in Draft202012Validator(SCHEMA).iter_errors(report)]


def test_the_schema_is_a_schema():
    assert Draft202012Validator.check_schema(SCHEMA) is None


def places(value, place=()):
    """Yield the place of each value in a report."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*place, key)
        yield from places(value[key], (*place, key))


def test_the_compiled_schema_refuses_what_the_schema_refuses():
    whole, slow = json.loads(json.dumps(full_report().to_dict())), Draft202012Validator(SCHEMA)
    refused = 0
    for (*path, last), other in zip(places(whole), cycle(["zz", -1, None, [], {}, True, 1.5]), strict=False):
        report = copy.deepcopy(whole)
        inside = report
        for key in path:
            inside = inside[key]
        inside[last] = other
        if slow.is_valid(report):
            report_checker()(report)
        else:
            refused += 1
            with pytest.raises(JsonSchemaException):
                report_checker()(report)
    assert refused > 50


def test_the_keys_of_a_report_are_those_of_the_design_and_the_writes():
    expected = {"schema", "cell", "tensors", "groups", "changes", "hazards", "coverage", "writes"}

    assert set(SCHEMA["properties"]) == expected
    assert set(full_report().to_dict()) == expected


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_and_its_definition_have_the_same_keys(name: str):
    assert set(DEFINED[name]["properties"]) == {one.name for one in fields(RECORDS[name])} | BESIDE.get(name, set())


@pytest.mark.parametrize("name", DESIGN)
def test_every_key_of_the_design_is_there(name: str):
    assert DESIGN[name] - set(DEFINED[name]["properties"]) == set()


@pytest.mark.parametrize("name", DEFINED)
def test_every_key_is_required_and_no_other_is_allowed(name: str):
    """Whoever reads a report can rely on every key; a null says that there is nothing to tell."""
    one = DEFINED[name]
    if one.get("type") == "object":
        assert (set(one["required"]), one["additionalProperties"]) == (set(one["properties"]), False)


@pytest.mark.parametrize(("name", "key"), WORDS)
def test_the_closed_words_are_those_of_the_records(name: str, key: str):
    assert set(DEFINED[name]["properties"][key]["enum"]) - {None} == set(get_args(WORDS[name, key]))


def test_the_metadata_fields_are_those_that_are_compared():
    assert tuple(DEFINED["change"]["properties"]["fields"]["items"]["enum"]) == METADATA


def test_a_report_with_everything_in_it_fits():
    assert faults(full_report().to_dict()) == []


def test_a_report_survives_json():
    report = full_report().to_dict()

    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_a_hazard_has_its_facts_in_sentences_and_its_fix_as_edits():
    report = replace(full_report(), hazards=(hazard(),)).to_dict()

    assert faults(report) == []
    assert report["hazards"][0] == {
        "code": "TW201",
        "outcome": "raises",
        "paths": ["h"],
        "op": "MulBackward0",
        "message": "`loss.backward()` will raise: `h`, saved by MulBackward0 in cell 2, line 4, was overwritten in cell 3, line 2: `h.add_(1)`",
        "remedy": "Write out of place: `h = h.add(1)`.",
        "fix": {
            "title": "Write out of place: `h = h.add(1)`.",
            "applicability": "unsafe",
            "edits": [{"cell": 3, "line": 2, "end_line": 2, "text": "h = h.add(1)"}],
        },
        "saved_at": {"line": 4, "end_line": 4, "text": "loss = (h * w).sum()", "certainty": "observed", "inner": None},
        "written_at": {"line": 2, "end_line": 2, "text": "h.add_(1)", "certainty": "observed", "inner": None},
        "saved_cell": 2,
        "written_cell": 3,
        "node": 7,
        "happened": False,
    }


def test_every_code_fits():
    pattern = DEFINED["hazard"]["properties"]["code"]["pattern"]

    assert all(re.match(pattern, code) for code in OUTCOMES)


@pytest.mark.parametrize(
    ("where", "what"),
    [
        (("cell", "status"), "fine"),
        (("cell", "count"), "7"),
        (("changes", 0, "kind"), "changed"),
        (("changes", 0, "cause"), "magic"),
        (("changes", 0, "versions"), [1]),
        (("changes", 0, "surprise"), 1),
        (("changes", 0, "sites", 0, "line"), 0),
        (("tensors", 0, "span"), [0]),
        (("tensors", 0, "path"), ""),
        (("groups", 0, "members"), ["x"]),
        (("writes", 0, "times"), 0),
        (("schema",), 2),
        (("surprise",), 1),
    ],
)
def test_what_is_not_in_the_contract_does_not_fit(where: tuple, what: object):
    report = copy.deepcopy(full_report().to_dict())
    inside = report
    for step in where[:-1]:
        inside = inside[step]
    inside[where[-1]] = what

    assert len(faults(report)) == 1


@pytest.mark.parametrize("key", ["cell", "coverage", "writes"])
def test_a_key_that_is_missing_does_not_fit(key: str):
    report = full_report().to_dict()
    del report[key]

    assert len(faults(report)) == 1

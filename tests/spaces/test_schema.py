"""The JSON Schema of a spec, as editors find it."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from spaces.spec import json_schema

READY = Path(__file__).parents[2] / "spaces"
LINE = re.compile(r"# yaml-language-server: \$schema=(\S+)")


def test_the_schema_that_editors_read_is_that_of_the_code():
    """To mend it: afcl schema > spaces/spec.schema.json."""
    assert json.loads((READY / "spec.schema.json").read_text()) == json_schema()


@pytest.fixture(scope="module")
def validator():
    made = jsonschema.validators.validator_for(json_schema())
    made.check_schema(json_schema())
    return made(json_schema())


@pytest.mark.parametrize("spec", sorted(READY.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_ready_spec_names_its_schema_in_its_first_line(spec, validator):
    found = LINE.fullmatch(spec.read_text().splitlines()[0])
    assert found is not None
    assert (spec.parent / found[1]).resolve() == READY / "spec.schema.json"
    validator.validate(yaml.safe_load(spec.read_text()))

"""What the OpenAPI document says about the privacy policy, and about who is too young."""

from collections.abc import Mapping
from typing import Any

from shared.http.policies import LANGUAGE, MEDIA_TYPE
from shared.http.problems import PROBLEM_TYPES

type Json = dict[str, Any]


def from_age(requests: Mapping[str, Json], minimum_age: int) -> Json:
    """These schemas, those of details with the age below which nobody is registered."""
    return {
        name: _from_age(schema, minimum_age) if "customerAge" in schema["properties"] else schema
        for name, schema in requests.items()
    }


def _from_age(schema: Json, minimum_age: int) -> Json:
    description = f"In full years. Whoever is younger is refused: {PROBLEM_TYPES}too-young."
    age = {**schema["properties"]["customerAge"], "minimum": minimum_age, "description": description}
    return {**schema, "properties": {**schema["properties"], "customerAge": age}}


def reading_policy() -> Json:
    """The version that is in effect."""
    return _reading("get-privacy-policy", "Read the privacy policy that is in effect", [])


def reading_policy_version() -> Json:
    """One version."""
    day = {"type": "string", "format": "date"}
    description = "The day on which it takes effect."
    version = {"name": "version", "in": "path", "schema": day, "required": True, "description": description}
    return _reading("get-privacy-policy-version", "Read a version of the privacy policy", [version])


def _reading(operation: str, summary: str, parameters: list[Json]) -> Json:
    text: Json = {"schema": {"type": "string"}}
    links = "To the version in effect, and to those before and after: latest-, predecessor- and successor-version."
    headers = {
        "ETag": text,
        "Content-Language": {"schema": {"type": "string", "enum": [LANGUAGE]}},
        "Content-Location": {"description": "Of this version.", "schema": {"type": "string", "format": "uri"}},
        "Link": {**text, "description": links},
    }
    condition = {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}}
    return {
        "operationId": operation,
        "summary": summary,
        "parameters": [*parameters, condition],
        "responses": {
            "200": {"description": "The text, in Korean.", "headers": headers, "content": {MEDIA_TYPE: text}},
            "304": {"description": "The text is still as named by If-None-Match."},
        },
    }

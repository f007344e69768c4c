#!/usr/bin/env python3
"""openapi.py DOCUMENT LIST: are these answers that the document allows? LIST has a line an answer: path of the document,
status, content type, file with the body, with tabs between. Knows as much of JSON Schema as docs/openapi.json uses."""
import json
import sys

KINDS = {"object": dict, "array": list, "string": str, "integer": int, "null": type(None), "boolean": bool}


def check(doc, schema, value, at):
    if "$ref" in schema:
        node = doc
        for key in schema["$ref"].lstrip("#/").split("/"):
            node = node[key]
        return check(doc, node, value, at)
    if "oneOf" in schema:
        tried = [check(doc, one, value, at) for one in schema["oneOf"]]
        return [] if [] in tried else tried[0]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(type(value) is KINDS[k] for k in kinds):
        return [f"{at}: {value!r} is not {kinds}"]
    wrong = []
    if "enum" in schema and value not in schema["enum"]:
        return [f"{at}: {value!r} is none of {schema['enum']}"]
    if isinstance(value, list):
        for i, item in enumerate(value):
            wrong += check(doc, schema["items"], item, f"{at}[{i}]")
    if isinstance(value, dict):
        wrong += [f"{at}: {key} is missing" for key in schema.get("required", []) if key not in value]
        for key, item in value.items():
            if key in schema.get("properties", {}):
                wrong += check(doc, schema["properties"][key], item, f"{at}.{key}")
            elif isinstance(schema.get("additionalProperties"), dict):
                wrong += check(doc, schema["additionalProperties"], item, f"{at}.{key}")
            else:
                wrong.append(f"{at}: {key} is not documented")
    return wrong


def wrong_of(doc, path, status, kind, file):
    answer = doc["paths"][path]["get"]["responses"].get(status)
    if answer is None or kind.split(";")[0] not in answer["content"]:
        return [f"{status} with {kind} is not documented"]
    schema = answer["content"][kind.split(";")[0]].get("schema")
    with open(file, "rb") as body:
        return check(doc, schema, json.load(body), "$") if schema else []


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        doc = json.load(f)
    wrong = []
    with open(sys.argv[2], encoding="utf-8") as answers:
        for line in answers:
            path, status, kind, file = line.rstrip("\n").split("\t")
            wrong += [f"{path} {status} {file}: {what}" for what in wrong_of(doc, path, status, kind, file)]
    sys.exit("\n".join(wrong) or 0)


main()

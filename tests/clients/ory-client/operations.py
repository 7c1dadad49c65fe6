"""The list of operations, against the route table: nothing unlisted, nothing unexercised, nothing that is not served."""

import json
import re
import tomllib
from pathlib import Path

from checks import check
from sdk import exercised, options

METHODS = ("get", "post", "put", "patch", "delete")
LIST = Path(__file__).with_name("operations.toml")


def run() -> None:
    """Checks the list; call it when everything else has run."""
    entries = tomllib.loads(LIST.read_text())["operation"]
    listed = {(entry["listener"], entry["method"], entry["path"]): entry for entry in entries}
    served = {
        (listener, method.upper(), path)
        for listener, file in (("public", options.openapi_public), ("admin", options.openapi_admin))
        for path, operations in json.loads(Path(file).read_text())["paths"].items()
        for method in operations
        if method in METHODS
    }

    def each_is_listed() -> None:
        assert len(listed) == len(entries), "an operation is listed twice"
        assert not served - set(listed), "\n".join(show(one) for one in sorted(served - set(listed)))

    def each_is_served() -> None:
        assert not set(listed) - served, "\n".join(show(one) for one in sorted(set(listed) - served))

    def each_is_exercised() -> None:
        # What other suites drive says which; the node counts theirs, and `cargo xtask clients` reads it.
        # So it does of what can only be answered with a failure.
        driven = {one: entry for one, entry in listed.items() if "status" not in entry}
        ours = [one for one, entry in driven.items() if "ory-client" in entry.get("by", "ory-client")]
        missing = [one for one in ours if not any(matches(one, call) for call in exercised)]
        assert ours and not missing, "\n".join(show(one) for one in sorted(missing))

    check("operations: each that is served is listed", each_is_listed)
    check("operations: each that is listed is served", each_is_served)
    check("operations: each that is ours to drive was answered with success", each_is_exercised)


def matches(operation: tuple[str, str, str], call: tuple[str, str, str]) -> bool:
    pattern = re.sub(r"\\\{[^/]*?\\\}", "[^/]+", re.escape(operation[2]))
    return operation[:2] == call[:2] and re.fullmatch(pattern, call[2]) is not None


def show(operation: tuple[str, str, str]) -> str:
    return " ".join(operation)

"""Named checks: each one line of output; one that raises has failed."""

import os
import sys
import traceback
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_passed = 0
_failed: list[str] = []
_only = os.environ.get("ONLY", "")


def check(name: str, body: Callable[[], T]) -> T | None:
    """Runs one check. What it returns is returned, or nothing if it failed."""
    global _passed
    if _only not in name:
        return None
    try:
        value = body()
    except Exception as error:  # whatever it is, it is this check that failed
        _failed.append(name)
        lines = traceback.format_exception(error)
        print(f"FAILED  {name}\n        " + "".join(lines[-4:]).strip().replace("\n", "\n        "), flush=True)
        return None
    _passed += 1
    print(f"ok      {name}", flush=True)
    return value


def finish() -> None:
    """Prints the totals and ends the process."""
    print(f"{_passed} passed, {len(_failed)} failed")
    sys.exit(0 if _passed and not _failed else 1)

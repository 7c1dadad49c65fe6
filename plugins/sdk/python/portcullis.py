"""What plugins in Python are written with, beside the contract in wit_world."""

import copy
import functools
import json

from wit_world.imports import config

# Settings that an instance remembers: it serves one plugin with one set of settings for as long as it lives.
_REMEMBERED = 64


def setting(*keys: str):
    """The part of the settings that these keys lead to, or None.

    Keys are escaped (RFC 6901), so that one from outside cannot name another place.
    """
    value = _read("".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys))
    # What one call does with a list or a table, the next one does not see.
    return copy.deepcopy(value) if isinstance(value, (dict, list)) else value


@functools.lru_cache(maxsize=_REMEMBERED)
def _read(pointer: str):
    text = config.get(pointer)
    return None if text is None else json.loads(text)

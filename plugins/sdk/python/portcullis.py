"""What plugins in Python are written with, beside the contract in wit_world."""

import json

from wit_world.imports import config


def setting(*keys: str):
    """The part of the settings that these keys lead to, or None.

    Keys are escaped (RFC 6901), so that one from outside cannot name another place.
    """
    text = config.get("".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys))
    return None if text is None else json.loads(text)

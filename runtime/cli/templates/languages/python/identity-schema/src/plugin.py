"""Takes spaces off first names, and refuses those that the setting `reserved` lists."""

import json

from portcullis import setting
from wit_world import exports
from wit_world.exports.hook import Candidate, Verdict, Verdict_Invalid, Verdict_Valid
from wit_world.imports.types import CallContext


class Hook(exports.Hook):
    """The hook. An exception means that the traits are not written."""

    def validate(self, call: CallContext, candidate: Candidate) -> Verdict:
        traits = json.loads(candidate.traits)
        name = traits.get("name")
        typed = name.get("first") if isinstance(name, dict) else None
        if not isinstance(typed, str):
            return Verdict_Valid(None)
        first = typed.strip()
        if first.lower() in (setting("reserved") or []):
            return Verdict_Invalid([("traits.name.first", "This name is reserved.")])
        if first == typed:
            return Verdict_Valid(None)
        traits["name"]["first"] = first
        return Verdict_Valid(json.dumps(traits))

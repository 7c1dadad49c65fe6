"""Makes the bodies of webhooks: what happened, and to whom. Of people of the domain in the setting `ignored` none is sent.
"""

import json

from componentize_py_types import Err
from portcullis import setting
from wit_world import exports
from wit_world.exports.hook import (
    Output,
    TransformDecision,
    TransformDecision_Cancel,
    TransformDecision_Output,
    TransformRequest,
)
from wit_world.imports.types import CallContext, HookError


class Hook(exports.Hook):
    """The hook. An exception means that there is no document; `Err` says why to the operator."""

    def transform(self, call: CallContext, request: TransformRequest) -> TransformDecision:
        if request.place != "webhook-body":
            raise Err(HookError(f"no template for {request.place}", []))
        identity = json.loads(request.input)["ctx"]["identity"]
        email = identity["traits"]["email"]
        if email.rpartition("@")[2] == setting("ignored"):
            return TransformDecision_Cancel()
        document = {"event": request.template, "id": identity["id"], "email": email}
        return TransformDecision_Output(Output(json.dumps(document), []))

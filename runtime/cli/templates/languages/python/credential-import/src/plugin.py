"""Knows the passwords of an old shop again, each once: the server keeps a hash of its own from then on.

An administrator has made the accounts with what the shop's database had, as `scheme$salt$adler32$checksum`, and the
setting `scheme` says whose they are. The checksum stands for whatever the old system used: its algorithm belongs here.
"""

import hmac
import zlib

from componentize_py_types import Err
from portcullis import setting
from wit_world import exports
from wit_world.exports.hook import ImportAttempt, Verdict, Verdict_Correct, Verdict_Wrong
from wit_world.imports.types import CallContext, HookError

# A credential that nobody has, for calls that only take their time.
NOBODY = "-$0000$adler32$ffffffff"


class Hook(exports.Hook):
    """The hook. An exception means that nobody is signed in. Nothing that is logged here is kept: the calls carry
    passwords.
    """

    def verify(self, call: CallContext, attempt: ImportAttempt) -> Verdict:
        wanted = setting("scheme")
        parts = (attempt.credential or NOBODY).split("$")
        if len(parts) != 4 or parts[2] != "adler32":
            raise Err(HookError("a credential of another form", []))
        scheme, salt, _, checksum = parts
        # Computed in any case, so that the time tells nobody who has an account.
        computed = f"{zlib.adler32((salt + attempt.password).encode()):08x}"
        is_right = hmac.compare_digest(computed.encode(), checksum.encode())
        return Verdict_Correct() if is_right and scheme == wanted else Verdict_Wrong()

"""The checks of `../ory-client` about people, by the models of the client that is generated from this API's description alone.

    python main.py --public URL --admin URL --key-file FILE --openapi-public FILE --openapi-admin FILE --guests DIRECTORY

`cargo xtask clients kratos-client-python` starts a node and calls it so. ONLY=<text> runs the checks whose name contains it.
"""

import sys
from pathlib import Path

import ory_kratos_client
import ory_kratos_client.exceptions

# The checks name the merged SDK. Both have the same names, each its own models: what is imported of the one is the other's.
sys.modules["ory_client"] = ory_kratos_client
sys.modules["ory_client.exceptions"] = ory_kratos_client.exceptions
sys.path.insert(1, str(Path(__file__).parent.parent / "ory-client"))

import codes  # noqa: E402
import identities  # noqa: E402
import native  # noqa: E402
import recovery  # noqa: E402
import second_factors  # noqa: E402
import single_page  # noqa: E402
from checks import finish  # noqa: E402

native.run()
single_page.run()
recovery.run()
codes.run()
identities.run()
second_factors.run()
finish()

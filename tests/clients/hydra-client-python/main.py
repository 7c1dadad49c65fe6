"""The checks of `../ory-client` about clients, tokens, keys and challenges, by the models of the client that is generated from
this API's description alone.

    python main.py --public URL --admin URL --key-file FILE --openapi-public FILE --openapi-admin FILE --guests DIRECTORY

`cargo xtask clients hydra-client-python` starts a node and calls it so. ONLY=<text> runs the checks whose name contains it.
"""

import sys
from pathlib import Path

import ory_hydra_client
import ory_hydra_client.exceptions
import ory_kratos_client

# The checks name the merged SDK. Here its names are this client's; who signs in is made by the other's, which has those that
# this one lacks.
for ours, theirs in ((ory_hydra_client.models, ory_kratos_client.models), (ory_hydra_client, ory_kratos_client)):
    for name in dir(theirs):
        if not hasattr(ours, name):
            setattr(ours, name, getattr(theirs, name))
sys.modules["ory_client"] = ory_hydra_client
sys.modules["ory_client.exceptions"] = ory_hydra_client.exceptions
sys.path.insert(1, str(Path(__file__).parent.parent / "ory-client"))

import access  # noqa: E402
import applications  # noqa: E402
import challenges  # noqa: E402
import credentials  # noqa: E402
import key_sets  # noqa: E402
import registration  # noqa: E402
import sdk  # noqa: E402
from checks import finish  # noqa: E402

# The API that it was made for asks its operators for nothing; ours does.
for client in (sdk.admin, challenges.api.api_client):
    client.set_default_header("Authorization", f"Bearer {sdk.key}")

applications.run()
access.run()
registration.run()
key_sets.run()
challenges.run()
credentials.run()
finish()

"""Every flow and client operation through the official SDK, whose models parse each answer.

    python main.py --public URL --admin URL --key-file FILE --openapi-public FILE --openapi-admin FILE

`cargo xtask clients ory-client` starts a node and calls it so. ONLY=<text> runs the checks whose name contains it.
"""

import access
import applications
import challenges
import codes
import credentials
import described
import identities
import key_sets
import keys
import native
import operations
import own_api
import recovery
import refusals
import registration
import second_factors
import single_page
import tried_providers
from checks import finish

native.run()
single_page.run()
recovery.run()
codes.run()
identities.run()
second_factors.run()
keys.run()
applications.run()
access.run()
registration.run()
key_sets.run()
challenges.run()
credentials.run()
described.run()
refusals.run()
own_api.run()
tried_providers.run()
operations.run()
finish()

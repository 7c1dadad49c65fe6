"""Clients that register themselves."""

import ory_client
from checks import check
from ory_client import OAuth2Client
from sdk import Recorder, called, options, public, refused



def run() -> None:
    check("registration: a client registers, reads, changes and deletes itself", registers)
    check("registration: what only operators give is refused", refuses)


def api(token: str | None = None) -> ory_client.OidcApi:
    return ory_client.OidcApi(Recorder("public", options.public, token) if token else public)


def document(**more) -> OAuth2Client:
    return OAuth2Client(**({"client_name": "An app", "redirect_uris": ["https://app.example/cb"]} | more))


def registers() -> None:
    made = called(api().create_oidc_dynamic_client(o_auth2_client=document()))
    assert made.client_id and made.client_secret and made.registration_access_token
    assert made.registration_client_uri == f"{options.public}/oauth2/register/{made.client_id}"
    own = api(made.registration_access_token)
    found = called(own.get_oidc_dynamic_client(id=made.client_id))
    assert found.client_name == "An app" and not found.client_secret, "a secret is shown once"
    changed = called(own.set_oidc_dynamic_client(id=made.client_id, o_auth2_client=document(client_name="Renamed")))
    assert changed.client_name == "Renamed"
    other = called(api().create_oidc_dynamic_client(o_auth2_client=document()))
    refused(401, None, lambda: own.get_oidc_dynamic_client(id=other.client_id))
    own.delete_oidc_dynamic_client(id=made.client_id)
    refused(401, None, lambda: own.get_oidc_dynamic_client(id=made.client_id))


def refuses() -> None:
    for more in ({"skip_consent": True}, {"scope": "openid admin"}, {"grant_types": ["client_credentials"]}):
        refused(400, None, lambda more=more: api().create_oidc_dynamic_client(o_auth2_client=document(**more)))

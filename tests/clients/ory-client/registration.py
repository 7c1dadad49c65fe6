"""Clients that register themselves, and issuers whose assertions are taken for grants."""

from datetime import UTC, datetime, timedelta

import ory_client
from checks import check
from ory_client import JsonWebKey, OAuth2Client, TrustOAuth2JwtGrantIssuer
from sdk import Recorder, admin, called, options, public, refused

trust = ory_client.OAuth2Api(admin)
ISSUER = "https://jwt-idp.example"


def run() -> None:
    check("registration: a client registers, reads, changes and deletes itself", registers)
    check("registration: what only operators give is refused", refuses)
    check("trust: an issuer is trusted, listed, shown and deleted", trusts)


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


def trusts() -> None:
    # The public key of RFC 8037 appendix A.2.
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    jwk = JsonWebKey(kid="k", kty="OKP", crv="Ed25519", alg="EdDSA", use="sig", x=x)
    body = TrustOAuth2JwtGrantIssuer(
        issuer=ISSUER, subject="mike@example.com", scope=["api:read"], jwk=jwk, expires_at=datetime.now(UTC) + timedelta(days=1)
    )
    made = called(trust.trust_o_auth2_jwt_grant_issuer(trust_o_auth2_jwt_grant_issuer=body))
    assert (made.issuer, made.subject, made.public_key.kid) == (ISSUER, "mike@example.com", "k")
    refused(409, None, lambda: trust.trust_o_auth2_jwt_grant_issuer(trust_o_auth2_jwt_grant_issuer=body))
    listed = trust.list_trusted_o_auth2_jwt_grant_issuers(issuer=ISSUER)
    assert [one.id for one in listed] == [made.id]
    assert called(trust.get_trusted_o_auth2_jwt_grant_issuer(id=made.id)).scope == ["api:read"]

    trust.delete_trusted_o_auth2_jwt_grant_issuer(id=made.id)
    refused(404, None, lambda: trust.get_trusted_o_auth2_jwt_grant_issuer(id=made.id))

"""What a wallet gets that asks for a credential without a proof, by the SDK. Those with one are asked for in `openid-client`."""

import challenges
import ory_client
from checks import check
from ory_client import (
    AcceptOAuth2ConsentRequestSession,
    CreateVerifiableCredentialRequestBody,
    VerifiableCredentialPrimingResponse,
    VerifiableCredentialProof,
)
from sdk import Recorder, options, refused

SCOPE = "openid userinfo_credential_draft_00"
oidc = ory_client.OidcApi(Recorder("public", f"{options.public}{challenges.TENANT}"))


def run() -> None:
    check("credentials: who brings no proof, or one that is none, is given a nonce", primes)


def primes() -> None:
    app = challenges.App(scope=SCOPE)
    at = app.sign_in(app.begin(scope=SCOPE), subject="wallet|1")
    at = app.consent(at, grant_scope=SCOPE.split(), session=AcceptOAuth2ConsentRequestSession())
    tokens = app.redeem(at)
    assert tokens["c_nonce_expires_in_draft_00"] == 600 and tokens["c_nonce_draft_00"], tokens
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    for proof in (None, VerifiableCredentialProof(proof_type="jwt", jwt="no.proof.")):
        asked = CreateVerifiableCredentialRequestBody(
            format="jwt_vc_json", types=["VerifiableCredential", "UserInfoCredential"], proof=proof
        )
        primed = refused(
            400,
            VerifiableCredentialPrimingResponse,
            lambda asked=asked: oidc.create_verifiable_credential(asked, _headers=headers),
        )
        assert primed.error == "invalid_or_missing_proof" and primed.status_code == 400, primed
        assert primed.c_nonce and primed.c_nonce != tokens["c_nonce_draft_00"], primed
        assert (primed.format, primed.c_nonce_expires_in) == ("jwt_vc_json", 600), primed

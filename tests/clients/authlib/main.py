"""The provider as Authlib sees it: a second opinion by a library of another family.

    python main.py --issuer URL --registration URL --key-file FILE --identifier NAME --password-file FILE [--stand-in]

`cargo xtask clients authlib` starts a provider and calls it so. ONLY=<text> runs the checks whose name contains it.
"""

import argparse
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

# The library refuses plain http unless it is told that this is a test on loopback.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

import authlib.deprecate  # noqa: F401, it turns its warnings on when it is imported

warnings.filterwarnings("ignore", message="The httpx module is deprecated")

import httpx
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import get_well_known_url
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata
from browser import Browser
from checks import check, finish
from joserfc import jwe, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

REDIRECT_URI = "http://127.0.0.1:4999/callback"
LOGGED_OUT_URI = "http://127.0.0.1:4999/logged-out"

parser = argparse.ArgumentParser()
for name in ("issuer", "registration", "key-file", "identifier", "password-file"):
    parser.add_argument(f"--{name}", required=True)
parser.add_argument("--stand-in", action="store_true", help="the provider is oidc-provider")
# The issuer without grace is for the other suite.
options, _ = parser.parse_known_args()
key = Path(options.key_file).read_text().strip()
password = Path(options.password_file).read_text().strip()

metadata = httpx.get(f"{options.issuer}/.well-known/openid-configuration").raise_for_status().json()
jwks = KeySet.import_key_set(httpx.get(metadata["jwks_uri"]).raise_for_status().json())


def register(**document: object) -> dict:
    """Makes a client at the provider and returns its document, with its secret."""
    web_app = {
        "client_name": "Reports",
        "redirect_uris": [REDIRECT_URI],
        "post_logout_redirect_uris": [LOGGED_OUT_URI],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": "openid offline_access email api:read",
        "token_endpoint_auth_method": "client_secret_basic",
    }
    answer = httpx.post(options.registration, headers={"authorization": f"Bearer {key}"}, json=web_app | document)
    assert answer.status_code == 201, answer.text
    return answer.json()


def session(client: dict, private_key: ECKey | RSAKey | None = None, alg: str = "ES256", **more: object) -> OAuth2Client:
    """The library's own session for a client."""
    made = OAuth2Client(
        client["client_id"],
        private_key or client.get("client_secret"),
        token_endpoint_auth_method=client["token_endpoint_auth_method"],
        redirect_uri=REDIRECT_URI,
        scope="openid email",
        code_challenge_method="S256",
        **more,
    )
    if private_key:
        headers = {"kid": private_key.kid}
        made.register_client_auth_method(PrivateKeyJWT(metadata["token_endpoint"], headers=headers, alg=alg))
    return made


def sign_in(
    app: OAuth2Client, browser: Browser | None = None, read: Callable[[str], str] = str, **more: str
) -> tuple[dict, CodeIDToken]:
    """Signs in and returns the tokens with the verified claims; `read` opens an ID token that is encrypted."""
    nonce, verifier = generate_token(), generate_token(64)
    url, state = app.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce, **more
    )
    end = (browser or Browser()).authorize(url, REDIRECT_URI, options.identifier, password)
    said = parse_qs(urlsplit(end).query)
    assert said.get("iss") == [options.issuer], end
    tokens = app.fetch_token(
        metadata["token_endpoint"], authorization_response=end, state=state, code_verifier=verifier
    )
    return tokens, verified(app, {**tokens, "id_token": read(tokens["id_token"])}, nonce)


def verified(app: OAuth2Client, tokens: dict, nonce: str | None) -> CodeIDToken:
    """Verifies an ID token as the library does for its web frameworks."""
    token = jwt.decode(tokens["id_token"], jwks, algorithms=metadata["id_token_signing_alg_values_supported"])
    wanted = {
        "iss": {"essential": True, "value": options.issuer},
        "aud": {"essential": True, "value": app.client_id},
    }
    params = {"nonce": nonce, "client_id": app.client_id, "access_token": tokens["access_token"]}
    claims = CodeIDToken(token.claims, token.header, wanted, params)
    claims.validate(leeway=5)
    return claims


def refused(code: str, body) -> None:
    """Expects an OAuth error with this code."""
    try:
        body()
    except OAuthError as error:
        assert error.error == code, f"expected {code}, got {error}"
        return
    raise AssertionError(f"expected {code}, but it was accepted")


def introspect(app: OAuth2Client, token: str) -> dict:
    return app.introspect_token(metadata["introspection_endpoint"], token=token).raise_for_status().json()


def keys_of(alg: str) -> tuple[ECKey | RSAKey, dict]:
    parameters = {"alg": alg, "use": "sig", "kid": generate_token()}
    made = ECKey.generate_key("P-256", parameters) if alg == "ES256" else RSAKey.generate_key(2048, parameters)
    return made, {"keys": [made.as_dict(private=False)]}


def discovery() -> None:
    assert metadata["issuer"] == options.issuer
    document = OpenIDProviderMetadata(metadata)
    # Its own rule that everything is https cannot hold on loopback; each of its other rules is applied.
    # The stand-in signs with the one key that it was given.
    accepted = ("https", "RS256") if options.stand_in else ("https",)
    for claim in document.REGISTRY_KEYS:
        try:
            getattr(document, f"validate_{claim}", lambda: None)()
        except ValueError as error:
            assert any(word in str(error) for word in accepted), error


def path_form() -> None:
    url = get_well_known_url(options.issuer, external=True, suffix="oauth-authorization-server")
    assert httpx.get(url).raise_for_status().json()["issuer"] == options.issuer


def signs_in(method: str) -> None:
    private_key, own = None, {}
    if method == "private_key_jwt":
        private_key, public = keys_of("ES256")
        own = {"jwks": public, "token_endpoint_auth_signing_alg": "ES256"}
    app = session(register(token_endpoint_auth_method=method, **own), private_key)
    tokens, claims = sign_in(app)
    assert claims["aud"] in (app.client_id, [app.client_id])
    assert abs(claims["iat"] - time.time()) < 60
    info = app.get(metadata["userinfo_endpoint"]).raise_for_status().json()
    assert info["sub"] == claims["sub"] and info["email"].startswith(options.identifier)
    assert tokens["expires_in"] > 0


def job(method: str, alg: str = "ES256") -> None:
    private_key, own = None, {}
    if method == "private_key_jwt":
        private_key, public = keys_of(alg)
        own = {"jwks": public, "token_endpoint_auth_signing_alg": alg}
    document = {"redirect_uris": [], "response_types": [], "grant_types": ["client_credentials"], "scope": "api:read"}
    client = register(**document, token_endpoint_auth_method=method, **own)
    app = session(client, private_key, alg)
    tokens = app.fetch_token(metadata["token_endpoint"], grant_type="client_credentials", scope="api:read")
    assert tokens["token_type"].lower() == "bearer" and "refresh_token" not in tokens
    assert introspect(app, tokens["access_token"])["active"] is True
    if private_key is None:
        stranger = session(client | {"client_secret": "x" * 40})
        ask = {"grant_type": "client_credentials", "scope": "api:read"}
        refused("invalid_client", lambda: stranger.fetch_token(metadata["token_endpoint"], **ask))


def encrypts(alg: str, enc: str) -> None:
    """What is told to the app alone: the first of its keys that is for encryption is taken, and nothing else reads it."""

    def recipient() -> ECKey | RSAKey:
        parameters = {"alg": alg, "use": "enc", "kid": generate_token()}
        return RSAKey.generate_key(2048, parameters) if alg.startswith("RSA") else ECKey.generate_key("P-256", parameters)

    own, stranger = recipient(), recipient()
    _, signing = keys_of("ES256")
    wanted = {}
    for kind in ("id_token", "userinfo"):
        wanted |= {f"{kind}_encrypted_response_alg": alg, f"{kind}_encrypted_response_enc": enc}
    public = {"keys": [*signing["keys"], own.as_dict(private=False)]}
    app = session(register(jwks=public, userinfo_signed_response_alg="ES256", **wanted))

    def read(text: str) -> str:
        sealed = jwe.decrypt_compact(text, own, algorithms=[alg, enc])
        header = sealed.headers()
        assert (header["alg"], header["enc"], header["cty"], header["kid"]) == (alg, enc, "JWT", own.kid), header
        try:
            jwe.decrypt_compact(text, stranger, algorithms=[alg, enc])
        except JoseError:
            return sealed.plaintext.decode()
        raise AssertionError("another key has read it")

    _, claims = sign_in(app, read=read)
    told = app.get(metadata["userinfo_endpoint"]).raise_for_status()
    assert told.headers["content-type"] == "application/jwt", told.headers
    info = jwt.decode(read(told.text), jwks, algorithms=["ES256"]).claims
    assert (info["iss"], info["aud"], info["sub"]) == (options.issuer, app.client_id, claims["sub"]), info
    assert info["email"] == options.identifier and "exp" not in info, info


def refreshes() -> None:
    app = session(register())
    tokens, claims = sign_in(app, scope="openid offline_access email", prompt="consent")
    first = tokens["refresh_token"]
    renewed = app.refresh_token(metadata["token_endpoint"], refresh_token=first)
    assert renewed["refresh_token"] != first
    assert verified(app, renewed, None)["sub"] == claims["sub"]
    assert introspect(app, renewed["access_token"])["scope"].split().count("email") == 1


def code_once() -> None:
    app = session(register())
    verifier = generate_token(64)
    url, state = app.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier)
    end = Browser().authorize(url, REDIRECT_URI, options.identifier, password)
    redeem = {"authorization_response": end, "state": state, "code_verifier": verifier}
    tokens = app.fetch_token(metadata["token_endpoint"], **redeem)
    refused("invalid_grant", lambda: app.fetch_token(metadata["token_endpoint"], **redeem))
    assert introspect(app, tokens["access_token"]) == {"active": False}


def revokes() -> None:
    app = session(register())
    tokens, _ = sign_in(app, scope="openid offline_access", prompt="consent")
    answer = app.revoke_token(metadata["revocation_endpoint"], tokens["refresh_token"], token_type_hint="refresh_token")
    assert answer.status_code == 200, answer.text
    assert introspect(app, tokens["access_token"])["active"] is False
    again = {"refresh_token": tokens["refresh_token"]}
    refused("invalid_grant", lambda: app.refresh_token(metadata["token_endpoint"], **again))


def logs_out() -> None:
    app, browser = session(register()), Browser()
    tokens, _ = sign_in(app, browser)
    url = httpx.URL(metadata["end_session_endpoint"]).copy_merge_params(
        {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": LOGGED_OUT_URI, "state": "back"}
    )
    page = browser.open(str(url), LOGGED_OUT_URI)
    for _ in range(3):
        if page.arrived or not page.forms:
            break
        page = browser.submit(page.forms[0], {}, until=LOGGED_OUT_URI)
    assert page.url == f"{LOGGED_OUT_URI}?state=back", page.url
    url, _ = app.create_authorization_url(metadata["authorization_endpoint"], code_verifier="v" * 43, prompt="none")
    assert "error=login_required" in browser.open(url, REDIRECT_URI).url


check("the discovery document is well formed", discovery)
if not options.stand_in:
    check("the discovery document is found in the form of RFC 8414", path_form)
for method in ("client_secret_basic", "client_secret_post", "private_key_jwt", "none"):
    check(f"a person signs in to an app with {method}", lambda: signs_in(method))
for method in ("client_secret_basic", "client_secret_post"):
    check(f"client_credentials with {method}", lambda: job(method))
for alg in ("ES256", "RS256"):
    check(f"client_credentials with private_key_jwt, {alg}", lambda: job("private_key_jwt", alg))
if not options.stand_in:
    for alg, enc in (("RSA-OAEP-256", "A256GCM"), ("ECDH-ES", "A128CBC-HS256")):
        check(f"an ID token and userinfo are the app's alone to read, {alg} with {enc}", lambda: encrypts(alg, enc))
check("a code is redeemed once, and its tokens die with the second try", code_once)
check("a refresh token is rotated", refreshes)
check("a revoked refresh token takes its family along", revokes)
check("an app signs a person out", logs_out)
finish()

"""Everything that the description of the Hydra API has: each operation with its refusal, and whole documents."""

import secrets
import time
from urllib.parse import urlencode

import challenges
import httpx
from access import App as Granted
from access import person
from checks import check
from ory_client import AcceptOAuth2ConsentRequestSession
from sdk import key, options, record

#: A grant's lifespans, as the API names them.
LIFESPANS = (
    "authorization_code_grant_access_token", "authorization_code_grant_id_token", "authorization_code_grant_refresh_token",
    "client_credentials_grant_access_token", "device_authorization_grant_access_token", "device_authorization_grant_id_token",
    "device_authorization_grant_refresh_token", "implicit_grant_access_token", "implicit_grant_id_token",
    "jwt_bearer_grant_access_token", "refresh_token_grant_access_token", "refresh_token_grant_id_token",
    "refresh_token_grant_refresh_token",
)  # fmt: skip
#: The public key of RFC 8037 appendix A.2.
KEY = {"kid": "k", "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
#: Everything that a person may be said to be (OpenID Connect Core section 5.1).
PERSON = {
    "name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace", "middle_name": "King", "nickname": "ada",
    "preferred_username": "ada", "profile": "https://a.example", "picture": "https://a.example/p", "website": "https://a.example/w",
    "email": "ada@a.example", "email_verified": True, "gender": "female", "birthdate": "1815-12-10", "zoneinfo": "Europe/London",
    "locale": "en", "phone_number": "+441", "phone_number_verified": False, "updated_at": 1,
}  # fmt: skip
OIDC = "urn:ietf:params:oauth:grant-type:device_code"


def run() -> None:
    check("described: operators' operations are refused without a key", without_key)
    check("described: public operations are refused for what is wrong", wrong)
    check("described: a client with everything, by each operation that answers with one", clients)
    check("described: a client that registered itself, with everything", registered)
    check("described: what is trusted, with everything", trusted)
    check("described: key sets of each kind", key_sets)
    check("described: challenges, with everything", asked)
    check("described: what somebody granted, and who they are, with everything", granted)


def call(base: str, method: str, path: str, *, token: str | None = key, **more) -> httpx.Response:
    headers = {"accept": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    answer = httpx.request(method, getattr(options, base) + path, headers=headers, timeout=30, **more)
    record(base, method, path.split("?")[0], answer.status_code)
    return answer


def operated(method: str, path: str, status: int = 200, **more) -> httpx.Response:
    answer = call("admin", method, path, **more)
    assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer


def without_key() -> None:
    requests = "/admin/oauth2/auth/requests"
    for method, path in (
        ("GET", "/admin/clients"), ("POST", "/admin/clients"), ("DELETE", "/admin/clients/c"), ("GET", "/admin/clients/c"),
        ("PATCH", "/admin/clients/c"), ("PUT", "/admin/clients/c"), ("PUT", "/admin/clients/c/lifespans"),
        ("DELETE", "/admin/clients/c/secrets/rotate"), ("POST", "/admin/clients/c/secrets/rotate"),
        ("DELETE", "/admin/keys/s"), ("GET", "/admin/keys/s"), ("POST", "/admin/keys/s"), ("PUT", "/admin/keys/s"),
        ("DELETE", "/admin/keys/s/k"), ("GET", "/admin/keys/s/k"), ("PUT", "/admin/keys/s/k"),
        ("GET", f"{requests}/consent"), ("PUT", f"{requests}/consent/accept"), ("PUT", f"{requests}/consent/reject"),
        ("PUT", f"{requests}/device/accept"), ("GET", f"{requests}/login"), ("PUT", f"{requests}/login/accept"),
        ("PUT", f"{requests}/login/reject"), ("GET", f"{requests}/logout"), ("PUT", f"{requests}/logout/accept"),
        ("PUT", f"{requests}/logout/reject"), ("DELETE", "/admin/oauth2/auth/sessions/consent"),
        ("GET", "/admin/oauth2/auth/sessions/consent"), ("DELETE", "/admin/oauth2/auth/sessions/login"),
        ("POST", "/admin/oauth2/introspect"), ("DELETE", "/admin/oauth2/tokens"),
        ("GET", "/admin/trust/grants/jwt-bearer/issuers"), ("POST", "/admin/trust/grants/jwt-bearer/issuers"),
        ("DELETE", "/admin/trust/grants/jwt-bearer/issuers/i"), ("GET", "/admin/trust/grants/jwt-bearer/issuers/i"),
    ):  # fmt: skip
        answer = call("admin", method, path, token=None)
        assert answer.status_code == 401 and answer.json()["status_code"] == 401, f"{method} {path}: {answer.text}"


def wrong() -> None:
    for method, path, more in (
        ("POST", "/oauth2/token", {"data": {"grant_type": "client_credentials"}}),
        ("POST", "/oauth2/revoke", {"data": {"token": "x"}}),
        ("POST", "/oauth2/device/auth", {"data": {"client_id": "nobody"}}),
        ("POST", "/oauth2/register", {"json": {"redirect_uris": ["not a uri"]}}),
        ("GET", "/oauth2/register/c", {}),
        ("PUT", "/oauth2/register/c", {"json": {}}),
        ("DELETE", "/oauth2/register/c", {}),
        ("GET", "/userinfo", {}),
        ("POST", "/credentials", {"json": {}}),
        ("GET", "/oauth2/auth?client_id=nobody", {}),
        ("GET", "/oauth2/sessions/logout?id_token_hint=x", {}),
    ):
        base = challenges.TENANT if path == "/credentials" else ""
        answer = call("public", method, base + path, token=None, **more)
        assert 400 <= answer.status_code < 500, f"{method} {path}: {answer.status_code} {answer.text}"


def everything() -> dict:
    return {
        "client_name": "Everything", "client_uri": "https://app.example", "logo_uri": "https://app.example/logo",
        "policy_uri": "https://app.example/policy", "tos_uri": "https://app.example/tos", "contacts": ["a@app.example"],
        "redirect_uris": ["https://app.example/cb"], "post_logout_redirect_uris": ["https://app.example/bye"],
        "request_uris": ["https://app.example/request"], "allowed_cors_origins": ["https://app.example"],
        "audience": ["https://api.example"], "scope": "openid offline_access api:read",
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"], "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_basic", "request_object_signing_alg": "EdDSA",
        "userinfo_signed_response_alg": "none", "subject_type": "public",
        "backchannel_logout_uri": "https://app.example/out", "backchannel_logout_session_required": True,
        "frontchannel_logout_uri": "https://app.example/front", "frontchannel_logout_session_required": True,
        "jwks": {"keys": [KEY]}, "metadata": {"team": "ops"}, "owner": "ops", "access_token_strategy": "opaque",
        "skip_consent": True, "skip_logout_consent": True,
    } | {f"{name}_lifespan": "5m0s" for name in LIFESPANS}  # fmt: skip


def clients() -> None:
    document = everything()
    made = operated("POST", "/admin/clients", 201, json=document).json()
    missing = {name for name, value in document.items() if made.get(name) != value}
    assert not missing, {name: made.get(name) for name in missing}
    path = f"/admin/clients/{made['client_id']}"
    secret = {"client_secret": "a secret that a person chose 42"}
    by = [
        operated("GET", path).json(),
        operated("PUT", path, json=document | secret).json(),
        operated("PATCH", path, json=[{"op": "replace", "path": "/owner", "value": "ops"}]).json(),
        operated("PUT", f"{path}/lifespans", json={f"{name}_lifespan": "5m0s" for name in LIFESPANS}).json(),
        operated("POST", f"{path}/secrets/rotate").json(),
        operated("DELETE", f"{path}/secrets/rotate").json(),
        *operated("GET", f"/admin/clients?client_name={made['client_name']}").json(),
    ]
    for shown in by:
        missing = {name for name, value in document.items() if shown.get(name) != value}
        assert not missing, {name: shown.get(name) for name in missing}
    # One that is of another kind has what this one cannot have.
    other = {
        "redirect_uris": ["https://other.example/cb"], "grant_types": ["authorization_code"], "response_types": ["code"],
        "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "EdDSA",
        "jwks_uri": "https://other.example/jwks", "scope": "openid",
    }  # fmt: skip
    made = operated("POST", "/admin/clients", 201, json=other).json()
    path = f"/admin/clients/{made['client_id']}"
    operated("GET", path)
    operated("PUT", path, json=other)
    operated("PATCH", path, json=[{"op": "replace", "path": "/client_name", "value": "Other"}])
    operated("PUT", f"{path}/lifespans", json={})
    operated("GET", "/admin/clients?client_name=Other")
    nobody = "/admin/clients/nobody"
    operated("PATCH", nobody, 404, json=[{"op": "replace", "path": "/owner", "value": "ops"}])
    operated("PUT", nobody, 404, json=document)
    operated("PUT", path, 400, json={"redirect_uris": ["not a uri"]})
    for method in ("POST", "DELETE"):
        operated(method, f"{nobody}/secrets/rotate", 404)
    operated("POST", "/admin/clients", 400, json={"redirect_uris": ["not a uri"]})


def registered() -> None:
    asked = {
        "client_name": "Registered", "client_uri": "https://app.example", "logo_uri": "https://app.example/logo",
        "policy_uri": "https://app.example/policy", "tos_uri": "https://app.example/tos", "contacts": ["a@app.example"],
        "redirect_uris": ["https://app.example/cb"], "post_logout_redirect_uris": ["https://app.example/bye"],
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_basic", "jwks": {"keys": [KEY]},
        "request_object_signing_alg": "EdDSA", "userinfo_signed_response_alg": "none", "subject_type": "public",
        "backchannel_logout_uri": "https://app.example/out", "backchannel_logout_session_required": True,
        "frontchannel_logout_uri": "https://app.example/front", "frontchannel_logout_session_required": True,
        "scope": "openid offline_access",
    }  # fmt: skip
    other = {
        "redirect_uris": ["https://other.example/cb"], "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "EdDSA", "jwks_uri": "https://other.example/jwks",
    }  # fmt: skip
    for document in (asked, other):
        answer = call("public", "POST", "/oauth2/register", token=None, json=document)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        missing = {name: made.get(name) for name, value in document.items() if made.get(name) != value}
        assert not missing, missing
        path, token = f"/oauth2/register/{made['client_id']}", made["registration_access_token"]
        for method, more in (("GET", {}), ("PUT", {"json": document})):
            shown = call("public", method, path, token=token, **more)
            assert shown.status_code == 200, shown.text
            token = shown.json().get("registration_access_token", token)


def trusted() -> None:
    issuers = "/admin/trust/grants/jwt-bearer/issuers"
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400))
    common = {"issuer": "https://whole.example", "scope": ["api:read"], "jwk": KEY, "expires_at": expires}
    for more in ({"subject": "mike"}, {"allow_any_subject": True}):
        made = operated("POST", issuers, 201, json=common | more).json()
        operated("GET", f"{issuers}/{made['id']}")
        operated("GET", f"{issuers}?issuer=https://whole.example")
        operated("DELETE", f"{issuers}/{made['id']}", 204)
    operated("GET", f"{issuers}/{made['id']}", 404)


def key_sets() -> None:
    sets = "/admin/keys/whole"
    keys = []
    for alg in ("ES256", "EdDSA", "RS256", "HS512"):
        made = operated("POST", sets, 201, json={"alg": alg, "use": "sig", "kid": alg}).json()["keys"]
        operated("GET", f"{sets}/{alg}")
        operated("PUT", f"{sets}/{alg}", json=made[0])
        keys += made
    operated("GET", sets)
    operated("PUT", sets, json={"keys": keys})
    operated("DELETE", f"{sets}/EdDSA", 204)
    operated("GET", f"{sets}/EdDSA", 404)
    operated("DELETE", sets, 204)
    operated("GET", sets, 404)


def asked() -> None:
    """Of the tenant whose pages are apps: what they are told, with everything that a request can bring."""
    app = challenges.App()
    operated("PATCH", f"{challenges.TENANT}/admin/clients/{app.client.client_id}",
             json=[{"op": "add", "path": "/audience", "value": ["https://api.example"]}])  # fmt: skip
    requests = f"{challenges.TENANT}/admin/oauth2/auth/requests"
    more = {
        "audience": "https://api.example", "acr_values": "gold", "display": "page", "login_hint": "ada", "ui_locales": "en de",
        "nonce": secrets.token_urlsafe(16),
    }  # fmt: skip
    at = app.begin(**more)
    operated("GET", f"{requests}/login?{urlencode({'login_challenge': challenges.parameter(at, 'login_challenge')})}")
    at = app.sign_in(at, subject="whole", remember=True, remember_for=600, acr="gold", amr=["otp"], context={"desk": 3})
    consent = challenges.parameter(at, "consent_challenge")
    operated("GET", f"{requests}/consent?{urlencode({'consent_challenge': consent})}")
    session = AcceptOAuth2ConsentRequestSession(access_token={"floor": 3}, id_token=PERSON)
    audience = ["https://api.example"]
    scope = ["openid", "email"]
    at = app.consent(at, grant_scope=scope, session=session, remember=True, remember_for=600, grant_access_token_audience=audience)
    tokens = app.redeem(at)
    told = call("public", "GET", f"{challenges.TENANT}/userinfo", token=tokens["access_token"]).json()
    assert told == PERSON | {"sub": "whole"}, told
    introspected = operated("POST", f"{challenges.TENANT}/admin/oauth2/introspect", data={"token": tokens["access_token"]}).json()
    assert introspected["aud"] == audience and introspected["ext"] == {"floor": 3}, introspected
    [listed] = operated("GET", f"{challenges.TENANT}/admin/oauth2/auth/sessions/consent?subject=whole").json()
    assert listed["grant_access_token_audience"] == audience, listed
    # Whoever is remembered is named, with the hint that says who they are; and is gone when it was answered.
    at = app.begin(**more, id_token_hint=tokens["id_token"])
    challenge = urlencode({"login_challenge": challenges.parameter(at, "login_challenge")})
    shown = operated("GET", f"{requests}/login?{challenge}").json()
    assert shown["session_id"] and shown["oidc_context"]["id_token_hint_claims"]["sub"] == "whole", shown
    operated("GET", f"{requests}/consent?{urlencode({'consent_challenge': consent})}", 410)
    url = f"{options.public}{challenges.TENANT}/oauth2/sessions/logout?{urlencode({'client_id': app.client.client_id})}"
    challenge = urlencode({"logout_challenge": challenges.parameter(app.open(url), "logout_challenge")})
    operated("GET", f"{requests}/logout?{challenge}")


def granted() -> None:
    """Of the tenant's own people: each member of the answer of the token endpoint, and of a refresh token's introspection."""
    (email, subject), app = person(), Granted()
    tokens = app.let_in(email)
    for token in (tokens["access_token"], tokens["refresh_token"]):
        assert operated("POST", "/admin/oauth2/introspect", data={"token": token}).json()["active"]
    operated("GET", f"/admin/oauth2/auth/sessions/consent?subject={subject}")
    device = operated("POST", "/admin/clients", 201, json={
        "redirect_uris": [], "grant_types": [OIDC], "response_types": [], "scope": "openid", "token_endpoint_auth_method": "none"
    }).json()  # fmt: skip
    begun = call("public", "POST", "/oauth2/device/auth", token=None, data={"client_id": device["client_id"], "scope": "openid"})
    assert begun.status_code == 200, begun.text

"""Apps of a tenant's own sign people in, ask for consent, sign out and take devices' codes, by the SDK."""

import base64
import hashlib
import secrets
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import ory_client
from browser import Browser
from checks import check
from ory_client import (
    AcceptDeviceUserCodeRequest,
    AcceptOAuth2ConsentRequest,
    AcceptOAuth2ConsentRequestSession,
    AcceptOAuth2LoginRequest,
    ErrorOAuth2,
    RejectOAuth2Request,
)
from ory_client.exceptions import ApiException
from sdk import Recorder, called, key, options, record, refused

TENANT = "/t/apps"
APPS = "http://127.0.0.1/"
CALLBACK = "http://127.0.0.1/callback"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"

api = ory_client.OAuth2Api(Recorder("admin", f"{options.admin}{TENANT}", key))


def run() -> None:
    check("apps: a login and a consent app let somebody in whom only they know", signs_in)
    check("apps: whoever is remembered may skip", skips)
    check("apps: what they refuse is told to the client", refuses)
    check("apps: a challenge that was answered, or is none, is told of", answered)
    check("apps: a logout app signs somebody out", signs_out)
    check("apps: a device's code is taken by an app", device)
    check("apps: pages stand where Hydra has its own", fallbacks)


class App:
    """A client of the tenant, and somebody's browser."""

    def __init__(self, scope: str = "openid offline_access email") -> None:
        document = ory_client.OAuth2Client(
            grant_types=["authorization_code", "refresh_token", DEVICE],
            response_types=["code"],
            scope=scope,
            redirect_uris=[CALLBACK],
            post_logout_redirect_uris=[f"{CALLBACK}/bye"],
        )
        self.client = called(api.create_o_auth2_client(document))
        self.browser = Browser()
        self.verifier = secrets.token_urlsafe(32)

    def begin(self, **more: str) -> str:
        """Begins an authorization; where the browser ends up outside of the tenant."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": CALLBACK,
            "scope": "openid email",
            "state": secrets.token_urlsafe(16),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return self.open(f"{options.public}{TENANT}/oauth2/auth?{urlencode(asked | more)}")

    def open(self, url: str) -> str:
        page = self.browser.open(url, APPS)
        assert page.arrived, f"{page.status} at {page.url}: {page.html[:400]}"
        return page.url

    def sign_in(self, at: str, **answer) -> str:
        accepted = called(
            api.accept_o_auth2_login_request(parameter(at, "login_challenge"), AcceptOAuth2LoginRequest(**answer))
        )
        return self.open(accepted.redirect_to)

    def consent(self, at: str, **answer) -> str:
        accepted = called(
            api.accept_o_auth2_consent_request(
                parameter(at, "consent_challenge"), accept_o_auth2_consent_request=AcceptOAuth2ConsentRequest(**answer)
            )
        )
        return self.open(accepted.redirect_to)

    def redeem(self, at: str) -> dict:
        form = {
            "grant_type": "authorization_code",
            "code": parameter(at, "code"),
            "redirect_uri": CALLBACK,
            "code_verifier": self.verifier,
        }
        return self.token(form)

    def token(self, form: dict) -> dict:
        auth = (self.client.client_id, self.client.client_secret)
        answer = httpx.post(f"{options.public}{TENANT}/oauth2/token", data=form, auth=auth)
        record("public", "POST", f"{TENANT}/oauth2/token", answer.status_code)
        assert answer.status_code == 200, answer.text
        return answer.json()


def parameter(url: str, name: str) -> str:
    values = parse_qs(urlsplit(url).query).get(name)
    assert values, f"no {name} in {url}"
    return values[0]


def signs_in() -> None:
    app = App()
    at = app.begin(login_hint="ada", brand="own")
    assert at.startswith(f"{APPS}login?"), at
    asked = called(api.get_o_auth2_login_request(parameter(at, "login_challenge")))
    assert (asked.skip, asked.subject, asked.requested_scope) == (False, "", ["openid", "email"])
    assert (asked.oidc_context.login_hint, asked.client.client_id) == ("ada", app.client.client_id)
    assert parameter(asked.request_url, "brand") == "own"
    at = app.sign_in(at, subject="crm|7", acr="gold", amr=["otp"], context={"desk": 3})
    assert at.startswith(f"{APPS}consent?"), at
    asked = called(api.get_o_auth2_consent_request(parameter(at, "consent_challenge")))
    assert (asked.subject, asked.acr, asked.amr, asked.skip) == ("crm|7", "gold", ["otp"], False)
    assert asked.context == {"desk": 3} and asked.requested_scope == ["openid", "email"]
    session = AcceptOAuth2ConsentRequestSession(access_token={"floor": 3}, id_token={"email": "ada@crm.example"})
    at = app.consent(at, grant_scope=["openid"], session=session)
    tokens = app.redeem(at)
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    told = httpx.get(f"{options.public}{TENANT}/userinfo", headers=headers).json()
    assert told == {"sub": "crm|7", "email": "ada@crm.example"}, told
    introspected = called(api.introspect_o_auth2_token(token=tokens["access_token"]))
    assert (introspected.sub, introspected.ext, introspected.scope) == ("crm|7", {"floor": 3}, "openid")
    [listed] = called(api.list_o_auth2_consent_sessions(subject="crm|7"))
    assert listed.consent_request_id == asked.consent_request_id
    api.revoke_o_auth2_login_sessions(subject="crm|7")
    assert not called(api.introspect_o_auth2_token(token=tokens["access_token"])).active


def skips() -> None:
    app = App()
    at = app.sign_in(app.begin(), subject="remembered", remember=True, remember_for=60)
    app.consent(at, grant_scope=["openid", "email"], remember=True)
    at = app.begin(prompt="none")
    asked = called(api.get_o_auth2_login_request(parameter(at, "login_challenge")))
    assert (asked.skip, asked.subject) == (True, "remembered")
    at = app.sign_in(at, subject="remembered", extend_session_lifespan=True, remember=True, remember_for=600)
    assert called(api.get_o_auth2_consent_request(parameter(at, "consent_challenge"))).skip
    assert parameter(app.consent(at, grant_scope=["openid"]), "code")


def refuses() -> None:
    app = App()
    refusal = RejectOAuth2Request(error="fraud", error_description="not today", status_code=403)
    challenge = parameter(app.begin(), "login_challenge")
    rejected = called(api.reject_o_auth2_login_request(challenge, reject_o_auth2_request=refusal))
    at = app.open(rejected.redirect_to)
    assert (parameter(at, "error"), parameter(at, "error_description")) == ("fraud", "not today")
    challenge = parameter(app.sign_in(app.begin(), subject="ada"), "consent_challenge")
    rejected = called(api.reject_o_auth2_consent_request(challenge, reject_o_auth2_request=refusal))
    assert parameter(app.open(rejected.redirect_to), "error") == "fraud"


def answered() -> None:
    app = App()
    at = app.begin()
    challenge = parameter(at, "login_challenge")
    app.sign_in(at, subject="ada")
    try:
        api.get_o_auth2_login_request(challenge)
        raise AssertionError("it was answered")
    except ApiException as error:
        assert error.status == 410, error.body
        assert parameter(error.data.redirect_to, "client_id") == app.client.client_id
    again = AcceptOAuth2LoginRequest(subject="eve")
    refused(410, ErrorOAuth2, lambda: api.accept_o_auth2_login_request(challenge, again))
    refused(404, ErrorOAuth2, lambda: api.get_o_auth2_login_request("none"))
    refused(404, ErrorOAuth2, lambda: api.get_o_auth2_consent_request(challenge))
    refused(404, ErrorOAuth2, lambda: api.get_o_auth2_logout_request(challenge))
    refused(400, ErrorOAuth2, lambda: api.get_o_auth2_login_request(""))
    challenge = parameter(app.begin(), "login_challenge")
    nobody = AcceptOAuth2LoginRequest(subject="")
    refused(400, ErrorOAuth2, lambda: api.accept_o_auth2_login_request(challenge, nobody))
    called(api.accept_o_auth2_login_request(challenge, AcceptOAuth2LoginRequest(subject="ada")))
    refused(409, ErrorOAuth2, lambda: api.accept_o_auth2_login_request(challenge, again))


def signs_out() -> None:
    app = App()
    app.consent(app.sign_in(app.begin(), subject="leaving", remember=True), grant_scope=["openid"])
    query = urlencode({"client_id": app.client.client_id, "post_logout_redirect_uri": f"{CALLBACK}/bye"})
    at = app.open(f"{options.public}{TENANT}/oauth2/sessions/logout?{query}")
    challenge = parameter(at, "logout_challenge")
    asked = called(api.get_o_auth2_logout_request(challenge))
    assert (asked.subject, asked.rp_initiated) == ("leaving", True)
    assert asked.client.client_id == app.client.client_id and asked.expires_at > asked.requested_at
    api.reject_o_auth2_logout_request(challenge)
    refused(409, ErrorOAuth2, lambda: api.accept_o_auth2_logout_request(challenge))
    assert called(api.get_o_auth2_login_request(parameter(app.begin(), "login_challenge"))).skip
    at = app.open(f"{options.public}{TENANT}/oauth2/sessions/logout?{query}")
    accepted = called(api.accept_o_auth2_logout_request(parameter(at, "logout_challenge")))
    assert app.open(accepted.redirect_to) == f"{CALLBACK}/bye"
    assert not called(api.get_o_auth2_login_request(parameter(app.begin(), "login_challenge"))).skip


def device() -> None:
    app = App()
    auth = (app.client.client_id, app.client.client_secret)
    begun = httpx.post(f"{options.public}{TENANT}/oauth2/device/auth", data={"scope": "openid"}, auth=auth).json()
    at = app.open(begun["verification_uri_complete"])
    assert at.startswith(f"{APPS}device?") and parameter(at, "user_code") == begun["user_code"]
    challenge = parameter(at, "device_challenge")
    wrong = AcceptDeviceUserCodeRequest(user_code="BBBB-BBBB")
    take = api.accept_user_code_request
    refused(400, ErrorOAuth2, lambda: take(challenge, accept_device_user_code_request=wrong))
    code = AcceptDeviceUserCodeRequest(user_code=begun["user_code"])
    at = app.open(called(take(challenge, accept_device_user_code_request=code)).redirect_to)
    signed_in = AcceptOAuth2LoginRequest(subject="watching")
    accepted = called(api.accept_o_auth2_login_request(parameter(at, "login_challenge"), signed_in))
    at = app.open(accepted.redirect_to)
    assert at.startswith(f"{APPS}consent?"), at
    challenge = parameter(at, "consent_challenge")
    asked = called(api.get_o_auth2_consent_request(challenge))
    assert (asked.subject, asked.skip, asked.requested_scope) == ("watching", False, ["openid"])
    consent = AcceptOAuth2ConsentRequest(grant_scope=["openid"])
    accepted = called(api.accept_o_auth2_consent_request(challenge, accept_o_auth2_consent_request=consent))
    page = app.browser.open(accepted.redirect_to)
    assert page.status == 200, page.html
    tokens = app.token({"grant_type": DEVICE, "device_code": begun["device_code"]})
    assert called(api.introspect_o_auth2_token(token=tokens["access_token"])).sub == "watching"


def fallbacks() -> None:
    """Nothing of the address is on them."""
    pages = [("login", 400), ("consent", 400), ("logout", 400), ("logout/callback", 200), ("error", 400), ("device", 400), ("device/done", 200)]
    for name, status in pages:
        path = f"/oauth2/fallbacks/{name}"
        query = {"error": "login_required", "error_description": "hostile words"}
        answer = httpx.get(f"{options.public}{path}", params=query, headers={"accept": "text/html"})
        record("public", "GET", path, answer.status_code)
        assert answer.status_code == status and ">hostile" not in answer.text, answer.text
        assert ("login_required</code>" in answer.text) == (name == "error"), answer.text

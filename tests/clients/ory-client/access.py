"""What operators see and end of what people granted to apps."""

import base64
import hashlib
import secrets
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import ory_client
from applications import make
from browser import Browser
from checks import check
from ory_client import ErrorOAuth2
from persons import PASSWORD, native_sign_up, new_address
from sdk import admin, called, options, record, refused

apps = ory_client.OAuth2Api(admin)
CALLBACK = "http://127.0.0.1/callback"


def run() -> None:
    check("access: what somebody granted is listed, and taken back from one client", one_client)
    check("access: it is taken back by its own id, and from all", by_id_and_all)
    check("access: whoever names nobody, or too little, is told", named)
    check("access: sessions behind it are ended, by their id and by whose they are", logins)
    check("access: every token of a client dies at once", tokens)


class App:
    """An app that somebody lets in."""

    def __init__(self) -> None:
        self.client = make(
            grant_types=["authorization_code", "refresh_token", "client_credentials"],
            response_types=["code"],
            scope="openid offline_access api:read",
            redirect_uris=[CALLBACK],
            access_token_strategy="opaque",
        )

    def let_in(self, email: str) -> dict:
        verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": CALLBACK,
            "scope": "openid offline_access",
            "state": secrets.token_urlsafe(16),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        arrived = Browser().authorize(f"{options.public}/oauth2/auth?{urlencode(asked)}", CALLBACK, email, PASSWORD)
        code = parse_qs(urlsplit(arrived).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": verifier}
        answer = httpx.post(f"{options.public}/oauth2/token", data=form, auth=self.basic())
        record("public", "POST", "/oauth2/token", answer.status_code)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def basic(self) -> tuple[str, str]:
        return (self.client.client_id, self.client.client_secret)


def person() -> tuple[str, str]:
    email = new_address()
    return email, str(native_sign_up(email).identity.id)


def active(token: str) -> bool:
    return called(apps.introspect_o_auth2_token(token=token)).active


def granted(subject: str, **more) -> list:
    return called(apps.list_o_auth2_consent_sessions(subject=subject, **more))


def one_client() -> None:
    (email, subject), (first, second) = person(), (App(), App())
    dead, alive = first.let_in(email), second.let_in(email)
    listed = granted(subject)
    clients = {session.consent_request.client.client_id for session in listed}
    assert clients == {first.client.client_id, second.client.client_id}
    assert all(session.consent_request.subject == subject for session in listed)
    assert all(session.grant_scope == ["openid", "offline_access"] for session in listed)
    [newest] = granted(subject, page_size=1)
    assert newest.consent_request.client.client_id == second.client.client_id
    [of_session] = granted(subject, login_session_id=newest.consent_request.login_session_id)
    assert of_session.consent_request_id == newest.consent_request_id
    apps.revoke_o_auth2_consent_sessions(subject=subject, client=first.client.client_id)
    assert not active(dead["access_token"]) and active(alive["access_token"])
    assert [session.consent_request_id for session in granted(subject)] == [newest.consent_request_id]


def by_id_and_all() -> None:
    (email, subject), app = person(), App()
    first, second = app.let_in(email), app.let_in(email)
    older = granted(subject)[1]
    apps.revoke_o_auth2_consent_sessions(consent_request_id=older.consent_request_id)
    assert not active(first["access_token"]) and active(second["access_token"])
    apps.revoke_o_auth2_consent_sessions(subject=subject, all=True)
    assert not active(second["access_token"]) and granted(subject) == []


def named() -> None:
    assert granted("nobody") == []
    for too_little in ({}, {"subject": "nobody"}, {"client": "app"}):
        refused(400, ErrorOAuth2, lambda: apps.revoke_o_auth2_consent_sessions(**too_little))
    refused(400, ErrorOAuth2, lambda: apps.revoke_o_auth2_login_sessions())
    apps.revoke_o_auth2_consent_sessions(subject="nobody", all=True)
    apps.revoke_o_auth2_login_sessions(subject="nobody")
    apps.delete_o_auth2_token(client_id="nobody")


def logins() -> None:
    email, subject = person()
    for by in ("sid", "subject"):
        signed_in = App()
        signed_in.let_in(email)
        [newest] = granted(subject, page_size=1)
        session = newest.consent_request.login_session_id
        identities = ory_client.IdentityApi(admin)
        assert called(identities.get_session(session)).active
        apps.revoke_o_auth2_login_sessions(**{by: session if by == "sid" else subject})
        live = [one.id for one in called(identities.list_identity_sessions(subject, active=True))]
        assert session not in live, by


def tokens() -> None:
    (email, _), app = person(), App()
    form = {"grant_type": "client_credentials", "scope": "api:read"}
    own = httpx.post(f"{options.public}/oauth2/token", data=form, auth=app.basic()).json()
    persons = app.let_in(email)
    assert active(own["access_token"]) and active(persons["access_token"])
    apps.delete_o_auth2_token(client_id=app.client.client_id)
    assert not active(own["access_token"]) and not active(persons["access_token"])
    form = {"grant_type": "refresh_token", "refresh_token": persons["refresh_token"]}
    answer = httpx.post(f"{options.public}/oauth2/token", data=form, auth=app.basic())
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")

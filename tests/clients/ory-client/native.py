"""Native apps: no cookies, a session token."""

import base64
import json

import httpx
from checks import check
from identities import next_page
from ory_client import (
    ErrorGeneric,
    LoginFlow,
    PerformNativeLogoutBody,
    RegistrationFlow,
    SettingsFlow,
)
from persons import PASSWORD, address_of, by_password, native_sign_in, native_sign_up, new_address, new_password, new_profile, sign_up_with
from sdk import called, frontend, message_ids, options, refused


def run() -> None:
    check("native: a person signs up and has a session", signs_up)
    check("native: a person signs in, is known, and signs out", signs_in_and_out)
    check("native: a wrong password gives the flow back, and says no more for an unknown person", wrong_password)
    check("native: a taken address gives the flow back", taken_address)
    check("native: a weak password gives the flow back with the message at its input", weak_password)
    check("native: a flow is found by its id, an unknown one is 404", finds_flows)
    check("native: a flow is used up by its success", used_up)
    check("native: settings change the profile and the password", settings)
    check("native: settings ask for a session", settings_need_a_session)
    check("native: a person lists and ends their other sessions", sessions)
    check("native: whoami without a session is 401", nobody)
    check("native: a session is a token that the published keys verify", tokenized)
    check("native: a session is exchanged for two codes, and not for one", exchange)


def signs_up() -> None:
    email = new_address()
    done = native_sign_up(email)
    assert done.identity.traits == {"email": email}
    assert done.identity.state == "active" and done.identity.schema_id == "default"
    assert done.session_token and done.session.active is True
    assert called(frontend.to_session(x_session_token=done.session_token)).identity.id == done.identity.id


def signs_in_and_out() -> None:
    email = address_of(native_sign_up())
    done = native_sign_in(email)
    assert done.session.authenticator_assurance_level == "aal1"
    assert [method.method for method in done.session.authentication_methods] == ["password"]
    assert done.session.expires_at > done.session.issued_at
    session = called(frontend.to_session(x_session_token=done.session_token))
    assert session.id == done.session.id and session.identity.traits["email"] == email
    frontend.perform_native_logout(PerformNativeLogoutBody(session_token=done.session_token))
    refused(401, ErrorGeneric, lambda: frontend.to_session(x_session_token=done.session_token))


def wrong_password() -> None:
    email = address_of(native_sign_up())
    answers = []
    for identifier in (email, new_address()):
        flow = called(frontend.create_native_login_flow())
        again = refused(400, LoginFlow, lambda: frontend.update_login_flow(str(flow.id), by_password(identifier, "wrong")))
        assert again.id == flow.id
        assert 4000006 in message_ids(again), message_ids(again)
        answers.append(message_ids(again))
    assert answers[0] == answers[1]


def taken_address() -> None:
    email = address_of(native_sign_up())
    flow = called(frontend.create_native_registration_flow())
    again = refused(400, RegistrationFlow, lambda: frontend.update_registration_flow(str(flow.id), sign_up_with(email)))
    assert 4000007 in message_ids(again), message_ids(again)


def weak_password() -> None:
    flow = called(frontend.create_native_registration_flow())
    body = sign_up_with(new_address(), "short")
    again = refused(400, RegistrationFlow, lambda: frontend.update_registration_flow(str(flow.id), body))
    at_password = [node for node in again.ui.nodes if getattr(node.attributes.actual_instance, "name", "") == "password"]
    assert at_password and at_password[0].messages, "the message is at its input"
    assert all(not node.attributes.actual_instance.value for node in at_password), "the password is not echoed"


def finds_flows() -> None:
    login = called(frontend.create_native_login_flow())
    assert login.type == "api" and login.state == "choose_method"
    assert called(frontend.get_login_flow(id=str(login.id))).id == login.id
    registration = called(frontend.create_native_registration_flow())
    assert called(frontend.get_registration_flow(id=str(registration.id))).id == registration.id
    refused(404, ErrorGeneric, lambda: frontend.get_login_flow(id="00000000-0000-4000-8000-000000000000"))
    refused(404, ErrorGeneric, lambda: frontend.get_registration_flow(id=str(login.id)))


def used_up() -> None:
    email = address_of(native_sign_up())
    flow = called(frontend.create_native_login_flow())
    called(frontend.update_login_flow(str(flow.id), by_password(email)))
    try:
        frontend.update_login_flow(str(flow.id), by_password(email))
    except Exception as error:
        assert 400 <= error.status < 500, error
        return
    raise AssertionError("one flow signed in twice")


def settings() -> None:
    done = native_sign_up()
    token = done.session_token
    flow = called(frontend.create_native_settings_flow(x_session_token=token))
    assert flow.identity.id == done.identity.id
    assert called(frontend.get_settings_flow(id=str(flow.id), x_session_token=token)).id == flow.id
    moved = new_address()
    after = called(frontend.update_settings_flow(str(flow.id), new_profile(moved), x_session_token=token))
    assert after.state == "success" and after.identity.traits["email"] == moved
    flow = called(frontend.create_native_settings_flow(x_session_token=token))
    after = called(frontend.update_settings_flow(str(flow.id), new_password("quiet harbour 5 o'clock"), x_session_token=token))
    assert after.state == "success"
    assert native_sign_in(moved, "quiet harbour 5 o'clock").session_token
    flow = called(frontend.create_native_login_flow())
    refused(400, LoginFlow, lambda: frontend.update_login_flow(str(flow.id), by_password(moved, PASSWORD)))
    flow = called(frontend.create_native_settings_flow(x_session_token=token))
    again = refused(
        400, SettingsFlow, lambda: frontend.update_settings_flow(str(flow.id), new_profile("no address"), x_session_token=token)
    )
    assert message_ids(again)


def settings_need_a_session() -> None:
    refused(401, None, lambda: frontend.create_native_settings_flow())
    flow = called(frontend.create_native_settings_flow(x_session_token=native_sign_up().session_token))
    other = native_sign_up().session_token
    refused(403, ErrorGeneric, lambda: frontend.get_settings_flow(id=str(flow.id), x_session_token=other))


def sessions() -> None:
    email = address_of(native_sign_up())
    mine, second, third = (native_sign_in(email) for _ in range(3))
    token = mine.session_token
    others = called(frontend.list_my_sessions(x_session_token=token))
    assert {second.session.id, third.session.id} <= {session.id for session in others}
    assert mine.session.id not in {session.id for session in others}
    seen, page_token = [], None
    for _ in range(len(others) + 1):
        page = frontend.list_my_sessions_with_http_info(x_session_token=token, page_size=1, page_token=page_token)
        seen += [session.id for session in called(page.data)]
        page_token = next_page(page.headers)
        if page_token is None:
            break
    assert seen == [session.id for session in others], "pages show each of them once, the newest first"
    frontend.disable_my_session(id=str(second.session.id), x_session_token=token)
    refused(401, ErrorGeneric, lambda: frontend.to_session(x_session_token=second.session_token))
    # The one of the sign-up is among them.
    assert called(frontend.disable_my_other_sessions(x_session_token=token)).count == 2
    refused(401, ErrorGeneric, lambda: frontend.to_session(x_session_token=third.session_token))
    assert called(frontend.to_session(x_session_token=token)).active is True
    stranger = native_sign_up()
    refused(
        404, None, lambda: frontend.disable_my_session(id=str(mine.session.id), x_session_token=stranger.session_token)
    )
    assert called(frontend.to_session(x_session_token=token)).active is True


def nobody() -> None:
    refused(401, ErrorGeneric, lambda: frontend.to_session(), "session_inactive")
    refused(401, ErrorGeneric, lambda: frontend.to_session(x_session_token="ory_st_rubbish"), "session_inactive")
    refused(401, ErrorGeneric, lambda: frontend.list_my_sessions())
    refused(401, ErrorGeneric, lambda: frontend.disable_my_other_sessions())


def tokenized() -> None:
    done = native_sign_up()
    session = called(frontend.to_session(x_session_token=done.session_token, tokenize_as="api"))
    header, payload, signature = (part + "=" * (-len(part) % 4) for part in session.tokenized.split("."))
    claims = json.loads(base64.urlsafe_b64decode(payload))
    assert claims["sub"] == str(done.identity.id) and claims["sid"] == str(session.id), claims
    assert claims["email"] == done.identity.traits["email"] and claims["exp"] - claims["iat"] == 60, claims
    kid = json.loads(base64.urlsafe_b64decode(header))["kid"]
    published = httpx.get(f"{options.public}/.well-known/jwks.json").json()["keys"]
    assert kid in [one["kid"] for one in published] and signature, "whoever has the keys verifies it"
    refused(400, ErrorGeneric, lambda: frontend.to_session(x_session_token=done.session_token, tokenize_as="other"))


def exchange() -> None:
    flow = called(frontend.create_native_login_flow(return_session_token_exchange_code=True))
    assert flow.session_token_exchange_code
    shown = called(frontend.get_login_flow(id=str(flow.id)))
    assert shown.session_token_exchange_code is None, "it is told once"
    asked = lambda: frontend.exchange_session_token(init_code=flow.session_token_exchange_code, return_to_code="x")
    refused(404, ErrorGeneric, asked)

"""Second factors: set up, asked for, proven, and taken away by operators."""

import base64
import hmac
import struct
import time

from checks import check
from ory_client import (
    ErrorGeneric,
    LoginFlow,
    SettingsFlow,
    UpdateLoginFlowBody,
    UpdateLoginFlowWithLookupSecretMethod,
    UpdateLoginFlowWithTotpMethod,
    UpdateSettingsFlowBody,
    UpdateSettingsFlowWithLookupMethod,
    UpdateSettingsFlowWithTotpMethod,
)
from persons import address_of, native_sign_in, native_sign_up
from sdk import called, frontend, message_ids, people, refused


def run() -> None:
    check("second factors: an authenticator app is set up, asked for and proven", authenticator_app)
    check("second factors: backup codes are made, shown, and each counts once", backup_codes)
    check("second factors: an operator sees them and takes them away", operator)


def code(secret: str, at: float) -> str:
    """What an authenticator app shows (RFC 6238)."""
    step = int(at // 30)
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", step), "sha1")
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def attributes(flow, name: str):
    """The attributes of a node by its name or id."""
    for node in flow.ui.nodes:
        found = node.attributes.actual_instance
        if name in (getattr(found, "name", None), getattr(found, "id", None)):
            return found
    raise AssertionError(f"no node `{name}`")


def settings(token: str, body, flow=None):
    """Submits a settings form, a new one unless one is given."""
    flow = flow or called(frontend.create_native_settings_flow(x_session_token=token))
    return called(frontend.update_settings_flow(str(flow.id), UpdateSettingsFlowBody(body), x_session_token=token))


def enrol(token: str) -> str:
    """Sets an authenticator app up and returns its secret."""
    flow = called(frontend.create_native_settings_flow(x_session_token=token))
    assert attributes(flow, "totp_qr").src.startswith("data:image/png;base64,")
    secret = attributes(flow, "totp_secret_key").text.text
    wrong = UpdateSettingsFlowBody(UpdateSettingsFlowWithTotpMethod(method="totp", totp_code="000000"))
    again = refused(400, SettingsFlow, lambda: frontend.update_settings_flow(str(flow.id), wrong, x_session_token=token))
    assert 4000008 in message_ids(again)
    body = UpdateSettingsFlowWithTotpMethod(method="totp", totp_code=code(secret, time.time()))
    after = settings(token, body, flow)
    assert after.state == "success" and attributes(after, "totp_unlink").value == "true"
    return secret


def second_step(token: str):
    flow = called(frontend.create_native_login_flow(aal="aal2", x_session_token=token))
    assert flow.requested_aal == "aal2" and 1010004 in message_ids(flow)
    return flow


def by_totp(typed: str) -> UpdateLoginFlowBody:
    return UpdateLoginFlowBody(UpdateLoginFlowWithTotpMethod(method="totp", totp_code=typed))


def authenticator_app() -> None:
    done = native_sign_up()
    email, secret = address_of(done), enrol(done.session_token)
    session = called(frontend.to_session(x_session_token=done.session_token))
    assert session.authenticator_assurance_level == "aal2", "whoever sets it up has proven it"

    token = native_sign_in(email).session_token
    refused(403, None, lambda: frontend.to_session(x_session_token=token))
    refused(403, None, lambda: frontend.create_native_settings_flow(x_session_token=token))
    flow = second_step(token)
    again = refused(400, LoginFlow, lambda: frontend.update_login_flow(str(flow.id), by_totp("000000"), x_session_token=token))
    assert 4000008 in message_ids(again)
    # That of the next step: the present one was used to set the app up.
    right = code(secret, time.time() + 30)
    done = called(frontend.update_login_flow(str(flow.id), by_totp(right), x_session_token=token))
    assert done.session.authenticator_assurance_level == "aal2"
    assert [one.method for one in done.session.authentication_methods] == ["password", "totp"]
    assert called(frontend.to_session(x_session_token=token)).identity.traits["email"] == email

    other = native_sign_in(email).session_token
    flow = second_step(other)
    again = refused(400, LoginFlow, lambda: frontend.update_login_flow(str(flow.id), by_totp(right), x_session_token=other))
    assert 4000008 in message_ids(again), "a code counts once"
    after = settings(token, UpdateSettingsFlowWithTotpMethod(method="totp", totp_unlink=True))
    assert attributes(after, "totp_secret_key").text.text != secret
    assert called(frontend.to_session(x_session_token=other)).active is True


def backup_codes() -> None:
    done = native_sign_up()
    email, token = address_of(done), done.session_token
    flow = called(frontend.create_native_settings_flow(x_session_token=token))
    shown = settings(token, UpdateSettingsFlowWithLookupMethod(method="lookup_secret", lookup_secret_regenerate=True), flow)
    codes = [one["text"] for one in attributes(shown, "lookup_secret_codes").text.context["secrets"]]
    assert len(set(codes)) == 12
    settings(token, UpdateSettingsFlowWithLookupMethod(method="lookup_secret", lookup_secret_confirm=True), flow)

    other = native_sign_in(email).session_token
    flow = second_step(other)

    def by_code(typed: str) -> UpdateLoginFlowBody:
        return UpdateLoginFlowBody(UpdateLoginFlowWithLookupSecretMethod(method="lookup_secret", lookup_secret=typed))

    done = called(frontend.update_login_flow(str(flow.id), by_code(codes[0]), x_session_token=other))
    assert [one.method for one in done.session.authentication_methods] == ["password", "lookup_secret"]
    third = native_sign_in(email).session_token
    flow = second_step(third)
    again = refused(400, LoginFlow, lambda: frontend.update_login_flow(str(flow.id), by_code(codes[0]), x_session_token=third))
    assert 4000012 in message_ids(again)
    shown = settings(other, UpdateSettingsFlowWithLookupMethod(method="lookup_secret", lookup_secret_reveal=True))
    assert attributes(shown, "lookup_secret_codes").text.context["secrets"][0]["id"] == 1050014, "it is shown as used"
    settings(other, UpdateSettingsFlowWithLookupMethod(method="lookup_secret", lookup_secret_disable=True))
    assert called(frontend.to_session(x_session_token=third)).active is True


def operator() -> None:
    done = native_sign_up()
    who, email = str(done.identity.id), address_of(done)
    secret = enrol(done.session_token)
    found = called(people.get_identity(id=who, include_credential=["totp"]))
    assert found.credentials["totp"].identifiers == [who] and secret not in str(found.to_dict())
    refused(404, ErrorGeneric, lambda: people.delete_identity_credentials(id=who, type="lookup_secret"))
    refused(400, ErrorGeneric, lambda: people.delete_identity_credentials(id=who, type="password"))
    people.delete_identity_credentials(id=who, type="totp")
    refused(404, ErrorGeneric, lambda: people.delete_identity_credentials(id=who, type="totp"))
    token = native_sign_in(email).session_token
    assert called(frontend.to_session(x_session_token=token)).authenticator_assurance_level == "aal1"

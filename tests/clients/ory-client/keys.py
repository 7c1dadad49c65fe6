"""Passkeys and security keys: what programs see of them. The ceremonies themselves are the browser suite's."""

import json

from checks import check
from ory_client import (
    CreateIdentityBody,
    ErrorGeneric,
    IdentityWithCredentials,
    LoginFlow,
    UpdateLoginFlowBody,
    UpdateLoginFlowWithPasskeyMethod,
)
from sdk import called, frontend, message_ids, people, refused

# The key and the id of the specification's first test vector (WebAuthn L3 section 16.2).
KEY = bytes.fromhex(
    "a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61"
    "225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220"
)


def run() -> None:
    check("keys: the script defines what nodes name", script)
    check("keys: an operator brings a passkey, sees it without its key, and takes it away", operator)
    check("keys: an answer that proves nothing is the form again", nonsense)


def script() -> None:
    raw = frontend.get_web_authn_java_script_without_preload_content()
    assert raw.status == 200 and raw.headers["content-type"].startswith("text/javascript")
    for name in ("oryWebAuthnRegistration", "oryWebAuthnLogin", "oryPasskeyLogin", "oryPasskeyLoginAutocompleteInit",
                 "oryPasskeyRegistration", "oryPasskeySettingsRegistration"):
        assert f"{name}:".encode() in raw.data, name


def operator() -> None:
    def passkey(number: int) -> dict:
        return {"id": list(bytes([number] * 20)), "public_key": list(KEY), "display_name": "Phone", "is_passwordless": True}

    config = {"credentials": [passkey(1), passkey(2)], "user_handle": list(b"somebody")}
    body = CreateIdentityBody(
        schema_id="default",
        traits={"email": "keys@example.com"},
        credentials=IdentityWithCredentials.from_dict({"passkey": {"config": config}}),
    )
    who = str(called(people.create_identity(body)).id)
    shown = called(people.get_identity(id=who, include_credential=["passkey"]))
    kept = shown.credentials["passkey"]
    assert len(kept.identifiers) == 2 and "public_key" not in json.dumps(kept.config)
    twice = CreateIdentityBody(
        schema_id="default",
        traits={"email": "keys-two@example.com"},
        credentials=IdentityWithCredentials.from_dict({"passkey": {"config": config}}),
    )
    refused(409, ErrorGeneric, lambda: people.create_identity(twice))
    refused(404, ErrorGeneric, lambda: people.delete_identity_credentials(id=who, type="webauthn"))
    refused(404, ErrorGeneric, lambda: people.delete_identity_credentials(id=who, type="passkey", identifier="AAAA"))
    refused(400, ErrorGeneric, lambda: people.delete_identity_credentials(id=who, type="passkey"))
    people.delete_identity_credentials(id=who, type="passkey", identifier=kept.identifiers[0])
    left = called(people.get_identity(id=who, include_credential=["passkey"])).credentials["passkey"]
    assert left.identifiers == kept.identifiers[1:]
    refused(400, ErrorGeneric, lambda: people.delete_identity_credentials(id=who, type="passkey", identifier=left.identifiers[0]))


def nonsense() -> None:
    flow = called(frontend.create_native_login_flow())
    body = UpdateLoginFlowBody(UpdateLoginFlowWithPasskeyMethod(method="passkey", passkey_login="{}"))
    again = refused(400, LoginFlow, lambda: frontend.update_login_flow(str(flow.id), body))
    # There are no passkeys at an address, which is where this node is.
    assert 4010002 in message_ids(again)

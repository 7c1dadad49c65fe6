"""What operators do with people and their sessions."""

import base64
import hashlib

from checks import check
from ory_client import (
    CreateIdentityBody,
    ErrorGeneric,
    IdentityPatch,
    IdentityWithCredentials,
    IdentityWithCredentialsPassword,
    IdentityWithCredentialsPasswordConfig,
    JsonPatch,
    PatchIdentitiesBody,
    UpdateIdentityBody,
)
from persons import PASSWORD, address_of, native_sign_in, native_sign_up, new_address
from sdk import called, frontend, people, refused, schemas

NOBODY = "00000000-0000-4000-8000-000000000000"


def run() -> None:
    check("identities: one is made with a password, and its person signs in", makes)
    check("identities: traits that the schema refuses are refused", refuses)
    check("identities: a taken address is a conflict", conflict)
    check("identities: many are made at once, and one that is not costs the others nothing", makes_many)
    check("identities: a hash that others made is taken in, and its person signs in", takes_hashes)
    check("identities: they are listed in pages, and found by their address", lists)
    check("identities: filters narrow each other, page by page", narrows)
    check("identities: one is replaced and patched", changes)
    check("identities: an inactive person is signed out and cannot sign in", inactive)
    check("identities: one is deleted with its sessions", deletes)
    check("identities: an unknown one is 404", unknown)
    check("schemas: they are listed and found", schema)
    check("sessions: they are listed, found and ended", sessions)
    check("sessions: all of one person are listed and ended", sessions_of_one)


def make(email: str | None = None, **more):
    password = IdentityWithCredentialsPassword(config=IdentityWithCredentialsPasswordConfig(password=PASSWORD))
    body = CreateIdentityBody(
        schema_id="default",
        traits={"email": email or new_address()},
        credentials=IdentityWithCredentials(password=password),
        **more,
    )
    return called(people.create_identity(body))


def makes() -> None:
    email = new_address()
    made = make(email, metadata_public={"tier": "gold"}, metadata_admin={"note": "vip"}, external_id=f"crm-{email}")
    assert made.state == "active" and made.traits == {"email": email}
    assert made.external_id == f"crm-{email}"
    assert called(people.get_identity_by_external_id(external_id=made.external_id)).id == made.id
    found = called(people.get_identity(id=str(made.id)))
    assert found.metadata_admin == {"note": "vip"} and found.created_at == made.created_at
    refused(404, ErrorGeneric, lambda: people.get_identity_by_external_id(external_id="nobody"))
    session = native_sign_in(email).session
    assert session.identity.id == made.id and session.identity.metadata_public == {"tier": "gold"}
    assert session.identity.metadata_admin is None, "what only operators may see"
    with_credentials = called(people.get_identity(id=str(made.id), include_credential=["password"]))
    assert with_credentials.credentials["password"].identifiers == [email]
    assert "hashed_password" not in (with_credentials.credentials["password"].config or {})


def refuses() -> None:
    body = CreateIdentityBody(schema_id="default", traits={"email": "no address"})
    refused(400, ErrorGeneric, lambda: people.create_identity(body))
    body = CreateIdentityBody(schema_id="no-such-schema", traits={"email": new_address()})
    refused(400, ErrorGeneric, lambda: people.create_identity(body))


def conflict() -> None:
    email = make().traits["email"]
    body = CreateIdentityBody(schema_id="default", traits={"email": email.upper()})
    refused(409, ErrorGeneric, lambda: people.create_identity(body))


def makes_many() -> None:
    taken = make().traits["email"]
    patches = {new_address(): "create", taken: "error", new_address(): "create"}
    names = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(len(patches))]
    body = PatchIdentitiesBody(
        identities=[
            IdentityPatch(patch_id=name, create=CreateIdentityBody(schema_id="default", traits={"email": email}))
            for name, email in zip(names, patches)
        ]
    )
    outcomes = called(people.batch_patch_identities(body)).identities
    assert [outcome.action for outcome in outcomes] == list(patches.values()), outcomes
    assert [str(outcome.patch_id) for outcome in outcomes] == names
    assert called(people.get_identity(id=str(outcomes[0].identity))).traits["email"] == list(patches)[0]
    refused(409, ErrorGeneric, lambda: people.batch_patch_identities(PatchIdentitiesBody(identities=[body.identities[1]])))
    refused(400, ErrorGeneric, lambda: people.batch_patch_identities(PatchIdentitiesBody(identities=[])))


def takes_hashes() -> None:
    digest = base64.b64encode(hashlib.sha256(b"pepper" + PASSWORD.encode()).digest()).decode()
    derived = base64.b64encode(hashlib.pbkdf2_hmac("sha512", PASSWORD.encode(), b"saltsalt", 1000, 32)).decode()
    for hashed in (
        f"$sha256$pf={base64.b64encode(b'{SALT}{PASSWORD}').decode()}${base64.b64encode(b'pepper').decode()}${digest}",
        f"$pbkdf2-sha512$i=1000,l=32${base64.b64encode(b'saltsalt').decode()}${derived}",
    ):
        email = new_address()
        password = IdentityWithCredentialsPassword(
            config=IdentityWithCredentialsPasswordConfig(hashed_password=hashed)
        )
        body = CreateIdentityBody(
            schema_id="default", traits={"email": email}, credentials=IdentityWithCredentials(password=password)
        )
        made = called(people.create_identity(body))
        for _ in range(2):
            assert native_sign_in(email).session.identity.id == made.id
    password.config.hashed_password = "$2b$31$CCCCCCCCCCCCCCCCCCCCC.WrAwgFxicHZ3kL7zMvXYXHKosDn8ot2"
    body.traits = {"email": new_address()}
    refused(400, ErrorGeneric, lambda: people.create_identity(body))


def lists() -> None:
    made = {make().id for _ in range(3)}
    seen, token = set(), None
    for _ in range(200):
        answer = people.list_identities_with_http_info(page_size=2, page_token=token)
        page = called(answer.data)
        assert len(page) <= 2
        seen |= {identity.id for identity in page}
        token = next_page(answer.headers)
        if token is None:
            break
    assert made <= seen
    email = make().traits["email"]
    found = called(people.list_identities(credentials_identifier=email))
    assert [identity.traits["email"] for identity in found] == [email]
    refused(400, None, lambda: people.list_identities(page_token="rubbish"))
    refused(400, None, lambda: people.list_identities(page=2))


def narrows() -> None:
    organisation = "7a0b2a0e-6d5c-4c4c-9a3e-222222222222"
    start = new_address().split("@")[0]
    with_it = [make(f"{start}{letter}@narrow.example", organization_id=organisation) for letter in "abc"]
    without = make(f"{start}d@narrow.example")
    first, ids = with_it[0], [str(one.id) for one in [*with_it, without]]
    address, similar = first.traits["email"], {"preview_credentials_identifier_similar": start}

    def found(**filters) -> list[str]:
        return [str(one.id) for one in called(people.list_identities(**filters))]

    assert found(ids=ids) == ids
    assert found(ids=ids, organization_id=organisation) == ids[:3]
    assert found(ids=ids[1:], credentials_identifier=address) == []
    assert found(ids=ids, credentials_identifier=address, organization_id=organisation, **similar) == ids[:1]
    assert found(credentials_identifier=without.traits["email"], organization_id=organisation) == []
    assert found(credentials_identifier=address, preview_credentials_identifier_similar="nobody") == []
    assert found(ids=ids, preview_credentials_identifier_similar=f"{start}d") == ids[3:]
    assert found(organization_id=organisation, consistency="strong", **similar) == ids[:3]
    # In pages, and by its organisation.
    seen, token = [], None
    for _ in range(len(ids) + 1):
        page = people.list_identities_with_http_info(page_size=1, page_token=token, organization_id=organisation, **similar)
        seen += [str(one.id) for one in called(page.data)]
        token = next_page(page.headers)
        if token is None:
            break
    assert seen == ids[:3], seen
    with_credentials = called(people.list_identities(ids=ids[:1], include_credential=["password"]))
    assert with_credentials[0].credentials["password"].identifiers == [address]


def next_page(headers) -> str | None:
    """The token of the next page, from the Link header (RFC 8288)."""
    for link in (headers.get("link") or "").split(","):
        if 'rel="next"' in link:
            return link.split("page_token=")[1].split("&")[0].split(">")[0]
    return None


def changes() -> None:
    made = make()
    moved = new_address()
    body = UpdateIdentityBody(schema_id="default", state="active", traits={"email": moved}, metadata_public={"a": 1})
    assert called(people.update_identity(id=str(made.id), update_identity_body=body)).traits == {"email": moved}
    assert native_sign_in(moved).session.identity.id == made.id, "the password stays"
    patch = [JsonPatch(op="replace", path="/metadata_public/a", value=2), JsonPatch(op="add", path="/metadata_admin", value={"b": 3})]
    after = called(people.patch_identity(id=str(made.id), json_patch=patch))
    assert after.metadata_public == {"a": 2} and after.metadata_admin == {"b": 3}
    for op, path, value in (("replace", "/id", NOBODY), ("replace", "/traits/email", "no address"), ("test", "/state", "inactive")):
        bad = [JsonPatch(op=op, path=path, value=value)]
        refused(400, ErrorGeneric, lambda: people.patch_identity(id=str(made.id), json_patch=bad))


def inactive() -> None:
    done = native_sign_up()
    patch = [JsonPatch(op="replace", path="/state", value="inactive")]
    assert called(people.patch_identity(id=str(done.identity.id), json_patch=patch)).state == "inactive"
    refused(401, ErrorGeneric, lambda: frontend.to_session(x_session_token=done.session_token))
    try:
        native_sign_in(address_of(done))
    except Exception as error:
        assert error.status in (400, 401, 403), error
        return
    raise AssertionError("an inactive person signed in")


def deletes() -> None:
    done = native_sign_up()
    people.delete_identity(id=str(done.identity.id))
    refused(404, ErrorGeneric, lambda: people.get_identity(id=str(done.identity.id)))
    refused(401, ErrorGeneric, lambda: frontend.to_session(x_session_token=done.session_token))
    # The address is free again.
    assert native_sign_up(address_of(done)).identity.id != done.identity.id


def unknown() -> None:
    body = UpdateIdentityBody(schema_id="default", state="active", traits={"email": new_address()})
    refused(404, ErrorGeneric, lambda: people.get_identity(id=NOBODY))
    refused(404, ErrorGeneric, lambda: people.update_identity(id=NOBODY, update_identity_body=body))
    refused(404, ErrorGeneric, lambda: people.patch_identity(id=NOBODY, json_patch=[]))
    refused(404, None, lambda: people.delete_identity(id=NOBODY))


def schema() -> None:
    listed = called(schemas.list_identity_schemas())
    assert "default" in [container.id for container in listed]
    document = schemas.get_identity_schema(id="default")
    assert document["properties"]["traits"]
    refused(404, ErrorGeneric, lambda: schemas.get_identity_schema(id="no-such-schema"))


def sessions() -> None:
    done = native_sign_up()
    session_id = str(done.session.id)
    assert session_id in {str(session.id) for session in called(people.list_sessions(page_size=250, active=True))}
    found = called(people.get_session(id=session_id, expand=["identity", "devices"]))
    assert found.identity.id == done.identity.id and found.active is True
    assert called(people.extend_session(id=session_id)).expires_at >= done.session.expires_at
    people.disable_session(id=session_id)
    refused(401, ErrorGeneric, lambda: frontend.to_session(x_session_token=done.session_token))
    refused(404, None, lambda: people.get_session(id=NOBODY))


def sessions_of_one() -> None:
    done = native_sign_up()
    again = native_sign_in(address_of(done))
    listed = called(people.list_identity_sessions(id=str(done.identity.id), active=True))
    assert {session.id for session in listed} == {done.session.id, again.session.id}
    people.delete_identity_sessions(id=str(done.identity.id))
    for token in (done.session_token, again.session_token):
        refused(401, ErrorGeneric, lambda: frontend.to_session(x_session_token=token))
    assert called(people.list_identity_sessions(id=str(done.identity.id))) == []

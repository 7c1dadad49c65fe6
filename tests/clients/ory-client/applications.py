"""What operators do with OAuth2 clients and tokens, and what apps find out about the provider."""

import httpx
import ory_client
from checks import check
from ory_client import ErrorOAuth2, JsonPatch, OAuth2Client, OAuth2ClientTokenLifespans
from ory_client.exceptions import ApiException
from sdk import Recorder, admin, called, options, public, record, refused

apps = ory_client.OAuth2Api(admin)
NOBODY = "00000000-0000-4000-8000-000000000000"


def run() -> None:
    check("clients: one is made, with a secret that is shown once", makes)
    check("clients: one is replaced, and the document round-trips", replaces)
    check("clients: one is patched", patches)
    check("clients: lifespans are set apart", lifespans)
    # The client of this API alone (25.4.0) has not heard of it yet.
    if hasattr(apps, "rotate_o_auth2_client_secret"):
        check("clients: a secret is rotated, and the former one dropped later", rotates)
    check("clients: they are listed in pages and by name", lists)
    check("clients: one is deleted, with its tokens", deletes)
    check("clients: a document that breaks the rules is refused", refuses)
    check("clients: an unknown one is 404", unknown)
    check("tokens: they are introspected by operators", introspects)
    check("tokens: they are revoked by their client", revokes)
    check("provider: its configuration and keys are what the SDK expects", provider)
    check("node: it is alive, ready and has a version, on both listeners", health)


def make(**more) -> OAuth2Client:
    document = {
        "client_name": "Nightly job",
        "grant_types": ["client_credentials"],
        "response_types": [],
        "scope": "api:read api:write",
        "token_endpoint_auth_method": "client_secret_basic",
    }
    return called(apps.create_o_auth2_client(OAuth2Client(**(document | more))))


def token_of(client: OAuth2Client) -> str:
    """Gets a token as the client does; the SDK itself sends no Basic credentials."""
    form = {"grant_type": "client_credentials", "scope": "api:read"}
    answer = httpx.post(f"{options.public}/oauth2/token", data=form, auth=(client.client_id, client.client_secret))
    assert answer.status_code == 200, answer.text
    record("public", "POST", "/oauth2/token", answer.status_code)
    exchange = ory_client.OAuth2TokenExchange.from_json(answer.text)
    assert exchange.token_type.lower() == "bearer" and exchange.expires_in > 0
    return exchange.access_token


def makes() -> None:
    made = make(metadata={"team": "ops"}, contacts=["ops@acme.example"])
    assert made.client_id and len(made.client_secret) >= 26
    assert made.created_at and made.metadata == {"team": "ops"}
    token_of(made)
    found = called(apps.get_o_auth2_client(id=made.client_id))
    assert found.client_secret in (None, ""), "a secret is shown once"
    assert found.client_name == "Nightly job" and found.contacts == ["ops@acme.example"]


def replaces() -> None:
    made = make()
    document = called(apps.get_o_auth2_client(id=made.client_id))
    same = called(apps.set_o_auth2_client(id=made.client_id, o_auth2_client=document))
    assert without_times(same) == without_times(document), "a document that was read can be written"
    token_of(made)
    document.client_name = "Hourly job"
    document.client_secret = "a secret that a person chose 42"
    assert called(apps.set_o_auth2_client(id=made.client_id, o_auth2_client=document)).client_name == "Hourly job"
    token_of(document)
    answer = httpx.post(
        f"{options.public}/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(made.client_id, made.client_secret),
    )
    assert answer.status_code == 401, "the former secret is dead"


def rotates() -> None:
    made = make()
    rotated = called(apps.rotate_o_auth2_client_secret(id=made.client_id))
    assert rotated.client_secret and rotated.client_secret != made.client_secret
    token_of(made)
    token_of(rotated)
    kept = called(apps.delete_rotated_o_auth2_client_secrets(id=made.client_id))
    assert kept.client_secret in (None, ""), "a secret is shown once"
    token_of(rotated)
    form = {"grant_type": "client_credentials"}
    answer = httpx.post(f"{options.public}/oauth2/token", data=form, auth=(made.client_id, made.client_secret))
    assert answer.status_code == 401, "the former secret is dead"


def without_times(client: OAuth2Client) -> dict:
    return {name: value for name, value in client.to_dict().items() if name not in ("updated_at", "client_secret")}


def patches() -> None:
    made = make()
    patch = [JsonPatch(op="replace", path="/client_name", value="Patched"), JsonPatch(op="add", path="/contacts", value=["a@acme.example"])]
    after = called(apps.patch_o_auth2_client(id=made.client_id, json_patch=patch))
    assert after.client_name == "Patched" and after.contacts == ["a@acme.example"]
    token_of(made)
    # Its id is not the document's to change: whether that is refused or ignored, it stays.
    try:
        apps.patch_o_auth2_client(id=made.client_id, json_patch=[JsonPatch(op="replace", path="/client_id", value=NOBODY)])
    except ApiException as error:
        assert error.status == 400, error.body
    refused(404, ErrorOAuth2, lambda: apps.get_o_auth2_client(id=NOBODY))
    assert called(apps.get_o_auth2_client(id=made.client_id)).client_name == "Patched"
    bad = [JsonPatch(op="replace", path="/redirect_uris", value=["not a uri"])]
    refused(400, ErrorOAuth2, lambda: apps.patch_o_auth2_client(id=made.client_id, json_patch=bad))


def lifespans() -> None:
    made = make()
    wanted = OAuth2ClientTokenLifespans(client_credentials_grant_access_token_lifespan="5m0s")
    after = called(apps.set_o_auth2_client_lifespans(id=made.client_id, o_auth2_client_token_lifespans=wanted))
    assert after.client_credentials_grant_access_token_lifespan == "5m0s"
    said = called(apps.introspect_o_auth2_token(token=token_of(made)))
    assert said.exp - said.iat == 300


def lists() -> None:
    made = {make(client_name="Listed").client_id for _ in range(3)}
    by_name = called(apps.list_o_auth2_clients(client_name="Listed"))
    assert {client.client_id for client in by_name} == made
    assert all(client.client_secret in (None, "") for client in by_name)
    seen, token = set(), None
    for _ in range(200):
        answer = apps.list_o_auth2_clients_with_http_info(page_size=2, page_token=token)
        seen |= {client.client_id for client in called(answer.data)}
        links = [link for link in (answer.headers.get("link") or "").split(",") if 'rel="next"' in link]
        if not links:
            break
        token = links[0].split("page_token=")[1].split("&")[0].split(">")[0]
    assert made <= seen


def deletes() -> None:
    made = make(access_token_strategy="opaque")
    token = token_of(made)
    apps.delete_o_auth2_client(id=made.client_id)
    refused(404, ErrorOAuth2, lambda: apps.get_o_auth2_client(id=made.client_id))
    assert called(apps.introspect_o_auth2_token(token=token)).active is False


def refuses() -> None:
    for more in (
        {"redirect_uris": ["not a uri"], "grant_types": ["authorization_code"]},
        {"redirect_uris": ["https://app.example/#fragment"], "grant_types": ["authorization_code"]},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"scope": "with\nline"},
    ):
        refused(400, ErrorOAuth2, lambda: make(**more))


def unknown() -> None:
    refused(404, ErrorOAuth2, lambda: apps.get_o_auth2_client(id=NOBODY))
    refused(404, ErrorOAuth2, lambda: apps.set_o_auth2_client(id=NOBODY, o_auth2_client=OAuth2Client(client_name="x")))
    refused(404, None, lambda: apps.delete_o_auth2_client(id=NOBODY))


def introspects() -> None:
    for strategy in ("jwt", "opaque"):
        made = make(access_token_strategy=strategy)
        said = called(apps.introspect_o_auth2_token(token=token_of(made)))
        assert said.active is True and said.client_id == made.client_id and said.scope == "api:read"
        assert said.token_use == "access_token" and said.exp > said.iat and said.iss == options.public
        narrower = called(apps.introspect_o_auth2_token(token=token_of(made), scope="api:write"))
        assert narrower.active is False, "the token has not the scope that is asked for"
    assert called(apps.introspect_o_auth2_token(token="rubbish")).to_dict() == {"active": False}


def revokes() -> None:
    made = make(access_token_strategy="opaque", token_endpoint_auth_method="client_secret_post")
    form = {"grant_type": "client_credentials", "client_id": made.client_id, "client_secret": made.client_secret}
    answer = httpx.post(f"{options.public}/oauth2/token", data=form)
    token = answer.json()["access_token"]
    oauth2 = ory_client.OAuth2Api(public)
    oauth2.revoke_o_auth2_token(token=token, client_id=made.client_id, client_secret=made.client_secret)
    assert called(apps.introspect_o_auth2_token(token=token)).active is False


def provider() -> None:
    configuration = called(ory_client.OidcApi(public).discover_oidc_configuration())
    assert configuration.issuer == options.public
    assert configuration.jwks_uri.startswith(options.public)
    keys = called(ory_client.WellknownApi(public).discover_json_web_keys())
    assert keys.keys and all(key.kid and key.use == "sig" and not key.d for key in keys.keys)
    bearer = ory_client.OidcApi(Recorder("public", options.public, "rubbish"))
    refused(401, None, lambda: bearer.get_oidc_user_info())


def health() -> None:
    for listener, base in (("public", options.public), ("admin", options.admin)):
        for path in ("/health/alive", "/health/ready"):
            answer = httpx.get(base + path)
            record(listener, "GET", path, answer.status_code)
            assert answer.status_code == 200 and answer.json() == {"status": "ok"}, answer.text
        recorder = Recorder(listener, base)
        assert called(ory_client.MetadataApi(recorder).get_version()).version

"""Our own admin API, which the SDK has not: tenants, admin keys, plugins, people; and what the SDK has not yet."""

import json
import re
from contextlib import closing
from datetime import datetime
from pathlib import Path

import httpx
from checks import check
from persons import PASSWORD, native_sign_in, native_sign_up, new_address
from sdk import called, frontend, key, options, record

BASE = "/admin/portcullis/v1"


def run() -> None:
    check("own: a tenant is made, found, changed and listed", tenants)
    check("own: a key of one tenant sees no other", keys)
    check("own: an answer of refusal is a problem document", problems)
    check("own: a plugin is uploaded, enabled, shadowed, rolled back and deleted", plugins)
    check("own: people are found, verified, exported and imported", finds_people)
    check("own: an organisation has domains, members, groups and invitations", organisations)
    check("own: what happened is told as lines", audit)
    check("own: an operator signs in as somebody, and is seen", impersonates)
    check("own: a person deletes their account, by API and by page", deletes_own_account)
    check("own: a person sees the devices that they trust, and no others", trusts_devices)
    check("own: many sessions are ended at once", ends_sessions)
    check("own: a signing key that leaked is taken away, and another signs", signing_keys)
    check("own: a tenant's providers have secrets that nobody is told", providers)
    check("own: a tenant's webhooks have secrets, and their messages are sent again", webhooks)
    check("own: plugins and metrics are shown", shows)


def call(method: str, path: str, document: dict | None = None, bearer: str | None = key) -> httpx.Response:
    headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
    answer = httpx.request(method, options.admin + path, json=document, headers=headers)
    record("admin", method, path, answer.status_code)
    return answer


def done(answer: httpx.Response) -> dict:
    assert answer.is_success, f"{answer.status_code} {answer.text}"
    return answer.json() if answer.content else {}


def tenants() -> None:
    made = done(call("POST", f"{BASE}/tenants", {"id": "globex", "host": "id.globex.example"}))
    assert made["id"] == "globex" and made["host"] == "id.globex.example"
    assert call("POST", f"{BASE}/tenants", {"id": "globex"}).status_code == 409
    changed = done(call("PATCH", f"{BASE}/tenants/globex", {"host": None}))
    assert changed.get("host") is None
    assert done(call("GET", f"{BASE}/tenants/globex"))["id"] == "globex"
    assert {"default", "globex"} <= {tenant["id"] for tenant in done(call("GET", f"{BASE}/tenants"))["tenants"]}
    discovery = httpx.get(f"{options.public}/t/globex/.well-known/openid-configuration").json()
    assert discovery["issuer"] == f"{options.public}/t/globex"
    done(call("PATCH", f"{BASE}/tenants/globex", {"suspended": True}))
    # A suspended tenant looks like one that is not there.
    assert httpx.get(f"{options.public}/t/globex/.well-known/jwks.json").status_code == 404
    done(call("DELETE", f"{BASE}/tenants/globex"))
    assert call("GET", f"{BASE}/tenants/globex").status_code == 404
    assert call("DELETE", f"{BASE}/tenants/globex").status_code == 404
    assert call("POST", f"{BASE}/tenants", {"id": "globex"}).status_code == 409, "what is left of it is going yet"
    assert call("DELETE", f"{BASE}/tenants/default").status_code == 409


def keys() -> None:
    done(call("POST", f"{BASE}/tenants", {"id": "initech"}))
    made = done(call("POST", f"{BASE}/keys", {"name": "their own", "tenant": "initech", "scopes": ["all"]}))
    secret, identifier = made["secret"], made["key"]["id"]
    assert call("GET", "/t/initech/admin/clients", bearer=secret).status_code == 200
    for path in ("/admin/clients", "/admin/identities", f"{BASE}/tenants/default"):
        assert call("GET", path, bearer=secret).status_code in (403, 404), path
    listed = done(call("GET", f"{BASE}/keys?tenant=initech"))
    assert secret not in str(listed)
    done(call("DELETE", f"{BASE}/keys/{identifier}?tenant=initech"))
    assert call("GET", "/t/initech/admin/clients", bearer=secret).status_code == 401


def signing_keys() -> None:
    done(call("POST", f"{BASE}/tenants", {"id": "leaky"}))
    of = f"/t/leaky{BASE}/signing-keys"
    # The tenant's first visitor has its keys made.
    assert httpx_public("GET", "/t/leaky/.well-known/jwks.json").status_code == 200
    [leaked] = done(call("GET", of))["keys"]
    for _ in range(2):
        revoked = done(call("POST", f"{of}/{leaked['kid']}/revoke"))
        assert (revoked["kid"], revoked["state"]) == (leaked["kid"], "revoked"), revoked
    states = {key["kid"]: key["state"] for key in done(call("GET", of))["keys"]}
    assert states.pop(leaked["kid"]) == "revoked" and list(states.values()) == ["active"], states
    published = done(httpx_public("GET", "/t/leaky/.well-known/jwks.json"))["keys"]
    assert [key["kid"] for key in published] == list(states), published
    assert call("POST", f"{of}/nobody/revoke").status_code == 404
    done(call("DELETE", f"{BASE}/tenants/leaky"))


def problems() -> None:
    for bearer in (None, "rubbish"):
        answer = call("GET", f"{BASE}/tenants", bearer=bearer)
        assert answer.status_code == 401
    answer = call("GET", f"{BASE}/tenants/no-such-tenant")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.headers["x-request-id"]
    answer = call("POST", f"{BASE}/tenants", {"id": "UPPER"})
    assert answer.status_code == 400 and answer.json()["status"] == 400


def plugins() -> None:
    one = f"{BASE}/plugins/plan"
    for version, guest in enumerate(("enrich_token_rust", "token_echo", "token_remembers"), start=1):
        assert done(upload("plan", guest))["version"] == version
    refused = upload("plan", None)
    assert refused.status_code == 422 and "not_a_component" in refused.text, refused.text
    # Bound to an app that there is not: nobody else's tokens change.
    declaration = {"settings": {"domains": {}}, "bind": [{"hook": "token", "client": "nobody"}]}
    enabled = done(call("POST", f"{one}/enable", {"version": 1, **declaration}))
    assert enabled["running"]["state"] == "loaded", enabled
    assert len(done(call("GET", one))["versions"]) == 3
    logs = done(call("GET", f"{one}/logs?after=0"))
    assert logs == {"lines": [], "next": 0, "missed": False}, logs
    assert call("GET", f"{one}/logs?after=yesterday").status_code == 400
    done(call("PUT", f"{one}/secrets/api_key", {"value": "moss-covered"}))
    secrets = done(call("GET", f"{one}/secrets"))["secrets"]
    assert [secret["name"] for secret in secrets] == ["api_key"] and "moss-covered" not in str(secrets), secrets
    done(call("DELETE", f"{one}/secrets/api_key"))
    assert call("DELETE", f"{one}/secrets/api_key").status_code == 404
    done(call("POST", f"{one}/shadow", {"version": 2, "per_mille": 1000}))
    assert done(call("GET", f"{one}/shadow"))["version"] == 2
    done(call("DELETE", f"{one}/shadow"))
    done(call("POST", f"{one}/shadow", {"version": 2}))
    assert done(call("POST", f"{one}/promote"))["current"]["declaration"]["version"] == 2
    assert done(call("POST", f"{one}/rollback"))["current"]["declaration"]["version"] == 1
    assert call("DELETE", f"{one}/versions/1").status_code == 409
    done(call("DELETE", f"{one}/versions/3"))
    done(call("POST", f"{one}/disable"))
    done(call("DELETE", one))
    assert call("GET", one).status_code == 404


def finds_people() -> None:
    email, identities = new_address(), f"{BASE}/identities"
    made = native_sign_up(email).identity
    for filters in (f"address={email.upper()}", f"trait.email={email}&state=active"):
        found = done(call("GET", f"{identities}?{filters}"))["identities"]
        assert [identity["id"] for identity in found] == [str(made.id)], filters
    found = done(call("GET", f"{identities}?text={email.split('@')[0]}"))["identities"]
    assert str(made.id) in [identity["id"] for identity in found], "by the beginnings of words"
    assert done(call("GET", f"{identities}?address={email}&state=inactive"))["identities"] == []
    assert call("GET", f"{identities}?name=ada").status_code == 400
    verify = f"{identities}/{made.id}/credentials/verify"
    for password, verified in ((PASSWORD, True), ("wrong", False)):
        verdict = done(call("POST", verify, {"type": "password", "password": password}))
        assert verdict == {"verified": verified, "state": "active"}, verdict
    assert done(call("GET", f"{identities}/violations"))["identities"] == []
    line, token = None, ""
    while line is None:
        page = done(call("GET", f"{identities}/export?credentials=true{token}"))
        line = next((line for line in page["identities"] if line["id"] == str(made.id)), None)
        token = f"&page_token={page['next_page_token']}"
    done(call("DELETE", f"/admin/identities/{made.id}"))
    patch = {"id": line.pop("id"), "create": line}
    for action in ("create", "error"):
        outcome = done(call("POST", f"{identities}/import", {"identities": [patch]}))["identities"][0]
        assert outcome["action"] == action, outcome
    assert native_sign_in(email).session.identity.id == made.id, "with the same id and password"


def audit() -> None:
    person = native_sign_up()
    path, seen = f"{BASE}/audit?page_size=1000", {}
    for _ in range(1000):
        answer = call("GET", path)
        assert answer.status_code == 200 and answer.headers["content-type"] == "application/x-ndjson"
        lines = [json.loads(line) for line in answer.text.splitlines()]
        times = [datetime.fromisoformat(line["at"]) for line in lines]
        assert times == sorted(times), "the oldest first"
        # Young ones come again, until nobody writes an earlier one any more.
        seen |= {line["id"]: line for line in lines}
        if len(lines) < 1000:
            break
        path = answer.links["next"]["url"]
    made = [line for line in seen.values() if line["target_id"] == str(person.identity.id)]
    assert "identity.created" in [line["action"] for line in made], made


def organisations() -> None:
    all_of_them = f"{BASE}/organisations"
    made = done(call("POST", all_of_them, {"label": "Acme", "policy": {"session_lifespan_seconds": 600}}))
    one = f"{all_of_them}/{made['id']}"
    assert made["state"] == "active" and done(call("GET", one)) == made
    assert made["id"] in [listed["id"] for listed in done(call("GET", all_of_them))["organisations"]]
    assert done(call("PATCH", one, {"label": "Acme Corporation"}))["label"] == "Acme Corporation"
    claim = done(call("POST", f"{one}/domains", {"domain": "ACME.example"}))
    assert claim["domain"] == "acme.example" and claim["verified_at"] is None, claim
    assert claim["record"]["name"] == "_portcullis-challenge.acme.example", claim
    assert done(call("GET", f"{one}/domains"))["domains"] == [claim]
    # No name server answers this node: what cannot be asked is not proven.
    assert call("POST", f"{one}/domains/acme.example/verify").status_code == 502
    done(call("DELETE", f"{one}/domains/acme.example"))

    assert call("GET", f"{one}/connection").status_code == 404
    wanted = {"provider": "generic", "client_id": "portcullis", "issuer_url": "https://login.acme.example"}
    connection = done(call("PUT", f"{one}/connection", wanted | {"client_secret": "hunter2"}))
    assert connection["has_secret"] and "hunter2" not in str(connection), connection
    assert done(call("GET", f"{one}/connection"))["redirect_uri"].endswith(connection["provider"]["id"])
    enforced = done(call("PATCH", one, {"policy": {"enforce_connection": True}}))
    assert enforced["policy"]["enforce_connection"] is True, enforced
    assert call("DELETE", f"{one}/connection").status_code == 409
    assert call("PATCH", f"{one}/connection", {"enabled": False}).status_code == 409
    done(call("PATCH", one, {"policy": {"session_lifespan_seconds": 600}}))
    assert done(call("PATCH", f"{one}/connection", {"enabled": False}))["enabled"] is False
    done(call("DELETE", f"{one}/connection"))

    email = new_address()
    person = native_sign_up(email)
    member = f"{one}/members/{person.identity.id}"
    assert done(call("PUT", member, {"role": "owner"}))["provenance"] == "manual"
    assert [listed["role"] for listed in done(call("GET", f"{one}/members"))["members"]] == ["owner"]
    group = done(call("POST", f"{one}/groups", {"label": "Buyers"}))
    group = f"{one}/groups/{group['id']}"
    assert done(call("PATCH", group, {"label": "Sellers"}))["label"] == "Sellers"
    done(call("PUT", f"{group}/members/{person.identity.id}"))
    assert len(done(call("GET", f"{group}/members"))["members"]) == 1
    done(call("DELETE", f"{group}/members/{person.identity.id}"))
    assert [listed["label"] for listed in done(call("GET", f"{one}/groups"))["groups"]] == ["Sellers"]
    done(call("DELETE", group))
    signed_in = native_sign_in(email)
    assert signed_in.session.identity.organization_id is not None, "their organisation is in their document"
    done(call("DELETE", member))

    done(call("PUT", member, {"role": "owner"}))
    manages_by_page(one, email)
    done(call("DELETE", member))
    accepts_by_page(one, email)
    done(call("DELETE", member))
    invited = done(call("POST", f"{one}/invitations", {"address": email, "role": "admin"}))
    spare = done(call("POST", f"{one}/invitations", {"address": new_address()}))
    done(call("DELETE", f"{one}/invitations/{spare['id']}"))
    listed = done(call("GET", f"{one}/invitations"))["invitations"]
    assert {invited["id"], spare["id"]} <= {one_of_them["id"] for one_of_them in listed}, listed
    token = invitation(email)
    shown = done(httpx_public("GET", f"/portcullis/v1/invitations?token={token}"))
    assert shown["organization"]["label"] == "Acme Corporation" and shown["role"] == "admin", shown
    session = {"x-session-token": native_sign_in(email).session_token}
    accept = ("POST", "/portcullis/v1/invitations/accept", {"token": token}, session)
    assert done(httpx_public(*accept))["address"] == email
    assert httpx_public(*accept).status_code == 404, "once"
    assert done(call("GET", f"{one}/members"))["members"][0]["provenance"] == "invitation"
    assert invited["accepted_at"] is None
    done(call("DELETE", one))
    assert call("GET", one).status_code == 404
    assert native_sign_in(email).session.identity.organization_id is None, "people stay"


def invitation(email: str) -> str:
    """The token of the last invitation to an address."""
    listed = done(call("GET", f"/admin/courier/messages?recipient={email}"))
    mails = [done(call("GET", f"/admin/courier/messages/{message['id']}"))["body"] for message in listed]
    return next(found[1] for mail in mails if (found := re.search("token=(pci_[A-Za-z0-9_-]+)", mail)))


def accepts_by_page(one: str, email: str) -> None:
    """As a browser without scripts does."""
    done(call("POST", f"{one}/invitations", {"address": email}))
    page = f"/ui/invitation?token={invitation(email)}"
    with closing(signed_in_browser(email)) as browser:
        accepted = posts(browser, page, "/ui/invitation", {})
        assert accepted.status_code == 303, accepted.text
    assert done(call("GET", f"{one}/members"))["members"][0]["role"] == "member"


def manages_by_page(one: str, email: str) -> None:
    """As an owner does who has no scripts."""
    page, invited = f"/ui/organisation?organisation={one.rsplit('/', 1)[1]}", new_address()
    with closing(signed_in_browser(email)) as browser:
        wanted = {"do": "invite", "address": invited, "role": "member"}
        assert posts(browser, page, "/ui/organisation", wanted).status_code == 303
    opened = done(call("GET", f"{one}/invitations"))["invitations"]
    assert invited in [invitation["address"] for invitation in opened], opened
    for invitation_of in opened:
        done(call("DELETE", f"{one}/invitations/{invitation_of['id']}"))


def signed_in_browser(email: str) -> httpx.Client:
    browser = httpx.Client(base_url=options.public, headers={"accept": "application/json"})
    flow = browser.get("/self-service/login/browser").json()
    csrf_token = next(n["attributes"]["value"] for n in flow["ui"]["nodes"] if n["attributes"]["name"] == "csrf_token")
    typed = {"method": "password", "csrf_token": csrf_token, "identifier": email, "password": PASSWORD}
    assert browser.post(flow["ui"]["action"], json=typed).is_success
    return browser


def posts(browser: httpx.Client, page: str, action: str, fields: dict) -> httpx.Response:
    """Opens a page and sends its form, with what was typed into it."""
    shown = browser.get(page, headers={"accept": "text/html"})
    record("public", "GET", page, shown.status_code)
    assert "Acme Corporation" in shown.text, shown.text
    hidden = dict(re.findall('type="hidden" name="(csrf_token|token|organisation)" value="([^"]+)"', shown.text))
    answer = browser.post(action, data={**hidden, **fields})
    record("public", "POST", action, answer.status_code)
    return answer


def httpx_public(method: str, path: str, document: dict | None = None, headers: dict | None = None) -> httpx.Response:
    answer = httpx.request(method, options.public + path, json=document, headers=headers or {})
    record("public", method, path, answer.status_code)
    return answer


def impersonates() -> None:
    person = native_sign_up()
    path = f"{BASE}/identities/{person.identity.id}/impersonate"
    assert call("POST", path, {}).status_code == 400, "without a reason"
    begun = done(call("POST", path, {"reason": "ticket 77"}))
    # Who acts is not in the specification: these two documents have a member of ours.
    who = frontend.to_session(x_session_token=begun["session_token"])
    assert who.identity.id == person.identity.id
    assert who.additional_properties["portcullis_act"]["sub"].startswith("admin_key:")
    mine = frontend.list_my_sessions(x_session_token=person.session_token)
    assert [str(session.id) for session in mine] == [begun["session"]["id"]]
    link = done(call("POST", path, {"reason": "ticket 77", "as_link": True}))["link"]
    with closing(httpx.Client(base_url=options.public, headers={"accept": "text/html"})) as browser:
        shown = browser.get(link)
        record("public", "GET", "/ui/impersonation", shown.status_code)
        token = link.split("token=", 1)[1]
        opened = browser.post("/ui/impersonation", data={"token": token})
        record("public", "POST", "/ui/impersonation", opened.status_code)
        assert opened.status_code == 303, opened.text
        assert browser.get("/sessions/whoami").json()["identity"]["id"] == str(person.identity.id)
        assert browser.post("/ui/impersonation", data={"token": token}).status_code == 404, "once"


def deletes_own_account() -> None:
    email = new_address()
    session = {"x-session-token": native_sign_up(email).session_token}
    path = "/portcullis/v1/account"
    assert httpx_public("DELETE", path, {"confirm": new_address()}, session).status_code == 400
    assert httpx_public("DELETE", path, {"confirm": email}, session).status_code == 204
    assert httpx_public("GET", "/sessions/whoami", headers=session).status_code == 401
    native_sign_up(email)
    with closing(signed_in_browser(email)) as browser:
        shown = browser.get("/ui/settings", headers={"accept": "text/html"}, follow_redirects=True)
        form = shown.text.split('id="deletion"', 1)[1]
        hidden = dict(re.findall('type="hidden" name="(csrf_token|flow)" value="([^"]+)"', form))
        deleted = browser.post("/ui/account/deletion", data={**hidden, "confirm": email})
        record("public", "POST", "/ui/account/deletion", deleted.status_code)
        assert deleted.headers["location"].endswith("/ui/account-deleted"), deleted.headers
        gone = browser.get("/ui/account-deleted", headers={"accept": "text/html"})
        record("public", "GET", "/ui/account-deleted", gone.status_code)
        assert gone.is_success and browser.get("/sessions/whoami").status_code == 401


def trusts_devices() -> None:
    session = {"x-session-token": native_sign_up().session_token}
    path = "/portcullis/v1/trusted-devices"
    assert done(httpx_public("GET", path, headers=session)) == {"trusted_devices": []}
    unknown = f"{path}/6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    assert httpx_public("DELETE", unknown, headers=session).status_code == 404


def ends_sessions() -> None:
    signed_in = [native_sign_up() for _ in range(2)]
    body = {"action": "disable", "sessions": [str(one.session.id) for one in signed_in]}
    assert done(call("POST", "/admin/sessions", body)) == {"processed": 2, "more": False}
    assert done(call("POST", "/admin/sessions", body)) == {"processed": 0, "more": False}
    assert done(call("POST", "/admin/sessions", {**body, "action": "delete"})) == {"processed": 2, "more": False}
    assert call("POST", "/admin/sessions", {"action": "disable", "sessions": ["*"]}).status_code == 400


def webhooks() -> None:
    webhook = {"name": "crm", "url": "https://crm.example/", "events": ["*"], "signing_secret": "crm"}
    made = call("POST", f"{BASE}/tenants", {"id": "vandelay", "settings": {"webhook": [webhook]}})
    assert done(made)["id"] == "vandelay"
    of = f"/t/vandelay{BASE}"
    value = {"value": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
    done(call("PUT", f"{of}/secrets/crm", value))
    listed = call("GET", f"{of}/secrets")
    assert done(listed) == {"secrets": ["crm"]} and "whsec" not in listed.text
    done(call("DELETE", f"{of}/secrets/crm"))
    assert done(call("GET", f"{of}/secrets")) == {"secrets": []}
    assert done(call("GET", f"{of}/webhooks/messages?status=given_up"))["messages"] == []
    done(call("POST", f"{of}/webhooks/crm/resend"))
    assert call("POST", f"{of}/webhooks/other/resend").status_code == 404
    nobody = "00000000-0000-4000-8000-000000000000"
    assert call("POST", f"{of}/webhooks/crm/messages/{nobody}/resend").status_code == 404


def providers() -> None:
    provider = {"id": "acme", "provider": "generic", "client_id": "client", "issuer_url": "https://op.example"}
    done(call("POST", f"{BASE}/tenants", {"id": "hooli", "settings": {"federation": {"provider": [provider]}}}))
    of = f"/t/hooli{BASE}/providers"
    done(call("PUT", f"{of}/acme/secret", {"value": "moss-covered"}))
    assert call("PUT", f"{of}/nobody/secret", {"value": "moss-covered"}).status_code == 404
    listed = done(call("GET", of))["providers"]
    callback = "/self-service/methods/oidc/callback"
    assert [one["id"] for one in listed] == ["acme"] and listed[0]["has_secret"], listed
    assert listed[0]["redirect_uri"] == f"{options.public}/t/hooli{callback}/acme", listed
    assert "moss-covered" not in str(listed)
    done(call("DELETE", f"{of}/acme/secret"))
    assert not done(call("GET", of))["providers"][0]["has_secret"]
    # What nobody asked for leads to the page that says so, by whichever address it comes.
    organization = "/self-service/methods/oidc/organization/6ba7b810-9dad-11d1-80b4-00c04fd430c8/callback/acme"
    for path in (callback, f"{callback}/acme", organization):
        answer = httpx.get(f"{options.public}{path}?code=x&state=y")
        record("public", "GET", path, answer.status_code)
        assert answer.status_code == 303 and "/ui/error?id=" in answer.headers["location"], answer.headers
        answer = httpx.post(f"{options.public}{path}", data={"code": "x", "state": "y"})
        record("public", "POST", path, answer.status_code)
        assert answer.headers["location"] == f"{options.public}{path}?code=x&state=y", answer.headers


def upload(name: str, guest: str | None) -> httpx.Response:
    """Sends a guest's component, or what is none."""
    component = (Path(options.guests) / f"{guest}.wasm").read_bytes() if guest else b"no component"
    headers = {"authorization": f"Bearer {key}", "content-type": "application/wasm"}
    path = f"{BASE}/plugins?name={name}"
    answer = httpx.post(options.admin + path, content=component, headers=headers, timeout=60)
    record("admin", "POST", path, answer.status_code)
    return answer


def shows() -> None:
    assert done(call("GET", f"{BASE}/plugins")) is not None
    answer = call("GET", "/metrics")
    assert answer.status_code == 200 and "# TYPE" in answer.text

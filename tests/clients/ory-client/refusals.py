"""The answers of refusal that the description has, each provoked; whether they are as described, the witness says.

The SDK sends no mistakes, so these are requests of their own.
"""

import re
import time

import httpx
from applications import make as make_client
from checks import check
from identities import NOBODY, make
from persons import PASSWORD, address_of, native_sign_in, native_sign_up, new_address
from sdk import Jar, frontend, key, options, record
from second_factors import enrol
from single_page import page, sign_in

KINDS = ("login", "registration", "settings", "recovery", "verification")
# Nobody's forms last longer than a second there.
HASTY = "/t/hasty"
# Its people sign in with another provider.
LINKED = "/t/linked"
# As the node is started with it.
NEIGHBOUR_SECRET = "neighbour-secret-of-more-than-32-characters"
# How long a form's end is waited for, in seconds.
PATIENCE = 20
FAR_AWAY = "return_to=https://evil.example/"


def run() -> None:
    check("refusals: a form cannot begin with what is not known", beginnings)
    check("refusals: a form that there is not, or that is another's, is not shown and not taken", forms)
    check("refusals: a form that has expired is gone", expired)
    check("refusals: a single-page app is told where the browser has to go", elsewhere)
    check("refusals: settings want the session that they were begun with, and both factors", settings)
    check("refusals: one's sessions", sessions)
    check("refusals: operators name what is there, and say what they mean", operators)
    check("refusals: operators have a key", keys)
    check("prefix: operators' operations are found without `/admin`", prefix)


def answered(status: int, method: str, path: str, *, jar: Jar | None = None, base: str = "public", **more) -> httpx.Response:
    """Sends JSON as a single-page app does, with the cookies of its browser, and expects a status."""
    headers = {"accept": "application/json", **more.pop("headers", {})}
    if jar:
        headers["cookie"] = jar.header()
    answer = httpx.request(method, getattr(options, base) + path, headers=headers, **more)
    record(base, method, path.split("?")[0], answer.status_code)
    if jar:
        jar.keep(answer.headers.get_list("set-cookie"))
    assert answer.status_code == status, f"{method} {path}: expected {status}, got {answer.status_code}: {answer.text}"
    return answer


def operated(status: int, method: str, path: str, **more) -> httpx.Response:
    return answered(status, method, path, base="admin", headers={"authorization": f"Bearer {key}"}, **more)


def begun(kind: str, jar: Jar, tenant: str = "") -> dict:
    """The form of a browser."""
    return answered(200, "GET", f"{tenant}/self-service/{kind}/browser", jar=jar).json()


def csrf(flow: dict) -> str:
    return next(node["attributes"]["value"] for node in flow["ui"]["nodes"] if node["attributes"].get("name") == "csrf_token")


def beginnings() -> None:
    person = sign_in(address_of(native_sign_up()))
    for kind in KINDS:
        jar = person if kind == "settings" else Jar()
        answer = answered(400, "GET", f"/self-service/{kind}/browser?{FAR_AWAY}", jar=jar)
        assert answer.json()["error"]["id"] == "self_service_flow_return_to_forbidden", answer.text
        # What a browser sends is for no native app.
        answered(400, "GET", f"/self-service/{kind}/api", headers={"origin": "https://app.example"})
    for kind in ("login", "registration"):
        answered(400, "GET", f"/self-service/{kind}/api?identity_schema=nobodys")
        answered(400, "GET", f"/self-service/{kind}/api?{FAR_AWAY}")
    answered(400, "GET", "/self-service/login/api?aal=aal9")


def forms() -> None:
    for kind in KINDS:
        answered(404, "GET", f"/self-service/{kind}/flows?id={NOBODY}")
        answered(404, "POST", f"/self-service/{kind}?flow={NOBODY}", json={"method": "password"})
        if kind != "settings":
            mine = Jar()
            flow = begun(kind, mine)
            answered(403, "GET", f"/self-service/{kind}/flows?id={flow['id']}", jar=Jar())
            # Without the token of its form.
            answered(403, "POST", f"/self-service/{kind}?flow={flow['id']}", jar=mine, json={"method": "password"})
    answered(404, "GET", f"/self-service/errors?id={NOBODY}")


def expired() -> None:
    for kind in KINDS:
        headers = {}
        if kind == "settings":
            flow = answered(200, "GET", f"{HASTY}/self-service/registration/api").json()
            body = {"method": "password", "password": PASSWORD, "traits": {"email": new_address()}}
            done = answered(200, "POST", f"{HASTY}/self-service/registration?flow={flow['id']}", json=body).json()
            headers["x-session-token"] = done["session_token"]
        flow = answered(200, "GET", f"{HASTY}/self-service/{kind}/api", headers=headers).json()
        shown = gone("GET", f"{HASTY}/self-service/{kind}/flows?id={flow['id']}", headers)
        assert shown["error"]["id"] == "self_service_flow_expired", shown
        taken = gone("POST", f"{HASTY}/self-service/{kind}?flow={flow['id']}", headers)
        assert taken["use_flow_id"] != flow["id"], "a new form takes its place"


def gone(method: str, path: str, headers: dict[str, str]) -> dict:
    """Waits until a form has expired."""
    began = time.monotonic()
    while time.monotonic() < began + PATIENCE:
        answer = httpx.request(method, options.public + path, headers=headers, json={"method": "password"} if method == "POST" else None)
        if answer.status_code == 410:
            return answer.json()
    raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")


def elsewhere() -> None:
    # The neighbour takes the requests of its client by itself before it sends anybody there (RFC 9126).
    make_client(
        client_id="linked",
        client_secret=NEIGHBOUR_SECRET,
        grant_types=["authorization_code"],
        response_types=["code"],
        scope="openid profile email offline_access",
        redirect_uris=[f"{options.public}{LINKED}/self-service/methods/oidc/callback/neighbour"],
    )
    for kind in ("login", "registration"):
        jar = Jar()
        flow = begun(kind, jar, LINKED)
        body = {"method": "oidc", "provider": "neighbour", "csrf_token": csrf(flow)}
        moved = answered(422, "POST", f"{LINKED}/self-service/{kind}?flow={flow['id']}", jar=jar, json=body).json()
        assert "/oauth2/auth?" in moved["redirect_browser_to"], moved
        # At the address that forms of older versions have, for a page.
        older = f"{LINKED}/self-service/methods/oidc/auth/{flow['id']}"
        form = {"provider": "neighbour", "csrf_token": csrf(flow)}
        assert page("GET", older, jar).headers["location"].endswith(f"/ui/{kind}?flow={flow['id']}"), "a link shows the form"
        moved = page("POST", older, jar, form)
        assert moved.status_code == 303 and "/oauth2/auth?" in moved.headers["location"], moved.text
        refused = page("POST", older, jar, {"provider": "neighbour"})
        assert refused.status_code == 303 and "/ui/error?id=" in refused.headers["location"], "without its token it is refused"
    # Somebody who is there links an account.
    jar = Jar()
    flow = begun("registration", jar, LINKED)
    body = {"method": "password", "password": PASSWORD, "traits": {"email": new_address()}, "csrf_token": csrf(flow)}
    answered(200, "POST", f"{LINKED}/self-service/registration?flow={flow['id']}", jar=jar, json=body)
    flow = begun("settings", jar, LINKED)
    body = {"method": "oidc", "link": "neighbour", "csrf_token": csrf(flow)}
    moved = answered(422, "POST", f"{LINKED}/self-service/settings?flow={flow['id']}", jar=jar, json=body).json()
    assert "/oauth2/auth?" in moved["redirect_browser_to"], moved


def settings() -> None:
    email = address_of(native_sign_up())
    mine, other = sign_in(email), sign_in(address_of(native_sign_up()))
    flow = begun("settings", mine)
    body = {"method": "profile", "traits": {"email": new_address()}, "csrf_token": csrf(flow)}
    path = f"/self-service/settings?flow={flow['id']}"
    signed_out = Jar()
    signed_out.cookies = {name: value for name, value in mine.cookies.items() if "session" not in name}
    answered(401, "GET", f"/self-service/settings/flows?id={flow['id']}", jar=signed_out)
    answered(401, "POST", path, jar=signed_out, json=body)
    answered(403, "POST", path, jar=other, json=body)
    form = {"method": "profile", "traits.email": new_address(), "csrf_token": csrf(flow)}
    assert page("POST", path, mine, form).status_code == 303
    # Who has a second factor has to have proven it.
    person = native_sign_up()
    enrol(person.session_token)
    jar = Jar()
    flow = begun("login", jar)
    body = {"method": "password", "identifier": address_of(person), "password": PASSWORD, "csrf_token": csrf(flow)}
    moved = answered(422, "POST", f"/self-service/login?flow={flow['id']}", jar=jar, json=body).json()
    assert "aal=aal2" in moved["redirect_browser_to"], moved
    answer = answered(403, "GET", "/self-service/settings/browser", jar=jar).json()
    assert answer["error"]["id"] == "session_aal2_required" and "aal=aal2" in answer["redirect_browser_to"], answer


def sessions() -> None:
    jar = sign_in(address_of(native_sign_up()))
    own = jar.call(frontend.to_session_with_http_info).id
    answered(400, "GET", "/sessions?page_token=rubbish", jar=jar)
    answered(400, "DELETE", f"/sessions/{own}", jar=jar)
    answered(401, "DELETE", f"/sessions/{own}")
    answered(400, "GET", f"/self-service/logout/browser?{FAR_AWAY}", jar=jar)
    answered(400, "DELETE", "/self-service/logout/api", json={})
    logout = jar.call(frontend.create_browser_logout_flow_with_http_info)
    assert page("GET", f"/self-service/logout?token={logout.logout_token}", jar).status_code == 303
    assert httpx.get(f"{options.public}/self-service/errors?id=stub:500").status_code == 200


def operators() -> None:
    made, other = make(), make()
    one = f"/admin/identities/{made.id}"
    for kind in ("code", "link"):
        operated(400, "POST", f"/admin/recovery/{kind}", json={})
    operated(400, "PUT", one, json={})
    operated(400, "PATCH", one, json={})
    taken = {"schema_id": "default", "state": "active", "traits": other.traits}
    operated(409, "PUT", one, json=taken)
    operated(409, "PATCH", one, json=[{"op": "replace", "path": "/traits/email", "value": other.traits["email"]}])
    operated(400, "GET", f"{one}/sessions?active=perhaps")
    operated(400, "GET", "/admin/sessions?active=perhaps")
    operated(400, "GET", "/admin/sessions?expand=everything")
    operated(400, "GET", "/admin/sessions?page=2")
    operated(400, "GET", "/admin/identities?include_credential=everything")
    operated(400, "GET", "/admin/identities?consistency=perhaps")
    operated(400, "GET", "/admin/courier/messages?status=lost")
    for method, path in (
        ("GET", f"/admin/identities/{NOBODY}/sessions"),
        ("DELETE", f"/admin/identities/{NOBODY}/sessions"),
        ("DELETE", f"/admin/sessions/{NOBODY}"),
        ("PATCH", f"/admin/sessions/{NOBODY}/extend"),
        ("DELETE", f"/admin/identities/{NOBODY}/credentials/password"),
    ):
        operated(404, method, path)
    operated(404, "PUT", f"/admin/identities/{NOBODY}", json=taken)


def keys() -> None:
    for method, path in (
        ("POST", "/admin/sessions"),
        ("DELETE", f"/admin/sessions/{NOBODY}"),
        ("DELETE", f"/admin/identities/{NOBODY}/sessions"),
        ("GET", "/admin/identities"),
        ("GET", "/identities"),
        ("GET", "/health/config"),
    ):
        answered(401, method, path, base="admin")


def prefix() -> None:
    made = make()
    session = native_sign_in(made.traits["email"]).session
    for path in (
        "/identities",
        f"/identities/{made.id}",
        f"/identities/{made.id}/sessions",
        "/sessions",
        f"/sessions/{session.id}?expand=identity",
        "/courier/messages",
        "/schemas",
        "/schemas/default",
        "/admin/metrics/prometheus",
    ):
        operated(200, "GET", path)
    digests = [operated(200, "GET", path).text for path in ("/admin/health/config", "/health/config", "/t/hasty/health/config")]
    assert digests[0] == digests[1] != digests[2] and re.fullmatch("[0-9a-f]{64}", digests[0]), digests
    operated(201, "POST", "/recovery/code", json={"identity_id": str(made.id)})
    operated(200, "PATCH", f"/sessions/{session.id}/extend")
    operated(204, "DELETE", f"/sessions/{session.id}")
    operated(204, "DELETE", f"/identities/{made.id}")
    # What is new is at its own address.
    operated(404, "GET", "/portcullis/v1/tenants")
    # Nor are the operators' operations on the public listener.
    answered(404, "GET", "/identities")

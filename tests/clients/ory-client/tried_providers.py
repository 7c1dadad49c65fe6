"""Providers, as far as that goes without one: what browsers are told of them (FedCM), and dry runs that say where they fail."""

import httpx
from checks import check
from own_api import BASE, call, done
from persons import address_of, native_sign_up
from sdk import options, record
from single_page import sign_in

FED_CM = "/self-service/fed-cm"
TEST = "/self-service/login/test"


def run() -> None:
    check("providers: a browser is told which it may ask by itself", fed_cm)
    check("providers: one that is tried out says where it fails", tried_out)


def public(method: str, path: str, **more) -> httpx.Response:
    headers = {"accept": "application/json", **more.pop("headers", {})}
    answer = httpx.request(method, options.public + path, headers=headers, timeout=30, **more)
    record("public", method, path, answer.status_code)
    return answer


def provider(**more) -> dict:
    return {"id": "acme", "provider": "generic", "client_id": "client", "issuer_url": "https://op.example", **more}


def fed_cm() -> None:
    assert public("GET", f"{FED_CM}/parameters").json() == {"csrf_token": "", "providers": []}
    config = {"config_url": "https://op.example/fedcm.json"}
    federation = {"federation": {"provider": [provider(fed_cm=config)]}}
    done(call("POST", f"{BASE}/tenants", {"id": "umbrella", "settings": federation}))
    begun = public("GET", f"/t/umbrella{FED_CM}/parameters")
    offered = begun.json()["providers"][0]
    assert offered["config_url"] == config["config_url"] and offered["client_id"] == "client", offered
    body = {"token": "a.b.c", "csrf_token": begun.json()["csrf_token"], "nonce": offered["nonce"]}
    assert public("POST", f"/t/umbrella{FED_CM}/token", json=body, cookies=begun.cookies).status_code == 404
    assert public("POST", f"{FED_CM}/token", json=body).status_code == 404
    assert public("POST", f"{FED_CM}/token", data=body).status_code == 404
    jar = sign_in(address_of(native_sign_up()))
    assert public("GET", f"{FED_CM}/parameters", headers={"cookie": jar.header()}).status_code == 400


def tried_out() -> None:
    done(call("POST", f"{BASE}/tenants", {"id": "stark", "settings": {"federation": {"provider": [provider()]}}}))
    create = "/t/stark/admin/test-login-flows"
    assert call("POST", create, {"provider_id": "nobody"}).status_code == 404
    assert call("POST", create, {}).status_code == 400
    flow = done(call("POST", create, {"provider_id": "acme"}))
    assert flow["test_context"] == {"provider_id": "acme"}, flow
    token = next(node for node in flow["ui"]["nodes"] if node["attributes"]["name"] == "csrf_token")
    body = {"csrf_token": token["attributes"]["value"]}
    # Nobody is there: that is what it says.
    back = public("POST", f"/t/stark{TEST}?flow={flow['id']}", data=body, headers={"accept": "text/html"})
    assert back.status_code == 303, back.text
    shown = httpx.get(back.headers["location"], cookies=back.cookies).json()
    assert shown["test_context"]["debug_payload"]["error"]["step"] == "authorization", shown
    deleted = f"/t/stark{TEST}?id={flow['id']}"
    assert public("DELETE", deleted).status_code == 403
    assert public("DELETE", deleted, cookies=back.cookies).status_code == 204
    assert public("DELETE", deleted).status_code == 404
    assert public("DELETE", f"/t/stark{TEST}").status_code == 400

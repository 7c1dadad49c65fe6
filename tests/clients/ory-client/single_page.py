"""Single-page apps and pages: cookies and a CSRF token; JSON for the former, redirects for the latter."""

from urllib.parse import parse_qs, urlsplit

import httpx
from checks import check
from ory_client import ErrorGeneric, LoginFlow, SettingsFlow
from persons import PASSWORD, address_of, by_password, native_sign_up, new_address, new_password, new_profile, sign_up_with
from sdk import Jar, called, frontend, message_ids, node_value, options, public, record, refused


def run() -> None:
    check("single page: a person signs up", signs_up)
    check("single page: a person signs in, is known, and signs out", signs_in_and_out)
    check("single page: a wrong password gives the flow back", wrong_password)
    check("single page: without its CSRF token a form is refused", csrf)
    check("single page: a flow of another browser is refused", another_browser)
    check("single page: a signed-in person needs no new login", already)
    check("single page: settings change the profile and the password", settings)
    check("single page: settings ask for a session", settings_need_a_session)
    check("single page: a person lists and ends their other sessions", sessions)
    check("page: each flow begins with a redirect to its page, where the SDK finds it", pages)
    check("page: a form is answered with a redirect", form_is_answered)
    check("page: what went wrong is found by the id of its page", errors)


def sign_in(email: str, password: str = PASSWORD) -> Jar:
    jar = Jar()
    flow = jar.call(frontend.create_browser_login_flow_with_http_info)
    body = by_password(email, password, node_value(flow, "csrf_token"))
    done = jar.call(frontend.update_login_flow_with_http_info, flow=str(flow.id), update_login_flow_body=body)
    assert done.session_token is None, "a browser gets a cookie, never a token"
    return jar


def signs_up() -> None:
    jar, email = Jar(), new_address()
    # This operation takes no cookie; the browser has none yet.
    flow = called(frontend.create_browser_registration_flow())
    jar.keep(public.set_cookies)
    assert flow.type == "browser"
    assert jar.call(frontend.get_registration_flow_with_http_info, id=str(flow.id)).id == flow.id
    body = sign_up_with(email, csrf=node_value(flow, "csrf_token"))
    done = jar.call(frontend.update_registration_flow_with_http_info, flow=str(flow.id), update_registration_flow_body=body)
    assert done.identity.traits["email"] == email and done.session_token is None
    assert jar.call(frontend.to_session_with_http_info).identity.id == done.identity.id


def signs_in_and_out() -> None:
    email = address_of(native_sign_up())
    jar = sign_in(email)
    assert jar.call(frontend.to_session_with_http_info).identity.traits["email"] == email
    logout = jar.call(frontend.create_browser_logout_flow_with_http_info)
    assert logout.logout_token in logout.logout_url
    refused(403, None, lambda: jar.call(frontend.update_logout_flow_with_http_info, token="rubbish"))
    assert jar.call(frontend.to_session_with_http_info).active is True
    jar.call(frontend.update_logout_flow_with_http_info, token=logout.logout_token)
    refused(401, ErrorGeneric, lambda: jar.call(frontend.to_session_with_http_info))
    refused(401, ErrorGeneric, lambda: jar.call(frontend.create_browser_logout_flow_with_http_info))


def wrong_password() -> None:
    jar, email = Jar(), address_of(native_sign_up())
    flow = jar.call(frontend.create_browser_login_flow_with_http_info)
    body = by_password(email, "wrong", node_value(flow, "csrf_token"))
    again = refused(
        400,
        LoginFlow,
        lambda: jar.call(frontend.update_login_flow_with_http_info, flow=str(flow.id), update_login_flow_body=body),
    )
    assert again.id == flow.id and 4000006 in message_ids(again)
    assert jar.call(frontend.get_login_flow_with_http_info, id=str(flow.id)).ui.messages, "the message stays"


def csrf() -> None:
    email = address_of(native_sign_up())
    for token in (None, "rubbish"):
        jar = Jar()
        flow = jar.call(frontend.create_browser_login_flow_with_http_info)
        body = by_password(email, PASSWORD, token)
        refused(
            403,
            None,
            lambda: jar.call(frontend.update_login_flow_with_http_info, flow=str(flow.id), update_login_flow_body=body),
        )


def another_browser() -> None:
    flow = Jar().call(frontend.create_browser_login_flow_with_http_info)
    other = Jar()
    other.call(frontend.create_browser_login_flow_with_http_info)
    refused(403, ErrorGeneric, lambda: other.call(frontend.get_login_flow_with_http_info, id=str(flow.id)))
    refused(403, ErrorGeneric, lambda: Jar().call(frontend.get_login_flow_with_http_info, id=str(flow.id)))


def already() -> None:
    jar = sign_in(address_of(native_sign_up()))
    refused(
        400, ErrorGeneric, lambda: jar.call(frontend.create_browser_login_flow_with_http_info), "session_already_available"
    )
    again = jar.call(frontend.create_browser_login_flow_with_http_info, refresh=True)
    assert again.refresh is True


def settings() -> None:
    email = address_of(native_sign_up())
    jar = sign_in(email)
    flow = jar.call(frontend.create_browser_settings_flow_with_http_info)
    assert jar.call(frontend.get_settings_flow_with_http_info, id=str(flow.id)).identity.traits["email"] == email
    moved = new_address()
    body = new_profile(moved, node_value(flow, "csrf_token"))
    update = frontend.update_settings_flow_with_http_info
    assert jar.call(update, flow=str(flow.id), update_settings_flow_body=body).identity.traits["email"] == moved
    flow = jar.call(frontend.create_browser_settings_flow_with_http_info)
    csrf_token = node_value(flow, "csrf_token")
    weak = new_password("short", csrf_token)
    again = refused(400, SettingsFlow, lambda: jar.call(update, flow=str(flow.id), update_settings_flow_body=weak))
    assert message_ids(again)
    strong = new_password("quiet harbour 5 o'clock", csrf_token)
    assert jar.call(update, flow=str(flow.id), update_settings_flow_body=strong).state == "success"
    sign_in(moved, "quiet harbour 5 o'clock")


def settings_need_a_session() -> None:
    refused(401, ErrorGeneric, lambda: Jar().call(frontend.create_browser_settings_flow_with_http_info), "session_inactive")
    mine = sign_in(address_of(native_sign_up()))
    flow = mine.call(frontend.create_browser_settings_flow_with_http_info)
    other = sign_in(address_of(native_sign_up()))
    refused(403, ErrorGeneric, lambda: other.call(frontend.get_settings_flow_with_http_info, id=str(flow.id)))


def sessions() -> None:
    email = address_of(native_sign_up())
    mine, second, third = (sign_in(email) for _ in range(3))
    id_of = {jar: str(jar.call(frontend.to_session_with_http_info).id) for jar in (mine, second, third)}
    listed = {str(session.id) for session in mine.call(frontend.list_my_sessions_with_http_info)}
    assert {id_of[second], id_of[third]} <= listed and id_of[mine] not in listed
    mine.call(frontend.disable_my_session_with_http_info, id=id_of[second])
    refused(401, ErrorGeneric, lambda: second.call(frontend.to_session_with_http_info))
    # The one of the sign-up is among them.
    assert mine.call(frontend.disable_my_other_sessions_with_http_info).count == 2
    refused(401, ErrorGeneric, lambda: third.call(frontend.to_session_with_http_info))


def pages() -> None:
    email = address_of(native_sign_up())
    found = {
        "login": lambda jar, flow: jar.call(frontend.get_login_flow_with_http_info, id=flow),
        "registration": lambda jar, flow: jar.call(frontend.get_registration_flow_with_http_info, id=flow),
        "settings": lambda jar, flow: jar.call(frontend.get_settings_flow_with_http_info, id=flow),
    }
    for kind, find in found.items():
        jar = sign_in(email) if kind == "settings" else Jar()
        answer = page("GET", f"/self-service/{kind}/browser", jar)
        assert answer.status_code == 303, f"{kind}: {answer.status_code} {answer.text}"
        flow = parse_qs(urlsplit(answer.headers["location"]).query)["flow"][0]
        assert str(find(jar, flow).id) == flow
        shown = page("GET", answer.headers["location"].removeprefix(options.public), jar)
        assert shown.status_code == 200 and "<form" in shown.text, f"{kind}: {shown.status_code}"
    # Without a session the settings send a browser to sign in first.
    answer = page("GET", "/self-service/settings/browser", Jar())
    assert answer.status_code == 303 and "login" in answer.headers["location"]
    # A password manager's address leads there too.
    assert page("GET", "/.well-known/change-password", Jar()).status_code in (302, 303, 307)


def form_is_answered() -> None:
    email = address_of(native_sign_up())
    jar = Jar()
    answer = page("GET", "/self-service/login/browser", jar)
    flow = jar.call(
        frontend.get_login_flow_with_http_info, id=parse_qs(urlsplit(answer.headers["location"]).query)["flow"][0]
    )
    form = {"method": "password", "identifier": email, "password": "wrong", "csrf_token": node_value(flow, "csrf_token")}
    answer = page("POST", f"/self-service/login?flow={flow.id}", jar, form)
    assert answer.status_code == 303 and str(flow.id) in answer.headers["location"]
    answer = page("POST", f"/self-service/login?flow={flow.id}", jar, form | {"password": PASSWORD})
    assert answer.status_code == 303 and str(flow.id) not in answer.headers["location"]
    assert jar.call(frontend.to_session_with_http_info).identity.traits["email"] == email


def errors() -> None:
    jar = Jar()
    answer = page("GET", "/self-service/login/browser", jar)
    flow = parse_qs(urlsplit(answer.headers["location"]).query)["flow"][0]
    form = {"method": "password", "identifier": new_address(), "password": PASSWORD, "csrf_token": "rubbish"}
    answer = page("POST", f"/self-service/login?flow={flow}", jar, form)
    assert answer.status_code == 303, answer.text
    found = called(frontend.get_flow_error(id=parse_qs(urlsplit(answer.headers["location"]).query)["id"][0]))
    assert found.error["id"] == "security_csrf_violation", found
    assert called(frontend.get_flow_error(id="stub:500")).error["code"] == 500
    refused(404, ErrorGeneric, lambda: frontend.get_flow_error(id="00000000-0000-4000-8000-000000000000"))


def page(method: str, path: str, jar: Jar, form: dict[str, str] | None = None) -> httpx.Response:
    """Sends what a browser sends, and follows nothing."""
    headers = {"accept": "text/html", "cookie": jar.header()}
    if form:
        headers["origin"] = options.public
    answer = httpx.request(method, options.public + path, headers=headers, data=form)
    record("public", method, path, answer.status_code)
    jar.keep(answer.headers.get_list("set-cookie"))
    return answer

"""Signing in and up with codes and with the links of their messages."""

import html
import re

from checks import check
from ory_client import (
    LoginFlow,
    RegistrationFlow,
    UpdateLoginFlowBody,
    UpdateLoginFlowWithCodeMethod,
    UpdateRegistrationFlowBody,
    UpdateRegistrationFlowWithCodeMethod,
)
from persons import address_of, native_sign_up, new_address
from recovery import code_of, mail
from sdk import Jar, called, frontend, message_ids, node_value, options, refused
from single_page import page


def run() -> None:
    check("codes: a native app signs a person in", native)
    check("codes: a native app signs a person up", signs_up)
    check("codes: a wrong code gives the flow back, and an unknown address says no more", wrong)
    check("codes: the link of the message signs in where it was asked for", same_browser)
    check("codes: on another device the link asks first", other_device)


def sign_in_with(csrf: str = "", **more) -> UpdateLoginFlowBody:
    return UpdateLoginFlowBody(UpdateLoginFlowWithCodeMethod(method="code", csrf_token=csrf, **more))


def sign_up_with(email: str, **more) -> UpdateRegistrationFlowBody:
    return UpdateRegistrationFlowBody(UpdateRegistrationFlowWithCodeMethod(method="code", traits={"email": email}, **more))


def native() -> None:
    email = address_of(native_sign_up())
    flow = called(frontend.create_native_login_flow())
    update = frontend.update_login_flow
    sent = refused(400, LoginFlow, lambda: update(str(flow.id), sign_in_with(identifier=email)))
    assert sent.state == "sent_email" and sent.active == "code" and 1010014 in message_ids(sent)
    first = code_of(email)
    refused(400, LoginFlow, lambda: update(str(flow.id), sign_in_with(identifier=email, resend="code")))
    assert mail(email).template_type == "login_code_valid"
    refused(400, LoginFlow, lambda: update(str(flow.id), sign_in_with(identifier=email, code=first)))
    done = called(update(str(flow.id), sign_in_with(identifier=email, code=code_of(email))))
    assert done.session_token and [method.method for method in done.session.authentication_methods] == ["code"]


def signs_up() -> None:
    email = new_address()
    flow = called(frontend.create_native_registration_flow())
    update = frontend.update_registration_flow
    sent = refused(400, RegistrationFlow, lambda: update(str(flow.id), sign_up_with(email)))
    assert sent.state == "sent_email" and 1040005 in message_ids(sent)
    done = called(update(str(flow.id), sign_up_with(email, code=code_of(email))))
    assert done.session_token and done.identity.verifiable_addresses[0].verified is True


def wrong() -> None:
    email, answers = address_of(native_sign_up()), []
    for address in (email, new_address()):
        flow = called(frontend.create_native_login_flow())
        update = frontend.update_login_flow
        sent = refused(400, LoginFlow, lambda: update(str(flow.id), sign_in_with(identifier=address)))
        again = refused(400, LoginFlow, lambda: update(str(flow.id), sign_in_with(identifier=address, code="000000")))
        answers.append((message_ids(sent), message_ids(again), len(again.ui.nodes)))
    assert answers[0] == answers[1] and 4010008 in answers[0][1], answers


def link(jar: Jar, email: str) -> str:
    """Has a link sent, by pages."""
    begun = page("GET", "/self-service/login/browser", jar)
    flow = jar.call(frontend.get_login_flow_with_http_info, id=begun.headers["location"].split("flow=")[1])
    form = {"method": "code", "identifier": email, "csrf_token": node_value(flow, "csrf_token")}
    assert page("POST", f"/self-service/login?flow={flow.id}", jar, form).status_code == 303
    return re.search(r"http\S+", mail(email).body).group().removeprefix(options.public)


def same_browser() -> None:
    jar, email = Jar(), address_of(native_sign_up())
    assert page("GET", link(jar, email), jar).status_code == 303
    assert jar.call(frontend.to_session_with_http_info).identity.traits["email"] == email
    # The link of a sign-up fills its code in.
    jar, email = Jar(), new_address()
    begun = page("GET", "/self-service/registration/browser", jar)
    find = frontend.get_registration_flow_with_http_info
    flow = jar.call(find, id=begun.headers["location"].split("flow=")[1])
    form = {"method": "code", "traits.email": email, "csrf_token": node_value(flow, "csrf_token")}
    assert page("POST", f"/self-service/registration?flow={flow.id}", jar, form).status_code == 303
    url = re.search(r"http\S+", mail(email).body).group().removeprefix(options.public)
    assert page("GET", url, jar).status_code == 303
    assert node_value(jar.call(find, id=str(flow.id)), "code") == code_of(email)


def other_device() -> None:
    jar, phone, email = Jar(), Jar(), address_of(native_sign_up())
    opened = page("GET", link(jar, email), phone)
    shown = page("GET", opened.headers["location"].removeprefix(options.public), phone).text
    assert email in shown, shown
    action = html.unescape(re.search(r'<form action="([^"]+)"', shown).group(1)).removeprefix(options.public)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', shown))
    assert page("POST", action, phone, {**hidden, "method": "code"}).status_code == 303
    assert phone.call(frontend.to_session_with_http_info).identity.traits["email"] == email

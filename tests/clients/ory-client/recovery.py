"""Proving an address and getting back in, and the mail that it takes, as operators see it."""

import html
import re
import time

import httpx
from checks import check
from ory_client import (
    ContinueWithSetOrySessionToken,
    ContinueWithSettingsUi,
    ContinueWithVerificationUi,
    CreateRecoveryCodeForIdentityBody,
    CreateRecoveryLinkForIdentityBody,
    ErrorBrowserLocationChangeRequired,
    ErrorGeneric,
    RecoveryFlow,
    UpdateRecoveryFlowBody,
    UpdateRecoveryFlowWithCodeMethod,
    UpdateVerificationFlowBody,
    UpdateVerificationFlowWithCodeMethod,
    VerificationFlow,
)
from identities import NOBODY, make
from persons import address_of, native_sign_in, native_sign_up, new_address, new_password, sign_up_with
from sdk import Jar, called, courier, frontend, key, message_ids, node_value, options, people, public, record, refused
from single_page import page


def run() -> None:
    check("recovery: a native app gets a session token and a settings flow", native)
    check("recovery: a single-page app is sent to the settings", single_page)
    check("recovery: a wrong code gives the flow back, and an unknown address says no more", wrong)
    check("recovery: an operator makes a code", by_operator)
    check("recovery: an operator makes a link, whose button lets its owner in on any device", by_operators_link)
    check("verification: whoever signs up is led to the flow that has sent a code", verifies)
    check("verification: anybody asks for a code", asks)
    check("pages: a mail's link fills the form in", link)
    check("courier: messages are listed, shown one by one, and sent once more", messages)


def recover_with(csrf: str | None = None, **more) -> UpdateRecoveryFlowBody:
    return UpdateRecoveryFlowBody(UpdateRecoveryFlowWithCodeMethod(method="code", csrf_token=csrf, **more))


def verify_with(csrf: str | None = None, **more) -> UpdateVerificationFlowBody:
    return UpdateVerificationFlowBody(UpdateVerificationFlowWithCodeMethod(method="code", csrf_token=csrf, **more))


def mail(to: str):
    """The latest message to an address, with what it says."""
    latest = called(courier.list_courier_messages(recipient=to, page_size=1))[0]
    assert latest.body == "" and latest.subject == "", "lists do not show what messages say"
    return called(courier.get_courier_message(id=str(latest.id)))


def code_of(to: str) -> str:
    return re.search(r"\b\d{6}\b", mail(to).body).group()


def native() -> None:
    email = address_of(native_sign_up())
    flow = called(frontend.create_native_recovery_flow())
    assert flow.state == "choose_method" and called(frontend.get_recovery_flow(id=str(flow.id))).id == flow.id
    sent = called(frontend.update_recovery_flow(str(flow.id), recover_with(email=email)))
    assert sent.state == "sent_email" and 1060003 in message_ids(sent) and sent.active == "code"
    done = called(frontend.update_recovery_flow(str(flow.id), recover_with(code=code_of(email))))
    assert done.state == "passed_challenge"
    token, settings = (step.actual_instance for step in done.continue_with)
    assert isinstance(token, ContinueWithSetOrySessionToken) and isinstance(settings, ContinueWithSettingsUi)
    session = called(frontend.to_session(x_session_token=token.ory_session_token))
    assert [method.method for method in session.authentication_methods] == ["code_recovery"]
    form = called(frontend.get_settings_flow(id=str(settings.flow.id), x_session_token=token.ory_session_token))
    assert 1060001 in message_ids(form)
    body = new_password("a harbour at dawn 9")
    after = called(frontend.update_settings_flow(str(settings.flow.id), body, x_session_token=token.ory_session_token))
    assert after.state == "success"
    assert native_sign_in(email, "a harbour at dawn 9").session_token


def single_page() -> None:
    email, jar = address_of(native_sign_up()), Jar()
    flow = called(frontend.create_browser_recovery_flow())
    jar.keep(public.set_cookies)
    csrf, update = node_value(flow, "csrf_token"), frontend.update_recovery_flow_with_http_info
    assert jar.call(frontend.get_recovery_flow_with_http_info, id=str(flow.id)).id == flow.id
    jar.call(update, flow=str(flow.id), update_recovery_flow_body=recover_with(csrf, email=email))
    body = recover_with(csrf, code=code_of(email))
    moved = refused(
        422,
        ErrorBrowserLocationChangeRequired,
        lambda: jar.call(update, flow=str(flow.id), update_recovery_flow_body=body),
    )
    assert "/ui/settings?flow=" in moved.redirect_browser_to
    form = jar.call(frontend.get_settings_flow_with_http_info, id=moved.redirect_browser_to.split("flow=")[1])
    assert form.identity.traits["email"] == email and form.identity.verifiable_addresses[0].verified is True


def wrong() -> None:
    email, answers = address_of(native_sign_up()), []
    for address in (email, new_address()):
        flow = called(frontend.create_native_recovery_flow())
        sent = called(frontend.update_recovery_flow(str(flow.id), recover_with(email=address)))
        again = refused(400, RecoveryFlow, lambda: frontend.update_recovery_flow(str(flow.id), recover_with(code="000000")))
        assert again.id == flow.id and again.state == "sent_email"
        answers.append((message_ids(sent), message_ids(again), len(again.ui.nodes)))
    assert answers[0] == answers[1] and 4060006 in answers[0][1], answers


def by_operator() -> None:
    made = make()
    code = called(people.create_recovery_code_for_identity(CreateRecoveryCodeForIdentityBody(identity_id=str(made.id), flow_type="api")))
    flow = code.recovery_link.split("flow=")[1]
    done = called(frontend.update_recovery_flow(flow, recover_with(code=code.recovery_code)))
    assert done.state == "passed_challenge" and code.expires_at
    body = CreateRecoveryCodeForIdentityBody(identity_id=NOBODY)
    refused(404, ErrorGeneric, lambda: people.create_recovery_code_for_identity(body))


def by_operators_link() -> None:
    made, jar = make(), Jar()
    body = CreateRecoveryLinkForIdentityBody(identity_id=str(made.id), expires_in="1h")
    link = called(people.create_recovery_link_for_identity(create_recovery_link_for_identity_body=body))
    assert link.expires_at
    for _ in range(2):
        opened = page("GET", link.recovery_link.removeprefix(options.public), jar)
        assert opened.status_code == 303 and "/ui/recovery?flow=" in opened.headers["location"], opened.text
    shown = page("GET", opened.headers["location"].removeprefix(options.public), jar).text
    action = html.unescape(re.search(r'<form action="([^"]+)"', shown).group(1))
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', shown).group(1)
    done = page("POST", action.removeprefix(options.public), jar, {"method": "link", "csrf_token": csrf})
    assert done.status_code == 303 and "/ui/settings?flow=" in done.headers["location"], done.text
    session = jar.call(frontend.to_session_with_http_info)
    assert [method.method for method in session.authentication_methods] == ["link_recovery"]
    body = CreateRecoveryLinkForIdentityBody(identity_id=NOBODY)
    refused(404, ErrorGeneric, lambda: people.create_recovery_link_for_identity(create_recovery_link_for_identity_body=body))


def verifies() -> None:
    email = new_address()
    flow = called(frontend.create_native_registration_flow())
    done = called(frontend.update_registration_flow(str(flow.id), sign_up_with(email)))
    step = done.continue_with[0].actual_instance
    assert isinstance(step, ContinueWithVerificationUi) and step.flow.verifiable_address == email
    assert called(frontend.get_verification_flow(id=str(step.flow.id))).state == "sent_email"
    refused(400, VerificationFlow, lambda: frontend.update_verification_flow(str(step.flow.id), verify_with(code="000000")))
    after = called(frontend.update_verification_flow(str(step.flow.id), verify_with(code=code_of(email))))
    assert after.state == "passed_challenge" and 1080002 in message_ids(after)
    address = called(people.get_identity(id=str(done.identity.id))).verifiable_addresses[0]
    assert address.verified is True and address.status == "completed"


def asks() -> None:
    email = address_of(native_sign_up())
    flow = called(frontend.create_native_verification_flow())
    sent = called(frontend.update_verification_flow(str(flow.id), verify_with(email=email)))
    assert sent.state == "sent_email" and 1080003 in message_ids(sent)
    flow = called(frontend.create_browser_verification_flow())
    assert flow.type == "browser" and node_value(flow, "csrf_token")


def link() -> None:
    email = address_of(native_sign_up())
    for kind, find in (("recovery", frontend.get_recovery_flow_with_http_info), ("verification", frontend.get_verification_flow_with_http_info)):
        jar = Jar()
        answer = page("GET", f"/self-service/{kind}/browser", jar)
        shown = page("GET", answer.headers["location"].removeprefix(options.public), jar)
        assert shown.status_code == 200 and 'name="email"' in shown.text, shown.text
        flow = jar.call(find, id=answer.headers["location"].split("flow=")[1])
        form = {"method": "code", "email": email, "csrf_token": node_value(flow, "csrf_token")}
        assert page("POST", f"/self-service/{kind}?flow={flow.id}", jar, form).status_code == 303
        url = re.search(r"http\S+", mail(email).body).group()
        followed = page("GET", url.removeprefix(options.public), jar)
        assert followed.status_code == 303 and f"/ui/{kind}?flow={flow.id}" in followed.headers["location"]
        assert node_value(jar.call(find, id=str(flow.id)), "code") == code_of(email)
    shown = page("GET", "/ui/dev/mail", Jar())
    assert shown.status_code == 200 and code_of(email) in shown.text


def messages() -> None:
    email = address_of(native_sign_up())
    message = mail(email)
    assert message.template_type == "verification_code_valid" and message.type == "email"
    assert message.recipient == email and message.channel == "email" and message.subject
    pages = courier.list_courier_messages_with_http_info(page_size=1)
    assert len(called(pages.data)) == 1 and 'rel="next"' in pages.headers["link"]
    refused(404, ErrorGeneric, lambda: courier.get_courier_message(id=NOBODY))
    refused(400, ErrorGeneric, lambda: courier.list_courier_messages(page_token="rubbish"))
    path = f"/admin/portcullis/v1/courier/messages/{message.id}/resend"
    # It is on its way until the courier has looked.
    answer = httpx.post(options.admin + path, headers={"authorization": f"Bearer {key}"})
    for _ in range(50):
        if answer.status_code != 409:
            break
        time.sleep(0.2)
        answer = httpx.post(options.admin + path, headers={"authorization": f"Bearer {key}"})
    record("admin", "POST", path, answer.status_code)
    assert answer.status_code == 204, answer.text
    # None was given up.
    path = "/admin/portcullis/v1/courier/messages/resend"
    answer = httpx.post(options.admin + path, headers={"authorization": f"Bearer {key}"})
    record("admin", "POST", path, answer.status_code)
    assert (answer.status_code, answer.json()["resent"]) == (200, 0), answer.text

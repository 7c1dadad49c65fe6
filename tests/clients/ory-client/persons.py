"""People who sign up and in, each with an address of their own."""

import itertools

from ory_client import (
    UpdateLoginFlowBody,
    UpdateLoginFlowWithPasswordMethod,
    UpdateRegistrationFlowBody,
    UpdateRegistrationFlowWithPasswordMethod,
    UpdateSettingsFlowBody,
    UpdateSettingsFlowWithPasswordMethod,
    UpdateSettingsFlowWithProfileMethod,
)
from sdk import called, frontend

PASSWORD = "moss-covered lantern 71"
_numbers = itertools.count(1)


def new_address() -> str:
    """An address that nobody has yet."""
    return f"person-{next(_numbers)}@acme.example"


def by_password(identifier: str, password: str = PASSWORD, csrf: str | None = None) -> UpdateLoginFlowBody:
    return UpdateLoginFlowBody(
        UpdateLoginFlowWithPasswordMethod(method="password", identifier=identifier, password=password, csrf_token=csrf)
    )


def sign_up_with(email: str, password: str = PASSWORD, csrf: str | None = None) -> UpdateRegistrationFlowBody:
    traits = {"email": email}
    return UpdateRegistrationFlowBody(
        UpdateRegistrationFlowWithPasswordMethod(method="password", traits=traits, password=password, csrf_token=csrf)
    )


def new_password(password: str, csrf: str | None = None) -> UpdateSettingsFlowBody:
    return UpdateSettingsFlowBody(
        UpdateSettingsFlowWithPasswordMethod(method="password", password=password, csrf_token=csrf)
    )


def new_profile(email: str, csrf: str | None = None) -> UpdateSettingsFlowBody:
    return UpdateSettingsFlowBody(
        UpdateSettingsFlowWithProfileMethod(method="profile", traits={"email": email}, csrf_token=csrf)
    )


def native_sign_up(email: str | None = None):
    """Signs a new person up as a native app does."""
    flow = called(frontend.create_native_registration_flow())
    return called(frontend.update_registration_flow(str(flow.id), sign_up_with(email or new_address())))


def native_sign_in(email: str, password: str = PASSWORD):
    """Signs a person in as a native app does."""
    flow = called(frontend.create_native_login_flow())
    return called(frontend.update_login_flow(str(flow.id), by_password(email, password)))


def address_of(registration) -> str:
    return registration.identity.traits["email"]

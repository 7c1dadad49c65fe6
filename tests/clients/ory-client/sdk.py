"""The SDK, pointed at our two listeners, with a record of every operation that was exercised."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import ory_client
import ory_kratos_client
from ory_client import ErrorBrowserLocationChangeRequired, ErrorGeneric
from ory_client.exceptions import ApiException
from pydantic import BaseModel

parser = argparse.ArgumentParser()
for name in ("public", "admin", "key-file", "openapi-public", "openapi-admin", "guests"):
    parser.add_argument(f"--{name}", required=True)
options = parser.parse_args()
key = Path(options.key_file).read_text().strip()

# (listener, method, path) of every call that was answered with success or a redirect.
exercised: set[tuple[str, str, str]] = set()


class Recorder(ory_client.ApiClient):
    """The SDK's client, which also writes down what it called."""

    def __init__(self, listener: str, base: str, access_token: str | None = None) -> None:
        configuration = ory_client.Configuration(host=base, access_token=access_token)
        if access_token:
            # As the description of this API alone has it: the whole header.
            configuration.api_key = {"oryAccessToken": f"Bearer {access_token}"}
        super().__init__(configuration)
        self.listener = listener
        self.set_cookies: list[str] = []

    def call_api(self, method, url, *arguments, **more):
        response = super().call_api(method, url, *arguments, **more)
        # What the SDK hands on has one value for each name.
        self.set_cookies = response.getheaders().getlist("set-cookie")
        record(self.listener, method, url, response.status)
        return response


def record(listener: str, method: str, url: str, status: int) -> None:
    """Notes a call; one that was refused does not count as exercised."""
    if status < 400:
        # At whichever tenant: the operation is the same.
        exercised.add((listener, method, re.sub("^/t/[^/]+", "", urlsplit(url).path)))


public = Recorder("public", options.public)
admin = Recorder("admin", options.admin, key)
frontend = ory_client.FrontendApi(public)
schemas = ory_client.IdentityApi(public)
people = ory_client.IdentityApi(admin)
courier = ory_client.CourierApi(admin)


class Jar:
    """The cookies of one browser, as the SDK takes them: a header value."""

    def __init__(self) -> None:
        self.cookies: dict[str, str] = {}

    def keep(self, lines: list[str]) -> None:
        """Keeps what a response sets, and forgets what it ends."""
        for line in lines:
            pair, *attributes = (part.strip() for part in line.split(";"))
            name, _, value = pair.partition("=")
            ended = any(text.lower() in ("max-age=0", "max-age=-1") for text in attributes)
            if ended or value == "":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value

    def call(self, operation: Callable, **arguments):
        """Calls an operation (`…_with_http_info`) with the cookies, and keeps what comes back."""
        try:
            answer = operation(cookie=self.header(), **arguments)
        finally:
            self.keep(public.set_cookies)
        known(answer.data)
        return answer.data

    def header(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())


def refused(status: int, model: type[BaseModel] | None, operation: Callable, error_id: str | None = None) -> object:
    """Expects a refusal with this status, whose body the SDK's model for that status parses."""
    try:
        answer = operation()
    except ApiException as error:
        assert error.status == status, f"expected {status}, got {error.status}: {error.body}"
        if model is None:
            return None
        # In the merged SDK the `id` of these errors is closed to two values of another product; the API's own has the words
        # that its operations answer with.
        closed = model in (ErrorGeneric, ErrorBrowserLocationChangeRequired)
        parse = getattr(ory_kratos_client, model.__name__).from_json if closed else model.from_json
        data = error.data or parse(error.body)
        # Its `error` is described with another `error` inside, and has been answered flat in every version of the API.
        if model is not ErrorBrowserLocationChangeRequired:
            known(data)
        if error_id:
            assert data.error.id == error_id, f"expected {error_id}: {error.body}"
        return data
    raise AssertionError(f"expected {status}, but it answered {answer}")


# Documents that their own standards let servers extend; an OAuth error also names its request.
EXTENSIBLE = ("OidcConfiguration", "OidcUserInfo", "JsonWebKey", "ErrorOAuth2", "VerifiableCredentialPrimingResponse")

# What the specification does not know: of a session, where somebody signed in in an organisation's name; of a client that
# registered itself, what RFC 7591 section 3.2.1 has; of a token, what RFC 9470 section 6.2 adds to RFC 7662; of a consent for a
# device, the code that the device shows; of an issuer that is trusted for identity assertions, that it is.
OURS = {
    "Session": {"portcullis_organization"},
    "OAuth2Client": {"client_id_issued_at"},
    "OAuth2ConsentRequest": {"device_user_code"},
    "IntrospectedOAuth2Token": {"acr", "auth_time"},
    "TrustedOAuth2JwtGrantIssuer": {"kind"},
}


def known(value: object) -> None:
    """Fails if a model was given a property that the specification has not."""
    if ory_client is ory_kratos_client:
        # It is a year older than the specification; what that has not is noticed on the way there, by the witness.
        return
    if isinstance(value, list):
        for one in value:
            known(one)
    if not isinstance(value, BaseModel):
        return
    more = getattr(value, "additional_properties", None)
    name = type(value).__name__
    unknown = set(more or ()) - OURS.get(name, set())
    assert not unknown or name in EXTENSIBLE, f"{name} has properties of our own: {sorted(unknown)}"
    for field in type(value).model_fields:
        if field != "additional_properties":
            known(getattr(value, field))


def called(answer):
    """Passes an answer on after `known`."""
    known(answer)
    return answer


def node_value(flow, name: str):
    """The value of the input `name` of a flow."""
    for node in flow.ui.nodes:
        attributes = node.attributes.actual_instance
        if getattr(attributes, "name", None) == name:
            return attributes.value
    raise AssertionError(f"no input `{name}` among {[n.attributes.actual_instance.name for n in flow.ui.nodes]}")


def message_ids(flow) -> set[int]:
    """The ids of all messages of a flow: its own and its nodes'."""
    own = [message.id for message in flow.ui.messages or []]
    return set(own + [message.id for node in flow.ui.nodes for message in node.messages])

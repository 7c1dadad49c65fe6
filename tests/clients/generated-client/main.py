"""A client that a generator makes of our own document alone: it takes all of it, and the client's calls are answered.

    python main.py --public URL --admin URL --key-file FILE --openapi-public FILE --openapi-admin FILE --into DIRECTORY

`cargo xtask clients generated-client` starts a node and calls it so. ONLY=<text> runs the checks whose name contains it.
"""

import argparse
import importlib
import json
import pkgutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import ModuleType
from uuid import uuid4

from openapi_spec_validator import OpenAPIV31SpecValidator

from checks import check, finish

parser = argparse.ArgumentParser()
for name in ("public", "admin", "key-file", "openapi-public", "openapi-admin", "into", "guests"):
    parser.add_argument(f"--{name}", required=name != "guests")
options = parser.parse_args()
key = Path(options.key_file).read_text().strip()
into = Path(options.into)


class Generated:
    """The client of one listener."""

    def __init__(self, listener: str, base: str, token: str | None = None) -> None:
        self.name = f"{listener}_api"
        generate(getattr(options, f"openapi_{listener}"), into / self.name)
        client = importlib.import_module(f"{self.name}.client")
        self.client = client.AuthenticatedClient(base, token) if token else client.Client(base)
        self.models = importlib.import_module(f"{self.name}.models")

    def operation(self, wanted: str) -> ModuleType:
        """The module of an operation, whose name the generator has split into words."""
        package = importlib.import_module(f"{self.name}.api.default")
        for module in pkgutil.iter_modules(package.__path__):
            if module.name.replace("_", "") == wanted.lower():
                return importlib.import_module(f"{package.__name__}.{module.name}")
        raise AssertionError(f"the client has no {wanted}")

    def call(self, wanted: str, status: int, model: str, **arguments):
        """Calls an operation, and expects this status with a document that became this model."""
        answer = self.operation(wanted).sync_detailed(client=self.client, **arguments)
        assert answer.status_code == status, f"{answer.status_code} {answer.content}"
        found = answer.parsed[0] if isinstance(answer.parsed, list) else answer.parsed
        assert type(found) is getattr(self.models, model), f"{type(found)} instead of {model}"
        return answer.parsed


def generate(document: str, directory: Path) -> None:
    """Has the generator read a document; a warning is a failure."""
    program = str(Path(sys.executable).with_name("openapi-python-client"))
    command = [program, "generate", "--path", document, "--meta", "none", "--output-path", str(directory), "--overwrite"]
    command += ["--config", str(Path(__file__).with_name("config.yml")), "--fail-on-warning"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "arning" not in said, said


def valid(listener: str) -> None:
    """Holds a document against the specification's own schema (OpenAPI 3.1), references and names included."""
    document = json.loads(Path(getattr(options, f"openapi_{listener}")).read_text())
    errors = [f"{list(error.absolute_path)}: {error.message[:300]}" for error in OpenAPIV31SpecValidator(document).iter_errors()]
    assert not errors, errors[:5]
    known = set(document["components"]["securitySchemes"])
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            named = {name for one in operation.get("security", []) for name in one}
            assert named <= known, f"{method} {path}: {named - known}"


def served(listener: str, base: str) -> None:
    """What a listener serves is what is printed, byte for byte."""
    printed = Path(getattr(options, f"openapi_{listener}")).read_bytes()
    with urllib.request.urlopen(f"{base}/openapi.json") as answer:
        assert answer.read() == printed


def people(admin: Generated) -> None:
    address = f"{uuid4()}@generated.example"
    body = admin.models.CreateIdentity.from_dict({"schema_id": "default", "traits": {"email": address}})
    made = admin.call("createIdentity", 201, "Identity", body=body)
    assert made.traits.to_dict() == {"email": address} and made.state == "active"
    listed = admin.call("listIdentities", 200, "Identity")
    assert made.id in {identity.id for identity in listed}
    shown = admin.call("getIdentity", 200, "Identity", id=str(made.id))
    assert shown.created_at == made.created_at, "moments are moments"


def clients(public: Generated, admin: Generated) -> None:
    wanted = {"client_name": "Generated", "grant_types": ["client_credentials"], "scope": "reports"}
    wanted |= {"token_endpoint_auth_method": "client_secret_post"}
    made = admin.call("createOAuth2Client", 201, "OAuth2Client", body=admin.models.ClientInput.from_dict(wanted))
    assert made.client_name == "Generated" and made.client_secret
    form = {"grant_type": "client_credentials", "client_id": made.client_id, "client_secret": made.client_secret}
    token = public.call("oauth2TokenExchange", 200, "TokenResponse", body=public.models.TokenRequest.from_dict(form))
    assert token.token_type == "bearer" or token.token_type == "Bearer"
    asked = admin.models.OperatorIntrospectionRequest.from_dict({"token": token.access_token})
    told = admin.call("introspectOAuth2Token", 200, "IntrospectedToken", body=asked)
    assert told.active and told.client_id == made.client_id


def own(admin: Generated) -> None:
    tenants = admin.call("listTenants", 200, "TenantList").tenants
    assert "default" in {tenant.id for tenant in tenants}
    problem = admin.call("getTenant", 404, "Problem", tenant="nobody")
    assert problem.status == 404 and problem.type_.startswith("urn:portcullis:problem:")


def forms(public: Generated) -> None:
    metadata = public.call("discoverOidcConfiguration", 200, "ServerMetadata")
    assert metadata.issuer == options.public
    flow = public.call("createNativeLoginFlow", 200, "LoginFlow")
    names = {node.attributes.name for node in flow.ui.nodes if node.attributes.node_type == "input"}
    assert {"csrf_token", "identifier", "password"} <= names, names


sys.path.insert(0, str(into))
for name, base in (("public", options.public), ("admin", options.admin)):
    check(f"generated: the document of the {name} listener is valid", lambda: valid(name))
    check(f"generated: the {name} listener serves what is printed", lambda: served(name, base))
public = check("generated: the public listener's document is taken without a warning", lambda: Generated("public", options.public))
admin = check("generated: the operators' document is taken without a warning", lambda: Generated("admin", options.admin, key))
if public and admin:
    check("generated: people are made and listed", lambda: people(admin))
    check("generated: a client is made, gets a token, and that is introspected", lambda: clients(public, admin))
    check("generated: tenants are listed, and a refusal is a problem", lambda: own(admin))
    check("generated: metadata and forms are read", lambda: forms(public))
finish()

//! Relying parties: `openid-client` (npm) and Authlib (PyPI).

use std::process::Command;

use super::certificates::Certificates;
use super::{PERSON, Place, Target, python, tenant_settings};
use crate::bench::OidcProvider;
use crate::loopback::free_port;
use crate::{install, workspace};

/// A tenant whose refresh tokens have no grace: their reuse is noticed at once.
const STRICT: &str = "strict";

/// A tenant that has login, consent and logout apps of its own.
const APPS: &str = "apps";

/// What may be asked for at the tenant `default` that no scope says; within its `[tenant.oauth2]`, and below it.
const RESOURCES: &str = "resources = [\"https://mcp.example\"]\n";
const DETAILS: &str = "[[tenant.oauth2.authorization_details_types]]\nname = \"payment\"\n\
    schema = { properties = { amount = { type = \"number\" }, to = { type = \"string\" } }, required = [\"amount\"] }\n\
    words = { en = \"Pay {amount} to {to}\" }\n\n\
    [[tenant.oauth2.authorization_details_types]]\nname = \"files\"\n\
    schema = { properties = { actions = { items = { enum = [\"read\", \"write\"] } } } }\n\n";

/// Every check of `tests/clients/openid-client`.
pub(super) fn openid_client(place: &Place<'_>) -> anyhow::Result<()> {
    let home = workspace::root().join("tests/clients/openid-client");
    install::node_packages(&home)?;
    let mut script = Command::new("node");
    script.arg("main.mjs").current_dir(&home);
    relying_party(place, script, Some(free_port()?))
}

/// Every check of `tests/clients/authlib`.
pub(super) fn authlib(place: &Place<'_>) -> anyhow::Result<()> {
    let home = workspace::root().join("tests/clients/authlib");
    relying_party(place, python(&home)?, None)
}

/// Starts a provider, and the script with where it is and who may sign in; with the port of login and consent apps, where the
/// script brings some.
fn relying_party(place: &Place<'_>, mut script: Command, apps: Option<u16>) -> anyhow::Result<()> {
    let password = place.write("password", PERSON.1)?;
    script.args(["--identifier", PERSON.0, "--password-file"]).arg(&password);
    match place.target {
        Target::StandIn => {
            let token = place.write("registration-token", "registration")?;
            let provider = OidcProvider::start(&place.directory, Some("registration"))?;
            let registration = format!("{}/reg", provider.issuer);
            script.args(["--stand-in", "--issuer", &provider.issuer, "--registration", &registration]);
            script.arg("--key-file").arg(&token);
            workspace::run(&mut script)?;
            provider.stop()
        }
        Target::Ours(_) => {
            let same = tenant_settings();
            let certificates = apps.map(|_| Certificates::make(&place.directory)).transpose()?;
            let taken = certificates.as_ref().map(Certificates::settings).transpose()?.unwrap_or_default();
            // Authlib's assertions live for an hour, which is more than the default accepts.
            let tenants = format!(
                "[[tenant]]\nid = \"default\"\n\n{same}[tenant.oauth2]\nclient_assertion_lifespan = \"1h\"\n\
                 response_types = [\"code\", \"id_token\", \"token\", \"id_token token\", \"code id_token\", \"code token\", \
                 \"code id_token token\"]\n{RESOURCES}\n{DETAILS}\
                 {taken}[tenant.oauth2.credentials]\nenabled = true\n\
                 [tenant.oauth2.registration]\nmode = \"open\"\n\n\
                 [[tenant]]\nid = \"{STRICT}\"\n\n{same}[tenant.oauth2]\nrefresh_token_grace = \"0s\"\n"
            );
            let tenants = tenants + &apps.map(tenant_of_apps).unwrap_or_default();
            let tenants = tenants + &certificates.as_ref().map(Certificates::listener).unwrap_or_default();
            let node = place.node(&tenants)?;
            node.make_person("", PERSON.0, PERSON.1)?;
            node.make_person(&format!("/t/{STRICT}"), PERSON.0, PERSON.1)?;
            script.args(["--issuer", &node.public]);
            script.args(["--registration", &format!("{}/admin/clients", node.admin)]);
            script.args(["--strict", &format!("{}/t/{STRICT}", node.public)]);
            script.args(["--strict-registration", &format!("{}/t/{STRICT}/admin/clients", node.admin)]);
            script.arg("--key-file").arg(&node.admin_key_file);
            if let Some(certificates) = &certificates {
                script.arg("--certificates").arg(&certificates.directory);
            }
            if let Some(port) = apps {
                script.args([
                    "--apps",
                    &format!("{}/t/{APPS}", node.public),
                    "--apps-port",
                    &port.to_string(),
                ]);
                script.args(["--apps-admin", &format!("{}/t/{APPS}", node.admin)]);
            }
            let watch = place.watch(&node)?;
            workspace::run(&mut script)?;
            watch.check(&node)?;
            node.end()
        }
    }
}

/// The apps are at a port of this machine.
fn tenant_of_apps(port: u16) -> String {
    let at = |page: &str| format!("{page} = \"http://127.0.0.1:{port}/{page}\"\n");
    let urls: String = ["login", "consent", "logout"].map(at).concat();
    format!("\n[[tenant]]\nid = \"{APPS}\"\n\n{}[tenant.oauth2.urls]\n{urls}", tenant_settings())
}

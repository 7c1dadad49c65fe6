//! The official SDK, whose models parse every answer, and the list of operations that it drives.

use std::process::Command;

use super::{Place, operations, python, tenant_settings};
use crate::node::ROOMY_LIMITS;
use crate::workspace;

/// Every check of `tests/clients/ory-client`.
pub(super) fn run(place: &Place<'_>) -> anyhow::Result<()> {
    let mut script = python(&workspace::root().join("tests/clients/ory-client"))?;
    with_documents(place, &mut script)?;
    against_node(place, script)
}

/// Its checks that are about people, by the models of the client for these alone.
pub(super) fn of_people(place: &Place<'_>) -> anyhow::Result<()> {
    by_other_models(place, "kratos-client-python")
}

/// Its checks that are about clients, tokens, keys and challenges, by the models of the client for these alone.
pub(super) fn of_tokens(place: &Place<'_>) -> anyhow::Result<()> {
    by_other_models(place, "hydra-client-python")
}

fn by_other_models(place: &Place<'_>, suite: &str) -> anyhow::Result<()> {
    let mut script = python(&workspace::root().join("tests/clients").join(suite))?;
    with_documents(place, &mut script)?;
    against_node(place, script)
}

/// Tells a script what the listeners serve, and where the guests are.
pub(super) fn with_documents(place: &Place<'_>, script: &mut Command) -> anyhow::Result<()> {
    for listener in ["public", "admin"] {
        let name = format!("openapi-{listener}");
        let file = place.write(&format!("{name}.json"), &operations::document(place.binary()?, listener)?)?;
        script.arg(format!("--{name}")).arg(file);
    }
    script.arg("--guests").arg(workspace::target_directory().join("guests/wasm32-wasip2/release"));
    Ok(())
}

/// Runs a script against a node of its own.
pub(super) fn against_node(place: &Place<'_>, mut script: Command) -> anyhow::Result<()> {
    let node =
        place.node(&tenants(&place.write("neighbour.secret", NEIGHBOUR_SECRET)?.display().to_string()))?;
    script.args(["--public", &node.public, "--admin", &node.admin, "--key-file"]).arg(&node.admin_key_file);
    let watch = place.watch(&node)?;
    workspace::run(&mut script)?;
    watch.check(&node)?;
    node.end()
}

/// The secret of the provider's client, which the checks make.
const NEIGHBOUR_SECRET: &str = "neighbour-secret-of-more-than-32-characters";

/// The tenant that the checks are about; one whose forms soon expire; one whose people sign in with the first; one at a host
/// name, which passkeys need; and one that has login and consent apps of its own.
fn tenants(secret: &str) -> String {
    format!(
        "[[tenant]]\nid = \"default\"\n\n{}\
         [tenant.oauth2.registration]\nmode = \"open\"\n\
         [tenant.identity.code]\npasswordless_enabled = true\nmagic_link = true\n\
         [tenant.identity.flow.settings]\naccount_deletion = true\n\
         [tenant.identity.session.whoami.tokenizer.templates.api.claims]\nemail = \"{{identity.traits.email}}\"\n\n\
         [[tenant]]\nid = \"hasty\"\n\n{ROOMY_LIMITS}[tenant.identity.flow]\nlifespan_seconds = 1\n\n\
         [[tenant]]\nid = \"linked\"\n\n{ROOMY_LIMITS}\
         [[tenant.federation.provider]]\nid = \"neighbour\"\nprovider = \"generic\"\nlabel = \"Neighbour\"\n\
         client_id = \"linked\"\nclient_secret = {{ file = \"{secret}\" }}\n\
         issuer_url = \"{{public}}\"\nclaims_source = \"userinfo\"\n\n\
         [[tenant]]\nid = \"keys\"\nissuer = \"http://localhost:{{port}}/t/keys\"\n\n{ROOMY_LIMITS}\
         [[tenant]]\nid = \"apps\"\n\n{ROOMY_LIMITS}[tenant.oauth2.urls]\nlogin = \"http://127.0.0.1/login\"\n\
         consent = \"http://127.0.0.1/consent\"\nlogout = \"http://127.0.0.1/logout\"\n\
         [tenant.oauth2.urls.device]\nverification = \"http://127.0.0.1/device\"\n\
         [tenant.oauth2.credentials]\nenabled = true\n",
        tenant_settings()
    )
}

//! The official SDK, whose models parse every answer, and the list of operations that it drives.

use super::{Place, operations, python, tenant_settings};
use crate::node::Node;
use crate::workspace;

/// Every check of `tests/clients/ory-client`.
pub(super) fn run(place: &Place<'_>) -> anyhow::Result<()> {
    let mut script = python(&workspace::root().join("tests/clients/ory-client"))?;
    for listener in ["public", "admin"] {
        let name = format!("openapi-{listener}");
        let file = place.write(&format!("{name}.json"), &operations::document(place.binary()?, listener)?)?;
        script.arg(format!("--{name}")).arg(file);
    }
    let tenant = format!(
        "[[tenant]]\nid = \"default\"\n\n{}\
         [tenant.identity.code]\npasswordless_enabled = true\nmagic_link = true\n\
         [tenant.identity.flow.settings]\naccount_deletion = true\n\
         [tenant.identity.session.whoami.tokenizer.templates.api.claims]\nemail = \"{{identity.traits.email}}\"\n",
        tenant_settings()
    );
    let node = Node::start(place.binary()?, &place.directory, &tenant)?;
    script.args(["--public", &node.public, "--admin", &node.admin, "--key-file"]).arg(&node.admin_key_file);
    script.arg("--guests").arg(workspace::target_directory().join("guests/wasm32-wasip2/release"));
    let watch = place.watch(&node)?;
    workspace::run(&mut script)?;
    watch.check(&node)?;
    node.end()
}

//! A client that is generated from our own API document, which has to be enough for it.

use super::{Place, ory_client, python};
use crate::workspace;

/// Every check of `tests/clients/generated-client`.
pub(super) fn run(place: &Place<'_>) -> anyhow::Result<()> {
    let mut script = python(&workspace::root().join("tests/clients/generated-client"))?;
    ory_client::with_documents(place, &mut script)?;
    script.arg("--into").arg(&place.directory);
    ory_client::against_node(place, script)
}

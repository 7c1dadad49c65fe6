//! `portcullis plugin inspect`

use std::path::Path;

use anyhow::Context as _;

use crate::commands::{Common, show};
use crate::outcome::Failure;

pub(super) fn run(file: &Path, common: &Common) -> Result<(), Failure> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let inspection = plugin_host::inspect(&bytes).map_err(|error| Failure::Refused(error.to_string()))?;
    show::object(common.json, &serde_json::to_value(inspection)?);
    Ok(())
}

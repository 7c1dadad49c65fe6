//! `portcullis plugin`

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;

use super::{Common, show};
use crate::outcome::Failure;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Says what a component is and needs; it is not run
    Inspect {
        /// The component
        file: PathBuf,
        #[command(flatten)]
        common: Common,
    },
}

pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Inspect { file, common } => {
            let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            let inspection =
                plugin_host::inspect(&bytes).map_err(|error| Failure::Refused(error.to_string()))?;
            show::object(common.json, &serde_json::to_value(inspection)?);
            Ok(())
        }
    }
}

//! `portcullis migrate`

use clap::Args;
use storage::Storage;

use crate::configuration::{Place, location};
use crate::data_directory::DataDirectory;

/// Options of `migrate`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Prints the result as JSON
    #[arg(long)]
    json: bool,
}

/// Brings the schema up to this binary's. Safe while nodes of this or the previous version run.
pub(crate) fn run(place: &Place, options: &Options) -> anyhow::Result<()> {
    let config = place.read()?;
    DataDirectory::open(config.server.data_dir.clone())?;
    let location = location(&config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let state = runtime.block_on(Storage::migrate(&location))?;
    if options.json {
        println!("{}", serde_json::json!({"from": state.from, "to": state.to}));
    } else if state.from == state.to {
        println!("the schema is number {} already", state.to);
    } else {
        println!("the schema went from number {} to {}", state.from, state.to);
    }
    Ok(())
}

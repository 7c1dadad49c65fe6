//! `portcullis organisation member`

use clap::Subcommand;
use http::Method;
use serde_json::json;

use super::{Which, list};
use crate::commands::{Common, delete, send};
use crate::configuration::Place;
use crate::outcome::Failure;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes somebody a member, or gives a member another role
    #[command(visible_alias = "add")]
    Set {
        #[command(flatten)]
        which: Which,
        /// The identity's id
        identity: String,
        /// `owner`, `admin`, `member`, or a word of your own
        #[arg(long, default_value = "member")]
        role: String,
        #[command(flatten)]
        common: Common,
    },
    /// Lists the organisation's members
    List {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        common: Common,
    },
    /// Takes a member out, and ends their sessions
    Remove {
        #[command(flatten)]
        which: Which,
        /// The identity's id
        identity: String,
    },
}

pub(super) fn run(place: &Place, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Set { which, identity, role, common } => {
            let body = json!({ "role": role });
            send(place, Method::PUT, &which.below(&["members", identity]), Some(&body), common)
        }
        Command::List { which, common } => {
            let columns = [("IDENTITY", "/identity"), ("ROLE", "/role"), ("BY", "/provenance")];
            list(place, &which.below(&["members"]), "members", (&columns, common))
        }
        Command::Remove { which, identity } => delete(place, &which.below(&["members", identity])),
    }
}

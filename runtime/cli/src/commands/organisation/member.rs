//! `portcullis organisation member`

use clap::Subcommand;
use http::Method;
use serde_json::json;

use super::{Asked, Which};
use crate::commands::delete;
use crate::configuration::Place;
use crate::outcome::Failure;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes somebody a member, or gives a member another role
    #[command(visible_alias = "add")]
    Set {
        #[command(flatten)]
        asked: Asked,
        /// The identity's id
        identity: String,
        /// `owner`, `admin`, `member`, or a word of your own
        #[arg(long, default_value = "member")]
        role: String,
    },
    /// Lists the organisation's members
    List(Asked),
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
        Command::Set { asked, identity, role } => {
            let body = json!({ "role": role });
            asked.send(place, Method::PUT, &["members", identity], Some(&body))
        }
        Command::List(asked) => {
            let columns = [("IDENTITY", "/identity"), ("ROLE", "/role"), ("BY", "/provenance")];
            asked.list(place, &["members"], ("members", &columns))
        }
        Command::Remove { which, identity } => delete(place, &which.below(&["members", identity])),
    }
}

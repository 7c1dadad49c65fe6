//! `portcullis organisation group`

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
    /// Makes a group
    Create {
        #[command(flatten)]
        asked: Asked,
        /// What people call it
        label: String,
    },
    /// Lists the organisation's groups
    List(Asked),
    /// Lists a group's members
    Members {
        #[command(flatten)]
        asked: Asked,
        /// The group's id
        group: String,
    },
    /// Renames a group
    Rename {
        #[command(flatten)]
        asked: Asked,
        /// The group's id
        group: String,
        /// What people call it from now on
        label: String,
    },
    /// Puts a member of the organisation into a group
    Add {
        #[command(flatten)]
        asked: Asked,
        /// The group's id
        group: String,
        /// The identity's id
        identity: String,
    },
    /// Takes somebody out of a group
    Remove {
        #[command(flatten)]
        which: Which,
        /// The group's id
        group: String,
        /// The identity's id
        identity: String,
    },
    /// Deletes a group; its members stay in the organisation
    Delete {
        #[command(flatten)]
        which: Which,
        /// The group's id
        group: String,
    },
}

pub(super) fn run(place: &Place, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Create { asked, label } => {
            let body = json!({ "label": label });
            asked.send(place, Method::POST, &["groups"], Some(&body))
        }
        Command::List(asked) => {
            let columns = [("ID", "/id"), ("LABEL", "/label"), ("BY", "/provenance")];
            asked.list(place, &["groups"], ("groups", &columns))
        }
        Command::Members { asked, group } => {
            let columns = [("IDENTITY", "/identity"), ("BY", "/provenance")];
            asked.list(place, &["groups", group, "members"], ("members", &columns))
        }
        Command::Rename { asked, group, label } => {
            let body = json!({ "label": label });
            asked.send(place, Method::PATCH, &["groups", group], Some(&body))
        }
        Command::Add { asked, group, identity } => {
            asked.send(place, Method::PUT, &["groups", group, "members", identity], None)
        }
        Command::Remove { which, group, identity } => {
            delete(place, &which.below(&["groups", group, "members", identity]))
        }
        Command::Delete { which, group } => delete(place, &which.below(&["groups", group])),
    }
}

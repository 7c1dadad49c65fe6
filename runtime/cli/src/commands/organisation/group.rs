//! `portcullis organisation group`

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
    /// Makes a group
    Create {
        #[command(flatten)]
        which: Which,
        /// What people call it
        label: String,
        #[command(flatten)]
        common: Common,
    },
    /// Lists the organisation's groups
    List {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        common: Common,
    },
    /// Lists a group's members
    Members {
        #[command(flatten)]
        which: Which,
        /// The group's id
        group: String,
        #[command(flatten)]
        common: Common,
    },
    /// Renames a group
    Rename {
        #[command(flatten)]
        which: Which,
        /// The group's id
        group: String,
        /// What people call it from now on
        label: String,
        #[command(flatten)]
        common: Common,
    },
    /// Puts a member of the organisation into a group
    Add {
        #[command(flatten)]
        which: Which,
        /// The group's id
        group: String,
        /// The identity's id
        identity: String,
        #[command(flatten)]
        common: Common,
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
        Command::Create { which, label, common } => {
            let body = json!({ "label": label });
            send(place, Method::POST, &which.below(&["groups"]), Some(&body), common)
        }
        Command::List { which, common } => {
            let columns = [("ID", "/id"), ("LABEL", "/label"), ("BY", "/provenance")];
            list(place, &which.below(&["groups"]), "groups", (&columns, common))
        }
        Command::Members { which, group, common } => {
            let columns = [("IDENTITY", "/identity"), ("BY", "/provenance")];
            list(place, &which.below(&["groups", group, "members"]), "members", (&columns, common))
        }
        Command::Rename { which, group, label, common } => {
            let body = json!({ "label": label });
            send(place, Method::PATCH, &which.below(&["groups", group]), Some(&body), common)
        }
        Command::Add { which, group, identity, common } => {
            send(place, Method::PUT, &which.below(&["groups", group, "members", identity]), None, common)
        }
        Command::Remove { which, group, identity } => {
            delete(place, &which.below(&["groups", group, "members", identity]))
        }
        Command::Delete { which, group } => delete(place, &which.below(&["groups", group])),
    }
}

//! `portcullis organisation domain`

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
    /// Says that a domain is the organisation's, and shows the DNS record that proves it
    Add {
        #[command(flatten)]
        which: Which,
        /// The domain
        domain: String,
        #[command(flatten)]
        common: Common,
    },
    /// Lists the organisation's domains
    List {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        common: Common,
    },
    /// Looks for the record that proves a domain
    Verify {
        #[command(flatten)]
        which: Which,
        /// The domain
        domain: String,
        #[command(flatten)]
        common: Common,
    },
    /// Takes a domain away
    Remove {
        #[command(flatten)]
        which: Which,
        /// The domain
        domain: String,
    },
}

pub(super) fn run(place: &Place, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Add { which, domain, common } => {
            let body = json!({ "domain": domain });
            send(place, Method::POST, &which.below(&["domains"]), Some(&body), common)
        }
        Command::List { which, common } => {
            let columns = [
                ("DOMAIN", "/domain"),
                ("VERIFIED", "/verified_at"),
                ("RECORD", "/record/name"),
                ("VALUE", "/record/value"),
            ];
            list(place, &which.below(&["domains"]), "domains", (&columns, common))
        }
        Command::Verify { which, domain, common } => {
            send(place, Method::POST, &which.below(&["domains", domain, "verify"]), None, common)
        }
        Command::Remove { which, domain } => delete(place, &which.below(&["domains", domain])),
    }
}

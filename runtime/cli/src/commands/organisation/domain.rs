//! `portcullis organisation domain`

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
    /// Says that a domain is the organisation's, and shows the DNS record that proves it
    Add {
        #[command(flatten)]
        asked: Asked,
        /// The domain
        domain: String,
    },
    /// Lists the organisation's domains
    List(Asked),
    /// Looks for the record that proves a domain
    Verify {
        #[command(flatten)]
        asked: Asked,
        /// The domain
        domain: String,
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
        Command::Add { asked, domain } => {
            let body = json!({ "domain": domain });
            asked.send(place, Method::POST, &["domains"], Some(&body))
        }
        Command::List(asked) => {
            let columns = [
                ("DOMAIN", "/domain"),
                ("VERIFIED", "/verified_at"),
                ("RECORD", "/record/name"),
                ("VALUE", "/record/value"),
            ];
            asked.list(place, &["domains"], ("domains", &columns))
        }
        Command::Verify { asked, domain } => {
            asked.send(place, Method::POST, &["domains", domain, "verify"], None)
        }
        Command::Remove { which, domain } => delete(place, &which.below(&["domains", domain])),
    }
}

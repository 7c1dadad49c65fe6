//! `portcullis organisation key`

use clap::Subcommand;
use config::Span;
use http::Method;
use serde_json::Value;
use tenancy::Scope;

use super::{Asked, Which};
use crate::api::segment;
use crate::commands::key::{COLUMNS, KEYS, New, one};
use crate::commands::show;
use crate::configuration::Place;
use crate::outcome::Failure;
use crate::session::with_node;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes an admin key of the organisation and prints it, once
    Create {
        #[command(flatten)]
        asked: Asked,
        /// What people call it
        name: String,
        /// What it may do, e.g. `organisations:write`; may be given several times
        #[arg(long = "scope", value_name = "SCOPE", required = true)]
        scopes: Vec<Scope>,
        /// How long it works, e.g. `90d`; without it, until it is revoked
        #[arg(long, value_name = "TIME")]
        expires_in: Option<Span>,
    },
    /// Lists the organisation's admin keys, without their secrets
    List(Asked),
    /// Deletes an admin key of the organisation; it stops working at once
    Revoke {
        #[command(flatten)]
        which: Which,
        /// Its identifier, as `list` shows it
        key: String,
    },
}

pub(super) fn run(place: &Place, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Create { asked, name, scopes, expires_in } => {
            let Asked { which, common } = asked;
            let new = New {
                name,
                scopes,
                tenant: Some(&which.of.tenant),
                organisation: Some(&which.organisation),
                expires_in: *expires_in,
                uses: None,
            };
            new.make(place, common)
        }
        Command::List(Asked { which, common }) => {
            let path = all(which);
            let keys = with_node(place, async |mut api| api.list(&path, Some("keys")).await)?;
            show::list(common.json, &keys, &COLUMNS);
            Ok(())
        }
        Command::Revoke { which, key } => {
            let path = all(which);
            with_node(place, async |mut api| {
                // By its identifier alone a key of somebody else would be taken away.
                let keys = api.list(&path, Some("keys")).await?;
                let is_theirs = |known: &Value| known.get("id").and_then(Value::as_str) == Some(key.as_str());
                if !keys.iter().any(is_theirs) {
                    return Err(Failure::Refused("there is no such key of this organisation".to_owned()));
                }
                api.send(Method::DELETE, &one(key), None).await?;
                Ok(())
            })
        }
    }
}

/// The organisation's keys.
fn all(which: &Which) -> String {
    format!("{KEYS}?tenant={}&organisation={}", which.of.tenant, segment(&which.organisation))
}

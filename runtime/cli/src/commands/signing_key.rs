//! `portcullis signing-key`

use clap::Subcommand;
use http::Method;

use super::{Common, OfTenant, send, show};
use crate::api::{of_tenant, segment};
use crate::configuration::Place;
use crate::outcome::Failure;
use crate::session::with_node;

const KEYS: &str = "/admin/portcullis/v1/signing-keys";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the keys that a tenant signs with, will sign with, or has signed with
    List {
        #[command(flatten)]
        of: OfTenant,
        #[command(flatten)]
        common: Common,
    },
    /// Takes a key that has leaked out of use, at once and for good: what it signed is worth nothing any more
    ///
    /// The next key signs from then on, and is made if there is none. It can be done again without harm.
    Revoke {
        /// Its name (`kid`), as `list` and the published set show it
        kid: String,
        #[command(flatten)]
        of: OfTenant,
        #[command(flatten)]
        common: Common,
    },
}

pub(crate) fn run(place: &Place, command: &Command) -> Result<(), Failure> {
    match command {
        Command::List { of, common } => {
            let path = of_tenant(&of.tenant, KEYS);
            let keys = with_node(place, async |mut api| api.list(&path, Some("keys")).await)?;
            let columns = [
                ("KID", "/kid"),
                ("ALGORITHM", "/algorithm"),
                ("STATE", "/state"),
                ("SIGNS FROM", "/signs_from"),
                ("ROTATES", "/rotate_at"),
                ("PUBLISHED UNTIL", "/published_until"),
                ("REVOKED", "/revoked_at"),
            ];
            show::list(common.json, &keys, &columns);
            Ok(())
        }
        Command::Revoke { kid, of, common } => {
            let path = of_tenant(&of.tenant, &format!("{KEYS}/{}/revoke", segment(kid)));
            send(place, Method::POST, &path, None, common)
        }
    }
}

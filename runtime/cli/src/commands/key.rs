//! `portcullis key`

use clap::Subcommand;
use config::Span;
use http::Method;
use primitives::{Clock as _, TenantId};
use serde_json::json;
use tenancy::Scope;

use super::{Common, delete, show};
use crate::api::segment;
use crate::clock::SystemClock;
use crate::configuration::Place;
use crate::outcome::Failure;
use crate::session::with_node;

pub(super) const KEYS: &str = "/admin/portcullis/v1/keys";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes an admin key and prints it, once
    Create {
        /// What people call it
        name: String,
        /// What it may do, e.g. `clients:write`; may be given several times. `all` is everything
        #[arg(long = "scope", value_name = "SCOPE", required = true)]
        scopes: Vec<Scope>,
        /// The tenant whose key it is; without it, it is the operator's
        #[arg(long, short, value_name = "ID")]
        tenant: Option<TenantId>,
        /// How long it works, e.g. `90d`; without it, until it is deleted
        #[arg(long, value_name = "TIME")]
        expires_in: Option<Span>,
        /// How many clients may be registered with it, if it has the scope `clients:register` alone
        #[arg(long, value_name = "NUMBER", requires = "tenant")]
        uses: Option<u32>,
        #[command(flatten)]
        common: Common,
    },
    /// Lists admin keys, without their secrets
    List {
        /// The tenant whose keys are meant; without it, the operator's
        #[arg(long, short, value_name = "ID")]
        tenant: Option<TenantId>,
        #[command(flatten)]
        common: Common,
    },
    /// Deletes an admin key; it stops working at once
    Delete {
        /// Its identifier, as `list` shows it
        id: String,
    },
}

/// How lists of keys look.
pub(super) const COLUMNS: [(&str, &str); 5] = [
    ("ID", "/id"),
    ("NAME", "/name"),
    ("SCOPES", "/scopes"),
    ("EXPIRES", "/expires_at"),
    ("LAST USED", "/last_used_at"),
];

/// A key that is to be made.
pub(super) struct New<'a> {
    pub(super) name: &'a str,
    pub(super) scopes: &'a [Scope],
    pub(super) tenant: Option<&'a TenantId>,
    pub(super) organisation: Option<&'a str>,
    pub(super) expires_in: Option<Span>,
    pub(super) uses: Option<u32>,
}

impl New<'_> {
    /// Makes it, and prints it.
    pub(super) fn make(&self, place: &Place, common: &Common) -> Result<(), Failure> {
        let expires_at = self.expires_in.map(|span| SystemClock.now().after(span.0));
        let body = json!({
            "name": self.name,
            "scopes": self.scopes,
            "tenant": self.tenant,
            "organisation": self.organisation,
            "expires_at": expires_at,
            "uses": self.uses,
        });
        let answer = with_node(place, async |mut api| api.send(Method::POST, KEYS, Some(&body)).await)?;
        if common.json {
            println!("{:#}", answer.body);
        } else if let Some(secret) = answer.body.get("secret").and_then(|secret| secret.as_str()) {
            // Alone on standard output, so that it can be piped into a file.
            println!("{secret}");
        }
        Ok(())
    }
}

pub(crate) fn run(place: &Place, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Create { name, scopes, tenant, expires_in, uses, common } => {
            let (tenant, expires_in, uses) = (tenant.as_ref(), *expires_in, *uses);
            New { name, scopes, tenant, organisation: None, expires_in, uses }.make(place, common)
        }
        Command::List { tenant, common } => {
            let path = match tenant {
                None => KEYS.to_owned(),
                Some(tenant) => format!("{KEYS}?tenant={tenant}"),
            };
            let keys = with_node(place, async |mut api| api.list(&path, Some("keys")).await)?;
            show::list(common.json, &keys, &COLUMNS);
            Ok(())
        }
        Command::Delete { id } => delete(place, &one(id)),
    }
}

pub(super) fn one(id: &str) -> String {
    format!("{KEYS}/{}", segment(id))
}

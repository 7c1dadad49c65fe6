//! `portcullis tenant`

use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use http::Method;
use primitives::TenantId;
use serde_json::{Map, Value, json};
use url::Url;

use super::{Common, read_json, send, show};
use crate::api::segment;
use crate::configuration::Place;
use crate::outcome::Failure;
use crate::session::with_node;

const TENANTS: &str = "/admin/portcullis/v1/tenants";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes a tenant
    Create {
        /// Its identifier: lower-case letters, digits and inner hyphens
        id: TenantId,
        #[command(flatten)]
        fields: Fields,
        #[command(flatten)]
        common: Common,
    },
    /// Lists tenants
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Shows a tenant
    Show {
        /// Which
        id: TenantId,
        #[command(flatten)]
        common: Common,
    },
    /// Changes what is named; a tenant of the configuration file is changed there
    Update {
        /// Which
        id: TenantId,
        #[command(flatten)]
        fields: Fields,
        /// Takes its host away
        #[arg(long, conflicts_with = "host")]
        no_host: bool,
        /// Lets its issuer follow from host or base URL again
        #[arg(long, conflicts_with = "issuer")]
        no_issuer: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Lets it answer nobody while its data stays
    Suspend {
        /// Which
        id: TenantId,
        #[command(flatten)]
        common: Common,
    },
    /// Deletes it with everything in it, for good
    Delete {
        /// Which
        id: TenantId,
        /// That everything in it is meant: people, clients, keys, plugins, records
        #[arg(long)]
        with_everything: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Lets it answer again
    Resume {
        /// Which
        id: TenantId,
        #[command(flatten)]
        common: Common,
    },
}

/// What a tenant is made of.
#[derive(Debug, Args)]
pub(crate) struct Fields {
    /// The host name at which it answers
    #[arg(long)]
    host: Option<String>,
    /// The issuer that its tokens name
    #[arg(long)]
    issuer: Option<Url>,
    /// A file with its settings as JSON, of the form that `[[tenant]]` has; `-` is standard input
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

impl Fields {
    fn document(&self) -> Result<Map<String, Value>, Failure> {
        let mut document = Map::new();
        if let Some(host) = &self.host {
            document.insert("host".to_owned(), json!(host));
        }
        if let Some(issuer) = &self.issuer {
            document.insert("issuer".to_owned(), json!(issuer));
        }
        if let Some(file) = &self.settings {
            document.insert("settings".to_owned(), read_json(file)?);
        }
        Ok(document)
    }
}

pub(crate) fn run(place: &Place, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Create { id, fields, common } => {
            let mut document = fields.document()?;
            document.insert("id".to_owned(), json!(id));
            send(place, Method::POST, TENANTS, Some(&document.into()), common)
        }
        Command::List { common } => {
            let tenants = with_node(place, async |mut api| api.list(TENANTS, Some("tenants")).await)?;
            let columns =
                [("ID", "/id"), ("STATE", "/state"), ("OWNER", "/managed_by"), ("ISSUER", "/issuer")];
            show::list(common.json, &tenants, &columns);
            Ok(())
        }
        Command::Show { id, common } => send(place, Method::GET, &one(id), None, common),
        Command::Update { id, fields, no_host, no_issuer, common } => {
            let mut document = fields.document()?;
            if *no_host {
                document.insert("host".to_owned(), Value::Null);
            }
            if *no_issuer {
                document.insert("issuer".to_owned(), Value::Null);
            }
            send(place, Method::PATCH, &one(id), Some(&document.into()), common)
        }
        Command::Suspend { id, common } => {
            send(place, Method::PATCH, &one(id), Some(&json!({"suspended": true})), common)
        }
        Command::Delete { id, with_everything: false, .. } => Err(Failure::Usage(anyhow!(
            "this deletes the people, clients, keys, plugins and records of tenant {id}, for good: say so with \
             --with-everything"
        ))),
        Command::Delete { id, with_everything: true, common } => {
            send(place, Method::DELETE, &one(id), None, common)
        }
        Command::Resume { id, common } => {
            send(place, Method::PATCH, &one(id), Some(&json!({"suspended": false})), common)
        }
    }
}

fn one(id: &TenantId) -> String {
    format!("{TENANTS}/{}", segment(id.as_str()))
}

//! `portcullis identity`

mod transfer;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value, json};

use super::{Common, OfTenant, delete, read_secret, send, show};
use crate::api::{Api, of_tenant, segment};
use crate::configuration::Place;
use crate::outcome::Failure;
use crate::session::with_node;

const IDENTITIES: &str = "/admin/identities";
const SEARCH: &str = "/admin/portcullis/v1/identities";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes an account
    Create {
        #[command(flatten)]
        of: OfTenant,
        #[command(flatten)]
        fields: Fields,
        #[command(flatten)]
        common: Common,
    },
    /// Lists the tenant's accounts
    List {
        #[command(flatten)]
        of: OfTenant,
        /// Only the account that signs in with this
        #[arg(long, value_name = "TEXT", conflicts_with_all = Filters::NAMES)]
        identifier: Option<String>,
        #[command(flatten)]
        filters: Filters,
        #[command(flatten)]
        common: Common,
    },
    /// Lists the accounts that their identity schema would not take any more, since it has changed, and why
    Violations {
        #[command(flatten)]
        of: OfTenant,
        #[command(flatten)]
        common: Common,
    },
    /// Makes accounts from a file of JSON lines, as `export` writes them
    Import(transfer::Import),
    /// Writes accounts as JSON lines to standard output
    Export(transfer::Export),
    /// Shows an account
    Show {
        /// Its identifier
        id: String,
        #[command(flatten)]
        of: OfTenant,
        #[command(flatten)]
        common: Common,
    },
    /// Deletes an account and everything of it
    Delete {
        /// Its identifier
        id: String,
        #[command(flatten)]
        of: OfTenant,
    },
}

/// Which accounts. Together they narrow the list.
#[derive(Debug, Args)]
pub(crate) struct Filters {
    /// Those with words that begin with these
    #[arg(long, value_name = "WORDS")]
    text: Option<String>,
    /// Those with this value of a trait, e.g. `name.last=Lovelace`
    #[arg(long = "trait", value_name = "PATH=VALUE", value_parser = pair)]
    traits: Vec<(String, String)>,
    /// Those with this address
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Those of this identity schema
    #[arg(long, value_name = "ID")]
    schema: Option<String>,
    /// Those that may sign in (`active`) or may not (`inactive`)
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Those of this organisation
    #[arg(long, value_name = "ID")]
    organisation: Option<String>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (path, value) = text.split_once('=').ok_or("is not of the form PATH=VALUE")?;
    Ok((path.to_owned(), value.to_owned()))
}

impl Filters {
    const NAMES: [&str; 6] = ["text", "traits", "address", "schema", "state", "organisation"];

    fn query(&self) -> String {
        let named = [
            ("text", &self.text),
            ("address", &self.address),
            ("schema", &self.schema),
            ("state", &self.state),
            ("organisation", &self.organisation),
        ];
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("page_size", "250");
        for (name, value) in named {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        for (path, value) in &self.traits {
            query.append_pair(&format!("trait.{path}"), value);
        }
        query.finish()
    }
}

/// What an account is made of.
#[derive(Debug, Args)]
pub(crate) struct Fields {
    /// Its trait `email`
    #[arg(long, required_unless_present = "traits")]
    email: Option<String>,
    /// Its traits, a JSON object
    #[arg(long, value_name = "JSON", value_parser = object)]
    traits: Option<Map<String, Value>>,
    /// Its identity schema; without it, the tenant's default
    #[arg(long, value_name = "ID")]
    schema: Option<String>,
    /// The file with its password; `-` is standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("is not a JSON object: {error}"))
}

impl Fields {
    /// The account's document but for a schema that was not named.
    fn document(&self) -> Result<Map<String, Value>, Failure> {
        let mut traits = self.traits.clone().unwrap_or_default();
        if let Some(email) = &self.email {
            traits.insert("email".to_owned(), json!(email));
        }
        let mut document = Map::from_iter([("traits".to_owned(), Value::Object(traits))]);
        if let Some(schema) = &self.schema {
            document.insert("schema_id".to_owned(), json!(schema));
        }
        if let Some(file) = &self.password_file {
            let password = read_secret(file)?;
            let credentials = json!({"password": {"config": {"password": password}}});
            document.insert("credentials".to_owned(), credentials);
        }
        Ok(document)
    }
}

/// The schema of the tenant's accounts that name none.
async fn default_schema(api: &mut Api, of: &OfTenant) -> Result<Value, Failure> {
    let path = format!("/admin/portcullis/v1/tenants/{}", segment(of.tenant.as_str()));
    let tenant = api.send(Method::GET, &path, None).await?.body;
    let chosen = tenant.pointer("/settings/document/identity/default_schema").cloned();
    Ok(chosen.unwrap_or_else(|| identity::Settings::default().default_schema.into()))
}

pub(crate) fn run(place: &Place, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Create { of, fields, common } => {
            let (path, mut document) = (of_tenant(&of.tenant, IDENTITIES), fields.document()?);
            let answer = with_node(place, async |mut api| {
                if !document.contains_key("schema_id") {
                    document.insert("schema_id".to_owned(), default_schema(&mut api, of).await?);
                }
                api.send(Method::POST, &path, Some(&document.into())).await
            })?;
            show::object(common.json, &answer.body);
            Ok(())
        }
        Command::List { of, identifier, filters, common } => {
            let (path, field) = match identifier {
                None => (format!("{SEARCH}?{}", filters.query()), Some("identities")),
                Some(text) => (format!("{IDENTITIES}?credentials_identifier={}", segment(text)), None),
            };
            let path = of_tenant(&of.tenant, &path);
            let identities = with_node(place, async |mut api| api.list(&path, field).await)?;
            let columns = [
                ("ID", "/id"),
                ("SCHEMA", "/schema_id"),
                ("STATE", "/state"),
                ("TRAITS", "/traits"),
                ("CREATED", "/created_at"),
            ];
            show::list(common.json, &identities, &columns);
            Ok(())
        }
        Command::Violations { of, common } => {
            let path = of_tenant(&of.tenant, &format!("{SEARCH}/violations"));
            let found = with_node(place, async |mut api| api.list(&path, Some("identities")).await)?;
            show::list(
                common.json,
                &found,
                &[("ID", "/id"), ("SCHEMA", "/schema_id"), ("WHY", "/violations")],
            );
            Ok(())
        }
        Command::Import(import) => import.run(place),
        Command::Export(export) => export.run(place),
        Command::Show { id, of, common } => send(place, Method::GET, &one(of, id), None, common),
        Command::Delete { id, of } => delete(place, &one(of, id)),
    }
}

fn one(of: &OfTenant, id: &str) -> String {
    of_tenant(&of.tenant, &format!("{IDENTITIES}/{}", segment(id)))
}

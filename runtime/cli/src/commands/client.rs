//! `portcullis client`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value, json};

use super::{Common, OfTenant, SecretFile, delete, read_json, read_secret, send, show};
use crate::api::{of_tenant, segment};
use crate::configuration::Place;
use crate::outcome::Failure;
use crate::session::with_node;

const CLIENTS: &str = "/admin/clients";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes an OAuth client and prints it, with its secret, once
    Create {
        #[command(flatten)]
        of: OfTenant,
        #[command(flatten)]
        fields: Box<Fields>,
        #[command(flatten)]
        common: Common,
    },
    /// Lists the tenant's clients
    List {
        #[command(flatten)]
        of: OfTenant,
        #[command(flatten)]
        common: Common,
    },
    /// Shows a client, without its secret
    Show {
        /// Its `client_id`
        id: String,
        #[command(flatten)]
        of: OfTenant,
        #[command(flatten)]
        common: Common,
    },
    /// Deletes a client and revokes what was granted to it
    Delete {
        /// Its `client_id`
        id: String,
        #[command(flatten)]
        of: OfTenant,
    },
}

/// What a client is made of. What is given here comes before what the file says.
#[derive(Debug, Args)]
pub(crate) struct Fields {
    /// A file with the client document as JSON; `-` is standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// `client_id`; made up without it
    #[arg(long)]
    id: Option<String>,
    /// What people see
    #[arg(long)]
    name: Option<String>,
    /// Where answers may go; may be given several times
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// Where people may go after logout; may be given several times
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// What it may do at the token endpoint; may be given several times
    #[arg(long = "grant-type", value_name = "GRANT")]
    grant_types: Vec<String>,
    /// The scopes that it may ask for, separated by spaces
    #[arg(long)]
    scope: Option<String>,
    /// How it proves who it is; `none` is a public client
    #[arg(long = "auth-method", value_name = "METHOD")]
    token_endpoint_auth_method: Option<String>,
    /// `jwt` or `opaque`
    #[arg(long)]
    access_token_strategy: Option<String>,
    /// It is yours: nobody is asked to consent
    #[arg(long)]
    skip_consent: bool,
    #[command(flatten)]
    secret: SecretFile,
}

impl Fields {
    fn document(&self) -> Result<Value, Failure> {
        let mut document = match &self.file {
            None => Map::new(),
            Some(file) => match read_json(file)? {
                Value::Object(document) => document,
                _ => return Err(Failure::Usage(anyhow::anyhow!("{} holds no JSON object", file.display()))),
            },
        };
        let secret = self.secret.secret_file.as_deref().map(read_secret).transpose()?;
        let list = |list: &Vec<String>| (!list.is_empty()).then(|| json!(list));
        let given = [
            ("client_id", self.id.as_ref().map(|id| json!(id))),
            ("client_name", self.name.as_ref().map(|name| json!(name))),
            ("redirect_uris", list(&self.redirect_uris)),
            ("post_logout_redirect_uris", list(&self.post_logout_redirect_uris)),
            ("grant_types", list(&self.grant_types)),
            ("scope", self.scope.as_ref().map(|scope| json!(scope))),
            (
                "token_endpoint_auth_method",
                self.token_endpoint_auth_method.as_ref().map(|method| json!(method)),
            ),
            ("access_token_strategy", self.access_token_strategy.as_ref().map(|form| json!(form))),
            ("skip_consent", self.skip_consent.then(|| json!(true))),
            ("client_secret", secret.map(|secret| json!(secret))),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                document.insert(name.to_owned(), value);
            }
        }
        Ok(document.into())
    }
}

pub(crate) fn run(place: &Place, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Create { of, fields, common } => {
            let (path, body) = (of_tenant(&of.tenant, CLIENTS), fields.document()?);
            send(place, Method::POST, &path, Some(&body), common)
        }
        Command::List { of, common } => {
            let path = of_tenant(&of.tenant, CLIENTS);
            let clients = with_node(place, async |mut api| api.list(&path, None).await)?;
            let columns = [
                ("ID", "/client_id"),
                ("NAME", "/client_name"),
                ("METHOD", "/token_endpoint_auth_method"),
                ("GRANTS", "/grant_types"),
            ];
            show::list(common.json, &clients, &columns);
            Ok(())
        }
        Command::Show { id, of, common } => send(place, Method::GET, &one(of, id), None, common),
        Command::Delete { id, of } => delete(place, &one(of, id)),
    }
}

fn one(of: &OfTenant, id: &str) -> String {
    of_tenant(&of.tenant, &format!("{CLIENTS}/{}", segment(id)))
}

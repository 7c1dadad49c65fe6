//! `portcullis organisation connection`: an organisation has one at most.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value, json};

use super::{Asked, Which};
use crate::commands::{SecretFile, delete, read_json, read_secret};
use crate::configuration::Place;
use crate::outcome::Failure;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sets the connection, whole, in the place of the one before, and shows what is registered at the provider
    #[command(visible_alias = "create")]
    Set {
        #[command(flatten)]
        asked: Asked,
        #[command(flatten)]
        fields: Box<Fields>,
    },
    /// Shows the connection, without its secret
    Show(Asked),
    /// Lets people come by it again
    Enable(Asked),
    /// Lets nobody come by it; who is signed in stays so
    Disable(Asked),
    /// Takes the connection away, with its secret
    Delete {
        #[command(flatten)]
        which: Which,
    },
}

/// What a connection is made of. What is given here comes before what the file says.
#[derive(Debug, Args)]
pub(crate) struct Fields {
    /// A file with the provider as JSON, of the form that `[[tenant.federation.provider]]` has; `-` is standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// What kind of provider it is; without it, `generic`
    #[arg(long, value_name = "KIND")]
    provider: Option<String>,
    /// What people know it by
    #[arg(long)]
    label: Option<String>,
    /// The issuer, exactly as its documents name it
    #[arg(long, value_name = "URL")]
    issuer_url: Option<String>,
    /// The client id that it gave
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// A scope to ask for; may be given several times
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
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
        let given = [
            ("provider", self.provider.as_ref().map(|kind| json!(kind))),
            ("label", self.label.as_ref().map(|label| json!(label))),
            ("issuer_url", self.issuer_url.as_ref().map(|url| json!(url))),
            ("client_id", self.client_id.as_ref().map(|id| json!(id))),
            ("scope", (!self.scopes.is_empty()).then(|| json!(self.scopes))),
            ("client_secret", secret.map(|secret| json!(secret))),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                document.insert(name.to_owned(), value);
            }
        }
        document.entry("provider").or_insert_with(|| json!("generic"));
        Ok(document.into())
    }
}

pub(super) fn run(place: &Place, command: &Command) -> Result<(), Failure> {
    const CONNECTION: &[&str] = &["connection"];
    let switch = |asked: &Asked, enabled: bool| {
        asked.send(place, Method::PATCH, CONNECTION, Some(&json!({ "enabled": enabled })))
    };
    match command {
        Command::Set { asked, fields } => {
            asked.send(place, Method::PUT, CONNECTION, Some(&fields.document()?))
        }
        Command::Show(asked) => asked.send(place, Method::GET, CONNECTION, None),
        Command::Enable(asked) => switch(asked, true),
        Command::Disable(asked) => switch(asked, false),
        Command::Delete { which } => delete(place, &which.below(CONNECTION)),
    }
}

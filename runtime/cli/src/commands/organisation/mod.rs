//! `portcullis organisation`

mod connection;
mod domain;
mod group;
mod invitation;
mod key;
mod member;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use serde_json::{Map, Value, json};

use super::{Common, OfTenant, delete, read_json, send, show};
use crate::api::{of_tenant, segment};
use crate::configuration::Place;
use crate::outcome::Failure;
use crate::session::with_node;

const ORGANISATIONS: &str = "/admin/portcullis/v1/organisations";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes an organisation
    Create {
        /// What people call it
        label: String,
        /// Its id, where it comes from elsewhere with one
        #[arg(long)]
        id: Option<String>,
        /// A file with what it asks of a sign-in as JSON; `-` is standard input
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
        #[command(flatten)]
        of: OfTenant,
        #[command(flatten)]
        common: Common,
    },
    /// Lists the tenant's organisations
    List {
        #[command(flatten)]
        of: OfTenant,
        #[command(flatten)]
        common: Common,
    },
    /// Shows an organisation
    Show(Asked),
    /// Changes what is named
    Update {
        #[command(flatten)]
        asked: Asked,
        /// What people call it
        #[arg(long)]
        label: Option<String>,
        /// Whether anybody signs in in its name; who has is signed out when nobody does
        #[arg(long)]
        state: Option<State>,
        /// A file with what it asks of a sign-in as JSON, whole; `-` is standard input
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
    },
    /// Deletes an organisation; its people stay
    Delete {
        #[command(flatten)]
        which: Which,
    },
    /// Domains of an organisation
    #[command(subcommand)]
    Domain(domain::Command),
    /// Members of an organisation
    #[command(subcommand)]
    Member(member::Command),
    /// Groups of an organisation
    #[command(subcommand)]
    Group(group::Command),
    /// Invitations into an organisation
    #[command(subcommand)]
    Invitation(invitation::Command),
    /// Invites somebody by mail, as `invitation create` does
    Invite(invitation::New),
    /// The provider with which an organisation's people sign in
    #[command(subcommand)]
    Connection(connection::Command),
    /// Admin keys of an organisation, which can do nothing outside it
    #[command(subcommand)]
    Key(key::Command),
}

/// Whether anybody signs in in an organisation's name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum State {
    Active,
    Inactive,
}

/// Which organisation.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The organisation's id
    organisation: String,
    #[command(flatten)]
    of: OfTenant,
}

impl Which {
    fn path(&self) -> String {
        of_tenant(&self.of.tenant, &format!("{ORGANISATIONS}/{}", segment(&self.organisation)))
    }

    /// What is below it.
    fn below(&self, parts: &[&str]) -> String {
        parts.iter().fold(self.path(), |path, part| format!("{path}/{}", segment(part)))
    }
}

/// Which organisation is asked for, and how the answer is printed.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    common: Common,
}

impl Asked {
    /// Sends one request to what is below the organisation, and prints what the node answers.
    fn send(
        &self,
        place: &Place,
        method: Method,
        below: &[&str],
        body: Option<&Value>,
    ) -> Result<(), Failure> {
        send(place, method, &self.which.below(below), body, &self.common)
    }

    /// Prints a list of what is below it: its name in the answer, and the columns.
    fn list(&self, place: &Place, below: &[&str], what: (&str, &[(&str, &str)])) -> Result<(), Failure> {
        list(place, &self.which.below(below), what, &self.common)
    }
}

pub(crate) fn run(place: &Place, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Create { label, id, policy, of, common } => {
            let mut document = Map::from_iter([("label".to_owned(), json!(label))]);
            if let Some(id) = id {
                document.insert("id".to_owned(), json!(id));
            }
            if let Some(file) = policy {
                document.insert("policy".to_owned(), read_json(file)?);
            }
            let path = of_tenant(&of.tenant, ORGANISATIONS);
            send(place, Method::POST, &path, Some(&document.into()), common)
        }
        Command::List { of, common } => {
            let columns = [("ID", "/id"), ("STATE", "/state"), ("LABEL", "/label")];
            let path = of_tenant(&of.tenant, ORGANISATIONS);
            list(place, &path, ("organisations", &columns), common)
        }
        Command::Show(asked) => asked.send(place, Method::GET, &[], None),
        Command::Update { asked, label, state, policy } => {
            let mut document = Map::new();
            if let Some(label) = label {
                document.insert("label".to_owned(), json!(label));
            }
            if let Some(state) = state {
                let state = match state {
                    State::Active => "active",
                    State::Inactive => "inactive",
                };
                document.insert("state".to_owned(), json!(state));
            }
            if let Some(file) = policy {
                document.insert("policy".to_owned(), read_json(file)?);
            }
            asked.send(place, Method::PATCH, &[], Some(&document.into()))
        }
        Command::Delete { which } => delete(place, &which.path()),
        Command::Domain(command) => domain::run(place, command),
        Command::Member(command) => member::run(place, command),
        Command::Group(command) => group::run(place, command),
        Command::Invitation(command) => invitation::run(place, command),
        Command::Invite(new) => new.send(place),
        Command::Connection(command) => connection::run(place, command),
        Command::Key(command) => key::run(place, command),
    }
}

/// Prints a list that is answered in pages.
fn list(
    place: &Place,
    path: &str,
    (field, columns): (&str, &[(&str, &str)]),
    common: &Common,
) -> Result<(), Failure> {
    let entries: Vec<Value> = with_node(place, async |mut api| api.list(path, Some(field)).await)?;
    show::list(common.json, &entries, columns);
    Ok(())
}

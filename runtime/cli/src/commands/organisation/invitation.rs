//! `portcullis organisation invitation`

use clap::{Args, Subcommand};
use http::Method;
use serde_json::json;

use super::{Asked, Which};
use crate::commands::delete;
use crate::configuration::Place;
use crate::outcome::Failure;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Invites somebody by mail
    Create(New),
    /// Lists the organisation's invitations
    List(Asked),
    /// Takes an invitation back
    Revoke {
        #[command(flatten)]
        which: Which,
        /// The invitation's id
        invitation: String,
    },
}

/// Somebody who is invited.
#[derive(Debug, Args)]
pub(crate) struct New {
    #[command(flatten)]
    asked: Asked,
    /// The address
    address: String,
    /// What they will be
    #[arg(long, default_value = "member")]
    role: String,
    /// For how many days it is good
    #[arg(long, default_value_t = 7)]
    days: u64,
}

impl New {
    pub(super) fn send(&self, place: &Place) -> Result<(), Failure> {
        let lifespan = self.days.saturating_mul(24 * 3600);
        let body = json!({ "address": self.address, "role": self.role, "lifespan_seconds": lifespan });
        self.asked.send(place, Method::POST, &["invitations"], Some(&body))
    }
}

pub(super) fn run(place: &Place, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Create(new) => new.send(place),
        Command::List(asked) => {
            let columns = [
                ("ID", "/id"),
                ("ADDRESS", "/address"),
                ("ROLE", "/role"),
                ("EXPIRES", "/expires_at"),
                ("ACCEPTED", "/accepted_at"),
                ("REVOKED", "/revoked_at"),
            ];
            asked.list(place, &["invitations"], ("invitations", &columns))
        }
        Command::Revoke { which, invitation } => delete(place, &which.below(&["invitations", invitation])),
    }
}

//! `portcullis message`

use clap::Subcommand;
use http::Method;
use primitives::Timestamp;
use serde_json::{Value, json};

use super::audit::moment;
use super::{Common, OfTenant, show};
use crate::api::{Api, of_tenant, segment};
use crate::configuration::Place;
use crate::outcome::Failure;
use crate::session::with_node;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists messages, the latest first, without what they say
    List {
        #[command(flatten)]
        of: OfTenant,
        /// Only those that are `queued`, `processing`, `sent` or `abandoned`
        #[arg(long)]
        status: Option<String>,
        /// Only those to this address
        #[arg(long, value_name = "ADDRESS")]
        recipient: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Sends a message once more, or all that were given up
    Resend {
        /// Its identifier, as `list` shows it
        #[arg(required_unless_present = "abandoned", conflicts_with_all = ["abandoned", "since"])]
        id: Option<String>,
        /// All messages that were given up
        #[arg(long)]
        abandoned: bool,
        /// Of those only what was caused since then: a moment, e.g. `2026-01-31T00:00:00Z`, or how long ago, e.g. `2h`
        #[arg(long, value_name = "WHEN", value_parser = moment, requires = "abandoned")]
        since: Option<Timestamp>,
        #[command(flatten)]
        of: OfTenant,
        #[command(flatten)]
        common: Common,
    },
}

const COLUMNS: [(&str, &str); 6] = [
    ("ID", "/id"),
    ("STATUS", "/status"),
    ("TEMPLATE", "/template_type"),
    ("RECIPIENT", "/recipient"),
    ("ATTEMPTS", "/send_count"),
    ("CREATED", "/created_at"),
];

const RESEND: &str = "/admin/portcullis/v1/courier/messages";

pub(crate) fn run(place: &Place, command: &Command) -> Result<(), Failure> {
    match command {
        Command::List { of, status, recipient, common } => {
            let of_status = status.iter().map(|status| format!("&status={}", segment(status)));
            let to = recipient.iter().map(|to| format!("&recipient={}", segment(to)));
            let filters: String = of_status.chain(to).collect();
            let path = of_tenant(&of.tenant, &format!("/admin/courier/messages?page_size=1000{filters}"));
            let messages = with_node(place, async |mut api| api.list(&path, None).await)?;
            show::list(common.json, &messages, &COLUMNS);
            Ok(())
        }
        Command::Resend { id: Some(id), abandoned: false, of, .. } => {
            let path = of_tenant(&of.tenant, &format!("{RESEND}/{}/resend", segment(id)));
            with_node(place, async |mut api| api.send(Method::POST, &path, None).await)?;
            Ok(())
        }
        Command::Resend { since, of, common, .. } => {
            let since = since.map(|since| format!("?since={}", segment(&since.rfc3339())));
            let path = format!("{RESEND}/resend{}", since.unwrap_or_default());
            let path = of_tenant(&of.tenant, &path);
            let resent = with_node(place, async |mut api| resend_all(&mut api, &path).await)?;
            show::object(common.json, &json!({ "resent": resent }));
            Ok(())
        }
    }
}

/// Asks until fewer are sent than one call sends.
async fn resend_all(api: &mut Api, path: &str) -> Result<u64, Failure> {
    let mut all = 0;
    loop {
        let answer = api.send(Method::POST, path, None).await?.body;
        let number = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or_default();
        let resent = number("resent");
        all += resent;
        if resent == 0 || resent < number("at_most") {
            return Ok(all);
        }
    }
}

//! `portcullis audit`

use std::collections::HashSet;
use std::io::Write as _;

use clap::Subcommand;
use config::Span;
use primitives::{Clock as _, Timestamp};
use serde_json::Value;

use super::OfTenant;
use crate::api::{Api, of_tenant, segment};
use crate::clock::SystemClock;
use crate::configuration::Place;
use crate::outcome::Failure;
use crate::session::with_node;

/// Records of a page.
const PAGE: usize = 1000;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Writes what happened in a tenant as JSON lines to standard output, the oldest first
    Export {
        #[command(flatten)]
        of: OfTenant,
        /// Only what happened in the name of this organisation
        #[arg(long, value_name = "ID")]
        organisation: Option<String>,
        /// Only what happened since then: a moment, e.g. `2026-01-31T00:00:00Z`, or how long ago, e.g. `7d`
        #[arg(long, value_name = "WHEN", value_parser = moment)]
        since: Option<Timestamp>,
    },
}

pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(ago) = text.parse::<Span>() {
        return Ok(SystemClock.now().before(ago.0));
    }
    Timestamp::parse_rfc3339(text).ok_or_else(|| {
        "write a moment, e.g. `2026-01-31T00:00:00Z`, or how long ago it was, e.g. `7d`".to_owned()
    })
}

pub(crate) fn run(place: &Place, command: &Command) -> Result<(), Failure> {
    let Command::Export { of, organisation, since } = command;
    let organisation = organisation.as_ref().map(|id| format!("&organisation={}", segment(id)));
    let since = since.map(|since| format!("&since={}", segment(&since.rfc3339())));
    let (organisation, since) = (organisation.unwrap_or_default(), since.unwrap_or_default());
    let first = format!("/admin/portcullis/v1/audit?page_size={PAGE}{organisation}{since}");
    let first = of_tenant(&of.tenant, &first);
    with_node(place, async |mut api| export(&mut api, &first).await)
}

async fn export(api: &mut Api, first: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let mut path = first.to_owned();
    // What has not settled when a page is read comes again on the next.
    let mut last_page = HashSet::new();
    loop {
        let (lines, next) = api.lines(&path).await?;
        let mut page = HashSet::new();
        for line in lines.lines() {
            let record: Value = serde_json::from_str(line)?;
            let id = record.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
            if !last_page.contains(&id) {
                writeln!(out, "{line}")?;
            }
            page.insert(id);
        }
        let is_new = page.difference(&last_page).next().is_some();
        match next.filter(|_| page.len() >= PAGE && is_new) {
            Some(token) => path = format!("{first}&page_token={token}"),
            None => return Ok(out.flush()?),
        }
        last_page = page;
    }
}

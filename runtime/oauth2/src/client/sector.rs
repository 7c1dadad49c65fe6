//! The sector of a client: with which others it shares the names of people (OpenID Connect Core section 8.1).
//!
//! Attack: a client names the sector of somebody else's app, and learns under which names that one knows people. So a sector
//! that a client names must name the client too: its document lists every one of the client's redirect URIs, and is asked
//! for when the client is written. Apps on people's own machines all have `127.0.0.1` for a host, which makes no sector.
//! The one host of all its redirect URIs has named nobody: so a client that registered itself is of that sector with grants
//! alone whose answers go there (`registration/metadata.rs`).

use std::time::Duration;

use primitives::outbound::{OutboundRequest, Reach};
use url::Url;

use super::{ClientDocument, InvalidClient, RedirectUri};
use crate::server::AuthorizationServer;

/// How a client names people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectType {
    /// By their own ids, as every client of this type does.
    Public,
    /// By names that only its sector knows.
    Pairwise {
        /// The sector: a host.
        sector: String,
    },
}

impl SubjectType {
    /// The registered names, as discovery lists them.
    pub const ALL: [&'static str; 2] = ["public", "pairwise"];
}

/// The most of a sector's document that is read, in bytes.
const DOCUMENT_BYTES: usize = 64 << 10;
/// How long its server may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Takes the type and the sector that a document names; whether the sector names the client is not known yet.
pub(super) fn subject_type(
    document: &ClientDocument,
    redirect_uris: &[RedirectUri],
) -> Result<SubjectType, InvalidClient> {
    if document.subject_type != "pairwise" {
        return Ok(SubjectType::Public);
    }
    let named = document.sector_identifier_uri.as_deref().filter(|uri| !uri.is_empty());
    let sector = if let Some(uri) = named {
        host(uri)
    } else {
        let mut hosts = redirect_uris.iter().map(|uri| host(uri.as_str()).filter(|_| !uri.proves_nobody()));
        let first = hosts.next().flatten();
        first.filter(|first| hosts.all(|host| host.as_ref() == Some(first)))
    };
    Ok(SubjectType::Pairwise { sector: sector.ok_or(InvalidClient::NoSector)? })
}

fn host(uri: &str) -> Option<String> {
    Url::parse(uri).ok()?.host_str().map(str::to_owned)
}

impl AuthorizationServer {
    /// Asks the sector that a document names whether the client is of it. What it said of the same addresses before stands,
    /// so that a client can be changed while its sector's server is down.
    pub(super) async fn check_sector(
        &self,
        document: &ClientDocument,
        before: Option<&ClientDocument>,
    ) -> Result<(), InvalidClient> {
        let named = document.sector_identifier_uri.as_deref().filter(|uri| !uri.is_empty());
        let Some(uri) = named.filter(|_| document.subject_type == "pairwise") else { return Ok(()) };
        let asks_the_same = |before: &ClientDocument| {
            before.subject_type == document.subject_type
                && before.sector_identifier_uri.as_deref() == Some(uri)
                && before.redirect_uris == document.redirect_uris
        };
        if before.is_some_and(asks_the_same) {
            return Ok(());
        }
        let request = OutboundRequest {
            method: "GET",
            url: Url::parse(uri).map_err(|_| InvalidClient::NoSector)?,
            headers: vec![("accept".to_owned(), "application/json".to_owned())],
            body: Vec::new(),
            max_response_bytes: DOCUMENT_BYTES,
            timeout: TIMEOUT,
            reach: Reach::Public,
        };
        // One answer for whatever went wrong: what can be reached from here is not told.
        let answer = self.ports.outbound.fetch(request).await.map_err(|_| InvalidClient::Sector)?;
        let listed =
            serde_json::from_slice::<Vec<String>>(&answer.body).map_err(|_| InvalidClient::Sector)?;
        let is_listed = |uri: &String| listed.contains(uri);
        let of_sector = answer.status == 200 && document.redirect_uris.iter().flatten().all(is_listed);
        if of_sector { Ok(()) } else { Err(InvalidClient::Sector) }
    }
}

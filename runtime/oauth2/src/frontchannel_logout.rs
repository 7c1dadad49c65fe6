//! What the browser opens in the apps of a session that has ended (OpenID Connect Front-Channel Logout 1.0).
//!
//! The page that opens them comes after the session's end, and knows which session that was from what we sealed into its
//! address; whose grants were made in it is looked up then. So there is nothing to keep, and a page that is opened again, or
//! late, is our plain one.
//!
//! Attacks: a client has our page open somebody else's address, or one that is no web page (it must be of the origin of one of
//! the client's redirect URIs, section 2, which is checked when it is written and again when it is used); the page's address
//! is made up, to send people on from here to anywhere (it is sealed, and only what was checked before is sealed).

use std::collections::BTreeSet;

use primitives::seal::SealedKind;
use primitives::{SessionId, Timestamp};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::access_token::find_client;
use crate::authorization::host;
use crate::client::{Client, InvalidClient, RedirectUri};
use crate::ports::PortError;
use crate::server::AuthorizationServer;

const KIND: SealedKind = SealedKind::Farewell;
/// Long enough for a browser to get there.
const LIFESPAN: std::time::Duration = std::time::Duration::from_mins(5);
/// A page with more frames than this would not be done in time anyway.
const MOST_CLIENTS: u32 = 50;
/// Longer ones are none of ours.
const MAX_SEALED: usize = 16 * 1_024;

/// What the last page of a session does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farewell {
    /// What it opens, each in a frame.
    pub frames: Vec<Url>,
    /// Where the browser goes then; if absent, nowhere.
    pub redirect: Option<String>,
    /// The host of that (the scheme, for an app's own), where the browser goes there by the person's own hand alone.
    pub offered: Option<String>,
}

/// As it travels through the browser.
#[derive(Serialize, Deserialize)]
struct Sealed {
    sessions: Vec<SessionId>,
    redirect: Option<String>,
    #[serde(default)]
    is_offered: bool,
    expires_at: Timestamp,
}

impl Client {
    /// Refuses an address for front-channel logout that is not of the client's own origin.
    pub fn check_frontchannel_logout(&self) -> Result<(), InvalidClient> {
        let is_named = self.record.document.frontchannel_logout_uri().is_some();
        if is_named && self.frontchannel_logout_uri().is_none() {
            return Err(InvalidClient::FrontchannelOrigin);
        }
        Ok(())
    }

    /// What the browser opens, if it is of the scheme, host and port of a redirect URI. A client that was written before that
    /// was checked may have another.
    fn frontchannel_logout_uri(&self) -> Option<Url> {
        let uri = Url::parse(self.record.document.frontchannel_logout_uri()?).ok()?;
        // No two addresses of a scheme of their own are of one origin.
        let is_same = |known: &RedirectUri| {
            Url::parse(known.as_str()).is_ok_and(|known| known.origin() == uri.origin())
        };
        self.redirect_uris.iter().any(is_same).then_some(uri)
    }
}

impl AuthorizationServer {
    /// The last page of sessions that ended together, sealed for its address; none if no client of theirs wants to be opened.
    pub async fn seal_farewell(
        &self,
        sessions: &[SessionId],
        redirect: Option<String>,
    ) -> Result<Option<String>, PortError> {
        if self.frames_of(sessions).await?.is_empty() {
            return Ok(None);
        }
        let expires_at = self.now().after(LIFESPAN);
        let sessions = sessions.to_vec();
        Ok(Some(self.seal(KIND, &Sealed { sessions, redirect, is_offered: false, expires_at })))
    }

    /// The same page, sealed for a browser in which nobody was signed in: it shows the way to an address, and does not go there.
    pub fn seal_offer(&self, redirect: String) -> String {
        let expires_at = self.now().after(LIFESPAN);
        let (sessions, redirect) = (Vec::new(), Some(redirect));
        self.seal(KIND, &Sealed { sessions, redirect, is_offered: true, expires_at })
    }

    /// Opens what [`Self::seal_farewell`] made; none if it is not that, or too late.
    pub async fn open_farewell(&self, text: &str) -> Result<Option<Farewell>, PortError> {
        let short = Some(text).filter(|text| text.len() <= MAX_SEALED);
        let opened = short.and_then(|text| self.open::<Sealed>(KIND, text));
        let Some(opened) = opened.filter(|opened| self.now() < opened.expires_at) else { return Ok(None) };
        let frames = self.frames_of(&opened.sessions).await?;
        let offered = opened.redirect.as_deref().filter(|_| opened.is_offered).map(host);
        Ok(Some(Farewell { frames, redirect: opened.redirect, offered }))
    }

    async fn frames_of(&self, sessions: &[SessionId]) -> Result<Vec<Url>, PortError> {
        let mut frames = Vec::new();
        for session in sessions {
            let ids = self.ports.grants.list_clients_of_session(&self.tenant, *session, MOST_CLIENTS).await?;
            for id in ids {
                let client = find_client(self, &id).await?;
                frames.extend(client.and_then(|client| self.frame(&client, *session)));
            }
        }
        // A client that asks for no `sid` has one address in all of them.
        let mut seen = BTreeSet::new();
        frames.retain(|frame| seen.insert(frame.clone()));
        frames.truncate(MOST_CLIENTS as usize);
        Ok(frames)
    }

    /// With `iss` and `sid` where the client asks for them (section 2).
    fn frame(&self, client: &Client, session: SessionId) -> Option<Url> {
        let mut uri = client.frontchannel_logout_uri()?;
        if client.record.document.frontchannel_logout_session_required == Some(true) {
            let sid = self.session_for(client, session);
            uri.query_pairs_mut().append_pair("iss", self.issuer.as_str()).append_pair("sid", &sid);
        }
        Some(uri)
    }
}

#[cfg(test)]
mod tests;

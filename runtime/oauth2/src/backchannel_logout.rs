//! Telling a client's server that a session has ended (OpenID Connect Back-Channel Logout 1.0).
//!
//! Which clients are told is written with the end of the session (`Write::TellClientsOfSession`); here is what one of them
//! is sent, once. It is signed when it is sent: it is short-lived, and its key is one that is published then. Each sending has a
//! `jti` of its own, since a receiver that was reached and could not say so refuses to see one twice.
//!
//! A session that expires is no logout. When it does was known from its beginning, an app may rightly go on for longer, and
//! one that does not want to asks again (`prompt=none`).
//!
//! Attacks: somebody sends an app another kind of token for a logout token, or the other way round (`typ` is `logout+jwt`, there is an
//! `events` claim and no `nonce`); a client registers an address inside the operator's network (the guarded way out, which says no
//! more than that it was not reached; only the operator's own file names others).

use std::time::Duration;

use jose::TokenType;
use primitives::outbound::{OutboundError, OutboundRequest, Reach};
use primitives::{ClientId, IdentityId, SessionId};
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;

use crate::access_token::find_client;
use crate::client::responses::Told;
use crate::client::{Client, ManagedBy};
use crate::ports::PortError;
use crate::protection::Protection;
use crate::server::AuthorizationServer;

/// How long a logout token may be used; section 4 recommends two minutes at most.
const LIFESPAN: Duration = Duration::from_mins(2);
/// How long a client's server may take. Whoever runs jobs may allow less.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The most of an answer that is read, in bytes. Only its status counts.
const ANSWER_BYTES: usize = 16 << 10;
/// The event that a logout token tells of (section 2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Why a client was not told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackchannelError {
    /// Nobody is to be told any more.
    #[error("the client is gone, or has no address for logout tokens any more")]
    Gone,
    /// Upstream: its server was not reached, or may not be.
    #[error("its server was not reached: {0}")]
    Unreachable(OutboundError),
    /// Upstream: its server answered that it did not do it (section 2.8).
    #[error("its server answered {0}")]
    Refused(u16),
    /// Ours: storage or keys.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Claims of a logout token (section 2.4). It has no `nonce`, by which it could be taken for an ID token.
#[derive(Serialize)]
struct LogoutTokenClaims<'a> {
    iss: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: String,
    events: Value,
    sid: String,
}

impl AuthorizationServer {
    /// Tells a client once that a session of a person has ended.
    pub async fn send_logout_token(
        &self,
        client: &ClientId,
        subject: IdentityId,
        session: SessionId,
    ) -> Result<(), BackchannelError> {
        let client = find_client(self, client).await?.ok_or(BackchannelError::Gone)?;
        let url = client.record.document.backchannel_logout_uri().and_then(|uri| Url::parse(uri).ok());
        let url = url.ok_or(BackchannelError::Gone)?;
        let token = self.logout_token(&client, subject, session).await?;
        let form =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", &token).finish();
        let request = OutboundRequest {
            method: "POST",
            url,
            headers: vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())],
            body: form.into_bytes(),
            max_response_bytes: ANSWER_BYTES,
            timeout: TIMEOUT,
            reach: match client.record.managed_by {
                ManagedBy::File => Reach::NamedByOperator,
                ManagedBy::Api | ManagedBy::Document => Reach::Public,
            },
        };
        match self.ports.outbound.fetch(request).await {
            Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
            Ok(answer) => Err(BackchannelError::Refused(answer.status)),
            // It did answer, if at length.
            Err(OutboundError::TooLarge) => Ok(()),
            Err(error) => Err(BackchannelError::Unreachable(error)),
        }
    }

    /// `sub` and `sid`: with `sub` alone a client would end what the person does elsewhere too. Somebody whom only a login app
    /// knows by name has `sid` alone.
    async fn logout_token(
        &self,
        client: &Client,
        subject: IdentityId,
        session: SessionId,
    ) -> Result<String, BackchannelError> {
        let keys = self.load_keys().await?;
        let now = self.now();
        let claims = LogoutTokenClaims {
            iss: self.issuer.as_str(),
            sub: self.forced_name(client, subject).await?.or_else(|| self.subject_of_id(client, subject)),
            aud: client.id.as_str(),
            iat: now.seconds(),
            exp: now.after(LIFESPAN).seconds(),
            jti: self.rng.uuid().to_string(),
            events: json!({ EVENT: {} }),
            sid: self.session_for(client, session),
        };
        // Section 2.4: by the same keys as ID tokens.
        let protection = Protection::of(self, client, Told::IdToken).await?;
        let signer = protection.signer(self, &keys)?;
        Ok(protection.seal(self, signer, (TokenType::LogoutToken, &claims)).await?)
    }
}

#[cfg(test)]
mod tests;

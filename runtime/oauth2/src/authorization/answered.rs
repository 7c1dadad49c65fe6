//! That a challenge was answered: once, by whoever was first.
//!
//! A challenge is the request itself, sealed, and of sealed text any number of copies is good until it expires. So the first answer
//! is written down under the name of what it is about: a repetition gets the same again, any other is refused.
//!
//! Attacks: what somebody has refused is accepted after all, with the copy that is in a log or in the history of a browser; two
//! answers at once both count (the guard lets one through); what was answered is read from the row (it is a keyed hash).

use primitives::{Change, GrantId, KeyedHash, SessionId, Timestamp, base64url};
use ring::digest::{SHA256, digest};
use serde::Serialize;

use super::external::ChallengeError;
use super::page_error::PageError;
use super::request::AuthorizationRequest;
use crate::decision::Decision;
use crate::ports::PortError;
use crate::server::AuthorizationServer;
use crate::write::Write;

const PURPOSE: &str = "oauth2_answered_challenge";

/// Which challenge: of what kind, and the name of what it is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChallengeId(String);

impl ChallengeId {
    /// Of a sign-in: the session that begins by it.
    pub fn login(session: SessionId) -> Self {
        Self(format!("login:{session}"))
    }

    /// Of a consent: the grant that it becomes.
    pub fn consent(grant: GrantId) -> Self {
        Self(format!("consent:{grant}"))
    }

    /// Of a sign-out, which begins nothing: the challenge itself, hashed.
    pub fn logout(challenge: &str) -> Self {
        Self(format!("logout:{}", hashed(challenge)))
    }

    /// Of a browser that is asked for a device's code: the challenge itself, hashed.
    pub fn device(challenge: &str) -> Self {
        Self(format!("device:{}", hashed(challenge)))
    }

    /// As it is written down.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn hashed(text: &str) -> String {
    base64url::encode(digest(&SHA256, text.as_bytes()))
}

/// The first answer to a challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredChallenge {
    /// Which challenge.
    pub id: ChallengeId,
    /// Whether it was refused.
    pub refused: bool,
    /// Keyed hash of the answer: a repetition has the same.
    pub answer: KeyedHash,
    /// When it can be forgotten: the challenge has expired by then.
    pub expires_at: Timestamp,
}

/// What somebody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    Refused,
}

impl AuthorizationServer {
    /// Whether a challenge was refused.
    pub(crate) async fn is_refused(&self, id: &ChallengeId) -> Result<bool, PortError> {
        let found = self.ports.logins.find_challenge_answer(&self.tenant, id).await?;
        Ok(found.is_some_and(|found| found.refused))
    }

    /// The write by which a challenge is answered, or nothing if it was answered just so before.
    pub(crate) async fn answer_once(
        &self,
        (id, expires_at): (ChallengeId, Timestamp),
        verdict: Verdict,
        said: &(impl Serialize + Sync),
    ) -> Result<Option<Write>, ChallengeError> {
        let unwritable = |error: serde_json::Error| PortError::Unavailable(error.to_string());
        let said = serde_json::to_vec(said).map_err(unwritable)?;
        let refused = verdict == Verdict::Refused;
        match self.ports.logins.find_challenge_answer(&self.tenant, &id).await? {
            None => {
                let answer = self.sealer.hash(&self.tenant, PURPOSE, &said);
                let answered = AnsweredChallenge { id, refused, answer, expires_at };
                Ok(Some(Write::AnswerChallenge(Box::new(answered))))
            }
            Some(found) => {
                let is_same = self.sealer.verify_hash(&self.tenant, PURPOSE, &said, &found.answer);
                if is_same && found.refused == refused { Ok(None) } else { Err(ChallengeError::Answered) }
            }
        }
    }

    /// What a page of ours writes of somebody's verdict on a request: that they refuse it. What was refused stays refused, also
    /// by whoever goes back to the page.
    pub(super) async fn refusal(
        &self,
        request: &AuthorizationRequest,
        allow: bool,
    ) -> Result<Option<Write>, PageError> {
        let id = ChallengeId::consent(request.grant);
        if allow {
            return if self.is_refused(&id).await? { Err(PageError::Used) } else { Ok(None) };
        }
        let until = request.requested_at.after(self.settings.interaction_lifespan.0);
        match self.answer_once((id, until), Verdict::Refused, &()).await {
            Ok(write) => Ok(write),
            Err(ChallengeError::Port(error)) => Err(error.into()),
            // A consent app has answered it.
            Err(_) => Err(PageError::Used),
        }
    }

    /// The decision of an answer: what writes it down, and what the app is told.
    pub(crate) fn answered<T>(
        &self,
        decided: Result<(impl IntoIterator<Item = Write>, T), ChallengeError>,
    ) -> Decision<T, ChallengeError> {
        let mut change = Change::new(self.tenant.clone());
        match decided {
            Ok((writes, told)) => {
                change.writes.extend(writes);
                Decision::new(change, Ok(told))
            }
            Err(error) => Decision::new(change, Err(error)),
        }
    }
}

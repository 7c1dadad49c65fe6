//! By which names an app knows a person and their session (OpenID Connect Core section 8).
//!
//! A client of subject type `pairwise` never sees the identity's id, but a keyed hash of it that only clients of its sector
//! share. It is the same for ever: the key is the oldest of the deployment, which opens what was sealed first and so is
//! there for as long as anything is.
//!
//! Attacks: two apps put together what they know of a person, by `sub`, or by the `sid` that both were given in one session
//! (so both are hashed, each for its purpose); an app names another's sector to learn the other's names (the address that names a
//! sector must list every `redirect_uri`, see `client/sector.rs`); somebody tries all ids against a name (the key is the tenant's, and
//! never leaves). What is exchanged for clients of other sectors is not kept apart from what it comes of: its `jti` and
//! `exchanged_tokens` tell that it is of one sign-in (`token/jwt.rs::TokenId`). What a plugin is told is the real id, in every hook:
//! it is the tenant's own code, and what it puts into a token is the tenant's word.

use primitives::{AuthenticatedSubject, IdentityId, SessionId, base64url};

use crate::authorization::external::is_external;
use crate::client::{Client, SubjectType};
use crate::grant::Grant;
use crate::id_token_hint::Hint;
use crate::server::AuthorizationServer;

const SUBJECT: &str = "pairwise_subject";
const SESSION: &str = "pairwise_session";

impl AuthorizationServer {
    /// `sub` for a client, of somebody with this id whom everybody else knows by this text.
    fn subject_for(&self, client: &Client, id: IdentityId, text: String) -> String {
        match &client.subject_type {
            SubjectType::Public => text,
            SubjectType::Pairwise { sector } => self.pairwise(SUBJECT, sector, id.0.as_bytes()),
        }
    }

    /// `sub` of a grant's tokens.
    pub(crate) fn subject_of_grant(&self, client: &Client, grant: &Grant) -> String {
        match (&client.subject_type, &grant.subject.forced) {
            // A name is of the client that was granted it; what is exchanged for another has that one's own.
            (SubjectType::Pairwise { .. }, Some(name)) if grant.client == client.id => name.clone(),
            _ => self.subject_for(client, grant.subject.id, grant.subject.sub()),
        }
    }

    /// `sub` of somebody who has signed in, but for a name that an app has given them (`forced_subject`).
    pub(crate) fn subject_of_login(&self, client: &Client, subject: &AuthenticatedSubject) -> String {
        self.subject_for(client, subject.subject, subject.sub())
    }

    /// `sub` of whom nothing but the id is known; none of somebody whom only a login app of the tenant's own knows, by a text
    /// that the id does not tell.
    pub(crate) fn subject_of_id(&self, client: &Client, id: IdentityId) -> Option<String> {
        let is_named = client.subject_type != SubjectType::Public || !is_external(id);
        is_named.then(|| self.subject_for(client, id, id.to_string()))
    }

    /// `sid` for a client.
    pub(crate) fn session_for(&self, client: &Client, session: SessionId) -> String {
        match &client.subject_type {
            SubjectType::Public => session.to_string(),
            SubjectType::Pairwise { sector } => self.pairwise(SESSION, sector, session.0.as_bytes()),
        }
    }

    /// Whether a hint is about this very session of this person.
    pub(crate) fn is_of_session(&self, client: &Client, hint: &Hint, subject: &AuthenticatedSubject) -> bool {
        hint.client == client.id
            && hint.subject == self.subject_of_login(client, subject)
            && hint.session == self.session_for(client, subject.session)
    }

    /// A host has no zero byte, so that no two pairs are the same bytes.
    fn pairwise(&self, purpose: &str, sector: &str, id: &[u8]) -> String {
        let pair = [sector.as_bytes(), &[0], id].concat();
        base64url::encode(self.sealer.lasting_hash(&self.tenant, purpose, &pair))
    }
}

#[cfg(test)]
mod tests;

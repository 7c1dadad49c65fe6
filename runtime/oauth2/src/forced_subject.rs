//! Names that a login app gives people at one client, in place of the pairwise ones (`force_subject_identifier` of the Hydra API).
//!
//! | attack | what stands against it |
//! |---|---|
//! | two people have one name at a client, which takes the one for the other | a name is written down with whose it is, before anybody signs in by it; a second person is refused |
//! | a name is the one that somebody else has without the app | what could be one of ours is refused, unless it is their own |
//! | the one name of everybody, of a client of public subjects, becomes another | there it has no effect, as by Hydra |
//! | a name is of any size, or breaks lines of logs | 255 bytes, no control characters |
//! | what it names is told another client | it is of one client alone; what is exchanged for another has that one's name |
//!
//! The name is of the person, not of the sign-in: whoever is let skip later, or signs out, is known by it too. The last one counts.
//!
//! The names that we give stand among them from the first grant to such a client on, since they are not to be read back: so whoever is
//! told one ends what is of the person (`global_revocation`). They are given by what we know, and never by what stands there.

use primitives::{AuthenticatedSubject, ClientId, IdentityId, Timestamp, base64url};

use crate::authorization::external::ChallengeError;
use crate::client::{Client, SubjectType};
use crate::grant::{Grant, GrantSubject};
use crate::ports::PortError;
use crate::server::AuthorizationServer;
use crate::write::Write;

/// The longest name, in bytes (OpenID Connect Core section 2: 255 characters of ASCII).
pub(crate) const MOST_BYTES: usize = 255;
/// The bytes of a name of ours.
const PAIRWISE_BYTES: usize = 32;

/// By which name a client knows somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForcedSubject {
    /// Which client.
    pub client: ClientId,
    /// `sub` there.
    pub name: String,
    /// Who.
    pub subject: IdentityId,
    /// Since when; the last name counts.
    pub at: Timestamp,
}

impl AuthorizationServer {
    /// The write by which a person has a name at a client; nothing where the app gives none, or it has no effect.
    pub(crate) async fn name_subject(
        &self,
        client: &Client,
        subject: IdentityId,
        name: &str,
    ) -> Result<Option<Write>, ChallengeError> {
        if name.is_empty() || client.subject_type == SubjectType::Public {
            return Ok(None);
        }
        let is_theirs = self.subject_of_id(client, subject).as_deref() == Some(name);
        if could_be_ours(name) && !is_theirs {
            return Err(ChallengeError::invalid(
                "force_subject_identifier looks like a name that this server gives",
            ));
        }
        let found = self.ports.logins.find_forced_subject(&self.tenant, &client.id, name).await?;
        if found.is_some_and(|other| other != subject) {
            return Err(ChallengeError::invalid(
                "force_subject_identifier is somebody else's at this client",
            ));
        }
        let (client, name) = (client.id.clone(), name.to_owned());
        let named = ForcedSubject { client, name, subject, at: self.now() };
        Ok(Some(Write::NameSubject(Box::new(named))))
    }

    /// The name that an app has given somebody at a client, if it counts there.
    pub(crate) async fn forced_name(
        &self,
        client: &Client,
        subject: IdentityId,
    ) -> Result<Option<String>, PortError> {
        match client.subject_type {
            SubjectType::Public => Ok(None),
            SubjectType::Pairwise { .. } => {
                let found = self.ports.logins.find_forced_name(&self.tenant, &client.id, subject).await?;
                Ok(found.filter(|name| !could_be_ours(name)))
            }
        }
    }

    /// The name that we give whomever a client calls so: their own, where it is one that an app has given them.
    pub(crate) async fn own_name(&self, client: &Client, name: String) -> Result<String, PortError> {
        if client.subject_type == SubjectType::Public {
            return Ok(name);
        }
        let found = self.ports.logins.find_forced_subject(&self.tenant, &client.id, &name).await?;
        Ok(found.and_then(|id| self.subject_of_id(client, id)).unwrap_or(name))
    }

    /// The writes of a new grant. A client that knows people by names of its own may be asked for one of them, and we find it.
    pub(crate) fn insert_grant(&self, client: &Client, grant: Grant) -> Vec<Write> {
        let is_given_here = matches!(client.subject_type, SubjectType::Pairwise { .. });
        let noted = (is_given_here && grant.subject.forced.is_none()).then(|| {
            let (name, subject) = (self.subject_of_grant(client, &grant), grant.subject.id);
            Write::NoteName(Box::new(ForcedSubject {
                client: client.id.clone(),
                name,
                subject,
                at: self.now(),
            }))
        });
        [Write::InsertGrant(Box::new(grant))].into_iter().chain(noted).collect()
    }

    /// Somebody who has signed in, as a grant to a client has them.
    pub(crate) async fn grant_subject(
        &self,
        client: &Client,
        subject: &AuthenticatedSubject,
    ) -> Result<GrantSubject, PortError> {
        let forced = self.forced_name(client, subject.subject).await?;
        Ok(GrantSubject { forced, ..GrantSubject::from(subject) })
    }
}

/// Whether a name has the form of those that we give.
fn could_be_ours(name: &str) -> bool {
    base64url::decode(name).is_some_and(|bytes| bytes.len() == PAIRWISE_BYTES)
}

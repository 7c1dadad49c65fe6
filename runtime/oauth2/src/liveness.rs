//! Whether what was issued is still good. A token is live by look-up, whatever it says itself: its
//! grant, its client, the person and, unless the grant outlives it, the session.

use crate::client::Client;
use crate::grant::Grant;
use crate::ports::{PortError, SubjectProfile};
use crate::server::AuthorizationServer;

/// A grant that is live right now, with the person behind it as they are now. Only [`check_grant`]
/// makes one, so that whoever holds it has looked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LiveGrant {
    grant: Grant,
    profile: SubjectProfile,
}

impl LiveGrant {
    pub(crate) const fn grant(&self) -> &Grant {
        &self.grant
    }

    pub(crate) const fn profile(&self) -> &SubjectProfile {
        &self.profile
    }
}

/// What of a grant is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dead {
    /// The grant itself was revoked, or the client's `not_before` has passed it.
    Grant,
    /// The person is gone or inactive, or has left the organisation in whose name it is, or their `not_before` has passed the
    /// grant.
    Subject,
    /// The session, on which the grant depends.
    Session,
}

/// Whether the session behind a grant must be live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionRule {
    /// Always: nothing was issued yet.
    MustBeLive,
    /// Unless the grant outlives it.
    AsGranted,
}

/// Looks whether a grant to `client` is live.
pub(crate) async fn check_grant(
    server: &AuthorizationServer,
    client: &Client,
    grant: Grant,
    rule: SessionRule,
) -> Result<Result<LiveGrant, Dead>, PortError> {
    if grant.revoked_at.is_some() || grant.created_at < client.record.not_before {
        return Ok(Err(Dead::Grant));
    }
    let subjects = &server.ports.subjects;
    let profile = match grant.subject.external {
        None => subjects.find_subject(&server.tenant, grant.subject.id).await?,
        // Whom only a login app knows ends with their sessions and grants.
        Some(_) => Some(SubjectProfile::external()),
    };
    let Some(profile) = profile.filter(|profile| grant.created_at >= profile.not_before) else {
        return Ok(Err(Dead::Subject));
    };
    // Attack: somebody who has left an organisation goes on in its name with a refresh token that outlives the session.
    if let Some(organisation) = grant.subject.organisation
        && !subjects.is_in_organisation(&server.tenant, organisation, grant.subject.id).await?
    {
        return Ok(Err(Dead::Subject));
    }
    let needs_session = rule == SessionRule::MustBeLive || !grant.outlives_session();
    if needs_session && !subjects.is_session_live(&server.tenant, grant.subject.session).await? {
        return Ok(Err(Dead::Session));
    }
    Ok(Ok(LiveGrant { grant, profile }))
}

//! Somebody signed in has proven once more who they are.

use primitives::{Change, SessionClaims};

use crate::session::{AuthenticationMethod, LiveSession, Session};
use crate::write::Write;

/// The session after a proof in it, and the writes that make it so.
///
/// What plugins say of the session replaces what they said before, if they say anything.
pub(super) fn proven_in(
    live: &LiveSession,
    method: AuthenticationMethod,
    claims: SessionClaims,
    change: Change<Write>,
) -> (Session, Change<Write>) {
    let mut session = live.session().proven(method.clone());
    if !claims.is_empty() {
        session.claims = claims;
    }
    let write = Write::RefreshSession {
        session: session.id,
        identity: session.identity,
        method,
        assurance: session.assurance,
        methods: session.methods.clone(),
        claims: session.claims.clone(),
    };
    (session, change.write(write))
}

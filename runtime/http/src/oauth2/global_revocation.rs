//! `POST /oauth2/global-token-revocation` (draft-parecki-oauth-global-token-revocation): everything of somebody ends, by the word
//! of whoever is trusted with it.

use http::StatusCode;
use identity::identifier::Identifier;
use identity::identity::AddressKind;
use identity::ports::{AddressUse, Identities as _};
use oauth2::decision::MOST_ATTEMPTS;
use oauth2::global_revocation::SubjectIdentifier;
use primitives::{Actor, AuditEvent, Change, IdentityId};
use tenancy::{PlainAdminKey, Scope};

use super::userinfo;
use crate::admin_auth;
use crate::call::Call;
use crate::commit::commit;
use crate::failure::Failure;
use crate::response::{Answer, empty, no_store, set};
use crate::self_service::{Applied, apply_with};

/// Revokes everything of a person.
pub(crate) async fn post(call: Call) -> Answer {
    let actor = match let_in(&call).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    match revoked(&call, actor).await {
        Ok(()) => no_store(empty(StatusCode::NO_CONTENT)),
        Err(failure) => fail(&call, &failure),
    }
}

/// The holder of an admin key that may revoke tokens here, or a client by an access token of its own.
async fn let_in(call: &Call) -> Result<Actor, Box<Answer>> {
    let Some((scheme, text)) = userinfo::in_header(call) else {
        let words = "An admin key or an access token is needed.";
        let failure = Failure::new(StatusCode::UNAUTHORIZED, "invalid_token", words);
        return Err(Box::new(fail(call, &failure)));
    };
    if PlainAdminKey::parse(&text).is_some() {
        let key = admin_auth::by_key(call).await.map_err(|failure| Box::new(fail(call, &failure)))?;
        if key.check_access(&call.tenant.id, Scope::TokensWrite).is_ok() {
            return Ok(key.actor);
        }
        // Whether a key is another tenant's, or lacks the scope, is not told here.
        let words = "This key revokes nothing here.";
        return Err(Box::new(fail(call, &Failure::new(StatusCode::FORBIDDEN, "insufficient_scope", words))));
    }
    let presented = userinfo::presented_token(call, scheme, &text);
    let checked = commit(&call.node, || call.tenant.oauth2.check_revoker(presented)).await;
    checked.map_err(|error| Box::new(userinfo::refuse(call, scheme, &error)))
}

async fn revoked(call: &Call, actor: Actor) -> Result<(), Failure> {
    if !call.has_media_type("application/json") {
        return Err(Failure::bad_request("The body must be application/json."));
    }
    let subject = SubjectIdentifier::of_request(&call.body).ok_or_else(|| {
        Failure::bad_request("The body must have a sub_id of the format iss_sub, email or opaque (RFC 9493).")
    })?;
    let words = "Nobody is known by this name.";
    let unknown = || Failure::new(StatusCode::NOT_FOUND, "not_found", words);
    let found = find(call, &subject).await?;
    if found.is_empty() {
        return Err(unknown());
    }
    for id in found {
        end(call, id, &actor).await?;
    }
    Ok(())
}

async fn end(call: &Call, id: IdentityId, actor: &Actor) -> Result<(), Failure> {
    for _ in 0..MOST_ATTEMPTS {
        match end_everything(call, id, actor).await? {
            Applied::Whole => return Ok(()),
            // The account was deleted meanwhile: what is left is of nobody.
            Applied::Missed => {}
        }
    }
    Err(Failure::unavailable())
}

/// Grants, sign-ins at the login app, sessions and what was granted in them: one change. Attack: a node ends in between, and
/// whoever has broken in keeps the half that was to come; the party that asked was told nothing, and may not ask again.
///
/// What begins meanwhile dies by its time: it is before this. A person of the login app's alone has no sessions here.
async fn end_everything(call: &Call, identity: IdentityId, actor: &Actor) -> Result<Applied, Failure> {
    let (tenant, at) = (&call.tenant.id, call.now());
    let granted = call.tenant.oauth2.revoke_everything(identity, actor.clone());
    let found = call.node.storage.find_identity(tenant, identity).await;
    if found.map_err(|error| unanswered(call, &error))?.is_none() {
        let ended = call.node.storage.apply(granted).await;
        return ended.map(|()| Applied::Whole).map_err(|error| unanswered(call, &error));
    }
    let change = Change::new(tenant.clone())
        .write(identity::Write::RevokeTokens { identity, at })
        .write(identity::Write::RevokeSessions { identity, except: None, at })
        .audit(AuditEvent::new("sessions.revoked", actor.clone(), "identity", &identity));
    apply_with(call, change, Some(granted)).await.map_err(|_| Failure::unavailable())
}

async fn find(call: &Call, subject: &SubjectIdentifier) -> Result<Vec<IdentityId>, Failure> {
    let (server, tenant, storage) = (&call.tenant.oauth2, &call.tenant.id, &call.node.storage);
    match subject {
        SubjectIdentifier::IssSub { iss, sub } => {
            server.find_by_issuer(iss, sub).await.map_err(|error| unanswered(call, &error))
        }
        SubjectIdentifier::Opaque { id } => {
            let named = storage.find_by_external_id(tenant, id).await;
            match named.map_err(|error| unanswered(call, &error))? {
                Some(identity) => Ok(vec![identity.id]),
                None => server.find_by_name(id).await.map_err(|error| unanswered(call, &error)),
            }
        }
        SubjectIdentifier::Email { email } => Ok(by_email(call, email).await?.into_iter().collect()),
    }
}

/// Whoever signs in with an address, else whoever has proven it. Attack: somebody writes another's address into their own account,
/// and is signed out in their place.
async fn by_email(call: &Call, email: &str) -> Result<Option<IdentityId>, Failure> {
    let (tenant, storage) = (&call.tenant.id, &call.node.storage);
    let Some(identifier) = Identifier::parse(email).filter(|_| email.contains('@')) else { return Ok(None) };
    let found = storage.find_by_identifier(tenant, &identifier).await;
    if let Some((identity, _)) = found.map_err(|error| unanswered(call, &error))? {
        return Ok(Some(identity.id));
    }
    let address = identifier.as_str();
    let found = storage.find_by_address(tenant, AddressUse::Verification, AddressKind::Email, address).await;
    let found = found.map_err(|error| unanswered(call, &error))?;
    let has_proven = |identity: &identity::Identity| {
        identity.verifiable_addresses.iter().any(|one| one.verified && one.value == address)
    };
    Ok(found.filter(has_proven).map(|identity| identity.id))
}

fn unanswered(call: &Call, error: &dyn std::fmt::Display) -> Failure {
    tracing::error!(request = %call.request, %error, "a global revocation was not written");
    Failure::unavailable()
}

fn fail(call: &Call, failure: &Failure) -> Answer {
    let mut answer = super::error::document(call, failure.status, failure.id, &failure.message);
    if failure.status == StatusCode::UNAUTHORIZED {
        set(&mut answer, "www-authenticate", "Bearer");
    }
    answer
}

//! The authorization server's writes and reads: clients, grants, and what hangs on a grant.
//!
//! A token is looked up together with its grant, in one statement: what is revoked is dead at once.

mod access_tokens;
mod answered_challenges;
mod assertions;
mod authorization_codes;
mod clients;
mod consents;
mod device_codes;
mod forced_subjects;
mod granted;
mod grants;
mod login_sessions;
mod logouts;
mod refresh_tokens;
mod token_cache;
mod tokens;
mod trusted_issuers;

use ::oauth2::details::AuthorizationDetails;
use ::oauth2::ports::PortError;
use ::oauth2::scope::Scopes;
use ::oauth2::write::Write;
use primitives::{Sealer, TenantId};

use crate::StorageError;
use crate::apply::Stored;
use crate::identity::sessions;
use crate::jose::signing_keys;
use crate::row::Row;
use crate::statement::{Statement, Value, opt_json};
use crate::tenancy::admin_keys;

pub(crate) use clients::ClientCache;
pub(crate) use token_cache::TokenCache;

/// Kind in the change log: a client was made, changed or removed. The key is its id.
pub const CLIENT_CHANGED: &str = "client";
/// Kind in the change log: a grant was revoked, or its tokens say something else. The key is its id, or `"*"` for several of the tenant.
pub const GRANT_CHANGED: &str = "grant";
/// Kind in the change log: an access token was revoked by itself. The key is the keyed hash of an opaque
/// one in base64url, or the `jti` of a signed one.
pub const ACCESS_TOKEN_CHANGED: &str = "access_token";

impl Stored for Write {
    fn statements(self, tenant: &TenantId, sealer: &Sealer) -> Result<Vec<Statement>, StorageError> {
        Ok(match self {
            Self::InsertClient(client) => vec![clients::insert(tenant, &client, sealer)?],
            Self::UpdateClient { client, expected } => {
                vec![clients::update(tenant, &client, expected, sealer)?]
            }
            Self::DeleteClient { client, expected } => clients::delete(tenant, &client, expected),
            Self::CountRegistration { most } => clients::count_registration(tenant, most),
            Self::UseInitialAccessToken { key } => vec![admin_keys::use_once(tenant, key)],
            Self::KeepClient { client, until } => vec![clients::keep(tenant, &client, until)],
            Self::RevokeGrantsOfClient { client, at } => vec![grants::revoke_of_client(tenant, &client, at)],
            Self::InsertGrant(grant) => vec![grants::insert(tenant, &grant)],
            Self::ReplaceClaims { grant, claims } => vec![grants::replace_claims(tenant, grant, &claims)],
            Self::KeepGrant { grant, until } => vec![grants::keep_until(tenant, grant, until)],
            Self::KeepSigningKeys { until } => vec![signing_keys::keep(tenant, until)],
            Self::RevokeGrant { grant, at } => vec![grants::revoke(tenant, grant, at)],
            Self::RevokeGrantsOfSubject { subject, client, at } => {
                vec![grants::revoke_of_subject(tenant, subject, client.as_ref(), at)]
            }
            Self::RevokeGrantsOfSession { session, at } => {
                vec![grants::revoke_of_session(tenant, session, at)]
            }
            Self::TellClientsOfSession { session, at } => {
                vec![logouts::tell_clients_of_session(tenant, session, at)]
            }
            Self::RememberConsent(consent) => vec![consents::remember(tenant, &consent)],
            Self::ForgetConsents { subject, client } => {
                vec![consents::forget(tenant, subject, client.as_ref())]
            }
            Self::HoldSession { session, identity, at } => {
                vec![sessions::hold(tenant, session, identity, at)]
            }
            Self::InsertLoginSession(session) => vec![login_sessions::insert(tenant, &session)],
            Self::ExtendLoginSession { session, token, remembered_until, expires_at } => {
                vec![login_sessions::extend(tenant, session, &token, (remembered_until, expires_at))]
            }
            Self::DeleteLoginSession { session, at } => vec![
                logouts::tell_clients_of_session(tenant, session, at),
                login_sessions::delete(tenant, session),
            ],
            Self::DeleteLoginSessions { subject, which, at } => vec![
                logouts::tell_clients_of_login_sessions(tenant, subject, which, at),
                login_sessions::delete_of_subject(tenant, subject, which),
            ],
            Self::NameSubject(named) => vec![forced_subjects::name(tenant, &named)],
            Self::NoteName(named) => vec![forced_subjects::note(tenant, &named)],
            Self::AnswerChallenge(answered) => vec![answered_challenges::insert(tenant, &answered)],
            Self::InsertAuthorizationCode(code) => authorization_codes::insert(tenant, &code),
            Self::ConsumeAuthorizationCode { code, grant, at, kept_until } => {
                authorization_codes::consume(tenant, &code, grant, (at, kept_until))
            }
            Self::InsertDeviceCode(code) => vec![device_codes::insert(tenant, &code)],
            Self::NotePoll { code, polling } => vec![device_codes::note_poll(tenant, &code, polling)],
            Self::AnswerDeviceCode { code, grant, at } => {
                vec![device_codes::answer(tenant, &code, grant, at)]
            }
            Self::ConsumeDeviceCode { code, grant, kept_until, .. } => {
                device_codes::consume(tenant, &code, grant, kept_until)
            }
            Self::InsertAccessToken(token) => access_tokens::insert(tenant, &token),
            Self::DeleteAccessToken { token } => vec![access_tokens::delete(tenant, &token)],
            Self::InsertRefreshToken(token) => refresh_tokens::insert(tenant, &token),
            Self::RotateRefreshToken { token, grant, rotation } => {
                vec![refresh_tokens::rotate(tenant, &token, grant, &rotation)]
            }
            Self::UseAssertion { client, jti, expires_at } => {
                vec![assertions::use_once(tenant, &client, jti, expires_at)]
            }
            Self::UseBearerAssertion { jti, expires_at } => {
                vec![assertions::use_bearer_once(tenant, jti, expires_at)]
            }
            Self::InsertTrustedIssuer(trust) => vec![trusted_issuers::insert(tenant, &trust)],
            Self::DeleteTrustedIssuer { id } => vec![trusted_issuers::delete(tenant, &id)],
            Self::RevokeJwt { jti, expires_at } => vec![access_tokens::revoke_jwt(tenant, jti, expires_at)],
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "is given to map_err")]
fn port_error(error: StorageError) -> PortError {
    PortError::Unavailable(error.to_string())
}

/// A column that holds authorization details, or NULL where there are none.
fn details_value(details: &AuthorizationDetails) -> Value {
    opt_json(Some(details).filter(|details| !details.is_empty()))
}

fn scopes_at(row: &Row, at: usize, table: &'static str) -> Result<Scopes, StorageError> {
    Scopes::parse(&row.text(at)?).map_err(|_| StorageError::Inconsistent {
        table,
        column: "scope",
        detail: "holds what is no scope".to_owned(),
    })
}

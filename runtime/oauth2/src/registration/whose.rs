//! Whose word each member of a client is (RFC 7592 section 2.2: "the server may ignore, or refuse, what a client may not change").
//!
//! Attacks: a client that was let in on an operator's terms takes them off again by replacing its registration, be it by another
//! value or by leaving them out; a member that is new is forgotten here, and so is anybody's. Each member stands in one line of the
//! table, and one that stands in none does not compile.

use serde_json::{Map, Value, json};

use super::{RegistrationError, RegistrationSettings};
use crate::client::{ClientDocument, Lifespans};
use crate::scope::Scopes;

/// Whose word a member is, once the client is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The client's.
    Client,
    /// The operator's alone: the client neither says it when it registers nor changes it later.
    Operator,
    /// The client may say it, as an operator may; what was said stays, since it binds the client and nobody else.
    Stays,
    /// The client's, of what the tenant lets it choose; what an operator gave beside that stays.
    Chosen,
    /// The server's own: what a client says of it counts for nothing.
    Server,
}

macro_rules! members {
    ($($whose:ident: $($name:ident)+;)+) => {
        /// Every member but the lifespans, which are an operator's, and what protects answers, which is the client's.
        pub(super) const MEMBERS: &[(&str, Whose)] = &[$($((stringify!($name), Whose::$whose)),+),+];

        const _: fn(&ClientDocument) = |ClientDocument { $($($name: _,)+)+ lifespans: _, responses: _ }| ();
    };
}

members! {
    Server: client_id client_secret client_secret_expires_at registration_access_token registration_client_uri created_at
        updated_at;
    Operator: authorization_details_types metadata owner pkce_plain request_uris skip_consent skip_logout_consent token_exchange;
    Stays: access_token_strategy dpop_bound_access_tokens require_dpop_nonce require_pushed_authorization_requests
        require_signed_request_object security_profile tls_client_certificate_bound_access_tokens;
    Chosen: audience grant_types scope;
    Client: allowed_cors_origins authorization_signed_response_alg backchannel_logout_session_required backchannel_logout_uri
        client_name client_uri contacts frontchannel_logout_session_required frontchannel_logout_uri jwks jwks_uri logo_uri
        policy_uri post_logout_redirect_uris redirect_uris request_object_signing_alg response_types sector_identifier_uri
        subject_type tls_client_auth_san_dns tls_client_auth_san_email tls_client_auth_san_ip tls_client_auth_san_uri
        tls_client_auth_subject_dn token_endpoint_auth_method token_endpoint_auth_signing_alg tos_uri
        userinfo_signed_response_alg;
}

/// The lifespans that there are: a flat part of the document.
pub(super) fn lifespans() -> Vec<String> {
    match json!(Lifespans::default()) {
        Value::Object(members) => members.into_iter().map(|(name, _)| name).collect(),
        _ => Vec::new(),
    }
}

/// Puts into a request for a client that is there what is not the client's to leave out, and refuses what it may not change.
pub(super) fn kept(
    before: &ClientDocument,
    mut request: Map<String, Value>,
) -> Result<Map<String, Value>, RegistrationError> {
    let Value::Object(had) = json!(before) else { return Ok(request) };
    for (name, whose) in MEMBERS {
        match whose {
            Whose::Operator => keep(&had, &mut request, (name, name), false)?,
            Whose::Stays => keep(&had, &mut request, (name, name), true)?,
            Whose::Client | Whose::Chosen | Whose::Server => {}
        }
    }
    for name in lifespans() {
        keep(&had, &mut request, (&name, "lifespans"), false)?;
    }
    Ok(request)
}

/// `may_add` says that the client may say what nobody has said yet.
fn keep(
    had: &Map<String, Value>,
    request: &mut Map<String, Value>,
    (name, property): (&str, &'static str),
    may_add: bool,
) -> Result<(), RegistrationError> {
    let had = had.get(name).filter(|value| !is_nothing(value));
    match (had, request.get(name)) {
        (Some(had), None | Some(Value::Null)) => {
            request.insert(name.to_owned(), had.clone());
        }
        (Some(had), Some(asked)) if had != asked => {
            return Err(RegistrationError::Metadata { property, reason: "is not the client's to change" });
        }
        (None, Some(asked)) if !may_add && !is_nothing(asked) => {
            return Err(RegistrationError::Metadata { property, reason: "is set by operators alone" });
        }
        (Some(_) | None, _) => {}
    }
    Ok(())
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(is) => !is,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Number(_) => false,
    }
}

/// What an operator has given a client beside what clients choose from.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) audience: Vec<String>,
    pub(super) grant_types: Vec<String>,
    pub(super) scope: Scopes,
}

impl Given {
    /// Nothing, to a client that is not there yet.
    pub(super) fn of(settings: &RegistrationSettings, before: Option<&ClientDocument>) -> Self {
        let Some(before) = before else { return Self::default() };
        let list = |list: &Option<Vec<String>>| list.iter().flatten().cloned().collect::<Vec<_>>();
        let chosen: Vec<&str> = settings.grant_types.iter().map(|grant| grant.as_str()).collect();
        let scope = before.scope.split(' ').filter(|scope| !scope.is_empty());
        Self {
            audience: list(&before.audience)
                .into_iter()
                .filter(|one| !settings.audience.contains(one))
                .collect(),
            grant_types: list(&before.grant_types)
                .into_iter()
                .filter(|grant| !chosen.contains(&grant.as_str()))
                .collect(),
            scope: scope.filter(|scope| !settings.scopes.iter().any(|known| known == scope)).collect(),
        }
    }

    /// Gives it again.
    pub(super) fn put_back(self, mut document: ClientDocument) -> ClientDocument {
        for (list, given) in
            [(&mut document.audience, self.audience), (&mut document.grant_types, self.grant_types)]
        {
            let list = list.get_or_insert_default();
            list.extend(given.into_iter().filter(|one| !list.contains(one)).collect::<Vec<_>>());
        }
        let asked: Vec<&str> = document.scope.split(' ').filter(|scope| !scope.is_empty()).collect();
        let given: Vec<&str> = self.scope.iter().filter(|scope| !asked.contains(scope)).collect();
        document.scope = [asked, given].concat().join(" ");
        document
    }
}

//! `/oauth2/register…`: clients that register themselves (RFC 7591), and look after themselves afterwards (RFC 7592).
//!
//! Who may is decided here: by the tenant's mode, an admin key, or the limit of a source. What may be asked for is decided
//! in the room.

use http::StatusCode;
use identity::limiter::{Attempts as _, LimitKey};
use identity::settings::Rate;
use oauth2::decision::Decision;
use oauth2::ports::PortError;
use oauth2::registration::{InitialAccessToken, Registered, Registrant, RegistrationError, RegistrationMode};
use primitives::ClientId;
use serde_json::{Map, Value};
use tenancy::{AdminKeys as _, AdminPrincipal, Scope};

use crate::admin_auth;
use crate::call::Call;
use crate::commit::{Uncommitted, commit};
use crate::failure::Failure;
use crate::response::{Answer, empty, json_no_store, no_store, set};

/// Registrations of one source, where everybody may; and as many changes of one registration, whoever made it.
const REGISTRATIONS: Rate = Rate { burst: 10, refill_seconds: 60 };

impl Uncommitted for RegistrationError {
    fn store(error: PortError) -> Self {
        error.into()
    }

    fn contention() -> Self {
        PortError::busy("too many changes of the same client").into()
    }
}

/// `POST /oauth2/register`
pub(crate) async fn create(call: Call) -> Answer {
    let registrant = match let_in(&call).await {
        Ok(registrant) => registrant,
        Err(answer) => return *answer,
    };
    let request = match body(&call) {
        Ok(request) => request,
        Err(answer) => return *answer,
    };
    let register = || decide(&call, request.clone(), &registrant);
    match commit(&call.node, register).await {
        Ok(made) => json_no_store(StatusCode::CREATED, &made.document()),
        Err(error) => refuse(&call, &error),
    }
}

/// A use of the token that others have taken meanwhile is none: what is left is read anew each time.
async fn decide(
    call: &Call,
    request: Map<String, Value>,
    registrant: &Registrant,
) -> Decision<Registered, RegistrationError> {
    if let Registrant::Holder(token) = registrant
        && token.is_counted
    {
        let refused = match call.node.storage.find_admin_key(token.id).await {
            Ok(Some((key, _))) if key.uses_left != Some(0) => None,
            Ok(_) => Some(RegistrationError::TokenUsedUp),
            Err(error) => Some(PortError::Unavailable(error.to_string()).into()),
        };
        if let Some(error) = refused {
            return Decision::without_change(call.tenant.id.clone(), Err(error));
        }
    }
    call.tenant.oauth2.register_client(request, registrant.clone(), call.request).await
}

/// Who registers: the holder of a key, or a stranger where strangers may.
async fn let_in(call: &Call) -> Result<Registrant, Box<Answer>> {
    match call.tenant.oauth2.settings.registration.mode {
        RegistrationMode::Off => Err(Box::new(fail(call, &Failure::not_found()))),
        RegistrationMode::Open => {
            let key = LimitKey::Registration(call.tenant.id.clone(), call.client.limit_key());
            count(call, key).await.map(|()| Registrant::Anybody)
        }
        RegistrationMode::Key => {
            let key = admin_auth::prove_key(call).await.map_err(|failure| Box::new(fail(call, &failure)))?;
            let principal = AdminPrincipal::of_key(&key);
            if principal.check_access(&call.tenant.id, Scope::ClientsRegister).is_ok() {
                let is_counted = key.uses_left.is_some();
                return Ok(Registrant::Holder(InitialAccessToken { id: key.id, is_counted }));
            }
            // Whether a key is another tenant's, or lacks the scope, is not told here.
            let words = "This key registers no clients here.";
            let failure = Failure::new(StatusCode::FORBIDDEN, "insufficient_scope", words);
            Err(Box::new(fail(call, &failure)))
        }
    }
}

/// Counts what a stranger writes.
async fn count(call: &Call, key: LimitKey) -> Result<(), Box<Answer>> {
    call.node.attempts.count(key, REGISTRATIONS, call.now()).await.map_err(|limit| {
        let words = "Too many clients were registered or changed. Please try again later.";
        let failure = Failure::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", words);
        let mut answer = fail(call, &failure);
        set(&mut answer, "retry-after", &limit.retry_after().as_secs().to_string());
        Box::new(answer)
    })
}

/// Where nobody registers, nobody looks after a registration either.
fn check_on(call: &Call) -> Result<(), Box<Answer>> {
    match call.tenant.oauth2.settings.registration.mode {
        RegistrationMode::Off => Err(Box::new(fail(call, &Failure::not_found()))),
        RegistrationMode::Key | RegistrationMode::Open => Ok(()),
    }
}

/// `GET /oauth2/register/{id}`
pub(crate) async fn show(call: Call) -> Answer {
    if let Err(answer) = check_on(&call) {
        return *answer;
    }
    match call.tenant.oauth2.show_registration(call.place("id"), token(&call)).await {
        Ok(found) => json_no_store(StatusCode::OK, &found.document()),
        Err(error) => refuse(&call, &error),
    }
}

/// `PUT /oauth2/register/{id}`
///
/// Attack: whoever has registered once changes that over and over. Changes of each registration are counted, so that whoever looks
/// after many changes them all from one address. A request whose token is none is not, so that it writes no count either.
pub(crate) async fn replace(call: Call) -> Answer {
    let request = match check_on(&call).and_then(|()| body(&call)) {
        Ok(request) => request,
        Err(answer) => return *answer,
    };
    let (server, at) = (&call.tenant.oauth2, (call.place("id"), token(&call)));
    if let Err(error) = server.show_registration(at.0, at.1).await {
        return refuse(&call, &error);
    }
    let Ok(client) = at.0.parse::<ClientId>() else {
        return refuse(&call, &RegistrationError::Unauthorized);
    };
    let key = LimitKey::RegistrationChange(call.tenant.id.clone(), client);
    if let Err(answer) = count(&call, key).await {
        return *answer;
    }
    match commit(&call.node, || server.replace_registration(at, request.clone(), call.request)).await {
        Ok(changed) => json_no_store(StatusCode::OK, &changed.document()),
        Err(error) => refuse(&call, &error),
    }
}

/// `DELETE /oauth2/register/{id}`
pub(crate) async fn delete(call: Call) -> Answer {
    if let Err(answer) = check_on(&call) {
        return *answer;
    }
    let (server, id, token) = (&call.tenant.oauth2, call.place("id"), token(&call));
    match commit(&call.node, || server.delete_registration(id, token)).await {
        Ok(()) => no_store(empty(StatusCode::NO_CONTENT)),
        Err(error) => refuse(&call, &error),
    }
}

/// The registration access token (RFC 6750 section 2.1); empty if there is none.
fn token(call: &Call) -> &str {
    let (scheme, token) =
        call.header("authorization").and_then(|header| header.split_once(' ')).unwrap_or_default();
    if scheme.eq_ignore_ascii_case("bearer") { token.trim() } else { "" }
}

fn body(call: &Call) -> Result<Map<String, Value>, Box<Answer>> {
    serde_json::from_slice(&call.body).map_err(|error| {
        let failure =
            Failure::new(StatusCode::BAD_REQUEST, "invalid_client_metadata", format!("the body: {error}"));
        Box::new(fail(call, &failure))
    })
}

fn refuse(call: &Call, error: &RegistrationError) -> Answer {
    let (request, tenant) = (call.request, &call.tenant.id);
    let status = match error.code() {
        "invalid_token" => StatusCode::UNAUTHORIZED,
        "access_denied" => StatusCode::FORBIDDEN,
        "temporarily_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
        "server_error" => StatusCode::INTERNAL_SERVER_ERROR,
        "conflict" => StatusCode::CONFLICT,
        "not_found" => StatusCode::NOT_FOUND,
        _ => StatusCode::BAD_REQUEST,
    };
    let words = if error.is_internal() {
        tracing::error!(%request, %tenant, %error, "a client cannot be registered");
        "the server could not answer; ask its operator, naming the request id".to_owned()
    } else {
        tracing::info!(%request, %tenant, %error, "a registration was refused");
        error.to_string()
    };
    fail(call, &Failure::new(status, error.code(), words))
}

/// In the form of RFC 7591 section 3.2.2.
fn fail(call: &Call, failure: &Failure) -> Answer {
    let mut answer = super::error::document(call, failure.status, failure.id, &failure.message);
    if failure.status == StatusCode::UNAUTHORIZED {
        set(&mut answer, "www-authenticate", "Bearer error=\"invalid_token\"");
    }
    answer
}

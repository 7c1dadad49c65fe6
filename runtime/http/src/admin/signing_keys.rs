//! `/admin/portcullis/v1/signing-keys`: what a tenant signs with, and taking a key away that has leaked.

use http::StatusCode;
use jose::ports::SigningKeys as _;
use jose::{KeyId, KeyState, RevokeError, SigningKey, revoke_key};
use oauth2::decision::MOST_ATTEMPTS;
use serde_json::{Value, json};
use storage::ApplyError;

use super::{actor, store};
use crate::call::Call;
use crate::failure::Failure;
use crate::keys;
use crate::response::{Answer, json_no_store};

const RACED: &str = "Others changed the keys at the same time; try again.";

/// `GET …/signing-keys`
pub(crate) async fn list(call: Call) -> Answer {
    match listed(&call).await {
        Ok(keys) => {
            let keys: Vec<Value> = keys.iter().map(shown).collect();
            json_no_store(StatusCode::OK, &json!({ "keys": keys }))
        }
        Err(failure) => failure.to_problem(call.request),
    }
}

/// `POST …/signing-keys/{kid}/revoke`: what it signed is worth nothing from now on, and another signs in its place. Again is
/// no error.
pub(crate) async fn revoke(call: Call) -> Answer {
    match revoked(&call).await {
        Ok(key) => json_no_store(StatusCode::OK, &shown(&key)),
        Err(failure) => failure.to_problem(call.request),
    }
}

/// Decides, and again if somebody else changed the keys meanwhile: a key that has leaked waits for nobody's rotation.
async fn revoked(call: &Call) -> Result<SigningKey, Failure> {
    let kid: KeyId = call.place("kid").parse().map_err(|_| Failure::not_found())?;
    for _ in 0..MOST_ATTEMPTS {
        let settings = keys::read_again(&call.node, &call.tenant.id).await;
        let settings = settings.map_err(|error| store(call, &error))?.ok_or_else(Failure::not_found)?;
        let existing = listed(call).await?;
        let found = existing.iter().find(|key| key.kid == kid).ok_or_else(Failure::not_found)?;
        if matches!(found.state, KeyState::Revoked { .. }) {
            return Ok(found.clone());
        }
        // An RSA key in its place takes up to seconds, where nobody waits for the thread, and one at a time.
        let _turn = call.node.slow_keys.lock().await;
        let (tenant, kid, actor, now) = (call.tenant.id.clone(), kid.clone(), actor(call), call.now());
        let (wanted, schedule) = (settings.signing_algorithms(), settings.rotation_schedule());
        let rng = std::sync::Arc::clone(&call.node.rng);
        let decided = tokio::task::spawn_blocking(move || {
            let by = (&tenant, actor);
            revoke_key(by, &kid, (wanted.as_slice(), &schedule), &existing, now, rng.as_ref())
        });
        let change = match decided.await.map_err(|_| Failure::internal())? {
            // Read again, it is as it is to be.
            Ok(None) => continue,
            Ok(Some(change)) => change,
            Err(RevokeError::NotFound) => return Err(Failure::not_found()),
            Err(RevokeError::Generation(error)) => return Err(store(call, &error)),
        };
        match call.node.storage.apply(change).await {
            // The next turn finds it revoked.
            Ok(()) | Err(ApplyError::Missed { .. }) => {}
            Err(ApplyError::Storage(error)) => return Err(store(call, &error)),
        }
    }
    let keys = listed(call).await?;
    let found = keys.into_iter().find(|key| key.kid == kid).ok_or_else(Failure::not_found)?;
    match found.state {
        KeyState::Revoked { .. } => Ok(found),
        KeyState::Pending { .. } | KeyState::Active { .. } | KeyState::Retired { .. } => {
            Err(Failure::new(StatusCode::CONFLICT, "conflict", RACED))
        }
    }
}

async fn listed(call: &Call) -> Result<Vec<SigningKey>, Failure> {
    let keys = call.node.storage.list_signing_keys(&call.tenant.id).await;
    keys.map_err(|error| store(call, &error))
}

/// Nothing of the key itself but its name: its public half is in the published set.
fn shown(key: &SigningKey) -> Value {
    let (state, name) = match key.state {
        KeyState::Pending { .. } => ("pending", "signs_from"),
        KeyState::Active { .. } => ("active", "rotate_at"),
        KeyState::Retired { .. } => ("retired", "published_until"),
        KeyState::Revoked { .. } => ("revoked", "revoked_at"),
    };
    json!({
        "kid": key.kid,
        "algorithm": key.algorithm,
        "state": state,
        "created_at": key.created_at,
        name: key.state.due_at(),
    })
}

//! `/admin/keys/…`: sets of keys, as the Hydra API has them; and under two of its names what the tenant signs with.
//!
//! Whoever may make keys is shown them whole, as that API does; whoever may only see public keys gets those.

use http::StatusCode;
use jose::key_set::{
    self, CreateError, KeyDocumentError, KeyOfSet, KeyRequest, MOST_KEYS, NamedSet, SetDocument, SetName,
    SigningSetError,
};
use jose::ports::{KeySets as _, SigningKeys as _};
use jose::{ImportedKey, KeyId};
use serde_json::{Value, json};
use tenancy::Scope;

use super::{actor, apply, principal, store};
use crate::call::Call;
use crate::failure::Failure;
use crate::keys;
use crate::response::{Answer, empty, json_no_store, no_store};

const ROTATED: &str = "These keys sign the tenant's tokens. They follow each other by themselves: PUT a private key to \
    /admin/keys/{set}/{kid}, or POST, and it is published at once and signs when keys.rotation.publish_ahead_seconds are over; \
    the one before it retires then, and leaves when what it signed has expired.";
const RACED: &str = "Somebody else changed the set at the same time; try again.";
const TAKEN: &str = "The set has a key of that kid; PUT replaces it.";

/// `GET /admin/keys/{set}`
pub(crate) async fn show(call: Call) -> Answer {
    answer(StatusCode::OK, shown(&call, None).await)
}

/// `GET /admin/keys/{set}/{kid}`
pub(crate) async fn show_key(call: Call) -> Answer {
    answer(StatusCode::OK, shown(&call, Some(call.place("kid"))).await)
}

/// `POST /admin/keys/{set}`: a new key, beside those that are there.
pub(crate) async fn create(call: Call) -> Answer {
    answer(StatusCode::CREATED, created(&call).await)
}

/// `PUT /admin/keys/{set}`
pub(crate) async fn replace(call: Call) -> Answer {
    answer(StatusCode::OK, replaced(&call).await)
}

/// `PUT /admin/keys/{set}/{kid}`: the key has the name that it says, as in the Hydra API.
pub(crate) async fn put_key(call: Call) -> Answer {
    answer(StatusCode::OK, put(&call).await)
}

/// `DELETE /admin/keys/{set}`
pub(crate) async fn delete(call: Call) -> Answer {
    let deleted = async {
        let set = kept(&call)?;
        let change = key_set::delete(&call.tenant.id, &set, actor(&call));
        apply(&call, change, RACED).await
    };
    gone(deleted.await)
}

/// `DELETE /admin/keys/{set}/{kid}`
pub(crate) async fn delete_key(call: Call) -> Answer {
    let deleted = async {
        let (set, kid) = (kept(&call)?, kid(&call)?);
        let change = key_set::delete_key(&call.tenant.id, &set, &kid, actor(&call));
        apply(&call, change, RACED).await
    };
    gone(deleted.await)
}

async fn shown(call: &Call, kid: Option<&str>) -> Result<Value, Failure> {
    let keys: Vec<Value> = match set(call)? {
        NamedSet::Signing => {
            let keys = call.node.keys.load_keys(&call.tenant.id).await;
            let keys = keys.map_err(|error| store(call, &error))?;
            let wanted = keys.jwks().keys.iter().filter(|key| kid.is_none_or(|kid| key.kid() == Some(kid)));
            wanted.map(|key| json!(key)).collect()
        }
        NamedSet::Kept(set) => {
            let keys = list(call, &set).await?;
            let wanted = keys.iter().filter(|key| kid.is_none_or(|kid| key.kid.as_str() == kid));
            let is_whole = principal(call)?.check_access(&call.tenant.id, Scope::JwksWrite).is_ok();
            wanted.map(|key| if is_whole { key.whole() } else { key.public() }).collect()
        }
    };
    if keys.is_empty() { Err(Failure::not_found()) } else { Ok(json!({ "keys": keys })) }
}

async fn created(call: &Call) -> Result<Value, Failure> {
    let request: KeyRequest = super::body(call)?;
    let now = call.now();
    match set(call)? {
        NamedSet::Signing => {
            let key = make(call, move |rng| request.create_signing(rng)).await?;
            Ok(json!({ "keys": [admit(call, key).await?] }))
        }
        NamedSet::Kept(set) => {
            if list(call, &set).await?.len() >= MOST_KEYS {
                return Err(Failure::bad_request("The set has as many keys as it may."));
            }
            let key = make(call, move |rng| request.create(&set, now, rng)).await?;
            let whole = key.whole();
            apply(call, key_set::add(&call.tenant.id, key, actor(call)), TAKEN).await?;
            Ok(json!({ "keys": [whole] }))
        }
    }
}

async fn replaced(call: &Call) -> Result<Value, Failure> {
    let set = kept(call)?;
    let keys = SetDocument::parse(&set, &call.body, call.now()).map_err(|error| refused(&error))?.into_keys();
    let whole: Vec<Value> = keys.iter().map(KeyOfSet::whole).collect();
    apply(call, key_set::replace(&call.tenant.id, &set, keys, actor(call)), RACED).await?;
    Ok(json!({ "keys": whole }))
}

async fn put(call: &Call) -> Result<Value, Failure> {
    match set(call)? {
        NamedSet::Signing => {
            let key =
                ImportedKey::parse(&call.body).map_err(|error| Failure::bad_request(error.to_string()))?;
            admit(call, key).await
        }
        NamedSet::Kept(set) => {
            let key = KeyOfSet::parse(&set, &call.body, call.now()).map_err(|error| refused(&error))?;
            let others = list(call, &set).await?;
            if others.iter().filter(|other| other.kid != key.kid).count() >= MOST_KEYS {
                return Err(Failure::bad_request("The set has as many keys as it may."));
            }
            let whole = key.whole();
            apply(call, key_set::put(&call.tenant.id, key, actor(call)), RACED).await?;
            Ok(whole)
        }
    }
}

/// Lets a key follow those that sign, and shows its public half.
async fn admit(call: &Call, key: ImportedKey) -> Result<Value, Failure> {
    let tenant = &call.tenant.id;
    let settings = keys::read_again(&call.node, tenant).await.map_err(|error| store(call, &error))?;
    let settings = settings.ok_or_else(Failure::not_found)?;
    let existing = call.node.storage.list_signing_keys(tenant).await.map_err(|error| store(call, &error))?;
    let public = json!(key.public());
    let (wanted, schedule) = (settings.signing_algorithms(), settings.rotation_schedule());
    let change =
        key_set::admit(key, (tenant, actor(call)), (wanted.as_slice(), &schedule), &existing, call.now());
    let change = change.map_err(|error| match error {
        SigningSetError::Unwanted(_) => Failure::bad_request(error.to_string()),
        SigningSetError::Import(_) => Failure::new(StatusCode::CONFLICT, "conflict", error.to_string()),
    })?;
    apply(call, change, RACED).await?;
    Ok(public)
}

/// Makes a key where it holds up nobody, one at a time: an RSA key takes up to seconds.
async fn make<T: Send + 'static>(
    call: &Call,
    make: impl FnOnce(&dyn primitives::Rng) -> Result<T, CreateError> + Send + 'static,
) -> Result<T, Failure> {
    let _turn = call.node.slow_keys.lock().await;
    let rng = std::sync::Arc::clone(&call.node.rng);
    let made = tokio::task::spawn_blocking(move || make(rng.as_ref())).await;
    made.map_err(|_| Failure::internal())?.map_err(|error| match error {
        CreateError::Generation(_) => Failure::internal(),
        error => Failure::bad_request(error.to_string()),
    })
}

async fn list(call: &Call, set: &SetName) -> Result<Vec<KeyOfSet>, Failure> {
    let keys = call.node.storage.list_keys_of_set(&call.tenant.id, set).await;
    keys.map_err(|error| store(call, &error))
}

fn set(call: &Call) -> Result<NamedSet, Failure> {
    call.place("set")
        .parse()
        .map_err(|_| Failure::bad_request("A set has a name of 1 to 255 visible ASCII characters."))
}

/// A set that is the operator's to change.
fn kept(call: &Call) -> Result<SetName, Failure> {
    match set(call)? {
        NamedSet::Kept(set) => Ok(set),
        NamedSet::Signing => Err(Failure::new(StatusCode::CONFLICT, "conflict", ROTATED)),
    }
}

fn kid(call: &Call) -> Result<KeyId, Failure> {
    call.place("kid").parse().map_err(|_| Failure::not_found())
}

fn refused(error: &KeyDocumentError) -> Failure {
    Failure::bad_request(error.to_string())
}

fn answer(status: StatusCode, answered: Result<Value, Failure>) -> Answer {
    match answered {
        Ok(document) => json_no_store(status, &document),
        Err(failure) => failure.to_oauth(),
    }
}

fn gone(deleted: Result<(), Failure>) -> Answer {
    match deleted {
        Ok(()) => no_store(empty(StatusCode::NO_CONTENT)),
        Err(failure) => failure.to_oauth(),
    }
}

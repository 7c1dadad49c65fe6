//! Opaque access tokens with their grants, remembered: what makes introspection cheap.
//!
//! An entry leaves when the change log says that its token, its grant or its client is no longer what it
//! was. What is not found is not remembered, so that a token is there the moment it is issued. Expiry is the
//! reader's business: the instant is part of the value.

use std::fmt;
use std::sync::Arc;

use ::oauth2::grant::{AccessToken, Grant};
use primitives::{KeyedHash, Remembered, TenantId, base64url};

use super::{ACCESS_TOKEN_CHANGED, CLIENT_CHANGED, GRANT_CHANGED};
use crate::changes::{ChangeFeed, ChangeRecord, EVERYTHING_CHANGED};

type Entries = Remembered<(TenantId, KeyedHash), Arc<(AccessToken, Option<Grant>)>>;

/// Remembers access tokens by their hash.
pub(crate) struct TokenCache {
    entries: Arc<Entries>,
    feed: Arc<ChangeFeed>,
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenCache(…)")
    }
}

impl TokenCache {
    /// A cache of at most `capacity` tokens, none if 0.
    pub(crate) fn following(feed: &Arc<ChangeFeed>, capacity: u64) -> Self {
        let entries = Arc::new(Entries::new(capacity));
        let listened = Arc::clone(&entries);
        feed.subscribe(Box::new(move |record| forget(&listened, record)));
        Self { entries, feed: Arc::clone(feed) }
    }

    /// The token, remembered or from `load`.
    pub(super) async fn find_or_load<E>(
        &self,
        tenant: &TenantId,
        hash: &KeyedHash,
        load: impl Future<Output = Result<Option<(AccessToken, Option<Grant>)>, E>>,
    ) -> Result<Option<(AccessToken, Option<Grant>)>, E> {
        if !self.feed.is_caught_up() {
            return load.await;
        }
        let load = async { Ok(load.await?.map(Arc::new)) };
        let found = self.entries.find_or_load((tenant.clone(), hash.clone()), load).await?;
        Ok(found.map(|found| (*found).clone()))
    }
}

fn forget(entries: &Entries, record: &ChangeRecord) {
    let (tenant, key) = (record.tenant.clone(), record.key.clone());
    match record.kind.as_str() {
        EVERYTHING_CHANGED => entries.forget_all(),
        ACCESS_TOKEN_CHANGED => {
            // A signed token's `jti` decodes too, and is the hash of no entry.
            if let Some(hash) = base64url::decode(&key) {
                entries.forget(&(tenant, KeyedHash(hash)));
            }
        }
        GRANT_CHANGED | CLIENT_CHANGED if key == "*" => {
            entries.forget_if(move |(of, _), _| *of == tenant);
        }
        GRANT_CHANGED => entries.forget_if(move |(of, _), found| {
            *of == tenant && found.0.grant.is_some_and(|grant| grant.to_string() == key)
        }),
        CLIENT_CHANGED => {
            entries.forget_if(move |(of, _), found| *of == tenant && found.0.client.as_str() == key);
        }
        _ => {}
    }
}

//! What a plugin on trial keeps by the capability `kv`: in memory, and afresh for each case.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, ready};
use primitives::Timestamp;
use tenancy::plugin::PluginValues;
use tenancy::plugin::values::{KeptValue, PutValue, Replaces, ValueError, ValueOwner};

/// The values of the one plugin that is called, whatever its case's tenant.
#[derive(Debug, Default)]
pub(super) struct TrialValues(Mutex<BTreeMap<Vec<u8>, KeptValue>>);

impl TrialValues {
    /// Forgets everything but these, which stay until they are deleted.
    pub(super) fn begin_with(&self, values: &BTreeMap<String, String>) {
        let kept = |value: &String| KeptValue { value: value.clone().into_bytes(), expires_at: None };
        *self.kept() = values.iter().map(|(key, value)| (key.clone().into_bytes(), kept(value))).collect();
    }

    /// What is kept, as text.
    pub(super) fn in_words(&self) -> BTreeMap<String, String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.kept().iter().map(|(key, kept)| (text(key), text(&kept.value))).collect()
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, KeptValue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, put: PutValue, now: Timestamp) -> Result<(), ValueError> {
        let mut kept = self.kept();
        kept.retain(|_, value| is_live(value, now));
        let there = kept.get(&put.key).map(|kept| &kept.value);
        let fits = match &put.replaces {
            Replaces::Anything => true,
            Replaces::Nothing => there.is_none(),
            Replaces::Value(value) => there == Some(value),
        };
        if !fits {
            return Err(ValueError::Other);
        }
        let others = kept.iter().filter(|(key, _)| **key != put.key);
        let (entries, bytes) = others
            .fold((1, weight(&put.key, &put.kept)), |(entries, bytes), (key, kept)| {
                (entries + 1, bytes + weight(key, kept))
            });
        if entries > put.room.entries || bytes > put.room.bytes {
            return Err(ValueError::Full);
        }
        kept.insert(put.key, put.kept);
        Ok(())
    }
}

fn is_live(kept: &KeptValue, now: Timestamp) -> bool {
    kept.expires_at.is_none_or(|end| end > now)
}

const fn weight(key: &[u8], kept: &KeptValue) -> u64 {
    (key.len() + kept.value.len()) as u64
}

impl PluginValues for TrialValues {
    fn find_value<'a>(
        &'a self,
        _: ValueOwner<'a>,
        key: &'a [u8],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<KeptValue>, ValueError>> {
        let found = self.kept().get(key).filter(|kept| is_live(kept, now)).cloned();
        Box::pin(ready(Ok(found)))
    }

    fn put_value<'a>(
        &'a self,
        _: ValueOwner<'a>,
        put: PutValue,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), ValueError>> {
        Box::pin(ready(self.put(put, now)))
    }

    fn delete_value<'a>(&'a self, _: ValueOwner<'a>, key: &'a [u8]) -> BoxFuture<'a, Result<(), ValueError>> {
        self.kept().remove(key);
        Box::pin(ready(Ok(())))
    }
}

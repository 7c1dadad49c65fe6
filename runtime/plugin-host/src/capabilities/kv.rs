//! `kv`: what the plugin keeps between calls.
//!
//! Attack: a plugin holds a transaction open, or writes into another's keys. A host call is one change that
//! storage applies by itself, and whose values they are is never an argument of the guest.

use std::time::Duration;

use primitives::Timestamp;
use tenancy::plugin::Capability;
use tenancy::plugin::values::{
    KEY_BYTES, KeptValue, PluginValues, PutValue, Replaces, Room, VALUE_BYTES, ValueError, ValueOwner,
};

use super::HostCall;
use super::wit::kv::Host;
use crate::state::CallState;

/// How often `add` tries again when others were faster. Each time one of them got on.
const ATTEMPTS: u32 = 64;

impl Host for CallState {
    async fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<Vec<u8>>, String>> {
        let call = self.host_call(Capability::Kv, "get");
        let answer = call.answer(async {
            let found = Kept::under(&key, &call)?.find().await.map_err(in_words)?;
            Ok(found.map(|kept| kept.value))
        });
        Ok(answer.await)
    }

    async fn set(
        &mut self,
        key: String,
        value: Vec<u8>,
        ttl_seconds: Option<u32>,
    ) -> wasmtime::Result<Result<(), String>> {
        let call = self.host_call(Capability::Kv, "set");
        let answer = call.answer(async {
            let kept = Kept::under(&key, &call)?;
            kept.put(kept.value(value, ttl_seconds)?, Replaces::Anything).await.map_err(in_words)
        });
        Ok(answer.await)
    }

    async fn delete(&mut self, key: String) -> wasmtime::Result<Result<(), String>> {
        let call = self.host_call(Capability::Kv, "delete");
        let answer = call.answer(async {
            let kept = Kept::under(&key, &call)?;
            kept.values.delete_value(kept.owner, kept.key).await.map_err(in_words)
        });
        Ok(answer.await)
    }

    async fn compare_and_swap(
        &mut self,
        key: String,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
        ttl_seconds: Option<u32>,
    ) -> wasmtime::Result<Result<bool, String>> {
        let call = self.host_call(Capability::Kv, "compare-and-swap");
        let answer = call.answer(async {
            let kept = Kept::under(&key, &call)?;
            let replaces = expected.map_or(Replaces::Nothing, Replaces::Value);
            match kept.put(kept.value(value, ttl_seconds)?, replaces).await {
                Ok(()) => Ok(true),
                Err(ValueError::Other) => Ok(false),
                Err(error) => Err(in_words(error)),
            }
        });
        Ok(answer.await)
    }

    async fn add(
        &mut self,
        key: String,
        delta: i64,
        ttl_seconds: Option<u32>,
    ) -> wasmtime::Result<Result<i64, String>> {
        let call = self.host_call(Capability::Kv, "add");
        let answer = call.answer(async { Kept::under(&key, &call)?.add(delta, ttl_seconds).await });
        Ok(answer.await)
    }
}

/// What is kept under one key of one plugin.
struct Kept<'a> {
    values: &'a dyn PluginValues,
    owner: ValueOwner<'a>,
    key: &'a [u8],
    room: Room,
    now: Timestamp,
}

impl<'a> Kept<'a> {
    /// What the plugin keeps under a key.
    fn under(key: &'a str, call: &'a HostCall) -> Result<Self, String> {
        if key.is_empty() || key.len() > KEY_BYTES {
            return Err(format!("a key has 1 to {KEY_BYTES} bytes"));
        }
        let granted = &*call.granted;
        Ok(Self {
            values: granted.values.as_deref().ok_or_else(super::not_granted)?,
            owner: ValueOwner { tenant: &granted.tenant, plugin: &granted.plugin, upload: granted.upload },
            key: key.as_bytes(),
            room: Room { entries: call.limits.kv_entries, bytes: call.limits.kv_bytes },
            now: granted.clock.now(),
        })
    }

    async fn find(&self) -> Result<Option<KeptValue>, ValueError> {
        self.values.find_value(self.owner, self.key, self.now).await
    }

    async fn put(&self, kept: KeptValue, replaces: Replaces) -> Result<(), ValueError> {
        let put = PutValue { key: self.key.to_vec(), kept, replaces, room: self.room };
        self.values.put_value(self.owner, put, self.now).await
    }

    /// A value that is put now.
    fn value(&self, value: Vec<u8>, ttl_seconds: Option<u32>) -> Result<KeptValue, String> {
        if value.len() > VALUE_BYTES {
            return Err(format!("a value has at most {VALUE_BYTES} bytes"));
        }
        Ok(KeptValue { value, expires_at: self.end(ttl_seconds) })
    }

    /// When it is gone.
    fn end(&self, ttl_seconds: Option<u32>) -> Option<Timestamp> {
        ttl_seconds.map(|seconds| self.now.after(Duration::from_secs(u64::from(seconds))))
    }

    /// Adds to a counter; it keeps the end that it had from its beginning.
    async fn add(&self, delta: i64, ttl_seconds: Option<u32>) -> Result<i64, String> {
        for _ in 0..ATTEMPTS {
            let (before, replaces, expires_at) = match self.find().await.map_err(in_words)? {
                None => (0, Replaces::Nothing, self.end(ttl_seconds)),
                Some(KeptValue { value, expires_at }) => {
                    (number(&value).ok_or("the value is not a number")?, Replaces::Value(value), expires_at)
                }
            };
            let after = before.checked_add(delta).ok_or("the number would be too large")?;
            match self.put(KeptValue { value: after.to_string().into_bytes(), expires_at }, replaces).await {
                Ok(()) => return Ok(after),
                Err(ValueError::Other) => {}
                Err(error) => return Err(in_words(error)),
            }
        }
        Err("too many others change the same value".to_owned())
    }
}

/// A counter is its digits, so that `get` reads it too.
fn number(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// What a guest is told. What the database said is for the operator.
fn in_words(error: ValueError) -> String {
    match error {
        ValueError::Other | ValueError::Gone | ValueError::Full => error.to_string(),
        ValueError::Unavailable(detail) => {
            tracing::warn!(detail, "values of plugins are unavailable");
            "unavailable".to_owned()
        }
    }
}

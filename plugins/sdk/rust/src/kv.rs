//! Keeps small values between calls. Needs the capability `kv`.

use crate::host::portcullis::host::kv;
use crate::token::HookError;

/// Reads the value under a key; `None` where there is none, or it has expired.
pub fn get(key: &str) -> Result<Option<Vec<u8>>, HookError> {
    kv::get(key).map_err(HookError::new)
}

/// Keeps a value under a key, for so many seconds or until it is deleted.
pub fn set(key: &str, value: &[u8], ttl_seconds: Option<u32>) -> Result<(), HookError> {
    kv::set(key, value, ttl_seconds).map_err(HookError::new)
}

/// Deletes what is under a key, if anything is.
pub fn delete(key: &str) -> Result<(), HookError> {
    kv::delete(key).map_err(HookError::new)
}

/// Keeps a value if what is under the key is `expected` (`None`: nothing); whether it was.
pub fn compare_and_swap(
    key: &str,
    expected: Option<&[u8]>,
    value: &[u8],
    ttl_seconds: Option<u32>,
) -> Result<bool, HookError> {
    kv::compare_and_swap(key, expected, value, ttl_seconds).map_err(HookError::new)
}

/// Adds to the number under a key, or begins it at `delta`; what it is then. `ttl_seconds` counts for a number
/// that begins.
pub fn add(key: &str, delta: i64, ttl_seconds: Option<u32>) -> Result<i64, HookError> {
    kv::add(key, delta, ttl_seconds).map_err(HookError::new)
}

//! A key for the tenant's tokens that comes by the API of sets: it is published, and signs when its time has come.

use primitives::audit::Actor;
use primitives::{Change, TenantId, Timestamp};

use crate::algorithm::SigningAlgorithm;
use crate::import::{ImportError, ImportedKey};
use crate::settings::RotationSchedule;
use crate::signing_key::{SigningKey, Write};

/// Why a key does not join those that sign. All are the caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SigningSetError {
    /// The tenant signs nothing with that algorithm: rotation would take the key out again.
    #[error("the tenant does not sign with {0}: name it in its setting keys.algorithms first")]
    Unwanted(SigningAlgorithm),
    /// It cannot be imported now.
    #[error(transparent)]
    Import(#[from] ImportError),
}

/// Publishes a key as the successor of the one that signs with its algorithm.
pub fn admit(
    key: ImportedKey,
    (tenant, actor): (&TenantId, Actor),
    (wanted, schedule): (&[SigningAlgorithm], &RotationSchedule),
    existing: &[SigningKey],
    now: Timestamp,
) -> Result<Change<Write>, SigningSetError> {
    if !wanted.contains(&key.algorithm()) {
        return Err(SigningSetError::Unwanted(key.algorithm()));
    }
    Ok(key.publish(tenant, existing, schedule, now, actor)?)
}

//! Trusted devices, found by the hash of their token and the identity that has just proven itself.

use ::identity::ports::StoreUnavailable;
use ::identity::trusted_device::{MOST_TRUSTED, NewTrustedDevice, TrustedDevice, TrustedDeviceId};
use futures_util::future::BoxFuture;
use primitives::{IdentityId, KeyedHash, TenantId, Timestamp};

use super::{IDENTITY_CHANGED, unavailable};
use crate::row::Row;
use crate::statement::{Statement, json};
use crate::{Storage, StorageError, values};

macro_rules! select {
    ($which:literal) => {
        concat!("SELECT id, identity, device, created_at, expires_at FROM trusted_devices ", $which)
    };
}

pub(super) fn insert(tenant: &TenantId, new: &NewTrustedDevice) -> Vec<Statement> {
    let device = &new.device;
    vec![
        Statement::one(
            "INSERT INTO trusted_devices (tenant, id, identity, token_hash, device, created_at, expires_at)
             SELECT i.tenant, $3, i.id, $4, $5, $6, $7 FROM identities i
             WHERE i.tenant = $1 AND i.id = $2 AND i.state = 'active'",
            values![
                tenant,
                &device.identity,
                device.id.to_string(),
                &new.token,
                json(&device.device),
                device.created_at,
                device.expires_at,
            ],
        ),
        Statement::any(
            "DELETE FROM trusted_devices WHERE tenant = $1 AND identity = $2 AND id IN (
                 SELECT id FROM trusted_devices WHERE tenant = $1 AND identity = $2
                 ORDER BY created_at DESC, id LIMIT 1000 OFFSET $3)",
            values![tenant, &device.identity, i64::from(MOST_TRUSTED)],
        ),
    ]
}

/// The device, and that sessions count by it.
pub(super) fn forget(tenant: &TenantId, identity: IdentityId, device: TrustedDeviceId) -> Vec<Statement> {
    let args = || values![tenant, &identity, device.to_string()];
    vec![
        Statement::one("DELETE FROM trusted_devices WHERE tenant = $1 AND identity = $2 AND id = $3", args()),
        Statement::any(
            "UPDATE identity_sessions SET trusted_device = NULL
             WHERE tenant = $1 AND identity = $2 AND trusted_device = $3",
            args(),
        )
        .changes(IDENTITY_CHANGED, identity.to_string()),
    ]
}

/// All devices of an identity, and that its sessions count by any.
pub(super) fn forget_all(tenant: &TenantId, identity: IdentityId) -> [Statement; 2] {
    [
        Statement::any(
            "DELETE FROM trusted_devices WHERE tenant = $1 AND identity = $2",
            values![tenant, &identity],
        ),
        Statement::any(
            "UPDATE identity_sessions SET trusted_device = NULL
             WHERE tenant = $1 AND identity = $2 AND trusted_device IS NOT NULL",
            values![tenant, &identity],
        )
        .changes(IDENTITY_CHANGED, identity.to_string()),
    ]
}

fn device_at(row: &Row) -> Result<TrustedDevice, StorageError> {
    Ok(TrustedDevice {
        id: row.parse(0, "id")?,
        identity: row.parse(1, "identity")?,
        device: row.json(2, "device")?,
        created_at: row.time(3)?,
        expires_at: row.time(4)?,
    })
}

impl Storage {
    pub(super) fn trusted_device<'a>(
        &'a self,
        tenant: &'a TenantId,
        identity: IdentityId,
        hashes: &'a [KeyedHash],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<TrustedDevice>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = select!("WHERE tenant = $1 AND token_hash = $2 AND identity = $3 AND expires_at > $4");
            for hash in hashes {
                let row = self.find_one(sql, values![tenant, hash, &identity, now]).await;
                if let Some(row) = row.map_err(unavailable)? {
                    return device_at(&row).map(Some).map_err(unavailable);
                }
            }
            Ok(None)
        })
    }

    pub(super) fn trusted_devices<'a>(
        &'a self,
        tenant: &'a TenantId,
        identity: IdentityId,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<TrustedDevice>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = select!(
                "WHERE tenant = $1 AND identity = $2 AND expires_at > $3 ORDER BY created_at DESC, id"
            );
            let rows = self.list(sql, values![tenant, &identity, now]).await.map_err(unavailable)?;
            rows.iter().map(device_at).collect::<Result<_, _>>().map_err(unavailable)
        })
    }
}

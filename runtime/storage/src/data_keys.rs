//! The upper half of the envelope: data keys, wrapped by the master key.

use std::fmt;

use primitives::seal::{DataKey, Keyring};
use primitives::{Clock, Rng};
use ring::aead;
use zeroize::Zeroizing;

use crate::database::Database;
use crate::statement::Statement;
use crate::{ApplyError, Prepared, StorageError, values};

/// The master key: 256 bits that never touch the database. Losing it loses every secret in there.
///
/// It may bring the keys that were master before it: what they wrapped still opens, and is wrapped by
/// the new one at once, so that after one opening of the database they are needed no more.
#[derive(Clone)]
pub struct MasterKey {
    current: Zeroizing<[u8; 32]>,
    former: Vec<Zeroizing<[u8; 32]>>,
}

impl MasterKey {
    /// A master key from its bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self { current: Zeroizing::new(bytes), former: Vec::new() }
    }

    /// The same, with a key that was master before.
    #[must_use]
    pub fn with_former(mut self, bytes: [u8; 32]) -> Self {
        self.former.push(Zeroizing::new(bytes));
        self
    }

    fn wrap(&self, key: &DataKey, rng: &dyn Rng) -> Result<Vec<u8>, StorageError> {
        let mut nonce = [0; aead::NONCE_LEN];
        rng.fill(&mut nonce);
        let mut wrapped = nonce.to_vec();
        let mut body = key.material.to_vec();
        aead_key(&self.current)?
            .seal_in_place_append_tag(
                aead::Nonce::assume_unique_for_key(nonce),
                aead::Aad::from(key.id.to_be_bytes()),
                &mut body,
            )
            .map_err(|_| StorageError::WrongMasterKey)?;
        wrapped.append(&mut body);
        Ok(wrapped)
    }

    /// Opens a data key, and says whether a former master key had to.
    fn unwrap(&self, id: u32, wrapped: &[u8]) -> Result<(DataKey, bool), StorageError> {
        if let Ok(key) = unwrap_with(&self.current, id, wrapped) {
            return Ok((key, false));
        }
        let by_former = self.former.iter().find_map(|former| unwrap_with(former, id, wrapped).ok());
        by_former.map(|key| (key, true)).ok_or(StorageError::WrongMasterKey)
    }
}

fn aead_key(master: &[u8; 32]) -> Result<aead::LessSafeKey, StorageError> {
    aead::UnboundKey::new(&aead::AES_256_GCM, master)
        .map(aead::LessSafeKey::new)
        .map_err(|_| StorageError::WrongMasterKey)
}

fn unwrap_with(master: &[u8; 32], id: u32, wrapped: &[u8]) -> Result<DataKey, StorageError> {
    let (nonce, body) = wrapped.split_at_checked(aead::NONCE_LEN).ok_or(StorageError::WrongMasterKey)?;
    let nonce = aead::Nonce::try_assume_unique_for_key(nonce).map_err(|_| StorageError::WrongMasterKey)?;
    let mut body = Zeroizing::new(body.to_vec());
    let plain = aead_key(master)?
        .open_in_place(nonce, aead::Aad::from(id.to_be_bytes()), body.as_mut_slice())
        .map_err(|_| StorageError::WrongMasterKey)?;
    let material = <[u8; 32]>::try_from(&*plain).map_err(|_| StorageError::WrongMasterKey)?;
    Ok(DataKey { id, material: Zeroizing::new(material) })
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// Reads the data keys; makes the first one in an empty database, and wraps anew what a former master key
/// wrapped.
pub(crate) async fn load(
    database: &Database,
    master: &MasterKey,
    clock: &dyn Clock,
    rng: &dyn Rng,
) -> Result<Keyring, StorageError> {
    let keys = read(database, master, rng).await?;
    let mut keys = if keys.is_empty() {
        create_first(database, master, clock, rng).await?;
        read(database, master, rng).await?
    } else {
        keys
    }
    .into_iter();
    let current = keys.next().ok_or(StorageError::WrongMasterKey)?;
    Ok(Keyring::new(current, keys))
}

async fn read(database: &Database, master: &MasterKey, rng: &dyn Rng) -> Result<Vec<DataKey>, StorageError> {
    let rows = database.list("SELECT id, wrapped FROM data_keys ORDER BY id DESC", Vec::new()).await?;
    let mut keys = Vec::new();
    let mut rewrapped = Vec::new();
    for row in &rows {
        let id = u32::try_from(row.int(0)?).map_err(|_| StorageError::WrongMasterKey)?;
        let wrapped = row.blob(1)?;
        let (key, by_former) = master.unwrap(id, &wrapped)?;
        if by_former {
            // Another node may do the same at the same time; either's wrapping is as good.
            rewrapped.push(Statement::any(
                "UPDATE data_keys SET wrapped = $2 WHERE id = $1 AND wrapped = $3",
                values![i64::from(id), master.wrap(&key, rng)?, wrapped],
            ));
        }
        keys.push(key);
    }
    if !rewrapped.is_empty() {
        apply(database, rewrapped).await?;
    }
    Ok(keys)
}

async fn apply(database: &Database, statements: Vec<Statement>) -> Result<(), StorageError> {
    match database.apply(Prepared::of_storage(statements)).await {
        Ok(_) | Err(ApplyError::Missed { .. }) => Ok(()),
        Err(ApplyError::Storage(error)) => Err(error),
    }
}

/// Two nodes may start at once on an empty database: the first row wins, both then read it.
async fn create_first(
    database: &Database,
    master: &MasterKey,
    clock: &dyn Clock,
    rng: &dyn Rng,
) -> Result<(), StorageError> {
    let mut material = Zeroizing::new([0; 32]);
    rng.fill(material.as_mut_slice());
    let key = DataKey { id: 1, material };
    let statement = Statement::any(
        "INSERT INTO data_keys (id, wrapped, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        values![i64::from(key.id), master.wrap(&key, rng)?, clock.now()],
    );
    apply(database, vec![statement]).await
}

//! Sealing: authenticated encryption bound to its place, and keyed hashes.
//!
//! Attack: someone with write access to the database copies a ciphertext from one row, table or tenant
//! to another, or replays a sealed page token at another endpoint. Every ciphertext therefore
//! authenticates its [`SealContext`], and every tenant has its own key: what was sealed elsewhere does
//! not open.
//!
//! This is the lower half of an envelope: a [`Keyring`] of data keys, which storage keeps wrapped by
//! the master key. Rotating the master key rewraps a few rows; rotating data keys adds one and keeps
//! the old ones for reading.
//!
//! Attack: a key that seals with nonces of 96 random bits is safe for 2^32 seals (NIST SP 800-38D section 8.3); two under one
//! nonce give the key of the tag away, and with it seals of the attacker's own. One tenant's key reaches that in days where
//! anybody causes seals at will ([`Sealer::seal_apart`]).
//!
//! Format: version (1 byte), data key id (4 bytes, big-endian), nonce (12), AES-256-GCM output. The version says under which
//! key: `1` the tenant's, `2` that of its place alone. It is not authenticated by itself: another one is another key.

mod kind;

use std::fmt;
use std::sync::Arc;

use ring::{aead, hkdf, hmac};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

pub use self::kind::SealedKind;
use crate::base64url;
use crate::ids::TenantId;
use crate::rng::Rng;

/// Whose key seals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyOf {
    Tenant,
    Place,
}

impl KeyOf {
    const fn version(self) -> u8 {
        match self {
            Self::Tenant => 1,
            Self::Place => 2,
        }
    }

    fn of_version(version: u8) -> Option<Self> {
        [Self::Tenant, Self::Place].into_iter().find(|whose| whose.version() == version)
    }
}

/// Of a data key, in bytes.
const KEY_NUMBER: usize = 4;
const HEADER: usize = 1 + KEY_NUMBER;

/// Where a sealed value belongs. All three parts are authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealContext<'a> {
    /// The tenant that owns the value.
    pub tenant: &'a TenantId,
    /// The table, or what the value is for, e.g. `"jwk"`, `"consent_challenge"`.
    pub purpose: &'a str,
    /// The row, or whatever else the value must not be moved away from; may be empty.
    pub row: &'a str,
}

/// Where a sealed text belongs that leaves the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedPlace<'a> {
    /// The tenant that sealed it.
    pub tenant: &'a TenantId,
    /// What it is for.
    pub kind: SealedKind,
    /// Whatever else it must not be moved away from; may be empty.
    pub row: &'a str,
}

impl<'a> SealedPlace<'a> {
    const fn context(self) -> SealContext<'a> {
        SealContext { tenant: self.tenant, purpose: self.kind.as_str(), row: self.row }
    }
}

/// The value is not what this node sealed for this place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sealed value does not open here")]
pub struct SealBroken;

/// A data key: 256 bits and the number by which ciphertexts name it.
#[derive(Clone)]
pub struct DataKey {
    /// Its number; never reused.
    pub id: u32,
    /// Its material.
    pub material: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The data keys of this deployment; the newest seals, all open.
#[derive(Debug, Clone)]
pub struct Keyring {
    keys: Vec<ReadyKey>,
}

/// A data key with what is the same in every derivation from it done once.
#[derive(Clone)]
struct ReadyKey {
    id: u32,
    prk: hkdf::Prk,
}

impl fmt::Debug for ReadyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadyKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl From<DataKey> for ReadyKey {
    fn from(key: DataKey) -> Self {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"portcullis");
        Self { id: key.id, prk: salt.extract(key.material.as_slice()) }
    }
}

impl Keyring {
    /// A ring of at least one key. The key with the highest number seals.
    pub fn new(current: DataKey, older: impl IntoIterator<Item = DataKey>) -> Self {
        let mut keys: Vec<ReadyKey> = std::iter::once(current).chain(older).map(ReadyKey::from).collect();
        keys.sort_by_key(|key| std::cmp::Reverse(key.id));
        Self { keys }
    }

    fn find(&self, id: u32) -> Option<&ReadyKey> {
        self.keys.iter().find(|key| key.id == id)
    }
}

/// Seals, opens and hashes for every tenant. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sealer {
    keyring: Arc<Keyring>,
    rng: Arc<dyn Rng>,
}

impl Sealer {
    /// A sealer over a ring of data keys.
    pub fn new(keyring: Keyring, rng: Arc<dyn Rng>) -> Self {
        Self { keyring: Arc::new(keyring), rng }
    }

    /// Encrypts `plain` for its place.
    pub fn seal(&self, context: SealContext<'_>, plain: &[u8]) -> Vec<u8> {
        self.seal_under(KeyOf::Tenant, context, plain)
    }

    /// The same under a key of this place alone, so that no more seals count against it than this place has: for what
    /// anybody causes as often as they like. Binaries before it do not open it, so what is stored is not sealed so.
    pub fn seal_apart(&self, context: SealContext<'_>, plain: &[u8]) -> Vec<u8> {
        self.seal_under(KeyOf::Place, context, plain)
    }

    fn seal_under(&self, whose: KeyOf, context: SealContext<'_>, plain: &[u8]) -> Vec<u8> {
        let mut sealed = vec![whose.version()];
        let Some(key) = self.keyring.keys.first() else { return sealed };
        sealed.extend_from_slice(&key.id.to_be_bytes());
        let mut nonce = [0; aead::NONCE_LEN];
        self.rng.fill(&mut nonce);
        sealed.extend_from_slice(&nonce);
        let mut body = plain.to_vec();
        let tag = aead_key(key, whose, context).and_then(|key| {
            key.seal_in_place_separate_tag(
                aead::Nonce::assume_unique_for_key(nonce),
                aead::Aad::from(associated_data(context)),
                &mut body,
            )
            .ok()
        });
        // AES-GCM refuses only inputs of more than 64 GiB; a value without its tag never opens.
        if let Some(tag) = tag {
            sealed.append(&mut body);
            sealed.extend_from_slice(tag.as_ref());
        }
        sealed
    }

    /// Decrypts what was sealed for this very place.
    pub fn open(&self, context: SealContext<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealBroken> {
        let (header, rest) = sealed.split_at_checked(HEADER).ok_or(SealBroken)?;
        let (version, id) = header.split_first().ok_or(SealBroken)?;
        let whose = KeyOf::of_version(*version).ok_or(SealBroken)?;
        let id = u32::from_be_bytes(id.try_into().map_err(|_| SealBroken)?);
        let (nonce, body) = rest.split_at_checked(aead::NONCE_LEN).ok_or(SealBroken)?;
        let key = self.keyring.find(id).and_then(|key| aead_key(key, whose, context)).ok_or(SealBroken)?;
        let mut body = Zeroizing::new(body.to_vec());
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealBroken)?;
        let plain = key
            .open_in_place(nonce, aead::Aad::from(associated_data(context)), body.as_mut_slice())
            .map_err(|_| SealBroken)?
            .len();
        body.truncate(plain);
        Ok(body)
    }

    /// Seals to base64url text, for URLs and cookies, under a key of its kind, and of its row where it has one.
    pub fn seal_text(&self, place: SealedPlace<'_>, plain: &[u8]) -> String {
        base64url::encode(self.seal_apart(place.context(), plain))
    }

    /// Opens such a text, and one that a binary sealed before kinds had keys of their own.
    pub fn open_text(&self, place: SealedPlace<'_>, text: &str) -> Result<Zeroizing<Vec<u8>>, SealBroken> {
        self.open(place.context(), &base64url::decode(text).ok_or(SealBroken)?)
    }

    /// A keyed hash of a high-entropy secret (a token, a generated client secret), for look-up and
    /// comparison. Made with the newest key.
    pub fn hash(&self, tenant: &TenantId, purpose: &str, secret: &[u8]) -> KeyedHash {
        let newest = self.keyring.keys.first();
        newest.map_or_else(|| KeyedHash(Vec::new()), |key| keyed_hash(key, tenant, purpose, secret))
    }

    /// The hashes that `secret` may be stored under: the newest key's first, then the older ones'.
    pub fn hashes(&self, tenant: &TenantId, purpose: &str, secret: &[u8]) -> Vec<KeyedHash> {
        self.keyring.keys.iter().map(|key| keyed_hash(key, tenant, purpose, secret)).collect()
    }

    /// A keyed hash that is the same for as long as the deployment is, made with its oldest key: for what others
    /// remember us by. 32 bytes, without the key's number.
    pub fn lasting_hash(&self, tenant: &TenantId, purpose: &str, value: &[u8]) -> Vec<u8> {
        let oldest = self.keyring.keys.last();
        let hash = oldest.map(|key| keyed_hash(key, tenant, purpose, value).0);
        hash.into_iter().flatten().skip(KEY_NUMBER).collect()
    }

    /// Whether `hash` is that of `secret`, in constant time.
    pub fn verify_hash(&self, tenant: &TenantId, purpose: &str, secret: &[u8], hash: &KeyedHash) -> bool {
        hash.0
            .first_chunk::<4>()
            .and_then(|id| self.keyring.find(u32::from_be_bytes(*id)))
            .is_some_and(|key| keyed_hash(key, tenant, purpose, secret).0.ct_eq(&hash.0).into())
    }
}

/// HMAC-SHA-256 of a secret under a data key, with the key's number in front: 36 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyedHash(pub Vec<u8>);

fn keyed_hash(key: &ReadyKey, tenant: &TenantId, purpose: &str, secret: &[u8]) -> KeyedHash {
    let mut derived = Zeroizing::new([0; 32]);
    derive(key, &[b"hash", tenant.as_str().as_bytes(), purpose.as_bytes()], derived.as_mut_slice());
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, derived.as_slice()), secret);
    KeyedHash(key.id.to_be_bytes().into_iter().chain(tag.as_ref().iter().copied()).collect())
}

fn aead_key(key: &ReadyKey, whose: KeyOf, context: SealContext<'_>) -> Option<aead::LessSafeKey> {
    let mut derived = Zeroizing::new([0; 32]);
    let SealContext { tenant, purpose, row } = context;
    let tenant = tenant.as_str().as_bytes();
    match whose {
        KeyOf::Tenant => derive(key, &[b"seal", tenant], derived.as_mut_slice()),
        KeyOf::Place => {
            let info: [&[u8]; 4] = [b"seal_apart", tenant, purpose.as_bytes(), row.as_bytes()];
            derive(key, &info, derived.as_mut_slice());
        }
    }
    aead::UnboundKey::new(&aead::AES_256_GCM, derived.as_slice()).ok().map(aead::LessSafeKey::new)
}

/// HKDF-SHA-256 (RFC 5869) with each part of `info` preceded by its length, so that no two lists of
/// parts run together into the same bytes.
fn derive(key: &ReadyKey, info: &[&[u8]], out: &mut [u8]) {
    let framed: Vec<u8> = info.iter().flat_map(|part| framed(part)).collect();
    let parts = [framed.as_slice()];
    if let Ok(okm) = key.prk.expand(&parts, hkdf::HKDF_SHA256) {
        // Cannot fail: `out` is always 32 bytes, the length that was asked for.
        okm.fill(out).ok();
    }
}

fn associated_data(context: SealContext<'_>) -> Vec<u8> {
    [context.tenant.as_str(), context.purpose, context.row]
        .iter()
        .flat_map(|part| framed(part.as_bytes()))
        .collect()
}

fn framed(part: &[u8]) -> Vec<u8> {
    let mut framed = (part.len() as u64).to_be_bytes().to_vec();
    framed.extend_from_slice(part);
    framed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::SeededRng;

    fn key(id: u32) -> DataKey {
        DataKey { id, material: Zeroizing::new([u8::try_from(id).unwrap(); 32]) }
    }

    fn sealer(current: u32, older: &[u32]) -> Sealer {
        Sealer::new(Keyring::new(key(current), older.iter().map(|id| key(*id))), Arc::new(SeededRng::new(7)))
    }

    fn context<'a>(tenant: &'a TenantId, purpose: &'a str, row: &'a str) -> SealContext<'a> {
        SealContext { tenant, purpose, row }
    }

    #[test]
    fn opens_only_in_its_own_place() {
        let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
        let sealer = sealer(1, &[]);
        let sealed = sealer.seal(context(&a, "jwk", "1"), b"private");
        assert_eq!(sealer.open(context(&a, "jwk", "1"), &sealed).unwrap().as_slice(), b"private");
        for elsewhere in [
            context(&b, "jwk", "1"),
            context(&a, "session", "1"),
            context(&a, "jwk", "2"),
            context(&a, "jwk1", ""),
        ] {
            assert!(sealer.open(elsewhere, &sealed).is_err(), "{elsewhere:?}");
        }
    }

    /// Attack: what was sealed for one purpose is brought back for another.
    #[test]
    fn text_of_one_kind_opens_as_no_other_and_has_a_key_of_its_own() {
        let tenant = TenantId::default_tenant();
        let sealer = sealer(1, &[]);
        let place = |kind| SealedPlace { tenant: &tenant, kind, row: "" };
        let names: std::collections::BTreeSet<_> = SealedKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), SealedKind::ALL.len(), "each has a name of its own");
        for kind in SealedKind::ALL {
            let text = sealer.seal_text(place(*kind), b"x");
            for other in SealedKind::ALL {
                let opened = sealer.open_text(place(*other), &text).is_ok();
                assert_eq!(opened, kind == other, "{kind:?} as {other:?}");
            }
            // Not even the bytes under the key of another, whatever place they claim.
            let bytes = base64url::decode(&text).unwrap();
            assert_eq!(bytes.first(), Some(&KeyOf::Place.version()));
            let key = |kind: SealedKind| {
                let mut derived = [0; 32];
                let info: [&[u8]; 4] =
                    [b"seal_apart", tenant.as_str().as_bytes(), kind.as_str().as_bytes(), b""];
                derive(sealer.keyring.keys.first().unwrap(), &info, &mut derived);
                derived
            };
            for other in SealedKind::ALL {
                assert_eq!(key(*kind) == key(*other), kind == other, "{kind:?} {other:?}");
            }
        }
    }

    #[test]
    fn text_from_before_kinds_had_keys_still_opens() {
        let tenant = TenantId::default_tenant();
        let sealer = sealer(1, &[]);
        let before = sealer.seal(context(&tenant, SealedKind::PushedRequest.as_str(), ""), b"x");
        let place = SealedPlace { tenant: &tenant, kind: SealedKind::PushedRequest, row: "" };
        assert!(sealer.open_text(place, &base64url::encode(before)).is_ok());
    }

    #[test]
    fn any_flipped_bit_breaks_the_seal() {
        let tenant = TenantId::default_tenant();
        let sealer = sealer(1, &[]);
        let sealed = sealer.seal(context(&tenant, "p", ""), b"x");
        for bit in 0..sealed.len() * 8 {
            let mut forged = sealed.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(sealer.open(context(&tenant, "p", ""), &forged).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(sealer.open(context(&tenant, "p", ""), &sealed[..length]).is_err(), "length {length}");
        }
    }

    /// Of each place the key is its own: what two places seal of one plain text under one nonce has nothing in common.
    #[test]
    fn what_is_sealed_apart_has_a_key_of_its_place() {
        let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
        let seal = |context| sealer(1, &[]).seal_apart(context, &[0; 64]);
        let own = context(&a, "form", "1");
        let sealed = seal(own);
        assert_eq!(sealer(2, &[1]).open(own, &sealed).unwrap().as_slice(), [0; 64]);
        let body = HEADER + aead::NONCE_LEN;
        assert_eq!(seal(own), sealed, "the source of randomness is one that begins anew");
        for elsewhere in [
            context(&b, "form", "1"),
            context(&a, "other", "1"),
            context(&a, "form", "2"),
            context(&a, "form1", ""),
        ] {
            let other = seal(elsewhere);
            assert_eq!(other[..body], sealed[..body], "under one nonce");
            assert_ne!(other[body..body + 64], sealed[body..body + 64], "{elsewhere:?}");
            assert_eq!(sealer(1, &[]).open(elsewhere, &sealed), Err(SealBroken), "{elsewhere:?}");
        }
        let of_tenant = sealer(1, &[]).seal(own, &[0; 64]);
        assert_ne!(of_tenant[body..body + 64], sealed[body..body + 64]);
        assert_eq!(sealer(1, &[]).open(own, &of_tenant).unwrap().as_slice(), [0; 64], "both open");
        for version in [0, 1, 3, u8::MAX] {
            let said = [&[version], &sealed[1..]].concat();
            assert_eq!(sealer(1, &[]).open(own, &said), Err(SealBroken), "{version}");
        }
    }

    #[test]
    fn rotated_ring_opens_what_older_keys_sealed() {
        let tenant = TenantId::default_tenant();
        let sealed = sealer(1, &[]).seal(context(&tenant, "p", ""), b"x");
        let hash = sealer(1, &[]).hash(&tenant, "token", b"t");
        let rotated = sealer(2, &[1]);
        assert_eq!(rotated.open(context(&tenant, "p", ""), &sealed).unwrap().as_slice(), b"x");
        assert!(rotated.verify_hash(&tenant, "token", b"t", &hash));
        assert!(rotated.hashes(&tenant, "token", b"t").contains(&hash));
        assert!(!rotated.verify_hash(&tenant, "other", b"t", &hash));
    }

    #[test]
    fn lasting_hash_outlives_every_rotation_and_is_of_one_tenant_and_purpose() {
        let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
        let first = sealer(1, &[]).lasting_hash(&a, "name", b"x");
        assert_eq!(first.len(), 32);
        assert_eq!(sealer(3, &[1, 2]).lasting_hash(&a, "name", b"x"), first);
        for other in [
            sealer(2, &[]).lasting_hash(&a, "name", b"x"),
            sealer(1, &[]).lasting_hash(&b, "name", b"x"),
            sealer(1, &[]).lasting_hash(&a, "other", b"x"),
            sealer(1, &[]).lasting_hash(&a, "name", b"y"),
        ] {
            assert_ne!(other, first);
        }
    }
}

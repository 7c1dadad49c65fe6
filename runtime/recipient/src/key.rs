//! The private half, and how it finds the content key (RFC 7518 section 4).

use p256::elliptic_curve::sec1::ToSec1Point as _;
use rsa::BoxedUint;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::cipher::{Cipher, unwrap_key};
use crate::{Unreadable, decode};

/// A private key, or a shared secret.
#[derive(Clone)]
pub struct Recipient {
    key: Key,
    /// The one algorithm that it is for, where its document names one.
    alg: Option<String>,
    public: Value,
}

#[derive(Clone)]
enum Key {
    Rsa(Box<rsa::PrivateKey>),
    P256(Box<p256::NonZeroScalar>),
    P384(Box<p384::NonZeroScalar>),
    Secret(Vec<u8>),
}

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recipient").field("public", &self.public).finish_non_exhaustive()
    }
}

impl Recipient {
    /// Reads a private key document (RFC 7517).
    pub fn from_jwk(document: &Value) -> Result<Self, Unreadable> {
        let member =
            |name: &'static str| document[name].as_str().ok_or(Unreadable::Malformed(name)).and_then(decode);
        let number = |name| member(name).map(|bytes| BoxedUint::from_be_slice_vartime(&bytes));
        let wrong = Unreadable::Malformed("no key");
        let crv = document["crv"].as_str().unwrap_or_default();
        let (key, shown): (Key, &[&str]) = match (document["kty"].as_str().unwrap_or_default(), crv) {
            ("RSA", _) => {
                let primes = vec![number("p")?, number("q")?];
                let key = rsa::PrivateKey::from_components(number("n")?, number("e")?, number("d")?, primes);
                (Key::Rsa(Box::new(key.map_err(|_| wrong)?)), &["n", "e"])
            }
            ("EC", "P-256") => {
                let scalar = p256::NonZeroScalar::try_from(member("d")?.as_slice()).map_err(|_| wrong)?;
                (Key::P256(Box::new(scalar)), &["crv", "x", "y"])
            }
            ("EC", "P-384") => {
                let scalar = p384::NonZeroScalar::try_from(member("d")?.as_slice()).map_err(|_| wrong)?;
                (Key::P384(Box::new(scalar)), &["crv", "x", "y"])
            }
            ("oct", _) => (Key::Secret(member("k")?), &[]),
            (other, _) => return Err(Unreadable::Unsupported(format!("a key of type {other} {crv}"))),
        };
        let mut public = json!({"kty": document["kty"], "use": "enc"});
        for name in shown.iter().chain(&["kid"]).filter(|name| document.get(**name).is_some()) {
            public[*name] = document[*name].clone();
        }
        // A key that was made to sign says so, and encrypts in tests all the same.
        let alg = document["alg"].as_str().filter(|_| document["use"] == "enc").map(str::to_owned);
        Ok(Self { key, alg, public })
    }

    /// The public half, which says that it is for encryption. Of a shared secret there is none.
    pub fn public(&self) -> Value {
        self.public.clone()
    }

    /// The public half under a name.
    pub fn named(&self, kid: &str) -> Value {
        let mut public = self.public();
        public["kid"] = kid.into();
        public
    }

    /// What wraps the content key, if anything does, and the content key.
    pub(crate) fn content_key(
        &self,
        header: &Value,
        cipher: Cipher,
        encrypted: &[u8],
    ) -> Result<(Option<Vec<u8>>, Vec<u8>), Unreadable> {
        let alg = header["alg"].as_str().ok_or(Unreadable::Malformed("alg"))?;
        let unwrapped = |key: Vec<u8>| {
            let content_key = unwrap_key(&key, encrypted).ok_or(Unreadable::Wrong)?;
            Ok((Some(key), content_key))
        };
        let checked = |(wrapping, key): (Option<Vec<u8>>, Vec<u8>)| {
            if key.len() == cipher.key_bytes() { Ok((wrapping, key)) } else { Err(Unreadable::Wrong) }
        };
        let enc = header["enc"].as_str().unwrap_or_default();
        // A key that encrypts the content itself is named by what it encrypts with.
        let used = if alg == "dir" { enc } else { alg };
        if self.alg.as_deref().is_some_and(|own| own != used) {
            return Err(Unreadable::Wrong);
        }
        let found = match (alg, &self.key) {
            ("RSA-OAEP-256", Key::Rsa(key)) => {
                (None, key.oaep_decrypt::<Sha256>(encrypted).map_err(|_| Unreadable::Wrong)?)
            }
            ("dir", Key::Secret(key)) if encrypted.is_empty() => (None, key.clone()),
            ("A128KW", Key::Secret(key)) if key.len() == 16 => unwrapped(key.clone())?,
            ("A256KW", Key::Secret(key)) if key.len() == 32 => unwrapped(key.clone())?,
            ("ECDH-ES", _) if encrypted.is_empty() => (None, self.agree(header, enc, cipher.key_bytes())?),
            ("ECDH-ES+A128KW", _) => unwrapped(self.agree(header, alg, 16)?)?,
            ("ECDH-ES+A256KW", _) => unwrapped(self.agree(header, alg, 32)?)?,
            (other, _) => return Err(Unreadable::Unsupported(format!("alg {other} with this key"))),
        };
        checked(found)
    }

    /// Section 4.6.2.
    fn agree(&self, header: &Value, purpose: &str, bytes: usize) -> Result<Vec<u8>, Unreadable> {
        let epk = &header["epk"];
        let coordinate =
            |name: &'static str| epk[name].as_str().ok_or(Unreadable::Malformed("epk")).and_then(decode);
        let point = || Ok([vec![4], coordinate("x")?, coordinate("y")?].concat());
        let crv = epk["crv"].as_str().unwrap_or_default();
        let secret = match (&self.key, crv) {
            (Key::P256(own), "P-256") => {
                let theirs = p256::PublicKey::from_sec1_bytes(&point()?).map_err(|_| Unreadable::Wrong)?;
                let shared = (theirs.to_projective() * ***own).to_affine().to_sec1_point(false);
                shared.x().map(|x| x.to_vec())
            }
            (Key::P384(own), "P-384") => {
                let theirs = p384::PublicKey::from_sec1_bytes(&point()?).map_err(|_| Unreadable::Wrong)?;
                let shared = (theirs.to_projective() * ***own).to_affine().to_sec1_point(false);
                shared.x().map(|x| x.to_vec())
            }
            _ => return Err(Unreadable::Unsupported(format!("an agreement on curve {crv} with this key"))),
        };
        let secret = secret.ok_or(Unreadable::Wrong)?;
        let party = |name: &str| header[name].as_str().map_or(Ok(Vec::new()), decode);
        let length = |part: &[u8]| u32::try_from(part.len()).unwrap_or_default().to_be_bytes();
        let mut about = Vec::new();
        for part in [purpose.as_bytes().to_vec(), party("apu")?, party("apv")?] {
            about.extend(length(&part));
            about.extend(part);
        }
        about.extend(u32::try_from(bytes * 8).unwrap_or_default().to_be_bytes());
        let rounds = (1_u32..).take(bytes.div_ceil(32));
        let hashed = rounds.flat_map(|round| {
            Sha256::new()
                .chain_update(round.to_be_bytes())
                .chain_update(&secret)
                .chain_update(&about)
                .finalize()
                .to_vec()
        });
        Ok(hashed.take(bytes).collect())
    }
}

//! JSON Web Encryption in compact form (RFC 7516): what we have signed, readable by one recipient alone.
//!
//! We encrypt and never decrypt: nobody sends us what only we should read, so that no private key of ours lies open to
//! messages of an attacker's choice. Where to start: [`RecipientKey`] is found in what a client publishes, [`Encrypter`]
//! makes messages for it.
//!
//! Attacks, and what stands against them:
//!
//! - How long a decryption takes, or whether its padding was right, tells what was encrypted (Bleichenbacher's attack on
//!   `RSA1_5`, Manger's on OAEP, Marvin, Vaudenay's on CBC). There is no decryption here, and no word for `RSA1_5`.
//! - How short the compressed text is tells what was in it (RFC 8725 section 3.6), or it unpacks to gigabytes. Nothing is ever
//!   compressed, and there is nothing that could be.
//! - What encrypts is taken for what proves who says it: anybody can encrypt to a public key. [`Encrypter::encrypt`] takes a
//!   [`SignedToken`] and nothing else (RFC 7519 section 11.2: signed first, then encrypted).
//! - A key that signs is made to encrypt, by which each use tells of the other (RFC 8725 section 3.1; NIST SP 800-57 section
//!   5.2). A key says what it is for, by `use` or by the very `alg`, or is not taken.
//! - A point that is on another curve, or of a small group (RFC 7748 section 6.1), gives a secret that anybody can guess. ring
//!   refuses both, when the key is read and at each agreement. The ephemeral half is new for each message.
//! - A content key or an initialisation vector is used twice (RFC 7518 section 8.4). Both are made for one message. `dir`, which
//!   would use a key for many, has no word here.
//! - A key of a million bits, or a document of a million keys, keeps us busy. All is bounded before it is looked at.
//! - A count of rounds that the sender chooses (`p2c`, RFC 7518 section 8.1): `PBES2` has no word here.

mod agreement;
mod algorithm;
mod block;
mod content;
mod encrypt;
mod key_wrap;
mod recipient;
#[cfg(test)]
mod tests;

pub use algorithm::{ContentEncryption, KeyManagement, UnknownEncryption};
pub use encrypt::{EncryptError, Encrypter, SignedToken};
pub use recipient::{NoRecipient, RecipientKey};

//! Knows the passwords of a system that hashed them with bcrypt and a pepper, each once.
//!
//! What the old system kept is `bcrypt(text(HMAC-SHA256(key: pepper, message: password)))`. The MAC comes first, so that
//! the 72 bytes that bcrypt reads hold the whole of a long password; `text` is hexadecimal or base64, because bcrypt
//! stops at a zero byte, which a bare MAC may have anywhere.
//!
//! The pepper is the plugin's secret `pepper`; the settings are in `settings.schema.json`.

mod hash;

use hmac::{Hmac, KeyInit as _, Mac as _};
use portcullis_plugin::credential_import::{CallContext, Hook, HookError, ImportAttempt, Verdict};
use portcullis_plugin::{config, secrets};
use serde::Deserialize;
use sha2::Sha256;

use crate::hash::BcryptHash;

struct VerifyLegacyPassword;

impl Hook for VerifyLegacyPassword {
    /// Nothing that is said here is kept: the calls carry passwords.
    fn verify(_call: CallContext, attempt: ImportAttempt) -> Result<Verdict, HookError> {
        let settings = config::find::<Settings>(&[])?.unwrap_or_default();
        let pepper = secrets::find("pepper")?.filter(|pepper| !pepper.is_empty());
        let pepper = pepper.ok_or_else(|| HookError::new("it has no secret `pepper`"))?;
        // Without a credential one is computed against that nobody has: the time tells nobody who has an account.
        let kept = match &attempt.credential {
            Some(credential) => BcryptHash::parse(credential)?,
            None => BcryptHash::of_nobody(settings.usual_cost.min(settings.max_cost)),
        };
        // Refused before a round is computed. A cost beyond the CPU limit would end in the limit each time, and enough of
        // those open the plugin's circuit for everybody.
        if kept.cost > settings.max_cost {
            return Err(HookError::new(format!("a hash of cost {}: see `max_cost`", kept.cost)));
        }
        Ok(Verdict::correct_if(kept.is_of(&settings.encoding.text_of(&mac(&pepper, &attempt.password)?))))
    }
}

/// The settings, whose bounds are in the schema.
#[derive(Deserialize)]
#[serde(default)]
struct Settings {
    encoding: Encoding,
    max_cost: u32,
    usual_cost: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { encoding: Encoding::Hex, max_cost: 12, usual_cost: 10 }
    }
}

/// How the old system wrote the MAC before bcrypt read it.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    /// As PHP's `hash_hmac` does.
    Hex,
    /// With padding.
    Base64,
}

impl Encoding {
    fn text_of(&self, mac: &[u8]) -> String {
        match self {
            Self::Hex => mac.iter().map(|byte| format!("{byte:02x}")).collect(),
            Self::Base64 => hash::base64(mac),
        }
    }
}

fn mac(pepper: &str, password: &str) -> Result<[u8; 32], HookError> {
    let mac = Hmac::<Sha256>::new_from_slice(pepper.as_bytes());
    let mut mac = mac.map_err(|_| HookError::new("the secret `pepper` is no key"))?;
    mac.update(password.as_bytes());
    Ok(mac.finalize().into_bytes().into())
}

portcullis_plugin::export_credential_import!(VerifyLegacyPassword);

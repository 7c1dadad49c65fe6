//! Knows the passwords of an old shop again, each once: the server keeps a hash of its own from then on.
//!
//! An administrator has made the accounts with what the shop's database had, as
//! `scheme$salt$adler32$checksum`, and the setting `scheme` says whose they are. The checksum stands for whatever the old
//! system used: its crate belongs here, e.g. `bcrypt` or `md-5`.

use portcullis_plugin::config;
use portcullis_plugin::credential_import::{CallContext, Hook, HookError, ImportAttempt, Verdict};

struct Plugin;

/// A credential that nobody has, for calls that only take their time.
const NOBODY: &str = "-$0000$adler32$ffffffff";

impl Hook for Plugin {
    /// Nothing that is logged here is kept: the calls carry passwords.
    fn verify(_call: CallContext, attempt: ImportAttempt) -> Result<Verdict, HookError> {
        let wanted = config::find::<String>(&["scheme"])?.unwrap_or_default();
        let credential = attempt.credential.as_deref().unwrap_or(NOBODY);
        let parts: Vec<&str> = credential.split('$').collect();
        let [scheme, salt, "adler32", checksum] = *parts else {
            return Err(HookError::new("a credential of another form"));
        };
        // Computed in any case, so that the time tells nobody who has an account.
        let computed = format!("{:08x}", adler32(format!("{salt}{}", attempt.password).as_bytes()));
        Ok(Verdict::correct_if(scheme == wanted && computed == checksum))
    }
}

/// RFC 1950 section 8.2.
fn adler32(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1, 0), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    (b << 16) | a
}

portcullis_plugin::export_credential_import!(Plugin);

//! Second factors made elsewhere: an authenticator app (`identityWithCredentialsTotp`) and backup codes
//! (`AdminIdentityImportCredentialsLookupSecret`).
//!
//! Attack: an account's line is imported over the account that it was exported from, and a code that was used since is good
//! again. So a factor that is there already is never set back: the app keeps the last step that was used on either side, and a
//! backup code that was used stays used.

use primitives::{Change, IdentityId, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::{AdministrationError, ImportedCredentials};
use crate::factor::lookup_secret::{LookupSecret, LookupSecrets};
use crate::factor::totp::{Totp, TotpSecret};
use crate::factor::{SecondFactor, StoredFactor, find};
use crate::flow::Room;
use crate::write::Write;

/// `identityWithCredentialsTotpConfig`
#[derive(Debug, Deserialize)]
struct TotpConfig {
    totp_url: String,
    /// Only what is exported here has it.
    #[serde(default)]
    last_step: u64,
}

/// `AdminIdentityImportCredentialsLookupSecretConfig`
#[derive(Debug, Deserialize)]
struct LookupConfig {
    codes: Vec<Code>,
}

/// `identityCredentialsLookupSecretCode`
#[derive(Debug, Deserialize)]
struct Code {
    code: String,
    #[serde(default)]
    used_at: Option<Timestamp>,
}

/// The second factors of a body.
pub(super) fn read(
    credentials: Option<&ImportedCredentials>,
) -> Result<Vec<SecondFactor>, AdministrationError> {
    let config = |kind| credentials.and_then(|credentials| credentials.config(kind));
    let totp = config("totp").map(totp).transpose()?;
    let codes = config("lookup_secret").map(lookup_secrets).transpose()?;
    Ok(totp.into_iter().chain(codes).collect())
}

fn totp(config: &Value) -> Result<SecondFactor, AdministrationError> {
    let malformed = || {
        let words = "`credentials.totp.config.totp_url` is an `otpauth://totp/…` URL whose secret has 128 to 512 bits, for \
                     codes of SHA-1, six digits and 30 seconds";
        AdministrationError::Malformed(words.to_owned())
    };
    let config = TotpConfig::deserialize(config).map_err(|_| malformed())?;
    let secret = TotpSecret::from_uri(&config.totp_url).ok_or_else(malformed)?;
    Ok(SecondFactor::Totp(Totp::imported(secret, config.last_step)))
}

fn lookup_secrets(config: &Value) -> Result<SecondFactor, AdministrationError> {
    let malformed = || {
        let words = "`credentials.lookup_secret.config.codes` is a list of 1 to 64 objects, each with a `code` of 6 to 64 \
                     letters and digits, no two alike";
        AdministrationError::Malformed(words.to_owned())
    };
    let config = LookupConfig::deserialize(config).map_err(|_| malformed())?;
    let codes = config.codes.into_iter().map(|code| (code.code, code.used_at));
    LookupSecrets::imported(codes).map(SecondFactor::LookupSecret).ok_or_else(malformed)
}

/// Sets the factors of an identity. Where it has others of the kind they are replaced, its trusted devices
/// are forgotten, and its sessions end.
pub(super) fn set(
    mut change: Change<Write>,
    room: Room<'_>,
    (identity, known): (IdentityId, &[StoredFactor]),
    factors: Vec<SecondFactor>,
) -> Change<Write> {
    for factor in factors {
        let stored = find(known, factor.kind());
        let (factor, is_other) = match stored.map(|stored| &stored.factor) {
            None => (factor, false),
            Some(held) => merged(held, factor),
        };
        if stored.is_some_and(|stored| stored.factor == factor) {
            continue;
        }
        let replaces = stored.map(|stored| stored.version);
        change = change.write(Write::SetFactor { identity, factor, replaces, at: room.now });
        if is_other {
            change = change.write(Write::ForgetTrustedDevices(identity)).write(Write::RevokeSessions {
                identity,
                except: None,
                at: room.now,
            });
        }
    }
    change
}

/// What is kept of a factor and of one of its kind that is brought, and whether the two differ by more than their use.
fn merged(held: &SecondFactor, brought: SecondFactor) -> (SecondFactor, bool) {
    match (held, brought) {
        (SecondFactor::Totp(held), SecondFactor::Totp(brought)) if held.secret() == brought.secret() => {
            let last_step = held.last_step().max(brought.last_step());
            (SecondFactor::Totp(Totp::imported(brought.secret().clone(), last_step)), false)
        }
        (SecondFactor::LookupSecret(held), SecondFactor::LookupSecret(brought)) => {
            let same = |code: &LookupSecret| held.list().iter().find(|known| known.expose() == code.expose());
            let is_other = brought.list().len() != held.list().len()
                || brought.list().iter().any(|code| same(code).is_none());
            (SecondFactor::LookupSecret(brought.used_as(held)), is_other)
        }
        (_, brought) => (brought, true),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const AT: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const URL: &str = "otpauth://totp/Acme:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn one(credentials: Value) -> Result<Vec<SecondFactor>, AdministrationError> {
        read(Some(&serde_json::from_value(credentials).unwrap()))
    }

    fn app(secret: &str, last_step: u64) -> SecondFactor {
        let url = format!("otpauth://totp/Acme:ada?secret={secret}");
        one(json!({"totp": {"config": {"totp_url": url, "last_step": last_step}}})).unwrap().remove(0)
    }

    fn codes(codes: &[(&str, bool)]) -> SecondFactor {
        let codes = codes.iter().map(|(code, used)| json!({"code": code, "used_at": used.then_some(AT)}));
        let config = json!({"codes": codes.collect::<Vec<_>>()});
        one(json!({"lookup_secret": {"config": config}})).unwrap().remove(0)
    }

    #[test]
    fn factors_are_read_as_the_api_describes_them() {
        let both = json!({
            "totp": {"config": {"totp_url": URL}},
            "lookup_secret": {"config": {"codes": [{"code": "abcdefgh"}, {"code": "ijklmnop", "used_at": AT}]}},
        });
        assert_eq!(one(both).unwrap().len(), 2);
        assert_eq!(one(json!({"password": {"config": {}}, "totp": {}})).unwrap().len(), 0);
        for wrong in [
            json!({"totp": {"config": {}}}),
            json!({"totp": {"config": {"totp_url": 7}}}),
            json!({"totp": {"config": {"totp_url": format!("{URL}&digits=8")}}}),
            json!({"totp": {"config": {"totp_url": URL, "last_step": -1}}}),
            json!({"lookup_secret": {"config": {}}}),
            json!({"lookup_secret": {"config": {"codes": []}}}),
            json!({"lookup_secret": {"config": {"codes": ["abcdefgh"]}}}),
            json!({"lookup_secret": {"config": {"codes": [{"code": "abc"}]}}}),
            json!({"lookup_secret": {"config": {"codes": [{"code": "abcdefgh", "used_at": "then"}]}}}),
        ] {
            let error = one(wrong.clone()).unwrap_err();
            let AdministrationError::Malformed(words) = error else { panic!("{wrong}: {error}") };
            assert!(!words.contains("GEZDGNBV") && !words.contains("abcdefgh"), "{words}");
        }
    }

    /// Attack: an account's own line is imported once more, and what was used since is good again.
    #[test]
    fn what_was_used_stays_used() {
        const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        const OTHER: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
        let check = |held: &SecondFactor, brought: SecondFactor, expect: (SecondFactor, bool)| {
            assert_eq!(merged(held, brought), expect);
        };
        check(&app(SECRET, 9), app(SECRET, 7), (app(SECRET, 9), false));
        check(&app(SECRET, 7), app(SECRET, 9), (app(SECRET, 9), false));
        check(&app(SECRET, 9), app(OTHER, 7), (app(OTHER, 7), true));
        let held = codes(&[("abcdef", true), ("ghijkl", false)]);
        let again = [("abcdef", false), ("ghijkl", true)];
        check(&held, codes(&again), (codes(&[("abcdef", true), ("ghijkl", true)]), false));
        check(&held, codes(&[("mnopqr", false)]), (codes(&[("mnopqr", false)]), true));
        let fewer = codes(&[("abcdef", false)]);
        check(&held, fewer, (codes(&[("abcdef", true)]), true));
    }
}

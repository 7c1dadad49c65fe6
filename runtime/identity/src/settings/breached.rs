//! Passwords that are known from breaches: who is asked, and what is made of the answer.

use std::path::PathBuf;

use primitives::Origin;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

/// Passwords that are known from breaches, which whoever guesses tries first (NIST SP 800-63B section 5.1.1.2). They are
/// refused wherever one is set, and nowhere where one is only proven. Off until it is said who knows them: nothing of a
/// password is told to anybody, not even five digits of its hash, before an operator wants that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BreachedSettings {
    /// The server that knows them, e.g. `https://api.pwnedpasswords.com` (Have I Been Pwned), or a mirror that answers
    /// `GET /range/{prefix}` alike. It is told the first five hexadecimal digits of the password's SHA-1. Only public
    /// addresses are called, unless the operator's file owns the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub host: Option<Origin>,
    /// In how many breaches a password may have been found and still be taken.
    pub max_breaches: u32,
    /// Whether a password is taken when the server does not answer, or not as such servers do. The default: otherwise nobody
    /// could sign up or get back in while somebody else's server is down. A `list` is asked all the same, and must be readable.
    pub ignore_network_errors: bool,
    /// A file of hashes, asked before the server and with no network: lines of `SHA1:COUNT` in the order of the hashes, in
    /// hexadecimal, of which the count and all but the first ten digits may be left out. It is searched where it lies and not
    /// read into memory. In the file of the node alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<PathBuf>,
}

impl Default for BreachedSettings {
    fn default() -> Self {
        Self { host: None, max_breaches: 0, ignore_network_errors: true, list: None }
    }
}

impl BreachedSettings {
    /// Reports what cannot be, by key.
    pub fn check(&self, report: &mut dyn FnMut(&str, String)) {
        let host = self.host.as_ref().and_then(|host| Url::parse(host.as_str()).ok());
        if host.is_some_and(|host| !super::captcha::is_private_enough(&host)) {
            report("host", "must be https (http for this machine)".to_owned());
        }
    }
}

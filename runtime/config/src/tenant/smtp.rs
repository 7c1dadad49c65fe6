//! `[tenant.courier.smtp]`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenancy::plugin::secrets::is_secret_name;

use crate::courier::SmtpTls;
use crate::problem::Report;

/// A mail server of the tenant's own. Only public addresses are called, unless the operator's file owns the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantSmtp {
    /// Its name or address; its certificate must be for it.
    pub host: String,
    /// Its port. Without it, 587 with `starttls`, 465 with `tls`, 25 with `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How the connection is kept from others. `none` is for a server on this machine.
    #[serde(default)]
    pub tls: SmtpTls,
    /// Who signs in to it; nobody without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The name of the password of `username` among the tenant's `secrets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// What the node calls itself in its greeting (EHLO). Without it, the host of the node's base URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_name: Option<String>,
}

impl TenantSmtp {
    /// Its port.
    pub fn effective_port(&self) -> u16 {
        self.port.unwrap_or(self.tls.port())
    }

    pub(super) fn check(&self, report: &mut Report<'_>) {
        if !is_host(&self.host) {
            report("host", "must be a host name or an address, without scheme and port".to_owned());
        }
        // Codes by which whoever reads them is let in do not cross a network in the clear.
        if self.tls == SmtpTls::None && !crate::courier::is_this_machine(&self.host) {
            let words = "must be \"starttls\" or \"tls\" for a server that is not on this machine";
            report("tls", words.to_owned());
        }
        if self.username.is_some() != self.password.is_some() {
            report("username", "needs `password` beside it, and the other way round".to_owned());
        }
        if self.username.as_ref().is_some_and(|name| name.is_empty() || name.chars().any(char::is_control)) {
            report("username", "must be one line".to_owned());
        }
        if let Some(name) = self.password.as_deref().filter(|name| !is_secret_name(name)) {
            let words = "is no name of a secret: 1 to 64 letters, digits, `_`, `-` and `.`";
            report("password", format!("`{name}` {words}"));
        }
        if self.local_name.as_deref().is_some_and(|name| !is_host(name)) {
            report("local_name", "must be a host name".to_owned());
        }
    }
}

/// A host as it can stand in a URL and in a command: nothing in it ends either.
fn is_host(text: &str) -> bool {
    let of_form = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':' | b'[' | b']');
    (1..=253).contains(&text.len()) && text.bytes().all(of_form) && url::Host::parse(text).is_ok()
}

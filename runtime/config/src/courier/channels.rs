//! `[courier.channels]`

use primitives::SecretReference;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::problem::Checker;

/// Services that take messages by HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Channels {
    /// Takes e-mail, in the place of `courier.smtp`.
    pub email: Option<HttpChannel>,
    /// Takes text messages.
    pub sms: Option<HttpChannel>,
}

/// A service that takes messages by HTTP, each as one JSON document with the members `id`, `attempt`, `tenant`, `channel`,
/// `recipient`, `template_type`, `template_data`, `locale`, `subject`, `body` and `html`. A message may come twice, with the
/// same `id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpChannel {
    /// Where it takes them, e.g. `https://sms.example/messages`.
    pub url: String,
    /// How.
    #[serde(default)]
    pub method: ChannelMethod,
    /// The header that proves the node to it; `authorization` without this.
    #[serde(default)]
    pub header: Option<String>,
    /// The whole value of that header, e.g. `Bearer …`. Nothing is proven without it.
    #[serde(default)]
    pub credential: Option<SecretReference>,
}

/// How a service takes messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ChannelMethod {
    /// `POST`
    #[default]
    Post,
    /// `PUT`
    Put,
}

impl ChannelMethod {
    /// As it is sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

impl HttpChannel {
    /// Where it takes messages, if nobody on the way can read them: they bring codes by which whoever reads them is let in.
    pub fn effective_url(&self) -> Option<Url> {
        let url: Url = self.url.parse().ok()?;
        let is_local = match url.host()? {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(ip) => ip.is_loopback(),
            Host::Ipv6(ip) => ip.to_canonical().is_loopback(),
        };
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_local);
        (is_safe && url.username().is_empty() && url.password().is_none()).then_some(url)
    }

    /// The header that proves the node.
    pub fn effective_header(&self) -> &str {
        self.header.as_deref().unwrap_or("authorization")
    }

    fn check(&self, key: &str, checker: &mut Checker<'_>) {
        if self.effective_url().is_none() {
            checker.report(
                &format!("{key}.url"),
                "must be an https URL without a user (http for a service on this machine)",
            );
        }
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        if self.header.as_deref().is_some_and(|name| !is_name(name)) {
            checker.report(&format!("{key}.header"), "must be the name of a header");
        }
        if self.header.is_some() && self.credential.is_none() {
            checker.report(key, "needs `credential` for `header`");
        }
    }
}

impl Channels {
    pub(super) fn check(&self, checker: &mut Checker<'_>) {
        for (key, channel) in [("courier.channels.email", &self.email), ("courier.channels.sms", &self.sms)] {
            if let Some(channel) = channel {
                channel.check(key, checker);
            }
        }
    }
}

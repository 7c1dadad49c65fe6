//! `[tenant.courier]`

use std::collections::BTreeMap;

use identity::courier::{MailTemplate, MailWords};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenancy::webhook::Channel;
use ui::Locale;

use super::smtp::TenantSmtp;
use crate::problem::Report;

/// What a tenant's messages say, from whom they are, and who carries them, where it is not as `[courier]` has it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TenantCourier {
    /// The address that e-mail comes from. The mail server must let the node use it. A mail server of the tenant's own needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_address: Option<String>,
    /// The name that stands with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_name: Option<String>,
    /// Words in the place of the built-in ones: by the message (`recovery_code_valid`, …), then by the language (`en`, `de`,
    /// `fr`, `es`, or `default` for any other). `{{ name }}` stands for a value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub templates: BTreeMap<String, BTreeMap<String, MailWords>>,
    /// A mail server of the tenant's own that takes its e-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp: Option<TenantSmtp>,
    /// Services of the tenant's own that take its messages.
    #[serde(skip_serializing_if = "is_none")]
    pub channels: TenantChannels,
}

/// Services that take a tenant's messages by HTTP. What a body is made of without a template, `[courier.channels]` says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TenantChannels {
    /// Takes e-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Channel>,
    /// Takes text messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sms: Option<Channel>,
}

fn is_none(channels: &TenantChannels) -> bool {
    channels.email.is_none() && channels.sms.is_none()
}

/// The word for every language that has no words of its own.
const ANY: &str = "default";

impl TenantCourier {
    /// The words of a message in a language, if the tenant has any.
    pub fn words(&self, template: MailTemplate, locale: &str) -> Option<&MailWords> {
        let of = self.templates.get(template.as_str())?;
        of.get(locale).or_else(|| of.get(ANY))
    }

    pub(super) fn check(&self, report: &mut Report<'_>) {
        if self.from_address.as_deref().is_some_and(|address| !is_address(address)) {
            report("courier.from_address", "must be an e-mail address".to_owned());
        }
        if self.from_name.as_ref().is_some_and(|name| name.len() > 100 || name.chars().any(char::is_control))
        {
            report("courier.from_name", "must be one line of at most 100 bytes".to_owned());
        }
        for (name, languages) in &self.templates {
            let key = format!("courier.templates.{name}");
            let Ok(template) = name.parse::<MailTemplate>() else {
                let known: Vec<&str> = MailTemplate::ALL.iter().map(|known| known.as_str()).collect();
                report(&key, format!("`{name}` is none of {}", known.join(", ")));
                continue;
            };
            for (language, words) in languages {
                let key = format!("{key}.{language}");
                if language != ANY && Locale::ALL.iter().all(|known| known.tag() != language) {
                    report(&key, format!("`{language}` is no language of the pages, nor `{ANY}`"));
                }
                for (part, error) in words.check(template) {
                    report(&format!("{key}.{part}"), error.to_string());
                }
            }
        }
        if let Some(smtp) = &self.smtp {
            smtp.check(&mut |key, message| report(&format!("courier.smtp.{key}"), message));
            if self.from_address.is_none() {
                let words = "needs `from_address` beside it: the node's own address is not this server's to send from";
                report("courier.smtp", words.to_owned());
            }
            if self.channels.email.is_some() {
                report("courier.channels.email", "cannot be there beside `courier.smtp`".to_owned());
            }
        }
        for (name, channel) in [("email", &self.channels.email), ("sms", &self.channels.sms)] {
            let Some(channel) = channel else { continue };
            channel.check(&mut |key, message| report(&format!("courier.channels.{name}.{key}"), message));
        }
    }
}

/// Whether a mail server can be given it: one address, without a name.
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic() && !b"@,;<>()\"\\".contains(&b))
    };
    plain(local) && plain(domain)
}

//! Puts messages in the tenant's words, in the language of whoever causes them.

use identity::Flow;
use identity::courier::{Composer, Mail, MailSender, MailTemplate, MailValues, PAYLOAD, RenderedMail};
use identity::flow::TransientPayload;
use identity::identity::AddressKind;
use identity::organisation::invitation::{InvitationComposer, InvitationValues};
use serde_json::{Map, Value};
use ui::{InvitationMailView, Letter, Locale, MailView};

use crate::call::Call;

impl Composer for Call {
    fn compose(&self, template: MailTemplate, values: MailValues<'_>) -> Mail {
        self.compose_with(template, values, &TransientPayload::default())
    }
}

/// Puts the messages of one form in words, with what was sent with the form for them.
pub(super) struct OfForm<'a> {
    pub(super) call: &'a Call,
    pub(super) flow: &'a Flow,
}

impl Composer for OfForm<'_> {
    fn compose(&self, template: MailTemplate, values: MailValues<'_>) -> Mail {
        self.call.compose_with(template, values, &self.flow.transient_payload)
    }
}

impl Call {
    fn compose_with(
        &self,
        template: MailTemplate,
        values: MailValues<'_>,
        payload: &TransientPayload,
    ) -> Mail {
        let locale = self.locale(&[]);
        let MailValues { to, code, url, via, minutes } = values;
        let short = via == AddressKind::Sms;
        let view = MailView { template: template.as_str(), to, code, url, short, minutes };
        let letter = self.node.pages.mail(&view, &self.tenant.branding, locale);
        let mut data = Map::new();
        let mut put = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                data.insert(name.to_owned(), value.into());
            }
        };
        put("to", Some(to));
        let (code_name, url_name) = match template {
            MailTemplate::RecoveryCodeValid | MailTemplate::RecoveryValid => {
                ("recovery_code", "recovery_url")
            }
            MailTemplate::LoginCodeValid => ("login_code", "login_url"),
            MailTemplate::RegistrationCodeValid => ("registration_code", "registration_url"),
            MailTemplate::VerificationCodeValid
            | MailTemplate::VerificationCodeInvalid
            | MailTemplate::VerificationValid
            | MailTemplate::VerificationInvalid
            | MailTemplate::RecoveryCodeInvalid
            | MailTemplate::RecoveryInvalid
            | MailTemplate::CredentialsRemoved
            // Has values of its own, below.
            | MailTemplate::Invitation => ("verification_code", "verification_url"),
        };
        put(code_name, code);
        put(url_name, url);
        data.insert("expires_in_minutes".to_owned(), minutes.into());
        if !payload.is_empty() {
            data.insert(PAYLOAD.to_owned(), payload.to_value());
        }
        mail(self, (template, letter), locale, data)
    }
}

impl InvitationComposer for Call {
    fn compose_invitation(&self, values: InvitationValues<'_>) -> Mail {
        let locale = self.locale(&[]);
        let InvitationValues { to, organisation, url, days } = values;
        let view = InvitationMailView { to, organisation, url, days };
        let letter = self.node.pages.invitation_mail(&view, &self.tenant.branding, locale);
        let mut data = Map::new();
        for (name, value) in [("to", to), ("organization", organisation), ("invitation_url", url)] {
            data.insert(name.to_owned(), value.into());
        }
        data.insert("expires_in_days".to_owned(), days.into());
        mail(self, (MailTemplate::Invitation, letter), locale, data)
    }
}

/// The message in the tenant's own words, where it has any for it.
fn mail(
    call: &Call,
    (template, letter): (MailTemplate, Letter),
    locale: Locale,
    data: Map<String, Value>,
) -> Mail {
    let courier = &call.tenant.courier;
    let (address, name) = (courier.from_address.clone(), courier.from_name.clone());
    let from = (address.is_some() || name.is_some()).then_some(MailSender { address, name });
    let (locale, Letter { subject, text, html }) = (locale.tag(), letter);
    let built_in = Mail { subject, text, html, locale: locale.to_owned(), data, from };
    let Some(words) = courier.words(template, locale) else { return built_in };
    let mut values = built_in.data.clone();
    values.insert("tenant".to_owned(), call.tenant.branding.name.clone().into());
    match words.render(template, &values) {
        Ok(RenderedMail { subject, text, html }) => Mail { subject, text, html, ..built_in },
        // They were read when they were set; another version may have let them pass.
        Err(error) => {
            tracing::error!(request = %call.request, tenant = %call.tenant.id, template = template.as_str(), %error, "the tenant's words for a message are not usable");
            built_in
        }
    }
}

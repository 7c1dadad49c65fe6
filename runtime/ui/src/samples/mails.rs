//! Every message in every state, to the person in the other samples.

use primitives::Timestamp;

use crate::branding::Branding;
use crate::frame::PageContext;
use crate::locale::Locale;
use crate::mail::{InvitationMailView, Letter, MailView};
use crate::pages::Pages;
use crate::views::{LetterView, MailboxView};

/// Long, as some addresses are.
const TO: &str = "ada.lovelace@engines.nexboard.example";

/// A message in one state.
#[derive(Debug)]
pub struct MailSample {
    /// What it is called in a picture's name: what it is about, and what is special about it.
    pub name: &'static str,
    /// What kind it is, by its name in the courier API; that of invitations is their own.
    template: Option<&'static str>,
    code: Option<&'static str>,
    url: Option<&'static str>,
}

impl MailSample {
    const fn new(name: &'static str, template: &'static str) -> Self {
        Self { name, template: Some(template), code: None, url: None }
    }

    const fn with_code(self) -> Self {
        Self { code: Some("048213"), ..self }
    }

    const fn with_url(self, url: &'static str) -> Self {
        Self { url: Some(url), ..self }
    }

    /// The message.
    pub fn letter(&self, pages: &Pages, branding: &Branding, locale: Locale) -> Letter {
        let to = TO;
        if let Some(template) = self.template {
            let (code, url) = (self.code, self.url);
            let view = MailView { template, to, code, url, short: false, minutes: 15 };
            pages.mail(&view, branding, locale)
        } else {
            let (organisation, url) = ("Analytical Engines", self.url.unwrap_or_default());
            pages.invitation_mail(&InvitationMailView { to, organisation, url, days: 7 }, branding, locale)
        }
    }
}

/// Every message, in the order in which people get them.
pub static MAILS: &[MailSample] = &[
    MailSample::new("mail-registration", "registration_code_valid")
        .with_code()
        .with_url("https://id.nexboard.example/self-service/registration?flow=5f1c7b0e&code=048213"),
    MailSample::new("mail-registration-taken", "registration_code_valid"),
    MailSample::new("mail-verification", "verification_code_valid")
        .with_code()
        .with_url("https://id.nexboard.example/self-service/verification?flow=5f1c7b0e&code=048213"),
    MailSample::new("mail-verification-link", "verification_valid")
        .with_url("https://id.nexboard.example/self-service/verification?flow=5f1c7b0e&token=c2FtcGxl"),
    MailSample::new("mail-verification-unknown", "verification_code_invalid"),
    MailSample::new("mail-login", "login_code_valid")
        .with_code()
        .with_url("https://id.nexboard.example/self-service/login?flow=5f1c7b0e&token=c2FtcGxl"),
    MailSample::new("mail-login-code", "login_code_valid").with_code(),
    MailSample::new("mail-login-unknown", "login_code_valid"),
    MailSample::new("mail-recovery", "recovery_code_valid")
        .with_code()
        .with_url("https://id.nexboard.example/self-service/recovery?flow=5f1c7b0e&code=048213"),
    MailSample::new("mail-recovery-link", "recovery_valid")
        .with_url("https://id.nexboard.example/self-service/recovery?flow=5f1c7b0e&token=c2FtcGxl"),
    MailSample::new("mail-recovery-unknown", "recovery_code_invalid"),
    MailSample::new("mail-removed", "credentials_removed"),
    MailSample { name: "mail-invitation", template: None, code: None, url: None }
        .with_url("https://id.nexboard.example/ui/invitation?token=pci_c2FtcGxl"),
];

/// The page that shows mail where none is sent, with the last three.
pub(super) fn mailbox(pages: &Pages, context: &PageContext<'_>) -> MailboxView {
    let latest = MAILS.iter().rev().take(3).zip([30, 400, 90_000]);
    let letters = latest.map(|(mail, seconds)| {
        let Letter { subject, text, .. } = mail.letter(pages, context.branding, context.locale);
        let at = Timestamp::from_seconds(context.now.seconds() - seconds);
        LetterView { to: TO.to_owned(), subject, text, at }
    });
    MailboxView { letters: letters.collect() }
}

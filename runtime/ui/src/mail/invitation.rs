//! The message that invites somebody into an organisation.

use askama::Template as _;

use super::{Letter, MailPage, one_line};
use crate::branding::Branding;
use crate::locale::{Locale, Words, fill};

/// What an invitation says.
#[derive(Debug, Clone, Copy)]
pub struct InvitationMailView<'a> {
    /// To whom.
    pub to: &'a str,
    /// Into which organisation.
    pub organisation: &'a str,
    /// Where it is accepted.
    pub url: &'a str,
    /// After how many days it is worth nothing.
    pub days: u64,
}

pub(crate) fn letter(
    words: &Words,
    view: &InvitationMailView<'_>,
    branding: &Branding,
    locale: Locale,
) -> Letter {
    let w = &words.invitation_mail;
    let days = view.days.to_string();
    let of = |text: &str| {
        let values = [
            ("to", view.to),
            ("tenant", &*branding.name),
            ("organisation", view.organisation),
            ("days", &days),
        ];
        fill(text, &values)
    };
    let subject = one_line(&of(&w.subject));
    let (lead, ends, sent_by) = (
        of(&w.lead),
        of(words.counted(&w.ends, view.days)),
        fill(&words.mail.sent_by, &[("tenant", &branding.name)]),
    );
    let link = format!("{}\n{}", w.link, view.url);
    let text = [&*lead, &*link, &*ends, &*w.ignore, &*branding.name].join("\n\n");
    let [light, dark] = branding.buttons_in_mail();
    let page = MailPage {
        tag: locale.tag(),
        branding,
        light,
        dark,
        subject: &subject,
        lead: &lead,
        code: None,
        url: Some(view.url),
        button: &w.button,
        link: &w.link,
        ends,
        ignore: &w.ignore,
        sent_by,
    };
    let html = page.render().unwrap_or_default();
    Letter { subject, text, html }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pages;

    #[test]
    fn link_names_and_end_are_in_text_and_html_and_names_are_no_mark_up() {
        let branding = Branding { name: "Acme".to_owned(), ..Branding::default() };
        for locale in Locale::ALL {
            let view = InvitationMailView {
                to: "ada@example.com",
                organisation: "<b>R&D</b>\r\nBcc: eve@rival.example",
                url: "https://id.example/ui/invitation?token=pci_x",
                days: 7,
            };
            let letter = Pages::new().unwrap().invitation_mail(&view, &branding, locale);
            assert!(!letter.subject.contains(['\r', '\n']), "{}", letter.subject);
            assert!(!letter.html.contains("<b>R"), "{}", letter.html);
            for body in [&letter.text, &letter.html] {
                for part in ["invitation?token=pci_x", "Acme", "7"] {
                    assert!(body.contains(part), "{part} in {body}");
                }
            }
        }
    }
}

//! Messages to people: from words and branding to subject, text and HTML.
//!
//! Attack: a name or an address in a message is mark-up, or ends the subject's line and begins a header. The template
//! escapes what it shows, and a subject is one line.

mod invitation;

use askama::Template;

use crate::branding::Branding;
use crate::locale::{Locale, Words, fill};

pub use invitation::InvitationMailView;
pub(crate) use invitation::letter as invitation;

/// What a message is about.
#[derive(Debug, Clone, Copy)]
pub struct MailView<'a> {
    /// What kind it is, by its name in the courier API.
    pub template: &'a str,
    /// To whom.
    pub to: &'a str,
    /// The code that it brings.
    pub code: Option<&'a str>,
    /// Where it leads.
    pub url: Option<&'a str>,
    /// After how many minutes both are worth nothing.
    pub minutes: u64,
}

/// A message in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same in HTML.
    pub html: String,
}

#[derive(Template)]
#[template(path = "mail.html")]
struct MailPage<'a> {
    tag: &'static str,
    branding: &'a Branding,
    colour: String,
    on_colour: String,
    subject: &'a str,
    lead: &'a str,
    code: Option<&'a str>,
    url: Option<&'a str>,
    button: &'a str,
    link: &'a str,
    ends: String,
    ignore: &'a str,
    sent_by: String,
}

pub(crate) fn letter(words: &Words, view: &MailView<'_>, branding: &Branding, locale: Locale) -> Letter {
    let w = &words.mail;
    let minutes = view.minutes.to_string();
    let of = |text: &str| {
        let code = view.code.unwrap_or_default();
        fill(text, &[("to", view.to), ("tenant", &branding.name), ("code", code), ("minutes", &minutes)])
    };
    let is_known = view.code.is_some() || view.url.is_some();
    let recovers = view.template.starts_with("recovery");
    let (subject, lead, button) = match (recovers, is_known) {
        (true, true) => (&w.recovery_subject, &w.recovery_lead, &w.recovery_button),
        (true, false) => (&w.recovery_unknown_subject, &w.recovery_unknown_lead, &w.recovery_button),
        (false, true) => (&w.verification_subject, &w.verification_lead, &w.verification_button),
        (false, false) => {
            (&w.verification_unknown_subject, &w.verification_unknown_lead, &w.verification_button)
        }
    };
    let subject = one_line(&of(subject));
    let lead = of(lead);
    let ends = if is_known { of(&w.ends) } else { String::new() };
    let mut parts = vec![lead.clone()];
    parts.extend(view.code.map(|_| of(&w.code)));
    parts.extend(view.url.map(|url| format!("{}\n{url}", w.link)));
    parts.extend((!ends.is_empty()).then(|| ends.clone()));
    parts.push(w.ignore.clone());
    parts.push(branding.name.clone());
    let colour = branding.primary_color;
    let page = MailPage {
        tag: locale.tag(),
        branding,
        colour: colour.to_string(),
        on_colour: colour.readable_text().to_string(),
        subject: &subject,
        lead: &lead,
        code: view.code,
        url: view.url,
        button,
        link: &w.link,
        ends,
        ignore: &w.ignore,
        sent_by: of(&w.sent_by),
    };
    let html = page.render().unwrap_or_default();
    Letter { text: parts.join("\n\n"), html, subject }
}

/// A subject. What would end its line is a space.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pages;

    fn letter(template: &str, code: Option<&str>, locale: Locale, name: &str) -> Letter {
        let branding = Branding { name: name.to_owned(), ..Branding::default() };
        let url = code.map(|code| format!("https://id.example/self-service/recovery?flow=x&code={code}"));
        let view = MailView { template, to: "ada@example.com", code, url: url.as_deref(), minutes: 15 };
        Pages::new().unwrap().mail(&view, &branding, locale)
    }

    #[test]
    fn code_link_and_name_are_in_text_and_html() {
        for locale in Locale::ALL {
            for template in ["recovery_code_valid", "verification_code_valid"] {
                let letter = letter(template, Some("012345"), locale, "Acme");
                assert!(letter.subject.contains("012345"), "{letter:?}");
                for body in [&letter.text, &letter.html] {
                    for part in ["012345", "id.example", "Acme", "15"] {
                        assert!(body.contains(part), "{part} in {body}");
                    }
                }
            }
        }
    }

    #[test]
    fn unknown_recipients_get_neither_code_nor_link() {
        for template in ["recovery_code_invalid", "verification_code_invalid"] {
            let letter = letter(template, None, Locale::En, "Acme");
            assert!(!letter.text.contains("://") && !letter.html.contains("href"), "{letter:?}");
            assert!(letter.text.contains("ada@example.com"));
        }
    }

    #[test]
    fn names_are_neither_mark_up_nor_headers() {
        let letter =
            letter("recovery_code_valid", Some("1"), Locale::En, "<b>A</b>\r\nBcc: eve@rival.example");
        assert!(!letter.html.contains("<b>A"), "{}", letter.html);
        assert!(!letter.subject.contains(['\r', '\n']));
    }
}

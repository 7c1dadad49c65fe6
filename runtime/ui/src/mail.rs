//! Messages to people: from words and branding to subject, text and HTML.
//!
//! Attack: a name or an address in a message is mark-up, or ends the subject's line and begins a header. The template
//! escapes what it shows, and a subject is one line.

mod invitation;

use askama::Template;

use crate::branding::{Branding, ButtonColours};
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
    /// Whether it is a text message, which is short: what it has beyond one costs its sender another.
    pub short: bool,
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
    light: ButtonColours,
    dark: ButtonColours,
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
    let link_alone = view.code.is_none() && is_known;
    let Said { subject, lead, button } = said(words, view.template, is_known, link_alone);
    let does_alone = view.url.is_some_and(|url| url.contains("&token="));
    let (link, ends, ignore) = if link_alone {
        (&w.link_alone, &w.link_ends, &w.link_ignore)
    } else if does_alone {
        (&w.login_link, &w.ends, &w.link_ignore)
    } else {
        (&w.link, &w.ends, &w.ignore)
    };
    let ignore = if view.template == REMOVED { &w.removed_next } else { ignore };
    let subject = one_line(&of(subject));
    let lead = of(lead);
    let ends = if is_known { of(words.counted(ends, view.minutes)) } else { String::new() };
    let mut parts = vec![lead.clone()];
    parts.extend(view.code.map(|_| of(&w.code)));
    parts.extend(view.url.map(|url| format!("{link}\n{url}")));
    parts.extend((!ends.is_empty()).then(|| ends.clone()));
    parts.push(ignore.clone());
    parts.push(branding.name.clone());
    let [light, dark] = branding.buttons_in_mail();
    let page = MailPage {
        tag: locale.tag(),
        branding,
        light,
        dark,
        subject: &subject,
        lead: &lead,
        code: view.code,
        url: view.url,
        button,
        link,
        ends,
        ignore,
        sent_by: of(&w.sent_by),
    };
    let html = page.render().unwrap_or_default();
    if view.short {
        return Letter { text: short(&subject, &lead, view), html, subject };
    }
    Letter { text: parts.join("\n\n"), html, subject }
}

/// A text message: the subject has the code already, and says of a link where it leads; what brings neither says more.
fn short(subject: &str, lead: &str, view: &MailView<'_>) -> String {
    match (view.code, view.url) {
        (Some(_), None) => subject.to_owned(),
        (Some(_) | None, Some(url)) => format!("{subject}\n{url}"),
        (None, None) => lead.to_owned(),
    }
}

/// Word that what was set before an address was proven was taken away. It brings nothing, and asks for nothing.
const REMOVED: &str = "credentials_removed";

/// What a message says that is its own.
struct Said<'a> {
    subject: &'a str,
    lead: &'a str,
    button: &'a str,
}

fn said<'a>(words: &'a Words, template: &str, is_known: bool, link_alone: bool) -> Said<'a> {
    let w = &words.mail;
    match template {
        "login_code_valid" if is_known => {
            return Said { subject: &w.login_subject, lead: &w.login_lead, button: &w.login_button };
        }
        "login_code_valid" => {
            let (subject, lead) = (&w.login_unknown_subject, &w.login_unknown_lead);
            return Said { subject, lead, button: &w.login_button };
        }
        "registration_code_valid" if !is_known => {
            let (subject, lead) = (&w.registration_taken_subject, &w.registration_taken_lead);
            return Said { subject, lead, button: &w.registration_button };
        }
        "registration_code_valid" => {
            let (subject, lead) = (&w.registration_subject, &w.registration_lead);
            return Said { subject, lead, button: &w.registration_button };
        }
        REMOVED => {
            let (subject, lead) = (&w.removed_subject, &w.removed_lead);
            return Said { subject, lead, button: &w.verification_button };
        }
        _ => {}
    }
    let (subject, lead, button) = match (template.starts_with("recovery"), is_known) {
        (true, true) if link_alone => (&w.recovery_link_subject, &w.recovery_lead, &w.recovery_button),
        (true, true) => (&w.recovery_subject, &w.recovery_lead, &w.recovery_button),
        (true, false) => (&w.recovery_unknown_subject, &w.recovery_unknown_lead, &w.recovery_button),
        (false, true) if link_alone => {
            (&w.verification_link_subject, &w.verification_lead, &w.verification_button)
        }
        (false, true) => (&w.verification_subject, &w.verification_lead, &w.verification_button),
        (false, false) => {
            (&w.verification_unknown_subject, &w.verification_unknown_lead, &w.verification_button)
        }
    };
    Said { subject, lead, button }
}

/// A subject. What would end its line is a space.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pages;
    use crate::colour::{Colour, EDGE_CONTRAST};

    fn letter(template: &str, code: Option<&str>, locale: Locale, name: &str) -> Letter {
        let branding = Branding { name: name.to_owned(), ..Branding::default() };
        let url = code.map(|code| format!("https://id.example/self-service/recovery?flow=x&code={code}"));
        let view = MailView {
            template,
            to: "ada@example.com",
            code,
            url: url.as_deref(),
            short: false,
            minutes: 15,
        };
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
    fn a_link_alone_speaks_of_no_code() {
        for locale in Locale::ALL {
            for template in ["recovery_valid", "verification_valid"] {
                let branding = Branding { name: "Acme".to_owned(), ..Branding::default() };
                let url = Some("https://id.example/self-service/recovery?flow=x&token=y");
                let view =
                    MailView { template, to: "ada@example.com", code: None, url, short: false, minutes: 15 };
                let letter = Pages::new().unwrap().mail(&view, &branding, locale);
                for body in [&letter.subject, &letter.text, &letter.html] {
                    assert!(!["ode ", "ódigo"].iter().any(|code| body.contains(code)), "{body}");
                    assert!(body.contains("Acme"), "{body}");
                }
                assert!(letter.text.contains("token=y") && letter.html.contains("token=y"));
            }
        }
    }

    #[test]
    fn one_minute_is_not_said_like_many() {
        let branding = Branding::default();
        for (locale, one) in [
            (Locale::En, "for 1 minute."),
            (Locale::De, "1 Minute lang."),
            (Locale::Fr, "1 minute."),
            (Locale::Es, "1 minuto."),
        ] {
            for (template, code, url) in [
                ("recovery_code_valid", Some("012345"), None),
                ("recovery_valid", None, Some("https://id.example/self-service/recovery?flow=x&token=y")),
            ] {
                let view = MailView { template, to: "ada@example.com", code, url, short: false, minutes: 1 };
                let letter = Pages::new().unwrap().mail(&view, &branding, locale);
                assert!(letter.text.contains(one) && letter.html.contains(one), "{}", letter.text);
            }
        }
    }

    #[test]
    fn a_button_can_be_seen_whatever_the_tenants_colour() {
        let branding = Branding { primary_color: "#fff".parse().unwrap(), ..Branding::default() };
        let url = Some("https://id.example/self-service/recovery?flow=x&token=y");
        let view = MailView {
            template: "recovery_valid",
            to: "ada@example.com",
            code: None,
            url,
            short: false,
            minutes: 15,
        };
        let html = Pages::new().unwrap().mail(&view, &branding, Locale::En).html;
        let [light, dark] = branding.buttons_in_mail();
        let ButtonColours { fill, on_fill, edge } = light;
        assert!(
            html.contains(&format!("border:1px solid {edge};background:{fill};color:{on_fill}")),
            "{html}"
        );
        assert!(edge.contrast(Colour::WHITE) >= EDGE_CONTRAST);
        let ButtonColours { fill, on_fill, edge } = dark;
        let said =
            format!("border-color:{edge}!important;background:{fill}!important;color:{on_fill}!important");
        assert!(html.contains(&said), "{html}");
        // On the card that the message has then.
        assert!(html.contains("background:#16181c!important"));
        assert!(edge.contrast(Colour::new(0x16, 0x18, 0x1c)) >= EDGE_CONTRAST);
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
    fn word_that_something_was_removed_brings_nothing_to_press() {
        for locale in Locale::ALL {
            let letter = letter("credentials_removed", None, locale, "Acme");
            assert!(!letter.text.contains("://") && !letter.html.contains("href"), "{letter:?}");
            for part in ["ada@example.com", "Acme"] {
                assert!(letter.text.contains(part) && letter.html.contains(part), "{letter:?}");
            }
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

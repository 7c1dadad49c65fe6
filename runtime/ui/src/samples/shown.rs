//! Nothing of a page goes unseen by whoever looks at its pictures: each template with each of its branches is in some
//! sample, and so is every word that is written for pages and messages.
//!
//! What a sample shows is looked for in the English ones. A line that several templates have is seen with the first of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use primitives::Timestamp;

use super::{MAILS, SAMPLES, Sample};
use crate::frame::PageContext;
use crate::{Branding, Locale, Pages};

/// What a browser leaves at once: the last page while apps are told. The suite `browser` goes through it.
const LEFT_AT_ONCE: [&str; 3] = [
    "<iframe src=\"",
    "\" sandbox=\"allow-same-origin allow-scripts\" aria-hidden=\"true\" tabindex=\"-1\" hidden></iframe>",
    "<script>",
];

/// Words that stand where a sample shows others.
const IN_THE_PLACE_OF_OTHERS: [&str; 12] = [
    "deletion.last_owner",
    "device.too_many",
    "organisation.no_address",
    "organisation.refused",
    "organisation.too_many",
    "ownership.answers",
    "ownership.domain_taken",
    "ownership.no_name",
    "ownership.not_a_domain",
    "ownership.not_a_provider",
    "ownership.too_many_keys",
    "ownership.unanswered",
];

/// Sections of which each page shows one text or none: messages by their number, errors by their id, names of fields.
const NOT_OF_PAGES: [&str; 6] = ["messages", "reasons", "labels", "error_titles", "error_messages", "dates"];

/// How a page is asked for.
pub(super) fn context(branding: &Branding, locale: Locale) -> PageContext<'_> {
    PageContext {
        branding,
        locale,
        base_path: "",
        here: "/",
        client_name: None,
        acting: false,
        registration: true,
        recovery: true,
        password_min_length: 8,
        now: Timestamp::from_seconds(1_795_514_400),
    }
}

/// Every sample and message, as one text.
fn everything() -> String {
    let branding = Branding {
        support_url: Some("mailto:help@nexboard.example".parse().unwrap()),
        privacy_url: Some("https://nexboard.example/privacy".parse().unwrap()),
        terms_url: Some("https://nexboard.example/terms".parse().unwrap()),
        ..Branding::default()
    };
    let with_pictures = Branding {
        headline: [(Locale::En, "One place for your team".to_owned())].into(),
        logo_url: Some("/logo.svg".parse().unwrap()),
        logo_dark_url: Some("/logo-dark.svg".parse().unwrap()),
        favicon_url: Some("/icon.png".parse().unwrap()),
        ..branding.clone()
    };
    let with_one_link = Branding { terms_url: None, ..branding.clone() };
    let pages = Pages::new().unwrap();
    let mut all = String::new();
    for branding in [&branding, &with_pictures, &with_one_link] {
        let context = context(branding, Locale::En);
        for sample in SAMPLES {
            all.push_str(&sample.page(&pages, &context).unwrap());
        }
        for mail in MAILS {
            let letter = mail.letter(&pages, branding, Locale::En);
            all.extend([letter.subject, letter.text, letter.html]);
        }
    }
    all
}

/// The text of a template that is not filled in, line by line.
fn literals(template: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = template;
    loop {
        let begin = ["{{", "{%", "{#"].iter().filter_map(|tag| rest.find(tag)).min();
        let (literal, tag) = rest.split_at(begin.unwrap_or(rest.len()));
        found.extend(literal.lines().map(str::trim).filter(|line| line.contains(char::is_alphabetic)));
        let Some(end) = ["}}", "%}", "#}"].iter().filter_map(|end| tag.find(end)).min() else { return found };
        rest = &tag[end + 2..];
    }
}

#[test]
fn literals_are_what_stands_between_the_tags() {
    let template = "{% if x -%}\n<p class=\"a {{ b }}\">{# no #}who{% else %}<b>\n</p>";
    assert_eq!(literals(template), ["<p class=\"a", "who", "<b>", "</p>"]);
}

#[test]
fn every_branch_of_every_template_is_in_a_sample() {
    let all = everything();
    let mut templates = BTreeMap::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("templates")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        templates.insert(name, std::fs::read_to_string(path).unwrap());
    }
    assert!(templates.len() > 20, "{}", templates.len());
    let mut unseen = Vec::new();
    for (name, template) in &templates {
        let is_unseen = |line: &&str| !all.contains(line) && !LEFT_AT_ONCE.contains(line);
        unseen.extend(literals(template).into_iter().filter(is_unseen).map(|line| (name, line)));
    }
    assert!(unseen.is_empty(), "no sample shows these lines: {unseen:#?}");
}

#[test]
fn every_word_of_the_pages_is_in_a_sample() {
    // As a reader sees it.
    let all = everything().replace("&#39;", "'").replace("&#34;", "\"").replace("&#38;", "&");
    let mut unseen = BTreeSet::new();
    for (section, words) in Locale::En.table() {
        if NOT_OF_PAGES.contains(&section.as_str()) {
            continue;
        }
        for (key, text) in words.as_table().unwrap() {
            let forms: Vec<&str> = match text {
                toml::Value::Table(forms) => forms.values().filter_map(toml::Value::as_str).collect(),
                text => text.as_str().into_iter().collect(),
            };
            // What is between the places; the longest piece tells it apart.
            let pieces = |form: &&str| {
                let pieces =
                    form.split('{').map(|piece| piece.split_once('}').map_or(piece, |(_, after)| after));
                pieces.max_by_key(|piece| piece.len()).is_some_and(|piece| all.contains(piece.trim()))
            };
            if !forms.iter().any(pieces) {
                unseen.insert(format!("{section}.{key}"));
            }
        }
    }
    let expected: BTreeSet<String> = IN_THE_PLACE_OF_OTHERS.map(str::to_owned).into();
    assert_eq!(unseen, expected, "no sample shows these words");
}

#[test]
fn keyboards_leave_codes_alone_and_they_are_set_as_codes() {
    let (pages, branding) = (Pages::new().unwrap(), Branding::default());
    let mut found = BTreeSet::new();
    for sample in SAMPLES {
        let html = sample.page(&pages, &context(&branding, Locale::En)).unwrap();
        for input in html.split("<input ").skip(1).filter_map(|rest| rest.split('>').next()) {
            for name in ["code", "totp_code", "lookup_secret", "user_code"] {
                if input.contains(&format!("name=\"{name}\"")) && !input.contains("type=\"hidden\"") {
                    found.insert(name);
                    for part in ["class=\"code\"", "spellcheck=\"false\"", "autocapitalize="] {
                        assert!(input.contains(part), "{}: {input}", sample.name);
                    }
                }
            }
        }
    }
    assert_eq!(found.len(), 4, "{found:?}");
}

#[test]
fn what_is_proven_is_called_what_it_is() {
    let (pages, branding) = (Pages::new().unwrap(), Branding::default());
    for (name, title) in [
        ("verification", "Verify your email address"),
        ("verification-sent", "Verify your email address"),
        ("verification-number", "Verify an address or number"),
        ("verification-number-sent", "Verify your phone number"),
        ("verification-number-done", "Verify your phone number"),
        ("recovery-number", "Get back into your account"),
    ] {
        let html = Sample::find(name).unwrap().page(&pages, &context(&branding, Locale::En)).unwrap();
        assert!(html.contains(&format!("<h1>{title}</h1>")), "{name}");
    }
}

//! A page with one form, and where else it leads.

use askama::Template;

use super::render;
use crate::flow::{FlowView, UiTextType};
use crate::form::{Form, Forms, Item, Notice};
use crate::frame::{Frame, PageContext};
use crate::locale::{Words, fill};

#[derive(Template)]
#[template(path = "flow.html")]
pub(super) struct FlowPage<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) lead: String,
    pub(super) notices: Vec<Notice>,
    pub(super) providers: Vec<Form>,
    pub(super) form: Form,
    pub(super) others: Vec<Another>,
    pub(super) agreement: Vec<Piece>,
    pub(super) forgotten: Option<Piece>,
    pub(super) other: Option<OtherWay>,
}

/// Another way to go on, folded up until it is chosen.
#[derive(Debug)]
pub(super) struct Another {
    pub(super) label: String,
    pub(super) form: Form,
}

/// Where else a page with one form leads.
#[derive(Debug, Default)]
pub(super) struct Ways {
    pub(super) other: Option<OtherWay>,
    pub(super) forgotten: Option<Piece>,
    pub(super) agreement: Vec<Piece>,
}

#[derive(Debug)]
pub(super) struct OtherWay {
    pub(super) question: String,
    pub(super) label: String,
    pub(super) href: String,
}

#[derive(Debug)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) href: Option<String>,
}

/// A flow with one form: signing in, signing up.
pub(super) fn flow_page(frame: Frame<'_>, forms: &Forms<'_>, lead: String, ways: Ways) -> String {
    let Ways { other, forgotten, agreement } = ways;
    let notices = forms.notices();
    render(&FlowPage {
        frame: Frame { failed: failed(&notices), ..frame },
        lead,
        notices,
        providers: forms.providers(),
        form: forms.of(|group| !matches!(group, "oidc" | "saml")),
        others: Vec::new(),
        agreement,
        forgotten,
        other,
    })
}

pub(super) fn failed(notices: &[Notice]) -> bool {
    notices.iter().any(|n| n.kind == UiTextType::Error)
}

pub(super) fn password_hint(words: &Words, context: &PageContext<'_>) -> String {
    let (w, least) = (&words.registration, context.password_min_length);
    let length = fill(words.counted(&w.password_hint, least.into()), &[("min", &least.to_string())]);
    format!("{length} {}", w.password_advice)
}

/// "to continue to Nexboard", or whose account it is.
pub(super) fn lead(to_client: &str, to_tenant: &str, flow: &FlowView, context: &PageContext<'_>) -> String {
    let request = flow.oauth2_login_request.as_ref();
    let of_flow = request.and_then(|r| r.client.as_ref()).and_then(|c| c.client_name.as_deref());
    match context.client_name.or(of_flow) {
        Some(client) if !client.is_empty() => fill(to_client, &[("client", client)]),
        _ => fill(to_tenant, &[("tenant", &context.branding.name)]),
    }
}

/// The start of another flow, with what this one was for.
pub(super) fn self_service(context: &PageContext<'_>, kind: &str, flow: &FlowView) -> String {
    let mut href = format!("{}/self-service/{kind}/browser", context.base_path);
    let mut joint = '?';
    for (name, value) in [("return_to", &flow.return_to), ("login_challenge", &flow.oauth2_login_challenge)] {
        if let Some(value) = value.as_ref().filter(|v| !v.is_empty()) {
            href.push(joint);
            href.push_str(name);
            href.push('=');
            for byte in value.bytes() {
                if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                    href.push(char::from(byte));
                } else {
                    href.push('%');
                    for digit in [byte >> 4, byte & 0x0f] {
                        href.extend(char::from_digit(u32::from(digit), 16).map(|d| d.to_ascii_uppercase()));
                    }
                }
            }
            joint = '&';
        }
    }
    href
}

/// Splits a sentence at its `{places}` so that each can be a link.
pub(super) fn sentence<'a>(template: &str, link: impl Fn(&str) -> Option<(&'a str, &'a str)>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        pieces.push(Piece { text: before.to_owned(), href: None });
        if let Some((text, href)) = link(name) {
            pieces.push(Piece { text: text.to_owned(), href: Some(href.to_owned()) });
        }
        rest = after;
    }
    pieces.push(Piece { text: rest.to_owned(), href: None });
    pieces.retain(|piece| !piece.text.is_empty());
    pieces
}

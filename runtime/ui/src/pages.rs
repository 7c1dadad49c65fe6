//! Every page, as a function from what it shows to its HTML.

mod impersonation;
mod invitation;
mod login;
mod organisation;
mod settings;

pub use impersonation::ImpersonationView;
pub use invitation::InvitationView;
pub use organisation::{InvitationItem, MemberItem, OrganisationOutcome, OrganisationView};

use askama::Template;
use primitives::Timestamp;

use crate::assets::Assets;
use crate::branding::Branding;
use crate::flow::{FlowView, UiTextType};
use crate::form::{Form, Forms, Item, Notice, Purpose};
use crate::frame::{Frame, PageContext};
use crate::locale::{Catalogue, Locale, LocaleError, Words, fill};
use crate::mail::{self, InvitationMailView, Letter, MailView};
use crate::views::{ConsentView, ErrorView, LetterView, LogoutView, MailboxView, WelcomeView};

/// The pages. Made once; every page is a pure function of its arguments.
#[derive(Debug)]
pub struct Pages {
    catalogue: Catalogue,
    assets: Assets,
}

impl Pages {
    /// Reads the embedded words and names the embedded files.
    pub fn new() -> Result<Self, LocaleError> {
        Ok(Self { catalogue: Catalogue::load()?, assets: Assets::new() })
    }

    /// The files that pages load, served below `/ui/assets/`.
    pub fn assets(&self) -> &Assets {
        &self.assets
    }

    /// Creating an account.
    pub fn registration(&self, flow: &FlowView, context: &PageContext<'_>) -> String {
        let words = self.words(context);
        let w = &words.registration;
        let forms = Forms {
            ui: &flow.ui,
            words,
            purpose: Purpose::Registration,
            password_hint: Some(password_hint(words, context)),
        };
        let lead = if flow.state.as_deref() == Some("sent_email") {
            w.code_lead.clone()
        } else {
            lead(&w.to_client, &w.to_tenant, flow, context)
        };
        let other = Some(OtherWay {
            question: w.have_account.clone(),
            label: w.sign_in.clone(),
            href: self_service(context, "login", flow),
        });
        let agreement = match (&context.branding.terms_url, &context.branding.privacy_url) {
            (Some(_), Some(_)) => &w.agree_both,
            (Some(_), None) => &w.agree_terms,
            (None, Some(_)) => &w.agree_privacy,
            (None, None) => "",
        };
        let link = |name: &str| match name {
            "terms" => context.branding.terms_url.as_ref().map(|u| (w.terms.as_str(), u.as_str())),
            "privacy" => context.branding.privacy_url.as_ref().map(|u| (w.privacy.as_str(), u.as_str())),
            _ => None,
        };
        let frame = self.frame(context, w.title.clone()).with_script(&self.assets, flow);
        let ways = Ways { other, forgotten: None, agreement: sentence(agreement, link) };
        flow_page(frame, &forms, lead, ways)
    }

    /// Proving an address.
    pub fn verification(&self, flow: &FlowView, context: &PageContext<'_>) -> String {
        let w = &self.words(context).verification;
        let lead = match proof_stage(flow) {
            ProofStage::Asked => &w.lead,
            ProofStage::AskedForLink => &w.link_lead,
            ProofStage::CodeSent => &w.code_lead,
            ProofStage::LinkSent => &w.link_sent_lead,
            ProofStage::LinkOpened => &w.opened_lead,
            ProofStage::Done => &w.done_lead,
        };
        self.proof(flow, w.title.clone(), lead.clone(), None, context)
    }

    /// Getting back in.
    pub fn recovery(&self, flow: &FlowView, context: &PageContext<'_>) -> String {
        let words = self.words(context);
        let w = &words.recovery;
        let lead = match proof_stage(flow) {
            ProofStage::Asked => &w.lead,
            ProofStage::AskedForLink => &w.link_lead,
            ProofStage::CodeSent => &w.code_lead,
            ProofStage::LinkSent => &w.link_sent_lead,
            ProofStage::LinkOpened => &w.opened_lead,
            ProofStage::Done => &w.done_lead,
        };
        let other = OtherWay {
            question: w.remembered.clone(),
            label: words.registration.sign_in.clone(),
            href: self_service(context, "login", flow),
        };
        self.proof(flow, w.title.clone(), lead.clone(), Some(other), context)
    }

    fn proof(
        &self,
        flow: &FlowView,
        title: String,
        lead: String,
        other: Option<OtherWay>,
        context: &PageContext<'_>,
    ) -> String {
        let words = self.words(context);
        let forms = Forms { ui: &flow.ui, words, purpose: Purpose::Proof, password_hint: None };
        let ways = Ways { other, forgotten: None, agreement: Vec::new() };
        flow_page(self.frame(context, title), &forms, lead, ways)
    }

    /// The mail of a node that only its own machine reaches.
    pub fn mailbox(&self, view: &MailboxView, context: &PageContext<'_>) -> String {
        let words = self.words(context);
        let lines = view
            .letters
            .iter()
            .map(|letter| LetterLine {
                letter,
                at: letter.at.rfc3339(),
                when: ago(letter.at, context.now, words),
            })
            .collect();
        render(&MailboxPage { frame: self.frame(context, words.mailbox.title.clone()), lines })
    }

    /// A message to somebody: its subject, its text, and the same in HTML with the tenant's looks.
    pub fn mail(&self, view: &MailView<'_>, branding: &Branding, locale: Locale) -> Letter {
        mail::letter(self.catalogue.words(locale), view, branding, locale)
    }

    /// An invitation into an organisation, in the same way.
    pub fn invitation_mail(
        &self,
        view: &InvitationMailView<'_>,
        branding: &Branding,
        locale: Locale,
    ) -> Letter {
        mail::invitation(self.catalogue.words(locale), view, branding, locale)
    }

    /// Deciding whether a client gets access.
    pub fn consent(&self, view: &ConsentView, context: &PageContext<'_>) -> String {
        let words = self.words(context);
        let w = &words.consent;
        let of = |text: &str| fill(text, &[("client", &view.client_name), ("subject", &view.subject)]);
        let scopes = view
            .scopes
            .iter()
            .map(|scope| {
                let known = scope.description.as_ref().or_else(|| words.scopes.get(&scope.scope));
                match known {
                    Some(text) => ScopeLine { text: text.clone(), raw: false },
                    None => ScopeLine { text: scope.scope.clone(), raw: true },
                }
            })
            .collect();
        let note = view.redirect_host.as_ref().map(|host| fill(&w.redirect_note, &[("host", host)]));
        let frame = self.frame(context, of(&w.title));
        render(&ConsentPage {
            frame,
            view,
            letter: view.client_name.chars().take(1).flat_map(char::to_uppercase).collect(),
            as_subject: of(&w.as_subject),
            will: of(&w.will),
            remember: of(&w.remember),
            note,
            scopes,
        })
    }

    /// Asking whether to sign out.
    pub fn logout(&self, view: &LogoutView, context: &PageContext<'_>) -> String {
        let w = &self.words(context).logout;
        let lead = match &view.subject {
            Some(subject) => fill(&w.lead, &[("tenant", &context.branding.name), ("subject", subject)]),
            None => fill(&w.lead_nameless, &[("tenant", &context.branding.name)]),
        };
        let client_lead = view.client_name.as_ref().map(|client| fill(&w.client_lead, &[("client", client)]));
        render(&LogoutPage { frame: self.frame(context, w.title.clone()), view, lead, client_lead })
    }

    /// Saying that one is signed out.
    pub fn signed_out(&self, context: &PageContext<'_>) -> String {
        let title = self.words(context).logout.done_title.clone();
        render(&SignedOutPage { frame: self.frame(context, title) })
    }

    /// Saying what failed, in words that help.
    pub fn error(&self, view: &ErrorView, context: &PageContext<'_>) -> String {
        let words = self.words(context);
        let known = view.id.as_deref().and_then(|id| words.error(id));
        let title = match known {
            Some((title, _)) => title.to_owned(),
            None if view.title.is_empty() => words.error.title.clone(),
            None => view.title.clone(),
        };
        let message = known.map_or_else(|| view.message.clone(), |(_, message)| message.to_owned());
        render(&ErrorPage { frame: self.frame(context, title), view, message })
    }

    /// The start page: whose service this is, and the ways in.
    pub fn welcome(&self, view: &WelcomeView, context: &PageContext<'_>) -> String {
        let words = self.words(context);
        let title = match view.subject {
            Some(_) => words.welcome.signed_in_title.clone(),
            None => fill(&words.welcome.title, &[("tenant", &context.branding.name)]),
        };
        let lead = match &view.subject {
            Some(subject) => fill(&words.common.signed_in_as, &[("subject", subject)]),
            None => words.welcome.lead.clone(),
        };
        render(&WelcomePage { frame: self.frame(context, title), lead, signed_in: view.subject.is_some() })
    }

    fn words(&self, context: &PageContext<'_>) -> &Words {
        self.catalogue.words(context.locale)
    }

    fn frame<'a>(&'a self, context: &'a PageContext<'a>, title: String) -> Frame<'a> {
        Frame::new(context, &self.catalogue, &self.assets, title)
    }
}

/// A flow with one form: signing in, signing up.
fn flow_page(frame: Frame<'_>, forms: &Forms<'_>, lead: String, ways: Ways) -> String {
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

/// How far the proof of an address is, as its page says it.
#[derive(Debug, Clone, Copy)]
enum ProofStage {
    Asked,
    AskedForLink,
    CodeSent,
    LinkSent,
    LinkOpened,
    Done,
}

fn proof_stage(flow: &FlowView) -> ProofStage {
    let by_link = flow.active.as_deref() == Some("link");
    match flow.state.as_deref() {
        Some("passed_challenge") => ProofStage::Done,
        Some("sent_email") if by_link && flow.has("email") => ProofStage::LinkSent,
        Some("sent_email") if by_link => ProofStage::LinkOpened,
        Some("sent_email") => ProofStage::CodeSent,
        _ if flow.ui.nodes.iter().any(|node| node.group == "link") => ProofStage::AskedForLink,
        _ => ProofStage::Asked,
    }
}

/// A template cannot fail but for a formatter that does; then the page is empty rather than half.
fn render(page: &impl Template) -> String {
    page.render().unwrap_or_default()
}

fn failed(notices: &[Notice]) -> bool {
    notices.iter().any(|n| n.kind == UiTextType::Error)
}

fn password_hint(words: &Words, context: &PageContext<'_>) -> String {
    fill(&words.registration.password_hint, &[("min", &context.password_min_length.to_string())])
}

/// "to continue to Nexboard", or whose account it is.
fn lead(to_client: &str, to_tenant: &str, flow: &FlowView, context: &PageContext<'_>) -> String {
    let request = flow.oauth2_login_request.as_ref();
    let of_flow = request.and_then(|r| r.client.as_ref()).and_then(|c| c.client_name.as_deref());
    match context.client_name.or(of_flow) {
        Some(client) if !client.is_empty() => fill(to_client, &[("client", client)]),
        _ => fill(to_tenant, &[("tenant", &context.branding.name)]),
    }
}

/// The start of another flow, with what this one was for.
fn self_service(context: &PageContext<'_>, kind: &str, flow: &FlowView) -> String {
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
fn sentence<'a>(template: &str, link: impl Fn(&str) -> Option<(&'a str, &'a str)>) -> Vec<Piece> {
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

/// How long ago, in the words of a person; a date after a month.
fn ago(then: Timestamp, now: Timestamp, words: &Words) -> String {
    let w = &words.sessions;
    let minutes = now.since(then).as_secs() / 60;
    let n = |template: &str, count: u64| fill(template, &[("n", &count.to_string())]);
    match minutes {
        0 => w.now.clone(),
        1 => w.minute.clone(),
        2..60 => n(&w.minutes, minutes),
        60..120 => w.hour.clone(),
        120..1440 => n(&w.hours, minutes / 60),
        1440..2880 => w.day.clone(),
        2880..43_200 => n(&w.days, minutes / 1440),
        _ => fill(&w.on_date, &[("date", then.rfc3339().split('T').next().unwrap_or_default())]),
    }
}

/// Where else a page with one form leads.
#[derive(Debug, Default)]
struct Ways {
    other: Option<OtherWay>,
    forgotten: Option<Piece>,
    agreement: Vec<Piece>,
}

#[derive(Debug)]
struct LetterLine<'a> {
    letter: &'a LetterView,
    at: String,
    when: String,
}

#[derive(Template)]
#[template(path = "mailbox.html")]
struct MailboxPage<'a> {
    frame: Frame<'a>,
    lines: Vec<LetterLine<'a>>,
}

#[derive(Debug)]
struct OtherWay {
    question: String,
    label: String,
    href: String,
}

#[derive(Debug)]
struct Piece {
    text: String,
    href: Option<String>,
}

#[derive(Debug)]
struct Section {
    group: String,
    title: String,
    lead: Option<String>,
    forms: Vec<Form>,
}

#[derive(Debug)]
struct ScopeLine {
    text: String,
    raw: bool,
}

#[derive(Template)]
#[template(path = "flow.html")]
struct FlowPage<'a> {
    frame: Frame<'a>,
    lead: String,
    notices: Vec<Notice>,
    providers: Vec<Form>,
    form: Form,
    others: Vec<Form>,
    agreement: Vec<Piece>,
    forgotten: Option<Piece>,
    other: Option<OtherWay>,
}

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    frame: Frame<'a>,
    view: &'a ConsentView,
    letter: String,
    as_subject: String,
    will: String,
    remember: String,
    note: Option<String>,
    scopes: Vec<ScopeLine>,
}

#[derive(Template)]
#[template(path = "logout.html")]
struct LogoutPage<'a> {
    frame: Frame<'a>,
    view: &'a LogoutView,
    lead: String,
    client_lead: Option<String>,
}

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOutPage<'a> {
    frame: Frame<'a>,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: Frame<'a>,
    view: &'a ErrorView,
    message: String,
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage<'a> {
    frame: Frame<'a>,
    lead: String,
    signed_in: bool,
}

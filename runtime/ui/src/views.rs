//! What the pages that are not flows are given to show.

use primitives::Timestamp;

use crate::branding::PageUrl;
pub use crate::form::Hidden;

/// A client asks for access and the person decides.
#[derive(Debug, Clone)]
pub struct ConsentView {
    /// The client's name, or its id if it has none.
    pub client_name: String,
    /// The client's logo; give it to [`crate::page_headers`] too.
    pub client_logo: Option<PageUrl>,
    /// What the client asks for.
    pub scopes: Vec<ScopeView>,
    /// What it asks for that no scope says.
    pub details: Vec<DetailView>,
    /// Where it wants to use it, by the names of the services.
    pub places: Vec<String>,
    /// Who is signed in, as they know themselves (an e-mail address, not an id).
    pub subject: String,
    /// Where the decision is posted. It is sent as `decision` (`allow` or `deny`), with `remember=true` if asked.
    pub action: String,
    /// What goes with it: the challenge and the CSRF token.
    pub hidden: Vec<Hidden>,
    /// Where "Not you?" leads; no link if absent.
    pub switch_account_url: Option<String>,
    /// The host that vouches for a client which nobody registered.
    pub described_at: Option<String>,
    /// Whether the client registered itself, so that no operator has looked at what it says of itself.
    pub is_self_registered: bool,
    /// Whether the answer goes to a program on the person's own machine, which may be any.
    pub is_local: bool,
    /// The host that the person is sent to afterwards.
    pub redirect_host: Option<String>,
    /// Whether the decision can be remembered.
    pub can_remember: bool,
}

/// One scope that a client asks for, or was granted.
#[derive(Debug, Clone)]
pub struct ScopeView {
    /// The scope, e.g. `email`.
    pub scope: String,
    /// What the tenant says that it allows; known scopes are described without it.
    pub description: Option<String>,
}

/// Something that a client asks for, or was granted, in detail (RFC 9396).
#[derive(Debug, Clone)]
pub struct DetailView {
    /// Its type, which is shown where there is no sentence.
    pub name: String,
    /// What it lets the client do.
    pub sentence: Vec<PartView>,
    /// What the sentence leaves out: names and values, as the client sent them.
    pub rest: Vec<(String, String)>,
}

/// A piece of a sentence.
#[derive(Debug, Clone)]
pub struct PartView {
    /// The text.
    pub text: String,
    /// Whether it is the client's, which the page sets apart from the tenant's words.
    pub is_value: bool,
}

/// A person enters the code that a device shows.
#[derive(Debug, Clone, Default)]
pub struct DeviceCodeView {
    /// Where the code is posted, as `user_code`.
    pub action: String,
    /// What stands in the field: what the address brought, or what was typed.
    pub user_code: String,
    /// Why it is asked again.
    pub problem: Option<DeviceCodeProblem>,
}

/// Why a code leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceCodeProblem {
    /// No device waits for it.
    Unknown,
    /// Too many were tried.
    TooMany,
}

/// A device asks for access and the person decides.
#[derive(Debug, Clone)]
pub struct DeviceView {
    /// The client's name, or its id if it has none.
    pub client_name: String,
    /// The host that vouches for a client which nobody registered.
    pub described_at: Option<String>,
    /// Whether the client registered itself, so that no operator has looked at what it says of itself.
    pub is_self_registered: bool,
    /// What it asks for.
    pub scopes: Vec<ScopeView>,
    /// What it asks for that no scope says.
    pub details: Vec<DetailView>,
    /// Where it wants to use it, by the names of the services.
    pub places: Vec<String>,
    /// Who is signed in, as they know themselves.
    pub subject: String,
    /// The code that the device must show.
    pub user_code: String,
    /// Where the decision is posted, as `decision` (`allow` or `deny`).
    pub action: String,
    /// What goes with it.
    pub hidden: Vec<Hidden>,
    /// Where "Not you?" leads.
    pub switch_account_url: String,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceDoneView {
    /// The device gets its tokens.
    Allowed,
    /// The person refused.
    Denied,
    /// Whoever runs the service refused, for this reason.
    Refused(String),
}

/// A person is asked whether to sign out.
#[derive(Debug, Clone)]
pub struct LogoutView {
    /// Where the form is sent.
    pub action: String,
    /// `get` or `post`.
    pub method: String,
    /// What goes with it.
    pub hidden: Vec<Hidden>,
    /// Who is signed in.
    pub subject: Option<String>,
    /// The client that asks to sign the person out.
    pub client_name: Option<String>,
    /// Where "Stay signed in" leads.
    pub cancel_url: String,
}

/// Apps are opened to end their sessions, and the browser goes on.
#[derive(Debug, Clone)]
pub struct FarewellView {
    /// What is opened, each in a frame: absolute web addresses.
    pub frames: Vec<String>,
    /// Where the browser goes then, if anywhere.
    pub next: Option<String>,
}

/// Something failed in a way that only a page can say.
#[derive(Debug, Clone, Default)]
pub struct ErrorView {
    /// The error's id (`self_service_flow_expired`, `invalid_request`, …), by which it is translated.
    pub id: Option<String>,
    /// Its title, if the id is not known; a general one if empty.
    pub title: String,
    /// What happened, in words for people, if the id is not known.
    pub message: String,
    /// The request's id, to quote when asking for help.
    pub request_id: Option<String>,
    /// Where the person can begin again; the start page if absent.
    pub restart_url: Option<String>,
    /// Which setting of the tenant is missing. A word of this program: no request can bring one.
    pub setting: Option<&'static str>,
    /// A registered error code. A word of this program, as above.
    pub code: Option<&'static str>,
}

/// Where a person is signed in.
#[derive(Debug, Clone)]
pub struct SessionsView {
    /// Where a sign-out is posted: `session=<id>` for one, `session=others` for all but this one.
    pub action: String,
    /// What goes with it.
    pub hidden: Vec<Hidden>,
    /// The sessions, this one included.
    pub sessions: Vec<SessionItem>,
    /// Whether one was just signed out.
    pub revoked: bool,
    /// The organisations whose people this one manages.
    pub organisations: Vec<OrganisationLink>,
    /// The devices on which no second factor is asked for; `device=<id>` is posted to forget one.
    pub devices: Vec<SessionItem>,
    /// The apps that were granted something; `app=<id>` is posted to take it back.
    pub apps: Vec<AppItem>,
    /// How the account is deleted, where that is allowed.
    pub deletion: Option<DeletionView>,
}

/// An app that somebody has granted something.
#[derive(Debug, Clone)]
pub struct AppItem {
    /// The client's id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// When something was granted to it last.
    pub granted_at: Timestamp,
    /// What it may do.
    pub scopes: Vec<ScopeView>,
    /// What it may do that no scope says.
    pub details: Vec<DetailView>,
    /// Where it may do it, by the names of the services.
    pub places: Vec<String>,
    /// Whether it may do more than is told here.
    pub has_more: bool,
}

/// The form that deletes an account.
#[derive(Debug, Clone)]
pub struct DeletionView {
    /// Where `confirm` is posted.
    pub action: String,
    /// What goes with it.
    pub hidden: Vec<Hidden>,
    /// What is to be typed.
    pub word: String,
    /// Why it was refused just now.
    pub refused: Option<DeletionRefusal>,
}

/// Why an account was not deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletionRefusal {
    /// Something else was typed.
    Unconfirmed,
    /// An organisation would be left without an owner.
    LastOwner,
}

/// An organisation that somebody manages.
#[derive(Debug, Clone)]
pub struct OrganisationLink {
    /// What people call it.
    pub label: String,
    /// Where its people are managed.
    pub url: String,
}

/// One session of a person.
#[derive(Debug, Clone)]
pub struct SessionItem {
    /// The session's id.
    pub id: String,
    /// Whether it is the one that asks.
    pub current: bool,
    /// The browser's `User-Agent`.
    pub user_agent: Option<String>,
    /// The address it was last used from.
    pub ip_address: Option<String>,
    /// When the person signed in.
    pub authenticated_at: Timestamp,
}

/// The start page.
#[derive(Debug, Clone, Default)]
pub struct WelcomeView {
    /// Who is signed in, if anyone.
    pub subject: Option<String>,
}

/// The mail of a node that only its own machine reaches.
#[derive(Debug, Clone, Default)]
pub struct MailboxView {
    /// The messages, the latest first.
    pub letters: Vec<LetterView>,
}

/// A message to somebody.
#[derive(Debug, Clone)]
pub struct LetterView {
    /// To whom.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// When it was caused.
    pub at: Timestamp,
}

//! Messages to people: what they say, and how far they are on their way.
//!
//! A message is a write of the change that causes it: both happen or neither, and a courier that is down loses nothing.
//! What it says is put in words when it is caused, in the language of whoever caused it, and is sealed at rest, since it
//! brings codes by which whoever reads them is let in.

mod template;
mod words;

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use futures_util::future::BoxFuture;
use primitives::message::MessageContent;
use primitives::{OrganisationId, Secret, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::identity::AddressKind;
use crate::ports::StoreUnavailable;

pub use template::{Form, PAYLOAD, TEMPLATE_BYTES, Template, TemplateError};
pub use words::{MailWords, RenderedMail};

/// What kind of message it is, by its name in the courier API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailTemplate {
    /// A code that verifies the address.
    VerificationCodeValid,
    /// Somebody wanted to verify an address that nobody has.
    VerificationCodeInvalid,
    /// A code that lets its owner back in.
    RecoveryCodeValid,
    /// Somebody wanted to get into an account that is not there.
    RecoveryCodeInvalid,
    /// A link that verifies the address.
    VerificationValid,
    /// The same as [`VerificationCodeInvalid`](Self::VerificationCodeInvalid), where links are sent.
    VerificationInvalid,
    /// A link that lets its owner back in.
    RecoveryValid,
    /// The same as [`RecoveryCodeInvalid`](Self::RecoveryCodeInvalid), where links are sent.
    RecoveryInvalid,
    /// A code to sign in with, and perhaps a link that does without it.
    LoginCodeValid,
    /// A code to sign up with.
    RegistrationCodeValid,
    /// An invitation into an organisation.
    Invitation,
    /// Word that what was set before the address was proven was taken away.
    CredentialsRemoved,
}

impl MailTemplate {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::VerificationCodeValid,
        Self::VerificationCodeInvalid,
        Self::RecoveryCodeValid,
        Self::RecoveryCodeInvalid,
        Self::VerificationValid,
        Self::VerificationInvalid,
        Self::RecoveryValid,
        Self::RecoveryInvalid,
        Self::LoginCodeValid,
        Self::RegistrationCodeValid,
        Self::Invitation,
        Self::CredentialsRemoved,
    ];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerificationCodeValid => "verification_code_valid",
            Self::VerificationCodeInvalid => "verification_code_invalid",
            Self::RecoveryCodeValid => "recovery_code_valid",
            Self::RecoveryCodeInvalid => "recovery_code_invalid",
            Self::VerificationValid => "verification_valid",
            Self::VerificationInvalid => "verification_invalid",
            Self::RecoveryValid => "recovery_valid",
            Self::RecoveryInvalid => "recovery_invalid",
            Self::LoginCodeValid => "login_code_valid",
            Self::RegistrationCodeValid => "registration_code_valid",
            Self::Invitation => "invitation",
            Self::CredentialsRemoved => "credentials_removed",
        }
    }

    /// As the courier API says it, whose words are fixed: what is new goes by the nearest of them.
    pub const fn api_name(self) -> &'static str {
        match self {
            Self::Invitation => "registration_code_valid",
            Self::CredentialsRemoved => "verification_valid",
            known => known.as_str(),
        }
    }
}

/// No such word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such word")]
pub struct UnknownWord;

impl FromStr for MailTemplate {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|template| template.as_str() == text).ok_or(UnknownWord)
    }
}

/// How far a message is, as the courier API says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageStatus {
    /// It waits for its next attempt.
    Queued,
    /// An attempt is under way, or ended with its node; then another follows.
    Processing,
    /// It was handed over.
    Sent,
    /// It was given up, or never was to be sent.
    Abandoned,
}

impl MessageStatus {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Sent => "sent",
            Self::Abandoned => "abandoned",
        }
    }
}

impl FromStr for MessageStatus {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        [Self::Queued, Self::Processing, Self::Sent, Self::Abandoned]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or(UnknownWord)
    }
}

/// What a message says. It may bring a code or a link, so that it is not shown.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Mail {
    /// The subject, one line.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same in HTML.
    pub html: String,
    /// Its language (BCP 47).
    pub locale: String,
    /// What its template was filled with, for plugins.
    pub data: Map<String, Value>,
    /// From whom an e-mail is, where it is not from the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<MailSender>,
}

/// From whom an e-mail is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailSender {
    /// The address; that of the node without it.
    pub address: Option<String>,
    /// The name that stands with it.
    pub name: Option<String>,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("locale", &self.locale).finish_non_exhaustive()
    }
}

/// What a template is filled with.
#[derive(Debug, Clone, Copy)]
pub struct MailValues<'a> {
    /// To whom.
    pub to: &'a str,
    /// The code that it brings.
    pub code: Option<&'a str>,
    /// Where it leads.
    pub url: Option<&'a str>,
    /// By which way it goes: a text message is short.
    pub via: AddressKind,
    /// After how many minutes code and link are worth nothing.
    pub minutes: u64,
}

/// Puts a message in words: the tenant's, in the language of whoever causes it.
pub trait Composer: Send + Sync {
    /// What the message says.
    fn compose(&self, template: MailTemplate, values: MailValues<'_>) -> Mail;
}

/// A message to be stored with the change that causes it.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Names it.
    pub id: Uuid,
    /// What kind it is.
    pub template: MailTemplate,
    /// By which way it goes.
    pub via: AddressKind,
    /// To whom.
    pub recipient: String,
    /// What it says.
    pub mail: Mail,
    /// The organisation of whom it is about.
    pub organisation: Option<OrganisationId>,
    /// When it is caused.
    pub at: Timestamp,
    /// Whether it is to be sent. One that is not costs the same write: that there was nobody to send it to shows in no
    /// answer's time, and operators see that somebody tried.
    pub is_sent: bool,
}

/// A message as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct CourierMessage {
    /// Whose.
    pub tenant: TenantId,
    /// Names it.
    pub id: Uuid,
    /// How far it is.
    pub status: MessageStatus,
    /// By which way it goes.
    pub via: AddressKind,
    /// What kind it is.
    pub template: MailTemplate,
    /// To whom.
    pub recipient: String,
    /// What it says.
    pub mail: Mail,
    /// The organisation of whom it is about.
    pub organisation: Option<OrganisationId>,
    /// How often it was tried.
    pub send_count: u32,
    /// What became of each attempt that ended.
    pub dispatches: Vec<Dispatch>,
    /// When it is tried next, or when the attempt under way counts as failed.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was caused.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl CourierMessage {
    /// As services of operators and tenants get it, with what it says now: a plugin may have changed that.
    pub fn document(&self, content: &MessageContent) -> Value {
        json!({
            "id": self.id,
            "attempt": self.send_count,
            "tenant": self.tenant.as_str(),
            "channel": self.via,
            "recipient": self.recipient,
            "template_type": self.template.as_str(),
            "template_data": self.mail.data,
            "locale": self.mail.locale,
            "subject": content.subject,
            "body": content.text,
            "html": content.html,
        })
    }
}

/// An attempt that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispatch {
    /// Names it.
    pub id: Uuid,
    /// When it ended.
    pub at: Timestamp,
    /// Why it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What became of a message that a tenant's own service was to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carried {
    /// The service took it.
    Taken,
    /// The tenant has a mail server of its own, to which it is to be handed.
    ByMail(Box<MailServer>),
    /// The tenant has no service of its own for it.
    NotHere,
}

/// A tenant's own mail server, at an address that may be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Its name, for which its certificate must be.
    pub host: String,
    /// Where it is. Nobody resolves the name again.
    pub address: SocketAddr,
    /// How the connection is kept from others.
    pub protection: MailProtection,
    /// Who signs in to it, and the password; nobody without it.
    pub login: Option<(String, Secret<String>)>,
    /// What the node calls itself (EHLO).
    pub local_name: String,
    /// From whom mail is that names nobody.
    pub sender: MailSender,
}

/// How the connection to a mail server is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailProtection {
    /// It begins in the clear and must change to TLS before anything is said (RFC 3207).
    StartTls,
    /// It is TLS from the start (RFC 8314).
    Tls,
    /// It is in the clear, on this machine.
    None,
}

/// Why a tenant's own service did not take a message. The text is for operators: no address, no content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotCarried {
    /// It may later.
    #[error("{0}")]
    Yet(String),
    /// It may later, and takes no other message until then: it was not reached.
    #[error("{0}")]
    Unreachable(String),
    /// It never will.
    #[error("{0}")]
    Ever(String),
}

/// Has messages carried by services of tenants' own.
pub trait TenantCarriers: Send + Sync + fmt::Debug {
    /// Whether a server of the tenant's own takes such a message. Such servers are waited for beside everything else.
    fn is_own<'a>(&'a self, message: &'a CourierMessage) -> BoxFuture<'a, bool>;

    /// Hands a message over, as it was composed or as a plugin left it. It may have been handed over before.
    fn carry<'a>(
        &'a self,
        message: &'a CourierMessage,
        content: &'a MessageContent,
    ) -> BoxFuture<'a, Result<Carried, NotCarried>>;
}

/// For a node whose tenants have none.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTenantCarriers;

impl TenantCarriers for NoTenantCarriers {
    fn is_own<'a>(&'a self, _: &'a CourierMessage) -> BoxFuture<'a, bool> {
        Box::pin(async { false })
    }

    fn carry<'a>(
        &'a self,
        _: &'a CourierMessage,
        _: &'a MessageContent,
    ) -> BoxFuture<'a, Result<Carried, NotCarried>> {
        Box::pin(async { Ok(Carried::NotHere) })
    }
}

/// Which messages an operator lists, the latest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// Only those that are so far.
    pub status: Option<MessageStatus>,
    /// Only those to this address.
    pub recipient: Option<String>,
    /// Before this one: when it was caused, and its name.
    pub before: Option<(Timestamp, Uuid)>,
}

/// Reads messages.
pub trait CourierMessages: Send + Sync {
    /// A tenant's messages, the latest first, at most `limit`.
    fn list_messages<'a>(
        &'a self,
        tenant: &'a TenantId,
        filter: &'a MessageFilter,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<CourierMessage>, StoreUnavailable>>;

    /// One message.
    fn find_message<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: Uuid,
    ) -> BoxFuture<'a, Result<Option<CourierMessage>, StoreUnavailable>>;
}

//! `[courier]`

mod channels;

use std::path::PathBuf;
use std::time::Duration;

use primitives::SecretReference;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use channels::{ChannelMethod, Channels, HttpChannel};

use crate::problem::Checker;
use crate::span::Span;

/// The messages that the node sends to people. Without `courier.smtp`, a node that only this machine reaches prints its
/// mail in the terminal and shows it at `/ui/dev/mail`; any other sends none but what plugins deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Courier {
    /// The address that mail comes from.
    pub from_address: String,
    /// The name that mail comes from. Without it, mail shows the address.
    pub from_name: Option<String>,
    /// The server that takes mail.
    pub smtp: Option<Smtp>,
    /// Services that take messages by HTTP.
    pub channels: Channels,
    /// How often a message is tried before it is given up.
    pub message_retries: u32,
    /// How long after a failed attempt the next one is made; each further one waits twice as long.
    pub first_retry: Span,
    /// The longest time between two attempts.
    pub longest_retry: Span,
    /// Messages that are on their way at the same time.
    pub concurrent: u32,
    /// How long one attempt may take.
    pub timeout: Span,
    /// How often due messages are looked for. A look costs one read.
    pub every: Span,
    /// How long messages are kept that were sent or given up.
    pub kept: Span,
}

impl Default for Courier {
    fn default() -> Self {
        Self {
            from_address: "no-reply@localhost".to_owned(),
            from_name: None,
            smtp: None,
            channels: Channels::default(),
            message_retries: 5,
            first_retry: Span::seconds(10),
            longest_retry: Span(Duration::from_hours(1)),
            concurrent: 10,
            timeout: Span::seconds(30),
            every: Span::seconds(1),
            kept: Span(Duration::from_hours(30 * 24)),
        }
    }
}

/// A server that takes mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// Its name or address; its certificate must be for it.
    pub host: String,
    /// Its port. Without it, 587 with `starttls`, 465 with `tls`, 25 with `none`.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the connection is kept from others.
    #[serde(default)]
    pub tls: SmtpTls,
    /// PEM file: the authorities of which one must have signed its certificate, where it is none that browsers know.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Who signs in to it; nobody without it.
    #[serde(default)]
    pub username: Option<String>,
    /// The password of `username`.
    #[serde(default)]
    pub password: Option<SecretReference>,
    /// What the node calls itself in its greeting (EHLO). Without it, the name of the machine.
    #[serde(default)]
    pub local_name: Option<String>,
}

/// How the connection to a mail server is kept from others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// It begins in the clear and must change to TLS before anything is said (RFC 3207).
    #[default]
    StartTls,
    /// It is TLS from the start (RFC 8314).
    Tls,
    /// It is in the clear, to a server on this machine.
    None,
}

impl Smtp {
    /// Its port.
    pub fn effective_port(&self) -> u16 {
        self.port.unwrap_or(self.tls.port())
    }
}

impl SmtpTls {
    /// The port at which servers are spoken to so.
    pub(crate) const fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// Whether a host is this machine.
pub(crate) fn is_this_machine(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// The longest time that one attempt may take: a job gives its lease up after a few minutes of silence.
const LONGEST_ATTEMPT: Duration = Duration::from_mins(2);

impl Courier {
    pub(crate) fn check(&self, checker: &mut Checker<'_>) {
        for (key, span) in [
            ("courier.every", self.every),
            ("courier.timeout", self.timeout),
            ("courier.first_retry", self.first_retry),
        ] {
            if span.0.is_zero() {
                checker.report(key, "must be longer than nothing");
            }
        }
        for (key, value) in
            [("courier.message_retries", self.message_retries), ("courier.concurrent", self.concurrent)]
        {
            if value == 0 {
                checker.report(key, "must be at least 1");
            }
        }
        if self.timeout.0 > LONGEST_ATTEMPT {
            checker.report("courier.timeout", "must be at most 2m");
        }
        if self.longest_retry < self.first_retry {
            checker.report("courier.longest_retry", "must not be shorter than `first_retry`");
        }
        if !is_address(&self.from_address) {
            checker.report("courier.from_address", "must be an e-mail address");
        }
        if self.from_name.as_deref().is_some_and(|name| name.chars().any(char::is_control)) {
            checker.report("courier.from_name", "must be one line");
        }
        if let Some(smtp) = &self.smtp {
            check_smtp(smtp, checker);
        }
        if self.smtp.is_some() && self.channels.email.is_some() {
            checker.report("courier.channels.email", "cannot be there beside `courier.smtp`");
        }
        self.channels.check(checker);
    }
}

fn check_smtp(smtp: &Smtp, checker: &mut Checker<'_>) {
    if smtp.host.is_empty() {
        checker.report("courier.smtp.host", "must name a server");
    }
    // Codes by which whoever reads them is let in do not cross a network in the clear.
    if smtp.tls == SmtpTls::None && !is_this_machine(&smtp.host) {
        checker.report(
            "courier.smtp.tls",
            "must be \"starttls\" or \"tls\" for a server that is not on this machine",
        );
    }
    if let Some(ca) = &smtp.ca {
        checker.check_file("courier.smtp.ca", ca);
        if smtp.tls == SmtpTls::None {
            checker.report("courier.smtp.ca", "says nothing of a server that is spoken to in the clear");
        }
    }
    if smtp.username.is_some() != smtp.password.is_some() {
        checker.report("courier.smtp", "needs both `username` and `password`, or neither");
    }
}

fn is_address(text: &str) -> bool {
    let plain = text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b',' | b'"'));
    plain
        && text
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
}

//! By which way the node's mail goes, and the terminal as one of them.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use config::Config;
use futures_util::future::BoxFuture;
use jobs::{Channels, DeliveryError, HttpChannel, Mailer, Parcel, SmtpMailer};
use primitives::outbound::Outbound;
use url::{Host, Url};

use crate::configuration::secret;

/// By which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MailWay {
    /// The operator's mail server.
    Smtp,
    /// A service of the operator's, by HTTP.
    Channel,
    /// The terminal and a local page: nobody but whoever is on this machine reaches the node.
    Terminal,
    /// None but what plugins deliver.
    Nowhere,
}

impl MailWay {
    /// What the configuration comes to.
    ///
    /// Attack: whoever reads the mail of a node gets into everybody's account. So mail is shown only where every listener
    /// and the address that browsers use are this machine's own.
    pub(super) fn of(config: &Config, base_url: &Url) -> Self {
        if config.courier.smtp.is_some() {
            return Self::Smtp;
        }
        if config.courier.channels.email.is_some() {
            return Self::Channel;
        }
        let local = config.effective_listeners().iter().all(|listener| listener.address.is_local());
        if local && is_loopback(base_url) { Self::Terminal } else { Self::Nowhere }
    }

    /// What hands mail over.
    pub(super) fn mailer(self, config: &Config, base_url: &Url) -> anyhow::Result<Option<Arc<dyn Mailer>>> {
        match (self, &config.courier.smtp) {
            (Self::Smtp, Some(smtp)) => {
                let password =
                    smtp.password.as_ref().map(secret).transpose().context("courier.smtp.password")?;
                let read = |file: &PathBuf| std::fs::read(file).with_context(|| file.display().to_string());
                let authorities = smtp.ca.as_ref().map(read).transpose().context("courier.smtp.ca")?;
                let mailer =
                    SmtpMailer::new(&config.courier, smtp, password.as_ref(), authorities.as_deref())?;
                Ok(Some(Arc::new(mailer)))
            }
            (Self::Channel, _) => Ok(None),
            (Self::Terminal, _) => Ok(Some(Arc::new(Terminal { base_url: base_url.clone() }))),
            (Self::Smtp | Self::Nowhere, _) => {
                tracing::warn!(
                    "mail goes nowhere: there is no [courier.smtp], and others reach this node. Nobody gets a code to \
                     verify an address or to get back in, but by plugins"
                );
                Ok(None)
            }
        }
    }

    /// What whoever starts the node is told of it.
    pub(super) fn line(self, base_url: &Url) -> Option<String> {
        match self {
            Self::Smtp | Self::Channel => None,
            Self::Terminal => Some(format!("is shown here and at {}", page(base_url))),
            Self::Nowhere => Some("goes nowhere: configure [courier.smtp]".to_owned()),
        }
    }
}

/// The services that take messages by HTTP.
pub(super) fn channels(config: &Config, outbound: &Arc<dyn Outbound>) -> anyhow::Result<Channels> {
    let courier = &config.courier;
    let channel = |key: &'static str, channel: Option<&config::courier::HttpChannel>| {
        let Some(channel) = channel else { return Ok(None) };
        let credential = channel.credential.as_ref().map(secret).transpose().context(key)?;
        let made = HttpChannel::new(channel, credential, courier.timeout.0, Arc::clone(outbound));
        made.map(|made| Some(Arc::new(made))).context(key)
    };
    Ok(Channels {
        email: channel("courier.channels.email", courier.channels.email.as_ref())?,
        sms: channel("courier.channels.sms", courier.channels.sms.as_ref())?,
    })
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.to_canonical().is_loopback(),
        None => false,
    }
}

fn page(base_url: &Url) -> String {
    format!("{}/ui/dev/mail", base_url.as_str().trim_end_matches('/'))
}

/// Prints mail, for whoever tries the node on their own machine.
#[derive(Debug)]
struct Terminal {
    base_url: Url,
}

impl Mailer for Terminal {
    fn send<'a>(&'a self, parcel: &'a Parcel<'a>) -> BoxFuture<'a, Result<(), DeliveryError>> {
        Box::pin(async move {
            let text = format!("{}\n", self.text(parcel));
            // Whoever started the node may have stopped listening; the page shows it all the same.
            let print = move || {
                let mut out = std::io::stderr();
                out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
            };
            tokio::task::spawn_blocking(print).await.ok();
            Ok(())
        })
    }
}

impl Terminal {
    /// The lines that matter: whom, what, the lines with the code or the link, and where all of it is.
    ///
    /// Attack: a name in a message moves the cursor or rewrites what the terminal shows. So only what can be seen is
    /// printed.
    fn text(&self, parcel: &Parcel<'_>) -> String {
        let content = &parcel.content;
        let mut lines = vec![format!("Mail to {}: {}", parcel.recipient, content.subject)];
        let matters =
            |line: &&str| line.contains("://") || line.bytes().filter(u8::is_ascii_digit).count() >= 6;
        lines.extend(content.text.lines().filter(matters).map(|line| format!("  {}", line.trim())));
        let base = self.base_url.as_str().trim_end_matches('/');
        let tenant = parcel.tenant.as_str();
        let prefix =
            if tenant == primitives::TenantId::DEFAULT { String::new() } else { format!("/t/{tenant}") };
        lines.push(format!("  all of it: {base}{prefix}/ui/dev/mail"));
        let seen = |line: String| line.chars().filter(|c| !c.is_control()).collect::<String>();
        lines.into_iter().map(seen).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use config::Source;
    use primitives::message::MessageContent;

    use super::*;

    fn way(text: &str) -> MailWay {
        let source = Source { text, file: "p.toml", directory: Path::new("/d"), exists: &|_| true };
        let config = Config::parse(&source).unwrap();
        MailWay::of(&config, &config.effective_base_url().unwrap())
    }

    #[test]
    fn mail_is_shown_only_where_nobody_else_reaches_the_node() {
        let listener = |address: &str| {
            format!("[[listener]]\nname = \"a\"\naddress = \"{address}\"\nrouters = [\"public\"]\n")
        };
        let based = |url: &str, rest: &str| format!("[server]\nbase_url = \"{url}\"\n{rest}");
        let smtp = "[courier]\nfrom_address = \"a@b.example\"\n[courier.smtp]\nhost = \"smtp.example\"\n";
        for (text, expect) in [
            (String::new(), MailWay::Terminal),
            (listener("127.0.0.1:1"), MailWay::Terminal),
            (based("http://localhost:1", &listener("[::1]:1")), MailWay::Terminal),
            (based("http://127.0.0.1:1", &listener("0.0.0.0:1")), MailWay::Nowhere),
            (
                based(
                    "http://127.0.0.1:1",
                    &(listener("127.0.0.1:1") + &listener("10.0.0.1:2").replace("\"a\"", "\"b\"")),
                ),
                MailWay::Nowhere,
            ),
            (based("https://id.example.com", &listener("127.0.0.1:1")), MailWay::Nowhere),
            (based("https://localhost.example.com", &listener("127.0.0.1:1")), MailWay::Nowhere),
            (smtp.to_owned(), MailWay::Smtp),
            ("[courier.channels.email]\nurl = \"https://mail.example/x\"\n".to_owned(), MailWay::Channel),
        ] {
            assert_eq!(way(&text), expect, "{text}");
        }
    }

    #[test]
    fn terminal_shows_the_code_and_nothing_that_moves_it() {
        let terminal = Terminal { base_url: "http://127.0.0.1:4480/".parse().unwrap() };
        let tenant = "acme".parse().unwrap();
        let content = MessageContent {
            subject: "Your\u{1b}[2J code".to_owned(),
            text: "Hello,\n\nYour code is 123456.\nOr go to http://127.0.0.1:4480/x\n\nBye".to_owned(),
            html: None,
        };
        let parcel = Parcel {
            tenant: &tenant,
            id: uuid::Uuid::nil(),
            recipient: "ada@example.com",
            content,
            from: None,
        };
        assert_eq!(
            terminal.text(&parcel),
            "Mail to ada@example.com: Your[2J code\n  Your code is 123456.\n  Or go to http://127.0.0.1:4480/x\n  \
             all of it: http://127.0.0.1:4480/t/acme/ui/dev/mail"
        );
    }
}

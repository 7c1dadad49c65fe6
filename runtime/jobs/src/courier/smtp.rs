//! Hands e-mail over to the operator's mail server, or to a tenant's own (RFC 5321), over TLS with rustls.

use std::time::Duration;

use futures_util::future::BoxFuture;
use identity::courier::{MailProtection, MailServer};
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use primitives::{Secret, Timestamp};

use super::{Mailer, Parcel};
use crate::outbox::DeliveryError;

/// The longest time for one answer of a server.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Why mail cannot be handed over at all. The operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// `from_address` is not an address.
    #[error("courier.from_address: {0}")]
    From(lettre::address::AddressError),
    /// The file of authorities holds none.
    #[error("courier.smtp.ca: holds no certificate")]
    NoAuthority,
    /// The server cannot be reached in this way, whatever it answers.
    #[error("courier.smtp: {0}")]
    Transport(#[from] lettre::transport::smtp::Error),
}

/// [`Mailer`] by a mail server.
pub struct SmtpMailer {
    from: Mailbox,
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

impl std::fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpMailer").finish_non_exhaustive()
    }
}

impl SmtpMailer {
    /// A way to a server; nothing is sent yet. `authorities` are those of its certificate, as PEM, where
    /// `courier.smtp.ca` names them.
    pub fn new(
        courier: &config::Courier,
        smtp: &config::courier::Smtp,
        password: Option<&Secret<String>>,
        authorities: Option<&[u8]>,
    ) -> Result<Self, SmtpError> {
        use config::courier::SmtpTls;
        let from: Address = courier.from_address.parse().map_err(SmtpError::From)?;
        let host = smtp.host.as_str();
        let protection = match smtp.tls {
            SmtpTls::StartTls => MailProtection::StartTls,
            SmtpTls::Tls => MailProtection::Tls,
            SmtpTls::None => MailProtection::None,
        };
        // Attack: a file that is empty is as good as none, and then any authority would do.
        if authorities.is_some_and(|pem| !String::from_utf8_lossy(pem).contains("BEGIN CERTIFICATE")) {
            return Err(SmtpError::NoAuthority);
        }
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(smtp.effective_port())
            .timeout(Some(courier.timeout.0.min(LONGEST_WAIT)))
            .tls(tls(host, protection, authorities)?);
        if let (Some(username), Some(password)) = (&smtp.username, password) {
            builder = builder.credentials(Credentials::new(username.clone(), password.expose().clone()));
        }
        if let Some(name) = &smtp.local_name {
            builder = builder.hello_name(ClientId::Domain(name.clone()));
        }
        Ok(Self { from: Mailbox::new(courier.from_name.clone(), from), transport: builder.build() })
    }
}

/// How a server must be spoken to whose certificate is for `host`, signed by one of `authorities` alone if there are
/// any, else by one that browsers know.
fn tls(
    host: &str,
    protection: MailProtection,
    authorities: Option<&[u8]>,
) -> Result<Tls, lettre::transport::smtp::Error> {
    let parameters = || {
        let builder = TlsParameters::builder(host.to_owned());
        let builder = match authorities {
            None => builder,
            Some(pem) => builder
                .certificate_store(CertificateStore::None)
                .add_root_certificate(Certificate::from_pem(pem)?),
        };
        builder.build_rustls()
    };
    Ok(match protection {
        // Required: a server (or whoever answers in its place) that offers no TLS is sent nothing.
        MailProtection::StartTls => Tls::Required(parameters()?),
        MailProtection::Tls => Tls::Wrapper(parameters()?),
        MailProtection::None => Tls::None,
    })
}

/// Hands a message over to a tenant's own server. Each has a connection of its own: nothing is left open to a server of which
/// the node knows nothing.
///
/// Attack: a name that was found to be public a moment ago resolves to a server of the node's network now. So the connection
/// goes to the very address that was checked, and the certificate must be for the name.
pub(super) async fn hand_over(
    server: &MailServer,
    parcel: &Parcel<'_>,
    timeout: Duration,
) -> Result<(), NotHandedOver> {
    let unusable =
        || DeliveryError::Temporary("the tenant's mail server cannot be used as it is set".to_owned());
    let address = server.sender.address.as_deref().and_then(|address| address.parse::<Address>().ok());
    let sender_of_tenant = Mailbox::new(server.sender.name.clone(), address.ok_or_else(unusable)?);
    let from = sender(&sender_of_tenant, parcel)?;
    let message = message(&from, parcel)?;
    let ip = server.address.ip().to_string();
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(ip)
        .port(server.address.port())
        .timeout(Some(timeout.min(LONGEST_WAIT)))
        .hello_name(ClientId::Domain(server.local_name.clone()))
        .tls(tls(&server.host, server.protection, None).map_err(|_| unusable())?);
    if let Some((user, password)) = &server.login {
        builder = builder.credentials(Credentials::new(user.clone(), password.expose().clone()));
    }
    let sent = builder.build().send(message).await;
    sent.map(|_| ()).map_err(|error| {
        let is_of_message = error.is_permanent() || error.is_transient();
        if is_of_message {
            NotHandedOver::Message(refusal(&error, true))
        } else {
            NotHandedOver::Server(refusal(&error, true))
        }
    })
}

/// Why a tenant's own server did not take a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotHandedOver {
    /// It says nothing of the next one.
    Message(DeliveryError),
    /// It was not reached or not understood, and takes no other either.
    Server(DeliveryError),
    /// The node's own server was not reached, or not understood.
    NodesServer(String),
    /// The node's own server was not there a moment ago, and is not asked before `until`.
    Waits {
        /// When it is asked again.
        until: Timestamp,
    },
}

impl From<DeliveryError> for NotHandedOver {
    fn from(error: DeliveryError) -> Self {
        Self::Message(error)
    }
}

impl Mailer for SmtpMailer {
    fn send<'a>(&'a self, parcel: &'a Parcel<'a>) -> BoxFuture<'a, Result<(), DeliveryError>> {
        Box::pin(async move {
            let from = sender(&self.from, parcel)?;
            let message = message(&from, parcel)?;
            let is_plain = from.email.to_string().is_ascii() && parcel.recipient.is_ascii();
            self.transport.send(message).await.map(|_| ()).map_err(|error| refusal(&error, is_plain))
        })
    }
}

/// From whom it is: the tenant, as far as it says so, else the node.
fn sender(node: &Mailbox, parcel: &Parcel<'_>) -> Result<Mailbox, DeliveryError> {
    let Some(from) = parcel.from else { return Ok(node.clone()) };
    let address = match &from.address {
        Some(address) => address
            .parse()
            .map_err(|_| DeliveryError::Permanent("the sender cannot stand in an e-mail".to_owned()))?,
        None => node.email.clone(),
    };
    // The node's own name is not for another address.
    let name = from.name.clone().or_else(|| node.name.clone().filter(|_| from.address.is_none()));
    Ok(Mailbox::new(name, address))
}

/// The message as it goes over the wire. Its name stays the same, so that a repetition can be told.
fn message(from: &Mailbox, parcel: &Parcel<'_>) -> Result<Message, DeliveryError> {
    let unusable = |what: &str| DeliveryError::Permanent(format!("{what} cannot stand in an e-mail"));
    let to: Address = parcel.recipient.parse().map_err(|_| unusable("the recipient"))?;
    let content = &parcel.content;
    let builder = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .message_id(Some(format!("<{}@{}>", parcel.id, from.email.domain())))
        .subject(content.subject.clone());
    let built = match &content.html {
        Some(html) => {
            builder.multipart(MultiPart::alternative_plain_html(content.text.clone(), html.clone()))
        }
        None => builder
            .singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(content.text.clone())),
    };
    built.map_err(|_| unusable("the content"))
}

/// The server's words are not repeated: some quote the address.
///
/// Attack: somebody signs up with addresses that the server cannot be given (RFC 6531), and the server is held to be
/// away. `is_plain` says that the message asks nothing of it that others do not.
fn refusal(error: &lettre::transport::smtp::Error, is_plain: bool) -> DeliveryError {
    let code = error.status().map(|code| format!(" ({code})")).unwrap_or_default();
    if is_of_server(error) {
        DeliveryError::Unreachable(format!("the mail server takes nothing from us{code}"))
    } else if error.is_permanent() {
        DeliveryError::Permanent(format!("the mail server refused it{code}"))
    } else if error.is_transient() {
        DeliveryError::Temporary(format!("the mail server could not take it yet{code}"))
    } else if error.is_tls() {
        DeliveryError::Unreachable("the mail server could not be trusted".to_owned())
    } else if error.is_client() && !is_plain {
        // What it lacks for this message, others may not need.
        DeliveryError::Temporary("the mail server cannot be given it".to_owned())
    } else {
        DeliveryError::Unreachable("the mail server was not reached, or not understood".to_owned())
    }
}

/// Whether it takes no message at all: it closes (RFC 5321 section 3.8), or does not take the sign-in (RFC 4954 section 6).
/// Both are the operator's to mend, and messages wait for it.
fn is_of_server(error: &lettre::transport::smtp::Error) -> bool {
    const CODES: [&str; 6] = ["421", "454", "530", "534", "535", "538"];
    error.status().is_some_and(|code| CODES.contains(&code.to_string().as_str()))
}

#[cfg(test)]
mod tests;

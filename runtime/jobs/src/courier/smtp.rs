//! Hands e-mail over to the operator's mail server, or to a tenant's own (RFC 5321), over TLS with rustls.

use std::time::Duration;

use futures_util::future::BoxFuture;
use identity::courier::{MailProtection, MailServer};
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use primitives::Secret;

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
    /// A way to a server; nothing is sent yet.
    pub fn new(
        courier: &config::Courier,
        smtp: &config::courier::Smtp,
        password: Option<&Secret<String>>,
    ) -> Result<Self, SmtpError> {
        use config::courier::SmtpTls;
        let from: Address = courier.from_address.parse().map_err(SmtpError::From)?;
        let host = smtp.host.as_str();
        let protection = match smtp.tls {
            SmtpTls::StartTls => MailProtection::StartTls,
            SmtpTls::Tls => MailProtection::Tls,
            SmtpTls::None => MailProtection::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(smtp.effective_port())
            .timeout(Some(courier.timeout.0.min(LONGEST_WAIT)))
            .tls(tls(host, protection)?);
        if let (Some(username), Some(password)) = (&smtp.username, password) {
            builder = builder.credentials(Credentials::new(username.clone(), password.expose().clone()));
        }
        if let Some(name) = &smtp.local_name {
            builder = builder.hello_name(ClientId::Domain(name.clone()));
        }
        Ok(Self { from: Mailbox::new(courier.from_name.clone(), from), transport: builder.build() })
    }
}

/// How a server must be spoken to whose certificate is for `host`.
fn tls(host: &str, protection: MailProtection) -> Result<Tls, lettre::transport::smtp::Error> {
    let parameters = || TlsParameters::new_rustls(host.to_owned());
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
        .tls(tls(&server.host, server.protection).map_err(|_| unusable())?);
    if let Some((user, password)) = &server.login {
        builder = builder.credentials(Credentials::new(user.clone(), password.expose().clone()));
    }
    let sent = builder.build().send(message).await;
    sent.map(|_| ()).map_err(|error| {
        let is_of_message = error.is_permanent() || error.is_transient();
        if is_of_message {
            NotHandedOver::Message(refusal(&error))
        } else {
            NotHandedOver::Server(refusal(&error))
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
            self.transport.send(message).await.map(|_| ()).map_err(|error| refusal(&error))
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
fn refusal(error: &lettre::transport::smtp::Error) -> DeliveryError {
    let code = error.status().map(|code| format!(" ({code})")).unwrap_or_default();
    if error.is_permanent() {
        DeliveryError::Permanent(format!("the mail server refused it{code}"))
    } else if error.is_transient() {
        DeliveryError::Temporary(format!("the mail server could not take it yet{code}"))
    } else if error.is_tls() {
        DeliveryError::Temporary("the mail server could not be trusted".to_owned())
    } else {
        DeliveryError::Temporary("the mail server was not reached, or not understood".to_owned())
    }
}

#[cfg(test)]
mod tests;

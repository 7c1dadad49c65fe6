use config::courier::{Smtp, SmtpTls};
use primitives::message::MessageContent;
use primitives::{Secret, TenantId};
use testkit::smtp::{Certificate, SmtpServer};

use identity::courier::MailSender;

use super::*;

fn mailer(port: u16, tls: SmtpTls) -> SmtpMailer {
    trusting(port, tls, None).unwrap()
}

fn trusting(port: u16, tls: SmtpTls, authorities: Option<&str>) -> Result<SmtpMailer, SmtpError> {
    let courier = config::Courier {
        from_address: "no-reply@id.example".to_owned(),
        from_name: Some("Acme, \"the\" service".to_owned()),
        ..config::Courier::default()
    };
    let smtp = Smtp {
        host: "127.0.0.1".to_owned(),
        port: Some(port),
        tls,
        ca: None,
        username: Some("node".to_owned()),
        password: None,
        local_name: Some("node.test".to_owned()),
    };
    let password = Secret::new("sesame".to_owned());
    SmtpMailer::new(&courier, &smtp, Some(&password), authorities.map(str::as_bytes))
}

async fn send(mailer: &SmtpMailer, recipient: &str, subject: &str) -> Result<(), DeliveryError> {
    let content = MessageContent {
        subject: subject.to_owned(),
        text: "Ihr Code ist 123456.\n.\nGrüße".to_owned(),
        html: Some("<p>123456</p>".to_owned()),
    };
    let tenant = TenantId::default_tenant();
    let parcel = Parcel { tenant: &tenant, id: uuid::Uuid::nil(), recipient, content, from: None };
    mailer.send(&parcel).await
}

#[tokio::test]
async fn message_arrives_in_both_forms_with_its_name() {
    let server = SmtpServer::start().await.unwrap();
    let mailer = mailer(server.port(), SmtpTls::None);
    send(&mailer, "ada@example.com", "Ihr Code für Acme").await.unwrap();
    let taken = server.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!((taken[0].from.as_str(), taken[0].to.as_str()), ("no-reply@id.example", "ada@example.com"));
    let data = &taken[0].data;
    for part in [
        "Message-ID: <00000000-0000-0000-0000-000000000000@id.example>",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "123456",
    ] {
        assert!(data.contains(part), "{part} in {data}");
    }
    assert!(server.lines().contains(&"EHLO node.test".to_owned()), "{:?}", server.lines());
}

#[tokio::test]
async fn refusals_for_good_and_for_now_differ_and_quote_nothing() {
    let server = SmtpServer::start().await.unwrap();
    let mailer = mailer(server.port(), SmtpTls::None);
    for (recipient, expect) in [
        ("refused@example.com", DeliveryError::Permanent("the mail server refused it (550)".to_owned())),
        (
            "later@example.com",
            DeliveryError::Temporary("the mail server could not take it yet (451)".to_owned()),
        ),
        ("not an address", DeliveryError::Permanent("the recipient cannot stand in an e-mail".to_owned())),
        (
            "a@b.example>\r\nRCPT TO:<eve@rival.example",
            DeliveryError::Permanent("the recipient cannot stand in an e-mail".to_owned()),
        ),
    ] {
        assert_eq!(send(&mailer, recipient, "s").await, Err(expect), "{recipient}");
    }
    assert!(server.taken().is_empty());
}

#[tokio::test]
async fn a_subject_is_no_header() {
    let server = SmtpServer::start().await.unwrap();
    let mailer = mailer(server.port(), SmtpTls::None);
    send(&mailer, "ada@example.com", "Hello\r\nBcc: eve@rival.example").await.ok();
    for message in server.taken() {
        assert!(!message.data.lines().any(|line| line.starts_with("Bcc:")), "{}", message.data);
    }
}

#[tokio::test]
async fn a_server_that_offers_no_tls_is_sent_nothing() {
    let server = SmtpServer::start().await.unwrap();
    for tls in [SmtpTls::StartTls, SmtpTls::Tls] {
        let failed = send(&mailer(server.port(), tls), "ada@example.com", "s").await;
        assert!(matches!(failed, Err(DeliveryError::Unreachable(_))), "{tls:?}: {failed:?}");
    }
    assert!(server.taken().is_empty());
    assert!(!server.lines().iter().any(|line| line.contains("ada@")), "{:?}", server.lines());
}

/// In both ways the password and the message go over TLS alone.
#[tokio::test]
async fn message_arrives_by_tls_from_the_start_or_after_a_beginning_in_the_clear() {
    let certificate = Certificate::of("127.0.0.1").unwrap();
    for (tls, server) in [
        (SmtpTls::StartTls, SmtpServer::start_tls(&certificate).await.unwrap()),
        (SmtpTls::Tls, SmtpServer::tls(&certificate).await.unwrap()),
    ] {
        let mailer = trusting(server.port(), tls, Some(certificate.authority())).unwrap();
        send(&mailer, "ada@example.com", "Your code").await.unwrap();
        assert_eq!(server.taken().len(), 1, "{tls:?}");
        assert_eq!(server.signed_in(), ["node:sesame"]);
        let asked = server.lines().iter().position(|line| line == "STARTTLS");
        let clear = asked.map(|asked| server.lines()[..asked].to_vec());
        let expect = (tls == SmtpTls::StartTls).then(|| vec!["EHLO node.test".to_owned()]);
        assert_eq!(clear, expect, "nothing else is said before");
    }
}

/// Attack: somebody stands between the node and its server, with a certificate of their own.
#[tokio::test]
async fn certificate_of_another_name_or_another_authority_is_sent_nothing() {
    let [of_server, of_another] =
        ["127.0.0.1", "mail.rival.example"].map(|name| Certificate::of(name).unwrap());
    let stranger = Certificate::of("127.0.0.1").unwrap();
    for (certificate, authority) in [
        (&of_another, Some(of_another.authority())),
        (&of_server, Some(stranger.authority())),
        (&of_server, None),
    ] {
        for (tls, server) in [
            (SmtpTls::StartTls, SmtpServer::start_tls(certificate).await.unwrap()),
            (SmtpTls::Tls, SmtpServer::tls(certificate).await.unwrap()),
        ] {
            let mailer = trusting(server.port(), tls, authority).unwrap();
            let failed = send(&mailer, "ada@example.com", "s").await;
            assert!(matches!(failed, Err(DeliveryError::Unreachable(_))), "{tls:?}: {failed:?}");
            assert!(server.taken().is_empty() && server.signed_in().is_empty());
            assert!(!server.lines().iter().any(|line| line.contains("ada@")), "{:?}", server.lines());
        }
    }
}

#[test]
fn file_of_authorities_that_names_none_is_refused() {
    for pem in ["", "hello", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"] {
        let refused = trusting(1, SmtpTls::Tls, Some(pem));
        assert!(matches!(refused, Err(SmtpError::NoAuthority)), "{pem}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_asked_again_later() {
    let server = SmtpServer::start().await.unwrap();
    let port = server.port();
    drop(server);
    let failed = send(&mailer(port, SmtpTls::None), "ada@example.com", "s").await;
    assert!(matches!(failed, Err(DeliveryError::Unreachable(_))), "{failed:?}");
}

/// Attack: a tenant's mail carries the operator's name before the tenant's address, or a second address in its own.
#[tokio::test]
async fn mail_is_from_the_tenant_as_far_as_it_says_so() {
    let server = SmtpServer::start().await.unwrap();
    let mailer = mailer(server.port(), SmtpTls::None);
    let tenant = TenantId::default_tenant();
    for (address, name, expect) in [
        (Some("hello@acme.example"), Some("Acme"), "From: Acme <hello@acme.example>"),
        (Some("hello@acme.example"), None, "From: hello@acme.example"),
        (None, Some("Acme"), "From: Acme <no-reply@id.example>"),
    ] {
        let from = MailSender { address: address.map(str::to_owned), name: name.map(str::to_owned) };
        let content = MessageContent { subject: "Hi".to_owned(), text: "123456".to_owned(), html: None };
        let from = Some(&from);
        let parcel =
            Parcel { tenant: &tenant, id: uuid::Uuid::nil(), recipient: "ada@b.example", content, from };
        mailer.send(&parcel).await.unwrap();
        let taken = server.taken();
        let last = taken.last().unwrap();
        assert!(last.data.contains(expect), "{expect} in {}", last.data);
        assert_eq!(last.from, address.unwrap_or("no-reply@id.example"));
    }
    let two = MailSender { address: Some("a@b.example, eve@c.example".to_owned()), name: None };
    let content = MessageContent { subject: "Hi".to_owned(), text: "123456".to_owned(), html: None };
    let parcel = Parcel {
        tenant: &tenant,
        id: uuid::Uuid::nil(),
        recipient: "ada@b.example",
        content,
        from: Some(&two),
    };
    assert!(matches!(mailer.send(&parcel).await, Err(DeliveryError::Permanent(_))));
}

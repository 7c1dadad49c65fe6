//! `/ui/dev/mail`: the mail of a node that only its own machine reaches, for whoever tries it there.
//!
//! Attack: whoever reads this gets into everybody's account. So it is there only on a node that was put together as one
//! that nobody else reaches, and it answers only a peer on this machine that names this machine: not a page elsewhere
//! whose name was made to resolve here, and not a tunnel that leads here.

use http::StatusCode;
use identity::courier::{CourierMessages as _, MessageFilter};
use ui::{LetterView, MailboxView};

use super::show;
use crate::call::Call;
use crate::failure::Failure;
use crate::response::Answer;

/// Messages that are shown.
const SHOWN: u32 = 50;

/// `GET /ui/dev/mail`
pub(crate) async fn page(call: Call) -> Answer {
    if !is_for_this_machine(&call) {
        return Failure::not_found().to_page(&call);
    }
    let filter = MessageFilter::default();
    let listed = match call.node.storage.list_messages(&call.tenant.id, &filter, SHOWN).await {
        Ok(listed) => listed,
        Err(error) => {
            tracing::error!(request = %call.request, %error, "mail cannot be shown");
            return Failure::unavailable().to_page(&call);
        }
    };
    let letters = listed
        .into_iter()
        .filter(|message| {
            message.status != identity::courier::MessageStatus::Abandoned || message.send_count > 0
        })
        .map(|message| LetterView {
            to: message.recipient,
            subject: message.mail.subject,
            text: message.mail.text,
            at: message.created_at,
        })
        .collect();
    let view = MailboxView { letters };
    show(&call, StatusCode::OK, &[], None, |context| call.node.pages.mailbox(&view, context))
}

/// Whether the node is one that nobody else reaches, and whoever asks is on its machine.
pub(super) fn is_for_this_machine(call: &Call) -> bool {
    let forwarded = ["x-forwarded-for", "x-forwarded-host", "forwarded", "via"];
    call.node.settings.shows_mail
        && call.client.0.to_canonical().is_loopback()
        && call.header("host").is_some_and(is_this_machine)
        && !forwarded.iter().any(|name| call.headers.contains_key(*name))
}

/// Whether a `Host` names this machine.
fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn only_names_of_this_machine() {
        for (host, expect) in [
            ("127.0.0.1:4480", true),
            ("localhost", true),
            ("LOCALHOST:1", true),
            ("[::1]:4480", true),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example:4480", false),
            ("evil.example", false),
            ("0.0.0.0:1", false),
            ("192.168.1.2", false),
            ("[fe80::1]", false),
            ("", false),
        ] {
            assert_eq!(is_this_machine(host), expect, "{host}");
        }
    }
}

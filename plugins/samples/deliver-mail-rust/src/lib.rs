//! Delivers e-mails through a mail service's HTTP API, instead of SMTP.
//!
//! A message may be offered more than once: its identifier goes along as `idempotency-key`, so that the service sends it
//! once. Whatever the service does not take is an error, and the message is offered again later.

use portcullis_plugin::http::{Method, Request, Response};
use portcullis_plugin::message::{CallContext, Channel, Decision, Hook, HookError, Message};
use portcullis_plugin::{config, secrets};
use serde::{Deserialize, Serialize};

struct DeliverMail;

#[derive(Deserialize)]
struct Settings {
    endpoint: String,
    from: String,
}

/// What the service is sent.
#[derive(Serialize)]
struct Email<'a> {
    from: &'a str,
    to: [&'a str; 1],
    subject: &'a str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<&'a str>,
}

/// What it answers.
#[derive(Deserialize)]
struct Taken {
    id: String,
}

impl Hook for DeliverMail {
    fn send(_call: CallContext, message: Message) -> Result<Decision, HookError> {
        // An SMS is somebody else's to deliver.
        if message.channel == Channel::Sms {
            return Ok(Decision::AsIs);
        }
        let settings = config::find::<Settings>(&[])?.ok_or("it has no settings")?;
        let key = secrets::find("api_key")?.ok_or("it has no secret `api_key`")?;
        let email = Email {
            from: &settings.from,
            to: [&message.recipient],
            subject: &message.subject,
            text: &message.text,
            html: message.html.as_deref(),
        };
        let body = serde_json::to_vec(&email).map_err(|error| error.to_string())?;
        let request = Request::new(Method::Post, settings.endpoint)
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json")
            .header("idempotency-key", message.id)
            .body(body);
        taken(&request.send()?)
    }
}

fn taken(response: &Response) -> Result<Decision, HookError> {
    if !(200..300).contains(&response.status) {
        return Err(format!("the service answers {}", response.status).into());
    }
    let taken: Taken =
        serde_json::from_slice(&response.body).map_err(|_| "the service does not say what it took")?;
    Ok(Decision::delivered(taken.id))
}

portcullis_plugin::export_message!(DeliverMail);

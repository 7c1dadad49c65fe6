//! Puts the setting `signature` under every e-mail, in the language of whoever gets it, e.g. `en = "Yours, Acme"`.

use portcullis_plugin::config;
use portcullis_plugin::message::{CallContext, Channel, Content, Decision, Hook, HookError, Message};

struct Plugin;

impl Hook for Plugin {
    fn send(_call: CallContext, message: Message) -> Result<Decision, HookError> {
        if message.channel == Channel::Sms {
            return Ok(Decision::AsIs);
        }
        let language = message.locale.as_deref().and_then(|locale| locale.split('-').next()).unwrap_or("en");
        let Some(signature) = config::find::<String>(&["signature", language])? else {
            return Ok(Decision::AsIs);
        };
        let Content { subject, text, html } = message.content();
        let html = html.map(|html| format!("{html}<p>{signature}</p>"));
        Ok(Decision::Rewritten(Content { subject, text: format!("{text}\n\n{signature}"), html }))
    }
}

portcullis_plugin::export_message!(Plugin);

//! Messages to people by a tenant's own service or mail server, whether or not the tenant was visited since the node started.

use std::time::Duration;

use config::courier::SmtpTls;
use config::tenant::TenantSmtp;
use futures_util::future::BoxFuture;
use identity::courier::{
    Carried, CourierMessage, MailProtection, MailSender, MailServer, NotCarried, TenantCarriers,
};
use identity::identity::AddressKind;
use primitives::hook_document::HookDocument;
use primitives::hooks::HookContext;
use primitives::message::MessageContent;
use primitives::outbound::Reach;
use primitives::transform::{TransformPlace, TransformRequest};
use primitives::{Actor, RequestId};
use serde_json::{Map, Value, json};
use tenancy::webhook::BodyTemplate;
use tenancy::{TenantSecrets as _, TenantState};

use super::request::{Message, NoAnswer, Whose, send};
use crate::node::Node;
use crate::tenants::LoadedTenant;

/// How long a service may take. Whoever runs jobs may allow less.
const TIMEOUT: Duration = Duration::from_secs(30);

impl TenantCarriers for Node {
    fn is_own<'a>(&'a self, message: &'a CourierMessage) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let loaded = self.tenants.load(self, &message.tenant).await.ok().flatten();
            loaded.is_some_and(|tenant| {
                let courier = &tenant.courier;
                match message.via {
                    AddressKind::Email => courier.channels.email.is_some() || courier.smtp.is_some(),
                    AddressKind::Sms => courier.channels.sms.is_some(),
                }
            })
        })
    }

    fn carry<'a>(
        &'a self,
        message: &'a CourierMessage,
        content: &'a MessageContent,
    ) -> BoxFuture<'a, Result<Carried, NotCarried>> {
        Box::pin(self.carry_message(message, content))
    }
}

impl Node {
    async fn carry_message(
        &self,
        message: &CourierMessage,
        content: &MessageContent,
    ) -> Result<Carried, NotCarried> {
        let loaded = self.tenants.load(self, &message.tenant).await;
        let tenant = match loaded.map_err(|error| NotCarried::Yet(error.to_string()))? {
            Some(loaded) if loaded.state == TenantState::Active => loaded,
            // A tenant that was stopped may go on later.
            Some(_) | None => return Err(NotCarried::Yet("its tenant is stopped".to_owned())),
        };
        let (name, channel) = match message.via {
            AddressKind::Email => ("email", &tenant.courier.channels.email),
            AddressKind::Sms => ("sms", &tenant.courier.channels.sms),
        };
        let Some(channel) = channel else {
            let own = tenant.courier.smtp.as_ref().filter(|_| message.via == AddressKind::Email);
            let Some(smtp) = own else { return Ok(Carried::NotHere) };
            let server = self.mail_server(&tenant, smtp).await?;
            return Ok(Carried::ByMail(Box::new(server)));
        };
        let body = match &channel.body {
            Some(template) => self.templated(template, message, content).await?,
            None => message.document(content),
        };
        let whose = Whose { means: self.into(), tenant: &tenant.id, by_operator: tenant.by_operator };
        let (id, body) = (message.id.to_string(), body.to_string());
        let mut webhook = channel.as_webhook(name);
        webhook.headers.insert("idempotency-key".to_owned(), id.clone());
        let answer = send(whose, &webhook, Message { id: &id, body: &body }, TIMEOUT).await;
        let answer = answer.map_err(|error| match error {
            NoAnswer::Unready(words) => NotCarried::Yet(words),
            NoAnswer::Outbound(error) => NotCarried::Unreachable(error.to_string()),
        })?;
        let said = || format!("the tenant's service answered {}", answer.status);
        match answer.status {
            200..300 => Ok(Carried::Taken),
            // Who the tenant is, and where it sends to, is its operator's to mend, and the message waits for it.
            status @ 400..500 if !matches!(status, 401 | 403 | 404 | 408 | 425 | 429) => {
                Err(NotCarried::Ever(said()))
            }
            _ => Err(NotCarried::Yet(said())),
        }
    }

    /// A tenant's mail server, at an address that may be called.
    ///
    /// Attack: whoever may write a tenant's settings has the node speak SMTP to servers of its own network, under a public
    /// name perhaps. So the address is checked as that of any outbound request is, by the same code, and it is this address
    /// to which the connection goes.
    async fn mail_server(&self, tenant: &LoadedTenant, smtp: &TenantSmtp) -> Result<MailServer, NotCarried> {
        let login = match (&smtp.username, &smtp.password) {
            (Some(username), Some(name)) => {
                let found = self.storage.find_tenant_secret(&tenant.id, name).await;
                let found = found.map_err(|error| NotCarried::Yet(error.to_string()))?;
                let missing = || NotCarried::Unreachable(format!("the tenant has no secret {name:?}"));
                Some((username.clone(), found.ok_or_else(missing)?))
            }
            _ => None,
        };
        let reach = if tenant.by_operator { Reach::NamedByOperator } else { Reach::Public };
        let address = self.outbound.resolve(&smtp.host, smtp.effective_port(), reach).await;
        let words = |error| format!("the tenant's mail server: {error}");
        let host_of_node = self.settings.base_url.host_str().unwrap_or("localhost");
        Ok(MailServer {
            host: smtp.host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            address: address.map_err(|error| NotCarried::Unreachable(words(error)))?,
            protection: match smtp.tls {
                SmtpTls::StartTls => MailProtection::StartTls,
                SmtpTls::Tls => MailProtection::Tls,
                SmtpTls::None => MailProtection::None,
            },
            login,
            local_name: smtp.local_name.clone().unwrap_or_else(|| host_of_node.to_owned()),
            sender: MailSender {
                address: tenant.courier.from_address.clone(),
                name: tenant.courier.from_name.clone(),
            },
        })
    }

    /// What a template makes of a message. It has codes in it, so that what a plugin says of it is in no log.
    async fn templated(
        &self,
        template: &BodyTemplate,
        message: &CourierMessage,
        content: &MessageContent,
    ) -> Result<Value, NotCarried> {
        let context = json!({
            "recipient": message.recipient,
            "template_type": message.template.api_name(),
            "template_data": message.mail.data,
            "subject": content.subject,
            "body": content.text,
        });
        let input = HookDocument::check(&Map::from_iter([("ctx".to_owned(), context)]));
        let request = TransformRequest {
            place: TransformPlace::MessageBody,
            template: template.template.clone(),
            subject: None,
            input: input.map_err(|error| NotCarried::Ever(error.to_string()))?,
        };
        let hook = HookContext {
            tenant: message.tenant.clone(),
            organisation: message.organisation,
            client: None,
            actor: Actor::System,
            request: RequestId::generate(self.rng.as_ref()),
        };
        let made = self.transform.transform(&hook, &template.plugin, &request).await;
        let made = made.and_then(primitives::transform::TransformDecision::document);
        made.map_err(|failure| NotCarried::Yet(format!("its template failed: {}", failure.kind.as_str())))
    }
}

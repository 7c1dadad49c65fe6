//! A JSON document made of another by a tenant's plugin: what several rooms ask where a template can be configured.

use std::fmt;

use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::hook_document::HookDocument;
use crate::hooks::{HookContext, HookFailure, HookFailureKind};

/// Where a template is used. What a failure means there, the place decides: the hook fails with its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransformPlace {
    /// The body of a webhook.
    WebhookBody,
    /// The claims that a session's token has besides.
    SessionToken,
    /// The body of a request to a mail or SMS service.
    MessageBody,
}

impl TransformPlace {
    /// As plugins know it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WebhookBody => "webhook-body",
            Self::SessionToken => "session-token",
            Self::MessageBody => "message-body",
        }
    }

    /// Whether its input has a secret, such as the code that a message brings: then nothing that the plugin says is in any
    /// log.
    pub const fn carries_secrets(self) -> bool {
        match self {
            Self::MessageBody => true,
            Self::WebhookBody | Self::SessionToken => false,
        }
    }
}

/// What is to be made something of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransformRequest {
    /// Where it is used.
    pub place: TransformPlace,
    /// The name of the template in the tenant's settings.
    pub template: String,
    /// Whom it is about, if anybody; the plugin is not told by this.
    pub subject: Option<String>,
    /// Of what.
    pub input: HookDocument,
}

/// What a plugin made.
#[derive(Debug, Clone, PartialEq)]
pub enum TransformDecision {
    /// This document.
    Output(Value),
    /// None: what it is for is left out.
    Cancel,
}

impl TransformDecision {
    /// For a place that cannot be left out.
    pub fn document(self) -> Result<Value, HookFailure> {
        match self {
            Self::Output(document) => Ok(document),
            Self::Cancel => Err(HookFailure {
                plugin: String::new(),
                kind: HookFailureKind::BadAnswer,
                detail: "it cancels what cannot be left out here".to_owned(),
            }),
        }
    }
}

/// Makes documents. A template names its plugin: unlike the other hooks, one plugin is asked, and it fails where there is
/// none of that name on the hook.
pub trait TransformHook: Send + Sync + fmt::Debug {
    /// Called where a template of the tenant's settings names `plugin`.
    fn transform<'a>(
        &'a self,
        context: &'a HookContext,
        plugin: &'a str,
        request: &'a TransformRequest,
    ) -> BoxFuture<'a, Result<TransformDecision, HookFailure>>;
}

/// For a node without plugins: no template finds the one that it names.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTransformHook;

impl TransformHook for NoTransformHook {
    fn transform<'a>(
        &'a self,
        _: &'a HookContext,
        plugin: &'a str,
        _: &'a TransformRequest,
    ) -> BoxFuture<'a, Result<TransformDecision, HookFailure>> {
        let (plugin, detail) = (plugin.to_owned(), "this node runs no plugins".to_owned());
        Box::pin(async { Err(HookFailure { plugin, kind: HookFailureKind::Unavailable, detail }) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_left_out_is_not_cancelled() {
        assert_eq!(TransformDecision::Output(Value::from(1)).document(), Ok(Value::from(1)));
        assert_eq!(TransformDecision::Cancel.document().unwrap_err().kind, HookFailureKind::BadAnswer);
    }
}

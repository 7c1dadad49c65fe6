//! Tells a tenant's plugins what people did with their accounts.

use identity::Identity;
use identity::hooks::{AccountEvent, Happening, Origin};
use primitives::hooks::HookContext;
use primitives::{Actor, AuditEvent, SessionId};

use crate::call::Call;

/// Tells them, once it is durable. Nothing is undone for a plugin that fails: the hook fails open, and that is audited.
pub(crate) async fn tell(call: &Call, what: Happening, identity: &Identity, session: Option<SessionId>) {
    let tenant = &call.tenant.id;
    let context = HookContext {
        tenant: tenant.clone(),
        organisation: identity.organisation,
        client: None,
        actor: Actor::Subject(identity.id),
        request: call.request,
    };
    let user_agent = call.header("user-agent").map(str::to_owned);
    let origin = Origin { address: call.client, user_agent };
    let event = AccountEvent { what, identity, session, origin };
    for failure in call.node.identity_hooks.after_account(&context, &event).await {
        let failed = AuditEvent::new("plugin.failed", Actor::System, "plugin", &failure.plugin)
            .with("hook", &"account")
            .with("kind", &failure.kind.as_str());
        call.node.storage.audit_stateless(tenant, failed);
    }
}

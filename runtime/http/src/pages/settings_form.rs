//! A form on the settings page beside the flow's own: it names the flow, and proves that this browser was shown it.

use identity::Problem;
use primitives::FlowId;

use crate::call::Call;
use crate::self_service::csrf_cookie_of;

/// What was sent by it.
pub(super) struct SettingsForm<'a> {
    body: &'a [u8],
    /// The flow whose page it is on.
    pub(super) flow: FlowId,
}

impl<'a> SettingsForm<'a> {
    /// Refuses what comes from another site's page.
    pub(super) fn check(call: &'a Call) -> Result<Self, Problem> {
        let flow = value(&call.body, "flow").parse().map_err(|_| Problem::CsrfViolation)?;
        let form = Self { body: &call.body, flow };
        let cookie = csrf_cookie_of(call).ok_or(Problem::CsrfViolation)?;
        let token = form.value("csrf_token");
        if cookie.check(call.node.sealer(), &call.tenant.id, flow, &token) {
            Ok(form)
        } else {
            Err(Problem::CsrfViolation)
        }
    }

    /// A value by its name; empty if there is none.
    pub(super) fn value(&self, wanted: &str) -> String {
        value(self.body, wanted)
    }
}

fn value(body: &[u8], wanted: &str) -> String {
    let mut pairs = url::form_urlencoded::parse(body);
    pairs.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

//! `/ui/dev/pages`: every page of the tenant in every state, for an operator who works on its branding.
//!
//! Attack: somebody is sent to a page of the tenant's own that asks for a password and belongs to no sign-in. So the
//! samples are shown where the mail is, and only to whoever is on the machine ([`super::dev_mail`]).

use http::StatusCode;
use ui::samples::Sample;

use super::dev_mail::is_for_this_machine;
use super::{show, with_script};
use crate::call::Call;
use crate::failure::Failure;
use crate::response::Answer;

/// `GET /ui/dev/pages`
pub(crate) async fn list(call: Call) -> Answer {
    if !is_for_this_machine(&call) {
        return Failure::not_found().to_page(&call);
    }
    let below = format!("{}{}", call.tenant.base_path, call.path);
    show(&call, StatusCode::OK, &[], None, |context| call.node.pages.samples(&below, context))
}

/// `GET /ui/dev/pages/{name}`
pub(crate) async fn sample(call: Call) -> Answer {
    let found = Sample::find(call.place("name")).filter(|_| is_for_this_machine(&call));
    let Some(sample) = found else { return Failure::not_found().to_page(&call) };
    let answer = show(&call, StatusCode::OK, &[], None, |context| {
        sample.page(&call.node.pages, context).unwrap_or_default()
    });
    match sample.flow() {
        Some(flow) => with_script(&call, &flow, answer),
        None => answer,
    }
}

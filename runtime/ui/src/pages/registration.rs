//! Creating an account.

use super::Pages;
use super::flow_page::{OtherWay, Ways, flow_page, lead, password_hint, self_service, sentence};
use crate::flow::FlowView;
use crate::form::{Forms, Purpose};
use crate::frame::PageContext;

impl Pages {
    /// Creating an account.
    pub fn registration(&self, flow: &FlowView, context: &PageContext<'_>) -> String {
        let words = self.words(context);
        let w = &words.registration;
        let forms = Forms {
            ui: &flow.ui,
            words,
            purpose: Purpose::Registration,
            password_hint: Some(password_hint(words, context)),
        };
        let lead = if flow.state.as_deref() == Some("sent_email") {
            w.code_lead.clone()
        } else {
            lead(&w.to_client, &w.to_tenant, flow, context)
        };
        let other = Some(OtherWay {
            question: w.have_account.clone(),
            label: w.sign_in.clone(),
            href: self_service(context, "login", flow),
        });
        let agreement = match (&context.branding.terms_url, &context.branding.privacy_url) {
            (Some(_), Some(_)) => &w.agree_both,
            (Some(_), None) => &w.agree_terms,
            (None, Some(_)) => &w.agree_privacy,
            (None, None) => "",
        };
        let link = |name: &str| match name {
            "terms" => context.branding.terms_url.as_ref().map(|u| (w.terms.as_str(), u.as_str())),
            "privacy" => context.branding.privacy_url.as_ref().map(|u| (w.privacy.as_str(), u.as_str())),
            _ => None,
        };
        let frame = self.frame(context, w.title.clone()).with_script(&self.assets, flow);
        let ways = Ways { other, forgotten: None, agreement: sentence(agreement, link) };
        flow_page(frame, &forms, lead, ways)
    }
}

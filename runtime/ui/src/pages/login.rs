//! Signing in: with a first proof, with a second, and again.

use super::flow_page::{Another, FlowPage, OtherWay, Piece, Ways, failed, flow_page, lead, self_service};
use super::{Pages, render};
use crate::flow::FlowView;
use crate::form::{Forms, Purpose};
use crate::frame::{Frame, PageContext};
use crate::locale::fill;

impl Pages {
    /// Signing in.
    pub fn login(&self, flow: &FlowView, context: &PageContext<'_>) -> String {
        let words = self.words(context);
        let forms = Forms { ui: &flow.ui, words, purpose: Purpose::Login, password_hint: None };
        // Before the code page: a second factor has others beside it.
        if flow.requested_aal.as_deref() == Some("aal2") {
            return self.second_step(flow, &forms, context);
        }
        if flow.state.as_deref() == Some("sent_email") {
            return self.code_sent(flow, &forms, context);
        }
        if flow.refresh {
            return self.confirm(flow, &forms, context);
        }
        let identified = flow.value_of("identifier").filter(|_| flow.hides("identifier"));
        let lead = match identified {
            Some(subject) => fill(&words.login.identified_lead, &[("subject", subject)]),
            None => lead(&words.login.to_client, &words.login.to_tenant, flow, context),
        };
        let create = || OtherWay {
            question: fill(&words.login.no_account, &[("tenant", &context.branding.name)]),
            label: words.login.create_account.clone(),
            href: self_service(context, "registration", flow),
        };
        let other = match identified {
            Some(_) => Some(self.somebody_else(flow, context)),
            None => context.registration.then(create),
        };
        let forgotten = context.recovery.then(|| Piece {
            text: words.login.forgotten.clone(),
            href: Some(self_service(context, "recovery", flow)),
        });
        let frame = self.frame(context, words.login.title.clone()).with_script(&self.assets, flow);
        flow_page(frame, &forms, lead, Ways { other, forgotten, agreement: Vec::new() })
    }

    /// Signing in further: with the first second factor that there is, or with another.
    fn second_step(&self, flow: &FlowView, forms: &Forms<'_>, context: &PageContext<'_>) -> String {
        let w = &self.words(context).login;
        let mut kinds = forms.groups();
        // Where the last attempt went wrong is where the person goes on.
        let is_sent = flow.state.as_deref() == Some("sent_email");
        kinds.sort_by_key(|kind| {
            let goes_on = is_sent && *kind == "code";
            !(goes_on || forms.of(|group| group == *kind).has_errors())
        });
        let lead = match kinds.first() {
            Some(&"totp") => w.second_totp.clone(),
            Some(&"lookup_secret") => w.second_lookup_secret.clone(),
            Some(&"code") if is_sent => w.second_code.clone(),
            Some(&"webauthn") => w.second_webauthn.clone(),
            _ => w.second_lead.clone(),
        };
        let mut each = kinds.into_iter().map(|kind| Another {
            label: match kind {
                "totp" => w.use_totp.clone(),
                "lookup_secret" => w.use_lookup_secret.clone(),
                "code" => w.use_code.clone(),
                "webauthn" => w.use_webauthn.clone(),
                _ => w.second_other.clone(),
            },
            form: forms.of(|group| group == kind),
        });
        let form = each.next().map(|first| first.form).unwrap_or_default();
        let others =
            each.map(|Another { label, form }| Another { label, form: form.without_focus() }).collect();
        let notices = forms.notices();
        let frame = self.frame(context, w.second_title.clone()).with_script(&self.assets, flow);
        render(&FlowPage {
            frame: Frame { failed: failed(&notices), ..frame },
            lead,
            notices,
            providers: Vec::new(),
            form,
            others,
            forgotten: None,
            agreement: Vec::new(),
            other: Some(self.somebody_else(flow, context)),
        })
    }

    /// Signing in with what was sent: with its code, or with its link where that was opened.
    fn code_sent(&self, flow: &FlowView, forms: &Forms<'_>, context: &PageContext<'_>) -> String {
        let w = &self.words(context).login;
        let subject = flow.value_of("identifier").unwrap_or_default();
        let (title, lead) = if flow.has("code") {
            (w.title.clone(), w.code_lead.clone())
        } else {
            (w.here_title.clone(), fill(&w.here_lead, &[("subject", subject)]))
        };
        let other = Some(self.somebody_else(flow, context));
        flow_page(self.frame(context, title), forms, lead, Ways { other, ..Ways::default() })
    }

    fn somebody_else(&self, flow: &FlowView, context: &PageContext<'_>) -> OtherWay {
        let start = self_service(context, "login", flow);
        let joint = if start.contains('?') { '&' } else { '?' };
        OtherWay {
            question: self.words(context).consent.not_you.clone(),
            label: self.words(context).login.other_account.clone(),
            href: format!("{start}{joint}prompt=select_account"),
        }
    }

    /// Signing in again: as whom, and the way to be somebody else.
    fn confirm(&self, flow: &FlowView, forms: &Forms<'_>, context: &PageContext<'_>) -> String {
        let w = &self.words(context).login;
        let lead = match flow.identity.as_ref().and_then(|identity| identity.label()) {
            Some(subject) if !subject.is_empty() => fill(&w.confirm_lead_as, &[("subject", subject)]),
            _ => w.confirm_lead.clone(),
        };
        let ways =
            Ways { other: Some(self.somebody_else(flow, context)), forgotten: None, agreement: Vec::new() };
        let frame = self.frame(context, w.confirm_title.clone()).with_script(&self.assets, flow);
        flow_page(frame, forms, lead, ways)
    }
}

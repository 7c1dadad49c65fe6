//! Proving an address: to verify it, and to get back in by it.

use super::Pages;
use super::flow_page::{OtherWay, Ways, flow_page, self_service};
use crate::flow::FlowView;
use crate::form::{Forms, Purpose, SAID_BY_LEADS};
use crate::frame::PageContext;

impl Pages {
    /// Proving an address.
    pub fn verification(&self, flow: &FlowView, context: &PageContext<'_>) -> String {
        let w = &self.words(context).verification;
        let proven = Proven::of(flow);
        let title = match proven {
            Proven::Address => &w.title,
            Proven::Number => &w.title_number,
            Proven::Either => &w.title_either,
        };
        let lead = match proof_stage(flow) {
            ProofStage::Asked if proven == Proven::Either => &w.lead_either,
            ProofStage::Asked => &w.lead,
            ProofStage::AskedForLink => &w.link_lead,
            ProofStage::CodeSent => &w.code_lead,
            ProofStage::LinkSent => &w.link_sent_lead,
            ProofStage::LinkOpened => &w.opened_lead,
            ProofStage::Done => &w.done_lead,
        };
        self.proof(flow, title.clone(), lead.clone(), None, context)
    }

    /// Getting back in.
    pub fn recovery(&self, flow: &FlowView, context: &PageContext<'_>) -> String {
        let words = self.words(context);
        let w = &words.recovery;
        let lead = match proof_stage(flow) {
            ProofStage::Asked if Proven::of(flow) == Proven::Either => &w.lead_either,
            ProofStage::Asked => &w.lead,
            ProofStage::AskedForLink => &w.link_lead,
            ProofStage::CodeSent => &w.code_lead,
            ProofStage::LinkSent => &w.link_sent_lead,
            ProofStage::LinkOpened => &w.opened_lead,
            ProofStage::Done => &w.done_lead,
        };
        // Which of several addresses: that the form itself asks.
        let asked = flow.ui.messages.iter().find(|text| SAID_BY_LEADS.contains(&text.id));
        let lead = asked.map_or_else(|| lead.clone(), |text| words.text(text));
        // Whoever is back in needs no other way.
        let other = (proof_stage(flow) != ProofStage::Done).then(|| OtherWay {
            question: w.remembered.clone(),
            label: words.registration.sign_in.clone(),
            href: self_service(context, "login", flow),
        });
        self.proof(flow, w.title.clone(), lead, other, context)
    }

    fn proof(
        &self,
        flow: &FlowView,
        title: String,
        lead: String,
        other: Option<OtherWay>,
        context: &PageContext<'_>,
    ) -> String {
        let words = self.words(context);
        let forms = Forms { ui: &flow.ui, words, purpose: Purpose::Proof, password_hint: None };
        let ways = Ways { other, forgotten: None, agreement: Vec::new() };
        flow_page(self.frame(context, title), &forms, lead, ways)
    }
}

/// What is proven, as far as the form says it: a tenant that sends text messages takes numbers too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proven {
    Address,
    Number,
    Either,
}

impl Proven {
    /// The messages of a form that has sent something to a number, or has proven one.
    const OF_NUMBERS: [u64; 2] = [1_080_004, 1_080_005];
    /// The labels of a field that takes both.
    const OF_EITHER: [u64; 2] = [1_070_016, 1_070_018];

    fn of(flow: &FlowView) -> Self {
        let mut labels = flow.ui.nodes.iter().filter_map(|node| node.meta.label.as_ref());
        if flow.ui.messages.iter().any(|text| Self::OF_NUMBERS.contains(&text.id)) {
            Self::Number
        } else if labels.any(|label| Self::OF_EITHER.contains(&label.id)) {
            Self::Either
        } else {
            Self::Address
        }
    }
}

/// How far the proof of an address is, as its page says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ProofStage {
    Asked,
    AskedForLink,
    CodeSent,
    LinkSent,
    LinkOpened,
    Done,
}

fn proof_stage(flow: &FlowView) -> ProofStage {
    let by_link = flow.active.as_deref() == Some("link");
    match flow.state.as_deref() {
        Some("passed_challenge") => ProofStage::Done,
        Some("sent_email") if by_link && (flow.has("email") || flow.has("recovery_address")) => {
            ProofStage::LinkSent
        }
        Some("sent_email") if by_link => ProofStage::LinkOpened,
        Some("sent_email") => ProofStage::CodeSent,
        _ if flow.ui.nodes.iter().any(|node| node.group == "link") => ProofStage::AskedForLink,
        _ => ProofStage::Asked,
    }
}

//! By which of their addresses somebody gets back in, where an account has several and its tenant lets people choose.
//!
//! Whoever has one address of an account learns by it that there is one, how many addresses it has, and how each begins or
//! ends. So it is off unless the tenant wants it (`recovery.choose_address`), and with `account_enumeration = "mitigate"`
//! nobody is asked.
//!
//! Attack: what a button sends tells the address behind it to whoever tries all numbers there are; a hash of it does, too.
//! So it is random, and worth something in one form.
//!
//! Attack: whoever knows somebody's mail address has messages sent to their phone, and learns whether they got them. So an
//! address that was only chosen gets nothing before it was typed in full; and what is typed then is answered like any address,
//! whether or not it is the one that was chosen.

use primitives::base64url;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::addresses::masked;
use super::document::{Input, submit};
use super::{Challenge, Flow, FlowKind, Message, Room, Step, Submission, is_default};
use crate::identity::{AddressKind, Identity};
use crate::settings::{AccountEnumeration, ProofMeans};

/// The value of the button that goes back.
const BACK: &str = "previous";

/// A choice of addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressChoice {
    /// The address that was typed, as it was.
    typed: String,
    /// What there is to choose from.
    offered: Vec<OfferedAddress>,
    /// How the address is reached that was chosen and is to be typed in full.
    #[serde(default, skip_serializing_if = "is_default")]
    chosen: Option<AddressKind>,
}

/// An address of which nobody is told more than its owner needs to know it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OfferedAddress {
    /// What its button sends.
    mark: String,
    masked: String,
    via: AddressKind,
    /// Whether it is the one that was typed.
    is_typed: bool,
}

/// What a submission says of the address that a message is to go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SaidAddress {
    /// It was typed in full; whether another of the same account may be chosen instead.
    Typed { address: String, may_choose: bool },
    /// One of those that were offered.
    Chosen(String),
    /// None of them; another is to be typed.
    Back,
}

impl SaidAddress {
    /// Reads a submission to a form that proves an address. `None` where it says no address: a code, say, or nothing.
    pub(super) fn read(flow: &Flow, submission: &Submission) -> Option<Self> {
        let given = |text: &Option<String>| {
            text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let typed = |address: String, may_choose: bool| Self::Typed { address, may_choose };
        let challenge = flow.kind.challenge()?;
        let is_sent = matches!(challenge, Challenge::SentEmail(_));
        if !matches!(flow.kind, FlowKind::Recovery { .. }) {
            return given(&submission.email).map(|address| typed(address, false));
        }
        if let Challenge::ChooseAddress(_) = challenge {
            if submission.screen.as_deref() == Some(BACK) {
                return Some(Self::Back);
            }
            if let Some(mark) = given(&submission.recovery.select) {
                return Some(Self::Chosen(mark));
            }
        }
        if let Some(address) = given(&submission.recovery.confirm) {
            return Some(typed(address, false));
        }
        if let Some(address) = given(&submission.email) {
            return Some(typed(address, !is_sent));
        }
        // Some clients send it along with the code.
        let is_proof = is_sent && given(&submission.code).is_some();
        given(&submission.recovery.address).filter(|_| !is_proof).map(|address| typed(address, !is_sent))
    }
}

impl AddressChoice {
    /// What an account has to choose from, if it is asked at all: one address is no choice.
    pub(super) fn offer(room: Room<'_>, flow: &Flow, identity: &Identity, typed: &str) -> Option<Self> {
        let settings = room.settings;
        let is_asked = settings.recovery.choose_address
            && settings.account_enumeration == AccountEnumeration::Disclose
            && flow.means == ProofMeans::Code;
        if !is_asked {
            return None;
        }
        let mut reached: Vec<(&str, AddressKind)> = identity
            .recovery_addresses
            .iter()
            .filter(|address| room.reaches(address.via, &address.value))
            .map(|address| (address.value.as_str(), address.via))
            .collect();
        reached.sort_by_key(|(address, _)| *address);
        reached.dedup();
        let offered = reached.iter().map(|(address, via)| OfferedAddress {
            mark: base64url::encode(room.rng.uuid().as_bytes()),
            masked: masked(address),
            via: *via,
            is_typed: *address == typed,
        });
        (reached.len() > 1).then(|| Self {
            typed: typed.to_owned(),
            offered: offered.collect(),
            chosen: None,
        })
    }

    /// The address that a button stands for, if that may get a message: the one that was typed in full.
    pub(super) fn in_full(&self, mark: &str) -> Option<&str> {
        let is_it = |offered: &&OfferedAddress| offered.mark == mark && offered.is_typed;
        self.offered.iter().find(is_it).map(|_| self.typed.as_str())
    }

    /// The form that asks for the whole of the address that was chosen; the same again where none of these was.
    pub(super) fn choose(mut self, mut flow: Flow, mark: &str) -> Step {
        if let Some(offered) = self.offered.iter().find(|offered| offered.mark == mark) {
            self.chosen = Some(offered.via);
            return Step::Challenged { flow: Box::new(self.asked_in(flow)), writes: Vec::new() };
        }
        flow.kind = FlowKind::Recovery { challenge: Challenge::ChooseAddress(self) };
        Step::Form(Box::new(flow.with_message(Message::unknown_address())))
    }

    /// The form, asking what is to be chosen or typed next.
    pub(super) fn asked_in(self, mut flow: Flow) -> Flow {
        let message = match self.chosen {
            None => Message::choose_recovery_address(),
            Some(_) => Message::confirm_recovery_address(),
        };
        flow.kind = FlowKind::Recovery { challenge: Challenge::ChooseAddress(self) };
        flow.with_message(message)
    }

    /// The field of which something is missing.
    pub(super) const fn field(&self) -> &'static str {
        if self.chosen.is_some() { "recovery_confirm_address" } else { "recovery_select_address" }
    }

    /// The nodes that ask.
    pub(super) fn nodes(&self, group: &str, flow: &Flow) -> Vec<Value> {
        let method = Input::new("method", "hidden").value(group).node(group, None, flow);
        let Some(via) = self.chosen else {
            let buttons = self.offered.iter().map(|offered| {
                let button = Input::new("recovery_select_address", "submit").value(offered.mark.as_str());
                button.node(group, Some(Message::masked_address(&offered.masked)), flow)
            });
            return std::iter::once(method).chain(buttons).chain([back(group, flow)]).collect();
        };
        let (kind, label) = match via {
            AddressKind::Email => ("email", Message::email_label()),
            AddressKind::Sms => ("tel", Message::phone_label()),
        };
        let field = Input::new("recovery_confirm_address", kind).required().autocomplete(kind);
        vec![
            field.node(group, Some(label), flow),
            method,
            submit(group, group, Message::go_on(), flow),
            back(group, flow),
        ]
    }
}

fn back(group: &str, flow: &Flow) -> Value {
    Input::new("screen", "submit").value(BACK).node(group, Some(Message::back_to_address()), flow)
}

/// The form that asks for an address anew.
pub(super) fn asked_anew(mut flow: Flow) -> Step {
    flow.kind = FlowKind::Recovery { challenge: Challenge::ChooseMethod };
    flow.messages.clear();
    Step::Challenged { flow: Box::new(flow), writes: Vec::new() }
}

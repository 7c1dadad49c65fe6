//! Which addresses a form takes, and what sending to them counts.
//!
//! Attack: a flood of text messages to foreign numbers, which costs the tenant money. They are counted by number, by source
//! and by tenant, whoever has the number, and go to none outside the tenant's prefixes.
//!
//! Attack: somebody learns by a limit, or by a prefix, who has an account. Both depend on what was typed and by whom, and
//! on nothing that is stored.

use super::challenge::Purpose;
use super::{Caller, Room};
use crate::identifier::{Identifier, phone_number};
use crate::identity::AddressKind;
use crate::limiter::{NotCounted, count_mail, count_sms};

/// An address as somebody typed it, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TypedAddress {
    pub(super) via: AddressKind,
    pub(super) identifier: Identifier,
}

impl TypedAddress {
    /// Reads what was typed into a form that proves an address. `None` of what no message goes to: neither an e-mail
    /// address nor, where the tenant's schemas have those, an international phone number that the tenant reaches.
    pub(super) fn read(room: Room<'_>, typed: &str, purpose: Purpose) -> Option<Self> {
        let identifier = Identifier::parse(typed)?;
        if identifier.as_str().contains('@') {
            return Some(Self { via: AddressKind::Email, identifier });
        }
        let phones = room.schemas.phones();
        let takes_phones = match purpose {
            Purpose::Verification => phones.verification,
            Purpose::Recovery => phones.recovery,
        };
        let is_reached = room.settings.sms.reach(identifier.as_str());
        (takes_phones && is_reached).then_some(Self { via: AddressKind::Sms, identifier })
    }
}

impl Room<'_> {
    /// Whether messages go to an address: of numbers those that the tenant reaches.
    pub(in crate::flow) fn reaches(&self, via: AddressKind, address: &str) -> bool {
        via == AddressKind::Email || self.settings.sms.reach(address)
    }
}

/// Whether it is an international phone number.
pub(super) fn is_phone(identifier: &Identifier) -> bool {
    phone_number(identifier.as_str()).is_some()
}

/// Counts a message that is to be sent to an address, and refuses if too many were. How it goes is told by how the address
/// is written, so that it counts the same whoever has it.
pub(super) async fn count_message(
    room: Room<'_>,
    caller: Caller<'_>,
    address: &Identifier,
) -> Result<(), NotCounted> {
    count_mail(room.attempts, &room.settings.limits, room.tenant, address, room.now).await?;
    if is_phone(address) {
        count_sms(room.attempts, &room.settings.sms, room.tenant, caller.address, room.now).await?;
    }
    Ok(())
}

/// So much of an address that its owner knows it again.
pub(super) fn masked(address: &str) -> String {
    let (name, place) = address.split_once('@').map_or((address, ""), |parts| parts);
    let mut characters = name.chars();
    if place.is_empty() {
        let last: Vec<char> = characters.rev().take(2).collect();
        return format!("****{}", last.iter().rev().collect::<String>());
    }
    format!("{}****@{place}", characters.next().unwrap_or_default())
}

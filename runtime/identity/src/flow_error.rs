//! Errors that a browser is sent to a page with: by an id that says which error it is.
//!
//! Attack: a row for every failed request would let anybody fill the disk by failing. The id (a UUID of
//! version 8, RFC 9562 section 5.8) holds the kind of error, its second and an authentication code, so
//! that nothing is stored, and nobody can make a link to an error that did not happen.

use std::time::Duration;

use primitives::{Sealer, TenantId, Timestamp};
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::problem::Problem;

const PURPOSE: &str = "flow_error";
/// How long an id can be asked about.
const KEPT: Duration = Duration::from_hours(1);

/// An error that happened to a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserError {
    /// What.
    pub problem: Problem,
    /// When, to the second.
    pub at: Timestamp,
}

impl BrowserError {
    /// The id under which pages ask for it.
    pub fn id(&self, sealer: &Sealer, tenant: &TenantId) -> Uuid {
        let data = data(kind(&self.problem), self.at);
        let code = sealer.hash(tenant, PURPOSE, &data).0;
        assemble(data, &code)
    }

    /// The error of an id; `None` if it is not ours or too old.
    pub fn find(sealer: &Sealer, tenant: &TenantId, id: Uuid, now: Timestamp) -> Option<Self> {
        let bytes = id.into_bytes();
        let (data, _) = bytes.split_first_chunk::<5>()?;
        let genuine = sealer.hashes(tenant, PURPOSE, data).iter().any(|code| {
            let known = assemble(*data, &code.0);
            bool::from(known.as_bytes().ct_eq(&bytes))
        });
        let (number, seconds) = data.split_first()?;
        let at = Timestamp::from_seconds(i64::from(u32::from_be_bytes(seconds.try_into().ok()?)));
        if !genuine || now.since(at) > KEPT {
            return None;
        }
        Some(Self { problem: problem(*number)?, at })
    }

    /// `flowError`.
    pub fn document(&self, id: Uuid) -> Value {
        json!({ "id": id, "error": self.problem.error(None), "created_at": self.at, "updated_at": self.at })
    }
}

fn data(kind: u8, at: Timestamp) -> [u8; 5] {
    let [a, b, c, d] = u32::try_from(at.seconds()).unwrap_or_default().to_be_bytes();
    [kind, a, b, c, d]
}

/// 40 bits of data, and 82 of the code around the version and the variant.
fn assemble(data: [u8; 5], code: &[u8]) -> Uuid {
    let mut bytes = [0; 16];
    // The first four bytes of a keyed hash name its key.
    bytes.iter_mut().zip(data.iter().chain(code.iter().skip(4))).for_each(|(to, from)| *to = *from);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// The errors that browsers are sent to a page with, by number. Numbers are never used again.
const KINDS: [(u8, Problem); 21] = [
    (1, Problem::SessionAlreadyAvailable),
    (2, Problem::SessionInactive),
    (3, Problem::FirstFactorRequired),
    (4, Problem::SecondFactorUnavailable),
    (5, Problem::FlowUnknown),
    (6, Problem::FlowDisabled),
    (7, Problem::CsrfViolation),
    (8, Problem::IdentityMismatch),
    (9, Problem::IdentityDisabled),
    (10, Problem::ReturnToForbidden),
    (11, Problem::NotFound),
    (12, Problem::Unavailable),
    (13, Problem::Internal),
    (14, Problem::TooManyAttempts { retry_after: Duration::from_secs(30) }),
    (15, Problem::Busy { retry_after: Duration::from_secs(1) }),
    (20, Problem::ActsForAnother),
    (30, Problem::ProviderAnswerUnasked),
    (31, Problem::ProviderAnswerUsed),
    (40, Problem::Interrupted),
    (41, Problem::UpstreamFailed),
    (42, Problem::UpstreamTimedOut),
];
/// An error whose words belong to one request: pages say only that the request was not understood.
const OTHER: u8 = 16;

fn kind(problem: &Problem) -> u8 {
    let same = |(_, known): &&(u8, Problem)| known.reason() == problem.reason();
    KINDS.iter().find(same).map_or(OTHER, |(number, _)| *number)
}

fn problem(number: u8) -> Option<Problem> {
    if number == OTHER {
        return Some(Problem::BadRequest("The request was not understood.".to_owned()));
    }
    KINDS.iter().find(|(known, _)| *known == number).map(|(_, problem)| problem.clone())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use primitives::rng::SeededRng;
    use primitives::seal::{DataKey, Keyring};

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn sealer() -> Sealer {
        let key = DataKey { id: 1, material: [7; 32].into() };
        Sealer::new(Keyring::new(key, []), Arc::new(SeededRng::new(1)))
    }

    #[test]
    fn id_says_which_error_and_when() {
        let (sealer, tenant) = (sealer(), TenantId::default_tenant());
        for (_, problem) in KINDS {
            let error = BrowserError { problem, at: NOW };
            let id = error.id(&sealer, &tenant);
            assert_eq!(id.get_version_num(), 8);
            assert_eq!(BrowserError::find(&sealer, &tenant, id, NOW), Some(error));
        }
    }

    #[test]
    fn nobody_else_makes_an_id() {
        let (sealer, tenant) = (sealer(), TenantId::default_tenant());
        let id = BrowserError { problem: Problem::CsrfViolation, at: NOW }.id(&sealer, &tenant);
        let find = |tenant: &TenantId, id, at| BrowserError::find(&sealer, tenant, id, at);
        for bit in 0..128_u32 {
            let forged = Uuid::from_u128(id.as_u128() ^ (1 << bit));
            assert_eq!(find(&tenant, forged, NOW), None, "bit {bit}");
        }
        assert_eq!(find(&"other".parse().unwrap(), id, NOW), None);
        assert_eq!(find(&tenant, id, NOW.after(KEPT + Duration::from_secs(1))), None);
    }
}

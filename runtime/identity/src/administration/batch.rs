//! Many identities in one request (`patchIdentitiesBody`): each is made or fails by itself.
//!
//! What is decided is applied in few changes of [`CHANGE`] identities each. Nobody is asked before whether names are
//! free, which would be two look-ups for each: where a guard misses, those of that change are asked for one by one.

use std::collections::HashSet;

use primitives::{Actor, Change, IdentityId};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Administered, AdministrationError, CreateIdentity, check_free, make};
use crate::flow::Room;
use crate::schema::CheckedTraits;
use crate::write::Write;

/// Identities in one request.
const MOST: usize = 1000;
/// Of these, with passwords that are still to be hashed, which takes tens of milliseconds each.
const MOST_PLAIN: usize = 200;
/// Identities in one change.
pub const CHANGE: usize = 256;
/// Of so many in a change, each is found by search at once.
const FOUND_AT_ONCE: usize = 50;

/// Whether identities may keep the ids that they have elsewhere. The compatible API does not have that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// They get new ones.
    New,
    /// They may keep theirs.
    Kept,
}

/// `patchIdentitiesBody`
#[derive(Debug)]
pub struct Batch {
    /// In the order of the request.
    pub patches: Vec<Patch>,
}

/// `identityPatch`
#[derive(Debug)]
pub struct Patch {
    /// How the caller tells it from others.
    pub id: Option<Uuid>,
    /// The id that the identity keeps from elsewhere.
    pub keeps: Option<IdentityId>,
    /// What is to be made.
    pub create: Result<CreateIdentity, AdministrationError>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<'a> {
    #[serde(borrow)]
    identities: Vec<PatchBody<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PatchBody<'a> {
    #[serde(default)]
    patch_id: Option<Uuid>,
    #[serde(default)]
    id: Option<IdentityId>,
    #[serde(borrow, default)]
    create: Option<&'a RawValue>,
}

impl Batch {
    /// Reads a body. What is wrong with one patch is that patch's failure; what is wrong with the whole is the request's.
    pub fn from_json(body: &[u8], ids: Ids) -> Result<Self, AdministrationError> {
        let Body { identities } = serde_json::from_slice(body).map_err(super::body::malformed)?;
        if identities.is_empty() || identities.len() > MOST {
            return Err(AdministrationError::Malformed(format!("`identities` must be 1 to {MOST} patches")));
        }
        if ids == Ids::New && identities.iter().any(|patch| patch.id.is_some()) {
            return Err(AdministrationError::Malformed(
                "a patch with an `id`: they are given here".to_owned(),
            ));
        }
        let patches: Vec<Patch> = identities
            .into_iter()
            .map(|patch| Patch {
                id: patch.patch_id,
                keeps: patch.id,
                create: match patch.create {
                    Some(create) => CreateIdentity::from_json(create.get().as_bytes()),
                    None => Err(AdministrationError::Malformed("a patch without `create`".to_owned())),
                },
            })
            .collect();
        let is_plain = |patch: &&Patch| patch.create.as_ref().is_ok_and(CreateIdentity::has_plain_password);
        if patches.iter().filter(is_plain).count() > MOST_PLAIN {
            let words =
                format!("at most {MOST_PLAIN} of the identities may have a `password` that is not hashed");
            return Err(AdministrationError::Malformed(words));
        }
        Ok(Self { patches })
    }
}

/// An identity that is decided and not yet applied.
#[derive(Debug)]
pub struct Planned {
    made: Administered,
    checked: CheckedTraits,
}

/// Names that the identities of one batch took before those behind them.
#[derive(Debug, Default)]
pub struct Taken {
    skeletons: HashSet<String>,
    external_ids: HashSet<String>,
    ids: HashSet<IdentityId>,
}

impl Planned {
    /// The identity's id.
    pub fn id(&self) -> IdentityId {
        self.made.identity.id
    }

    /// Its change.
    pub fn change(&self) -> Change<Write> {
        self.made.change.clone()
    }

    /// Asks whether its names are still free.
    pub async fn check_free(&self, room: Room<'_>) -> Result<(), AdministrationError> {
        if room.identities.find_identity(room.tenant, self.id()).await?.is_some() {
            return Err(AdministrationError::IdTaken);
        }
        check_free(room, None, &self.checked, self.made.identity.external_id.as_deref()).await
    }
}

/// Decides one identity of a batch. One whose names another of the batch has is refused at once.
pub async fn plan(
    room: Room<'_>,
    actor: Actor,
    (keeps, body): (Option<IdentityId>, CreateIdentity),
    taken: &mut Taken,
) -> Result<Planned, AdministrationError> {
    let id = keeps.unwrap_or_else(|| IdentityId::generate_at(room.rng, room.now));
    let (made, checked) = make(room, actor, (id, body), false).await?;
    if taken.ids.contains(&id) {
        return Err(AdministrationError::IdTaken);
    }
    if checked.identifiers().iter().any(|identifier| taken.skeletons.contains(identifier.skeleton())) {
        return Err(AdministrationError::IdentifierTaken);
    }
    let external_id = made.identity.external_id.as_ref();
    if external_id.is_some_and(|id| taken.external_ids.contains(id)) {
        return Err(AdministrationError::ExternalIdTaken);
    }
    taken.ids.insert(id);
    taken.external_ids.extend(external_id.cloned());
    taken.skeletons.extend(checked.identifiers().iter().map(|identifier| identifier.skeleton().to_owned()));
    Ok(Planned { made, checked })
}

/// One change for several identities: all of them or none.
pub fn joined<'a>(room: Room<'_>, planned: impl IntoIterator<Item = &'a Planned>) -> Change<Write> {
    let empty = (0, Change::new(room.tenant.clone()));
    let add = |(count, change): (usize, Change<Write>), planned: &Planned| {
        (count + 1, change.and(planned.change()))
    };
    let (count, mut change) = planned.into_iter().fold(empty, add);
    if count > FOUND_AT_ONCE {
        change.writes = change.writes.into_iter().map(imported).collect();
    }
    change
}

fn imported(write: Write) -> Write {
    match write {
        Write::InsertIdentity(identity) => Write::ImportIdentity(identity),
        other => other,
    }
}

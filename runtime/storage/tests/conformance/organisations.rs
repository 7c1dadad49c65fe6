//! Organisations on both databases: what is written is read, guards hold against a race, and one organisation is nothing
//! in another.

use federation::Connection;
use federation::connection::Asked;
use federation::ports::{Connections as _, ProviderSecrets as _};
use identity::Write;
use identity::identity::Identity;
use identity::organisation::change::By;
use identity::organisation::domain::{DomainClaim, ProvenDomain};
use identity::organisation::group::{Group, GroupMember};
use identity::organisation::invitation::Invitation;
use identity::organisation::member::{Member, Role};
use identity::organisation::ports::{RecordsUnavailable, TextRecords};
use identity::organisation::{
    Domain, Organisation, OrganisationState, OrganisationWrite, Organisations as _, Policy, Provenance,
};
use identity::ports::Identities as _;
use identity::search::IdentitySearch as _;
use oauth2::ports::SubjectClaims as _;
use portcullis_storage::OrganisationSweep;
use primitives::{Actor, GroupId, InvitationId, KeyedHash, OrganisationId, TenantId};

use crate::world::World;

/// A name server that has what it is asked for.
#[derive(Debug)]
pub(crate) struct Published(pub(crate) Vec<String>);

impl TextRecords for Published {
    fn find_text<'a>(
        &'a self,
        _: &'a str,
    ) -> futures_util::future::BoxFuture<'a, Result<Vec<String>, RecordsUnavailable>> {
        Box::pin(std::future::ready(Ok(self.0.clone())))
    }
}

impl World {
    pub(crate) fn organisation(&self, label: &str) -> Organisation {
        Organisation {
            id: OrganisationId::generate(&*self.rng),
            label: label.to_owned(),
            state: OrganisationState::Active,
            policy: Policy { join_by_domain: true, ..Policy::default() },
            created_at: self.now(),
            updated_at: self.now(),
            version: 1,
        }
    }

    pub(crate) async fn with_organisation(&self, label: &str) -> Organisation {
        let organisation = self.organisation(label);
        let write = Write::Organisation(OrganisationWrite::Insert(Box::new(organisation.clone())));
        assert_eq!(self.apply([write]).await, None);
        organisation
    }

    pub(crate) async fn with_person(&self) -> Identity {
        let person = self.person();
        assert_eq!(self.apply([Write::InsertIdentity(Box::new(person.clone()))]).await, None);
        person
    }

    pub(crate) fn claim(&self, domain: &str) -> DomainClaim {
        DomainClaim::new(Domain::parse(domain).unwrap(), &*self.rng, self.now())
    }

    pub(crate) fn member(&self, organisation: &Organisation, person: &Identity, role: Role) -> Member {
        Member {
            organisation: organisation.id,
            identity: person.id,
            role,
            provenance: Provenance::Manual,
            created_at: self.now(),
            updated_at: self.now(),
        }
    }

    pub(crate) fn invitation(&self, organisation: &Organisation, token: &str) -> (Invitation, KeyedHash) {
        let invitation = Invitation {
            organisation: organisation.id,
            id: InvitationId::generate(&*self.rng),
            address: "ada@acme.example".to_owned(),
            role: Role::Admin,
            invited_by: "system".to_owned(),
            created_at: self.now(),
            expires_at: self.in_seconds(3600),
            accepted_at: None,
            accepted_by: None,
            revoked_at: None,
        };
        (invitation, self.hash(token))
    }

    async fn write(&self, write: OrganisationWrite) -> Option<usize> {
        self.apply([Write::Organisation(write)]).await
    }

    /// Walks over what is left of a deleted organisation, while others write; how many rows, and in how many steps.
    async fn sweep_organisation(&self, organisation: OrganisationId, limit: u32) -> (u64, usize) {
        let mut sweep = OrganisationSweep::of(self.tenant.clone(), organisation);
        let (mut rows, mut steps) = (0, 0);
        while let Some(written) = sweep.step(&self.storage, limit).await.unwrap() {
            assert!(written <= 2 * u64::from(limit), "{written} at once");
            rows += written;
            steps += 1;
            if steps % 50 == 0 {
                self.with_organisation("Another").await;
            }
        }
        (rows, steps)
    }

    async fn home(&self, person: &Identity) -> Option<OrganisationId> {
        self.storage.find_identity(&self.tenant, person.id).await.unwrap().unwrap().organisation
    }
}

pub(crate) async fn proven(claim: &DomainClaim) -> ProvenDomain {
    claim.prove(&Published(vec!["v=spf1 -all".to_owned(), claim.record_value()])).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn organisation_is_read_as_written_and_changed_once() {
    for world in World::each().await {
        let mut acme = world.with_organisation("Acme").await;
        let found = world.storage.find_organisation(&world.tenant, acme.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&acme));
        assert_eq!(world.write(OrganisationWrite::Insert(Box::new(acme.clone()))).await, Some(0));
        acme.label = "Acme Corporation".to_owned();
        world.race(Write::Organisation(OrganisationWrite::Replace(Box::new(acme.clone())))).await;
        acme.version = 2;
        let other = world.with_organisation("Other").await;
        let mut all = vec![acme, other];
        all.sort_by_key(|organisation| organisation.id);
        let listed = world.storage.list_organisations(&world.tenant, None, 10).await.unwrap();
        assert_eq!(listed, all);
        let rest = world.storage.list_organisations(&world.tenant, Some(all[0].id), 10).await.unwrap();
        assert_eq!(rest, all[1..]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn domain_is_proven_by_one_organisation_and_decides_nothing_before() {
    for world in World::each().await {
        let (acme, rival) = (world.with_organisation("Acme").await, world.with_organisation("Rival").await);
        let domain = Domain::parse("acme.example").unwrap();
        let (ours, theirs) = (world.claim("acme.example"), world.claim("acme.example"));
        for (organisation, claim) in [(&acme, &ours), (&rival, &theirs)] {
            let write =
                OrganisationWrite::ClaimDomain { organisation: organisation.id, claim: claim.clone() };
            assert_eq!(world.write(write.clone()).await, None, "several may say so");
            assert_eq!(world.write(write).await, Some(0), "once each");
        }
        assert!(ours.prove(&Published(vec![theirs.record_value()])).await.is_err(), "another's record");
        let by_domain = async || {
            let found = world.storage.find_by_domain(&world.tenant, &domain).await.unwrap();
            found.map(|found| found.id)
        };
        assert_eq!(by_domain().await, None);

        let verify = async |organisation: OrganisationId, claim: &DomainClaim, token: &str| {
            let (domain, token) = (proven(claim).await, token.to_owned());
            OrganisationWrite::VerifyDomain { organisation, domain, token, at: world.now() }
        };
        let write = verify(rival.id, &theirs, &ours.token).await;
        assert_eq!(world.write(write).await, Some(0), "a claim is proven by its own token");
        world.race(Write::Organisation(verify(acme.id, &ours, &ours.token).await)).await;
        assert_eq!(by_domain().await, Some(acme.id));
        let write = verify(rival.id, &theirs, &theirs.token).await;
        assert_eq!(world.write(write).await, Some(0), "it is another's");
        let claims = world.storage.list_domains(&world.tenant, rival.id, None, 10).await.unwrap();
        assert_eq!(claims, std::slice::from_ref(&theirs), "not proven");
        let claim = world.storage.find_claim(&world.tenant, acme.id, &domain).await.unwrap().unwrap();
        assert_eq!(claim.verified_at, Some(world.now()));

        let release = OrganisationWrite::ReleaseDomain { organisation: acme.id, domain: domain.clone() };
        assert_eq!(world.write(release.clone()).await, None);
        assert_eq!(world.write(release).await, Some(0));
        assert_eq!(by_domain().await, None);
        assert_eq!(world.write(verify(rival.id, &theirs, &theirs.token).await).await, None, "free again");
        assert_eq!(by_domain().await, Some(rival.id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn member_belongs_by_one_row_and_has_one_home() {
    for world in World::each().await {
        let (acme, other) = (world.with_organisation("Acme").await, world.with_organisation("Other").await);
        let ada = world.with_person().await;
        let add = |organisation, role| OrganisationWrite::AddMember(world.member(organisation, &ada, role));
        world.race(Write::Organisation(add(&acme, Role::Owner))).await;
        assert_eq!(world.home(&ada).await, Some(acme.id));
        assert_eq!(world.write(add(&other, Role::Other("buyer".to_owned()))).await, None);
        assert_eq!(world.home(&ada).await, Some(acme.id), "the first one stays");
        let all = world.storage.list_memberships(&world.tenant, ada.id, 10).await.unwrap();
        assert_eq!(all.len(), 2);
        let found = world.storage.search(&world.tenant, &of(acme.id), None, 10).await.unwrap();
        assert_eq!(found.identities.len(), 1, "found by its organisation");

        let was = world.member(&acme, &ada, Role::Owner);
        let remove =
            |keeps_owner| OrganisationWrite::RemoveMember { was: was.clone(), at: world.now(), keeps_owner };
        assert_eq!(world.write(remove(true)).await, Some(0), "one owner stays");
        assert_eq!(world.write(remove(false)).await, None);
        assert_eq!(world.write(remove(false)).await, Some(0));
        assert_eq!(world.home(&ada).await, None);
        let found = world.storage.search(&world.tenant, &of(acme.id), None, 10).await.unwrap();
        assert!(found.identities.is_empty());
        let mut inactive = acme.clone();
        inactive.state = OrganisationState::Inactive;
        assert_eq!(world.write(OrganisationWrite::Replace(Box::new(inactive))).await, None);
        assert_eq!(world.write(add(&acme, Role::Member)).await, Some(0), "nobody joins what is inactive");
    }
}

fn of(organisation: OrganisationId) -> identity::search::SearchQuery {
    let mut query = identity::search::SearchQuery::default();
    query.filter("organisation", &organisation.to_string()).unwrap();
    query
}

/// Attack: two owners demote each other at the same moment, and nobody is left.
#[tokio::test(flavor = "multi_thread")]
async fn two_owners_who_demote_each_other_leave_one() {
    for world in World::each().await {
        let acme = world.with_organisation("Acme").await;
        let owners = [world.with_person().await, world.with_person().await];
        for owner in &owners {
            let member = world.member(&acme, owner, Role::Owner);
            assert_eq!(world.write(OrganisationWrite::AddMember(member)).await, None);
        }
        for _ in 0..20 {
            let demote = |owner| OrganisationWrite::ChangeRole {
                member: world.member(&acme, owner, Role::Member),
                was: world.member(&acme, owner, Role::Owner),
                keeps_owner: true,
            };
            let (first, second) =
                tokio::join!(world.write(demote(&owners[0])), world.write(demote(&owners[1])));
            assert!(first.is_none() != second.is_none(), "{first:?} {second:?}");
            for owner in &owners {
                let promote = OrganisationWrite::ChangeRole {
                    member: world.member(&acme, owner, Role::Owner),
                    was: world.member(&acme, owner, Role::Member),
                    keeps_owner: true,
                };
                world.write(promote).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn group_holds_members_of_its_organisation_only() {
    for world in World::each().await {
        let (acme, rival) = (world.with_organisation("Acme").await, world.with_organisation("Rival").await);
        let (ada, bob) = (world.with_person().await, world.with_person().await);
        for (organisation, person) in [(&acme, &ada), (&rival, &bob)] {
            let member = world.member(organisation, person, Role::Member);
            assert_eq!(world.write(OrganisationWrite::AddMember(member)).await, None);
        }
        let group = Group {
            organisation: acme.id,
            id: GroupId::generate(&*world.rng),
            label: "Buyers".to_owned(),
            provenance: Provenance::Manual,
            created_at: world.now(),
            updated_at: world.now(),
        };
        assert_eq!(world.write(OrganisationWrite::InsertGroup(group.clone())).await, None);
        let add = |organisation: &Organisation, person: &Identity| OrganisationWrite::AddToGroup {
            organisation: organisation.id,
            group: group.id,
            member: GroupMember {
                identity: person.id,
                provenance: Provenance::Manual,
                created_at: world.now(),
            },
        };
        assert_eq!(world.write(add(&acme, &bob)).await, Some(0), "no member");
        assert_eq!(world.write(add(&rival, &bob)).await, Some(0), "another's group");
        world.race(Write::Organisation(add(&acme, &ada))).await;
        let listed = async || {
            let group = (acme.id, group.id);
            world.storage.list_group_members(&world.tenant, group, None, 10).await.unwrap().len()
        };
        assert_eq!(listed().await, 1);
        assert_eq!(world.storage.find_group(&world.tenant, rival.id, group.id).await.unwrap(), None);
        assert_eq!(
            world.storage.find_group(&world.tenant, acme.id, group.id).await.unwrap(),
            Some(group.clone())
        );
        let was = world.member(&acme, &ada, Role::Member);
        let remove = OrganisationWrite::RemoveMember { was, at: world.now(), keeps_owner: true };
        assert_eq!(world.write(remove).await, None);
        assert_eq!(listed().await, 0, "who leaves the organisation leaves its groups");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invitation_is_used_once_of_fifty_at_a_time() {
    for world in World::each().await {
        let acme = world.with_organisation("Acme").await;
        let ada = world.with_person().await;
        let make = async |token: &str| {
            let (invitation, token) = world.invitation(&acme, token);
            let write =
                OrganisationWrite::InsertInvitation { invitation: Box::new(invitation.clone()), token };
            assert_eq!(world.write(write).await, None);
            invitation
        };
        let accept = |invitation: &Invitation, at| OrganisationWrite::AcceptInvitation {
            organisation: acme.id,
            invitation: invitation.id,
            identity: ada.id,
            at,
        };
        let revoke = |invitation: &Invitation| OrganisationWrite::RevokeInvitation {
            organisation: acme.id,
            invitation: invitation.id,
            at: world.now(),
        };
        let first = make("first").await;
        world.race(Write::Organisation(accept(&first, world.now()))).await;
        assert_eq!(world.write(revoke(&first)).await, Some(0), "it was used");
        let read = world.storage.find_by_invitation_token(&world.tenant, &[world.hash("first")]).await;
        let read = read.unwrap().unwrap();
        assert_eq!((read.accepted_at, read.accepted_by), (Some(world.now()), Some(ada.id)));

        let second = make("second").await;
        assert_eq!(world.write(accept(&second, second.expires_at)).await, Some(0), "it is expired");
        world.race(Write::Organisation(revoke(&second))).await;
        assert_eq!(world.write(accept(&second, world.now())).await, Some(0), "it was taken back");
        let listed = world.storage.list_invitations(&world.tenant, acme.id, None, 10).await.unwrap();
        assert_eq!(listed.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_organisation_leaves_its_people_and_nothing_else() {
    for world in World::each().await {
        let acme = world.with_organisation("Acme").await;
        let ada = world.with_person().await;
        let claim = world.claim("acme.example");
        let (invitation, token) = world.invitation(&acme, "t");
        let writes = [
            OrganisationWrite::AddMember(world.member(&acme, &ada, Role::Owner)),
            OrganisationWrite::ClaimDomain { organisation: acme.id, claim: claim.clone() },
            OrganisationWrite::VerifyDomain {
                organisation: acme.id,
                domain: proven(&claim).await,
                token: claim.token.clone(),
                at: world.now(),
            },
            OrganisationWrite::InsertInvitation { invitation: Box::new(invitation), token: token.clone() },
        ];
        assert_eq!(world.apply(writes.map(Write::Organisation)).await, None);
        let deleted = OrganisationWrite::Delete { organisation: acme.id, at: world.now() };
        assert_eq!(world.write(deleted.clone()).await, None);
        assert_eq!(world.write(deleted).await, Some(0));
        let storage = &world.storage;
        assert_eq!(storage.find_by_domain(&world.tenant, &claim.domain).await.unwrap(), None);
        world.sweep_organisation(acme.id, 10).await;
        assert_eq!(world.home(&ada).await, None);
        assert_eq!(storage.list_memberships(&world.tenant, ada.id, 10).await.unwrap(), []);
        assert_eq!(storage.find_by_invitation_token(&world.tenant, &[token]).await.unwrap(), None);
    }
}

/// Attack: an organisation of very many people is deleted, and until all of them were written nobody else of the tenant
/// writes; or whoever is given its id next meets them.
#[tokio::test(flavor = "multi_thread")]
async fn large_organisation_leaves_in_small_steps_between_which_others_write() {
    const PEOPLE: usize = 10_000;
    // Both databases; what is read here is cached nowhere.
    for world in World::each().await.into_iter().take(2) {
        let acme = world.with_organisation("Acme").await;
        let people: Vec<Identity> = (0..PEOPLE).map(|_| world.person()).collect();
        for some in people.chunks(250) {
            let join = |person: &Identity| {
                let member = world.member(&acme, person, Role::Member);
                [
                    Write::InsertIdentity(Box::new(person.clone())),
                    Write::Organisation(OrganisationWrite::AddMember(member)),
                ]
            };
            assert_eq!(world.apply(some.iter().flat_map(join)).await, None);
        }
        let deleted = OrganisationWrite::Delete { organisation: acme.id, at: world.now() };
        assert_eq!(world.write(deleted).await, None);
        assert_eq!(world.storage.find_organisation(&world.tenant, acme.id).await.unwrap(), None);
        let belongs = world.storage.is_in_organisation(&world.tenant, acme.id, people[0].id).await.unwrap();
        assert!(!belongs, "at once, whatever is left");
        let again = OrganisationWrite::Insert(Box::new(acme.clone()));
        assert_eq!(world.write(again.clone()).await, Some(0), "its id is nobody's yet");

        let (rows, steps) = world.sweep_organisation(acme.id, 200).await;
        // The people, their terms, and their memberships.
        assert_eq!(rows, 3 * PEOPLE as u64);
        assert!(steps >= 2 * PEOPLE / 200, "{steps}");
        for table in ["organisation_members", "identities WHERE organisation IS NOT NULL"] {
            let left = world.raw_texts(&format!("SELECT tenant FROM {table}")).await;
            assert_eq!(left, [""; 0], "{table}");
        }
        for person in [&people[0], &people[PEOPLE - 1]] {
            assert_eq!(world.home(person).await, None, "people stay, and belong to none");
        }
        assert_eq!(world.sweep_organisation(acme.id, 200).await.0, 0);
        world.storage.end_organisation_deletion(&world.tenant, acme.id).await.unwrap();
        assert_eq!(world.write(again).await, None);
        let left = world.storage.list_memberships(&world.tenant, people[0].id, 10).await.unwrap();
        assert_eq!(left, [], "whoever has the id next meets nobody");
    }
}

/// A connection is one organisation's, changed by one of two at a time, and gone with it, its secret too.
#[tokio::test(flavor = "multi_thread")]
async fn connection_is_read_as_written_changed_once_and_gone_with_its_organisation() {
    for world in World::each().await {
        let (acme, rival) = (world.with_organisation("Acme").await, world.with_organisation("Rival").await);
        let set = |known: Option<&Connection>, label: &str| {
            let by = By::operator(Actor::System);
            let asked = Asked {
                tenant: &world.tenant,
                organisation: &acme,
                by: by.owning().unwrap(),
                rng: &*world.rng,
                now: world.now(),
            };
            let body = serde_json::json!({
                "provider": "generic", "client_id": "c", "issuer_url": "https://login.acme.example",
                "label": label, "client_secret": "hunter2",
            });
            let serde_json::Value::Object(body) = body else { panic!("no object") };
            federation::connection::put(asked, known, body).unwrap()
        };
        let (first, change) = set(None, "Acme");
        let again = change.clone();
        world.storage.apply(change).await.unwrap();
        assert!(world.storage.apply(again).await.is_err(), "there is one");
        let (storage, tenant) = (&world.storage, &world.tenant);
        let read = storage.find_connection(tenant, acme.id).await.unwrap().unwrap();
        assert_eq!(read, Connection { version: 1, ..first });
        let provider = read.settings.id.clone();
        let by_name = storage.find_connection_by_provider(tenant, &provider).await.unwrap();
        assert_eq!(by_name.as_ref(), Some(&read));
        let secret = storage.find_provider_secret(tenant, &provider).await.unwrap().unwrap();
        assert_eq!(secret.expose(), "hunter2");
        let other: TenantId = "other".parse().unwrap();
        assert!(read.enabled);
        assert_eq!(storage.find_connection(tenant, rival.id).await.unwrap(), None);
        assert_eq!(storage.find_connection(&other, acme.id).await.unwrap(), None);
        assert_eq!(storage.find_connection_by_provider(&other, &provider).await.unwrap(), None);

        let (_, one) = set(Some(&read), "One");
        let (_, two) = set(Some(&read), "Two");
        world.storage.apply(one).await.unwrap();
        assert!(world.storage.apply(two).await.is_err(), "somebody was faster");

        let known = storage.find_connection(tenant, acme.id).await.unwrap().unwrap();
        let by = By::operator(Actor::System);
        let by = by.owning().unwrap();
        let asked = Asked { tenant, organisation: &acme, by, rng: &*world.rng, now: world.now() };
        let (_, off) = federation::connection::switch(asked, known.clone(), false).unwrap();
        let (_, set) = set(Some(&known), "Three");
        world.storage.apply(off.unwrap()).await.unwrap();
        assert!(world.storage.apply(set).await.is_err(), "what was set on what it was does not enable it");
        assert!(!storage.find_connection_by_provider(tenant, &provider).await.unwrap().unwrap().enabled);
        let deleted = OrganisationWrite::Delete { organisation: acme.id, at: world.now() };
        assert_eq!(world.write(deleted).await, None);
        assert_eq!(storage.find_connection(tenant, acme.id).await.unwrap(), None);
        assert!(storage.find_provider_secret(tenant, &provider).await.unwrap().is_none());
    }
}

/// A tenant's organisations are nothing in another tenant, and one organisation's rows are nothing in another's.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_an_organisation_are_found_in_no_other_tenant_and_no_other_organisation() {
    for world in World::each().await {
        let (acme, rival) = (world.with_organisation("Acme").await, world.with_organisation("Rival").await);
        let ada = world.with_person().await;
        let claim = world.claim("acme.example");
        let (invitation, token) = world.invitation(&acme, "t");
        let group = Group {
            organisation: acme.id,
            id: GroupId::generate(&*world.rng),
            label: "Buyers".to_owned(),
            provenance: Provenance::Manual,
            created_at: world.now(),
            updated_at: world.now(),
        };
        let member =
            GroupMember { identity: ada.id, provenance: Provenance::Manual, created_at: world.now() };
        let writes = [
            OrganisationWrite::AddMember(world.member(&acme, &ada, Role::Owner)),
            OrganisationWrite::ClaimDomain { organisation: acme.id, claim: claim.clone() },
            OrganisationWrite::VerifyDomain {
                organisation: acme.id,
                domain: proven(&claim).await,
                token: claim.token.clone(),
                at: world.now(),
            },
            OrganisationWrite::InsertGroup(group.clone()),
            OrganisationWrite::AddToGroup { organisation: acme.id, group: group.id, member },
            OrganisationWrite::InsertInvitation {
                invitation: Box::new(invitation.clone()),
                token: token.clone(),
            },
        ];
        assert_eq!(world.apply(writes.map(Write::Organisation)).await, None);
        let hashes = [token];
        let looked_up = async |tenant: &TenantId, organisation: OrganisationId| {
            let storage = &world.storage;
            macro_rules! look {
                ($($name:ident($($argument:expr),*)),+ $(,)?) => {
                    vec![$((stringify!($name), format!("{:?}", storage.$name(tenant, $($argument),*).await.unwrap()))),+]
                };
            }
            look![
                find_claim(organisation, &claim.domain),
                list_domains(organisation, None, 10),
                find_member(organisation, ada.id),
                list_members(organisation, None, 10),
                find_group(organisation, group.id),
                list_groups(organisation, None, 10),
                list_group_members((organisation, group.id), None, 10),
                find_invitation(organisation, invitation.id),
                list_invitations(organisation, None, 10),
                // From here on of the tenant, whatever the organisation.
                find_organisation(acme.id),
                find_by_domain(&claim.domain),
                list_organisations(None, 10),
                list_memberships(ada.id, 10),
                find_by_invitation_token(&hashes),
            ]
        };
        let is_empty = |found: &str| ["None", "[]"].contains(&found);
        for (name, found) in looked_up(&world.tenant, acme.id).await {
            assert!(!is_empty(&found), "{name} finds its own");
        }
        for (name, found) in looked_up(&world.tenant, rival.id).await.into_iter().take(9) {
            assert!(is_empty(&found), "{name} finds another organisation's: {found}");
        }
        let other: TenantId = "other".parse().unwrap();
        for (name, found) in looked_up(&other, acme.id).await {
            assert!(is_empty(&found), "{name} finds another tenant's: {found}");
        }
    }
}

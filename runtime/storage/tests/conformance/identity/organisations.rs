//! What organisations ask of a sign-in, whatever the proof: decided by the room on real rows, on both databases.

use std::time::Duration;

use identity::flow::{Caller, FlowKind, NewFlow, StartRequest, Transport, start_login, start_registration};
use identity::organisation::change::{self, By, NewOrganisation, OrganisationPatch};
use identity::organisation::domain::DomainClaim;
use identity::organisation::invitation::{
    self, InvitationComposer, InvitationValues, NewInvitation, USUAL_LIFESPAN,
};
use identity::organisation::member::Role;
use identity::organisation::{
    Domain, Organisation, OrganisationError, OrganisationState, Organisations as _, Policy, organisation_of,
};
use identity::ports::{Identities as _, Sessions as _};
use identity::session::{LiveSession, Method};
use identity::{Flow, Identifier, Identity, Step, Submission, Write, next_step};
use primitives::subject::AssuranceLevel;
use primitives::{Actor, Change, ClientAddress, Clock as _, OrganisationId};
use serde_json::json;

use super::World;
use super::{Mail, message};
use crate::organisations::Published;

/// Messages whose text is the link.
struct Invitations;

impl InvitationComposer for Invitations {
    fn compose_invitation(&self, values: InvitationValues<'_>) -> Mail {
        Mail {
            subject: values.organisation.to_owned(),
            text: values.url.to_owned(),
            html: values.to.to_owned(),
            locale: "en".to_owned(),
            data: serde_json::Map::new(),
            from: None,
        }
    }
}

const OPERATOR: fn() -> By = || By::operator(Actor::System);

impl World {
    async fn apply_whole(&self, change: Change<Write>) {
        self.storage.apply(change).await.unwrap();
    }

    async fn organisation(&self, policy: Policy) -> Organisation {
        let new = NewOrganisation { id: None, label: "Acme".to_owned(), policy };
        let (organisation, change) = change::create(self.room(), &OPERATOR(), new).unwrap();
        self.apply_whole(change).await;
        organisation
    }

    async fn set_member(&self, organisation: OrganisationId, person: &Identity, role: Role) {
        let wanted = (person.id, role);
        let set = change::set_member(self.room(), &OPERATOR(), organisation, wanted).await;
        self.apply_whole(set.unwrap().1).await;
    }

    pub(super) async fn somebody(&self, email: &str) -> Identity {
        self.register(email).await.unwrap();
        self.read(email).await
    }

    async fn read(&self, email: &str) -> Identity {
        let identifier = Identifier::parse(email).unwrap();
        self.storage.find_by_identifier(&self.tenant, &identifier).await.unwrap().unwrap().0
    }

    /// An organisation's proven domain.
    async fn prove_domain(&self, organisation: OrganisationId, domain: &str) {
        let (claim, change) =
            change::claim_domain(self.room(), &OPERATOR(), organisation, domain).await.unwrap();
        self.apply_whole(change.unwrap()).await;
        let records = Published(vec![claim.record_value()]);
        let verified =
            change::verify_domain(self.room(), &OPERATOR(), organisation, domain, &records).await.unwrap();
        self.apply_whole(verified.1.unwrap()).await;
    }

    /// What signing in leads to, in the name of an organisation if one is given; written if it is a session.
    async fn enter(&self, email: &str, organisation: Option<OrganisationId>) -> Step {
        let kind = FlowKind::Login {
            refresh: None,
            select_account: false,
            login_challenge: None,
            identifier: String::new(),
        };
        let new = NewFlow {
            kind,
            transport: Transport::Api,
            request: String::new(),
            return_to: None,
            schema: "default".to_owned(),
        };
        let flow = Flow::begin(new, &*self.rng, self.clock.now(), &self.settings);
        let flow = Flow { organisation, ..flow };
        let body = json!({"method": "password", "identifier": email, "password": "correct horse"});
        let submission = Submission::from_json(body.to_string().as_bytes()).unwrap();
        next_step(self.room(), caller(), flow, submission).await.unwrap()
    }

    /// The session in which a sign-in ends, written.
    async fn session(&self, email: &str, organisation: Option<OrganisationId>) -> LiveSession {
        let Step::SignedIn(signed_in) = self.enter(email, organisation).await else { panic!("refused") };
        self.apply_whole(signed_in.change.seal(self.storage.sealer())).await;
        LiveSession::check(signed_in.session, signed_in.identity, self.clock.now()).unwrap()
    }

    async fn invite(&self, organisation: OrganisationId, address: &str) -> String {
        let new = NewInvitation { address, role: Role::Admin, lifespan: USUAL_LIFESPAN };
        let made = invitation::invite(self.room(), &OPERATOR(), organisation, new, &Invitations).await;
        let change = made.unwrap().1;
        let text = change.writes.iter().find_map(|write| match write {
            Write::QueueMessage(message) => Some(message.mail.text.clone()),
            _ => None,
        });
        self.apply_whole(change).await;
        text.unwrap().split_once("token=").unwrap().1.to_owned()
    }
}

fn caller() -> Caller<'static> {
    let address = ClientAddress("203.0.113.9".parse().unwrap());
    Caller { address, user_agent: None, session: None }
}

fn request(base: &url::Url) -> StartRequest<'_> {
    StartRequest::new(Transport::Api, base, "/self-service/registration/api")
}

fn refused(step: &Step) -> bool {
    matches!(step, Step::Form(_)) && message(step) > 0
}

#[tokio::test]
async fn policy_of_an_organisation_bounds_the_sessions_in_its_name() {
    for world in World::both().await {
        let policy = Policy { session_lifespan_seconds: Some(600), ..Policy::default() };
        let acme = world.organisation(policy).await;
        let ada = world.somebody("ada@acme.example").await;
        let free = world.session("ada@acme.example", None).await;
        assert_eq!(free.session().organisation, None, "of nobody's");
        let usual = free.session().expires_at;
        world.set_member(acme.id, &ada, Role::Member).await;
        let live = world.session("ada@acme.example", None).await;
        assert_eq!(live.session().organisation, Some(acme.id));
        assert_eq!(live.session().expires_at, world.clock.now().after(Duration::from_mins(10)));
        assert!(live.session().expires_at < usual);
        assert_eq!(live.subject(&world.tenant).organisation, Some(acme.id), "tokens say so");
    }
}

#[tokio::test]
async fn method_that_an_organisation_has_closed_signs_nobody_in() {
    for world in World::both().await {
        let acme = world.organisation(Policy::default()).await;
        let ada = world.somebody("ada@acme.example").await;
        world.set_member(acme.id, &ada, Role::Member).await;
        for (allowed, enters) in
            [(None, true), (Some(vec![Method::Password]), true), (Some(vec![Method::Code]), false)]
        {
            let policy = Policy { allowed_methods: allowed.clone(), ..Policy::default() };
            let patch = OrganisationPatch { policy: Some(policy), ..OrganisationPatch::default() };
            let updated = change::update(world.room(), &OPERATOR(), acme.id, patch).await;
            world.apply_whole(updated.unwrap().1).await;
            let step = world.enter("ada@acme.example", None).await;
            assert_eq!(matches!(step, Step::SignedIn(_)), enters, "{allowed:?}");
            assert_eq!(refused(&step), !enters, "{allowed:?}");
        }
    }
}

#[tokio::test]
async fn session_that_lacks_what_its_organisation_asks_counts_for_nothing() {
    for world in World::both().await {
        let policy = Policy { required_aal: Some(AssuranceLevel::Aal2), ..Policy::default() };
        let acme = world.organisation(policy).await;
        let ada = world.somebody("ada@acme.example").await;
        world.set_member(acme.id, &ada, Role::Member).await;
        let live = world.session("ada@acme.example", None).await;
        assert!(!live.satisfies_organisation());
        let read = world.storage.find_session(&world.tenant, live.session().id).await.unwrap().unwrap();
        assert_eq!(read.required, Some(AssuranceLevel::Aal2), "the row says so too");
    }
}

#[tokio::test]
async fn nobody_signs_in_in_the_name_of_what_they_do_not_belong_to() {
    for world in World::both().await {
        let (acme, rival) =
            (world.organisation(Policy::default()).await, world.organisation(Policy::default()).await);
        let ada = world.somebody("ada@acme.example").await;
        world.set_member(acme.id, &ada, Role::Owner).await;
        assert!(refused(&world.enter("ada@acme.example", Some(rival.id)).await));
        assert!(refused(&world.enter("ada@acme.example", Some(OrganisationId(uuid::Uuid::nil()))).await));
        world.set_member(rival.id, &ada, Role::Member).await;
        let live = world.session("ada@acme.example", Some(rival.id)).await;
        assert_eq!(live.session().organisation, Some(rival.id), "a member of two chooses");

        let inactive =
            OrganisationPatch { state: Some(OrganisationState::Inactive), ..OrganisationPatch::default() };
        let updated = change::update(world.room(), &OPERATOR(), acme.id, inactive).await;
        world.apply_whole(updated.unwrap().1).await;
        assert!(refused(&world.enter("ada@acme.example", None).await), "it is suspended");
        assert!(!refused(&world.enter("ada@acme.example", Some(rival.id)).await), "the other one is not");
    }
}

/// Attack: an address of a customer's domain that nobody has proven, or a domain that nobody has, lets somebody in.
#[tokio::test]
async fn proven_domain_takes_in_proven_addresses_where_that_is_wished() {
    for world in World::both().await {
        for (wishes, address_is_proven, domain_is_proven) in
            [(true, true, true), (false, true, true), (true, false, true), (true, true, false)]
        {
            let n = u8::from(wishes) * 4 + u8::from(address_is_proven) * 2 + u8::from(domain_is_proven);
            let (domain, email) = (format!("n{n}.example"), format!("ada@n{n}.example"));
            let policy = Policy { join_by_domain: wishes, ..Policy::default() };
            let acme = world.organisation(policy).await;
            if domain_is_proven {
                world.prove_domain(acme.id, &domain).await;
            } else {
                let claimed = change::claim_domain(world.room(), &OPERATOR(), acme.id, &domain).await;
                world.apply_whole(claimed.unwrap().1.unwrap()).await;
            }
            let mut ada = world.somebody(&email).await;
            if address_is_proven {
                ada.verifiable_addresses[0].verified = true;
                let write = Write::ReplaceIdentity(Box::new(ada.clone()));
                world.apply_whole(Change::new(world.tenant.clone()).write(write)).await;
            }
            let joins = wishes && address_is_proven && domain_is_proven;
            let live = world.session(&email, None).await;
            let case = format!("{wishes} {address_is_proven} {domain_is_proven}");
            assert_eq!(live.session().organisation, joins.then_some(acme.id), "{case}");
            assert_eq!(world.read(&email).await.organisation, joins.then_some(acme.id), "{case}");
            let member = world.storage.find_member(&world.tenant, acme.id, ada.id).await.unwrap();
            assert_eq!(member.map(|member| member.role), joins.then_some(Role::Member), "{case}");
            let identifier = Identifier::parse(&email).unwrap();
            let found = organisation_of(&world.storage, &world.tenant, &identifier);
            assert_eq!(found.await.unwrap(), domain_is_proven.then_some(acme.id), "{case}");
            world.session(&email, None).await;
        }
    }
}

#[tokio::test]
async fn invitation_is_for_one_address_and_for_accounts_old_and_new() {
    for mut world in World::both().await {
        let acme = world.organisation(Policy::default()).await;
        let (ada, eve) = (world.somebody("ada@example.com").await, world.somebody("eve@example.com").await);
        let token = world.invite(acme.id, "Ada@example.com").await;
        let eves = world.session("eve@example.com", None).await;
        let refusal = invitation::accept(world.room(), &eves, &token).await.unwrap_err();
        assert_eq!(refusal, OrganisationError::AnotherAddress, "it was passed on to {}", eve.id);
        let adas = world.session("ada@example.com", None).await;
        let (_, change) = invitation::accept(world.room(), &adas, &token).await.unwrap();
        world.apply_whole(change).await;
        let again = invitation::accept(world.room(), &adas, &token).await.unwrap_err();
        assert_eq!(again, OrganisationError::InvitationSpent);
        let member = world.storage.find_member(&world.tenant, acme.id, ada.id).await.unwrap().unwrap();
        assert_eq!(member.role, Role::Admin);
        let read = world.read("ada@example.com").await;
        assert!(read.verifiable_addresses[0].verified, "the mail proved the address");
        assert_eq!(read.organisation, Some(acme.id));

        // Sign-up is closed to everybody but the invited.
        world.settings.registration_enabled = false;
        let token = world.invite(acme.id, "new@example.com").await;
        let base = world.base.clone();
        let closed = start_registration(world.room(), caller(), request(&base)).await;
        assert!(closed.is_err());
        let wrong = StartRequest { invitation: Some("pci_x"), ..request(&base) };
        assert!(start_registration(world.room(), caller(), wrong).await.is_err());
        let with = StartRequest { invitation: Some(&token), ..request(&base) };
        let (own, _) = start_registration(world.room(), caller(), with).await.unwrap();
        let sign_up = async |email: &str| {
            let body = json!({"method": "password", "password": "correct horse", "traits": {"email": email}});
            let submission = Submission::from_json(body.to_string().as_bytes()).unwrap();
            next_step(world.room(), caller(), own.flow.clone(), submission).await.unwrap()
        };
        assert!(refused(&sign_up("other@example.com").await), "another address");
        let Step::Registered { identity, session, verifications, change } = sign_up("new@example.com").await
        else {
            panic!("not registered")
        };
        assert_eq!(verifications, [], "nothing is left to prove");
        assert_eq!(identity.organisation, Some(acme.id));
        assert_eq!(session.unwrap().0.organisation, Some(acme.id));
        world.apply_whole(change.seal(world.storage.sealer())).await;
        let read = world.read("new@example.com").await;
        assert!(read.verifiable_addresses[0].verified);
        assert_eq!(read.organisation, Some(acme.id));
        assert!(refused(&sign_up("new@example.com").await), "once");
    }
}

/// Attack: an administrator makes themselves an owner, or takes one out; a member manages at all.
#[tokio::test]
async fn roles_bound_what_people_do_to_each_other() {
    for world in World::both().await {
        let acme = world.organisation(Policy::default()).await;
        let names = ["owner", "admin", "member", "buyer"];
        let mut people = Vec::new();
        for name in names {
            let person = world.somebody(&format!("{name}@example.com")).await;
            world.set_member(acme.id, &person, name.parse().unwrap()).await;
            people.push(person);
        }
        for (who, whom, role, expect) in [
            (0, 1, "owner", None),
            (0, 2, "admin", None),
            (1, 2, "admin", None),
            (1, 3, "member", None),
            (1, 2, "owner", Some(OrganisationError::OwnersOnly)),
            (1, 1, "owner", Some(OrganisationError::OwnersOnly)),
            (1, 0, "member", Some(OrganisationError::OwnersOnly)),
            (2, 3, "member", Some(OrganisationError::AdministratorsOnly)),
            (2, 2, "admin", Some(OrganisationError::AdministratorsOnly)),
            (3, 3, "owner", Some(OrganisationError::AdministratorsOnly)),
        ] {
            let by = By::person(people[who].id, names[who].parse().unwrap());
            let wanted = (people[whom].id, role.parse().unwrap());
            let decided = change::set_member(world.room(), &by, acme.id, wanted).await;
            assert_eq!(decided.err(), expect, "{} makes {} {role}", names[who], names[whom]);
        }
        for (who, whom, expect) in [
            (0, 1, None),
            (1, 2, None),
            (1, 0, Some(OrganisationError::OwnersOnly)),
            (2, 3, Some(OrganisationError::AdministratorsOnly)),
        ] {
            let by = By::person(people[who].id, names[who].parse().unwrap());
            let decided = change::remove_member(world.room(), &by, acme.id, people[whom].id).await;
            assert_eq!(decided.err(), expect, "{} removes {}", names[who], names[whom]);
        }
        let owner = By::person(people[0].id, Role::Owner);
        let decided = change::set_member(world.room(), &owner, acme.id, (people[0].id, Role::Admin)).await;
        assert_eq!(decided.err(), Some(OrganisationError::LastOwner), "nobody would be left");
        let decided = change::remove_member(world.room(), &owner, acme.id, people[0].id).await;
        assert_eq!(decided.err(), Some(OrganisationError::LastOwner));
        let decided = change::remove_member(world.room(), &OPERATOR(), acme.id, people[0].id).await;
        assert_eq!(decided.err(), None, "operators may");
        // Nobody puts a stranger in without asking them.
        let stranger = world.somebody("stranger@example.com").await;
        let by = By::person(people[0].id, Role::Owner);
        let decided = change::set_member(world.room(), &by, acme.id, (stranger.id, Role::Member)).await;
        assert_eq!(decided.err(), Some(OrganisationError::NothingInIt("member")));
    }
}

#[tokio::test]
async fn form_names_the_organisation_that_it_is_for() {
    for world in World::both().await {
        let acme = world.organisation(Policy::default()).await;
        let (base, id) = (world.base.clone(), acme.id.to_string());
        for (asked, expect) in [
            (None, Ok(None)),
            (Some(id.as_str()), Ok(Some(acme.id))),
            (Some("rubbish"), Err(())),
            (Some("00000000-0000-0000-0000-000000000000"), Err(())),
        ] {
            let asked = StartRequest { organisation: asked, ..request(&base) };
            let begun = start_login(world.room(), caller(), asked).await;
            let organisation = begun.map(|(own, _)| own.flow.organisation).map_err(|_| ());
            assert_eq!(organisation, expect, "{asked:?}");
        }
        let claim = DomainClaim::new(Domain::parse("a.example").unwrap(), &*world.rng, world.clock.now());
        assert!(claim.prove(&Published(Vec::new())).await.is_err());
    }
}

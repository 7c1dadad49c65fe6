//! `/ui/organisation`: owners and administrators see who belongs to their organisation, invite, and change roles; owners
//! decide there on what else is the organisation's ([`ownership`]).
//!
//! Attack: somebody posts what they may not do, or a page elsewhere posts it in their name. What somebody is in the
//! organisation is read anew for every request and decides in the room; the form carries a token of this browser's
//! cookie, made for this organisation.

mod ownership;

use http::StatusCode;
use identity::Problem;
use identity::flow::csrf::CsrfCookie;
use identity::organisation::change::{self, By};
use identity::organisation::invitation::{self, Invitation, NewInvitation, USUAL_LIFESPAN};
use identity::organisation::member::{Member, Role};
use identity::organisation::{Organisation, OrganisationError, OrganisationState, Organisations as _};
use identity::ports::Identities as _;
use identity::session::LiveSession;
use primitives::{FlowId, IdentityId, OrganisationId};
use ui::{
    Hidden, InvitationItem, MemberItem, NewKey, OrganisationLink, OrganisationOutcome, OrganisationPart,
    OrganisationView,
};

use self::ownership::{Deed, Ended};
use super::show;
use crate::call::Call;
use crate::failure::Failure;
use crate::oauth2::consent::label;
use crate::response::{Answer, see_other};
use crate::self_service::{
    Applied, Kind, apply, check_session, csrf_cookie_of, failed, respond_to_browser, room,
    session_of_browser, set_csrf_cookie, with_query,
};

/// Members of a page.
const PAGE: u32 = 50;
/// Invitations that are shown at most.
const INVITATIONS: u32 = 250;
/// Organisations that the page of an account leads to at most.
const LINKS: u32 = 20;
/// How often a decision is made again because somebody was faster.
const MOST_ATTEMPTS: usize = 3;

/// Somebody who manages an organisation, and which.
struct Manager {
    live: LiveSession,
    member: Member,
    organisation: Organisation,
}

impl Manager {
    /// As the room asks for it.
    fn by(&self) -> By {
        By::person(self.live.identity().id, self.member.role.clone())
    }
}

/// What a page says beside what there is.
#[derive(Default)]
struct Saying {
    outcome: Option<(OrganisationPart, OrganisationOutcome)>,
    /// A connection as it was typed, where it is refused.
    typed: Option<ui::ConnectionFields>,
    new_key: Option<NewKey>,
}

impl Saying {
    fn of(part: OrganisationPart, outcome: OrganisationOutcome) -> Self {
        Self { outcome: Some((part, outcome)), ..Self::default() }
    }
}

/// Who asks, if they manage the organisation. To everybody else it is not there.
async fn manager(call: &Call, id: &str) -> Result<Manager, Problem> {
    let live = session_of_browser(call).await?.ok_or(Problem::SessionInactive)?;
    check_session(call, &live)?;
    // Whoever acts in somebody's name manages nothing for them.
    if live.session().actor.is_some() {
        return Err(Problem::NotFound);
    }
    let id: OrganisationId = id.parse().map_err(|_| Problem::NotFound)?;
    let storage = &call.node.storage;
    let member = storage.find_member(&call.tenant.id, id, live.identity().id).await;
    let member = member.map_err(|error| failed(call, error))?;
    let member = member.filter(|member| member.role.administers()).ok_or(Problem::NotFound)?;
    let organisation = storage.find_organisation(&call.tenant.id, id).await;
    let organisation = organisation.map_err(|error| failed(call, error))?;
    let organisation = organisation.filter(|found| found.state == OrganisationState::Active);
    Ok(Manager { live, member, organisation: organisation.ok_or(Problem::NotFound)? })
}

/// Where the page of an account leads: to the organisations that its owner manages.
pub(super) async fn links(call: &Call, live: &LiveSession) -> Vec<OrganisationLink> {
    let storage = &call.node.storage;
    let found = storage.list_memberships(&call.tenant.id, live.identity().id, LINKS).await;
    let mut links = Vec::new();
    for member in found.unwrap_or_default().into_iter().filter(|member| member.role.administers()) {
        if let Ok(Some(found)) = storage.find_organisation(&call.tenant.id, member.organisation).await {
            links.push(OrganisationLink { label: found.label, url: url(call, found.id) });
        }
    }
    links
}

fn url(call: &Call, organisation: OrganisationId) -> String {
    with_query(&call.tenant.absolute("/ui/organisation"), "organisation", &organisation.to_string())
}

/// `GET /ui/organisation?organisation=`
pub(crate) async fn page(call: Call) -> Answer {
    let id = call.query_value("organisation").unwrap_or_default();
    let done = call.query_value("done");
    let part = done.map(|part| OrganisationPart::find(&part).unwrap_or(OrganisationPart::People));
    let outcome = part.map(|part| (part, OrganisationOutcome::Done));
    match manager(&call, &id).await {
        Ok(manager) => shown(&call, &manager, Saying { outcome, ..Saying::default() }).await,
        Err(problem) => instead(&call, problem),
    }
}

fn instead(call: &Call, problem: Problem) -> Answer {
    match problem {
        Problem::NotFound => Failure::not_found().to_page(call),
        Problem::SessionInactive => {
            let back = call.tenant.absolute(&call.path_and_query());
            see_other(&with_query(&Kind::Login.start_url(call), "return_to", &back))
        }
        Problem::SecondFactorRequired { redirect_browser_to } => see_other(&redirect_browser_to),
        problem => respond_to_browser(call, problem),
    }
}

async fn shown(call: &Call, manager: &Manager, saying: Saying) -> Answer {
    let known = csrf_cookie_of(call);
    let cookie = known.clone().unwrap_or_else(|| CsrfCookie::generate(call.node.rng.as_ref()));
    let mut view = match view(call, manager, &cookie).await {
        Ok(view) => OrganisationView { outcome: saying.outcome, ..view },
        Err(problem) => return respond_to_browser(call, problem),
    };
    if let Some(ownership) = &mut view.ownership {
        ownership.new_key = saying.new_key;
        ownership.fields = saying.typed.unwrap_or_else(|| std::mem::take(&mut ownership.fields));
    }
    let status = match &view.outcome {
        Some((_, outcome)) if !outcome.is_good() => StatusCode::BAD_REQUEST,
        Some(_) | None => StatusCode::OK,
    };
    let mut answer = show(call, status, &[], None, |context| call.node.pages.organisation(&view, context));
    if known.is_none() {
        set_csrf_cookie(call, &mut answer, &cookie);
    }
    answer
}

async fn view(call: &Call, manager: &Manager, cookie: &CsrfCookie) -> Result<OrganisationView, Problem> {
    let (tenant, storage) = (&call.tenant.id, &call.node.storage);
    let id = manager.organisation.id;
    let after: Option<IdentityId> = call.query_value("after").and_then(|after| after.parse().ok());
    let found = storage.list_members(tenant, id, after, PAGE).await.map_err(|error| failed(call, error))?;
    let next = found.last().filter(|_| found.len() >= PAGE as usize).map(|last| last.identity);
    let mut members = Vec::with_capacity(found.len());
    for member in found {
        members.push(item(call, manager, &member).await?);
    }
    let invitations = storage.list_invitations(tenant, id, None, INVITATIONS).await;
    let invitations = invitations.map_err(|error| failed(call, error))?;
    let csrf_token = cookie.token(call.node.sealer(), tenant, form_of(id));
    let hidden = |name: &str, value: String| Hidden { name: name.to_owned(), value };
    let roles = [Role::Member, Role::Admin, Role::Owner].into_iter().filter(|role| manages(manager, role));
    Ok(OrganisationView {
        label: manager.organisation.label.clone(),
        // With the organisation in it, the links to other languages lead back from what is answered.
        action: url(call, id),
        hidden: vec![hidden("csrf_token", csrf_token), hidden("organisation", id.to_string())],
        roles: roles.map(|role| role.to_string()).collect(),
        members,
        next_url: next.map(|next| with_query(&url(call, id), "after", &next.to_string())),
        invitations: invitations
            .into_iter()
            .filter(|invitation| invitation.is_open(call.now()))
            .map(|invitation| invited(manager, invitation))
            .collect(),
        ownership: ownership::view(call, manager).await?,
        outcome: None,
    })
}

async fn item(call: &Call, manager: &Manager, member: &Member) -> Result<MemberItem, Problem> {
    let found = call.node.storage.find_identity(&call.tenant.id, member.identity).await;
    let found = found.map_err(|error| failed(call, error))?;
    let name = found.as_ref().map(label).filter(|name| !name.is_empty());
    let is_you = member.identity == manager.member.identity;
    Ok(MemberItem {
        id: member.identity.to_string(),
        name: name.unwrap_or_else(|| member.identity.to_string()),
        role: member.role.to_string(),
        is_you,
        can_change: !is_you && manages(manager, &member.role),
    })
}

fn invited(manager: &Manager, invitation: Invitation) -> InvitationItem {
    InvitationItem {
        id: invitation.id.to_string(),
        can_change: manages(manager, &invitation.role),
        address: invitation.address,
        role: invitation.role.to_string(),
        expires_at: invitation.expires_at,
    }
}

/// What is offered; the room decides.
fn manages(manager: &Manager, role: &Role) -> bool {
    manager.member.role == Role::Owner || *role != Role::Owner
}

const fn form_of(organisation: OrganisationId) -> FlowId {
    FlowId(organisation.0)
}

/// What was posted, with its names.
struct Posted(Vec<(String, String)>);

impl Posted {
    fn value(&self, wanted: &str) -> &str {
        self.0.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value)
    }
}

/// `POST /ui/organisation`
pub(crate) async fn post(call: Call) -> Answer {
    let form = Posted(url::form_urlencoded::parse(&call.body).into_owned().collect());
    let allowed = async {
        let manager = manager(&call, form.value("organisation")).await?;
        let cookie = csrf_cookie_of(&call).ok_or(Problem::CsrfViolation)?;
        let of = form_of(manager.organisation.id);
        if cookie.check(call.node.sealer(), &call.tenant.id, of, form.value("csrf_token")) {
            Ok(manager)
        } else {
            Err(Problem::CsrfViolation)
        }
    };
    let manager = match allowed.await {
        Ok(manager) => manager,
        Err(problem) => return instead(&call, problem),
    };
    let deed = Deed::find(form.value("do"));
    if gives_more(deed, &form)
        && let Some(confirm) = ownership::confirm_url(&call, &manager)
    {
        return see_other(&confirm);
    }
    match deed {
        Some(deed) => decides(&call, &manager, deed, &form).await,
        None => manages_people(&call, &manager, &form).await,
    }
}

/// Whether it lets somebody in, or lets somebody decide on that: whoever signed in some time ago confirms that it is them.
fn gives_more(deed: Option<Deed>, form: &Posted) -> bool {
    match deed {
        Some(deed) => !deed.only_takes(),
        None => matches!(form.value("do"), "invite" | "role") && form.value("role") == Role::Owner.as_str(),
    }
}

/// Where a browser goes when it is done.
fn done(call: &Call, manager: &Manager, part: OrganisationPart) -> Answer {
    let page = with_query(&url(call, manager.organisation.id), "done", part.as_str());
    see_other(&match part {
        OrganisationPart::People => page,
        part => format!("{page}#{}", part.as_str()),
    })
}

/// Does what only owners do.
async fn decides(call: &Call, manager: &Manager, deed: Deed, form: &Posted) -> Answer {
    let part = deed.part();
    for _ in 0..MOST_ATTEMPTS {
        let saying = match ownership::act(call, manager, deed, form).await {
            Ok(Ended::Whole) => return done(call, manager, part),
            Ok(Ended::Missed) => continue,
            Ok(Ended::Key(new_key)) => Saying { new_key: Some(new_key), ..Saying::default() },
            Ok(Ended::Said(outcome)) => {
                let is_refused = deed == Deed::SetConnection && !outcome.is_good();
                let typed = is_refused.then(|| ownership::fields_of(form));
                Saying { typed, ..Saying::of(part, outcome) }
            }
            Err(problem) => return respond_to_browser(call, problem),
        };
        return shown(call, manager, saying).await;
    }
    shown(call, manager, Saying::of(part, OrganisationOutcome::Refused)).await
}

/// Does what administrators do, too.
async fn manages_people(call: &Call, manager: &Manager, form: &Posted) -> Answer {
    let part = OrganisationPart::People;
    for _ in 0..MOST_ATTEMPTS {
        let change = match decide(call, manager, form).await {
            Ok(change) => change,
            Err(OrganisationError::Store(error)) => {
                return respond_to_browser(call, failed(call, error));
            }
            Err(error) => return shown(call, manager, Saying::of(part, outcome(&error))).await,
        };
        match apply(call, change).await {
            Ok(Applied::Whole) => return done(call, manager, part),
            Ok(Applied::Missed) => {}
            Err(problem) => return respond_to_browser(call, problem),
        }
    }
    shown(call, manager, Saying::of(part, OrganisationOutcome::Refused)).await
}

/// The change that was asked for.
async fn decide(
    call: &Call,
    manager: &Manager,
    form: &Posted,
) -> Result<primitives::Change<identity::Write>, OrganisationError> {
    let by = manager.by();
    let (room, id) = (room(call), manager.organisation.id);
    let member = form.value("member").parse().map_err(|_| OrganisationError::NothingInIt("member"));
    match form.value("do") {
        "invite" => {
            let (address, role) = (form.value("address"), form.value("role").parse()?);
            let new = NewInvitation { address, role, lifespan: USUAL_LIFESPAN };
            Ok(invitation::invite(room, &by, id, new, call).await?.1)
        }
        "revoke" => {
            let which = form.value("invitation").parse();
            let which = which.map_err(|_| OrganisationError::NothingInIt("invitation"))?;
            invitation::revoke(room, &by, id, which).await
        }
        "role" => Ok(change::set_member(room, &by, id, (member?, form.value("role").parse()?)).await?.1),
        "remove" => change::remove_member(room, &by, id, member?).await,
        _ => Err(OrganisationError::Malformed("nothing of this kind is done here")),
    }
}

fn outcome(error: &OrganisationError) -> OrganisationOutcome {
    match error {
        OrganisationError::Malformed(_) => OrganisationOutcome::NoAddress,
        OrganisationError::LastOwner => OrganisationOutcome::LastOwner,
        OrganisationError::Limited(_) => OrganisationOutcome::TooMany,
        _ => OrganisationOutcome::Refused,
    }
}

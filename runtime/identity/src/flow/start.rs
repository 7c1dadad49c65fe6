//! How a flow begins, and when it may not.
//!
//! The order of the checks is the same for all three: who asks, whether it is open at all, where it may
//! lead, what form it has, and last the count, so that what is refused anyway costs nobody's allowance.

use primitives::subject::AssuranceLevel;
use primitives::{Change, InvitationId, KeyedHash, OrganisationId};

use super::held::{self, FlowBounds};
use super::stored::OwnFlow;
use super::{
    Caller, Challenge, Exchange, FactorForm, Flow, FlowKind, KeyForm, Message, NamedForm, NewFlow, Onward,
    ProviderForm, Room, Screen, StartRequest, Transport,
};
use crate::limiter::{LimitReached, NotCounted, count_flow};
use crate::organisation::{Discovered, OrganisationError, OrganisationState, invitation};
use crate::ports::StoreUnavailable;
use crate::return_to::{self, ReturnToForbidden};
use crate::session::LiveSession;
use crate::ways::Ways;
use crate::write::Write;

/// Who is told of the successor of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuccessorToldTo {
    /// Its browser, which keeps what the answer brings.
    Browser,
    /// Maybe another user interface's server, whose answer brings the browser no cookie.
    Anybody,
}

/// Why a flow does not begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// Somebody is signed in already. The client's.
    #[error("somebody is signed in already")]
    SessionAlreadyAvailable,
    /// Nobody is signed in. The client's.
    #[error("no active session was found in this request")]
    SessionRequired,
    /// A second factor is asked for, and there is no first one yet. The client's.
    #[error("a second factor needs a first one")]
    FirstFactorRequired,
    /// A second factor is asked for, and the identity has none. The client's.
    #[error("the identity has no second factor")]
    SecondFactorUnavailable,
    /// The account has no such address. The client's.
    #[error("the account has no such address to send a code to")]
    UnknownAddress,
    /// No such assurance level. The client's.
    #[error("no such assurance level")]
    UnknownAssuranceLevel,
    /// No such schema, or not one that people may choose. The client's.
    #[error("no such identity schema")]
    UnknownSchema,
    /// `return_to` is not on the list. The client's, or an attack.
    #[error(transparent)]
    ReturnTo(#[from] ReturnToForbidden),
    /// No such organisation, or nobody signs in in its name. The client's.
    #[error("no such organization")]
    UnknownOrganisation,
    /// The invitation is worth nothing. The client's.
    #[error("the invitation is not valid any more")]
    InvitationSpent,
    /// Sign-up is closed. The operator's wish.
    #[error("registration is disabled")]
    RegistrationDisabled,
    /// This kind of form is closed. The operator's wish.
    #[error("this form is closed")]
    Closed,
    /// Too many forms were begun. The client's to wait.
    #[error(transparent)]
    Limited(#[from] LimitReached),
    /// The store did not answer. Ours.
    #[error(transparent)]
    Store(#[from] StoreUnavailable),
}

impl From<NotCounted> for StartError {
    fn from(error: NotCounted) -> Self {
        error.into_either()
    }
}

/// Begins a flow to sign in.
pub async fn start_login(
    room: Room<'_>,
    caller: Caller<'_>,
    request: StartRequest<'_>,
) -> Result<(OwnFlow, Change<Write>), StartError> {
    let step_up = step_up(room, caller.session, &request).await?;
    if caller.session.is_some() && step_up.is_none() && !request.refresh && !request.select_account {
        return Err(StartError::SessionAlreadyAvailable);
    }
    // Who wants to be somebody else is not bound to who they are, nor to whom the client thinks they are.
    let known = caller.session.filter(|_| !request.select_account);
    let hint = request.login_hint.filter(|_| !request.select_account).unwrap_or_default();
    let mut identifier: String = hint.chars().take(crate::identifier::MAX_BYTES).collect();
    let mut schema = room.schemas.selectable(request.identity_schema).ok_or(StartError::UnknownSchema)?;
    if let Some(live) = known {
        schema = room.schema(&live.identity().schema_id);
        let held = room.identities.list_identifiers(room.tenant, live.identity().id).await?;
        identifier = held.into_iter().next().unwrap_or_default();
    }
    let kind = FlowKind::Login {
        refresh: known.filter(|_| request.refresh).map(|live| live.identity().id),
        select_account: request.select_account,
        login_challenge: request.login_challenge.map(str::to_owned),
        identifier,
    };
    let factors =
        step_up.unwrap_or_else(|| FactorForm::of_keys((KeyForm::of_login(room), NamedForm::of_login(room))));
    begin(room, caller, request, (kind, factors), schema.id()).await
}

/// Begins a flow to sign up.
pub async fn start_registration(
    room: Room<'_>,
    caller: Caller<'_>,
    request: StartRequest<'_>,
) -> Result<(OwnFlow, Change<Write>), StartError> {
    if caller.session.is_some() {
        return Err(StartError::SessionAlreadyAvailable);
    }
    // Whoever was invited may sign up where nobody else may.
    if !room.settings.registration_enabled && request.invitation.is_none() {
        return Err(StartError::RegistrationDisabled);
    }
    let schema = room.schemas.selectable(request.identity_schema).ok_or(StartError::UnknownSchema)?;
    let kind = FlowKind::Registration { login_challenge: request.login_challenge.map(str::to_owned) };
    let factors = FactorForm::of_keys((KeyForm::of_registration(room), NamedForm::of_registration(room)));
    begin(room, caller, request, (kind, factors), schema.id()).await
}

/// Begins a flow to change one's account.
pub async fn start_settings(
    room: Room<'_>,
    caller: Caller<'_>,
    request: StartRequest<'_>,
) -> Result<(OwnFlow, Change<Write>), StartError> {
    let live = caller.session.ok_or(StartError::SessionRequired)?;
    let schema = room.schema(&live.identity().schema_id).id();
    let kind = FlowKind::Settings { identity: live.identity().id, saved: false };
    let ways = Ways::of(room, live.identity().id).await?;
    let factors = FactorForm::of_settings(room, live.identity(), &ways).await?;
    let federation = ProviderForm::of_settings(room, &ways);
    begin_with(room, caller, request, (kind, factors, federation), schema).await
}

/// Begins a flow to verify an address, for whoever asks.
pub async fn start_verification(
    room: Room<'_>,
    caller: Caller<'_>,
    request: StartRequest<'_>,
) -> Result<(OwnFlow, Change<Write>), StartError> {
    if !room.settings.verification.enabled {
        return Err(StartError::Closed);
    }
    let kind = FlowKind::Verification { challenge: Challenge::ChooseMethod };
    let schema = room.schemas.default_schema().id();
    begin(room, caller, request, (kind, FactorForm::default()), schema).await
}

/// Begins a flow to get back in.
pub async fn start_recovery(
    room: Room<'_>,
    caller: Caller<'_>,
    request: StartRequest<'_>,
) -> Result<(OwnFlow, Change<Write>), StartError> {
    if !room.settings.recovery.enabled {
        return Err(StartError::Closed);
    }
    if caller.session.is_some() {
        return Err(StartError::SessionAlreadyAvailable);
    }
    let kind = FlowKind::Recovery { challenge: Challenge::ChooseMethod };
    let schema = room.schemas.default_schema().id();
    begin(room, caller, request, (kind, FactorForm::default()), schema).await
}

/// A new flow for the same purpose, in the place of one that expired. It counts like any other.
pub async fn renew(
    room: Room<'_>,
    caller: Caller<'_>,
    expired: &OwnFlow,
    told: SuccessorToldTo,
) -> Result<(OwnFlow, Change<Write>), NotCounted> {
    count_flow(room.attempts, &room.settings.limits, room.tenant, caller.address, room.now).await?;
    let flow = expired.flow.renew(room.rng, room.now, room.settings).with_new_challenge(room);
    Ok(match (told, expired.browser()) {
        (SuccessorToldTo::Browser, Some(browser)) => held_or_stored(room, flow, browser),
        (SuccessorToldTo::Browser | SuccessorToldTo::Anybody, browser) => {
            insertion(room, OwnFlow::begun(flow, browser.cloned()))
        }
    })
}

/// The second factor that a sign-in asks for: if that is what is wanted, or if a session is there that counts for
/// nothing before it is proven.
async fn step_up(
    room: Room<'_>,
    session: Option<&LiveSession>,
    request: &StartRequest<'_>,
) -> Result<Option<FactorForm>, StartError> {
    let live = match (request.aal, session) {
        (Some("aal2"), None) => return Err(StartError::FirstFactorRequired),
        (Some("aal2"), Some(live)) => live,
        (None | Some(""), Some(live))
            if !request.refresh && !request.select_account && (!room.counts(live) || lacks_more(live)) =>
        {
            live
        }
        (None | Some("" | "aal1"), _) => return Ok(None),
        (Some(_), _) => return Err(StartError::UnknownAssuranceLevel),
    };
    let identity = live.identity().id;
    let factors = room.factors.list_factors(room.tenant, identity).await?;
    let mut addresses = room.code_factor_of(live);
    if let Some(via) = request.via.filter(|via| !via.is_empty()) {
        addresses.retain(|address| address.is(via));
        if addresses.is_empty() {
            return Err(StartError::UnknownAddress);
        }
    }
    let keys = room.factors.list_keys(room.tenant, identity).await?;
    let form = FactorForm::step_up(room, identity, (&factors, &keys), addresses);
    let form = form.ok_or(StartError::SecondFactorUnavailable)?;
    if live.session().assurance >= AssuranceLevel::Aal2 && !request.refresh {
        return Err(StartError::SessionAlreadyAvailable);
    }
    Ok(Some(form))
}

/// Whether it lacks the second factor that its organisation asks for, and there is one to prove.
fn lacks_more(live: &LiveSession) -> bool {
    !live.satisfies_organisation() && live.identity().available >= AssuranceLevel::Aal2
}

async fn begin(
    room: Room<'_>,
    caller: Caller<'_>,
    request: StartRequest<'_>,
    (kind, factors): (FlowKind, FactorForm),
    schema: &str,
) -> Result<(OwnFlow, Change<Write>), StartError> {
    begin_with(room, caller, request, (kind, factors, ProviderForm::default()), schema).await
}

async fn begin_with(
    room: Room<'_>,
    caller: Caller<'_>,
    request: StartRequest<'_>,
    (kind, factors, federation): (FlowKind, FactorForm, ProviderForm),
    schema: &str,
) -> Result<(OwnFlow, Change<Write>), StartError> {
    let signs_in = matches!(kind, FlowKind::Login { .. } | FlowKind::Registration { .. });
    let exchanges = request.exchange && request.transport == Transport::Api && signs_in;
    let check = if exchanges { return_to::check_native } else { return_to::check };
    let return_to = request
        .return_to
        .filter(|requested| !requested.is_empty())
        .map(|requested| check(requested, request.base, &room.settings.flow))
        .transpose()?;
    let onward =
        Onward::check(request.onward, (&kind, request.transport), (request.base, &room.settings.flow))?;
    let (organisation, invitation) = entry(room, &kind, &request).await?;
    count_flow(room.attempts, &room.settings.limits, room.tenant, caller.address, room.now).await?;
    let new = NewFlow {
        kind,
        transport: request.transport,
        request: request.request.to_owned(),
        return_to: return_to.map(|url| url.as_str().to_owned()),
        schema: schema.to_owned(),
    };
    let waiting = request.login_challenge.filter(|_| new.kind.challenge().is_some());
    let begun = Flow::begin(new, room.rng, room.now, room.settings);
    let flow = begun.with_factors(factors).waited_for(waiting);
    let exchange = exchanges.then(Exchange::default);
    let phones = takes_phones(room, &flow.kind);
    let flow = Flow { phones, onward, federation, organisation, invitation, exchange, ..flow };
    let mut flow = led(room, flow).await?;
    if request.lost {
        flow.messages.push(Message::flow_expired(flow.kind.as_str(), 0));
    }
    Ok(match request.browser {
        Some(browser) if !request.lost => held_or_stored(room, flow, browser),
        browser => insertion(room, OwnFlow::begun(flow, browser.cloned())),
    })
}

/// A new form of a browser, for which nothing is written unless it is too large for its browser to keep.
fn held_or_stored(room: Room<'_>, flow: Flow, browser: &KeyedHash) -> (OwnFlow, Change<Write>) {
    let id = held::draw_id((room.sealer, room.tenant), browser, room.rng, room.now);
    let flow = Flow { id, ..flow };
    let bounds = FlowBounds::draw(room.rng, &room.settings.flow, room.now);
    match OwnFlow::begun_held(flow.clone(), browser, bounds) {
        Some(own) => (own, Change::new(room.tenant.clone())),
        None => insertion(room, OwnFlow::begun(flow, Some(browser.clone()))),
    }
}

/// Whether a form asks for an address or a number.
pub(super) fn takes_phones(room: Room<'_>, kind: &FlowKind) -> bool {
    match kind {
        FlowKind::Verification { .. } => room.schemas.phones().verification,
        FlowKind::Recovery { .. } => room.schemas.phones().recovery,
        FlowKind::Login { .. } | FlowKind::Registration { .. } | FlowKind::Settings { .. } => false,
    }
}

/// The form as the organisation has it that was named, or that has proven the domain of whom the client has in mind. That
/// client has said who it is, and is asked no more; an organisation that was named shows all that there is in its name.
async fn led(room: Room<'_>, flow: Flow) -> Result<Flow, StoreUnavailable> {
    let named = match flow.organisation {
        Some(id) => room.organisations.find_organisation(room.tenant, id).await?,
        None => None,
    };
    if let Some(organisation) = named {
        let discovered = Some(Discovered::of(room, organisation).await?);
        let screen = if flow.screen == Screen::Identifier { Screen::Whole } else { flow.screen };
        return Ok(Flow { screen, discovered, ..flow });
    }
    let FlowKind::Login { identifier, refresh: None, .. } = &flow.kind else { return Ok(flow) };
    if flow.screen != Screen::Identifier || identifier.is_empty() {
        return Ok(flow);
    }
    let Some(discovered) = Discovered::by_address(room, identifier).await? else { return Ok(flow) };
    Ok(Flow { screen: Screen::Credentials, discovered: Some(discovered), ..flow })
}

/// In which organisation's name somebody signs in or up, and with which invitation.
async fn entry(
    room: Room<'_>,
    kind: &FlowKind,
    request: &StartRequest<'_>,
) -> Result<(Option<OrganisationId>, Option<InvitationId>), StartError> {
    if !matches!(kind, FlowKind::Login { .. } | FlowKind::Registration { .. }) {
        return Ok((None, None));
    }
    if let (FlowKind::Registration { .. }, Some(token)) = (kind, request.invitation) {
        let invitation = invitation::load_open(room, token).await.map_err(|error| match error {
            OrganisationError::Store(error) => StartError::Store(error),
            _ => StartError::InvitationSpent,
        })?;
        return Ok((Some(invitation.organisation), Some(invitation.id)));
    }
    let Some(asked) = request.organisation else { return Ok((None, None)) };
    let id = asked.parse().map_err(|_| StartError::UnknownOrganisation)?;
    let found = room.organisations.find_organisation(room.tenant, id).await?;
    match found {
        Some(found) if found.state == OrganisationState::Active => Ok((Some(id), None)),
        Some(_) | None => Err(StartError::UnknownOrganisation),
    }
}

fn insertion(room: Room<'_>, flow: OwnFlow) -> (OwnFlow, Change<Write>) {
    let write = flow.insert(room.rng, &room.settings.flow, room.now);
    (flow, Change::new(room.tenant.clone()).write(write))
}

//! Linking an account to other providers, and unlinking it.
//!
//! Attack: somebody has, or makes up, an account with a victim's address at some provider, and is let into the victim's
//! account here. So an address links nothing. Whoever comes with one that an account has is asked to prove that
//! account, in the same form; only then, in the change that begins their session, the link is made.
//!
//! Attack: somebody with a stolen password or session links a provider's account of their own, and has a way in that
//! outlives the password. So a link needs what every other change of credentials needs: a young session and, of whoever
//! has a second factor, that factor. A sign-in that has proven the first one only makes no link.

use primitives::subject::AssuranceLevel;
use primitives::{Actor, AuditEvent, Change};

use super::form::{ProviderForm, Until, Waiting};
use super::{linked, no_strategy};
use crate::flow::settings::{owner, privileged, unsaved};
use crate::flow::{Caller, Flow, FlowError, FlowKind, Message, Room, SignedIn, Step};
use crate::organisation::connection;
use crate::organisation::named_groups::named;
use crate::ports::StoreUnavailable;
use crate::providers::{Link, ProvenElsewhere};
use crate::session::{LiveSession, Method};
use crate::ways::Ways;
use crate::write::Write;

/// Whether whoever is signed in may change what their account signs in with.
pub(super) async fn may_change<'a>(
    room: Room<'_>,
    flow: &Flow,
    caller: Caller<'a>,
) -> Result<&'a LiveSession, FlowError> {
    let live = owner(room, flow, caller)?;
    privileged(room, live)?;
    let factors = room.factors.list_factors(room.tenant, live.identity().id).await?;
    // A security key is one, too, and not among these.
    let has_one = !factors.is_empty() || live.identity().available >= AssuranceLevel::Aal2;
    if has_one && live.session().assurance < AssuranceLevel::Aal2 {
        return Err(FlowError::SecondFactorRequired);
    }
    Ok(live)
}

/// Links the account of a settings form to whom the provider has proven.
pub(super) async fn link(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    who: ProvenElsewhere,
) -> Result<Step, FlowError> {
    let live = may_change(room, &flow, caller).await?;
    let flow = unsaved(flow).tried(Some(Method::Oidc));
    let identity = live.identity();
    let mut ways = Ways::of(room, identity.id).await?;
    if !connection::admits(room, &who, identity.id).await? {
        let message = Message::connection_of_others(&who.label);
        return Ok(Step::Form(Box::new(flow.with_message(message))));
    }
    let taken = room.links.find_by_link(room.tenant, &who.provider, &who.subject).await?.is_some();
    if taken || ways.links.iter().any(|link| link.provider == who.provider) {
        return Ok(Step::Form(Box::new(flow.with_message(Message::provider_link_taken(&who.label)))));
    }
    let change = linked(room, identity.id, &who, Change::new(room.tenant.clone()));
    ways.links.push(made(room, who));
    Ok(saved(room, live, flow, &ways, change))
}

/// Takes the link to a provider away. The last thing that one signs in with stays.
pub(super) async fn unlink(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    provider: &str,
) -> Result<Step, FlowError> {
    let live = may_change(room, &flow, caller).await?;
    let flow = unsaved(flow).tried(Some(Method::Oidc));
    let identity = live.identity().id;
    let mut ways = Ways::of(room, identity).await?;
    let Some(at) = ways.links.iter().position(|link| link.provider == provider) else {
        return Ok(no_strategy(flow));
    };
    if !ways.outlast(1) {
        return Ok(Step::Form(Box::new(flow.with_message(Message::last_credential()))));
    }
    let audit =
        AuditEvent::new("identity.credential_removed", Actor::Subject(identity), "identity", &identity)
            .with("type", &"oidc")
            .with("provider", &provider);
    let link = ways.links.remove(at);
    let write = Write::UnlinkProvider { identity, provider: link.provider, subject: link.subject };
    let change = Change::new(room.tenant.clone()).write(write).audit(audit);
    Ok(saved(room, live, flow, &ways, change))
}

/// The link that a change makes, as it will be read.
fn made(room: Room<'_>, who: ProvenElsewhere) -> Link {
    Link {
        provider: who.provider,
        subject: who.subject,
        organisation: who.organisation,
        tokens: who.tokens,
        version: 1,
        created_at: room.now,
        updated_at: room.now,
    }
}

/// Plugins are not told: what they can be told of has no word for links.
fn saved(room: Room<'_>, live: &LiveSession, mut flow: Flow, ways: &Ways, change: Change<Write>) -> Step {
    if let FlowKind::Settings { saved, .. } = &mut flow.kind {
        *saved = true;
    }
    flow.federation.linked = ProviderForm::of_settings(room, ways).linked;
    let flow = Box::new(flow.showing(ways).with_message(Message::saved()));
    let identity = Box::new(live.identity().clone());
    Step::Saved { flow, what: None, identity, verifications: Vec::new(), change }
}

/// The form in which the account is proven that has the identifier already.
pub(super) fn ask_for_proof(mut flow: Flow, waiting: Waiting) -> Step {
    let Until::Proven { identifier, .. } = &waiting.until else { return no_strategy(flow) };
    let message = Message::link_after_sign_in(identifier, &waiting.who.label);
    let login_challenge = flow.kind.login_challenge().map(str::to_owned);
    let identifier = identifier.clone();
    flow.kind = FlowKind::Login { refresh: None, select_account: false, login_challenge, identifier };
    flow.values.clear();
    flow.federation.wait(waiting);
    Step::Form(Box::new(flow.with_message(message)))
}

/// A link that waits for the proof of an account.
#[derive(Debug)]
pub(in crate::flow) struct Linking {
    flow: Flow,
    waiting: Waiting,
}

impl Linking {
    /// The link that a sign-in form keeps waiting.
    pub(in crate::flow) fn of(flow: &Flow) -> Option<Self> {
        let waiting = flow.federation.waiting()?;
        let is_login = matches!(flow.kind, FlowKind::Login { .. });
        let waits = is_login && matches!(waiting.until, Until::Proven { .. });
        waits.then(|| Self { flow: flow.clone(), waiting: waiting.clone() })
    }

    /// Makes the link if the account was proven; another one is no proof of it.
    ///
    /// Attack: whoever an owner has taken out of an organisation comes back by its connection. So it makes members of those
    /// whom it brings for the first time, and whoever is linked signs in as a member or not at all.
    pub(in crate::flow) async fn complete(
        mut self,
        room: Room<'_>,
        step: Step,
    ) -> Result<Step, StoreUnavailable> {
        let Until::Proven { holder, joins, .. } = self.waiting.until else { return Ok(step) };
        let who = &self.waiting.who;
        Ok(match step {
            Step::SignedIn(signed_in) if signed_in.identity.id != holder => {
                self.flow.messages.clear();
                Step::Form(Box::new(self.flow.with_message(Message::linked_credentials_differ())))
            }
            Step::SignedIn(signed_in) if signed_in.session.assurance >= signed_in.identity.available => {
                let mut signed_in = *signed_in;
                let mut link = linked(room, holder, who, Change::new(room.tenant.clone()));
                if let (true, Some(organisation)) = (joins, who.organisation)
                    && !connection::admits(room, who, holder).await?
                {
                    link = connection::joined(link, connection::joiner(room, organisation, holder));
                    // They are there now, and are looked for by their domains no more.
                    signed_in.identity.organisation.get_or_insert(organisation);
                }
                if let Some(organisation) = who.organisation {
                    let groups = self.waiting.mapped.groups.as_ref();
                    link.writes.extend(named(room, (organisation, holder), groups).await?);
                }
                Step::SignedIn(Box::new(SignedIn { change: signed_in.change.and(link), ..signed_in }))
            }
            // The first factor alone: signed in, and not linked.
            other => other,
        })
    }
}

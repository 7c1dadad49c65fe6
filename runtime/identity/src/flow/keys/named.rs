//! Signing in with a security key alone (`identity.webauthn.passwordless`): first who, then the key.
//!
//! Such a key keeps no list of accounts: the browser must be told which credentials count.
//!
//! | check | otherwise |
//! |---|---|
//! | 1 the tenant has it | the form again |
//! | 2 the address's attempts are not used up; with an answer, the name's neither | 429 |
//! | 3 a name was given, and an answer | the form asks for the name, then for the key |
//! | 4 the tenant's plugins let anybody try | the form again, or elsewhere |
//! | 5 the ceremony proves a key of whoever has the name | the form again, with one message whatever was wrong |
//! | 6 its owner may sign in, and the plugins let them in | 403, the form again |
//! | 7 nobody used the key meanwhile | decided again |
//!
//! Attack: somebody learns by the credentials to which a name leads who has an account, and with what (section 14.6.2). A
//! name that leads to none leads to some all the same ([`imaginary`]): made from it by a keyed hash, so that it leads to the
//! same each time, after the same look-ups. Of no credential it is said how it is reached.

use primitives::IdentityId;

use super::sign_in::let_in;
use super::{Ceremony, KeyForm, NamedForm, refused, relying_party, verify};
use crate::flow::admission::check_attempt;
use crate::flow::{Caller, Flow, FlowError, FlowKind, Message, Room, Step, Submission};
use crate::hooks::LoginAttempt;
use crate::identifier::Identifier;
use crate::limiter::{count_attempt, forgive_attempt};
use crate::ports::StoreUnavailable;
use crate::session::Method;
use crate::webauthn::{CredentialId, KeyKind};

/// What the keyed hash is for.
const PURPOSE: &str = "imaginary_key";
/// How long the ids are that authenticators give, in bytes.
const LENGTHS: [usize; 4] = [16, 32, 48, 64];

pub(in crate::flow) async fn with_security_key(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    let mut flow = flow.tried(Some(Method::Webauthn));
    if flow.factors.named.is_hidden() || !room.settings.webauthn.signs_in() {
        return Ok(super::not_asked(flow, "login"));
    }
    let typed = submission.identifier.filter(|typed| !typed.trim().is_empty());
    if let FlowKind::Login { identifier, .. } = &mut flow.kind {
        *identifier = typed.as_deref().unwrap_or_default().chars().take(320).collect();
    }
    let Some(typed) = typed else {
        flow.refuse_field("identifier", Message::missing("identifier"));
        return Ok(Step::Form(Box::new(flow)));
    };
    match (flow.factors.named.clone(), submission.keys.webauthn_login) {
        (NamedForm::Asked(ceremony), Some(answer)) => {
            Box::pin(prove(room, caller, flow, (&typed, &ceremony, &answer))).await
        }
        _ => ask(room, caller, flow, &typed).await,
    }
}

/// Asks for a key of whoever has the name.
async fn ask(room: Room<'_>, caller: Caller<'_>, mut flow: Flow, typed: &str) -> Result<Step, FlowError> {
    let Some(to) = relying_party(room) else { return Ok(super::not_asked(flow, "login")) };
    count_attempt(room.attempts, &room.settings.limits, room.tenant, (caller.address, None), room.now)
        .await?;
    let allowed = credentials(room, typed).await?;
    flow.factors.keys = KeyForm::Hidden;
    flow.factors.named = NamedForm::Asked(Ceremony::ask(room, &to, KeyKind::Passwordless, &allowed));
    Ok(Step::Form(Box::new(flow.with_message(Message::prepare_security_key()))))
}

/// The credentials to which a name leads.
async fn credentials(
    room: Room<'_>,
    typed: &str,
) -> Result<Vec<(CredentialId, Vec<String>)>, StoreUnavailable> {
    let keys = match Identifier::parse(typed) {
        Some(identifier) => room.factors.list_keys_of_identifier(room.tenant, &identifier).await?,
        None => Vec::new(),
    };
    let own = keys.iter().filter(|key| key.record.kind == KeyKind::Passwordless);
    let own: Vec<CredentialId> = own.map(|key| key.record.id.clone()).collect();
    // Also for whoever has some: the hashes take a time that can be measured.
    let imaginary = imaginary(room, typed);
    let shown = if own.is_empty() { imaginary } else { own };
    Ok(shown.into_iter().map(|id| (id, Vec::new())).collect())
}

async fn find(room: Room<'_>, typed: &str) -> Result<Option<IdentityId>, StoreUnavailable> {
    let Some(identifier) = Identifier::parse(typed) else { return Ok(None) };
    let found = room.identities.find_by_identifier(room.tenant, &identifier).await?;
    Ok(found.map(|(identity, _)| identity.id))
}

/// Credentials that nobody has: one, and of some names two.
fn imaginary(room: Room<'_>, typed: &str) -> Vec<CredentialId> {
    let name = Identifier::parse(typed).map_or_else(|| typed.to_owned(), |known| known.as_str().to_owned());
    let drawn = |index: u8, part: u8| {
        let secret = [&[index, part][..], name.as_bytes()].concat();
        // Without the key's number, which would be the same in all of them.
        room.sealer.hash(room.tenant, PURPOSE, &secret).0.split_off(4)
    };
    let one = |index: u8| {
        let [mut bytes, rest] = [0, 1].map(|part| drawn(index, part));
        bytes.extend(rest);
        let choice = usize::from(drawn(index, 2).first().copied().unwrap_or_default());
        bytes.truncate(LENGTHS.get(choice % LENGTHS.len()).copied().unwrap_or(32));
        CredentialId::new(bytes)
    };
    let has_two = drawn(0, 3).first().is_some_and(|byte| *byte < 0x20);
    let indices = if has_two { 0..2 } else { 0..1 };
    indices.filter_map(one).collect()
}

async fn prove(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    (typed, ceremony, answer): (&str, &Ceremony, &str),
) -> Result<Step, FlowError> {
    let limits = &room.settings.limits;
    let identifier = Identifier::parse(typed);
    let who = (caller.address, identifier.as_ref());
    count_attempt(room.attempts, limits, room.tenant, who, room.now).await?;
    let attempt = LoginAttempt {
        identifier: typed.chars().take(320).collect(),
        method: Method::Webauthn,
        refresh: matches!(flow.kind, FlowKind::Login { refresh: Some(_), .. }),
        origin: caller.origin(),
    };
    if let Some(stopped) = check_attempt(room, &attempt).await? {
        return Ok(stopped.step(flow));
    }
    let flow = flow.with_new_challenge(room);
    let proven = match verify(room, ceremony, answer, KeyKind::Passwordless).await? {
        Ok(proven) => proven,
        Err(unproven) => return Ok(refused(room, flow, &unproven, Message::no_such_key())),
    };
    // A key of somebody else than was named signs nobody in: their attempts are not the ones that were counted.
    if find(room, typed).await? != Some(proven.key.identity) {
        return Ok(Step::Form(Box::new(flow.with_message(Message::no_such_key()))));
    }
    forgive_attempt(room.attempts, limits, room.tenant, who, room.now).await;
    let_in(room, caller, flow, proven, attempt).await
}

//! `/oauth2/device/verify` and what follows it: a person enters a code and is asked (RFC 8628 section 3.3).

use primitives::seal::SealedKind;
use primitives::{
    Actor, AuditEvent, AuthenticatedSubject, Change, GrantId, IdentityId, RequestId, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::store::DeviceCode;
use super::user_code::UserCode;
use crate::access_token::find_client;
use crate::authorization::external::DeviceAsked;
use crate::authorization::{Browser, PageError, binding_fits, hash_binding};
use crate::claims_request::RequestedClaims;
use crate::client::{Client, GrantType};
use crate::client_policy::{self, Refusal};
use crate::decision::Decision;
use crate::details::AuthorizationDetails;
use crate::grant::{Grant, GrantSubject, GrantedClaims};
use crate::metadata_document;
use crate::ports::PortError;
use crate::server::AuthorizationServer;
use crate::write::Write;

/// Longer texts are not opened.
pub(super) const MAX_CHALLENGE: usize = 4 * 1_024;

/// A code that somebody entered, sealed to their browser.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entered {
    pub(super) user_code: UserCode,
    /// The grant that it becomes, once.
    pub(super) grant: GrantId,
    /// Hash of the browser's cookie.
    pub(super) browser: String,
    /// Who is asked; none before somebody is.
    pub(super) asked: Option<IdentityId>,
    pub(super) expires_at: Timestamp,
}

/// Which step a challenge is for. Part of its seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A code was entered on a page of the tenant's own.
    Verified,
    /// A code was entered.
    Entered,
    /// Somebody was shown the question.
    Asked,
}

impl Kind {
    pub(super) const fn sealed(self) -> SealedKind {
        match self {
            Self::Verified => SealedKind::DeviceVerifier,
            Self::Entered => SealedKind::DeviceChallenge,
            Self::Asked => SealedKind::DeviceConsent,
        }
    }
}

/// A request that waits for its answer, and whose it is.
pub(crate) struct WaitingDevice {
    pub(crate) code: DeviceCode,
    pub(crate) client: Arc<Client>,
}

/// What happens next in the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceStep {
    /// The person signs in, and comes back with the same challenge.
    Login,
    /// The person signs in at an app of the tenant's own, at this address.
    LoginApp(String),
    /// The person is asked by an app of the tenant's own, at this address.
    ConsentApp(String),
    /// The person is asked.
    Question(Box<DeviceQuestion>),
}

/// What the person is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceQuestion {
    /// The code that the device must show.
    pub user_code: String,
    /// The client's name, or its id.
    pub client_name: String,
    /// The host that vouches for a client which nobody registered.
    pub described_at: Option<String>,
    /// Whether it registered itself.
    pub is_self_registered: bool,
    /// What it asks for.
    pub scopes: Vec<String>,
    /// Where it wants to use it.
    pub audience: Vec<String>,
    /// What it asks for that no scope says.
    pub details: AuthorizationDetails,
    /// Goes with the answer: the question, sealed to this person and browser.
    pub challenge: String,
}

/// What came of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceOutcome {
    /// The device gets its tokens.
    Allowed,
    /// The person refused.
    Denied,
    /// A plugin of the tenant refused, for this reason.
    Refused(String),
}

impl AuthorizationServer {
    /// Takes a code that somebody typed; gives a challenge for their browser, or nothing if no device waits for it.
    ///
    /// Whoever calls this has counted the guess.
    pub async fn enter_user_code(
        &self,
        typed: &str,
        browser: Browser<'_>,
    ) -> Result<Option<String>, PageError> {
        let binding = browser.binding.ok_or(PageError::OtherBrowser)?;
        let Some(user_code) = UserCode::parse(typed) else { return Ok(None) };
        let Some(code) = self.find_waiting(&user_code).await? else { return Ok(None) };
        let entered = Entered {
            user_code,
            grant: GrantId::generate(self.rng.as_ref()),
            browser: hash_binding(binding),
            asked: None,
            expires_at: code.expires_at,
        };
        Ok(Some(self.seal(Kind::Entered.sealed(), &entered)))
    }

    /// What the page after the code shows.
    pub async fn device_step(&self, challenge: &str, browser: Browser<'_>) -> Result<DeviceStep, PageError> {
        let entered = self.open_entered(Kind::Entered, challenge, browser)?;
        let WaitingDevice { code, client } = self.load_waiting(&entered.user_code).await?;
        let Some(subject) = browser.subject.filter(|subject| subject.tenant == self.tenant) else {
            let asked = DeviceAsked {
                client: code.client,
                scope: code.scope,
                audience: code.audience,
                challenge: challenge.to_owned(),
                expires_at: entered.expires_at,
            };
            let app = self.ask_login_for_device(asked, browser.binding).transpose()?;
            return Ok(app.map_or(DeviceStep::Login, DeviceStep::LoginApp));
        };
        let asked = (entered.user_code.clone(), entered.grant, entered.browser.clone());
        if let Some(url) = self.ask_consent_for_device(asked, subject, entered.expires_at) {
            return url.map(DeviceStep::ConsentApp);
        }
        let user_code = entered.user_code.to_string();
        let asked = Entered { asked: Some(subject.subject), ..entered };
        Ok(DeviceStep::Question(Box::new(DeviceQuestion {
            user_code,
            client_name: client.display_name().to_owned(),
            described_at: metadata_document::host(&client),
            is_self_registered: client.record.registration.is_some(),
            scopes: code.scope.to_vec(),
            audience: code.audience,
            details: code.details,
            challenge: self.seal(Kind::Asked.sealed(), &asked),
        })))
    }

    /// Takes the answer of the person who was asked, and of nobody else.
    pub async fn answer_device(
        &self,
        challenge: &str,
        allow: bool,
        browser: Browser<'_>,
    ) -> Decision<DeviceOutcome, PageError> {
        match self.decide_device(challenge, allow, browser).await {
            Ok((change, outcome)) => Decision::new(change, Ok(outcome)),
            Err(error) => Decision::without_change(self.tenant.clone(), Err(error)),
        }
    }

    async fn decide_device(
        &self,
        challenge: &str,
        allow: bool,
        browser: Browser<'_>,
    ) -> Result<(Change<Write>, DeviceOutcome), PageError> {
        let entered = self.open_entered(Kind::Asked, challenge, browser)?;
        let subject = browser.subject.filter(|subject| subject.tenant == self.tenant);
        let subject = subject.filter(|subject| entered.asked == Some(subject.subject));
        let subject = subject.ok_or_else(|| PageError::of_other(browser.subject, entered.asked))?;
        let device = self.load_waiting(&entered.user_code).await?;
        if !allow {
            return Ok((self.denied(&device.code, subject), DeviceOutcome::Denied));
        }
        self.allow_device(device, (entered.grant, GrantedClaims::default()), (subject, browser.request)).await
    }

    /// Allows a device what it asks for, or what of it a consent app has granted.
    pub(crate) async fn allow_device(
        &self,
        WaitingDevice { code, client }: WaitingDevice,
        grant: (GrantId, GrantedClaims),
        (subject, request): (&AuthenticatedSubject, RequestId),
    ) -> Result<(Change<Write>, DeviceOutcome), PageError> {
        let may_ask = client.scope.covers(&code.scope) && code.details.are_allowed(self, &client);
        if !client.may_use(GrantType::DeviceCode) || !may_ask {
            return Err(PageError::UnknownClient);
        }
        let wanted = (&code.scope, &*code.audience, &code.details);
        let allowed = client_policy::check_authorization(self, &client.id, wanted, subject, request).await;
        match allowed {
            Ok(()) => {
                let of_grant = self.grant_subject(&client, subject).await?;
                Ok((self.allowed((&code, &client), grant, (subject, of_grant)), DeviceOutcome::Allowed))
            }
            Err(Refusal::Denied(reason)) => Ok((self.denied(&code, subject), DeviceOutcome::Refused(reason))),
            Err(Refusal::Hook(failure)) => Err(PortError::Unavailable(failure.to_string()).into()),
        }
    }

    fn allowed(
        &self,
        (code, client): (&DeviceCode, &Client),
        (id, claims): (GrantId, GrantedClaims),
        (subject, of_grant): (&AuthenticatedSubject, GrantSubject),
    ) -> Change<Write> {
        let now = self.now();
        let grant = Grant {
            id,
            client: code.client.clone(),
            subject: of_grant,
            scope: code.scope.clone(),
            audience: code.audience.clone(),
            details: code.details.clone(),
            requested: RequestedClaims::default(),
            nonce: None,
            claims,
            created_at: now,
            revoked_at: None,
        };
        let actor = Actor::Subject(subject.subject);
        let mut event =
            AuditEvent::new("grant.created", actor, "grant", &grant.id).with("client", &grant.client);
        event.organisation = subject.organisation;
        let answer = Write::AnswerDeviceCode { code: code.hash.clone(), grant: Some(id), at: now };
        let mut change = Change::new(self.tenant.clone()).audit(event);
        change.writes.extend(self.insert_grant(client, grant).into_iter().chain([answer]));
        change
    }

    pub(crate) fn denied(&self, code: &DeviceCode, subject: &AuthenticatedSubject) -> Change<Write> {
        let mut denied = self.denied_by(code, Actor::Subject(subject.subject));
        denied.audit.iter_mut().for_each(|event| event.organisation = subject.organisation);
        denied
    }

    /// A login app lets nobody in for a device, which is told (RFC 8628 section 3.5). As whoever refuses the question: they have its
    /// code, and the browser in which that was entered.
    pub(crate) async fn refuse_device(
        &self,
        challenge: &str,
        browser: Browser<'_>,
    ) -> Result<Change<Write>, PageError> {
        let entered = self.open_entered(Kind::Entered, challenge, browser)?;
        let device = self.load_waiting(&entered.user_code).await?;
        Ok(self.denied_by(&device.code, Actor::Anonymous))
    }

    fn denied_by(&self, code: &DeviceCode, actor: Actor) -> Change<Write> {
        let event = AuditEvent::new("device.denied", actor, "client", &code.client);
        let answer = Write::AnswerDeviceCode { code: code.hash.clone(), grant: None, at: self.now() };
        Change::new(self.tenant.clone()).write(answer).audit(event)
    }

    pub(super) fn open_entered(
        &self,
        kind: Kind,
        challenge: &str,
        browser: Browser<'_>,
    ) -> Result<Entered, PageError> {
        let short = Some(challenge).filter(|text| text.len() <= MAX_CHALLENGE);
        let entered: Entered =
            short.and_then(|text| self.open(kind.sealed(), text)).ok_or(PageError::UnknownChallenge)?;
        if !binding_fits(browser.binding, &entered.browser) {
            return Err(PageError::OtherBrowser);
        }
        if self.now() >= entered.expires_at {
            return Err(PageError::Expired);
        }
        Ok(entered)
    }

    /// The request of a code that was entered, if nobody has answered it, and its client.
    pub(crate) async fn load_waiting(&self, user_code: &UserCode) -> Result<WaitingDevice, PageError> {
        let code = self.find_waiting(user_code).await?.ok_or(PageError::Used)?;
        let client = find_client(self, &code.client).await?.ok_or(PageError::UnknownClient)?;
        // A client that was made anew under the same id asked for nothing.
        if client.record.created_at > code.created_at {
            return Err(PageError::UnknownClient);
        }
        Ok(WaitingDevice { code, client })
    }

    /// The request of a user code that can still be answered.
    pub(super) async fn find_waiting(&self, user_code: &UserCode) -> Result<Option<DeviceCode>, PortError> {
        for hash in user_code.hashes(self) {
            if let Some(code) = self.ports.devices.find_user_code(&self.tenant, &hash).await? {
                return Ok(Some(code).filter(|code| code.answer.is_none() && self.now() < code.expires_at));
            }
        }
        Ok(None)
    }
}

//! The consent of a person to a device, by the tenant's own consent app (`urls.consent`), as Hydra has it: for the app it is a consent
//! like any other, on a challenge of its own.
//!
//! Attacks: somebody sends their own device's code to others, who are asked by an app that does not say so (RFC 8628 section 5.4): the
//! app is told the code that the device must show, and is never told to skip, whatever was remembered; nor is anything
//! remembered. A consent to an app becomes one to a device, or the other way round (each has a seal of its own). A verifier is
//! handed to another browser or person (it is bound to both). Two answers (the first one is written down, and the device is
//! answered once).

use primitives::seal::SealedKind;
use primitives::{AuthenticatedSubject, ExternalLogin, GrantId, IdentityId, SessionId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{AcceptConsent, Reject};
use super::consent::narrowed;
use super::document::{self, RedirectTo};
use super::error::ChallengeError;
use super::sealed::{Answer, Consented, Sealed, check_time, open, open_in, seal};
use crate::authorization::answered::{ChallengeId, Verdict};
use crate::authorization::{Browser, PageError};
use crate::decision::Decision;
use crate::device::{DeviceOutcome, UserCode, WaitingDevice};
use crate::server::AuthorizationServer;
use crate::write::Write;

/// A person who has entered a device's code, and is asked by an app.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DeviceConsent {
    user_code: UserCode,
    /// The grant that it becomes, once.
    grant: GrantId,
    browser: String,
    subject: IdentityId,
    /// In which session they are asked.
    session: SessionId,
    sub: String,
    acr: String,
    amr: Vec<String>,
    expires_at: Timestamp,
}

/// What an app has answered of it.
#[derive(Debug, Serialize, Deserialize)]
struct DeviceConsentVerifier {
    asked: DeviceConsent,
    answer: Answer<Consented>,
}

impl Sealed for DeviceConsent {
    const KIND: SealedKind = SealedKind::AppDeviceConsentChallenge;

    fn browser(&self) -> &str {
        &self.browser
    }

    fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

impl Sealed for DeviceConsentVerifier {
    const KIND: SealedKind = SealedKind::AppDeviceConsentVerifier;

    fn browser(&self) -> &str {
        &self.asked.browser
    }

    fn expires_at(&self) -> Timestamp {
        self.asked.expires_at
    }
}

impl AuthorizationServer {
    /// Where the consent app asks somebody about a device whose code they have entered; `None` where there is no such app.
    pub(crate) fn ask_consent_for_device(
        &self,
        (user_code, grant, browser): (UserCode, GrantId, String),
        subject: &AuthenticatedSubject,
        expires_at: Timestamp,
    ) -> Option<Result<String, PageError>> {
        let app = self.settings.urls.consent.as_deref()?;
        let asked = DeviceConsent {
            user_code,
            grant,
            browser,
            subject: subject.subject,
            session: subject.session,
            sub: subject.sub(),
            acr: subject.acr().to_owned(),
            amr: subject.methods.clone(),
            expires_at,
        };
        let sealed = seal(self, &asked).map_err(|_| PageError::UnknownChallenge);
        Some(sealed.map(|sealed| document::with_query(app, "consent_challenge", &sealed)))
    }

    /// The question, where a challenge is one about a device.
    pub(super) fn find_device_consent(&self, challenge: &str) -> Option<DeviceConsent> {
        open(self, challenge).ok()
    }

    /// What a consent app is asked about a device: `oAuth2ConsentRequest`, and which code the device must show.
    pub(super) async fn show_device_consent(
        &self,
        challenge: &str,
        asked: DeviceConsent,
    ) -> Result<Value, ChallengeError> {
        let device = self.waiting_device(&asked).await?;
        let anew = || self.endpoints.device_verification.clone();
        if self.is_refused(&ChallengeId::consent(asked.grant)).await? {
            return Err(ChallengeError::Gone { redirect_to: anew() });
        }
        let code = &device.code;
        let mut document = json!({
            "challenge": challenge,
            "consent_request_id": asked.grant.to_string(),
            "requested_scope": code.scope.to_vec(),
            "requested_access_token_audience": code.audience,
            "skip": false,
            "subject": asked.sub,
            "login_session_id": asked.session.to_string(),
            "acr": asked.acr,
            "amr": asked.amr,
            "context": {},
            "client": device.client.record.document,
            "request_url": anew(),
            "oidc_context": {},
            // Ours: the person compares it with what their device shows.
            "device_user_code": asked.user_code.to_string(),
        });
        if let (Some(members), false) = (document.as_object_mut(), code.details.is_empty()) {
            members.insert("requested_authorization_details".to_owned(), json!(code.details));
        }
        Ok(document)
    }

    /// Takes the consent that an app reports.
    pub(super) async fn accept_device_consent(
        &self,
        asked: DeviceConsent,
        answer: AcceptConsent,
    ) -> Result<(Option<Write>, RedirectTo), ChallengeError> {
        let WaitingDevice { code, client } = self.waiting_device(&asked).await?;
        let consented = narrowed(self, &client, (&code.scope, &code.audience, &code.details), answer)?;
        self.verify_device_consent(asked, Verdict::Accepted, Answer::Accepted(consented)).await
    }

    /// Takes it that somebody does not consent.
    pub(super) async fn reject_device_consent(
        &self,
        asked: DeviceConsent,
        answer: Reject,
    ) -> Result<(Option<Write>, RedirectTo), ChallengeError> {
        let rejection = answer.check()?;
        self.waiting_device(&asked).await?;
        self.verify_device_consent(asked, Verdict::Refused, Answer::Rejected(rejection)).await
    }

    async fn verify_device_consent(
        &self,
        asked: DeviceConsent,
        verdict: Verdict,
        answer: Answer<Consented>,
    ) -> Result<(Option<Write>, RedirectTo), ChallengeError> {
        let until = (ChallengeId::consent(asked.grant), asked.expires_at);
        let write = self.answer_once(until, verdict, &answer).await?;
        let sealed = seal(self, &DeviceConsentVerifier { asked, answer })?;
        Ok((write, RedirectTo::own(&self.endpoints.device_verification, "consent_verifier", &sealed)))
    }

    async fn waiting_device(&self, asked: &DeviceConsent) -> Result<WaitingDevice, ChallengeError> {
        let waiting = async {
            check_time(self, asked)?;
            self.load_waiting(&asked.user_code).await
        };
        let anew = &self.endpoints.device_verification;
        waiting.await.map_err(|error| ChallengeError::of_page(error, anew))
    }

    /// Answers the device when the browser comes back from the consent app.
    pub async fn continue_device_consent(
        &self,
        verifier: &str,
        browser: Browser<'_>,
    ) -> Decision<DeviceOutcome, PageError> {
        match self.take_device_consent(verifier, browser).await {
            Ok((change, outcome)) => Decision::new(change, Ok(outcome)),
            Err(error) => Decision::without_change(self.tenant.clone(), Err(error)),
        }
    }

    async fn take_device_consent(
        &self,
        verifier: &str,
        browser: Browser<'_>,
    ) -> Result<(primitives::Change<Write>, DeviceOutcome), PageError> {
        let DeviceConsentVerifier { asked, answer } = open_in(self, verifier, browser.binding)?;
        let subject = browser.subject.filter(|subject| subject.tenant == self.tenant);
        let is_asked = |subject: &&AuthenticatedSubject| {
            (subject.subject, subject.session) == (asked.subject, asked.session)
        };
        let other = || PageError::of_other(browser.subject, Some(asked.subject));
        let subject = subject.filter(is_asked).ok_or_else(other)?;
        let device = self.load_waiting(&asked.user_code).await?;
        let Answer::Accepted(consented) = answer else {
            return Ok((self.denied(&device.code, subject), DeviceOutcome::Denied));
        };
        let Consented { scope, audience, details, claims, remember: _ } = consented;
        // As the app that signed them in has said it, if it did.
        let said = |external| ExternalLogin { acr: asked.acr.clone(), ..external };
        let external = subject.external.clone().map(said);
        let subject = AuthenticatedSubject { methods: asked.amr, external, ..subject.clone() };
        let narrowed = WaitingDevice {
            code: crate::device::DeviceCode { scope, audience, details, ..device.code },
            client: device.client,
        };
        self.allow_device(narrowed, (asked.grant, claims), (&subject, browser.request)).await
    }
}

//! The consent by an app: asked for, shown to it, answered by it, and taken from the browser that comes back.

use std::time::Duration;

use primitives::{AuthenticatedSubject, Change, ExternalLogin, Timestamp};
use serde_json::Value;

use super::answer::{AcceptConsent, Reject, check_seconds};
use super::document::{self, RedirectTo};
use super::error::ChallengeError;
use super::sealed::{Answer, ConsentChallenge, ConsentVerifier, Consented, check_time, open, open_in, seal};
use crate::authorization::answered::{ChallengeId, Verdict};
use crate::authorization::error::RedirectError;
use crate::authorization::interaction::{check_unused, hash_binding};
use crate::authorization::issue::Extras;
use crate::authorization::redirect::{ProvenRedirect, prove_again};
use crate::authorization::request::{AuthorizationRequest, check_again};
use crate::authorization::subject::{self, Standing};
use crate::authorization::{Browser, Next, Outcome, PageError, consent, issue};
use crate::client::Client;
use crate::decision::Decision;
use crate::details::AuthorizationDetails;
use crate::grant::{GrantedClaims, Requested};
use crate::scope::Scopes;
use crate::server::AuthorizationServer;
use crate::write::Write;

/// Sends the browser to the consent app: always, as Hydra does, so that the app may say what stands in the tokens.
pub(in crate::authorization) fn ask(
    server: &AuthorizationServer,
    app: &str,
    request: AuthorizationRequest,
    (subject, context): (&AuthenticatedSubject, Option<Value>),
    (skip, browser): (bool, Browser<'_>),
) -> Outcome {
    let binding =
        browser.binding.ok_or(RedirectError::InteractionRequired("the browser takes no cookies"))?;
    let challenge = ConsentChallenge {
        browser: hash_binding(binding),
        subject: subject.subject,
        session: subject.session,
        sub: subject.sub(),
        acr: subject.acr().to_owned(),
        amr: subject.methods.clone(),
        skip,
        context,
        expires_at: request.requested_at.after(server.settings.interaction_lifespan.0),
        request,
    };
    let sealed = seal(server, &challenge)
        .map_err(|_| RedirectError::InvalidRequest("the request is too long".into()))?;
    let next = Next::Page(document::with_query(app, "consent_challenge", &sealed));
    Ok((Change::new(server.tenant.clone()), next))
}

/// What an app grants of what was asked for: never more.
pub(super) fn narrowed(
    server: &AuthorizationServer,
    client: &Client,
    (scope, audience, details): (&Scopes, &[String], &AuthorizationDetails),
    answer: AcceptConsent,
) -> Result<Consented, ChallengeError> {
    let granted: Scopes = answer.grant_scope.iter().flatten().map(String::as_str).collect();
    if let Some(scope) = scope.first_missing(&granted) {
        let scope: String = scope.chars().take(100).collect();
        return Err(ChallengeError::Invalid(format!("grant_scope: {scope} was not asked for")));
    }
    let granted_audience = answer.grant_access_token_audience.unwrap_or_default();
    if granted_audience.iter().any(|one| !audience.contains(one)) {
        let text = "grant_access_token_audience holds one that was not asked for";
        return Err(ChallengeError::invalid(text));
    }
    let granted_details = answer.grant_authorization_details.unwrap_or_default();
    let granted_details = AuthorizationDetails::check_value(server, client, granted_details)
        .map_err(|error| ChallengeError::Invalid(format!("grant_authorization_details: {error}")))?;
    if !granted_details.is_within(details) {
        let text = "grant_authorization_details hold more than was asked for";
        return Err(ChallengeError::invalid(text));
    }
    let asked = Requested { scope: scope.to_vec(), audience: audience.to_vec() };
    let is_less = asked.scope.len() > granted.iter().count() || asked.audience.len() > granted_audience.len();
    let claims = GrantedClaims {
        context: answer.context.filter(|context| !context.is_null()),
        requested: is_less.then_some(asked),
        ..answer.session.unwrap_or_default().check()?
    };
    Ok(Consented {
        scope: granted,
        audience: granted_audience,
        details: granted_details,
        remember: answer.remember.then(|| check_seconds(answer.remember_for)).transpose()?,
        claims,
    })
}

impl AuthorizationServer {
    /// What a consent app is asked: `oAuth2ConsentRequest`.
    pub async fn show_consent_challenge(&self, challenge: &str) -> Result<Value, ChallengeError> {
        if let Some(asked) = self.find_device_consent(challenge) {
            return self.show_device_consent(challenge, asked).await;
        }
        let (opened, redirect) = self.open_consent(challenge).await?;
        if self.is_refused(&ChallengeId::consent(opened.request.grant)).await? {
            return Err(ChallengeError::Gone { redirect_to: document::request_url(self, &opened.request) });
        }
        Ok(document::consent_request(challenge, &opened, &redirect))
    }

    /// Takes the consent that an app reports.
    pub async fn accept_consent_challenge(
        &self,
        challenge: &str,
        answer: AcceptConsent,
    ) -> Decision<RedirectTo, ChallengeError> {
        self.answered(self.accept_consent(challenge, answer).await)
    }

    async fn accept_consent(
        &self,
        challenge: &str,
        answer: AcceptConsent,
    ) -> Result<(Option<Write>, RedirectTo), ChallengeError> {
        if let Some(asked) = self.find_device_consent(challenge) {
            return self.accept_device_consent(asked, answer).await;
        }
        let (opened, redirect) = self.open_consent(challenge).await?;
        let AuthorizationRequest { scope, audience, details, .. } = &opened.request;
        let consented = narrowed(self, &redirect.client, (scope, audience, details), answer)?;
        self.verify_consent(opened, Verdict::Accepted, Answer::Accepted(consented)).await
    }

    /// Takes it that somebody does not consent.
    pub async fn reject_consent_challenge(
        &self,
        challenge: &str,
        answer: Reject,
    ) -> Decision<RedirectTo, ChallengeError> {
        self.answered(self.reject_consent(challenge, answer).await)
    }

    async fn reject_consent(
        &self,
        challenge: &str,
        answer: Reject,
    ) -> Result<(Option<Write>, RedirectTo), ChallengeError> {
        if let Some(asked) = self.find_device_consent(challenge) {
            return self.reject_device_consent(asked, answer).await;
        }
        let rejection = answer.check()?;
        let (opened, _) = self.open_consent(challenge).await?;
        self.verify_consent(opened, Verdict::Refused, Answer::Rejected(rejection)).await
    }

    async fn verify_consent(
        &self,
        challenge: ConsentChallenge,
        verdict: Verdict,
        answer: Answer<Consented>,
    ) -> Result<(Option<Write>, RedirectTo), ChallengeError> {
        let until = (ChallengeId::consent(challenge.request.grant), challenge.expires_at);
        let write = self.answer_once(until, verdict, &answer).await?;
        let sealed = seal(self, &ConsentVerifier { challenge, answer })?;
        Ok((write, RedirectTo::own(&self.endpoints.authorization, "consent_verifier", &sealed)))
    }

    async fn open_consent(
        &self,
        challenge: &str,
    ) -> Result<(ConsentChallenge, ProvenRedirect), ChallengeError> {
        let opened: ConsentChallenge = open(self, challenge).map_err(|_| ChallengeError::Unknown)?;
        let anew = document::request_url(self, &opened.request);
        let proven = async {
            check_time(self, &opened)?;
            check_unused(self, opened.request.grant).await?;
            prove_again(self, &opened.request).await
        };
        let redirect = proven.await.map_err(|error| ChallengeError::of_page(error, &anew))?;
        Ok((opened, redirect))
    }

    /// Goes on when the browser comes back from the consent app.
    pub async fn continue_consent(&self, verifier: &str, browser: Browser<'_>) -> Decision<Next, PageError> {
        match self.take_consent(verifier, browser).await {
            Ok(decision) => decision,
            Err(error) => Decision::without_change(self.tenant.clone(), Err(error)),
        }
    }

    async fn take_consent(
        &self,
        verifier: &str,
        browser: Browser<'_>,
    ) -> Result<Decision<Next, PageError>, PageError> {
        let ConsentVerifier { challenge, answer } = open_in(self, verifier, browser.binding)?;
        check_unused(self, challenge.request.grant).await?;
        let redirect = prove_again(self, &challenge.request).await?;
        // The app asked somebody; meanwhile the browser may have become somebody else's, or their session have ended.
        let standing = subject::check(self, &redirect.client, &challenge.request, browser.subject);
        let subject = match standing {
            Ok(Standing::SignedIn(subject))
                if (subject.subject, subject.session) == (challenge.subject, challenge.session) =>
            {
                subject
            }
            _ => return Err(PageError::of_other(browser.subject, Some(challenge.subject))),
        };
        let outcome = match answer {
            Answer::Accepted(consented) => {
                self.grant_consented(&redirect, challenge, consented, (subject, browser)).await
            }
            Answer::Rejected(rejection) => {
                let answer = redirect.reject(self, rejection.error, rejection.description);
                Ok((Change::new(self.tenant.clone()), Next::Answer(answer)))
            }
        };
        Ok(self.conclude(&redirect, outcome, browser).await)
    }

    async fn grant_consented(
        &self,
        redirect: &ProvenRedirect,
        challenge: ConsentChallenge,
        consented: Consented,
        (subject, browser): (&AuthenticatedSubject, Browser<'_>),
    ) -> Outcome {
        let Consented { scope, audience, details, remember, claims } = consented;
        // As the app that let them skip has said it, if it did.
        let said = |external| ExternalLogin { acr: challenge.acr.clone(), ..external };
        let external = subject.external.clone().map(said);
        let subject = &AuthenticatedSubject { methods: challenge.amr, external, ..subject.clone() };
        // What was asked for was checked when it was accepted; the seal says so.
        let named = challenge.request.claims.within(&scope);
        let request = AuthorizationRequest { scope, audience, details, claims: named, ..challenge.request };
        check_again(self, redirect, &request)?;
        self.check_policy(redirect, &request, (subject, browser.request)).await?;
        // As on our own page: of a client that describes itself nothing is remembered.
        let may_remember = subject.actor.is_none() && !redirect.client.is_described();
        let remember = match remember.filter(|_| may_remember) {
            None => None,
            Some(seconds) => {
                let merged = consent::merged(self, redirect, &request, subject).await?;
                Some(crate::grant::Consent { expires_at: self.ends(seconds), ..merged })
            }
        };
        let extras = Extras { remember, claims };
        let (change, response) =
            issue::issue(self, redirect, &request, (subject, browser.request), extras).await?;
        Ok((change, Next::Answer(response)))
    }

    /// Until when a consent holds that an app remembers for some seconds; never longer than the tenant's settings say.
    fn ends(&self, seconds: u32) -> Option<Timestamp> {
        let now = self.now();
        let asked = (seconds > 0).then(|| now.after(Duration::from_secs(seconds.into())));
        let most = self.settings.consent_lifespan.map(|lifespan| now.after(lifespan.0));
        [asked, most].into_iter().flatten().min()
    }
}

//! The sign-in by an app: asked for, shown to it, answered by it, and taken from the browser that comes back.

use std::sync::Arc;
use std::time::Duration;

use primitives::{
    Actor, AuditEvent, AuthenticatedSubject, Change, ClientId, IdentityId, SessionId, Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Continued;
use super::answer::{AcceptLogin, Reject, check_seconds};
use super::document::{self, RedirectTo};
use super::error::ChallengeError;
use super::login_session::{LoginCookie, LoginSession};
use super::sealed::{
    Answer, Asked, Known, LoginChallenge, LoginVerifier, SignedIn, check_time, open, open_in, seal,
};
use super::subject::resolve;
use crate::access_token::find_client;
use crate::authorization::answered::{ChallengeId, Verdict};
use crate::authorization::error::RedirectError;
use crate::authorization::interaction::{check_unused, hash_binding};
use crate::authorization::redirect::{ProvenRedirect, prove_again};
use crate::authorization::request::{AuthorizationRequest, check_again};
use crate::authorization::subject::{self, Standing};
use crate::authorization::{Browser, Next, Outcome, PageError};
use crate::client::Client;
use crate::decision::Decision;
use crate::scope::Scopes;
use crate::server::AuthorizationServer;
use crate::write::Write;

/// Sends the browser to the login app: always, as Hydra does, so that the app may have its own rules. Whoever is signed in
/// as the request asks is named to it, and need not sign in again.
pub(in crate::authorization) fn ask(
    server: &AuthorizationServer,
    app: &str,
    request: AuthorizationRequest,
    standing: &Standing<'_>,
    browser: Browser<'_>,
) -> Outcome {
    let binding =
        browser.binding.ok_or(RedirectError::InteractionRequired("the browser takes no cookies"))?;
    let known = match standing {
        Standing::SignedIn(subject) => Some(Known { session: subject.session, sub: subject.sub() }),
        Standing::MustSignIn { .. } => None,
    };
    let challenge = LoginChallenge {
        browser: hash_binding(binding),
        session: SessionId::generate(server.rng.as_ref()),
        known,
        expires_at: request.requested_at.after(server.settings.interaction_lifespan.0),
        asked: Asked::Authorization(Box::new(request)),
    };
    let too_long = |_| RedirectError::InvalidRequest("the request is too long".into());
    let sealed = seal(server, &challenge).map_err(too_long)?;
    let next = Next::Page(document::with_query(app, "login_challenge", &sealed));
    Ok((Change::new(server.tenant.clone()), next))
}

/// A device, whose code somebody has entered who is not signed in.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DeviceAsked {
    pub(crate) client: ClientId,
    pub(crate) scope: Scopes,
    pub(crate) audience: Vec<String>,
    /// The code that was entered, sealed to the browser.
    pub(crate) challenge: String,
    pub(crate) expires_at: Timestamp,
}

impl DeviceAsked {
    /// The page on which the device goes on.
    fn page(&self, server: &AuthorizationServer) -> String {
        let page = format!("{}/ui/device", server.issuer);
        document::with_query(&page, "device_challenge", &self.challenge)
    }
}

impl AuthorizationServer {
    /// What a login app is asked: `oAuth2LoginRequest`.
    pub async fn show_login_challenge(&self, challenge: &str) -> Result<Value, ChallengeError> {
        let (opened, client) = self.open_login(challenge).await?;
        if self.is_refused(&ChallengeId::login(opened.session)).await? {
            return Err(ChallengeError::Gone { redirect_to: document::begins_at(self, &opened.asked) });
        }
        Ok(document::login_request(challenge, &opened, &client))
    }

    /// Takes the sign-in that an app reports.
    pub async fn accept_login_challenge(
        &self,
        challenge: &str,
        answer: AcceptLogin,
    ) -> Decision<RedirectTo, ChallengeError> {
        self.answered(self.accept_login(challenge, answer).await)
    }

    async fn accept_login(
        &self,
        challenge: &str,
        answer: AcceptLogin,
    ) -> Result<(Vec<Write>, RedirectTo), ChallengeError> {
        answer.check()?;
        let (opened, client) = self.open_login(challenge).await?;
        let known = opened.known.as_ref();
        if known.is_some_and(|known| known.sub != answer.subject) {
            let text = "subject must be the one of the request, which says skip";
            return Err(ChallengeError::invalid(text));
        }
        if answer.extend_session_lifespan && known.is_none() {
            let text = "extend_session_lifespan is for a request that says skip";
            return Err(ChallengeError::invalid(text));
        }
        let named = resolve(self, &answer.subject).await?;
        if named.external.is_none()
            && self.ports.subjects.find_subject(&self.tenant, named.id).await?.is_none()
        {
            let text = "subject is an identity of this tenant that is inactive";
            return Err(ChallengeError::invalid(text));
        }
        let provider_session = provider_session(answer.identity_provider_session_id);
        let signed_in = SignedIn {
            subject: named.id,
            external: named.external,
            at: self.now(),
            acr: answer.acr,
            amr: answer.amr,
            remember: answer.remember.then(|| check_seconds(answer.remember_for)).transpose()?,
            extend: answer.extend_session_lifespan,
            hangs_on: self.own_session(provider_session.as_deref(), named.id).await?,
            provider_session,
            context: answer.context.filter(|context| !context.is_null()),
        };
        // Whoever repeats an answer says it later.
        let said = SignedIn { at: opened.expires_at, ..signed_in.clone() };
        let forced = answer.force_subject_identifier;
        // Who it is at the client is durable before anybody signs in by it.
        let name = self.name_subject(&client, signed_in.subject, &forced).await?;
        let (write, redirect) = self
            .verify_login(opened, Answer::Accepted(signed_in), (Verdict::Accepted, &(said, forced)))
            .await?;
        Ok((write.into_iter().chain(name).collect(), redirect))
    }

    /// The session here that an app names, if it lives and is of the person whom the app names.
    async fn own_session(
        &self,
        said: Option<&str>,
        subject: IdentityId,
    ) -> Result<Option<SessionId>, ChallengeError> {
        let Some(session) = said.and_then(|said| said.parse().ok()) else { return Ok(None) };
        let is_theirs = self.ports.logins.is_session_of(&self.tenant, session, subject).await?;
        Ok(is_theirs.then_some(session))
    }

    /// Takes it that somebody does not sign in.
    pub async fn reject_login_challenge(
        &self,
        challenge: &str,
        answer: Reject,
    ) -> Decision<RedirectTo, ChallengeError> {
        self.answered(self.reject_login(challenge, answer).await)
    }

    async fn reject_login(
        &self,
        challenge: &str,
        answer: Reject,
    ) -> Result<(Option<Write>, RedirectTo), ChallengeError> {
        let rejection = answer.check()?;
        let (opened, _) = self.open_login(challenge).await?;
        let said = rejection.clone();
        self.verify_login(opened, Answer::Rejected(rejection), (Verdict::Refused, &said)).await
    }

    async fn verify_login(
        &self,
        challenge: LoginChallenge,
        answer: Answer<SignedIn>,
        (verdict, said): (Verdict, &(impl Serialize + Sync)),
    ) -> Result<(Option<Write>, RedirectTo), ChallengeError> {
        let until = (ChallengeId::login(challenge.session), challenge.expires_at);
        let sealed = seal(self, &LoginVerifier { challenge, answer })?;
        let write = self.answer_once(until, verdict, said).await?;
        Ok((write, RedirectTo::own(&self.endpoints.authorization, "login_verifier", &sealed)))
    }

    /// Where the login app signs somebody in for a device; `None` where there is no such app.
    pub(crate) fn ask_login_for_device(
        &self,
        asked: DeviceAsked,
        binding: Option<&str>,
    ) -> Option<Result<String, PageError>> {
        let app = self.settings.urls.login.as_deref()?;
        let Some(binding) = binding else { return Some(Err(PageError::OtherBrowser)) };
        let challenge = LoginChallenge {
            browser: hash_binding(binding),
            session: SessionId::generate(self.rng.as_ref()),
            known: None,
            expires_at: asked.expires_at,
            asked: Asked::Device(Box::new(asked)),
        };
        let sealed = seal(self, &challenge).map_err(|_| PageError::UnknownChallenge);
        Some(sealed.map(|sealed| document::with_query(app, "login_challenge", &sealed)))
    }

    async fn open_login(&self, challenge: &str) -> Result<(LoginChallenge, Arc<Client>), ChallengeError> {
        let opened: LoginChallenge = open(self, challenge).map_err(|_| ChallengeError::Unknown)?;
        let anew = document::begins_at(self, &opened.asked);
        let proven = async {
            check_time(self, &opened)?;
            self.check_begins(&opened).await?;
            match &opened.asked {
                Asked::Authorization(request) => Ok(prove_again(self, request).await?.client),
                Asked::Device(asked) => {
                    find_client(self, &asked.client).await?.ok_or(PageError::UnknownClient)
                }
            }
        };
        let client = proven.await.map_err(|error| ChallengeError::of_page(error, &anew))?;
        Ok((opened, client))
    }

    /// Refuses a challenge that was answered: its session has begun, or its grant exists.
    async fn check_begins(&self, challenge: &LoginChallenge) -> Result<(), PageError> {
        if let Asked::Authorization(request) = &challenge.asked {
            check_unused(self, request.grant).await?;
        }
        match self.ports.logins.find_login_session(&self.tenant, challenge.session).await? {
            None => Ok(()),
            Some(_) => Err(PageError::Used),
        }
    }

    /// Goes on when the browser comes back from the login app.
    pub async fn continue_login(
        &self,
        verifier: &str,
        browser: Browser<'_>,
    ) -> Decision<Continued, PageError> {
        match self.take_login(verifier, browser).await {
            Ok(decision) => decision,
            Err(error) => Decision::without_change(self.tenant.clone(), Err(error)),
        }
    }

    async fn take_login(
        &self,
        verifier: &str,
        browser: Browser<'_>,
    ) -> Result<Decision<Continued, PageError>, PageError> {
        let LoginVerifier { challenge, answer } = open_in(self, verifier, browser.binding)?;
        self.check_begins(&challenge).await?;
        let redirect = match &challenge.asked {
            Asked::Authorization(request) => Some(prove_again(self, request).await?),
            Asked::Device(_) => None,
        };
        let signed_in = match (answer, &redirect) {
            (Answer::Accepted(signed_in), _) => signed_in,
            (Answer::Rejected(rejection), Some(redirect)) => {
                let answer = redirect.reject(self, rejection.error, rejection.description);
                let outcome = Ok((Change::new(self.tenant.clone()), Next::Answer(answer)));
                let told = self.conclude(redirect, outcome, browser).await;
                return Ok(Decision::new(
                    told.change,
                    told.result.map(|next| Continued { next, cookie: None }),
                ));
            }
            (Answer::Rejected(_), None) => {
                let Asked::Device(asked) = &challenge.asked else { return Err(PageError::UnknownChallenge) };
                let change = self.refuse_device(&asked.challenge, browser).await?;
                return Ok(Decision::new(change, Err(PageError::Refused)));
            }
        };
        let Begun { session, change: mut whole, cookie } =
            self.begin_login(&challenge, &signed_in, browser.subject).await?;
        let subject = session.subject(&self.tenant);
        let next = match (challenge.asked, redirect) {
            (Asked::Authorization(request), Some(redirect)) => {
                let outcome = self.go_on(&redirect, *request, (&subject, signed_in.context), browser).await;
                let Decision { change, result, .. } = self.conclude(&redirect, outcome, browser).await;
                // The session comes first: of two answers its guard lets one through.
                whole.writes.extend(change.writes);
                whole.audit.extend(change.audit);
                result
            }
            (Asked::Device(asked), _) => Ok(Next::Page(asked.page(self))),
            (Asked::Authorization(_), None) => Err(PageError::UnknownChallenge),
        };
        Ok(Decision::new(whole, next.map(|next| Continued { next, cookie })))
    }

    /// Stages 3 to 5 for somebody whom the app has just named.
    async fn go_on(
        &self,
        redirect: &ProvenRedirect,
        request: AuthorizationRequest,
        (subject, context): (&AuthenticatedSubject, Option<Value>),
        browser: Browser<'_>,
    ) -> Outcome {
        check_again(self, redirect, &request)?;
        match subject::check(self, &redirect.client, &request, Some(subject))? {
            Standing::SignedIn(subject) => {
                self.proceed_as(redirect, request, (subject, context), browser).await
            }
            // E.g. an app let somebody skip who had to sign in anew: it is asked again.
            standing @ Standing::MustSignIn { .. } => {
                let app = self.settings.urls.login.as_deref().ok_or(RedirectError::LoginRequired)?;
                ask(self, app, request, &standing, browser)
            }
        }
    }

    /// The session of the sign-in: one that begins, or that of whoever was remembered and is still `there`.
    async fn begin_login(
        &self,
        challenge: &LoginChallenge,
        signed_in: &SignedIn,
        there: Option<&AuthenticatedSubject>,
    ) -> Result<Begun, PageError> {
        let is_one_of_ours = signed_in.external.is_none();
        if is_one_of_ours
            && self.ports.subjects.find_subject(&self.tenant, signed_in.subject).await?.is_none()
        {
            // They were switched off meanwhile.
            return Err(PageError::SessionEnded);
        }
        let now = self.now();
        let lifespan = self.settings.login_session_lifespan.0;
        let (remembered_until, max_age) = match signed_in.remember {
            None => (None, None),
            // As long as the browser is open: its cookie says so, and the session's own end.
            Some(0) => (Some(now.after(lifespan)), None),
            Some(seconds) => {
                let until = now.after(Duration::from_secs(seconds.into()));
                (Some(until), Some(u64::from(seconds)))
            }
        };
        let expires_at =
            remembered_until.map_or_else(|| now.after(lifespan), |until| until.max(now.after(lifespan)));
        let (value, token) = self.draw_login_cookie();
        let mut change = Change::new(self.tenant.clone());
        if let Some(known) = &challenge.known {
            // Attack: a browser that several people use. One may skip, another signs in, and opens what was answered about
            // the first. Whoever has signed in again meanwhile goes on by that sign-in.
            let is_theirs = |there: &&AuthenticatedSubject| {
                there.session == known.session || there.subject == signed_in.subject
            };
            let there =
                there.filter(is_theirs).ok_or_else(|| PageError::of_other(there, Some(signed_in.subject)))?;
            let found = self.ports.logins.find_login_session(&self.tenant, there.session).await?;
            // It was ended meanwhile: the person begins anew.
            let mut session = found.filter(|found| now < found.expires_at).ok_or(PageError::SessionEnded)?;
            if !signed_in.acr.is_empty() {
                session.acr.clone_from(&signed_in.acr);
            }
            if let Some(amr) = &signed_in.amr {
                session.amr.clone_from(amr);
            }
            if !signed_in.extend {
                return Ok(Begun { session, change, cookie: None });
            }
            change = change.write(Write::ExtendLoginSession {
                session: session.id,
                token: token.clone(),
                remembered_until,
                expires_at,
            });
            let session = LoginSession { token, remembered_until, expires_at, ..session };
            return Ok(Begun { session, change, cookie: Some(LoginCookie { value, max_age }) });
        }
        if let Some(session) = signed_in.hangs_on {
            // Attack: somebody signs out, and an answer of before brings them in again.
            if !self.ports.logins.is_session_of(&self.tenant, session, signed_in.subject).await? {
                return Err(PageError::SessionEnded);
            }
            change =
                change.write(Write::HoldSession { session, identity: signed_in.subject, at: self.now() });
        }
        let session = LoginSession {
            id: challenge.session,
            token,
            subject: signed_in.subject,
            external: signed_in.external.clone(),
            authenticated_at: signed_in.at,
            acr: signed_in.acr.clone(),
            amr: signed_in.amr.clone().unwrap_or_default(),
            remembered_until,
            expires_at,
            provider_session: signed_in.provider_session.clone(),
        };
        let actor = Actor::Subject(session.subject);
        let event = AuditEvent::new("login_session.created", actor, "session", &session.id)
            .with("client", document::client_of(&challenge.asked));
        let change = change.write(Write::InsertLoginSession(Box::new(session.clone()))).audit(event);
        Ok(Begun { session, change, cookie: Some(LoginCookie { value, max_age }) })
    }
}

/// A session that somebody has signed in to.
struct Begun {
    session: LoginSession,
    change: Change<Write>,
    cookie: Option<LoginCookie>,
}

/// The app's own session. The id of one of ours is written as we write it, so that it is found by it.
fn provider_session(said: String) -> Option<String> {
    let said = Some(said).filter(|said| !said.is_empty())?;
    Some(said.parse::<SessionId>().map_or(said, |session| session.to_string()))
}

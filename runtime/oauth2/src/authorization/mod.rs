//! The authorization endpoint (RFC 6749 section 4.1, OpenID Connect Core section 3.1.2, RFC 9700).
//!
//! The order of the checks, as one table. A stage takes what the stage before it gives: an error of
//! stage 1 is a [`PageError`], because there is no address yet; an error of a later stage is a
//! `RedirectError`, which only the proven address of stage 1 turns into an answer.
//!
//! | stage | file | what is checked | fails with |
//! |---|---|---|---|
//! | 1 | `redirect` | one `client_id` and `redirect_uri`; the client exists; the address is its own | a page |
//! | | `request_object` | that the client signed what it signs | `invalid_request_object`, `invalid_request_uri`, `…_not_supported` |
//! | | `request` | that the client pushed or signed the request, where it must | `invalid_request`, `unauthorized_client` |
//! | 2 | `request` | no repeated parameter | `invalid_request` |
//! | | | no `registration` | `registration_not_supported` |
//! | | | `response_mode`, length of `state` and `nonce` | `invalid_request` |
//! | | | `response_type`, and that the client may use it | `unsupported_response_type`, `unauthorized_client` |
//! | | | what a security profile asks of it | `invalid_request`, `unsupported_response_type` |
//! | | | `nonce` and `openid`, where an ID token comes back through the browser | `invalid_request` |
//! | | | `scope` | `invalid_scope` |
//! | | | `audience`, `resource` | `invalid_target` |
//! | | | `authorization_details` | `invalid_authorization_details` |
//! | | | `claims` | `invalid_request` |
//! | | | `dpop_jkt` | `invalid_request` |
//! | | | PKCE, as the tenant's settings ask; `plain` where its client has that too | `invalid_request` |
//! | | | `prompt`, `max_age`, `id_token_hint`, `organization` | `invalid_request` |
//! | | `acr` | an essential `acr` is one that can be reached | `unmet_authentication_requirements` |
//! | | `client_policy` | the tenant's plugins find the `authorization_details` good, where their type asks them | `invalid_authorization_details`, `server_error` |
//! | 3 | `subject` | the right person is signed in, in the name of the right organisation, lately enough | a sign-in; `login_required` |
//! | | `acr` | they have proven it as strongly as the request asks | a second factor; `login_required`, `unmet_authentication_requirements` |
//! | | `client_policy` | the tenant's plugins permit it | `access_denied`, `server_error` |
//! | 4 | `consent` | the person agrees, or has agreed | a question; `consent_required`, `interaction_required` |
//! | 5 | `issue` | the request was not answered before | a page |
//! | | `acr` | the session is still as strong | `unmet_authentication_requirements` |
//! | | `token::front_channel` | the tenant's plugins permit and shape what comes back through the browser | `access_denied`, `server_error` |
//!
//! While a person signs in or thinks, the request travels sealed through their browser
//! (`interaction`); when it comes back, stage 1, what may have changed of stage 2, and the tenant's plugins are run
//! again.

pub(crate) mod acr;
pub mod answered;
mod consent;
pub(crate) mod error;
pub mod external;
mod interaction;
mod issue;
mod page_error;
mod pages;
mod pushed;
mod redirect;
pub(crate) mod request;
pub mod request_object;
mod response;
mod response_type;
mod secured;
mod subject;
#[cfg(test)]
mod tests;

use primitives::{AuthenticatedSubject, Change, RequestId};
use serde_json::Value;

pub(crate) use interaction::{binding_fits, hash_binding};
pub use page_error::{Fault, PageError};
pub(crate) use pages::host;
pub use pages::{ConsentRequest, ConsentVerdict, LoginRequest};
pub use pushed::{PushError, PushedResponse};
pub use response::ResponseMode;
pub(crate) use response::{DEFAULT_SIGNED, location};
pub use response_type::ResponseType;
pub use secured::AuthorizationResponse;

use self::acr::Reached;
use self::error::RedirectError;
use self::interaction::{Kind, Step};
use self::issue::Extras;
use self::pushed::Pushed;
use self::redirect::ProvenRedirect;
use self::request::{AuthorizationRequest, Origin};
use self::request_object::{RequestObject, Unread};
use self::response::UnsecuredResponse;
use self::subject::Standing;
use crate::client_policy;
use crate::decision::Decision;
use crate::parameters::Parameters;
use crate::server::AuthorizationServer;
use crate::write::Write;

/// The browser that a request comes from.
#[derive(Debug, Clone, Copy)]
pub struct Browser<'a> {
    /// Who is signed in in it.
    pub subject: Option<&'a AuthenticatedSubject>,
    /// The value of our cookie that every browser has for itself. Where a browser sends none yet, the
    /// caller makes one, passes it here and sets it with the answer.
    pub binding: Option<&'a str>,
    /// Which request, for logs.
    pub request: RequestId,
}

/// What happens next in the browser. `A` is the client's answer: outside of this room it has the form that its client takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next<A = AuthorizationResponse> {
    /// The person signs in; then [`AuthorizationServer::resume`] goes on.
    Login {
        /// The request in progress, sealed.
        challenge: String,
        /// Whether somebody who is signed in must prove it again.
        reauthenticate: bool,
        /// Whether the session of whoever is signed in makes way: it is not in the name of the organisation that is asked for.
        elsewhere: bool,
        /// Which page the person is led to.
        page: SignInPage,
    },
    /// The person is asked; then [`AuthorizationServer::decide_consent`] goes on.
    Consent {
        /// The request in progress, sealed.
        challenge: String,
    },
    /// The browser goes to this address: an app of the tenant's own ([`external`]), or a page of ours behind one.
    Page(String),
    /// The client gets its answer.
    Answer(A),
}

impl<A> Next<A> {
    /// The client's answer, or where the browser goes before there is one.
    fn into_answer<B>(self) -> Result<A, Next<B>> {
        match self {
            Self::Answer(answer) => Ok(answer),
            Self::Login { challenge, reauthenticate, elsewhere, page } => {
                Err(Next::Login { challenge, reauthenticate, elsewhere, page })
            }
            Self::Consent { challenge } => Err(Next::Consent { challenge }),
            Self::Page(url) => Err(Next::Page(url)),
        }
    }
}

/// Where somebody signs in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SignInPage {
    /// With what they have.
    #[default]
    Login,
    /// With a second factor, beside the first that they have proven.
    SecondFactor,
    /// With a second factor once more, since it was proven too long ago.
    SecondFactorAgain,
    /// With an account that they make.
    Registration,
}

impl SignInPage {
    const fn is_of_second_factor(self) -> bool {
        matches!(self, Self::SecondFactor | Self::SecondFactorAgain)
    }
}

/// What a stage after the first ends with: nothing that can be sent yet.
type Outcome = Result<(Change<Write>, Next<UnsecuredResponse>), RedirectError>;

impl AuthorizationServer {
    /// Decides an authorization request.
    pub async fn authorize(
        &self,
        parameters: &Parameters<'_>,
        browser: Browser<'_>,
    ) -> Decision<Next, PageError> {
        match Pushed::find(self, parameters) {
            Ok(None) => {}
            Ok(Some(pushed)) => {
                return self.authorize_with(&pushed.parameters(), pushed.origin(), browser).await;
            }
            Err(page) => return Decision::without_change(self.tenant.clone(), Err(page)),
        }
        match RequestObject::find(self, parameters).await {
            Ok(None) => self.authorize_with(parameters, Origin::default(), browser).await,
            Ok(Some(object)) => self.authorize_with(&object.parameters(), object.origin(), browser).await,
            Err(Unread::Told(redirect, error)) => self.conclude(&redirect, Err(error), browser).await,
            Err(Unread::Page(page)) => Decision::without_change(self.tenant.clone(), Err(page)),
        }
    }

    /// Decides a request that the browser brings, or that it brings the reference of.
    async fn authorize_with(
        &self,
        parameters: &Parameters<'_>,
        origin: Origin,
        browser: Browser<'_>,
    ) -> Decision<Next, PageError> {
        let proven = async {
            if let Some(grant) = origin.grant {
                interaction::check_unused(self, grant).await?;
            }
            redirect::prove(self, parameters).await
        };
        let redirect = match proven.await {
            Ok(redirect) => redirect,
            Err(page) => return Decision::without_change(self.tenant.clone(), Err(page)),
        };
        let outcome = match request::check_first(self, &redirect, parameters, (origin, browser.request)).await
        {
            Ok(request) => self.proceed(&redirect, request, browser, false).await,
            Err(error) => Err(error),
        };
        self.conclude(&redirect, outcome, browser).await
    }

    /// Goes on after a sign-in.
    pub async fn resume(&self, login_challenge: &str, browser: Browser<'_>) -> Decision<Next, PageError> {
        let (redirect, interaction) = match self.reopen(Kind::Login, login_challenge, browser).await {
            Ok(opened) => opened,
            Err(page) => return Decision::without_change(self.tenant.clone(), Err(page)),
        };
        let asked = matches!(interaction.step, Step::Login { second_factor: true, .. });
        let outcome = match request::check_again(self, &redirect, &interaction.request) {
            Ok(()) => self.proceed(&redirect, interaction.request, browser, asked).await,
            Err(error) => Err(error),
        };
        self.conclude(&redirect, outcome, browser).await
    }

    /// What the sign-in page shows.
    pub fn login_request(
        &self,
        login_challenge: &str,
        binding: Option<&str>,
    ) -> Result<LoginRequest, PageError> {
        let interaction = interaction::open(self, Kind::Login, login_challenge, binding)?;
        let reauthenticate = matches!(interaction.step, Step::Login { reauthenticate: true, .. });
        Ok(LoginRequest::new(interaction.request, reauthenticate))
    }

    /// What the consent page shows, to the person who is asked.
    pub async fn consent_request(
        &self,
        consent_challenge: &str,
        browser: Browser<'_>,
    ) -> Result<ConsentRequest, PageError> {
        let (redirect, request, _) = self.reopen_consent(consent_challenge, browser).await?;
        let step = Step::Login { reauthenticate: false, second_factor: false };
        let login_challenge = interaction::seal(self, request.clone(), step, browser.binding)
            .map_err(|_| PageError::OtherBrowser)?;
        let can_remember = !request.details.always_ask(self);
        Ok(ConsentRequest::new(&redirect, request, (login_challenge, can_remember)))
    }

    /// Goes on after the person was asked.
    pub async fn decide_consent(
        &self,
        consent_challenge: &str,
        verdict: ConsentVerdict,
        browser: Browser<'_>,
    ) -> Decision<Next, PageError> {
        let (redirect, request, subject) = match self.reopen_consent(consent_challenge, browser).await {
            Ok(opened) => opened,
            Err(page) => return Decision::without_change(self.tenant.clone(), Err(page)),
        };
        let refusal = match self.refusal(&request, verdict.allow).await {
            Ok(refusal) => refusal,
            Err(page) => return Decision::without_change(self.tenant.clone(), Err(page)),
        };
        let asked = (subject, browser.request);
        let outcome = self.apply_verdict(&redirect, &request, asked, verdict).await;
        let mut decision = self.conclude(&redirect, outcome, browser).await;
        decision.change.writes.extend(refusal);
        decision
    }

    /// Stages 3 to 5. `asked` says that the person was at the page of the second factor for this request.
    async fn proceed(
        &self,
        redirect: &ProvenRedirect,
        request: AuthorizationRequest,
        browser: Browser<'_>,
        asked: bool,
    ) -> Outcome {
        let standing = subject::check(self, &redirect.client, &request, browser.subject)?;
        if let Some(app) = &self.settings.urls.login {
            return external::ask_login(self, app, request, &standing, browser);
        }
        let subject = match standing {
            Standing::SignedIn(subject) => subject,
            Standing::MustSignIn { reauthenticate, elsewhere } => {
                // Nobody whom a form of registration would tell that they are signed in already.
                let is_new = request.prompt.create && !reauthenticate && !elsewhere;
                let page = if is_new { SignInPage::Registration } else { SignInPage::Login };
                return self.sign_in(request, browser, (reauthenticate, elsewhere, page));
            }
        };
        if acr::check(&request, subject, asked)? == Reached::MoreIsAsked {
            let is_repeated = acr::is_to_be_repeated(&request, subject);
            let page = if is_repeated { SignInPage::SecondFactorAgain } else { SignInPage::SecondFactor };
            return self.sign_in(request, browser, (false, false, page));
        }
        self.proceed_as(redirect, request, (subject, None), browser).await
    }

    /// Seals the request for a page on which the person signs in.
    fn sign_in(
        &self,
        request: AuthorizationRequest,
        browser: Browser<'_>,
        (reauthenticate, elsewhere, page): (bool, bool, SignInPage),
    ) -> Outcome {
        let step = Step::Login { reauthenticate, second_factor: page.is_of_second_factor() };
        let challenge = interaction::seal(self, request, step, browser.binding)?;
        let next = Next::Login { challenge, reauthenticate, elsewhere, page };
        Ok((Change::new(self.tenant.clone()), next))
    }

    /// Stages 4 and 5, for somebody who is signed in as the request asks; with what a login app passes on.
    async fn proceed_as(
        &self,
        redirect: &ProvenRedirect,
        request: AuthorizationRequest,
        (subject, context): (&AuthenticatedSubject, Option<Value>),
        browser: Browser<'_>,
    ) -> Outcome {
        self.check_policy(redirect, &request, (subject, browser.request)).await?;
        let is_needed = consent::is_needed(self, redirect, &request, subject).await?;
        if let Some(app) = &self.settings.urls.consent {
            return external::ask_consent(self, app, request, (subject, context), (!is_needed, browser));
        }
        if is_needed {
            let step = Step::Consent { subject: subject.subject };
            let challenge = interaction::seal(self, request, step, browser.binding)?;
            return Ok((Change::new(self.tenant.clone()), Next::Consent { challenge }));
        }
        let asked = (subject, browser.request);
        let (change, response) = issue::issue(self, redirect, &request, asked, Extras::default()).await?;
        Ok((change, Next::Answer(response)))
    }

    async fn apply_verdict(
        &self,
        redirect: &ProvenRedirect,
        request: &AuthorizationRequest,
        (subject, id): (&AuthenticatedSubject, RequestId),
        verdict: ConsentVerdict,
    ) -> Outcome {
        if !verdict.allow {
            return Err(RedirectError::AccessDenied);
        }
        request::check_again(self, redirect, request)?;
        self.check_policy(redirect, request, (subject, id)).await?;
        // Whoever acts in the person's name answers for now, and for nobody later.
        let may_remember = subject.actor.is_none() && !redirect.client.is_described();
        let remember = if verdict.remember && may_remember {
            Some(consent::merged(self, redirect, request, subject).await?)
        } else {
            None
        };
        let extras = Extras { remember, ..Extras::default() };
        let (change, response) = issue::issue(self, redirect, request, (subject, id), extras).await?;
        Ok((change, Next::Answer(response)))
    }

    /// Whether the tenant's plugins let the client have this person.
    async fn check_policy(
        &self,
        redirect: &ProvenRedirect,
        request: &AuthorizationRequest,
        (subject, id): (&AuthenticatedSubject, RequestId),
    ) -> Result<(), RedirectError> {
        let wanted = (&request.scope, &*request.audience, &request.details);
        Ok(client_policy::check_authorization(self, &redirect.client.id, wanted, subject, id).await?)
    }

    /// Opens a challenge and proves its redirect URI again.
    async fn reopen(
        &self,
        kind: Kind,
        challenge: &str,
        browser: Browser<'_>,
    ) -> Result<(ProvenRedirect, interaction::Interaction), PageError> {
        let interaction = interaction::open(self, kind, challenge, browser.binding)?;
        interaction::check_unused(self, interaction.request.grant).await?;
        let redirect = redirect::prove_again(self, &interaction.request).await?;
        Ok((redirect, interaction))
    }

    /// Opens a consent challenge for the person who was asked, and nobody else.
    async fn reopen_consent<'a>(
        &self,
        challenge: &str,
        browser: Browser<'a>,
    ) -> Result<(ProvenRedirect, AuthorizationRequest, &'a AuthenticatedSubject), PageError> {
        let (redirect, interaction) = self.reopen(Kind::Consent, challenge, browser).await?;
        let standing = subject::check(self, &redirect.client, &interaction.request, browser.subject);
        match (standing, interaction.step) {
            (Ok(Standing::SignedIn(signed_in)), Step::Consent { subject })
                if signed_in.subject == subject =>
            {
                Ok((redirect, interaction.request, signed_in))
            }
            (_, Step::Consent { subject }) => Err(PageError::of_other(browser.subject, Some(subject))),
            _ => Err(PageError::OtherSubject),
        }
    }

    async fn conclude(
        &self,
        redirect: &ProvenRedirect,
        outcome: Outcome,
        browser: Browser<'_>,
    ) -> Decision<Next, PageError> {
        let (change, next) = outcome.unwrap_or_else(|error| {
            let response = redirect.refuse(self, &error, browser.request);
            (Change::new(self.tenant.clone()), Next::Answer(response))
        });
        let response = match next.into_answer() {
            Ok(response) => response,
            Err(next) => return Decision::new(change, Ok(next)),
        };
        match secured::secure(self, &redirect.client, response).await {
            Ok(response) => Decision::new(change, Ok(Next::Answer(response))),
            // Nothing is granted that cannot be told.
            Err(error) => Decision::without_change(self.tenant.clone(), Err(error.into())),
        }
    }
}

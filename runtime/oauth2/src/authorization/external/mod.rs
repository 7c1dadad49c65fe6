//! Login and consent by apps of the tenant's own, as the Hydra API has them (`[tenant.oauth2.urls]`).
//!
//! The browser goes to the app with a challenge; the app asks the admin API what it is about, answers there, and sends
//! the browser back with the verifier that it got. Challenge and verifier are the request itself, sealed: nothing is
//! stored until somebody has signed in. From there on the request takes the path of every other, stages 3 to 5 of
//! [`super`].
//!
//! | attack | what stands against it |
//! |---|---|
//! | a challenge or verifier that was made up, changed, of another tenant, of another step | it does not open: its seal names both |
//! | somebody is handed a verifier, to sign them in to what an attacker has begun (or the other way round) | it is bound to the cookie of the browser that began; the admin API, which has no cookie, gives only verifiers |
//! | two answers to one challenge; what was refused is accepted after all | the first answer is written down, and any other is refused (`answered`) |
//! | one verifier comes back twice | a sign-in begins the session whose id the challenge names, a consent is the grant whose id it names: one is written |
//! | the session on which a sign-in hangs ends before the browser is back | it must live still when the sign-in begins, and is held for that change |
//! | of several people who use one browser, one goes on as another, who was let skip before | who may skip has still the session that the challenge names |
//! | an answer to a challenge of long ago | the verifier expires with its challenge |
//! | consent is skipped by going back with a login verifier, or is given as somebody else | a code is given only by stage 4; a consent verifier names the session that was asked, and the browser must have it |
//! | more scope or audience than was asked for | refused when it is accepted; narrowed, never widened |
//! | an app says who somebody is in claims that are ours | refused when it is accepted |
//! | `redirect_to` leads elsewhere | it is this issuer's own endpoint, always |
//! | a person who was switched off comes in as a stranger of the same name | the text of an identity's id is that identity, also when it is inactive (`subject`) |
//! | an admin key of another tenant | the route's tenant is its own, and its challenges do not open there |

mod answer;
mod consent;
mod device_consent;
mod document;
mod error;
mod login;
mod login_session;
mod sealed;
mod subject;

pub use answer::{AcceptConsent, AcceptLogin, ConsentSession, Reject};
pub use document::RedirectTo;
pub use error::ChallengeError;
pub use login_session::{LoginCookie, LoginSession, LoginSessionRepository};

pub(super) use consent::ask as ask_consent;
pub(crate) use document::with_query;
pub(crate) use login::DeviceAsked;
pub(super) use login::ask as ask_login;
pub(crate) use subject::is_external;

use super::Next;

/// What came of a verifier that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continued {
    /// What happens next in the browser.
    pub next: Next,
    /// The sign-in that the browser has from now on; none if it keeps what it has.
    pub cookie: Option<LoginCookie>,
}

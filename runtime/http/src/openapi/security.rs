//! Who has to prove what at an operation: the security schemes of the document, and the alternatives of each operation.
//!
//! What operators' routes ask for is in the route table. What the others ask for is in [`PUBLIC`], beside which a test over the
//! real router stands: nothing that the document says is asked for something answers to somebody who brings nothing.
//!
//! An app may prove who it is in the body of its request too (`client_secret_post`, RFC 6749 section 2.3.1; `private_key_jwt`,
//! RFC 7523 section 2.2). OpenAPI knows no scheme for what is in a body, and a made-up one would be a header that nobody reads. So it
//! is said as what it is to a reader of headers, nothing (`{}`), and by its name in `x-portcullis-client-authentication`.

use serde_json::{Map, Value, json};

use crate::routes::{Access, Route};

/// A way to prove something, outside of bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scheme {
    AdminKey,
    AdminKeyAsPassword,
    AdminCertificate,
    ClientSecretBasic,
    ClientCertificate,
    AccessToken,
    DpopToken,
    RegistrationAccessToken,
    SessionCookie,
    SessionToken,
    SessionBearer,
    TestCookie,
}

impl Scheme {
    const ALL: [Self; 12] = [
        Self::AdminKey,
        Self::AdminKeyAsPassword,
        Self::AdminCertificate,
        Self::ClientSecretBasic,
        Self::ClientCertificate,
        Self::AccessToken,
        Self::DpopToken,
        Self::RegistrationAccessToken,
        Self::SessionCookie,
        Self::SessionToken,
        Self::SessionBearer,
        Self::TestCookie,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AdminKey => "adminKey",
            Self::AdminKeyAsPassword => "adminKeyAsPassword",
            Self::AdminCertificate => "adminCertificate",
            Self::ClientSecretBasic => "clientSecretBasic",
            Self::ClientCertificate => "clientCertificate",
            Self::AccessToken => "accessToken",
            Self::DpopToken => "dpopToken",
            Self::RegistrationAccessToken => "registrationAccessToken",
            Self::SessionCookie => "sessionCookie",
            Self::SessionToken => "sessionToken",
            Self::SessionBearer => "sessionBearer",
            Self::TestCookie => "testCookie",
        }
    }

    fn document(self) -> Value {
        let http =
            |scheme: &str, words: &str| json!({ "type": "http", "scheme": scheme, "description": words });
        let key = |place: &str, name: &str, words: &str| json!({ "type": "apiKey", "in": place, "name": name, "description": words });
        let tls = |words: &str| json!({ "type": "mutualTLS", "description": words });
        match self {
            Self::AdminKey => http("bearer", "An admin key that has the operation's `x-portcullis-scope`"),
            Self::AdminKeyAsPassword => http("basic", "The same as a password; the name counts for nothing"),
            Self::AdminCertificate => tls("A certificate of the listener's `client_ca`, where it has one"),
            Self::ClientSecretBasic => http(
                "basic",
                "An app by `client_id` and secret, both form-encoded first (RFC 6749 section 2.3.1)",
            ),
            Self::ClientCertificate => tls(
                "An app by its certificate (RFC 8705), with its `client_id` in the body; at `mtls_endpoint_aliases`",
            ),
            Self::AccessToken => http("bearer", "An access token (RFC 6750)"),
            Self::DpopToken => http(
                "DPoP",
                "An access token that is bound to a key, with a proof in the header `DPoP` (RFC 9449)",
            ),
            Self::RegistrationAccessToken => {
                http("bearer", "The `registration_access_token` of the very client (RFC 7592)")
            }
            Self::SessionCookie => key(
                "cookie",
                crate::browser::SESSION_COOKIE,
                "Somebody's session in a browser; forms bring their CSRF token too",
            ),
            Self::SessionToken => {
                key("header", "X-Session-Token", "Somebody's session in a native application")
            }
            Self::SessionBearer => http("bearer", "The same session token"),
            Self::TestCookie => key(
                "cookie",
                crate::self_service::test_login::COOKIE,
                "The browser that submitted this very test of a provider",
            ),
        }
    }
}

/// The name of each, and what it is in words.
pub(super) fn shown(named: &[Scheme]) -> Vec<(&'static str, String)> {
    let known = Scheme::ALL.iter().filter(|scheme| named.contains(scheme));
    let words = |scheme: &Scheme| {
        let document = scheme.document();
        document.get("description").and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    known.map(|scheme| (scheme.name(), words(scheme))).collect()
}

/// Those that are named, as the document has them.
pub(super) fn schemes(named: &[Scheme]) -> Value {
    let known = Scheme::ALL.iter().filter(|scheme| named.contains(scheme));
    known.map(|scheme| (scheme.name().to_owned(), scheme.document())).collect::<Map<_, _>>().into()
}

/// What an operation asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// Any one of them is enough.
    pub(crate) schemes: &'static [Scheme],
    /// Whether somebody with none of them may be answered: who says in the body who they are, or of whom nothing is asked.
    pub(crate) is_optional: bool,
    /// How an app may prove itself in the body, beside the schemes.
    pub(crate) in_body: &'static [&'static str],
}

impl Asked {
    const fn one_of(schemes: &'static [Scheme]) -> Self {
        Self { schemes, is_optional: false, in_body: &[] }
    }

    const fn perhaps(schemes: &'static [Scheme]) -> Self {
        Self { schemes, is_optional: true, in_body: &[] }
    }

    const fn app(in_body: &'static [&'static str]) -> Self {
        use Scheme::{ClientCertificate, ClientSecretBasic};
        Self { schemes: &[ClientSecretBasic, ClientCertificate], is_optional: true, in_body }
    }

    /// The alternatives, as an operation of the document has them; `None` where nothing is asked of anybody.
    pub(super) fn document(&self) -> Option<Value> {
        if self.schemes.is_empty() {
            return None;
        }
        let mut all: Vec<Value> = self.schemes.iter().map(|scheme| json!({ scheme.name(): [] })).collect();
        if self.is_optional {
            all.push(json!({}));
        }
        Some(all.into())
    }
}

const OPERATOR: Asked =
    Asked::one_of(&[Scheme::AdminKey, Scheme::AdminKeyAsPassword, Scheme::AdminCertificate]);
/// An app, which may be a public client.
const ANY_APP: Asked = Asked::app(&["none", "client_secret_post", "private_key_jwt"]);
/// An app that proves who it is.
const PROVEN_APP: Asked = Asked::app(&["client_secret_post", "private_key_jwt"]);
const TOKEN: Asked = Asked::one_of(&[Scheme::AccessToken, Scheme::DpopToken]);
const ITSELF: Asked = Asked::one_of(&[Scheme::RegistrationAccessToken]);
/// Whoever is signed in, in whichever way.
const PERSON: Asked = Asked::one_of(&[Scheme::SessionCookie, Scheme::SessionToken, Scheme::SessionBearer]);
const PERSON_IN_BROWSER: Asked = Asked::one_of(&[Scheme::SessionCookie]);
const PERSON_IN_APPLICATION: Asked = Asked::one_of(&[Scheme::SessionToken, Scheme::SessionBearer]);
/// A form that somebody may be signed in at.
const FORM: Asked = Asked::perhaps(&[Scheme::SessionCookie, Scheme::SessionToken, Scheme::SessionBearer]);
const PAGE: Asked = Asked::perhaps(&[Scheme::SessionCookie]);
const NATIVE: Asked = Asked::perhaps(&[Scheme::SessionToken, Scheme::SessionBearer]);

/// What operations ask for that everybody may call, by their names. Nothing is asked at those that are not here.
pub(super) const PUBLIC: [(&str, Asked); 52] = [
    ("pushOAuth2AuthorizationRequest", ANY_APP),
    ("oAuth2DeviceFlow", ANY_APP),
    ("oauth2TokenExchange", ANY_APP),
    ("revokeOAuth2Token", ANY_APP),
    ("introspectOAuth2TokenAsClient", PROVEN_APP),
    ("getOidcUserInfo", TOKEN),
    ("postOidcUserInfo", Asked { is_optional: true, ..TOKEN }),
    ("createVerifiableCredential", TOKEN),
    ("createOidcDynamicClient", Asked::perhaps(&[Scheme::AdminKey, Scheme::AdminKeyAsPassword])),
    ("getOidcDynamicClient", ITSELF),
    ("setOidcDynamicClient", ITSELF),
    ("deleteOidcDynamicClient", ITSELF),
    ("revokeTokensOfSubject", Asked::one_of(&[Scheme::AdminKey, Scheme::AccessToken, Scheme::DpopToken])),
    ("oAuth2Authorize", PAGE),
    ("oAuth2AuthorizeForm", PAGE),
    ("resumeAuthorization", PAGE),
    ("performOAuth2DeviceVerificationFlow", PAGE),
    ("enterOAuth2UserCode", PAGE),
    ("revokeOidcSession", PAGE),
    ("revokeOidcSessionForm", PAGE),
    ("showConsent", PAGE),
    ("decideConsent", PAGE),
    ("showDevice", PAGE),
    ("decideDevice", PAGE),
    ("showLogout", PAGE),
    ("decideLogout", PAGE),
    ("createBrowserLoginFlow", PAGE),
    ("createNativeLoginFlow", NATIVE),
    ("updateLoginFlow", FORM),
    ("createBrowserSettingsFlow", PAGE),
    ("createNativeSettingsFlow", PERSON_IN_APPLICATION),
    ("getSettingsFlow", PERSON),
    ("updateSettingsFlow", FORM),
    ("createBrowserLogoutFlow", PERSON_IN_BROWSER),
    ("updateLogoutFlow", PAGE),
    ("toSession", PERSON),
    ("listMySessions", PERSON),
    ("disableMyOtherSessions", PERSON),
    ("disableMySession", PERSON),
    ("listTrustedDevices", PERSON),
    ("forgetTrustedDevice", PERSON),
    ("deleteMyAccount", PERSON),
    ("acceptInvitation", PERSON),
    ("showWelcome", PAGE),
    ("showSettings", PAGE),
    ("endSessionsByPage", PAGE),
    ("deleteAccountByPage", PAGE),
    ("acceptInvitationByPage", PAGE),
    ("showOrganisation", PAGE),
    ("manageOrganisationByPage", PAGE),
    ("createFedcmFlow", PAGE),
    ("deleteTestLoginFlow", Asked::perhaps(&[Scheme::TestCookie])),
];

/// What a route asks for.
pub(crate) fn of(route: &Route) -> Asked {
    match route.access {
        Access::Tenant(_) | Access::Organisation(_) | Access::Operator(_) | Access::AnyOperator => OPERATOR,
        Access::Public | Access::PublicAnywhere | Access::PageFile | Access::Health | Access::Description => {
            let found = PUBLIC.iter().find(|(operation, _)| *operation == route.operation);
            found.map_or(Asked::perhaps(&[]), |(_, asked)| *asked)
        }
    }
}

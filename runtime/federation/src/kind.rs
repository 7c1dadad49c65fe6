//! The kinds of providers, with what each does in its own way: one table, read by code that knows no names.
//!
//! To add one, add a row. Endpoints that a discovery document names are not written here.

/// What a kind of provider does in its own way. [`OPENID`] and [`OAUTH`] are what they have in common.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Its name in settings.
    pub name: &'static str,
    /// What people know it by.
    pub label: &'static str,
    /// The issuer whose discovery document names its endpoints; `{tenant}` stands for `microsoft_tenant`.
    pub issuer: Option<&'static str>,
    /// Its authorization endpoint.
    pub auth: Option<&'static str>,
    /// Its token endpoint.
    pub token: Option<&'static str>,
    /// Where it says who somebody is.
    pub userinfo: Option<&'static str>,
    /// What is asked for by default.
    pub scopes: &'static [&'static str],
    /// What stands between scopes.
    pub scope_separator: &'static str,
    /// Further parameters of the authorization request.
    pub parameters: &'static [(&'static str, &'static str)],
    /// Whether it gives ID tokens that say who somebody is.
    pub id_token: IdTokens,
    /// Whether an ID token repeats the nonce.
    pub nonce: bool,
    /// Whether it takes PKCE, where no discovery document says so.
    pub pkce: bool,
    /// How it is asked for tokens.
    pub token_request: TokenRequest,
    /// How we say who we are, where no discovery document says so.
    pub client_authentication: ClientAuthentication,
    /// How the access token is shown to the userinfo endpoint.
    pub bearer: Bearer,
    /// Where in the answer of the userinfo endpoint the person is, as a JSON pointer.
    pub person: &'static str,
    /// Where in the person the subject is.
    pub subject: &'static str,
    /// Claims by their usual names, and where in the person they are.
    pub claims: &'static [(&'static str, &'static str)],
    /// Further documents about the person.
    pub further: Further,
    /// Whether it is known to verify addresses of which it says so.
    pub verifies_email: bool,
}

/// What its ID tokens are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdTokens {
    /// Signed with a published key.
    Signed,
    /// Signed with the client secret (`HS256`).
    Shared,
    /// There are none: the userinfo endpoint says who somebody is.
    None,
}

/// How tokens are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRequest {
    /// By a form (RFC 6749).
    Form,
    /// By JSON, with names in camel case.
    CamelJson,
}

/// How we say who we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// HTTP Basic (RFC 6749 section 2.3.1).
    Basic,
    /// In the body.
    Post,
    /// In the body, with a secret that we sign (Apple).
    Signed,
}

/// How an access token is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bearer {
    /// `Authorization: <this> <token>`.
    Scheme(&'static str),
    /// A header of this name.
    Header(&'static str),
    /// A query parameter of this name.
    Query(&'static str),
    /// A query parameter, beside a keyed hash of the token (`appsecret_proof`).
    Proof,
}

/// Further documents about the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Further {
    /// None.
    None,
    /// A list of addresses at this URL, each with `email`, `primary` and `verified`.
    Emails(&'static str),
    /// The address is in this member of the token response.
    TokenMember(&'static str),
    /// The person's name comes by the browser when they sign up (`user`), unsigned.
    BrowserName,
}

const PROFILE: &[&str] = &["openid", "email", "profile"];

/// What providers of `OpenID` Connect have in common.
pub const OPENID: Kind = Kind {
    name: "generic",
    label: "Single sign-on",
    issuer: None,
    auth: None,
    token: None,
    userinfo: None,
    scopes: PROFILE,
    scope_separator: " ",
    parameters: &[],
    id_token: IdTokens::Signed,
    nonce: true,
    pkce: false,
    token_request: TokenRequest::Form,
    client_authentication: ClientAuthentication::Basic,
    bearer: Bearer::Scheme("Bearer"),
    person: "",
    subject: "/sub",
    claims: &[],
    further: Further::None,
    verifies_email: false,
};

/// What providers of OAuth 2.0 alone have in common.
pub const OAUTH: Kind = Kind {
    scopes: &[],
    id_token: IdTokens::None,
    nonce: false,
    client_authentication: ClientAuthentication::Post,
    subject: "/id",
    ..OPENID
};

const GITHUB: Kind = Kind {
    name: "github",
    label: "GitHub",
    auth: Some("https://github.com/login/oauth/authorize"),
    token: Some("https://github.com/login/oauth/access_token"),
    userinfo: Some("https://api.github.com/user"),
    scopes: &["read:user", "user:email"],
    pkce: true,
    claims: &[
        ("preferred_username", "/login"),
        ("nickname", "/login"),
        ("picture", "/avatar_url"),
        ("website", "/blog"),
        ("profile", "/html_url"),
    ],
    further: Further::Emails("https://api.github.com/user/emails"),
    verifies_email: true,
    ..OAUTH
};

/// The table.
pub const KINDS: &[Kind] = &[
    OPENID,
    Kind {
        name: "google",
        label: "Google",
        issuer: Some("https://accounts.google.com"),
        verifies_email: true,
        ..OPENID
    },
    GITHUB,
    // The permissions are those of the installation.
    Kind { name: "github-app", scopes: &[], ..GITHUB },
    Kind {
        name: "gitlab",
        label: "GitLab",
        issuer: Some("https://gitlab.com"),
        verifies_email: true,
        ..OPENID
    },
    // Its `email` is what a directory's administrator wrote: never proven.
    Kind {
        name: "microsoft",
        label: "Microsoft",
        issuer: Some("https://login.microsoftonline.com/{tenant}/v2.0"),
        ..OPENID
    },
    Kind {
        name: "apple",
        label: "Apple",
        issuer: Some("https://appleid.apple.com"),
        scopes: &["openid", "email", "name"],
        parameters: &[("response_mode", "form_post")],
        client_authentication: ClientAuthentication::Signed,
        further: Further::BrowserName,
        verifies_email: true,
        ..OPENID
    },
    Kind {
        name: "discord",
        label: "Discord",
        auth: Some("https://discord.com/oauth2/authorize"),
        token: Some("https://discord.com/api/oauth2/token"),
        userinfo: Some("https://discord.com/api/users/@me"),
        scopes: &["identify", "email"],
        claims: &[
            ("preferred_username", "/username"),
            ("nickname", "/username"),
            ("name", "/global_name"),
            ("email_verified", "/verified"),
        ],
        verifies_email: true,
        ..OAUTH
    },
    Kind { name: "salesforce", label: "Salesforce", issuer: Some("https://login.salesforce.com"), ..OPENID },
    Kind { name: "auth0", label: "Auth0", ..OPENID },
    Kind {
        name: "slack",
        label: "Slack",
        auth: Some("https://slack.com/oauth/authorize"),
        token: Some("https://slack.com/api/oauth.access"),
        userinfo: Some("https://slack.com/api/users.identity"),
        scopes: &["identity.basic", "identity.email"],
        scope_separator: ",",
        person: "/user",
        claims: &[("picture", "/image_512")],
        ..OAUTH
    },
    Kind {
        name: "facebook",
        label: "Facebook",
        auth: Some("https://www.facebook.com/dialog/oauth"),
        token: Some("https://graph.facebook.com/oauth/access_token"),
        userinfo: Some(
            "https://graph.facebook.com/me?fields=id,name,first_name,last_name,middle_name,email,picture",
        ),
        scopes: &["public_profile", "email"],
        scope_separator: ",",
        bearer: Bearer::Proof,
        claims: &[
            ("given_name", "/first_name"),
            ("family_name", "/last_name"),
            ("middle_name", "/middle_name"),
            ("picture", "/picture/data/url"),
        ],
        ..OAUTH
    },
    Kind {
        name: "vk",
        label: "VK",
        auth: Some("https://oauth.vk.com/authorize"),
        token: Some("https://oauth.vk.com/access_token"),
        userinfo: Some("https://api.vk.com/method/users.get?fields=photo_200,nickname,bdate,sex&v=5.103"),
        scopes: &["email"],
        scope_separator: ",",
        bearer: Bearer::Query("access_token"),
        person: "/response/0",
        claims: &[
            ("given_name", "/first_name"),
            ("family_name", "/last_name"),
            ("picture", "/photo_200"),
            ("birthdate", "/bdate"),
        ],
        further: Further::TokenMember("email"),
        ..OAUTH
    },
    Kind {
        name: "yandex",
        label: "Yandex",
        auth: Some("https://oauth.yandex.com/authorize"),
        token: Some("https://oauth.yandex.com/token"),
        userinfo: Some("https://login.yandex.ru/info?format=json"),
        scopes: &["login:email", "login:info"],
        bearer: Bearer::Scheme("OAuth"),
        claims: &[
            ("email", "/default_email"),
            ("given_name", "/first_name"),
            ("family_name", "/last_name"),
            ("name", "/real_name"),
            ("preferred_username", "/login"),
            ("phone_number", "/default_phone/number"),
        ],
        ..OAUTH
    },
    Kind {
        name: "spotify",
        label: "Spotify",
        auth: Some("https://accounts.spotify.com/authorize"),
        token: Some("https://accounts.spotify.com/api/token"),
        userinfo: Some("https://api.spotify.com/v1/me"),
        scopes: &["user-read-email", "user-read-private"],
        pkce: true,
        client_authentication: ClientAuthentication::Basic,
        claims: &[
            ("name", "/display_name"),
            ("picture", "/images/0/url"),
            ("profile", "/external_urls/spotify"),
        ],
        ..OAUTH
    },
    Kind { name: "netid", label: "netID", issuer: Some("https://broker.netid.de/"), ..OPENID },
    Kind {
        name: "dingtalk",
        label: "DingTalk",
        auth: Some("https://login.dingtalk.com/oauth2/auth"),
        token: Some("https://api.dingtalk.com/v1.0/oauth2/userAccessToken"),
        userinfo: Some("https://api.dingtalk.com/v1.0/contact/users/me"),
        scopes: &["openid"],
        parameters: &[("prompt", "consent")],
        token_request: TokenRequest::CamelJson,
        bearer: Bearer::Header("x-acs-dingtalk-access-token"),
        subject: "/openId",
        claims: &[
            ("nickname", "/nick"),
            ("name", "/nick"),
            ("picture", "/avatarUrl"),
            ("phone_number", "/mobile"),
        ],
        ..OAUTH
    },
    Kind {
        name: "patreon",
        label: "Patreon",
        auth: Some("https://www.patreon.com/oauth2/authorize"),
        token: Some("https://www.patreon.com/api/oauth2/token"),
        userinfo: Some(
            "https://www.patreon.com/api/oauth2/v2/identity?fields%5Buser%5D=first_name,last_name,full_name,email,is_email_verified,image_url",
        ),
        scopes: &["identity", "identity[email]"],
        person: "/data",
        claims: &[
            ("email", "/attributes/email"),
            ("email_verified", "/attributes/is_email_verified"),
            ("given_name", "/attributes/first_name"),
            ("family_name", "/attributes/last_name"),
            ("name", "/attributes/full_name"),
            ("picture", "/attributes/image_url"),
        ],
        verifies_email: true,
        ..OAUTH
    },
    Kind {
        name: "line",
        label: "LINE",
        issuer: Some("https://access.line.me"),
        auth: Some("https://access.line.me/oauth2/v2.1/authorize"),
        token: Some("https://api.line.me/oauth2/v2.1/token"),
        id_token: IdTokens::Shared,
        pkce: true,
        client_authentication: ClientAuthentication::Post,
        ..OPENID
    },
    Kind {
        name: "linkedin",
        label: "LinkedIn",
        auth: Some("https://www.linkedin.com/oauth/v2/authorization"),
        token: Some("https://www.linkedin.com/oauth/v2/accessToken"),
        userinfo: Some("https://api.linkedin.com/v2/me"),
        scopes: &["r_liteprofile"],
        claims: &[("given_name", "/localizedFirstName"), ("family_name", "/localizedLastName")],
        ..OAUTH
    },
    // Its ID tokens do not repeat the nonce.
    Kind {
        name: "linkedin_v2",
        label: "LinkedIn",
        issuer: Some("https://www.linkedin.com/oauth"),
        nonce: false,
        client_authentication: ClientAuthentication::Post,
        ..OPENID
    },
    Kind {
        name: "lark",
        label: "Lark",
        auth: Some("https://passport.feishu.cn/suite/passport/oauth/authorize"),
        token: Some("https://passport.feishu.cn/suite/passport/oauth/token"),
        userinfo: Some("https://passport.feishu.cn/suite/passport/oauth/userinfo"),
        subject: "/sub",
        claims: &[("picture", "/avatar_url"), ("phone_number", "/mobile")],
        ..OAUTH
    },
    Kind {
        name: "x",
        label: "X",
        auth: Some("https://x.com/i/oauth2/authorize"),
        token: Some("https://api.x.com/2/oauth2/token"),
        userinfo: Some("https://api.x.com/2/users/me?user.fields=profile_image_url"),
        scopes: &["tweet.read", "users.read"],
        pkce: true,
        client_authentication: ClientAuthentication::Basic,
        person: "/data",
        claims: &[("preferred_username", "/username"), ("picture", "/profile_image_url")],
        ..OAUTH
    },
    Kind {
        name: "amazon",
        label: "Amazon",
        auth: Some("https://www.amazon.com/ap/oa"),
        token: Some("https://api.amazon.com/auth/o2/token"),
        userinfo: Some("https://api.amazon.com/user/profile"),
        scopes: &["profile"],
        pkce: true,
        subject: "/user_id",
        ..OAUTH
    },
    Kind {
        name: "uaepass",
        label: "UAE PASS",
        auth: Some("https://id.uaepass.ae/idshub/authorize"),
        token: Some("https://id.uaepass.ae/idshub/token"),
        userinfo: Some("https://id.uaepass.ae/idshub/userinfo"),
        scopes: &["urn:uae:digitalid:profile:general"],
        parameters: &[("acr_values", "urn:safelayer:tws:policies:authentication:level:low")],
        client_authentication: ClientAuthentication::Basic,
        subject: "/uuid",
        claims: &[
            ("given_name", "/firstnameEN"),
            ("family_name", "/lastnameEN"),
            ("name", "/fullnameEN"),
            ("phone_number", "/mobile"),
        ],
        ..OAUTH
    },
];

/// The kind of a name.
pub fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_once_and_can_be_asked() {
        for (at, kind) in KINDS.iter().enumerate() {
            assert!(KINDS.iter().skip(at + 1).all(|other| other.name != kind.name), "{}", kind.name);
            let explicit = kind.auth.is_some() && kind.token.is_some();
            let by_settings = matches!(kind.name, "generic" | "auth0");
            assert!(kind.issuer.is_some() || explicit || by_settings, "{}", kind.name);
            // Nobody is named by nothing.
            let says = kind.id_token != IdTokens::None || kind.userinfo.is_some();
            assert!(says, "{}", kind.name);
            for url in [kind.issuer, kind.auth, kind.token, kind.userinfo].into_iter().flatten() {
                assert!(url.starts_with("https://"), "{url}");
            }
        }
    }
}

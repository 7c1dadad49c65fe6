//! Every rule of the profiles that this server holds clients to, with its section and the test that sees it refused.
//!
//! Sections are those of the working group's texts in `openid/fapi`: FAPI 2.0 Security Profile, and draft 02 of FAPI 2.0 Message
//! Signing. What both ask and this server does for everybody is among them (`of_everybody`), so that the table is whole: what is not
//! here is a "should" or a "may", is for clients alone, or is about whoever ends TLS.

#[cfg(test)]
mod of_everybody;

use std::fmt;

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    section: &'static str,
    says: &'static str,
    pub(super) test: &'static str,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (FAPI 2.0 {})", self.says, self.section)
    }
}

const fn rule(section: &'static str, says: &'static str, test: &'static str) -> Rule {
    Rule { section, says, test }
}

const GENERAL: &str = "Security Profile section 5.3.2.1";
const CODE_FLOW: &str = "Security Profile section 5.3.2.2";
const BOTH_FLOWS: &str = "Security Profile sections 5.3.2.1 and 5.3.2.2";
const CRYPTOGRAPHY: &str = "Security Profile section 5.4.1";
const KEY_SETS: &str = "Security Profile section 5.4.2";
const REQUESTS: &str = "Message Signing section 5.3.1";
const ANSWERS: &str = "Message Signing section 5.4.1";

// Of the document of a client.
pub(super) const CONFIDENTIAL: Rule =
    rule(GENERAL, "only confidential clients are served", "client_that_contradicts_its_profile_is_refused");
pub(super) const AUTHENTICATION: Rule = rule(
    GENERAL,
    "clients authenticate by private_key_jwt, tls_client_auth or self_signed_tls_client_auth",
    "client_that_contradicts_its_profile_is_refused",
);
pub(super) const SENDER_CONSTRAINED: Rule = rule(
    GENERAL,
    "access tokens are bound: one of dpop_bound_access_tokens and tls_client_certificate_bound_access_tokens is true",
    "client_that_contradicts_its_profile_is_refused",
);
pub(super) const GRANTS: Rule = rule(
    BOTH_FLOWS,
    "no password grant, and no tokens from the authorization endpoint",
    "client_that_contradicts_its_profile_is_refused",
);
pub(super) const REDIRECT_URIS: Rule = rule(
    CODE_FLOW,
    "redirect URIs have no scheme http, but for a loopback address",
    "client_that_contradicts_its_profile_is_refused",
);
pub(super) const ALGORITHMS: Rule = rule(
    CRYPTOGRAPHY,
    "signatures are of PS256, ES256 or EdDSA",
    "signature_of_another_algorithm_is_refused",
);
pub(super) const KEYS_BY_TLS: Rule =
    rule(KEY_SETS, "keys are fetched by TLS alone", "keys_are_at_no_address_without_tls");
pub(super) const KEYS: Rule = rule(
    REQUESTS,
    "clients have keys to sign their requests",
    "client_that_contradicts_its_profile_is_refused",
);

// Of requests.
pub(super) const RESPONSE_TYPE: Rule =
    rule(CODE_FLOW, "response_type is code", "request_that_breaks_a_rule_is_refused");
pub(super) const PUSHED: Rule =
    rule(CODE_FLOW, "authorization requests are pushed", "request_that_was_not_pushed_is_refused");
pub(super) const PKCE: Rule =
    rule(CODE_FLOW, "code_challenge is required, by S256", "request_that_breaks_a_rule_is_refused");
pub(super) const REDIRECT_URI: Rule =
    rule(CODE_FLOW, "redirect_uri is required", "request_that_breaks_a_rule_is_refused");
pub(super) const SIGNED_REQUEST: Rule =
    rule(REQUESTS, "what is pushed is signed", "request_that_was_not_signed_is_refused");
pub(super) const REQUEST_TIMES: Rule = rule(
    REQUESTS,
    "nbf is there and at most an hour ago, and exp at most an hour after it",
    "signed_request_lives_an_hour_at_most",
);
pub(super) const SIGNED_ANSWER: Rule =
    rule(ANSWERS, "response_mode is one of those that are signed", "answer_that_is_not_signed_is_not_given");

/// The whole table.
#[cfg(test)]
pub(super) fn all() -> Vec<Rule> {
    let own = [
        CONFIDENTIAL,
        AUTHENTICATION,
        SENDER_CONSTRAINED,
        GRANTS,
        REDIRECT_URIS,
        ALGORITHMS,
        KEYS_BY_TLS,
        KEYS,
        RESPONSE_TYPE,
        PUSHED,
        PKCE,
        REDIRECT_URI,
        SIGNED_REQUEST,
        REQUEST_TIMES,
        SIGNED_ANSWER,
    ];
    own.into_iter().chain(of_everybody::OTHERS).collect()
}

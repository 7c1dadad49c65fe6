//! Every rule of the profiles that this server holds clients to, with its section and the test that sees it refused.
//!
//! What both specifications ask and this server does for everybody is among them, so that the table is whole: what is not here is a
//! "should", or is about whoever ends TLS.

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

#[cfg(test)]
const BROWSERS: &str = "Security Profile section 5.2.3";
const GENERAL: &str = "Security Profile section 5.3.2.1";
const CODE_FLOW: &str = "Security Profile section 5.3.2.2";
const CRYPTOGRAPHY: &str = "Security Profile section 5.4.1";
const REQUESTS: &str = "Message Signing section 5.3.1";
const ANSWERS: &str = "Message Signing section 5.4.1";
#[cfg(test)]
const INTROSPECTION: &str = "Message Signing section 5.5.1";

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
    GENERAL,
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

/// What is held without words of its own: by the shape of an answer, a time, or a check that everybody has.
#[cfg(test)]
pub(super) const OTHERS: [Rule; 20] = [
    rule(
        BROWSERS,
        "the authorization endpoint is not for scripts of other origins",
        "endpoints_where_no_cookie_counts_may_be_called_and_no_others",
    ),
    rule(GENERAL, "discovery metadata is published", "discovery_names_what_the_profile_leaves"),
    rule(
        GENERAL,
        "no redirect to an address that was not registered",
        "request_that_breaks_a_rule_is_refused",
    ),
    rule(
        GENERAL,
        "aud of a client assertion is the issuer, as one text",
        "assertion_is_for_the_issuer_as_one_text",
    ),
    rule(GENERAL, "refresh tokens are not rotated", "refresh_token_is_not_rotated"),
    rule(GENERAL, "a code lives for a minute at most", "code_lives_for_a_minute_at_most"),
    rule(GENERAL, "a code is bound to the key of a proof", "code_is_bound_to_the_key_that_was_pushed"),
    rule(
        GENERAL,
        "iat and nbf may be ten seconds ahead, and not a minute",
        "clocks_may_differ_by_ten_seconds",
    ),
    rule(
        CODE_FLOW,
        "requests are pushed by clients that authenticate",
        "nobody_pushes_without_saying_who_they_are",
    ),
    rule(CODE_FLOW, "answers have iss", "request_is_answered_with_iss_and_a_bound_token"),
    rule(CODE_FLOW, "a code is used once", "code_is_used_once"),
    rule(CODE_FLOW, "redirects are 303 and never 307", "person_signs_in_on_the_way_to_an_app"),
    rule(
        CODE_FLOW,
        "a reference expires in less than ten minutes",
        "reference_lives_for_less_than_ten_minutes",
    ),
    rule(CODE_FLOW, "a nonce may have 64 characters", "nonce_of_64_characters_is_taken"),
    rule(CRYPTOGRAPHY, "none is no algorithm", "signature_of_another_algorithm_is_refused"),
    rule(
        CRYPTOGRAPHY,
        "proofs of possession are of PS256, ES256 or EdDSA",
        "proof_of_another_algorithm_is_refused",
    ),
    rule(
        CRYPTOGRAPHY,
        "signed requests are of PS256, ES256 or EdDSA",
        "request_object_of_another_algorithm_is_refused",
    ),
    rule(CRYPTOGRAPHY, "RSA keys have 2048 bits", "rsa_key_of_less_than_2048_bits_is_refused"),
    rule(CRYPTOGRAPHY, "what nobody types has 128 bits", "codes_and_tokens_have_128_bits_of_entropy"),
    rule(
        INTROSPECTION,
        "introspection that is answered by a token is signed",
        "signed_introspection_says_of_a_dead_token_no_more_than_that",
    ),
];

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
        KEYS,
        RESPONSE_TYPE,
        PUSHED,
        PKCE,
        REDIRECT_URI,
        SIGNED_REQUEST,
        REQUEST_TIMES,
        SIGNED_ANSWER,
    ];
    own.into_iter().chain(OTHERS).collect()
}

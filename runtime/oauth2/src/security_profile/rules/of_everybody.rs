//! What is held without words of its own: by the shape of an answer, a time, or a check that everybody has.

use super::{ANSWERS, CODE_FLOW, CRYPTOGRAPHY, GENERAL, REQUESTS, Rule, rule};

const BROWSERS: &str = "Security Profile section 5.2.3";
const IDENTIFIER: &str = "Security Profile section 5.3.2.3";
/// What clients must do, and a server that heeds nothing else makes them do.
const CLIENTS: &str = "Security Profile section 5.3.3.2";
/// Of our own resources: userinfo.
const RESOURCES: &str = "Security Profile section 5.3.4";
const SAME_NAMES: &str = "Security Profile section 5.4.3";
const SIGNERS: &str = "Message Signing section 5.3.2";
const INTROSPECTION: &str = "Message Signing section 5.5.1";
const ID_TOKENS: &str = "Message Signing section 5.6.1";
const ASKERS: &str = "Message Signing section 6.2";

pub(super) const OTHERS: [Rule; 39] = [
    rule(
        BROWSERS,
        "browsers that came by TLS are told to stay with it",
        "browser_that_came_by_tls_is_told_to_stay_with_it",
    ),
    rule(
        BROWSERS,
        "the authorization endpoint is not for scripts of other origins",
        "endpoints_where_no_cookie_counts_may_be_called_and_no_others",
    ),
    rule(GENERAL, "discovery metadata is published", "discovery_names_what_the_profile_leaves"),
    rule(GENERAL, "no token is given for a password", "password_and_implicit_are_no_grants"),
    rule(GENERAL, "no token without a proof of its key", "token_without_a_proof_is_not_issued"),
    rule(
        GENERAL,
        "no token without the certificate that it is bound to",
        "token_without_a_certificate_is_not_issued",
    ),
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
        "a code is bound to the key of dpop_jkt",
        "code_is_bound_to_the_key_that_the_request_names",
    ),
    rule(
        GENERAL,
        "iat and nbf of assertions may be ten seconds ahead, and not a minute",
        "clocks_may_differ_by_ten_seconds",
    ),
    rule(
        GENERAL,
        "iat of proofs may be ten seconds ahead, and not a minute",
        "clocks_of_proofs_may_differ_by_ten_seconds",
    ),
    rule(
        GENERAL,
        "iat and nbf of signed requests may be ten seconds ahead, and not a minute",
        "clocks_of_signed_requests_may_differ_by_ten_seconds",
    ),
    rule(
        CODE_FLOW,
        "requests are pushed by clients that authenticate",
        "nobody_pushes_without_saying_who_they_are",
    ),
    rule(CODE_FLOW, "answers have iss", "request_is_answered_with_iss_and_a_bound_token"),
    rule(CODE_FLOW, "a code is used once", "code_is_used_once"),
    rule(CODE_FLOW, "redirects are 303 and never 307", "every_redirect_is_see_other"),
    rule(
        CODE_FLOW,
        "a reference expires in less than ten minutes",
        "reference_lives_for_less_than_ten_minutes",
    ),
    rule(CODE_FLOW, "a nonce may have 64 characters", "nonce_of_64_characters_is_taken"),
    rule(IDENTIFIER, "who somebody is stands in an ID token", "nonce_of_64_characters_is_taken"),
    rule(
        CLIENTS,
        "the browser brings client_id and request_uri, and nothing else counts",
        "what_the_browser_brings_beside_its_reference_counts_for_nothing",
    ),
    rule(RESOURCES, "access tokens are in the header, and in no query", "access_token_in_a_query_is_none"),
    rule(
        RESOURCES,
        "access tokens are shown with the key that they are bound to",
        "bound_token_is_used_with_its_key_for_this_request_and_once",
    ),
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
    rule(CRYPTOGRAPHY, "curves have 224 bits", "key_of_a_curve_of_less_than_224_bits_is_refused"),
    rule(CRYPTOGRAPHY, "what nobody types has 128 bits", "codes_and_tokens_have_128_bits_of_entropy"),
    rule(
        SAME_NAMES,
        "keys of one kid are told apart by the rest of what they say",
        "keys_of_one_kid_are_told_apart",
    ),
    rule(
        REQUESTS,
        "aud of a signed request is the issuer, or it is among them",
        "signed_request_may_be_for_other_servers_too",
    ),
    rule(
        REQUESTS,
        "typ of a signed request may be oauth-authz-req+jwt",
        "of_what_is_pushed_beside_a_signed_request_nothing_counts",
    ),
    rule(
        SIGNERS,
        "every parameter is in the signed request",
        "of_what_is_pushed_beside_a_signed_request_nothing_counts",
    ),
    rule(
        ANSWERS,
        "what is answered, iss too, is within the signature",
        "of_what_is_pushed_beside_a_signed_request_nothing_counts",
    ),
    rule(
        INTROSPECTION,
        "introspection that is answered by a token is signed",
        "signed_introspection_says_of_a_dead_token_no_more_than_that",
    ),
    rule(
        ID_TOKENS,
        "ID tokens are signed by PS256, ES256 or EdDSA",
        "of_what_is_pushed_beside_a_signed_request_nothing_counts",
    ),
    rule(
        ASKERS,
        "clients are told of tokens of their own, and of their APIs",
        "clients_introspect_tokens_of_their_own_and_access_tokens_of_the_apis_that_they_are_named_for",
    ),
];

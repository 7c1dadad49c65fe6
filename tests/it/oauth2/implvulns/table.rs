//! The list. A row that names what is not there fails.

use std::fs;
use std::path::Path;

/// An attack, what stops it, and what shows that it does.
struct Attack {
    name: &'static str,
    /// A file of the repository, and the words in it of the type or statement that stops it.
    stopped_by: &'static [(&'static str, &'static str)],
    /// A file of the repository, and a test in it.
    tests: &'static [(&'static str, &'static str)],
}

const HERE: &str = "tests/it/oauth2/implvulns.rs";
const CODE: &str = "tests/it/oauth2/code.rs";
const CREDENTIALS: &str = "tests/it/oauth2/credentials.rs";
const DPOP: &str = "tests/it/oauth2/dpop.rs";
const DESCRIBED: &str = "tests/it/oauth2/described_host.rs";
const REQUEST_OBJECT: &str = "tests/it/oauth2/request_object.rs";
const FLOODS: &str = "tests/it/oauth2/floods.rs";
const PUBLISHED_KEYS: &str = "runtime/oauth2/src/published_keys/tests.rs";
const JWS: &str = "runtime/jose/src/jws.rs";
const PKCE: &str = "tests/it/oauth2/pkce.rs";
const REQUEST: &str = "runtime/oauth2/src/authorization/tests/request.rs";

const ATTACKS: &[Attack] = &[
    Attack {
        name: "mix-up (RFC 9207, RFC 9700 section 4.4)",
        stopped_by: &[(
            "runtime/oauth2/src/authorization/redirect.rs",
            "RFC 9207: the client sees which server answers",
        )],
        tests: &[
            (CODE, "person_signs_in_on_the_way_to_an_app"),
            (CODE, "errors_after_the_redirect_uri_was_proven_go_to_the_client"),
        ],
    },
    Attack {
        name: "code injection (RFC 9700 section 4.5)",
        stopped_by: &[(
            "runtime/oauth2/src/token/authorization_code.rs",
            "check_verifier((server, client), &code, parameters)?",
        )],
        tests: &[(HERE, "code_is_worth_nothing_without_its_client_verifier_and_address")],
    },
    Attack {
        name: "PKCE downgrade (RFC 9700 section 4.8.2)",
        stopped_by: &[
            ("runtime/oauth2/src/settings.rs", "pkce: PkcePolicy::All"),
            ("runtime/oauth2/src/settings.rs", "pkce_plain: false"),
            ("runtime/oauth2/src/authorization/request.rs", "check_method(server, client, method)?"),
            (
                "runtime/oauth2/src/token/authorization_code.rs",
                "method.is_allowed(server, client) && method.verifies(verifier, challenge)",
            ),
            ("runtime/oauth2/src/token/authorization_code.rs", "(Some(_), None) | (None, Some(_)) => false"),
        ],
        tests: &[
            (CODE, "errors_after_the_redirect_uri_was_proven_go_to_the_client"),
            (PKCE, "plain_is_there_while_tenant_and_client_both_have_it_and_never_with_a_profile"),
            ("runtime/oauth2/src/pkce.rs", "verifier_of_one_method_is_none_of_the_other"),
            (REQUEST, "pkce_may_be_left_out_only_by_clients_with_a_secret_and_leave"),
            (REQUEST, "plain_is_taken_where_tenant_and_client_have_it_and_compared_as_it_was_asked_for"),
            ("runtime/oauth2/src/token/authorization_code.rs", "verifier_without_challenge_is_refused"),
        ],
    },
    Attack {
        name: "open redirect (RFC 9700 section 4.11)",
        stopped_by: &[
            ("runtime/oauth2/src/authorization/redirect.rs", "async fn match_redirect("),
            ("runtime/oauth2/src/logout.rs", "iter().any(|uri| uri == requested)"),
            ("runtime/oauth2/src/logout.rs", "client.as_deref().is_some_and(Client::is_self_made)"),
            ("runtime/oauth2/src/registration/metadata.rs", "fn check_ways_out("),
        ],
        tests: &[
            (CODE, "bad_redirect_uri_gets_a_page_and_never_a_redirect"),
            ("runtime/oauth2/src/logout.rs", "browser_goes_only_where_the_client_is_registered"),
            (
                "tests/it/oauth2/registration.rs",
                "sign_out_of_nobody_shows_the_way_to_a_client_that_registered_itself_and_does_not_go_there",
            ),
            (
                "runtime/oauth2/src/registration/tests/claimed.rs",
                "browser_goes_after_a_sign_out_to_no_host_but_those_of_answers",
            ),
        ],
    },
    Attack {
        name: "redirect and path confusion (RFC 9700 section 4.1)",
        stopped_by: &[(
            "runtime/oauth2/src/client/redirect_uri.rs",
            "pub fn matches(&self, requested: &str) -> bool",
        )],
        tests: &[
            (CODE, "bad_redirect_uri_gets_a_page_and_never_a_redirect"),
            ("runtime/oauth2/tests/hostile.rs", "redirect_uri_matches_itself_and_nothing_that_was_changed"),
        ],
    },
    Attack {
        name: "algorithm confusion (RFC 8725 section 2.1)",
        stopped_by: &[("runtime/jose/src/verifying.rs", "The algorithm is the key's, never the header's")],
        tests: &[
            (HERE, "header_of_a_token_chooses_neither_algorithm_nor_key"),
            (JWS, "header_never_chooses_the_algorithm"),
        ],
    },
    Attack {
        name: "alg none (RFC 8725 section 2.1)",
        stopped_by: &[("runtime/jose/src/algorithm.rs", "`none` cannot be written")],
        tests: &[
            (HERE, "header_of_a_token_chooses_neither_algorithm_nor_key"),
            (JWS, "forms_that_are_refused"),
        ],
    },
    Attack {
        name: "kid, jku, x5u and jwk of the token (RFC 8725 section 3.10)",
        stopped_by: &[(JWS, "pub struct JwsHeader")],
        tests: &[
            (HERE, "header_of_a_token_chooses_neither_algorithm_nor_key"),
            (HERE, "keys_that_a_token_names_are_not_fetched"),
        ],
    },
    Attack {
        name: "audience injection (RFC 7523 section 3)",
        stopped_by: &[(
            "runtime/oauth2/src/client_authentication/private_key_jwt.rs",
            "claims.audience().len() != 1",
        )],
        tests: &[
            (HERE, "assertion_for_another_server_or_by_another_client_is_refused"),
            (
                "runtime/oauth2/src/client_authentication/tests.rs",
                "assertion_speaks_about_its_client_to_us_alone_and_soon",
            ),
        ],
    },
    Attack {
        name: "jti replay, also in a race",
        stopped_by: &[("runtime/storage/src/oauth2/assertions.rs", "INSERT INTO oauth2_used_assertions")],
        tests: &[
            (HERE, "of_thirty_requests_with_one_assertion_one_is_answered"),
            (
                "runtime/oauth2/src/client_authentication/tests.rs",
                "assertion_is_used_once_at_any_endpoint_also_in_a_race",
            ),
        ],
    },
    Attack {
        name: "jti replay of what an issuer says of somebody (RFC 7523 section 3), also in a race",
        stopped_by: &[("runtime/oauth2/src/token/jwt_bearer.rs", "Some(Write::UseBearerAssertion {")],
        tests: &[
            ("runtime/oauth2/src/trust/tests.rs", "assertion_is_used_once_by_whichever_client"),
            (
                "runtime/storage/tests/conformance/trusted_issuers.rs",
                "assertion_is_used_once_of_fifty_times_and_is_no_clients",
            ),
        ],
    },
    Attack {
        name: "an assertion, or a proof of possession, of a refused request brought again",
        stopped_by: &[
            ("runtime/oauth2/src/token/mod.rs", "pub(crate) fn refusal"),
            ("runtime/oauth2/src/dpop/mod.rs", "pub(crate) fn write_of_authenticated("),
        ],
        tests: &[
            (
                "runtime/oauth2/src/client_authentication/tests.rs",
                "assertion_of_a_refused_request_is_used_up",
            ),
            ("runtime/oauth2/src/dpop/tests.rs", "proof_of_a_refused_request_is_used_up"),
            (DPOP, "of_thirty_refused_requests_with_one_proof_one_uses_it_up"),
        ],
    },
    Attack {
        name: "a client's server flooded by way of us (unknown kid, failures, hung-up requests)",
        stopped_by: &[("runtime/oauth2/src/published_keys.rs", "quiet_until")],
        tests: &[
            ("runtime/oauth2/src/published_keys/tests.rs", "flood_of_unknown_keys_asks_once_in_an_interval"),
            ("runtime/oauth2/src/published_keys/tests.rs", "who_hangs_up_has_asked"),
        ],
    },
    Attack {
        name: "tokens by a signing key that has leaked",
        stopped_by: &[
            ("runtime/jose/src/tenant_keys.rs", "KeyState::Revoked { .. } => false"),
            ("runtime/jose/src/revocation.rs", "Change::new(tenant.clone()).write(Write::RevokeSigningKey"),
        ],
        tests: &[
            ("tests/it/tenancy/revoked_keys.rs", "what_a_leaked_key_signed_is_worth_nothing"),
            ("tests/it/tenancy/revoked_keys.rs", "key_that_is_revoked_on_one_node_is_revoked_on_the_other"),
            ("tests/it/tenancy/revoked_keys.rs", "last_key_that_many_revoke_at_once_has_one_successor"),
            (
                "runtime/storage/tests/conformance/signing_keys.rs",
                "revocation_and_its_successor_are_written_together_or_not_at_all",
            ),
            (
                "runtime/cli/tests/commands/killed_revocation.rs",
                "killed_node_has_taken_the_leaked_key_away_and_signs_with_another",
            ),
        ],
    },
    Attack {
        name: "proof of possession replayed (RFC 9449 section 11.1)",
        stopped_by: &[("runtime/oauth2/src/dpop/mod.rs", "struct ProvenKey")],
        tests: &[
            (DPOP, "proofs_that_are_none_are_refused_by_name"),
            (DPOP, "of_thirty_requests_with_one_proof_one_is_answered"),
            (FLOODS, "proofs_of_keys_that_somebody_makes_up_write_nothing"),
        ],
    },
    Attack {
        name: "cross-client use of a code",
        stopped_by: &[("runtime/oauth2/src/token/authorization_code.rs", "if grant.client != client.id {")],
        tests: &[(HERE, "code_is_worth_nothing_without_its_client_verifier_and_address")],
    },
    Attack {
        name: "cross-client use of a refresh token",
        stopped_by: &[("runtime/oauth2/src/token/refresh_token.rs", "if grant.client != client.id {")],
        tests: &[(HERE, "code_is_worth_nothing_without_its_client_verifier_and_address")],
    },
    Attack {
        name: "cross-client use of a device code",
        stopped_by: &[("runtime/oauth2/src/token/device_code.rs", "if code.client == client.id =>")],
        tests: &[
            (HERE, "device_code_is_its_own_clients"),
            (
                "runtime/oauth2/src/device/tests.rs",
                "code_of_another_client_or_tenant_is_unknown_and_stays_good",
            ),
        ],
    },
    Attack {
        name: "consent skipping",
        stopped_by: &[("runtime/oauth2/src/authorization/consent.rs", "pub(super) async fn is_needed(")],
        tests: &[
            (CODE, "person_is_asked_and_decides_and_is_not_asked_again"),
            (CODE, "sign_in_of_another_browser_is_not_gone_on_with"),
            (
                "runtime/oauth2/src/authorization/tests/consent.rs",
                "consent_is_given_by_the_person_who_was_asked",
            ),
        ],
    },
    Attack {
        name: "CSRF on device verification (RFC 8628 section 5.4)",
        stopped_by: &[("runtime/http/src/browser.rs", "pub(crate) fn check_own_origin(")],
        tests: &[
            (HERE, "another_site_answers_neither_for_a_device_nor_for_an_app"),
            (
                "runtime/http/tests/self_service/device.rs",
                "nothing_is_answered_by_another_site_by_a_link_or_in_another_browser",
            ),
            ("runtime/oauth2/src/device/tests.rs", "whoever_entered_the_code_answers_in_the_same_browser"),
            (
                "runtime/oauth2/src/device/tests.rs",
                "person_is_asked_whatever_the_client_is_and_nothing_is_remembered",
            ),
        ],
    },
    Attack {
        name: "SSRF by request_uri (RFC 9101 section 10.4)",
        stopped_by: &[("runtime/oauth2/src/fetch.rs", "Reach::Public")],
        tests: &[
            (REQUEST_OBJECT, "request_uri_within_our_own_network_is_not_called"),
            (REQUEST_OBJECT, "what_is_at_request_uri_is_taken_within_bounds"),
        ],
    },
    Attack {
        name: "SSRF by jwks_uri",
        stopped_by: &[
            ("runtime/oauth2/src/fetch.rs", "reach: Reach::Public"),
            ("runtime/http/src/outbound.rs", "fn may_call(&self, address: IpAddr) -> bool"),
        ],
        tests: &[(HERE, "keys_and_pictures_within_our_own_network_are_not_fetched")],
    },
    Attack {
        name: "SSRF by sector_identifier_uri",
        stopped_by: &[("runtime/oauth2/src/client/sector.rs", "Reach::Public")],
        tests: &[(HERE, "keys_and_pictures_within_our_own_network_are_not_fetched")],
    },
    Attack {
        name: "SSRF by logo_uri",
        stopped_by: &[("runtime/oauth2/src/client/rules.rs", "Pages are shown as links: only web addresses")],
        tests: &[
            (HERE, "keys_and_pictures_within_our_own_network_are_not_fetched"),
            ("runtime/oauth2/src/client/rules.rs", "documents_that_make_no_sense_are_refused"),
        ],
    },
    Attack {
        name: "SSRF by backchannel_logout_uri",
        stopped_by: &[("runtime/oauth2/src/backchannel_logout.rs", "Reach::Public")],
        tests: &[(
            "tests/it/oauth2/endings.rs",
            "nothing_is_sent_to_an_address_that_is_not_public_and_it_can_be_sent_again",
        )],
    },
    Attack {
        name: "JWE decompression, and rounds that the sender chooses (RFC 8725 section 3.6)",
        stopped_by: &[("runtime/jose/src/jwe/mod.rs", "We encrypt and never decrypt")],
        tests: &[
            (HERE, "header_of_a_token_chooses_neither_algorithm_nor_key"),
            (
                "runtime/oauth2/src/authorization/tests/request_object.rs",
                "another_key_and_unsigned_and_encrypted_objects_are_refused",
            ),
        ],
    },
    Attack {
        name: "invalid curves and keys for something else (RFC 8725 section 3.4)",
        stopped_by: &[("runtime/jose/src/jwe/recipient.rs", "What lies on no curve is known now")],
        tests: &[
            ("runtime/jose/src/jwe/tests.rs", "point_that_leaves_no_secret_is_no_key"),
            ("runtime/jose/src/jwe/tests.rs", "only_a_key_that_is_for_it_is_taken"),
        ],
    },
    Attack {
        name: "encryption that is quietly left out",
        stopped_by: &[("runtime/oauth2/src/protection.rs", "pub(crate) struct Protection")],
        tests: &[
            ("runtime/oauth2/src/protection/tests.rs", "nothing_is_told_in_clear_where_the_key_is_gone"),
            (
                "tests/it/oauth2/encrypted.rs",
                "client_without_a_key_for_it_is_refused_by_operators_and_by_registration",
            ),
        ],
    },
    Attack {
        name: "one kind of token for another (RFC 8725 section 3.11)",
        stopped_by: &[("runtime/jose/src/signer.rs", "pub enum TokenType")],
        tests: &[
            ("runtime/oauth2/src/protection/tests.rs", "what_is_told_is_no_token_itself"),
            (
                "runtime/oauth2/src/authorization/tests/request_object.rs",
                "request_object_is_no_assertion_of_its_client",
            ),
        ],
    },
    Attack {
        name: "iframe leaks and clickjacking (RFC 9700 section 4.16)",
        stopped_by: &[
            ("runtime/ui/src/security.rs", "frame-ancestors 'none'"),
            ("runtime/http/src/oauth2/form_post.rs", "frame-ancestors 'none'"),
        ],
        tests: &[(HERE, "pages_stand_in_no_frame_and_tell_no_address")],
    },
    Attack {
        name: "referrer leaks (RFC 9700 section 4.2)",
        stopped_by: &[
            ("runtime/ui/src/security.rs", "(\"referrer-policy\", \"same-origin\".to_owned())"),
            ("runtime/http/src/oauth2/form_post.rs", "(\"referrer-policy\", \"no-referrer\".to_owned())"),
        ],
        tests: &[(HERE, "pages_stand_in_no_frame_and_tell_no_address")],
    },
    Attack {
        name: "race on a code (RFC 6749 section 10.5)",
        stopped_by: &[("runtime/storage/src/oauth2/authorization_codes.rs", "consumed_at IS NULL")],
        tests: &[
            (CODE, "fifty_redemptions_of_one_code_give_one_answer_and_leave_no_live_token"),
            (CODE, "replay_after_the_code_has_expired_still_kills_the_family"),
        ],
    },
    Attack {
        name: "race on a refresh token (RFC 9700 section 4.14)",
        stopped_by: &[("runtime/storage/src/oauth2/refresh_tokens.rs", "rotated_at IS NULL")],
        tests: &[(CODE, "parallel_refreshes_are_one_and_a_late_reuse_kills_the_family")],
    },
    Attack {
        name: "relay or replay of a wallet's proof (OpenID4VCI draft 11 sections 7.2.2 and 7.3.2)",
        stopped_by: &[
            ("runtime/oauth2/src/credential/proof.rs", "pub(super) fn write(&self) -> Write"),
            ("runtime/oauth2/src/credential/nonce.rs", "verify_hash"),
        ],
        tests: &[
            (CREDENTIALS, "one_proof_makes_one_credential_however_many_ask_at_once"),
            (CREDENTIALS, "proof_for_another_tenant_or_token_or_of_no_key_makes_none"),
            (CREDENTIALS, "bound_token_needs_the_proof_of_its_own_key_beside_that_of_the_wallet"),
        ],
    },
    Attack {
        name: "credential for the key of who acts for somebody, or taken for another token",
        stopped_by: &[("runtime/oauth2/src/credential/mod.rs", "fn is_own(")],
        tests: &[
            (
                "runtime/oauth2/src/credential/tests.rs",
                "nobody_who_acts_for_somebody_gets_a_credential_of_theirs",
            ),
            (
                "runtime/oauth2/src/credential/tests.rs",
                "server_that_a_token_was_exchanged_for_gets_no_credential",
            ),
            ("runtime/oauth2/src/credential/tests.rs", "credential_is_taken_for_nothing_else"),
        ],
    },
    Attack {
        name: "actor whose sign-in has ended goes on in another's name (RFC 8693 section 1.1)",
        stopped_by: &[("runtime/oauth2/src/access_token.rs", "!self.has_live_actors(server).await?")],
        tests: &[(
            "runtime/oauth2/src/token/exchange/tests/revoked.rs",
            "what_somebody_acts_by_takes_along_what_they_got_however_it_ends",
        )],
    },
    Attack {
        name: "may_act got around by the ID token (RFC 8693 section 4.4)",
        stopped_by: &[(
            "runtime/oauth2/src/token/exchange/subject.rs",
            "grant.claims.said().access_token.remove(MAY_ACT)",
        )],
        tests: &[(
            "runtime/oauth2/src/token/exchange/tests/acting.rs",
            "id_token_says_who_may_act_as_the_access_tokens_of_its_grant_do",
        )],
    },
    Attack {
        name: "an issuer names a client, whose own the token seems (RFC 9700 section 4.15)",
        stopped_by: &[(
            "runtime/oauth2/src/token/jwt_bearer.rs",
            "check_no_client(server, client, subject).await?",
        )],
        tests: &[
            ("runtime/oauth2/src/trust/tests.rs", "issuer_names_no_client_of_the_tenant"),
            (
                "runtime/oauth2/src/trust/tests.rs",
                "client_that_an_operator_has_named_is_named_and_gets_nothing_that_is_its_own",
            ),
        ],
    },
    Attack {
        name: "tokens of a deleted client live again as those of one that describes itself",
        stopped_by: &[
            ("runtime/oauth2/src/access_token.rs", "None if origin.is_described()"),
            ("runtime/oauth2/src/derivation.rs", "holds(client) && !client.is_described()"),
        ],
        tests: &[(
            "runtime/oauth2/src/metadata_document/tests/issued.rs",
            "what_a_deleted_client_had_stays_dead_where_its_id_may_describe_itself",
        )],
    },
    Attack {
        name: "another signed token as a software statement (RFC 8725 section 3.11)",
        stopped_by: &[(
            "runtime/oauth2/src/registration/statement.rs",
            "is_of_another_kind(signed.header().typ.as_deref())",
        )],
        tests: &[(
            "runtime/oauth2/src/registration/tests/claimed.rs",
            "what_a_publisher_signs_beside_statements_is_none",
        )],
    },
    Attack {
        name: "another signed token as an ID token hint (RFC 8725 section 3.11)",
        stopped_by: &[("runtime/oauth2/src/own_token.rs", "!is_to_it || !says_when || is_of_a_session")],
        tests: &[(
            "runtime/oauth2/src/own_token.rs",
            "session_as_a_token_is_no_id_token_whatever_its_template_says",
        )],
    },
    Attack {
        name: "client secrets guessed, and a hash flood by way of the token endpoint (RFC 6749 section 2.3.1)",
        stopped_by: &[
            ("runtime/oauth2/src/client/secret.rs", "self.hasher.attempt(self.guess, check)"),
            ("runtime/http/src/secrets.rs", "map_err(not_counted)?"),
        ],
        tests: &[
            ("runtime/http/src/secrets.rs", "of_wrong_client_secrets_some_are_hashed"),
            (FLOODS, "guesses_of_a_clients_secret_are_so_many_and_the_client_gets_its_tokens_meanwhile"),
        ],
    },
    Attack {
        name: "strangers' slow servers take every fetch, and known clients are refused",
        stopped_by: &[
            ("runtime/oauth2/src/published_keys.rs", "slot.stale(asked_at)"),
            ("runtime/oauth2/src/metadata_document/kept.rs", "self.stale(id, now)"),
        ],
        tests: &[
            (PUBLISHED_KEYS, "known_keys_are_used_while_every_place_is_taken_and_not_for_ever"),
            (PUBLISHED_KEYS, "keys_of_clients_that_strangers_made_are_asked_for_in_so_many_places"),
            (
                "runtime/oauth2/src/metadata_document/tests.rs",
                "known_document_is_used_while_every_place_is_taken_and_not_for_ever",
            ),
        ],
    },
    Attack {
        name: "a stranger who registered once writes without end",
        stopped_by: &[
            ("runtime/http/src/oauth2/register.rs", "LimitKey::RegistrationChange"),
            ("runtime/oauth2/src/client_authentication/mod.rs", "server.refused_uses.are_too_many"),
        ],
        tests: &[
            (FLOODS, "changes_of_registrations_are_so_many_and_what_changes_nothing_is_not_written"),
            (
                "runtime/oauth2/src/client_authentication/tests.rs",
                "refused_requests_of_a_client_that_strangers_made_use_up_so_many_assertions",
            ),
        ],
    },
    Attack {
        name: "host of a described client that means ill, or is our own (client ID metadata documents section 6)",
        stopped_by: &[
            ("runtime/http/src/outbound.rs", "fn may_call(&self, address: IpAddr) -> bool"),
            ("runtime/oauth2/src/metadata_document/document.rs", "NotTaken"),
        ],
        tests: &[
            (DESCRIBED, "host_that_means_ill_is_an_unknown_client"),
            (DESCRIBED, "host_in_our_own_network_is_not_called_unless_it_is_granted"),
            (DESCRIBED, "document_counts_until_its_host_says_that_it_is_old_and_then_the_new_one"),
        ],
    },
    Attack {
        name: "login of another browser is gone on with (session fixation, RFC 9700 section 4.7)",
        stopped_by: &[("runtime/oauth2/src/server.rs", "pub(crate) fn seal<T")],
        tests: &[
            (CODE, "sign_in_of_another_browser_is_not_gone_on_with"),
            ("tests/it/oauth2/own_login.rs", "verifier_of_another_browser_signs_nobody_in"),
        ],
    },
];

fn source(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Whether a file has a test of this name that is run.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let of_name =
        |line: &&str| line.strip_prefix("async ").unwrap_or(line).starts_with(&format!("fn {name}("));
    let Some(at) = lines.iter().position(of_name) else { return false };
    let attributes: Vec<&&str> = lines[..at].iter().rev().take_while(|line| line.starts_with("#[")).collect();
    // Within `proptest!` it is an attribute too.
    let is_test =
        attributes.iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"));
    is_test && !attributes.iter().any(|line| line.contains("ignore") || line.contains("cfg"))
}

#[test]
fn every_attack_has_what_stops_it_and_what_shows_that() {
    let mut wrong = Vec::new();
    for Attack { name, stopped_by, tests } in ATTACKS {
        assert!(!stopped_by.is_empty() && !tests.is_empty(), "{name}");
        wrong.extend(
            stopped_by.iter().filter(|(path, words)| !source(path).contains(words)).map(|at| (name, at)),
        );
        wrong.extend(tests.iter().filter(|(path, test)| !has_test(&source(path), test)).map(|at| (name, at)));
    }
    assert!(wrong.is_empty(), "named and not there: {wrong:#?}");
}

#[test]
fn test_that_is_not_run_does_not_count() {
    for (text, expect) in [
        ("#[test]\nfn a() {", true),
        ("#[tokio::test(flavor = \"multi_thread\")]\nasync fn a() {", true),
        ("#[test]\n#[ignore]\nfn a() {", false),
        ("fn a() {", false),
        ("#[test]\nfn ab() {", false),
        ("// #[test]\n// fn a() {", false),
    ] {
        assert_eq!(has_test(text, "a"), expect, "{text}");
    }
}

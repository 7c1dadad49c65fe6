//! What ends with a token that is revoked by itself: all that was exchanged from it, however often, and nothing that it came of.

use jose::{SigningAlgorithm, TokenType};
use primitives::{Actor, AuthenticatedSubject};

use super::*;
use crate::grant::GrantSubject;
use crate::lineage::MOST_ANCESTORS;
use crate::memory::redemption;
use crate::token::exchange::ID_TOKEN;

/// Both clients get tokens of this form.
fn of_strategy(strategy: &str) -> World {
    let form = json!({"access_token_strategy": strategy});
    world_of(&form, &form)
}

fn revoke(world: &World, client: &str, token: &str) {
    let secret = format!("s3cret-of-{client}");
    let encoded = form(&[("client_id", client), ("client_secret", &secret), ("token", token)]);
    let parameters = Parameters::parse(encoded.as_bytes());
    world.commit(|| now(world.server.revoke(request(&parameters)))).unwrap();
}

fn exchanged(world: &World, client: &str, token: &str) -> String {
    exchange(world, client, token, &[]).unwrap().access_token
}

/// Attack: a token that was stolen is exchanged, several times on, before it is revoked.
#[test]
fn whatever_was_exchanged_from_a_token_ends_with_it_and_nothing_before_it() {
    for strategy in ["jwt", "opaque"] {
        for at in 0..4 {
            let world = of_strategy(strategy);
            let ada = of_ada(&world);
            // The app narrows its own, the agent takes it, and narrows what it got.
            let narrow = exchanged(&world, "app", &ada);
            let of_agent = exchanged(&world, "agent", &narrow);
            let narrower = exchanged(&world, "agent", &of_agent);
            let sibling = exchanged(&world, "agent", &ada);
            let chain = [("app", &ada), ("app", &narrow), ("agent", &of_agent), ("agent", &narrower)];
            let (client, token) = chain[at];
            revoke(&world, client, token);
            for (place, (_, token)) in chain.iter().enumerate() {
                assert_eq!(is_active(&world, token), place < at, "{strategy}: {at} was revoked, {place}");
                if place >= at {
                    let told = now(world.server.userinfo(as_bearer(token), REQUEST)).result;
                    assert_eq!(
                        told,
                        Err(crate::userinfo::UserinfoError::InvalidToken),
                        "{strategy}: {place}"
                    );
                    assert_eq!(error(exchange(&world, "agent", token, &[])), "invalid_request", "{strategy}");
                }
            }
            assert_eq!(
                is_active(&world, &sibling),
                at > 0,
                "{strategy}: only with what it was exchanged from"
            );
        }
    }
}

#[test]
fn forms_end_with_each_other() {
    for (first, second) in [("jwt", "opaque"), ("opaque", "jwt")] {
        let world =
            world_of(&json!({"access_token_strategy": first}), &json!({"access_token_strategy": second}));
        let ada = of_ada(&world);
        let token = exchanged(&world, "agent", &ada);
        assert!(is_active(&world, &token));
        revoke(&world, "app", &ada);
        assert!(!is_active(&world, &token), "{second} of {first}");
    }
}

#[test]
fn clients_own_token_takes_along_what_was_exchanged_from_it() {
    for strategy in ["jwt", "opaque"] {
        let world = of_strategy(strategy);
        let pairs =
            [("grant_type", "client_credentials"), ("scope", "read"), ("audience", "https://api.example")];
        let own = ask(&world, "app", &pairs, None).unwrap().access_token;
        let other = ask(&world, "app", &pairs, None).unwrap().access_token;
        let (token, beside) = (exchanged(&world, "agent", &own), exchanged(&world, "agent", &other));
        revoke(&world, "app", &own);
        assert_eq!((is_active(&world, &token), is_active(&world, &beside)), (false, true), "{strategy}");
    }
}

#[test]
fn token_by_which_somebody_acts_takes_along_what_they_got() {
    for strategy in ["jwt", "opaque"] {
        let world = of_strategy(strategy);
        let (ada, acts) = (of_ada(&world), [("grant_type", "client_credentials"), ("scope", "read")]);
        let actor = ask(&world, "agent", &acts, None).unwrap().access_token;
        let more = [("actor_token", &*actor), ("actor_token_type", ACCESS)];
        let token = exchange(&world, "agent", &ada, &more).unwrap().access_token;
        assert!(is_active(&world, &token));
        revoke(&world, "agent", &actor);
        assert!(is_active(&world, &ada) && !is_active(&world, &token), "{strategy}");
    }
}

/// Bob, who has signed in at the agent by himself.
fn bob(world: &World) -> AuthenticatedSubject {
    world.subject(2)
}

/// Bob's tokens at the agent, of the first grant that there is.
fn of_bob(world: &World, scope: &str) -> TokenResponse {
    world.add_subject(2);
    let code = world.code(scope);
    let subject = GrantSubject::from(&bob(world));
    world.rows(|rows| {
        let grant = rows.grants.values_mut().next().unwrap();
        grant.client = "agent".parse().unwrap();
        grant.subject = subject;
    });
    ask(world, "agent", &redemption(&code), None).unwrap()
}

/// Ada's token at the agent, by which Bob acts.
fn acting(world: &World, ada: &str, (actor, kind): (&str, &str)) -> String {
    let more = [("actor_token", actor), ("actor_token_type", kind)];
    exchange(world, "agent", ada, &more).unwrap().access_token
}

/// Attack: somebody has broken into Bob's account, everything of his is ended, and they go on in Ada's name by what they got.
#[test]
fn what_somebody_acts_by_takes_along_what_they_got_however_it_ends() {
    let check = |what: &str, scope: &str, end: &dyn Fn(&World, &TokenResponse)| {
        let forms = [("jwt", ACCESS), ("jwt", ID_TOKEN), ("opaque", ACCESS), ("opaque", ID_TOKEN)];
        for (strategy, kind) in forms {
            let form = json!({"access_token_strategy": strategy});
            let scopes = "openid email read offline_access";
            let agent = json!({"access_token_strategy": strategy, "scope": scopes});
            let world = world_of(&form, &agent);
            let tokens = of_bob(&world, scope);
            let ada = of_ada(&world);
            let by = if kind == ACCESS { &tokens.access_token } else { tokens.id_token.as_ref().unwrap() };
            let token = acting(&world, &ada, (by, kind));
            let on = exchanged(&world, "agent", &token);
            let beside = exchanged(&world, "agent", &ada);
            let live = || [&ada, &beside, &token, &on].map(|token| is_active(&world, token));
            assert_eq!(live(), [true; 4], "{strategy} {kind}: {what}");
            end(&world, &tokens);
            assert_eq!(live(), [true, true, false, false], "{strategy} {kind}: {what}");
            let again = exchange(&world, "agent", &on, &[]);
            assert_eq!(error(again), "invalid_request", "{strategy} {kind}: {what}");
        }
    };
    let (online, offline) = ("openid read", "openid read offline_access");
    check("his refresh token was revoked", offline, &|world, tokens| {
        revoke(world, "agent", tokens.refresh_token.as_ref().unwrap());
    });
    check("he has signed out", online, &|world, _| {
        world.rows(|rows| rows.sessions.remove(&bob(world).session));
    });
    check("everything of him was ended", offline, &|world, _| {
        world.memory.apply(world.server.revoke_everything(bob(world).subject, Actor::System)).unwrap();
    });
    check("his account is gone", offline, &|world, _| {
        world.rows(|rows| rows.subjects.remove(&bob(world).subject));
    });
    check("his account is another one since", offline, &|world, _| {
        let later = Timestamp::from_seconds(now_of(world) + 1);
        world.rows(|rows| rows.subjects.get_mut(&bob(world).subject).unwrap().not_before = later);
    });
    check("there is no such grant", offline, &|world, _| {
        world.rows(|rows| rows.grants.retain(|_, grant| grant.subject.id != bob(world).subject));
    });
}

/// What is looked up with the token anyway is not looked up twice.
#[test]
fn lineage_names_the_grant_of_who_acts_where_it_is_another_one() {
    let world = world();
    let tokens = of_bob(&world, "openid read");
    let grants = |token: &str| {
        let lineage = payload(token)["exchanged_tokens"].clone();
        let lineage: crate::lineage::Lineage = serde_json::from_value(lineage).unwrap();
        lineage.grants().collect::<Vec<_>>()
    };
    let of_bobs = world.rows(|rows| *rows.grants.keys().next().unwrap());
    let ada = of_ada(&world);
    assert_eq!(grants(&acting(&world, &ada, (&tokens.access_token, ACCESS))), [of_bobs]);
    assert_eq!(grants(&exchanged(&world, "agent", &ada)), []);
    let more = [("actor_token", &*ada), ("actor_token_type", ACCESS)];
    let own = exchange(&world, "app", &ada, &more).unwrap().access_token;
    assert_eq!(grants(&own), [], "it hangs on that grant");
}

#[test]
fn refresh_token_takes_along_what_was_exchanged_in_its_family() {
    for strategy in ["jwt", "opaque"] {
        let world = of_strategy(strategy);
        let tokens = world.redeem(&world.code("openid read offline_access")).unwrap();
        let first = exchanged(&world, "agent", &tokens.access_token);
        let next = world.refresh(&tokens.refresh_token.unwrap()).unwrap();
        let second = exchanged(&world, "agent", &next.access_token);
        assert!(is_active(&world, &first) && is_active(&world, &second));
        revoke(&world, "app", &next.refresh_token.unwrap());
        assert!(!is_active(&world, &first) && !is_active(&world, &second), "{strategy}");
    }
}

/// Only its own client revokes a token: whoever was shown it ends nothing.
#[test]
fn stranger_ends_nothing() {
    for strategy in ["jwt", "opaque"] {
        let world = of_strategy(strategy);
        let ada = of_ada(&world);
        let token = exchanged(&world, "agent", &ada);
        revoke(&world, "agent", &ada);
        revoke(&world, "app", &token);
        assert!(is_active(&world, &ada) && is_active(&world, &token), "{strategy}");
    }
}

#[test]
fn chain_of_tokens_has_an_end() {
    for strategy in ["jwt", "opaque"] {
        let world = of_strategy(strategy);
        let first = of_ada(&world);
        let mut token = first.clone();
        for _ in 0..MOST_ANCESTORS {
            token = exchanged(&world, "app", &token);
        }
        assert_eq!(error(exchange(&world, "app", &token, &[])), "invalid_request", "{strategy}");
        assert!(is_active(&world, &token));
        revoke(&world, "app", &first);
        assert!(!is_active(&world, &token), "{strategy}: the longest chain ends too");
    }
}

/// A lineage that we cannot read is not to be taken for none.
#[test]
fn signed_token_of_an_unreadable_lineage_is_none() {
    let world = world();
    let mut claims = payload(&of_ada(&world));
    let token = |claims: &Value| {
        let keys = now(world.server.load_keys()).unwrap();
        let signer = crate::server::signer(&keys, SigningAlgorithm::EdDsa).unwrap();
        now(signer.sign(TokenType::AccessToken, claims)).unwrap()
    };
    assert!(is_active(&world, &token(&claims)));
    let too_long: Vec<_> = (0..=MOST_ANCESTORS).map(|n| n.to_string()).collect();
    for lineage in [json!("jti"), json!([7]), json!(too_long)] {
        claims["exchanged_tokens"] = lineage.clone();
        assert!(!is_active(&world, &token(&claims)), "{lineage}");
    }
}

//! Two nodes on one database: what ends a session on one of them ends it on the other, which has it in its cache.
//!
//! How soon is the change feed's to say, and is said there; here it is that it ends at all, without being asked for again.

use std::time::Duration;

use crate::browser::Browser;
use crate::oauth2::code::sign_up;
use crate::sessions::{End, end, sign_in};
use crate::world::World;

/// Longer than any machine needs; the bound of the feed is far below.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn session_that_ends_on_one_node_ends_on_the_other() {
    let Some([first, second]) = World::start_two().await else { return };
    let there = format!("{}/sessions/whoami", second.tenant("acme"));
    for (number, how) in End::ALL.into_iter().enumerate() {
        let email = format!("person{number}@acme.example");
        let (mut app_user, mut elsewhere) = (Browser::default(), Browser::default());
        sign_up(&first, &mut app_user, &email).await;
        sign_in(&first, &mut elsewhere, &email).await;
        // Whoever signs out forgets the cookie; a copy of it is what must be worth nothing.
        let mut witness = Browser { cookies: app_user.cookies.clone() };
        for _ in 0..3 {
            let known = witness.get_json(&there).await;
            assert_eq!(known.status, 200, "{how:?}: {}", known.text());
        }
        assert_eq!(elsewhere.get_json(&there).await.status, 200, "{how:?}");
        end(&first, how, &mut app_user, &mut elsewhere).await;
        let ended = tokio::time::timeout(PATIENCE, async {
            loop {
                let answer = witness.get_json(&there).await;
                if answer.status != 200 {
                    break answer.status;
                }
            }
        });
        assert_eq!(ended.await, Ok(401), "{how:?}: the other node still knows it");
        let stays = matches!(
            how,
            End::SignOut
                | End::RevokeFromElsewhere
                | End::RevokeAllOthers
                | End::ChangePassword
                | End::OperatorEndsOne
        );
        let others = elsewhere.get_json(&there).await.status;
        assert_eq!(others == 200, stays, "{how:?}: the person's other session: {others}");
    }
}

//! Answers to challenges: of those that come at once one is written down, and it is found until its time has come.

use futures_util::future::join_all;
use oauth2::authorization::answered::{AnsweredChallenge, ChallengeId};
use oauth2::authorization::external::LoginSessionRepository as _;
use oauth2::write::Write;
use primitives::{GrantId, SessionId};
use uuid::Uuid;

use crate::world::World;

impl World {
    pub(crate) fn answered(&self, id: ChallengeId, said: &str, refused: bool) -> AnsweredChallenge {
        AnsweredChallenge { id, refused, answer: self.hash(said), expires_at: self.in_seconds(40) }
    }
}

/// Attack: whoever has a challenge answers it often, and at once, each time as somebody else.
#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_answers_at_once_one_is_written_down() {
    for world in World::each().await {
        let id = || ChallengeId::login(SessionId(Uuid::from_u128(7)));
        let answers: Vec<_> =
            (0..50).map(|n| world.answered(id(), &format!("answer {n}"), n % 2 == 0)).collect();
        let write = |answer: &AnsweredChallenge| [Write::AnswerChallenge(Box::new(answer.clone()))];
        let outcomes = join_all(answers.iter().map(|answer| world.apply(write(answer)))).await;
        let won: Vec<_> = answers
            .iter()
            .zip(&outcomes)
            .filter(|(_, outcome)| outcome.is_none())
            .map(|(one, _)| one)
            .collect();
        let [first] = won[..] else { panic!("{} were written on {}", won.len(), world.storage.kind()) };
        let found = world.storage.find_challenge_answer(&world.tenant, &id()).await.unwrap();
        assert_eq!(found.as_ref(), Some(first));
        // What is about something else has an answer of its own.
        let consent = ChallengeId::consent(GrantId(Uuid::from_u128(7)));
        assert_eq!(world.storage.find_challenge_answer(&world.tenant, &consent).await.unwrap(), None);
        let other = world.answered(consent, "answer 1", false);
        assert_eq!(world.apply(write(&other)).await, None);
    }
}

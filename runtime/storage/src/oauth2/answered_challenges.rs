//! Table `oauth2_answered_challenges`: the first answer to each challenge, until it would have expired.

use ::oauth2::authorization::answered::{AnsweredChallenge, ChallengeId};
use primitives::{KeyedHash, TenantId};

use crate::statement::Statement;
use crate::{Storage, StorageError, values};

pub(super) fn insert(tenant: &TenantId, answered: &AnsweredChallenge) -> Statement {
    Statement::one(
        "INSERT INTO oauth2_answered_challenges (tenant, id, refused, answer, expires_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        values![tenant, answered.id.as_str(), answered.refused, &answered.answer, answered.expires_at],
    )
}

pub(super) async fn find(
    storage: &Storage,
    tenant: &TenantId,
    id: &ChallengeId,
) -> Result<Option<AnsweredChallenge>, StorageError> {
    let sql =
        "SELECT refused, answer, expires_at FROM oauth2_answered_challenges WHERE tenant = $1 AND id = $2";
    let row = storage.find_one(sql, values![tenant, id.as_str()]).await?;
    row.map(|row| {
        Ok(AnsweredChallenge {
            id: id.clone(),
            refused: row.flag(0)?,
            answer: KeyedHash(row.blob(1)?),
            expires_at: row.time(2)?,
        })
    })
    .transpose()
}

//! Finding identities by their terms.
//!
//! The filter that fewest have leads, so far as counting a few hundred tells; the others are asked of each whom it
//! gives. What one question looks at is bounded: whoever asks goes on from where it stopped.

use ::identity::Identity;
use ::identity::ports::StoreUnavailable;
use ::identity::search::{
    Found, FoundByStart, IdentitySearch, MOST_FILTERS, SearchPosition, SearchQuery, StartOfIdentifier,
    TermRange,
};
use futures_util::future::BoxFuture;
use primitives::{IdentityId, TenantId};

use super::identities::{identity_at, identity_columns};
use super::unavailable;
use crate::{Row, Storage, StorageError, Value, values};

/// Identities that one question looks at.
const LOOKED_AT: u32 = 500;
/// How far a filter is counted.
const COUNTED: i64 = 500;
/// Identities that one statement reads.
const READ: usize = 50;

/// A condition on somebody whom the leading filter gave: a term between two values, or no range given.
macro_rules! also {
    ($from:literal, $to:literal) => {
        concat!(
            " AND ($",
            $from,
            " = '' OR EXISTS (SELECT 1 FROM identity_terms o WHERE o.tenant = $1
                AND o.identity = d.identity AND o.term >= $",
            $from,
            " AND o.term <= $",
            $to,
            "))"
        )
    };
}

/// Of those whom the leading filter gives, after a position: the term, the identity, and whether it is meant. Who has
/// several terms of the range counts by the first.
const LOOK: &str = concat!(
    "SELECT d.term, d.identity, CAST(CASE WHEN NOT EXISTS (
             SELECT 1 FROM identity_terms o WHERE o.tenant = $1 AND o.identity = d.identity
             AND o.term >= $2 AND o.term < d.term)
         AND ($7 = '' OR NOT EXISTS (
             SELECT 1 FROM identity_terms o WHERE o.tenant = $1 AND o.term = $7 AND o.identity = d.identity))",
    also!(8, 9),
    also!(10, 11),
    also!(12, 13),
    also!(14, 15),
    also!(16, 17),
    " THEN 1 ELSE 0 END AS BIGINT)
     FROM (SELECT term, identity FROM identity_terms
         WHERE tenant = $1 AND term >= $2 AND term <= $3 AND (term, identity) > ($4, $5)
         ORDER BY term, identity LIMIT $6) d
     ORDER BY d.term, d.identity"
);

/// The same of everybody, where no filter leads.
const LOOK_AT_ALL: &str = "SELECT '', d.id, CAST(CASE WHEN $4 = '' OR NOT EXISTS (
         SELECT 1 FROM identity_terms o WHERE o.tenant = $1 AND o.term = $4 AND o.identity = d.id)
         THEN 1 ELSE 0 END AS BIGINT)
     FROM (SELECT id FROM identities WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3) d
     ORDER BY d.id";

/// Of those who have an identifier between two, behind a third: the identifier, the identity, and whether it is meant. Who
/// has several counts by the first.
const LOOK_AT_STARTS: &str = "SELECT d.identifier, d.identity, CAST(CASE WHEN NOT EXISTS (
             SELECT 1 FROM identity_identifiers o WHERE o.tenant = $1 AND o.identity = d.identity
             AND o.identifier >= $2 AND o.identifier < d.identifier)
         AND ($6 = '' OR EXISTS (
             SELECT 1 FROM identities i WHERE i.tenant = $1 AND i.id = d.identity AND i.organisation = $6))
         THEN 1 ELSE 0 END AS BIGINT)
     FROM (SELECT identifier, identity FROM identity_identifiers
         WHERE tenant = $1 AND identifier >= $2 AND identifier <= $3 AND identifier > $4
         ORDER BY identifier LIMIT $5) d
     ORDER BY d.identifier";

macro_rules! read_several {
    ($($more:literal),+) => {
        concat!(
            "SELECT ",
            identity_columns!("i"),
            " FROM identities i WHERE tenant = $1 AND id IN ($2",
            $(", $", $more,)+
            ")"
        )
    };
}

/// As many places as [`READ`].
const READ_SEVERAL: &str = read_several!(
    3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
    31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51
);

impl Storage {
    /// The filter that fewest have, or none if nobody has one of them.
    async fn leader(&self, tenant: &TenantId, filters: &[TermRange]) -> Result<Option<usize>, StorageError> {
        let sql = "SELECT COUNT(*) FROM (SELECT 1 FROM identity_terms
             WHERE tenant = $1 AND term >= $2 AND term <= $3 LIMIT $4) counted";
        let mut fewest = (0, i64::MAX);
        for (at, range) in filters.iter().enumerate() {
            let args = values![tenant, range.from.as_str(), range.to.as_str(), COUNTED];
            let count =
                self.find_one(sql, args).await?.map(|row| row.int(0)).transpose()?.unwrap_or_default();
            if count == 0 {
                return Ok(None);
            }
            if count < fewest.1 {
                fewest = (at, count);
            }
        }
        Ok(Some(fewest.0))
    }

    async fn look(
        &self,
        tenant: &TenantId,
        query: &SearchQuery,
        after: Option<SearchPosition>,
        limit: u32,
    ) -> Result<Found, StorageError> {
        let leader = match &after {
            Some(position) => position.leader,
            None if query.with.is_empty() => 0,
            None => match self.leader(tenant, &query.with).await? {
                Some(leader) => leader,
                None => return Ok(Found::default()),
            },
        };
        let mut ids = Vec::new();
        let mut last = after;
        let mut looked_at = 0;
        // Whom the leading filter gives is mostly meant: a page is looked at first, and only then all that may be.
        let mut next = limit.clamp(1, LOOKED_AT);
        let is_full = loop {
            let rows = self.rows_behind(tenant, query, leader, last.as_ref(), next).await?;
            for row in &rows {
                let place =
                    SearchPosition { leader, term: row.text(0)?, identity: row.parse(1, "identity")? };
                if row.flag(2)? {
                    ids.push(place.identity);
                }
                last = Some(place);
                if ids.len() >= limit as usize {
                    break;
                }
            }
            looked_at += next;
            if ids.len() >= limit as usize || rows.len() < next as usize || looked_at >= LOOKED_AT {
                break ids.len() >= limit as usize || rows.len() >= next as usize;
            }
            next = LOOKED_AT - looked_at;
        };
        Ok(Found { identities: self.read_several(tenant, &ids).await?, next: last.filter(|_| is_full) })
    }

    /// Those whom the leading filter gives behind a position, with whether each is meant.
    async fn rows_behind(
        &self,
        tenant: &TenantId,
        query: &SearchQuery,
        leader: usize,
        after: Option<&SearchPosition>,
        limit: u32,
    ) -> Result<Vec<Row>, StorageError> {
        let (term, identity) =
            after.map_or_else(Default::default, |after| (after.term.clone(), after.identity.to_string()));
        let without = query.without.as_deref().unwrap_or_default();
        let Some(range) = query.with.get(leader) else {
            return self.list(LOOK_AT_ALL, values![tenant, identity, i64::from(limit), without]).await;
        };
        let mut args = values![
            tenant,
            range.from.as_str(),
            range.to.as_str(),
            term,
            identity,
            i64::from(limit),
            without
        ];
        let others = query.with.iter().enumerate().filter(|(at, _)| *at != leader).map(|(_, range)| range);
        for also in others.map(Some).chain(std::iter::repeat(None)).take(MOST_FILTERS - 1) {
            args.push(Value::from(also.map_or("", |range| range.from.as_str())));
            args.push(Value::from(also.map_or("", |range| range.to.as_str())));
        }
        self.list(LOOK, args).await
    }

    async fn look_at_starts(
        &self,
        tenant: &TenantId,
        asked: &StartOfIdentifier,
        limit: u32,
    ) -> Result<FoundByStart, StorageError> {
        let args = values![
            tenant,
            asked.start.as_str(),
            format!("{}\u{10FFFF}", asked.start),
            asked.after.clone().unwrap_or_default(),
            i64::from(LOOKED_AT),
            asked.organisation.map(|id| id.to_string()).unwrap_or_default()
        ];
        let rows = self.list(LOOK_AT_STARTS, args).await?;
        let mut ids = Vec::new();
        let mut last = None;
        for row in &rows {
            last = Some(row.text(0)?);
            if row.flag(2)? {
                ids.push(row.parse(1, "identity")?);
                if ids.len() >= limit as usize {
                    break;
                }
            }
        }
        let is_full = ids.len() >= limit as usize || rows.len() >= LOOKED_AT as usize;
        Ok(FoundByStart {
            identities: self.read_several(tenant, &ids).await?,
            next: last.filter(|_| is_full),
        })
    }

    async fn read_several(
        &self,
        tenant: &TenantId,
        ids: &[IdentityId],
    ) -> Result<Vec<Identity>, StorageError> {
        let mut found = Vec::with_capacity(ids.len());
        for several in ids.chunks(READ) {
            let mut args = values![tenant];
            args.extend(
                (0..READ).map(|at| Value::from(several.get(at).map(ToString::to_string).unwrap_or_default())),
            );
            for row in self.list(READ_SEVERAL, args).await? {
                found.push(identity_at(&row, 0)?);
            }
        }
        let place = |identity: &Identity| ids.iter().position(|id| *id == identity.id);
        found.sort_by_cached_key(place);
        Ok(found)
    }
}

impl IdentitySearch for Storage {
    fn search<'a>(
        &'a self,
        tenant: &'a TenantId,
        query: &'a SearchQuery,
        after: Option<SearchPosition>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Found, StoreUnavailable>> {
        Box::pin(async move { self.look(tenant, query, after, limit).await.map_err(unavailable) })
    }

    fn find_identities<'a>(
        &'a self,
        tenant: &'a TenantId,
        ids: &'a [IdentityId],
    ) -> BoxFuture<'a, Result<Vec<Identity>, StoreUnavailable>> {
        Box::pin(async move { self.read_several(tenant, ids).await.map_err(unavailable) })
    }

    fn find_by_start_of_identifier<'a>(
        &'a self,
        tenant: &'a TenantId,
        asked: &'a StartOfIdentifier,
        limit: u32,
    ) -> BoxFuture<'a, Result<FoundByStart, StoreUnavailable>> {
        Box::pin(async move { self.look_at_starts(tenant, asked, limit).await.map_err(unavailable) })
    }
}

//! Who is served when: the node's own ways many messages at a time, and each tenant's own server one message after the
//! other, beside everything else.
//!
//! Attack: a tenant names a server that takes a connection and then says nothing. If its messages took the places of others,
//! or if the next look waited for them, everybody's codes would be late by as long as that server likes.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::BoxFuture;
use futures_util::stream::{self, FuturesUnordered, StreamExt as _};
use identity::courier::CourierMessage;
use identity::identity::AddressKind;
use primitives::TenantId;

use super::{Courier, PAGE, Sent};
use crate::job::JobError;
use crate::turn::Turn;

/// Messages to one server in a row, before others have their turn.
const ROW: usize = 16;
/// Servers of tenants that are talked to at the same time, for each place of the node's own ways.
const SERVERS_PER_PLACE: usize = 4;

/// A tenant's own server: whose it is, and whether it takes text messages.
type Whose = (TenantId, bool);

/// A server that was served, and how many messages it took.
type Served<'a> = BoxFuture<'a, (Whose, Result<u64, JobError>)>;

/// What is due.
#[derive(Default)]
struct Due {
    /// By the node's own ways.
    shared: Vec<CourierMessage>,
    /// By tenants' own servers.
    own: BTreeMap<Whose, Vec<CourierMessage>>,
}

impl Courier {
    /// Sends what is due until nothing is. Whatever ends it, what is on its way to somebody's own server ends before.
    pub(super) async fn send_all(&self, turn: &Turn) -> Result<(), JobError> {
        let mut servers = FuturesUnordered::new();
        let result = self.look(turn, &mut servers).await;
        while let Some((_, taken)) = servers.next().await {
            turn.did(taken.unwrap_or_default());
        }
        result
    }

    async fn look<'a>(
        &'a self,
        turn: &'a Turn,
        servers: &mut FuturesUnordered<Served<'a>>,
    ) -> Result<(), JobError> {
        let places = usize::try_from(self.settings.concurrent).unwrap_or(usize::MAX).max(1);
        let mut busy: BTreeSet<Whose> = BTreeSet::new();
        loop {
            turn.go_on().await?;
            let due = self.storage.take_due_courier_messages(turn.now(), PAGE).await?;
            let Due { shared, own } = self.sorted(due, &busy).await;
            for (whose, row) in own {
                if servers.len() < places.saturating_mul(SERVERS_PER_PLACE) {
                    busy.insert(whose.clone());
                    servers.push(Box::pin(async move { (whose, self.serve(row, turn).await) }));
                }
            }
            if shared.is_empty() {
                if servers.is_empty() {
                    return Ok(());
                }
                // Others may have something to send by the time that one of these has ended.
                tokio::select! {
                    Some(served) = servers.next() => ended(served, &mut busy, turn)?,
                    () = turn.pause(self.settings.every.0) => {}
                }
                continue;
            }
            let attempts = stream::iter(shared).map(|message| self.deliver_by_node(message, turn));
            let mut attempts = attempts.buffer_unordered(places);
            let (mut outcomes, mut failed) = (Vec::new(), Ok(()));
            loop {
                tokio::select! {
                    outcome = attempts.next() => match outcome {
                        Some(outcome) => outcomes.push(outcome),
                        None => break,
                    },
                    Some(served) = servers.next() => failed = failed.and(ended(served, &mut busy, turn)),
                }
            }
            turn.did(outcomes.iter().filter(|outcome| matches!(outcome, Ok(Sent::Taken))).count() as u64);
            outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
            failed?;
        }
    }

    /// What is due by each way, without what waits for a server that is talked to already.
    async fn sorted(&self, due: Vec<CourierMessage>, busy: &BTreeSet<Whose>) -> Due {
        let mut sorted = Due::default();
        let mut known: BTreeMap<Whose, bool> = BTreeMap::new();
        for message in due {
            let whose = (message.tenant.clone(), message.via == AddressKind::Sms);
            let is_own = match known.get(&whose) {
                Some(is_own) => *is_own,
                None => self.ways.tenants.is_own(&message).await,
            };
            known.insert(whose.clone(), is_own);
            if !is_own {
                sorted.shared.push(message);
            } else if !busy.contains(&whose) {
                sorted.own.entry(whose).or_default().push(message);
            }
        }
        sorted
    }

    /// Sends messages to a tenant's own server; how many it took.
    async fn serve(&self, row: Vec<CourierMessage>, turn: &Turn) -> Result<u64, JobError> {
        let mut taken = 0;
        for message in row.into_iter().take(ROW) {
            let (tenant, via) = (message.tenant.clone(), message.via);
            match self.deliver(message, turn).await? {
                Sent::Taken => taken += 1,
                Sent::Passed | Sent::NodeCutOff { .. } => {}
                Sent::NobodyThere { until } => {
                    // Nothing that waits behind it counts as tried.
                    self.storage.postpone_courier_messages(&tenant, via, until, turn.now()).await?;
                    break;
                }
            }
        }
        Ok(taken)
    }
}

/// Counts what a server took. It may be talked to again.
fn ended(
    (whose, taken): (Whose, Result<u64, JobError>),
    busy: &mut BTreeSet<Whose>,
    turn: &Turn,
) -> Result<(), JobError> {
    busy.remove(&whose);
    turn.did(taken?);
    Ok(())
}

#[cfg(test)]
mod tests;

//! What a shadowed call does not do: nothing that it asks for changes anything.
//!
//! A shadowed call reads what its plugin keeps, and is told that what it writes was written, so that it goes on
//! as it would; but nothing is. A request to somebody's server cannot be pretended: it is refused, as an
//! origin that was not named is. What its plugin writes to the log is written.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use primitives::Timestamp;
use primitives::outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse};
use tenancy::plugin::values::{KeptValue, PluginValues, PutValue, Replaces, ValueError, ValueOwner};

/// Values that are read and never written.
#[derive(Debug)]
pub(crate) struct PretendedValues(pub(crate) Arc<dyn PluginValues>);

impl PluginValues for PretendedValues {
    fn find_value<'a>(
        &'a self,
        owner: ValueOwner<'a>,
        key: &'a [u8],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<KeptValue>, ValueError>> {
        self.0.find_value(owner, key, now)
    }

    fn put_value<'a>(
        &'a self,
        owner: ValueOwner<'a>,
        put: PutValue,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), ValueError>> {
        Box::pin(async move {
            let there = match put.replaces {
                Replaces::Anything => return Ok(()),
                Replaces::Nothing | Replaces::Value(_) => self.0.find_value(owner, &put.key, now).await?,
            };
            let fits = match (put.replaces, there) {
                (Replaces::Value(old), Some(kept)) => kept.value == old,
                (Replaces::Nothing, there) => there.is_none(),
                (Replaces::Anything | Replaces::Value(_), _) => false,
            };
            if fits { Ok(()) } else { Err(ValueError::Other) }
        })
    }

    fn delete_value<'a>(&'a self, _: ValueOwner<'a>, _: &'a [u8]) -> BoxFuture<'a, Result<(), ValueError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A way out that leads nowhere.
#[derive(Debug)]
pub(crate) struct NoWayOut;

impl Outbound for NoWayOut {
    fn fetch(&self, _: OutboundRequest) -> BoxFuture<'_, Result<OutboundResponse, OutboundError>> {
        Box::pin(std::future::ready(Err(OutboundError::Forbidden)))
    }
}

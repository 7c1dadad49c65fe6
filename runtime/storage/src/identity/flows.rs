//! Self-service flows, sealed, and the bounds on their number. A row without a document is of one that has served.

use ::identity::Flow;
use ::identity::flow::{FlowBounds, FlowTrace, StoredFlow};
use ::identity::ports::{Flows, StoreUnavailable};
use futures_util::future::BoxFuture;
use primitives::{FlowId, KeyedHash, SealContext, Sealer, TenantId, Timestamp};

use super::{sealed_json, unavailable};
use crate::row::Row;
use crate::statement::{Statement, Value};
use crate::{Storage, StorageError, values};

const PURPOSE: &str = "self_service_flows";
/// The row of no flow: its time is that up to which flows were pushed out by younger ones. No flow has this id.
const CUT: &str = "00000000-0000-0000-0000-000000000000";

pub(super) fn insert(
    sealer: &Sealer,
    tenant: &TenantId,
    stored: &StoredFlow,
    bounds: FlowBounds,
) -> Vec<Statement> {
    let flow = stored.flow();
    let inserted = Statement::one(
        "INSERT INTO self_service_flows (tenant, id, document, browser, version, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        values![
            tenant,
            &flow.id,
            sealed(sealer, tenant, flow),
            stored.browser().map(|hash| hash.0.clone()),
            stored.version(),
            flow.expires_at,
        ],
    );
    // Nothing was done with it yet: whoever lost it begins another one.
    bounded(tenant, inserted.may_be_lost(), bounds)
}

/// What a browser kept becomes a row.
pub(super) fn take_in(
    sealer: &Sealer,
    tenant: &TenantId,
    stored: &StoredFlow,
    bounds: FlowBounds,
) -> Vec<Statement> {
    let flow = stored.flow();
    let row = (sealed(sealer, tenant, flow), stored.browser().map(|hash| hash.0.clone()), stored.version());
    bounded(tenant, insert_held(tenant, flow.id, flow.expires_at, row), bounds)
}

/// What a browser kept has served: a row says so, with nothing in it.
pub(super) fn spend_held(
    tenant: &TenantId,
    id: FlowId,
    expires_at: Timestamp,
    bounds: FlowBounds,
) -> Vec<Statement> {
    let row = (Value::from(Vec::new()), None, 1);
    bounded(tenant, insert_held(tenant, id, expires_at, row), bounds)
}

fn insert_held(
    tenant: &TenantId,
    id: FlowId,
    expires_at: Timestamp,
    (document, browser, version): (Value, Option<Vec<u8>>, i64),
) -> Statement {
    Statement::one(
        "INSERT INTO self_service_flows (tenant, id, document, browser, version, expires_at)
         SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS (
             SELECT 1 FROM self_service_flows WHERE tenant = $1 AND id = $7 AND expires_at >= $6)
         ON CONFLICT DO NOTHING",
        values![tenant, &id, document, browser, version, expires_at, CUT],
    )
}

/// A new row with what keeps the number of rows bounded. How far a cut went is written down before it is made: what a
/// browser keeps of that age may have had a row, used up perhaps, and counts no more.
fn bounded(tenant: &TenantId, inserted: Statement, bounds: FlowBounds) -> Vec<Statement> {
    let mut statements = vec![
        inserted,
        Statement::any(
            "DELETE FROM self_service_flows WHERE tenant = $1 AND id IN (
                 SELECT id FROM self_service_flows WHERE tenant = $1 AND expires_at < $2
                 ORDER BY expires_at LIMIT 2)",
            values![tenant, bounds.expired_before],
        )
        .may_be_lost(),
    ];
    if let Some(most) = bounds.cut_to {
        let written_down = Statement::any(
            "INSERT INTO self_service_flows (tenant, id, document, version, expires_at)
             SELECT f.tenant, $3, $4, 1, f.expires_at FROM self_service_flows f
             WHERE f.tenant = $1 AND f.id <> $3 ORDER BY f.expires_at DESC LIMIT 1 OFFSET $2
             ON CONFLICT (tenant, id) DO UPDATE SET expires_at = excluded.expires_at
             WHERE excluded.expires_at > self_service_flows.expires_at",
            values![tenant, i64::from(most), CUT, Vec::<u8>::new()],
        );
        let cut = Statement::any(
            "DELETE FROM self_service_flows WHERE tenant = $1 AND id <> $3 AND expires_at <= (
                 SELECT expires_at FROM self_service_flows WHERE tenant = $1 AND id <> $3
                 ORDER BY expires_at DESC LIMIT 1 OFFSET $2)",
            values![tenant, i64::from(most), CUT],
        );
        statements.extend([written_down.may_be_lost(), cut.may_be_lost()]);
    }
    statements
}

pub(super) fn update(sealer: &Sealer, tenant: &TenantId, stored: &StoredFlow) -> Statement {
    let flow = stored.flow();
    Statement::one(
        "UPDATE self_service_flows SET document = $4, version = version + 1
         WHERE tenant = $1 AND id = $2 AND version = $3",
        values![tenant, &flow.id, stored.version(), sealed(sealer, tenant, flow)],
    )
}

pub(super) fn spend(tenant: &TenantId, id: FlowId) -> Statement {
    Statement::any(
        "UPDATE self_service_flows SET document = $3, version = version + 1 WHERE tenant = $1 AND id = $2",
        values![tenant, &id, Vec::<u8>::new()],
    )
}

pub(super) fn remove(tenant: &TenantId, id: FlowId) -> Statement {
    Statement::any("DELETE FROM self_service_flows WHERE tenant = $1 AND id = $2", values![tenant, &id])
}

fn sealed(sealer: &Sealer, tenant: &TenantId, flow: &Flow) -> Value {
    let row = flow.id.to_string();
    let context = SealContext { tenant, purpose: PURPOSE, row: &row };
    sealed_json(sealer, context, flow)
}

impl Flows for Storage {
    fn trace_flow<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: FlowId,
    ) -> BoxFuture<'a, Result<FlowTrace, StoreUnavailable>> {
        Box::pin(async move {
            let sql = "SELECT document, browser, version, expires_at, id FROM self_service_flows
                       WHERE tenant = $1 AND id IN ($2, $3)";
            let rows = self.list(sql, values![tenant, &id, CUT]).await.map_err(unavailable)?;
            trace(self.sealer(), tenant, id, &rows).map_err(unavailable)
        })
    }
}

fn trace(sealer: &Sealer, tenant: &TenantId, id: FlowId, rows: &[Row]) -> Result<FlowTrace, StorageError> {
    let broken = |detail: &str| StorageError::Inconsistent {
        table: "self_service_flows",
        column: "document",
        detail: detail.to_owned(),
    };
    let mut cut_through = None;
    for row in rows {
        if row.text(4)? == CUT {
            cut_through = Some(row.time(3)?);
            continue;
        }
        let document = row.blob(0)?;
        if document.is_empty() {
            return Ok(FlowTrace::Spent);
        }
        let key = id.to_string();
        let context = SealContext { tenant, purpose: PURPOSE, row: &key };
        let plain = sealer.open(context, &document).map_err(|_| broken("the seal is broken"))?;
        let flow = serde_json::from_slice(&plain).map_err(|_| broken("not a flow"))?;
        let stored = StoredFlow::new(flow, row.opt_blob(1)?.map(KeyedHash), row.int(2)?);
        return Ok(FlowTrace::Row(Box::new(stored)));
    }
    Ok(FlowTrace::Nothing { cut_through })
}

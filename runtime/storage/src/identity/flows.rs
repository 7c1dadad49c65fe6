//! Self-service flows, sealed, and the bounds on their number.

use ::identity::Flow;
use ::identity::flow::StoredFlow;
use ::identity::ports::{Flows, StoreUnavailable};
use futures_util::future::BoxFuture;
use primitives::{FlowId, KeyedHash, SealContext, Sealer, TenantId, Timestamp};

use super::{sealed_json, unavailable};
use crate::statement::{Statement, Value};
use crate::{Storage, StorageError, values};

const PURPOSE: &str = "self_service_flows";

pub(super) fn insert(
    sealer: &Sealer,
    tenant: &TenantId,
    stored: &StoredFlow,
    expired_before: Timestamp,
    cut_to: Option<u32>,
) -> Vec<Statement> {
    let flow = stored.flow();
    let mut statements = vec![
        Statement::one(
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
        ),
        Statement::any(
            "DELETE FROM self_service_flows WHERE tenant = $1 AND id IN (
                 SELECT id FROM self_service_flows WHERE tenant = $1 AND expires_at < $2
                 ORDER BY expires_at LIMIT 2)",
            values![tenant, expired_before],
        ),
    ];
    if let Some(most) = cut_to {
        statements.push(Statement::any(
            "DELETE FROM self_service_flows WHERE tenant = $1 AND expires_at <= (
                 SELECT expires_at FROM self_service_flows WHERE tenant = $1
                 ORDER BY expires_at DESC LIMIT 1 OFFSET $2)",
            values![tenant, i64::from(most)],
        ));
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

pub(super) fn remove(tenant: &TenantId, id: FlowId) -> Statement {
    Statement::any("DELETE FROM self_service_flows WHERE tenant = $1 AND id = $2", values![tenant, &id])
}

fn sealed(sealer: &Sealer, tenant: &TenantId, flow: &Flow) -> Value {
    let row = flow.id.to_string();
    let context = SealContext { tenant, purpose: PURPOSE, row: &row };
    sealed_json(sealer, context, flow)
}

impl Flows for Storage {
    fn find_flow<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: FlowId,
    ) -> BoxFuture<'a, Result<Option<StoredFlow>, StoreUnavailable>> {
        Box::pin(async move {
            let sql =
                "SELECT document, browser, version FROM self_service_flows WHERE tenant = $1 AND id = $2";
            let Some(row) = self.find_one(sql, values![tenant, &id]).await.map_err(unavailable)? else {
                return Ok(None);
            };
            let broken = |detail: &str| StorageError::Inconsistent {
                table: "self_service_flows",
                column: "document",
                detail: detail.to_owned(),
            };
            let read = || {
                let key = id.to_string();
                let context = SealContext { tenant, purpose: PURPOSE, row: &key };
                let plain =
                    self.sealer().open(context, &row.blob(0)?).map_err(|_| broken("the seal is broken"))?;
                let flow = serde_json::from_slice(&plain).map_err(|_| broken("not a flow"))?;
                Ok(Some(StoredFlow::new(flow, row.opt_blob(1)?.map(KeyedHash), row.int(2)?)))
            };
            read().map_err(unavailable)
        })
    }
}

//! What requests leave behind: counts and times by route and status, connections, and what was shed.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Seconds; from a cached look-up to a password hash under load.
const SECONDS: [f64; 14] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// The metrics of all listeners. Cloning shares them.
#[derive(Debug, Clone)]
pub struct HttpMetrics {
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    webhooks: Family<WebhookLabels, Counter>,
    pub(crate) connections: Gauge,
    pub(crate) refused_connections: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    operation: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WebhookLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    operation: &'static str,
}

impl Default for HttpMetrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            webhooks: Family::default(),
            connections: Gauge::default(),
            refused_connections: Counter::default(),
        }
    }
}

impl HttpMetrics {
    /// Puts the metrics into the node's registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "portcullis_http_requests",
            "Requests by operation and status",
            self.requests.clone(),
        );
        registry.register(
            "portcullis_http_request_seconds",
            "Time from the request's head to its response, by operation",
            self.seconds.clone(),
        );
        registry.register(
            "portcullis_webhook_calls",
            "Calls of tenants' webhooks by what became of them",
            self.webhooks.clone(),
        );
        registry.register("portcullis_http_connections", "Open connections", self.connections.clone());
        registry.register(
            "portcullis_http_refused_connections",
            "Connections closed at once because there were too many",
            self.refused_connections.clone(),
        );
    }

    /// Records one call of a webhook. Tenants and webhooks are not told apart, so that the number of series is bounded.
    pub(crate) fn webhook(&self, outcome: &'static str) {
        self.webhooks.get_or_create(&WebhookLabels { outcome }).inc();
    }

    /// Records one request. `operation` is the route's, so that the number of series is bounded.
    pub(crate) fn record(&self, operation: &'static str, status: u16, took: Duration) {
        self.requests.get_or_create(&RequestLabels { operation, status }).inc();
        self.seconds.get_or_create(&RouteLabels { operation }).observe(took.as_secs_f64());
    }
}

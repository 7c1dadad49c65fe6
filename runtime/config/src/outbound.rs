//! `[outbound]`

use std::path::PathBuf;

use primitives::address::Network;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::problem::Checker;

/// Servers that the node asks in the name of tenants: providers, webhooks, keys and documents of clients, what plugins call.
/// They have public addresses and certificates of authorities that browsers know, unless it says more here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Outbound {
    /// PEM file: authorities whose certificates count beside those that browsers know. It is read when the node starts.
    pub ca: Option<PathBuf>,
    /// Addresses or networks that may be called although they are not public, e.g. `10.1.2.3` or `10.1.2.0/24`. Whatever a tenant's
    /// operator, client or plugin names is called there, so name those servers alone that are meant for all of them.
    pub private_networks: Vec<String>,
}

/// Where clouds tell a machine its secrets: no network may hold one of these, and none is called.
const METADATA: [&str; 2] = ["169.254.169.254", "fd00:ec2::254"];

impl Outbound {
    /// The networks. Entries were checked when the configuration was read.
    pub fn networks(&self) -> Vec<Network> {
        self.private_networks.iter().filter_map(|entry| entry.parse().ok()).collect()
    }

    pub(crate) fn check(&self, checker: &mut Checker<'_>) {
        if let Some(ca) = &self.ca {
            checker.check_file("outbound.ca", ca);
        }
        for (index, entry) in self.private_networks.iter().enumerate() {
            let place = format!("outbound.private_networks[{index}]");
            let network = match entry.parse::<Network>() {
                Ok(network) => network,
                Err(error) => {
                    checker.report(&place, format!("`{entry}` is {error}"));
                    continue;
                }
            };
            if METADATA.iter().filter_map(|address| address.parse().ok()).any(|one| network.contains(one)) {
                let words = "holds the address at which clouds tell machines their secrets";
                checker.report(&place, format!("`{entry}` {words}"));
            }
        }
    }
}

//! `POST /oauth2/device/auth`: a device begins (RFC 8628 sections 3.1 and 3.2).

use primitives::{Change, RequestId};
use serde::Serialize;

use super::store::{DeviceCode, Polling};
use super::user_code::UserCode;
use crate::authorization::request::without_vain_offline;
use crate::client::{Client, GrantType};
use crate::client_authentication::{AuthenticatedClient, Spent, authenticate};
use crate::client_policy::{self, DetailsAt};
use crate::decision::Decision;
use crate::details;
use crate::parameters::Parameters;
use crate::ports::PortError;
use crate::server::AuthorizationServer;
use crate::token::request::{check_audience, check_scope};
use crate::token::{ClientRequest, TokenError, check_form, refusal};
use crate::token_format::{DEVICE_CODE, hash_token};
use crate::write::Write;

/// As many requests of one client may wait at a time; of more at once a few get through.
pub const MOST_WAITING: u32 = 2_000;

/// Polls may come so much earlier than the interval says: clocks differ, and networks are not even.
pub(crate) const LEEWAY: std::time::Duration = std::time::Duration::from_secs(1);

/// What the device shows and keeps (RFC 8628 section 3.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceAuthorizationResponse {
    /// What it polls with.
    pub device_code: String,
    /// What the person types.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// The same with the code in it, to be scanned.
    pub verification_uri_complete: String,
    /// Seconds.
    pub expires_in: u64,
    /// Seconds between two polls.
    pub interval: u32,
}

impl AuthorizationServer {
    /// Takes a device's request.
    pub async fn device_authorization(
        &self,
        request: ClientRequest<'_>,
    ) -> Decision<DeviceAuthorizationResponse, TokenError> {
        let mut spent = Spent::default();
        let begun = async {
            let parameters = check_form(request.parameters)?;
            let AuthenticatedClient { client, writes } = authenticate(self, &request).await?;
            spent = Spent::by(&client, writes);
            self.begin_device(&client, parameters, request.request).await
        };
        match begun.await {
            Ok((row, response)) => {
                let mut change = Change::new(self.tenant.clone());
                change.writes = spent.writes;
                Decision::new(change.write(Write::InsertDeviceCode(Box::new(row))), Ok(response))
            }
            Err(error) => Decision::new(refusal(self, spent, &error), Err(error)),
        }
    }

    async fn begin_device(
        &self,
        client: &Client,
        parameters: &Parameters<'_>,
        id: RequestId,
    ) -> Result<(DeviceCode, DeviceAuthorizationResponse), TokenError> {
        if !client.may_use(GrantType::DeviceCode) {
            return Err(TokenError::UnauthorizedClient);
        }
        let scope = without_vain_offline(client, &check_scope(parameters, &client.scope)?);
        let audience = check_audience(parameters, &self.targets(client))?;
        let details = details::check(self, client, parameters)?;
        client_policy::check_details(self, client, (&details, DetailsAt::Device), id).await?;
        let now = self.now();
        let waiting =
            self.ports.devices.count_device_codes(&self.tenant, &client.id, now, MOST_WAITING).await?;
        if waiting >= MOST_WAITING {
            return Err(PortError::busy("too many devices of this client wait for an answer").into());
        }
        let device_code = format!("{DEVICE_CODE}{}", self.rng.token());
        let user_code = UserCode::generate(self.rng.as_ref());
        let lifespan = self.settings.device_code_lifespan.0;
        let interval = u32::try_from(self.settings.device_poll_interval.0.as_secs()).unwrap_or(u32::MAX);
        let row = DeviceCode {
            hash: hash_token(self, &device_code),
            user_code: user_code.hash(self),
            client: client.id.clone(),
            scope,
            audience,
            details,
            created_at: now,
            expires_at: now.after(lifespan),
            // The first poll may come at once.
            polling: Polling { interval, next_at: now },
            answer: None,
        };
        let verification_uri = self.endpoints.device_verification.clone();
        let response = DeviceAuthorizationResponse {
            device_code,
            verification_uri_complete: format!("{verification_uri}?user_code={user_code}"),
            user_code: user_code.to_string(),
            verification_uri,
            expires_in: lifespan.as_secs(),
            interval,
        };
        Ok((row, response))
    }
}

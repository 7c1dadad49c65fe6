//! Client secrets that people chose are hashed where passwords are: in the bounded pool.

use identity::password::{HashedPassword, HashingPool, PlainPassword};
use identity::settings::Argon2Settings;
use oauth2::ports::{PortError, PortResult, SecretHasher};
use primitives::Secret;

/// [`SecretHasher`] by way of the password pool.
#[derive(Debug)]
pub(crate) struct ClientSecretHasher(pub(crate) HashingPool);

const BUSY: PortError = PortError::Busy("too many secrets are being checked");

fn unusable(_: identity::password::UnusableHash) -> PortError {
    PortError::Unavailable("a stored client secret's hash is not usable".to_owned())
}

impl SecretHasher for ClientSecretHasher {
    fn hash(&self, secret: Secret<String>) -> PortResult<'_, String> {
        Box::pin(async move {
            let plain = PlainPassword::new(secret.expose().clone());
            let hashed = self.0.hash(plain, Argon2Settings::default()).await.map_err(|_| BUSY)?;
            hashed.map(|hashed| hashed.0.expose().clone()).map_err(unusable)
        })
    }

    fn verify(&self, secret: Secret<String>, phc: String) -> PortResult<'_, bool> {
        Box::pin(async move {
            let plain = PlainPassword::new(secret.expose().clone());
            let against = Some(HashedPassword(Secret::new(phc)));
            let verified = self.0.verify(plain, against, Argon2Settings::default()).await;
            verified.map_err(|_| BUSY)?.map_err(unusable)
        })
    }
}

//! Nexboard against a provider that misbehaves on request: each attack is refused.

#[cfg(test)]
mod fake_provider;
#[cfg(test)]
mod renewal;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod sign_out;
#[cfg(test)]
mod stage;

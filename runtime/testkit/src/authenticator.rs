//! The authenticator of a test's person, with the browser around it (WebAuthn L3), written apart from the code under
//! test. Its keys are Ed25519, made from a seed.

use primitives::base64url;
use ring::digest::{SHA256, digest};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

/// One credential, and what a test may have it say.
#[derive(Debug)]
pub struct Authenticator {
    key: Ed25519KeyPair,
    id: Vec<u8>,
    handle: String,
    /// The page that asks.
    pub origin: String,
    /// User present, user verified, backup eligible, backup state: bits 0, 2, 3 and 4.
    pub flags: u8,
    /// Goes on with every use, unless it is 0.
    pub sign_count: u32,
}

impl Authenticator {
    /// An authenticator that has no credential yet. Its user is verified.
    pub fn new(seed: u8, origin: &str) -> Option<Self> {
        let key = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).ok()?;
        let id = vec![seed; 24];
        Some(Self { key, id, handle: String::new(), origin: origin.to_owned(), flags: 0b101, sign_count: 1 })
    }

    /// What `navigator.credentials.create` answers to these options.
    pub fn create(&mut self, options: &Value) -> String {
        text(options, "/publicKey/user/id").clone_into(&mut self.handle);
        let mut data = self.data(text(options, "/publicKey/rp/id"), 0x40);
        data.extend([0; 16]);
        data.extend([0, 24]);
        data.extend(&self.id);
        // {1: 1, 3: -8, -1: 6, -2: the key}
        data.extend([0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20]);
        data.extend(self.key.public_key().as_ref());
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        object.extend(data.len().to_be_bytes().last());
        object.extend(data);
        self.answer(&json!({
            "clientDataJSON": base64url::encode(self.client_data("webauthn.create", options)),
            "attestationObject": base64url::encode(object),
            "transports": ["internal"],
        }))
    }

    /// What `navigator.credentials.get` answers to these options.
    pub fn get(&mut self, options: &Value) -> String {
        if self.sign_count > 0 {
            self.sign_count += 1;
        }
        let data = self.data(text(options, "/publicKey/rpId"), 0);
        let client_data = self.client_data("webauthn.get", options);
        let message = [data.as_slice(), digest(&SHA256, client_data.as_bytes()).as_ref()].concat();
        self.answer(&json!({
            "clientDataJSON": base64url::encode(client_data),
            "authenticatorData": base64url::encode(&data),
            "signature": base64url::encode(self.key.sign(&message)),
            "userHandle": self.handle,
        }))
    }

    fn answer(&self, response: &Value) -> String {
        let id = base64url::encode(&self.id);
        json!({ "id": id, "rawId": id, "type": "public-key", "response": response }).to_string()
    }

    fn data(&self, rp_id: &str, more: u8) -> Vec<u8> {
        let mut data = digest(&SHA256, rp_id.as_bytes()).as_ref().to_vec();
        data.push(self.flags | more);
        data.extend(self.sign_count.to_be_bytes());
        data
    }

    fn client_data(&self, ceremony: &str, options: &Value) -> String {
        let challenge = text(options, "/publicKey/challenge");
        json!({ "type": ceremony, "challenge": challenge, "origin": self.origin, "crossOrigin": false })
            .to_string()
    }
}

fn text<'a>(options: &'a Value, pointer: &str) -> &'a str {
    options.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

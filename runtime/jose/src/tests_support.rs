//! The files of vectors beside the repository.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Reads a file of project Wycheproof's. Without them nothing is tested, which continuous integration does not take.
pub(crate) fn wycheproof(file: &str) -> Option<Value> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path: PathBuf = repository.join("../shared/vectors/wycheproof").join(file);
    match fs::read(&path) {
        Ok(text) => Some(serde_json::from_slice(&text).unwrap()),
        Err(error) => {
            let missing = format!("the vectors {} are missing: {error}", path.display());
            let ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
            assert!(!ci, "{missing}");
            eprintln!("{missing}");
            None
        }
    }
}

/// A key that is somewhere else: it shows no more than signatures.
#[derive(Debug)]
pub(crate) struct Elsewhere {
    kid: crate::KeyId,
    pub(crate) public: crate::PublicJwk,
    module: crate::Signer,
}

impl Elsewhere {
    pub(crate) fn new(key: &crate::PrivateJwk, kid: &str) -> Self {
        let module = crate::Signer::new(key).unwrap();
        Self { kid: kid.parse().unwrap(), public: key.public().clone(), module }
    }
}

impl crate::ForeignKey for Elsewhere {
    fn kid(&self) -> &crate::KeyId {
        &self.kid
    }

    fn algorithm(&self) -> crate::SigningAlgorithm {
        self.module.algorithm()
    }

    fn public(&self) -> &crate::PublicJwk {
        &self.public
    }

    fn sign<'a>(
        &'a self,
        text: &'a [u8],
    ) -> futures_util::future::BoxFuture<'a, Result<Vec<u8>, crate::SignError>> {
        Box::pin(async move { self.module.sign_bytes(text) })
    }
}

//! A component's signature: found beside it, and checked against the hash that is loaded.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use tenancy::plugin::signature::SIGNATURE_TEXT_BYTES;
use tenancy::plugin::{SignatureError, SignedBy, Trust};

use crate::HostError;
use crate::component::ComponentHash;
use crate::regular_file;
use crate::spec::{PluginSource, PluginSpec, SignatureSource};

/// Checks the component with this hash, as whoever installs the plugin trusts. Only what has this very hash
/// may be loaded afterwards.
pub(crate) async fn check_signature(
    spec: &PluginSpec,
    hash: ComponentHash,
    trust: &Trust,
) -> Result<Option<SignedBy>, HostError> {
    let text = match (&spec.signature, signature_file(spec, trust)) {
        (SignatureSource::Text(text), _) => text.clone(),
        (named, Some(file)) => read(&file, matches!(named, SignatureSource::File(_))).await?,
        (_, None) => None,
    };
    Ok(trust.check(hash.as_bytes(), text.as_deref())?)
}

/// The file in which the signature has to be, where one is looked at.
pub(crate) fn signature_file(spec: &PluginSpec, trust: &Trust) -> Option<PathBuf> {
    if !trust.asks() {
        return None;
    }
    match (&spec.signature, &spec.source) {
        (SignatureSource::File(file), _) => Some(file.clone()),
        (SignatureSource::Beside, PluginSource::File(component)) => Some(beside(component)),
        (SignatureSource::Beside, PluginSource::Bytes(_) | PluginSource::Stored(_))
        | (SignatureSource::Text(_), _) => None,
    }
}

/// `plan.wasm.sig` of `plan.wasm`.
fn beside(component: &Path) -> PathBuf {
    let mut name = component.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

/// The text of a signature: as much as one may have and a byte more, so that a longer one is malformed.
async fn read(file: &Path, is_named: bool) -> Result<Option<String>, HostError> {
    let most = SIGNATURE_TEXT_BYTES as u64;
    match regular_file::read(file, most).await {
        Ok((bytes, _)) => {
            let text = String::from_utf8(bytes);
            Ok(Some(text.map_err(|_| SignatureError::Malformed)?))
        }
        Err(error) if error.kind() == ErrorKind::NotFound && !is_named => Ok(None),
        Err(error) => Err(HostError::UnreadableSignature {
            path: file.display().to_string(),
            detail: error.to_string(),
        }),
    }
}

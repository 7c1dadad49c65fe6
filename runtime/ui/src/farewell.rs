//! The one script of the page that opens apps to end their sessions, and what that page may open.
//!
//! Attack: an app that is opened in a frame takes the page elsewhere, or opens others. So its frame is a sandbox that may do
//! neither, and the page's policy names the origins that may be framed, on this page alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

/// Goes on when all frames have loaded, and after three seconds at the latest. Without scripts there is the link.
pub(crate) const GO_ON: &str = "(()=>{const next=()=>location.replace(document.getElementById('next').href);\
     addEventListener('load',next);setTimeout(next,3000)})()";

/// A page's policy with these origins in frames, and with the script that goes on.
pub fn farewell_policy(policy: &str, origins: &[String]) -> String {
    let hash = STANDARD.encode(digest(&SHA256, GO_ON.as_bytes()));
    format!("{policy}; frame-src {}; script-src 'sha256-{hash}'", origins.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_allows_these_origins_and_this_script() {
        let origins = ["https://a.example".to_owned(), "https://b.example:8443".to_owned()];
        let policy = farewell_policy("default-src 'none'", &origins);
        let (frames, script) = policy.split_once("; script-src ").unwrap();
        assert_eq!(frames, "default-src 'none'; frame-src https://a.example https://b.example:8443");
        assert!(script.starts_with("'sha256-") && script.len() == 8 + 44 + 1, "{script}");
        assert!(!GO_ON.contains(['\n', '<', '&']), "as it stands in the page: {GO_ON}");
    }
}

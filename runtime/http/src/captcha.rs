//! Shows a person's proof to the service of their tenant's that tells people from scripts, by the node's one way out.
//!
//! Attack: whoever may write a tenant's settings has the node call servers of its own network. So only an address that the
//! operator's file names may be one that is not public.
//!
//! A service takes a proof once. A submission may be decided several times, where somebody was faster; so what it said is
//! kept for as long as the request lasts, and no longer.

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use identity::captcha::{CaptchaProof, CaptchaVerdict, CaptchaVerifier, read_answer};
use primitives::Secret;
use primitives::outbound::{OutboundRequest, Reach};
use tenancy::TenantSecrets as _;
use tokio::sync::OnceCell;

use crate::call::Call;

/// How long a service may take. Somebody waits for it.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The most of an answer that is read, in bytes.
const ANSWER_BYTES: usize = 16 << 10;

/// The proof of one request.
pub(crate) struct RequestProof<'a> {
    call: &'a Call,
    verdict: OnceCell<CaptchaVerdict>,
}

impl fmt::Debug for RequestProof<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestProof").finish_non_exhaustive()
    }
}

impl<'a> RequestProof<'a> {
    pub(crate) fn new(call: &'a Call) -> Self {
        Self { call, verdict: OnceCell::new() }
    }
}

impl CaptchaVerifier for RequestProof<'_> {
    fn verify<'a>(&'a self, proof: CaptchaProof<'a>) -> BoxFuture<'a, CaptchaVerdict> {
        Box::pin(async move { *self.verdict.get_or_init(|| show(self.call, proof)).await })
    }
}

async fn show(call: &Call, proof: CaptchaProof<'_>) -> CaptchaVerdict {
    let provider = proof.settings.provider.facts().name;
    match ask(call, proof).await {
        Ok(()) => CaptchaVerdict::Passed,
        Err((CaptchaVerdict::Unavailable, cause)) => {
            tracing::error!(request = %call.request, tenant = %proof.tenant, provider, cause, "nobody can tell whether a person is there");
            CaptchaVerdict::Unavailable
        }
        Err((verdict, cause)) => {
            tracing::info!(request = %call.request, tenant = %proof.tenant, provider, cause, "no person is there");
            verdict
        }
    }
}

async fn ask(call: &Call, proof: CaptchaProof<'_>) -> Result<(), (CaptchaVerdict, String)> {
    let unavailable = |cause: String| (CaptchaVerdict::Unavailable, cause);
    let settings = proof.settings;
    let secret = call.node.storage.find_tenant_secret(proof.tenant, &settings.secret).await;
    let secret = secret.map_err(|error| unavailable(error.to_string()))?;
    let missing = || unavailable(format!("the tenant has no secret {:?}", settings.secret));
    let secret = secret.ok_or_else(missing)?;
    let url = settings.effective_verify().ok_or_else(|| unavailable("it has no address".to_owned()))?;
    let request = OutboundRequest {
        method: "POST",
        url,
        headers: vec![
            ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
            ("accept".to_owned(), "application/json".to_owned()),
            ("user-agent".to_owned(), format!("portcullis/{}", call.node.settings.version)),
        ],
        body: form(proof, &secret).into_bytes(),
        max_response_bytes: ANSWER_BYTES,
        timeout: TIMEOUT,
        reach: if call.tenant.by_operator { Reach::NamedByOperator } else { Reach::Public },
    };
    let answer = call.node.outbound.fetch(request).await.map_err(|error| unavailable(error.to_string()))?;
    read_answer(settings, proof.flow, (answer.status, &answer.body))
}

/// The question, as services take it.
fn form(proof: CaptchaProof<'_>, secret: &Secret<String>) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("secret", secret.expose())
        .append_pair("response", proof.response)
        .append_pair("remoteip", &proof.address.to_string());
    if proof.settings.provider.facts().takes_site_key {
        form.append_pair("sitekey", &proof.settings.site_key);
    }
    form.finish()
}

//! Asks who knows passwords from breaches: a server by the node's one way out, and a file of the operator's.
//!
//! Attack: whoever may write a tenant's settings has the node call servers of its own network. So only an address that the
//! operator's file names may be one that is not public.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use identity::password::breach::{
    BreachRange, Breaches, BreachesUnknown, HashPrefix, Occurrences, PasswordDigest, find_in_list,
};
use primitives::Origin;
use primitives::outbound::{OutboundRequest, Reach};
use url::Url;

use crate::call::Call;

/// How long a server may take. Somebody waits for it.
const TIMEOUT: Duration = Duration::from_secs(3);

impl Breaches for Call {
    fn load_range<'a>(
        &'a self,
        host: &'a Origin,
        prefix: HashPrefix,
    ) -> BoxFuture<'a, Result<Arc<BreachRange>, BreachesUnknown>> {
        Box::pin(async move {
            let (ranges, of) = (&self.node.ranges, (&self.tenant.id, host));
            if let Some(known) = ranges.find(of, prefix) {
                return Ok(known);
            }
            if ranges.is_paused(of, self.now()) {
                return Err(BreachesUnknown);
            }
            match ask(self, host, prefix).await {
                Ok(range) => {
                    let range = Arc::new(range);
                    ranges.keep(of, prefix, Arc::clone(&range));
                    Ok(range)
                }
                Err(cause) => {
                    ranges.pause(of, self.now());
                    tracing::error!(request = %self.request, tenant = %self.tenant.id, %host, cause, "nobody can tell whether a password is known from breaches");
                    Err(BreachesUnknown)
                }
            }
        })
    }

    fn find_listed<'a>(
        &'a self,
        list: &'a Path,
        digest: PasswordDigest,
    ) -> BoxFuture<'a, Result<Occurrences, BreachesUnknown>> {
        Box::pin(async move {
            // Opened each time: a list that takes its place is used from then on.
            let file = list.to_owned();
            let found = tokio::task::spawn_blocking(move || find_in_list(File::open(file)?, &digest)).await;
            let cause = match found {
                Ok(Ok(found)) => return Ok(found),
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            };
            tracing::error!(request = %self.request, tenant = %self.tenant.id, list = %list.display(), cause, "a list of breached passwords is not usable");
            Err(BreachesUnknown)
        })
    }
}

/// The question, which has the prefix and nothing else of the password, nor who it is for.
async fn ask(call: &Call, host: &Origin, prefix: HashPrefix) -> Result<BreachRange, String> {
    let url = Url::parse(&format!("{host}/range/{prefix}")).map_err(|error| error.to_string())?;
    let request = OutboundRequest {
        method: "GET",
        url,
        headers: vec![
            // The size of the answer would tell an eavesdropper the prefix.
            ("add-padding".to_owned(), "true".to_owned()),
            ("accept".to_owned(), "text/plain".to_owned()),
            ("user-agent".to_owned(), format!("portcullis/{}", call.node.settings.version)),
        ],
        body: Vec::new(),
        max_response_bytes: BreachRange::MOST_BYTES,
        timeout: TIMEOUT,
        reach: if call.tenant.by_operator { Reach::NamedByOperator } else { Reach::Public },
    };
    let answer = call.node.outbound.fetch(request).await.map_err(|error| error.to_string())?;
    if answer.status != 200 {
        return Err(format!("it answered {}", answer.status));
    }
    BreachRange::parse(prefix, &answer.body).map_err(|error| error.to_string())
}

//! The apps that a person has granted something: each once, with all that it may do.
//!
//! Attack: an app is granted something so often (one that renews its tokens in a frame is, hundreds of times a day) that a list
//! of grants ends before another app is reached, and nobody sees that one or takes back what it has. So clients are listed, and what
//! a client may do is looked up for each, every different thing once.

use primitives::{ClientId, IdentityId, Timestamp};

use crate::claims_request::RequestedClaims;
use crate::details::AuthorizationDetails;
use crate::grant::Consent;
use crate::metadata_document::find_known;
use crate::ports::{Allowed, PortError};
use crate::scope::Scopes;
use crate::server::AuthorizationServer;

/// How many grants are looked at that differ from each other, of each client, the latest first.
const MOST_DIFFERENT: u8 = 32;

/// What an app may do for somebody.
#[derive(Debug, Clone, PartialEq)]
pub struct AppAccess {
    /// Its id.
    pub client: ClientId,
    /// The name that people see: the id, where the client has none or is gone.
    pub name: String,
    /// When something was granted to it last.
    pub granted_at: Timestamp,
    /// The scopes, in whose words somebody was asked: those of claims that were asked for by name too.
    pub scopes: Scopes,
    /// Where it may use them.
    pub audience: Vec<String>,
    /// What no scope says (RFC 9396).
    pub details: AuthorizationDetails,
    /// Whether it may do more, which is not told here.
    pub has_more: bool,
}

impl AppAccess {
    fn add(&mut self, allowed: Allowed) {
        let named = allowed.requested.scopes();
        self.scopes = self.scopes.iter().chain(allowed.scope.iter()).chain(named.iter()).collect();
        for place in allowed.audience {
            if !self.audience.contains(&place) {
                self.audience.push(place);
            }
        }
        self.details.extend_with(allowed.details);
    }
}

impl AuthorizationServer {
    /// The apps with grants of a person that live and are not over, or with a consent that is remembered; whichever was granted
    /// something last comes first.
    pub async fn list_apps(&self, subject: IdentityId, limit: u32) -> Result<Vec<AppAccess>, PortError> {
        let page = (self.now(), limit);
        let clients = self.ports.grants.list_clients_with_access(&self.tenant, subject, page).await?;
        let mut apps = Vec::with_capacity(clients.len());
        for (client, granted_at) in clients {
            apps.push(self.load_app(subject, client, granted_at).await?);
        }
        Ok(apps)
    }

    async fn load_app(
        &self,
        subject: IdentityId,
        client: ClientId,
        granted_at: Timestamp,
    ) -> Result<AppAccess, PortError> {
        let (grants, most) = (&self.ports.grants, usize::from(MOST_DIFFERENT));
        let (now, one_more) = (self.now(), u32::from(MOST_DIFFERENT) + 1);
        let mut allowed = grants.list_allowed(&self.tenant, subject, &client, (now, one_more)).await?;
        let has_more = allowed.len() > most;
        allowed.truncate(most);
        let holds = |consent: &Consent| consent.expires_at.is_none_or(|until| now < until);
        let consent = grants.find_consent(&self.tenant, subject, &client).await?.filter(holds);
        let stored = self.ports.clients.find_client(&self.tenant, &client).await?;
        let known = stored.or_else(|| find_known(self, &client));
        let mut app = AppAccess {
            name: known.map_or_else(|| client.to_string(), |known| known.display_name().to_owned()),
            client,
            granted_at,
            scopes: Scopes::default(),
            audience: Vec::new(),
            details: AuthorizationDetails::default(),
            has_more,
        };
        for allowed in consent.map(remembered).into_iter().chain(allowed) {
            app.add(allowed);
        }
        Ok(app)
    }
}

/// A consent is remembered in the words in which somebody was asked.
fn remembered(consent: Consent) -> Allowed {
    Allowed {
        scope: consent.scope,
        audience: consent.audience,
        details: consent.details,
        requested: RequestedClaims::default(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use primitives::{Change, GrantId};
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::grant::{Grant, SIGNED_TOKENS_LIVE};
    use crate::memory::{World, now};
    use crate::write::Write;

    const HOUR: Duration = Duration::from_hours(1);

    /// A world in which nothing was granted, and a grant to make others of: it allows nothing.
    fn world() -> (World, Grant) {
        let world = World::new();
        world.add_client(&json!({}));
        world.code("openid");
        let grant = world.rows(|rows| std::mem::take(&mut rows.grants)).into_values().next().unwrap();
        let nothing = Grant { scope: Scopes::default(), audience: Vec::new(), ..grant };
        (world, nothing)
    }

    /// The same of another number, which is when it was made.
    fn another(grant: &Grant, n: u64, client: &str, scope: &str) -> Grant {
        Grant {
            id: GrantId(Uuid::from_u128(n.into())),
            client: client.parse().unwrap(),
            scope: Scopes::parse(scope).unwrap(),
            created_at: grant.created_at.after(Duration::from_secs(n)),
            ..grant.clone()
        }
    }

    fn write(world: &World, write: Write) {
        world.memory.apply(Change::new(world.server.tenant.clone()).write(write)).unwrap();
    }

    fn insert(world: &World, grant: Grant) {
        write(world, Write::InsertGrant(Box::new(grant)));
    }

    fn details(to: &[&str]) -> AuthorizationDetails {
        let all: Vec<Value> = to.iter().map(|to| json!({"type": "payment", "to": to})).collect();
        serde_json::from_value(Value::Array(all)).unwrap()
    }

    fn listed(world: &World, limit: u32) -> Vec<AppAccess> {
        now(world.server.list_apps(world.subject(1).subject, limit)).unwrap()
    }

    /// Attack: an app that is granted something all the time pushes another off the list.
    #[test]
    fn app_is_listed_once_and_no_app_is_pushed_off_the_list_by_another() {
        let (world, grant) = world();
        insert(&world, another(&grant, 1, "other", "openid profile"));
        insert(&world, another(&grant, 2, "app", "email"));
        for n in 3..300 {
            insert(&world, another(&grant, n, "app", "openid"));
        }
        let apps = listed(&world, 2);
        let told: Vec<_> =
            apps.iter().map(|app| (app.client.as_str(), &*app.name, app.scopes.to_text())).collect();
        let (app, other) = ("openid email".to_owned(), "openid profile".to_owned());
        assert_eq!(told, [("app", "App", app), ("other", "other", other)]);
        assert!(apps.iter().all(|app| !app.has_more));
        assert_eq!(apps[0].granted_at, another(&grant, 299, "app", "").created_at);
        assert_eq!(listed(&world, 1).len(), 1);

        for n in 2..300 {
            let revoked =
                Write::RevokeGrant { grant: another(&grant, n, "app", "").id, at: world.server.now() };
            write(&world, revoked);
        }
        let apps = listed(&world, 2);
        assert_eq!(apps.iter().map(|app| app.client.as_str()).collect::<Vec<_>>(), ["other"]);
    }

    #[test]
    fn what_was_remembered_and_asked_for_by_name_is_told_with_what_grants_allow() {
        let (world, grant) = world();
        let asked = serde_json::from_value(json!({"userinfo": {"email": {}}})).unwrap();
        let granted = Grant {
            audience: vec!["https://api.example".to_owned()],
            details: details(&["Shop", "Kiosk"]),
            requested: asked,
            ..another(&grant, 1, "app", "openid")
        };
        let consent = Consent {
            subject: world.subject(1).subject,
            client: granted.client.clone(),
            scope: Scopes::parse("openid read").unwrap(),
            audience: vec!["https://b.example".to_owned(), "https://api.example".to_owned()],
            details: details(&["Bakery", "Kiosk"]),
            granted_at: granted.created_at,
            expires_at: Some(world.server.now().after(HOUR)),
            grant: None,
            record: None,
        };
        write(&world, Write::RememberConsent(Box::new(consent)));
        let told = |world: &World| {
            let [app] = <[_; 1]>::try_from(listed(world, 10)).unwrap();
            (app.scopes.to_text(), app.audience, app.details)
        };
        let (b, api) = ("https://b.example".to_owned(), "https://api.example".to_owned());
        let remembered =
            ("openid read".to_owned(), vec![b.clone(), api.clone()], details(&["Bakery", "Kiosk"]));
        assert_eq!(told(&world), remembered, "what is remembered needs no grant");
        insert(&world, granted);
        let all =
            ("openid read email".to_owned(), vec![b, api.clone()], details(&["Bakery", "Kiosk", "Shop"]));
        assert_eq!(told(&world), all);
        world.wait(HOUR.as_secs());
        let granted = ("openid email".to_owned(), vec![api], details(&["Shop", "Kiosk"]));
        assert_eq!(told(&world), granted, "what is remembered no more is not told");
    }

    #[test]
    fn what_is_over_is_not_told_though_its_rows_are_there() {
        let (world, grant) = world();
        let week = SIGNED_TOKENS_LIVE.as_secs();
        insert(&world, another(&grant, 1, "gone", "openid"));
        insert(&world, another(&grant, 2, "app", "openid email"));
        insert(&world, another(&grant, week, "app", "openid profile"));
        world.wait(week + 2);
        let told = || {
            let apps = listed(&world, 10).into_iter();
            apps.map(|app| (app.client.to_string(), app.scopes.to_text())).collect::<Vec<_>>()
        };
        let (app, gone) = ("app".to_owned(), "gone".to_owned());
        let all = [(app.clone(), "openid profile email".to_owned()), (gone, "openid".to_owned())];
        assert_eq!(told(), all, "the session lives in which all was granted");
        world.rows(|rows| rows.sessions.clear());
        assert_eq!(told(), [(app, "openid profile".to_owned())]);
    }

    #[test]
    fn where_more_was_granted_than_is_told_that_is_told() {
        let (world, grant) = world();
        for n in 0..=u64::from(MOST_DIFFERENT) {
            insert(&world, another(&grant, n, "app", &format!("scope-{n}")));
        }
        let [app] = <[_; 1]>::try_from(listed(&world, 10)).unwrap();
        assert!(app.has_more);
        assert_eq!(app.scopes.iter().count(), usize::from(MOST_DIFFERENT));
        assert!(app.scopes.contains("scope-32") && !app.scopes.contains("scope-0"), "the latest: {app:?}");
    }
}

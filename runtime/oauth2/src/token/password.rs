//! The password grant (RFC 6749 section 4.3): an application was given somebody's name and password, and shows them here.
//!
//! RFC 9700 section 2.4 forbids it and OAuth 2.1 has none: whatever application asks for it teaches people to type their password
//! into applications, and no second factor, passkey or provider has a place in it. So a tenant switches it on
//! (`oauth2.password_grant`) for old applications, and each names it.
//!
//! Attacks: passwords are guessed by way of it (they count where guesses at the sign-in form count, before any hash, and whoever has
//! proven nothing, a public client, is not answered at all); it leads around a second factor, an organisation's policy, a
//! captcha or a plugin (it is the sign-in of native forms to its end, and what would need one step more is refused);
//! its answer tells whose password was right (it does not: every refusal is the same).

use primitives::{AuthenticatedSubject, ClientId, Secret};

use super::authorization_code::{event, refusal};
use super::holder::Holder;
use super::refresh_token::first_refresh_token;
use super::request::{check_audience, check_scope};
use super::{Asked, Granted, InvalidGrant, Refused, TokenError};
use crate::authorization::request::without_vain_offline;
use crate::client::GrantType;
use crate::details;
use crate::grant::Grant;
use crate::liveness::{SessionRule, check_grant};
use crate::ports::PortResult;
use crate::server::AuthorizationServer;
use crate::write::Write;

/// Signs people in by what an application was told. Identity stands behind it.
pub trait PasswordSignIn: Send + Sync {
    /// Whoever has signed in so, in a session that is stored; none if the form would not have led to one, whatever the reason.
    fn sign_in<'a>(
        &'a self,
        client: &'a ClientId,
        username: &'a str,
        password: Secret<String>,
    ) -> PortResult<'a, Option<AuthenticatedSubject>>;
}

/// Lets nobody in.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoPasswords;

impl PasswordSignIn for NoPasswords {
    fn sign_in<'a>(
        &'a self,
        _: &'a ClientId,
        _: &'a str,
        _: Secret<String>,
    ) -> PortResult<'a, Option<AuthenticatedSubject>> {
        Box::pin(async { Ok(None) })
    }
}

pub(super) async fn run(
    server: &AuthorizationServer,
    asked: &Asked<'_>,
    passwords: &dyn PasswordSignIn,
) -> Result<Granted, Refused> {
    let Asked { client, parameters, holder } = *asked;
    if client.is_public() {
        return Err(TokenError::UnauthorizedClient.into());
    }
    let missing = |name| TokenError::InvalidRequest(format!("parameter {name} is missing").into());
    let username = parameters.find("username").ok_or_else(|| missing("username"))?;
    let password = parameters.find("password").ok_or_else(|| missing("password"))?;
    // Before anybody signs in: what is refused begins no session.
    let scope = without_vain_offline(client, &check_scope(parameters, &client.scope)?);
    let audience = check_audience(parameters, &server.targets(client))?;
    let details = details::check_none(parameters)?;
    let signed_in = passwords.sign_in(&client.id, username, Secret::new(password.to_owned())).await?;
    let subject = signed_in.ok_or(TokenError::InvalidGrant(InvalidGrant::Credentials))?;
    let grant =
        Grant::plain(server, client, server.grant_subject(client, &subject).await?, (&scope, &audience));
    let mut writes = server.insert_grant(client, grant.clone());
    let live = check_grant(server, client, grant, SessionRule::MustBeLive).await?.map_err(refusal)?;
    let grant = live.grant();
    let refresh_token = first_refresh_token(server, asked, GrantType::Password, grant).map(|(token, row)| {
        writes.push(Write::InsertRefreshToken(Box::new(row)));
        token
    });
    let audit = vec![event("password.redeemed", client, grant)];
    Ok(Granted {
        grant_type: GrantType::Password,
        subject: None,
        exchanged: None,
        scope,
        audience,
        details,
        refresh_token,
        confirmation: holder.map(Holder::confirmation),
        writes,
        audit,
        grant: Some(live),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::memory::{World, as_app, form, now, request};
    use crate::parameters::Parameters;
    use crate::ports::PortError;
    use crate::token::TokenResponse;

    /// Knows one person, by one password.
    struct Ada<'a>(&'a World);

    impl PasswordSignIn for Ada<'_> {
        fn sign_in<'a>(
            &'a self,
            client: &'a ClientId,
            username: &'a str,
            password: Secret<String>,
        ) -> PortResult<'a, Option<AuthenticatedSubject>> {
            assert_eq!(client.as_str(), "app");
            let answer = match (username, password.expose().as_str()) {
                ("ada", "right") => Ok(Some(self.0.subject(1))),
                ("busy", _) => Err(PortError::busy("too many attempts")),
                _ => Ok(None),
            };
            Box::pin(async { answer })
        }
    }

    fn world(is_on: bool, patch: &Value) -> World {
        let mut document = json!({"grant_types": ["password", "refresh_token"]});
        document.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        World::of_app(|settings| settings.password_grant = is_on, &document)
    }

    fn ask(world: &World, encoded: &str) -> Result<TokenResponse, TokenError> {
        let parameters = Parameters::parse(encoded.as_bytes());
        world.commit(|| now(world.server.token_by(request(&parameters), &Ada(world))))
    }

    fn with(
        world: &World,
        username: &str,
        password: &str,
        more: &[(&str, &str)],
    ) -> Result<TokenResponse, TokenError> {
        let pairs = [("grant_type", "password"), ("username", username), ("password", password)];
        ask(world, &as_app(&[&pairs, more].concat()))
    }

    #[test]
    fn grant_is_off_until_tenant_and_client_both_have_it() {
        let code = |world: &World| {
            with(world, "ada", "right", &[]).map(|_| ()).map_err(|error| error.code().as_str())
        };
        assert_eq!(code(&world(true, &json!({}))), Ok(()));
        assert_eq!(code(&world(false, &json!({}))), Err("unsupported_grant_type"));
        assert_eq!(
            code(&world(true, &json!({"grant_types": ["refresh_token"]}))),
            Err("unauthorized_client")
        );
        let listed = |world: &World| {
            now(world.server.discovery()).unwrap()["grant_types_supported"]
                .as_array()
                .unwrap()
                .contains(&json!("password"))
        };
        assert!(listed(&world(true, &json!({}))) && !listed(&world(false, &json!({}))));
    }

    #[test]
    fn person_who_signs_in_so_gets_tokens_that_end_with_the_session() {
        let world = world(true, &json!({}));
        let tokens = with(&world, "ada", "right", &[("scope", "openid read")]).unwrap();
        assert!(tokens.id_token.is_some() && tokens.refresh_token.is_none());
        let offline = with(&world, "ada", "right", &[("scope", "openid offline_access")]).unwrap();
        assert!(world.refresh(&offline.refresh_token.unwrap()).is_ok());
        world.rows(|rows| rows.sessions.clear());
        let told = now(world.server.introspect(&tokens.access_token, None, crate::memory::REQUEST)).unwrap();
        assert_eq!(told, crate::introspection::Introspection::Inactive);
    }

    /// Attack: an application without a refresh token asks for one all the same, so that its access token outlasts the session.
    #[test]
    fn what_is_never_offline_ends_with_the_session() {
        let world = world(true, &json!({"grant_types": ["password"]}));
        let tokens = with(&world, "ada", "right", &[("scope", "openid offline_access")]).unwrap();
        assert_eq!((tokens.scope.as_str(), tokens.refresh_token), ("openid", None));
        world.rows(|rows| rows.sessions.clear());
        let told = now(world.server.introspect(&tokens.access_token, None, crate::memory::REQUEST)).unwrap();
        assert_eq!(told, crate::introspection::Introspection::Inactive);
    }

    /// Is not to be asked.
    struct Nobody;

    impl PasswordSignIn for Nobody {
        fn sign_in<'a>(
            &'a self,
            _: &'a ClientId,
            _: &'a str,
            _: Secret<String>,
        ) -> PortResult<'a, Option<AuthenticatedSubject>> {
            panic!("a session has begun")
        }
    }

    /// Attack: requests that are refused afterwards leave a session each.
    #[test]
    fn what_is_refused_for_its_form_begins_no_session() {
        let world = world(true, &json!({}));
        for (name, value, expect) in [
            ("authorization_details", "[]", "invalid_authorization_details"),
            ("scope", "admin", "invalid_scope"),
            ("resource", "https://api.example/of-nobody", "invalid_target"),
        ] {
            let pairs =
                [("grant_type", "password"), ("username", "ada"), ("password", "right"), (name, value)];
            let encoded = as_app(&pairs);
            let parameters = Parameters::parse(encoded.as_bytes());
            let refused = now(world.server.token_by(request(&parameters), &Nobody)).result.err();
            assert_eq!(refused.map(|error| error.code().as_str()), Some(expect), "{name}");
        }
    }

    #[test]
    fn every_refusal_is_the_same_and_writes_nothing() {
        let world = world(true, &json!({}));
        let wrong = Some(TokenError::InvalidGrant(InvalidGrant::Credentials));
        assert_eq!(with(&world, "ada", "wrong", &[]).err(), wrong);
        assert_eq!(with(&world, "nobody", "right", &[]).err(), wrong);
        let busy = with(&world, "busy", "right", &[]).err().map(|error| error.code().as_str());
        assert_eq!(busy, Some("temporarily_unavailable"));
        assert_eq!(
            with(&world, "ada", "right", &[("scope", "admin")]).err().unwrap().code().as_str(),
            "invalid_scope"
        );
        for encoded in [
            as_app(&[("grant_type", "password"), ("username", "ada")]),
            as_app(&[("grant_type", "password"), ("password", "right")]),
        ] {
            assert_eq!(ask(&world, &encoded).err().unwrap().code().as_str(), "invalid_request");
        }
        assert!(world.rows(|rows| rows.grants.is_empty()));
        // Where nobody stands behind it, nobody is let in.
        let pairs = [("grant_type", "password"), ("username", "ada"), ("password", "right")];
        assert_eq!(world.token(&pairs).err(), wrong);
    }

    #[test]
    fn public_client_is_not_answered() {
        let world = world(true, &json!({"token_endpoint_auth_method": "none"}));
        let pairs =
            [("client_id", "app"), ("grant_type", "password"), ("username", "ada"), ("password", "right")];
        assert_eq!(ask(&world, &form(&pairs)).err(), Some(TokenError::UnauthorizedClient));
    }
}

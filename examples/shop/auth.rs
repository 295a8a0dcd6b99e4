//! Users and their tokens.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, COOKIE};
use serde::Deserialize;

/// The users of the shop, which are also the test data of the examples.
const USERS: &str = include_str!("../data/users.json");

/// The cookie of a session on the website, whose value is a token.
pub(crate) const SESSION: &str = "sid";

/// What a user logs in with.
#[derive(Deserialize)]
pub(crate) struct Credentials {
    pub(crate) email: String,
    pub(crate) password: String,
}

/// Knows the users and signs their tokens.
///
/// A token is the user's number and a signature of it under keys that this shop drew at its start, so a token is
/// checked without being stored: a day of logins costs no memory. (A keyed hash from the standard library is proof
/// enough in a load test; a shop with money in it would use a real MAC and an expiry.)
pub(crate) struct Auth {
    users: Vec<Credentials>,
    by_email: HashMap<String, usize>,
    keys: [RandomState; 2],
}

impl Auth {
    pub(crate) fn new() -> Auth {
        let users: Vec<Credentials> =
            serde_json::from_str(USERS).expect("data/users.json is checked by a test");
        let by_email = users.iter().enumerate().map(|(n, user)| (user.email.clone(), n)).collect();
        // Two keys, because one hash is 64 bits and a signature wants more.
        Auth { users, by_email, keys: [RandomState::new(), RandomState::new()] }
    }

    /// The token of this user, if the password is right.
    pub(crate) fn log_in(&self, credentials: &Credentials) -> Option<String> {
        let user = *self.by_email.get(&credentials.email)?;
        (self.users[user].password == credentials.password).then(|| self.token(user))
    }

    /// Whether the request carries a bearer token that this shop gave out.
    pub(crate) fn allows(&self, headers: &HeaderMap) -> bool {
        bearer(headers).is_some_and(|token| self.is_ours(token))
    }

    /// The email of the user whose session cookie the request carries.
    pub(crate) fn visitor(&self, headers: &HeaderMap) -> Option<&str> {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
        let mut pairs =
            cookies.flat_map(|cookies| cookies.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
        let (_, token) = pairs.find(|(name, token)| *name == SESSION && self.is_ours(token))?;
        let user: usize = token.split_once('.')?.0.parse().ok()?;
        Some(&self.users[user].email)
    }

    fn is_ours(&self, token: &str) -> bool {
        let user = token.split_once('.').and_then(|(user, _)| user.parse::<usize>().ok());
        user.is_some_and(|user| user < self.users.len() && self.token(user) == token)
    }

    fn token(&self, user: usize) -> String {
        let [one, two] = self.keys.each_ref().map(|key| key.hash_one(user));
        format!("{user}.{one:016x}{two:016x}")
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_user() -> Credentials {
        serde_json::from_str::<Vec<Credentials>>(USERS).unwrap().swap_remove(0)
    }

    fn with_authorization(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn twenty_users_with_emails_of_their_own() {
        let auth = Auth::new();
        assert_eq!((auth.users.len(), auth.by_email.len()), (20, 20));
    }

    #[test]
    fn a_token_opens_only_the_shop_that_gave_it() {
        let (here, there) = (Auth::new(), Auth::new());
        let token = here.log_in(&first_user()).unwrap();
        assert!(here.allows(&with_authorization(&format!("Bearer {token}"))));
        assert!(here.allows(&with_authorization(&format!("bearer {token}"))));
        assert!(!there.allows(&with_authorization(&format!("Bearer {token}"))));
    }

    #[test]
    fn nothing_else_opens_it() {
        let auth = Auth::new();
        let token = auth.log_in(&first_user()).unwrap();
        let (user, signature) = token.split_once('.').unwrap();
        let another = format!("{}.{signature}", user.parse::<usize>().unwrap() + 1);
        for wrong in ["", "Bearer", "Bearer ", "Bearer 0", "Bearer 0.", "Bearer 99.0", "Bearer x.y"] {
            assert!(!auth.allows(&with_authorization(wrong)), "{wrong:?}");
        }
        assert!(!auth.allows(&HeaderMap::new()));
        assert!(!auth.allows(&with_authorization(&format!("Basic {token}"))));
        assert!(!auth.allows(&with_authorization(&format!("Bearer {another}"))));
        assert!(!auth.allows(&with_authorization(&format!("Bearer {token}0"))));
        // A number has more than one spelling; only the one given out is a token.
        assert!(!auth.allows(&with_authorization(&format!("Bearer +{token}"))));
    }

    #[test]
    fn only_the_right_password_logs_in() {
        let auth = Auth::new();
        let mut user = first_user();
        user.password.push('!');
        assert!(auth.log_in(&user).is_none());
        user.email = "nobody@example.com".to_owned();
        assert!(auth.log_in(&user).is_none());
    }
}

//! Accounts with tokens, by the hundred: inserted directly and signed by the crate's own signer.

use std::{sync::Arc, time::Duration};

use application::app::IssueAccess;
use boxoffice_auth::tokens::{Keys, TokenSigner};
use domain::{accounts::Role, ids::AccountId};
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Client;
use uuid::Uuid;

/// The secret by which every server of the tests signs.
pub(crate) const JWT_SECRET: &str = "the-secret-of-the-tests-0123456789abcdef";
/// The issuer that servers use unless told otherwise.
const ISSUER: &str = "boxoffice";
const TTL: Duration = Duration::from_secs(3600);

/// An account that is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Buyer {
    pub(crate) id: Uuid,
    pub(crate) token: String,
}

fn signer() -> TokenSigner {
    TokenSigner::new(Keys::of_secret("k1", JWT_SECRET.as_bytes()).signing, ISSUER, Arc::default())
}

/// A token of `account`, issued `age` ago and good for an hour.
pub(crate) fn token(account: Uuid, role: Role, age: Duration) -> String {
    let issued = Timestamp::now() - SignedDuration::try_from(age).unwrap();
    signer().issue(AccountId(account), role, issued, TTL).unwrap()
}

/// Adds so many accounts. Nobody can sign in to them with a password.
pub(crate) async fn add_accounts(client: &Client, count: usize, role: Role) -> Vec<Buyer> {
    let ids: Vec<Uuid> = (0..count).map(|_| Uuid::now_v7()).collect();
    let statement = "WITH added AS (INSERT INTO accounts (id, email, password_hash, role)
            SELECT id, id || '@tests.example', '!', $2::text::account_role FROM unnest($1::uuid[]) AS id RETURNING id)
        INSERT INTO profiles (account_id, name) SELECT id, 'Test Person' FROM added";
    client.execute(statement, &[&ids, &role.as_str()]).await.unwrap();
    let signer = signer();
    let sign = |id| signer.issue(AccountId(id), role, Timestamp::now(), TTL).unwrap();
    ids.into_iter().map(|id| Buyer { id, token: sign(id) }).collect()
}

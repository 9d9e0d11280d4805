//! The demo, and how one signs in to it. Its addresses are published, so its password is random, one for each database, and told to
//! anyone who loads it. That of a private database is also kept beside it, for a later start to tell it again.

use std::{
    io,
    path::{Path, PathBuf},
};

use anyhow::Context;
use application::app::PasswordHasher;
use boxoffice_auth::{passwords::Passwords, secret_file};
use boxoffice_seed::{self, DemoSummary};
use boxoffice_store::postgres::connection::Statements;
use jiff::Timestamp;
use tokio_postgres::Client;

use crate::config::Config;

/// Random bytes of a password that people copy.
const PASSWORD_BYTES: usize = 12;

/// A password that nobody knows, for accounts that nobody signs in to with one.
pub fn unknown_password() -> io::Result<String> {
    secret_file::random_hex(secret_file::SECRET_BYTES)
}

/// Loads what is missing of the demo. What its accounts sign in with, as far as it can be told: accounts that were there before keep
/// what they have.
pub async fn load(
    client: &mut Client,
    config: &Config,
    hasher: &Passwords,
) -> anyhow::Result<(DemoSummary, Option<String>)> {
    let was_there = boxoffice_seed::has_demo_accounts(client).await?;
    // Kept before it is used: a start that is cut off in between leaves no accounts whose password is lost.
    let known = match (file(config), was_there) {
        (Some(path), false) => Some(secret_file::load_or_create(&path, PASSWORD_BYTES).with_context(|| unkept(&path))?),
        (None, false) => Some(secret_file::random_hex(PASSWORD_BYTES)?),
        (_, true) => told_password(client, config, hasher).await?,
    };
    let password = known.clone().map_or_else(unknown_password, Ok)?;
    let summary = boxoffice_seed::demo(client, Timestamp::now(), &hasher.hash(&password).await?).await?;
    // Another process may have been faster, and then has told its own.
    let is_told = known.filter(|_| file(config).is_some() || summary.created.accounts > 0);
    Ok((summary, is_told))
}

/// Gives the demo's accounts another password, and says which.
pub async fn reset_passwords(client: &mut Client, config: &Config, hasher: &Passwords) -> anyhow::Result<String> {
    let password = secret_file::random_hex(PASSWORD_BYTES)?;
    boxoffice_seed::reset_demo_passwords(client, &hasher.hash(&password).await?).await?;
    if let Some(path) = file(config) {
        secret_file::replace(&path, &password).with_context(|| unkept(&path))?;
    }
    Ok(password)
}

/// What the accounts of a private database sign in with, if it was kept and all that are named beside it still do. They may have got
/// another since: from who reaches the database by its address, and so does not know of the file, or from its users.
pub(super) async fn told_password(
    client: &impl Statements,
    config: &Config,
    hasher: &Passwords,
) -> anyhow::Result<Option<String>> {
    let Some(password) = file(config).map_or(Ok(None), |path| secret_file::load(&path))? else { return Ok(None) };
    let accounts = boxoffice_seed::demo_accounts()?;
    let mut hashes = boxoffice_seed::demo_password_hashes(client, &accounts).await?;
    if hashes.len() < accounts.len() {
        return Ok(None);
    }
    // They were made with one, and each look takes as long as a sign-in.
    hashes.sort_unstable();
    hashes.dedup();
    for hash in hashes {
        if !matches!(hasher.verify(Some(&hash), &password).await, Ok(true)) {
            return Ok(None);
        }
    }
    Ok(Some(password))
}

/// Whether a private database was filled with the demo, as far as the password that was kept of it tells.
pub(super) fn was_loaded(config: &Config) -> bool {
    file(config).is_some_and(|path| path.exists())
}

/// Where the password of a private database is kept. That of any other is told once, to anyone who loads the demo: the data folder does not
/// say which database it belongs to.
fn file(config: &Config) -> Option<PathBuf> {
    config.database.url.is_none().then(|| config.database.data_dir.join("demo-password"))
}

fn unkept(path: &Path) -> String {
    format!("the password of the demo can't be kept in {}", path.display())
}

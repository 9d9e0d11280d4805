//! `boxoffice create-admin`

use std::io::{self, BufRead, IsTerminal};

use anyhow::{Context, bail};
use application::app::PasswordHasher;
use boxoffice_store::postgres::store::PgStore;
use domain::{
    accounts::{Account, Registration, Role},
    audit::Actor,
    mail::Locale,
    repositories::AccountRepository,
};
use jiff::Timestamp;

use crate::{
    config::Config,
    serve::{self, database::Database},
};

#[expect(clippy::print_stdout, reason = "a command talks to its terminal")]
pub(super) async fn run(config: &Config, email: &str, name: &str) -> anyhow::Result<()> {
    let password = password().context("the password can't be read")?;
    let new = match Registration::parse(email, &password, name, None) {
        Ok(new) => new,
        Err(errors) => {
            let faults: Vec<_> = errors.iter().map(|error| format!("{} {}", error.field, error.message)).collect();
            bail!("{}", faults.join("; "));
        }
    };
    if let Err(error) = new.password.check_strength("password", &new.own_words()) {
        bail!("{} {}", error.field, error.message);
    }
    let database = Database::borrow(config).await?;
    database.prepare_schema(config).await?;
    let password_hash = serve::passwords(config)?.hash(new.password.expose()).await?;
    // Anyone who runs this command vouches for the address.
    let now = Timestamp::now();
    let account = Account { email_verified_at: Some(now), ..Account::new(&new, Role::Admin, Locale::default(), now) };
    let added = PgStore::new(database.request_pool(config, 1)?)
        .create_account(&account, &password_hash, &Actor::default())
        .await;
    database.release().await;
    added?;
    println!("{} is an administrator now", account.email.as_str());
    Ok(())
}

/// Asked for without an echo on a terminal, one line of standard input otherwise.
fn password() -> io::Result<String> {
    if io::stdin().is_terminal() {
        return rpassword::prompt_password("Password: ");
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

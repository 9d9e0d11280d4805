//! `boxoffice seed`

use std::{
    fs::{OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use application::app::{IssueAccess, PasswordHasher};
use boxoffice_auth::{
    passwords::Passwords,
    tokens::{Keys, TokenSigner},
};
use boxoffice_seed::{self, House, LoadtestOptions};
use boxoffice_store::postgres::migrate::Migrator;
use jiff::Timestamp;
use tokio_postgres::Client;

use super::{HouseSize, Scenario, SeedArgs};
use crate::{
    config::{Config, Environment},
    serve::{self, database::Database, demo},
};

/// The load test's tokens outlive any load test.
const TOKEN_TTL: Duration = Duration::from_secs(24 * 60 * 60);

#[expect(clippy::print_stdout, reason = "a command talks to its terminal")]
pub(super) async fn run(config: &Config, args: &SeedArgs) -> anyhow::Result<()> {
    if config.environment == Environment::Production && args.scenario != Scenario::Loadtest {
        bail!("the scenario is refused in production: everybody knows its accounts");
    }
    if args.reset_passwords && args.scenario != Scenario::Demo {
        bail!("--reset-passwords is for the demo: nobody knows a password of the other scenarios' accounts");
    }
    let database = Database::borrow(config).await?;
    Migrator::embedded()?.up(&mut database.connect(config).await?).await?;
    let hasher = serve::passwords(config)?;
    match args.scenario {
        Scenario::Demo => load_demo(&database, config, args, &hasher).await?,
        Scenario::Catalogue => {
            let hash = hasher.hash(&demo::unknown_password()?).await?;
            let mut client = database.connect(config).await?;
            let created = boxoffice_seed::catalogue(&mut client, Timestamp::now(), args.events, &hash).await?;
            println!(
                "added {} events, {} ticket types and {} venues",
                created.events, created.ticket_types, created.venues
            );
        }
        Scenario::Loadtest => load_loadtest(&database, config, args, &hasher).await?,
    }
    database.release().await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a command talks to its terminal")]
async fn load_demo(database: &Database, config: &Config, args: &SeedArgs, hasher: &Passwords) -> anyhow::Result<()> {
    let mut client = database.connect(config).await?;
    // Who asks for a password need not get events back that somebody has deleted.
    let is_there = args.reset_passwords && boxoffice_seed::has_demo_accounts(&client).await?;
    let known = if is_there { None } else { load_missing(&mut client, config, hasher).await? };
    let password =
        if args.reset_passwords { Some(demo::reset_passwords(&mut client, config, hasher).await?) } else { known };
    match password {
        Some(password) => {
            boxoffice_seed::demo_accounts()?
                .iter()
                .for_each(|account| println!("{}  {}", account.role.as_str(), account.email));
            println!("their password, and that of the demo's other accounts unless it was changed: {password}");
        }
        None => println!("its accounts keep their password; --reset-passwords gives them another"),
    }
    Ok(())
}

/// Says what was missing, and gives the password of the accounts, as far as it is known.
#[expect(clippy::print_stdout, reason = "a command talks to its terminal")]
async fn load_missing(client: &mut Client, config: &Config, hasher: &Passwords) -> anyhow::Result<Option<String>> {
    let (summary, password) = demo::load(client, config, hasher).await?;
    println!(
        "added {} of {} events and {} of {} venues",
        summary.created.events, summary.scenario.events, summary.created.venues, summary.scenario.venues
    );
    Ok(password)
}

/// There are tokens instead of passwords.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its terminal")]
async fn load_loadtest(
    database: &Database,
    config: &Config,
    args: &SeedArgs,
    hasher: &Passwords,
) -> anyhow::Result<()> {
    let (now, hash) = (Timestamp::now(), hasher.hash(&demo::unknown_password()?).await?);
    let keys = Keys::from_settings(&config.auth.keys, &config.database.data_dir)?;
    let signer = TokenSigner::new(keys.signing, &*config.auth.issuer, Arc::default());
    let house = match args.house {
        HouseSize::Arena => House::Arena,
        HouseSize::Stadium => House::Stadium,
    };
    let production = config.environment == Environment::Production;
    let options = LoadtestOptions { users: args.users, events: args.events, house, production };
    let issue = |account, role| signer.issue(account, role, now, TOKEN_TTL);
    let mut client = database.connect(config).await?;
    let fixture = boxoffice_seed::loadtest(&mut client, now, &options, &hash, issue).await?;
    let json = serde_json::to_vec(&fixture)?;
    let Some(path) = &args.out else {
        println!("{}", String::from_utf8(json)?);
        return Ok(());
    };
    write_for_owner(path, &json).with_context(|| format!("{} can't be written", path.display()))?;
    eprintln!("{}: {} buyers with tokens for 24 h, {} events", path.display(), args.users, fixture.events.len());
    Ok(())
}

/// Anyone who reads the tokens can act as the accounts they name, so nobody but the owner may read the file, whatever the umask is and whichever account could
/// read the one that was there before. What is no file, such as a pipe, keeps its permissions.
fn write_for_owner(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    if file.metadata()?.is_file() {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    file.write_all(bytes)
}

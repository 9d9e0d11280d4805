//! `boxoffice seed`

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail};
use jiff::Timestamp;

use super::{HouseSize, Scenario, SeedArgs};
use crate::{
    application::app::{IssueAccess, PasswordHasher},
    config::{Config, Environment},
    infrastructure::{
        postgres::{
            migrate::Migrator,
            seed::{self, DEMO_PASSWORD, House, LoadtestOptions},
        },
        tokens::{Keys, TokenSigner},
    },
    serve::{self, database::Database},
};

/// The load test's tokens outlive any load test.
const TOKEN_TTL: Duration = Duration::from_secs(24 * 60 * 60);

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its terminal")]
pub(super) async fn run(config: &Config, args: &SeedArgs) -> anyhow::Result<()> {
    let production = config.environment == Environment::Production;
    if production && args.scenario != Scenario::Loadtest {
        bail!("the scenario is refused in production: everybody knows its passwords");
    }
    let database = Database::borrow(config).await?;
    let mut client = database.connect(config).await?;
    Migrator::embedded()?.up(&mut client).await?;
    let hash = serve::passwords(config)?.hash(DEMO_PASSWORD).await?;
    let now = Timestamp::now();
    match args.scenario {
        Scenario::Demo => {
            let summary = seed::demo(&mut client, now, &hash).await?;
            println!(
                "added {} of {} events and {} of {} venues",
                summary.created.events, summary.scenario.events, summary.created.venues, summary.scenario.venues
            );
        }
        Scenario::Catalogue => {
            let created = seed::catalogue(&mut client, now, args.events, &hash).await?;
            println!(
                "added {} events, {} ticket types and {} venues",
                created.events, created.ticket_types, created.venues
            );
        }
        Scenario::Loadtest => {
            let keys = Keys::from_config(&config.auth, &config.database.data_dir)?;
            let signer = TokenSigner::new(keys.signing, &*config.auth.issuer, Arc::default());
            let house = match args.house {
                HouseSize::Arena => House::Arena,
                HouseSize::Stadium => House::Stadium,
            };
            let options = LoadtestOptions { users: args.users, events: args.events, house, production };
            let issue = |account, role| signer.issue(account, role, now, TOKEN_TTL);
            let fixture = seed::loadtest(&mut client, now, &options, &hash, issue).await?;
            let json = serde_json::to_vec(&fixture)?;
            match &args.out {
                None => println!("{}", String::from_utf8(json)?),
                Some(path) => {
                    std::fs::write(path, json).with_context(|| format!("{} can't be written", path.display()))?;
                    eprintln!(
                        "{}: {} buyers with tokens for 24 h, {} events",
                        path.display(),
                        args.users,
                        fixture.events.len()
                    );
                }
            }
        }
    }
    database.release().await;
    Ok(())
}

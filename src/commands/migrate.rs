//! `boxoffice migrate`

use boxoffice_store::postgres::migrate::{Applied, Migrator};

use super::MigrateAction;
use crate::{config::Config, serve::database::Database};

#[expect(clippy::print_stdout, reason = "a command talks to its terminal")]
pub(super) async fn run(config: &Config, action: MigrateAction) -> anyhow::Result<()> {
    if !matches!(action, MigrateAction::Up) && !Database::is_there(config) {
        println!("there is no database yet: `boxoffice serve` or `boxoffice migrate up` makes one");
        return Ok(());
    }
    let database = Database::borrow(config).await?;
    let mut client = database.connect_as_owner(config).await?;
    let migrator = Migrator::embedded()?;
    let done = |verb: &str, applied: Vec<Applied>| match applied.len() {
        0 => println!("nothing to do"),
        _ => applied.iter().for_each(|one| println!("{verb} {:04} {} in {:?}", one.version, one.name, one.duration)),
    };
    match action {
        MigrateAction::Up => done("applied", migrator.up(&mut client).await?),
        MigrateAction::Down { steps, lose_data } => {
            let migrator = if lose_data { migrator.losing_data() } else { migrator };
            done("took back", migrator.down(&mut client, steps).await?);
        }
        MigrateAction::Status => {
            for one in migrator.status(&client).await? {
                let at = one.applied_at.map(|at| at.to_string()).unwrap_or_default();
                println!("{:04} {:<40} {:?} {at}", one.version, one.name, one.state);
            }
        }
    }
    database.release().await;
    Ok(())
}

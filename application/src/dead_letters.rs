//! Jobs and mails that were given up, tried again.

use domain::{dead_letters::WhichDead, repositories::Found};
use uuid::Uuid;

use super::app::App;

/// Tries one again. `false` when there is no such dead letter.
pub async fn retry(app: &App, id: Uuid) -> Found<bool> {
    let is_there = app.store.retry_dead_letter(id).await?;
    if is_there {
        tracing::info!(letter = %id, "a dead letter is tried again");
        wake(app);
    }
    Ok(is_there)
}

/// Tries all of these again. How many they are.
pub async fn retry_all(app: &App, which: &WhichDead) -> Found<u64> {
    let retried = app.store.retry_dead_letters(which).await?;
    tracing::info!(retried, kind = which.kind, "dead letters are tried again");
    wake(app);
    Ok(retried)
}

fn wake(app: &App) {
    app.jobs.wake();
    app.outbox.wake();
}

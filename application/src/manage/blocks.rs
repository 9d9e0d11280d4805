//! Blocks: places that the organizer keeps back. To the inventory they are holds that never expire.

use std::time::Duration;

use actors::{
    inventories::AskError,
    inventory::{CommandAnswer, Denial, Outcome},
};
use domain::{
    bookings::{Fingerprint, Hold, IdempotencyKey, Source},
    ids::{EventId, HoldId},
    inventory::{Command, NewHold},
    ledger::{KeyKind, KeyOf},
    management::{ChangeError, Conflict, Manager, events::BlockSummary},
    refusal::Refusal,
    repositories::RepositoryError,
    selection::{Choice, Line, Selection},
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};
use uuid::Uuid;

use super::{ManageError, event_of};
use crate::{
    acting::{self, Closed},
    app::App,
    bookings::{BookingError, IdempotentResult},
};

/// Most blocks in a list.
const BLOCKS_MAX: u32 = 1000;

/// Large blocks of this node take turns, so that a group of the ledger has few of them: it holds up all that it carries.
static LARGE: Semaphore = Semaphore::const_new(1);

/// A turn for a block of more places than a booking may have.
async fn turn(selection: &Selection, deadline: Instant) -> Result<Option<SemaphorePermit<'static>>, ManageError> {
    let is_whole = |line: &Line| matches!(line.choice, Choice::WholeSection(_));
    if selection.places() <= Selection::MAX_PLACES && !selection.lines().iter().any(is_whole) {
        return Ok(None);
    }
    match timeout_at(deadline, LARGE.acquire()).await {
        // Never closed.
        Ok(permit) => Ok(permit.ok()),
        Err(_) => Err(AskError::Overloaded { retry_after: Duration::from_secs(1) }.into()),
    }
}

/// The blocks of an event, newest first.
pub async fn list(app: &App, by: &Manager, event: EventId) -> Result<Vec<BlockSummary>, ManageError> {
    event_of(app, by, event).await?;
    Ok(app.store.blocks(event, BLOCKS_MAX).await?)
}

pub async fn show(app: &App, by: &Manager, event: EventId, id: HoldId) -> Result<Hold, ManageError> {
    event_of(app, by, event).await?;
    Ok(app.store.block(event, id).await?.ok_or(ChangeError::NotFound)?)
}

pub async fn create(
    app: &App,
    by: &Manager,
    key: Option<IdempotencyKey>,
    event: EventId,
    selection: Selection,
) -> Result<IdempotentResult<Hold>, ManageError> {
    let fingerprint = Fingerprint::of(event, &Source::Selection(selection.clone()));
    let deadline = Instant::now() + app.command_deadline;
    match (event_of(app, by, event).await, &key) {
        (Ok(_), _) => {}
        // Somebody else's by now, or deleted: a repetition is answered as the first time.
        (Err(ManageError::Change(ChangeError::NotFound)), Some(key)) => {
            let name = KeyOf { account_id: by.account, key: key.clone(), kind: KeyKind::Hold };
            return match app.inventories.recall(name, fingerprint, deadline).await? {
                Some(answer) => made(answer),
                None => Err(ChangeError::NotFound.into()),
            };
        }
        (Err(error), _) => return Err(error),
    }
    // A request without a name of its own gets one: nothing is asked twice by accident.
    let key = key.or_else(|| IdempotencyKey::parse(&format!("block-{}", Uuid::now_v7())));
    let key = key.ok_or_else(|| RepositoryError::Broken("a key that is none".to_owned()))?;
    let (id, account_id) = (HoldId::generate(), by.account);
    let new = NewHold { id, account_id, key, fingerprint, selection, promo_code: None };
    let _turn = turn(&new.selection, deadline).await?;
    match app.inventories.ask(event, Command::Block(new), deadline).await {
        Ok(answer) => {
            acting::took(app, &answer).await;
            made(answer)
        }
        Err(AskError::Denied(Denial::Refused(Refusal::NotOnSale(_)))) => {
            let conflict = Conflict::Event("a cancelled or archived event is not changed any more");
            Err(ChangeError::from(conflict).into())
        }
        Err(error) => Err(error.into()),
    }
}

fn made(answer: CommandAnswer) -> Result<IdempotentResult<Hold>, ManageError> {
    match answer {
        CommandAnswer { outcome: Outcome::Held(value), replayed } if value.is_block() => {
            Ok(IdempotentResult { value, replayed })
        }
        // The account has used the key for a hold of its own.
        CommandAnswer { outcome: Outcome::Held(_), .. } => Err(ManageError::KeyReused),
        answer => Err(RepositoryError::Broken(format!("the inventory answered {answer:?}")).into()),
    }
}

/// Gives a block free. One that is gone is as good as given free.
pub async fn delete(app: &App, by: &Manager, event: EventId, id: HoldId) -> Result<(), ManageError> {
    let block = show(app, by, event, id).await?;
    let command = Command::Release { hold_id: id, account_id: block.account_id };
    match app.inventories.ask(event, command, Instant::now() + app.command_deadline).await.map_err(BookingError::from) {
        Ok(_) => {
            acting::gave_back(app, Closed::Hold(&block)).await;
            Ok(())
        }
        Err(BookingError::Refused(Refusal::HoldGone)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

//! What buyers are told without a job: that a free booking is confirmed, and that one which waits for its payment expires soon. Both are found
//! out from the bookings' rows, so a booking writes nothing for it.

use std::{sync::Arc, time::Duration};

use actors::tasks::SignOfLife;
use domain::{
    ids::{BookingId, MailId},
    mail::{Message, Template},
    notices::{ToldBooking, confirmation_mail, expiry_mail},
    repositories::Found,
};
use tokio::time::{Instant, sleep};

use super::{compose, message};
use crate::app::App;

/// Bookings that are told at once, and the pause after them: an event that thousands book at once is told in minutes, and sold meanwhile.
const PORTION: u32 = 200;
const PAUSE: Duration = Duration::from_millis(200);
/// How often is looked for new ones.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Looking takes one part in so many of the time at most.
const LOOK_SHARE: u32 = 20;
/// How often is looked for bookings that expire soon.
const REMIND_EVERY: Duration = Duration::from_secs(15);

/// Tells for ever who has booked for nothing that it is confirmed.
pub async fn confirm(app: Arc<App>, life: SignOfLife) {
    loop {
        let started = Instant::now();
        let wait = match confirm_portion(&app).await {
            Ok(Portion::Some) => PAUSE,
            Ok(Portion::None) => Duration::ZERO,
            Ok(Portion::Rest) => LOOK_EVERY,
            Err(error) => {
                tracing::warn!(%error, "buyers can't be told of their bookings now");
                sleep(LOOK_EVERY).await;
                continue;
            }
        };
        life.give();
        sleep(wait.max(started.elapsed() * LOOK_SHARE)).await;
    }
}

/// What was found to do.
enum Portion {
    Some,
    /// The cursor has moved, and nobody was told.
    None,
    /// There is nothing to do.
    Rest,
}

async fn confirm_portion(app: &App) -> Found<Portion> {
    let Some(untold) = app.store.untold_bookings(PORTION).await? else { return Ok(Portion::Rest) };
    let mails = mails(app, &untold.ids, confirmation_mail, |told| Some(compose::confirmed(told))).await?;
    app.store.queue_confirmations(&untold, &mails).await?;
    if mails.is_empty() {
        return Ok(Portion::None);
    }
    app.outbox.wake();
    Ok(Portion::Some)
}

/// Tells for ever whose bookings expire soon.
pub async fn remind(app: Arc<App>, life: SignOfLife) {
    loop {
        match remind_portion(&app).await {
            Ok(true) => life.give(),
            Ok(false) => {
                life.give();
                sleep(REMIND_EVERY).await;
            }
            Err(error) => {
                tracing::warn!(%error, "buyers can't be told that their bookings expire now");
                sleep(REMIND_EVERY).await;
            }
        }
    }
}

/// Whether there may be more.
async fn remind_portion(app: &App) -> Found<bool> {
    let ids = app.store.expiring_bookings(PORTION).await?;
    let mails = mails(app, &ids, expiry_mail, compose::expiring).await?;
    app.store.queue_mails(&mails).await?;
    if !mails.is_empty() {
        app.outbox.wake();
    }
    Ok(mails.len() >= PORTION as usize)
}

async fn mails(
    app: &App,
    ids: &[BookingId],
    id: fn(BookingId) -> MailId,
    template: impl Fn(&ToldBooking) -> Option<Template>,
) -> Found<Vec<(MailId, Message)>> {
    let told = app.store.told_bookings(ids).await?;
    Ok(told.iter().filter_map(|told| Some((id(told.booking.id), message(told, template(told)?)))).collect())
}

//! Which free bookings were not told yet that they are confirmed. A commit of bookings writes nothing for that: it is found out from its rows.
//!
//! Each event has a cursor over its bookings, in the order of their ids. An id is made when the request comes, so a booking may be committed
//! after one with a greater id. So there are two positions. `seen_id` runs ahead to whatever there is, and those it passes are told at once.
//! `swept_id` follows when nothing can come any more, and what had come late is told then: which that is says the outbox, for the id of a mail
//! follows from the booking's.
//!
//! Nothing can come any more below an id that is older than [`LIFE_MAX`], once all transactions are over that had begun by then. Such a
//! transaction has its number by then, because a commit has one as soon as it has written; so all of them have a smaller one than the next that is
//! given out.

use domain::{
    ids::{BookingId, EventId, MailId},
    mail::Message,
    notices::{CursorStep, UntoldBookings},
};
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::super::{
    super::{
        connection::{Statements, Transaction, Typed},
        outbox,
        rows::StoreError,
    },
    PgStore,
    retention::first_id_of,
};

/// How long it may take at most from the making of a booking's id to the first statement of its commit. A command waits for a minute at most, and
/// then for the commits before it; clocks differ by seconds.
const LIFE_MAX: SignedDuration = SignedDuration::from_mins(10);

const SWITCH_ON: &str = "UPDATE booking_mails_since SET since = now() WHERE since IS NULL";
const SWITCH_OFF: &str = "UPDATE booking_mails_since SET since = NULL WHERE since IS NOT NULL";
const FORGET: &str = "DELETE FROM booking_mails WHERE NOT is_off";

const SINCE: &str = "SELECT since FROM booking_mails_since WHERE since IS NOT NULL";

/// Events that were booked, or whose plan was changed, and have no cursor yet. A quota begins with version 0. In an old catalogue most have no
/// booking to tell of, and need no turn for that to be found.
const BEGIN: &str = "INSERT INTO booking_mails (event_id, seen_id, swept_id, version) \
    SELECT q.event_id, $1, $1, CASE WHEN EXISTS (SELECT FROM bookings b WHERE b.event_id = q.event_id AND b.id > $1) THEN -1 \
        ELSE sum(q.version)::bigint END \
    FROM quotas q WHERE NOT EXISTS (SELECT FROM booking_mails m WHERE m.event_id = q.event_id) \
    GROUP BY q.event_id HAVING sum(q.version) > 0 ON CONFLICT DO NOTHING";

/// An event with something to do: it has another version than when all was told, or a part that can be swept now or be marked for that.
/// One that is booked all the time does not keep the others waiting: whose turn it is, is a matter of chance.
const NEXT: &str = "SELECT m.event_id, s.version, m.version <> s.version AS has_changed, m.seen_id, m.swept_id, m.next_swept_id \
    FROM booking_mails m CROSS JOIN LATERAL (SELECT sum(q.version)::bigint FROM quotas q WHERE q.event_id = m.event_id) AS s (version) \
    WHERE NOT m.is_off AND (m.version <> s.version \
        OR m.next_swept_xid <= pg_snapshot_xmin(pg_current_snapshot()) \
        OR m.next_swept_id IS NULL AND m.swept_id < least(m.seen_id, $1)) \
    ORDER BY random() LIMIT 1";

/// Bookings after the cursor, whatever they are: it passes them all.
const AHEAD: &str = "SELECT id, status = 'CONFIRMED' AND total = 0 AS is_untold FROM bookings WHERE event_id = $1 AND id > $2 ORDER BY id LIMIT $3";

const LATE: &str = "SELECT id, true AS is_untold FROM bookings b WHERE event_id = $1 AND id > $2 AND id <= $3 AND status = 'CONFIRMED' AND total = 0 \
    AND NOT EXISTS (SELECT FROM outbox o WHERE o.id = b.id) ORDER BY id LIMIT $4";

const MARK: &str = "UPDATE booking_mails SET next_swept_id = least(seen_id, $2), next_swept_xid = pg_snapshot_xmax(pg_current_snapshot()) \
    WHERE event_id = $1 AND next_swept_id IS NULL AND swept_id < least(seen_id, $2)";

const SEE: &str = "UPDATE booking_mails SET seen_id = $3 WHERE event_id = $1 AND seen_id = $2";
const CATCH_UP: &str = "UPDATE booking_mails SET version = $3 WHERE event_id = $1 AND seen_id = $2";
const SWEEP: &str = "UPDATE booking_mails SET swept_id = $3, next_swept_id = NULL, next_swept_xid = NULL \
    WHERE event_id = $1 AND swept_id = $2 AND next_swept_id = $3";

/// An event with something to do.
struct Next {
    event_id: Uuid,
    version: i64,
    has_changed: bool,
    seen: Uuid,
    swept: Uuid,
    marked: Option<Uuid>,
}

fn next(row: &Row) -> Result<Next, StoreError> {
    Ok(Next {
        event_id: row.try_get("event_id")?,
        version: row.try_get("version")?,
        has_changed: row.try_get("has_changed")?,
        seen: row.try_get("seen_id")?,
        swept: row.try_get("swept_id")?,
        marked: row.try_get("next_swept_id")?,
    })
}

impl PgStore {
    pub(super) async fn switch_booking_mails(&self, on: bool) -> Result<(), StoreError> {
        self.pool
            .transaction(|transaction| async move {
                if on {
                    transaction.execute_typed(SWITCH_ON, &[]).await?;
                } else if transaction.execute_typed(SWITCH_OFF, &[]).await? > 0 {
                    transaction.execute_typed(FORGET, &[]).await?;
                }
                Ok(())
            })
            .await
    }

    pub(super) async fn read_untold(&self, limit: u32) -> Result<Option<UntoldBookings>, StoreError> {
        let client = self.pool.get().await?;
        let rows = client.query_typed(SINCE, &[]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let since = first_id_of(row.try_get("since")?);
        client.execute_typed(BEGIN, &[(&since, Type::UUID)]).await?;
        let settled = first_id_of(Timestamp::now().saturating_sub(LIFE_MAX).unwrap_or(Timestamp::UNIX_EPOCH));
        let rows = client.query_typed(NEXT, &[(&settled, Type::UUID)]).await?;
        let Some(of) = rows.first().map(next).transpose()? else { return Ok(None) };
        let (event_id, limit) = (EventId(of.event_id), i64::from(limit));
        if of.has_changed {
            let parameters: [Typed<'_>; 3] = [(&of.event_id, Type::UUID), (&of.seen, Type::UUID), (&limit, Type::INT8)];
            let (ids, last) = untold(&client.query_typed(AHEAD, &parameters).await?)?;
            let step = match last {
                Some(to) => CursorStep::Seen { from: of.seen, to },
                // The version was read before the bookings, so what it stands for is among them.
                None => CursorStep::CaughtUp { from: of.seen, version: of.version },
            };
            return Ok(Some(UntoldBookings { event_id, ids, step }));
        }
        let Some(to) = of.marked else {
            client.execute_typed(MARK, &[(&of.event_id, Type::UUID), (&settled, Type::UUID)]).await?;
            return Ok(Some(UntoldBookings { event_id, ids: Vec::new(), step: CursorStep::Late }));
        };
        let parameters: [Typed<'_>; 4] =
            [(&of.event_id, Type::UUID), (&of.swept, Type::UUID), (&to, Type::UUID), (&limit, Type::INT8)];
        let (ids, last) = untold(&client.query_typed(LATE, &parameters).await?)?;
        let step = if last.is_some() { CursorStep::Late } else { CursorStep::Swept { from: of.swept, to } };
        Ok(Some(UntoldBookings { event_id, ids, step }))
    }

    pub(super) async fn note_told(&self, of: &UntoldBookings, mails: &[(MailId, Message)]) -> Result<(), StoreError> {
        self.pool
            .transaction(|transaction| async move {
                outbox::enqueue_once(&transaction, mails).await?;
                step(&transaction, of).await
            })
            .await
    }
}

/// The bookings to tell, and the last of all.
fn untold(rows: &[Row]) -> Result<(Vec<BookingId>, Option<Uuid>), StoreError> {
    let mut ids = Vec::new();
    for row in rows {
        if row.try_get("is_untold")? {
            ids.push(BookingId(row.try_get("id")?));
        }
    }
    Ok((ids, rows.last().map(|row| row.try_get("id")).transpose()?))
}

/// Moves the cursor, unless another server has moved it meanwhile: then that one has queued the same mails.
async fn step(transaction: &Transaction, of: &UntoldBookings) -> Result<(), StoreError> {
    let event: Typed<'_> = (&of.event_id.0, Type::UUID);
    match &of.step {
        CursorStep::Seen { from, to } => {
            transaction.execute_typed(SEE, &[event, (from, Type::UUID), (to, Type::UUID)]).await?;
        }
        CursorStep::CaughtUp { from, version } => {
            transaction.execute_typed(CATCH_UP, &[event, (from, Type::UUID), (version, Type::INT8)]).await?;
        }
        CursorStep::Swept { from, to } => {
            transaction.execute_typed(SWEEP, &[event, (from, Type::UUID), (to, Type::UUID)]).await?;
        }
        CursorStep::Late => {}
    }
    Ok(())
}

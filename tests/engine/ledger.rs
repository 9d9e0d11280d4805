//! The ledger in PostgreSQL by itself: what it refuses even if memory is wrong. Behind an inventory these guards are the
//! second ones, so a test of the whole server would not miss them; here each is the only one.

mod entries;
mod faults;
mod money;

use std::{sync::Arc, time::Duration};

use crate::support::{
    EventBuilder, TestDatabase, TestEvent,
    accounts::add_accounts,
    audit::{audit, audit_places},
};
use actors::ledger::commit::{BatchOutcome, EntryOutcome, commit_group};
use boxoffice_store::postgres::{
    ledger::{LedgerOptions, PgLedger},
    pool::{self, PoolSettings},
};
use domain::{
    bookings::{Attendees, Fingerprint, IdempotencyKey, Source},
    ids::{AccountId, BookingId, EventId, HoldId, TicketTypeId},
    inventory::{Command, Inventory, NewBooking, NewHold},
    ledger::{CommitError, Entry, EventBatch, KeyKind, KeyOf, Ledger, LoadError, Rejection},
    selection::{RawLine, Selection},
};
use jiff::SignedDuration;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

struct Bench {
    db: Arc<TestDatabase>,
    ledger: Arc<PgLedger>,
    event: TestEvent,
    account: AccountId,
}

async fn ledger(db: &TestDatabase, node: &str) -> Arc<PgLedger> {
    ledger_with(db, node, true).await
}

async fn ledger_with(db: &TestDatabase, node: &str, prepared_statements: bool) -> Arc<PgLedger> {
    let pool = pool::pool(&PoolSettings {
        url: db.url().into(),
        max_connections: 4,
        connect_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(30),
    });
    let minutes = SignedDuration::from_mins(10);
    let options =
        LedgerOptions { hold: minutes, payment: minutes, minimum: |_| None, prepared_statements, unpaid: None };
    Arc::new(PgLedger::open(pool.unwrap(), node, options).await.unwrap())
}

impl Bench {
    async fn new(event: EventBuilder) -> Self {
        let db = Arc::new(TestDatabase::migrated().await);
        let client = db.connect().await;
        let event = event.create(&client).await;
        let account = AccountId(add_accounts(&client, 1, domain::accounts::Role::User).await[0].id);
        Self { ledger: ledger(&db, "node").await, db, event, account }
    }

    fn event_id(&self) -> EventId {
        EventId(self.event.id)
    }

    async fn load(&self) -> Inventory {
        Inventory::load(self.ledger.load(self.event_id(), false).await.unwrap()).unwrap()
    }

    /// The decision to book, and the batch with it alone.
    fn booking(&self, inventory: &Inventory, key: &str, source: Source) -> EventBatch {
        let fingerprint = Fingerprint::of(self.event_id(), &source);
        let key = IdempotencyKey::parse(key).unwrap();
        let (id, account_id, attendees) = (BookingId::generate(), self.account, Attendees::default());
        let new = NewBooking { id, account_id, key, fingerprint, source, promo_code: None, attendees };
        self.batch(inventory, &Command::Book(new))
    }

    fn batch(&self, inventory: &Inventory, command: &Command) -> EventBatch {
        let entry = inventory.decide(command, jiff::Timestamp::now()).unwrap();
        EventBatch { event_id: self.event_id(), versions: inventory.versions(), entries: vec![entry] }
    }

    /// The decision to hold one place, and the batch with it alone.
    fn hold(&self, inventory: &Inventory, key: &str) -> EventBatch {
        let source = self.places(1);
        let fingerprint = Fingerprint::of(self.event_id(), &source);
        let Source::Selection(selection) = source else { unreachable!() };
        let (id, account_id, key) = (HoldId::generate(), self.account, IdempotencyKey::parse(key).unwrap());
        let new = NewHold { id, account_id, key, fingerprint, selection, promo_code: None };
        self.batch(inventory, &Command::Hold(new))
    }

    fn places(&self, quantity: u32) -> Source {
        let line = RawLine::of_quantity(TicketTypeId(self.event.types[0]), quantity);
        Source::Selection(Selection::parse(vec![line]).unwrap())
    }

    fn seat(&self, index: usize) -> Source {
        let seat_ids = vec![domain::ids::SeatId(self.event.seats[0][index])];
        let line = RawLine::of_seats(TicketTypeId(self.event.types[0]), seat_ids);
        Source::Selection(Selection::parse(vec![line]).unwrap())
    }

    async fn commit(&self, batch: EventBatch) -> Result<(), CommitError> {
        self.ledger.commit(&[batch]).await
    }

    async fn audit(&self) {
        audit(&self.db.connect().await).await;
    }

    async fn audit_places(&self) {
        audit_places(&self.db.connect().await).await;
    }
}

/// Watches the comparison of versions in `ledger_commit`.
#[tokio::test]
async fn a_decision_on_stale_memory_is_refused() {
    let bench = Bench::new(EventBuilder::ga(10)).await;
    let (inventory, late) = (bench.load().await, bench.load().await);
    bench.commit(bench.booking(&inventory, "a", bench.places(1))).await.unwrap();
    let refused = bench.commit(bench.booking(&late, "b", bench.places(1))).await;
    assert!(matches!(refused, Err(CommitError::Stale(event)) if event == bench.event_id()), "{refused:?}");
    assert_eq!(bench.ledger.counts(bench.event_id()).await.unwrap()[0].sold, 1);
    bench.audit().await;
}

/// Watches `quotas_within_capacity_check`: memory decides twice on the last place, with the right version.
#[tokio::test]
async fn more_than_there_is_can_not_be_sold() {
    let bench = Bench::new(EventBuilder::ga(1)).await;
    let inventory = bench.load().await;
    let mut batch = bench.booking(&inventory, "a", bench.places(1));
    batch.entries.extend(bench.booking(&inventory, "b", bench.places(1)).entries);
    let refused = bench.commit(batch).await;
    let Err(CommitError::Rejected(Rejection::Guard(constraint))) = refused else { panic!("{refused:?}") };
    assert_eq!(constraint, "quotas_within_capacity_check");
    bench.audit().await;
}

/// Watches `seat_claims_pkey`: memory decides twice on one seat.
#[tokio::test]
async fn a_seat_can_not_be_claimed_twice() {
    let bench = Bench::new(EventBuilder::seated(1, 3)).await;
    let inventory = bench.load().await;
    let mut batch = bench.booking(&inventory, "a", bench.seat(1));
    batch.entries.extend(bench.booking(&inventory, "b", bench.seat(1)).entries);
    let refused = bench.commit(batch).await;
    let Err(CommitError::Rejected(Rejection::Guard(constraint))) = refused else { panic!("{refused:?}") };
    assert_eq!(constraint, "seat_claims_pkey");
    assert_eq!(bench.db.number("SELECT count(*) FROM bookings", &[]).await, 0, "all or nothing");
    bench.audit().await;
}

/// Watches `bookings_account_key`.
#[tokio::test]
async fn a_key_can_not_be_used_twice_and_leads_to_its_first_answer() {
    let bench = Bench::new(EventBuilder::ga(10)).await;
    let first = bench.booking(&bench.load().await, "a", bench.places(2));
    let Entry::Book { booking, .. } = &first.entries[0] else { panic!() };
    let booked = booking.clone();
    bench.commit(first).await.unwrap();
    let again = bench.commit(bench.booking(&bench.load().await, "a", bench.places(2))).await;
    assert!(matches!(again, Err(CommitError::KeyTaken)), "{again:?}");
    let of = |key: &str, kind| KeyOf { account_id: bench.account, key: IdempotencyKey::parse(key).unwrap(), kind };
    let keys = [of("a", KeyKind::Hold), of("a", KeyKind::Booking), of("b", KeyKind::Booking)];
    let found = bench.ledger.find_by_keys(&keys).await.unwrap();
    assert!(
        matches!(&found[..], [Ok(None), Ok(Some(domain::ledger::Prior::Booking(found))), Ok(None)] if found.id == booked.id)
    );
    bench.audit().await;
}

/// One key for two events at once, in one transaction: the ledger sees the key twice and has it not yet. Apart, the first
/// one gets it. A whole group used to fail, and both inventories with it.
#[tokio::test]
async fn a_key_for_two_events_in_one_group_harms_nobody_else() {
    let bench = Bench::new(EventBuilder::ga(10)).await;
    let other = Bench {
        event: EventBuilder::ga(10).create(&bench.db.connect().await).await,
        db: bench.db.clone(),
        ledger: bench.ledger.clone(),
        account: bench.account,
    };
    let (here, there) = (bench.load().await, other.load().await);
    let mut first = bench.booking(&here, "a", bench.places(1));
    first.entries.extend(bench.booking(&here, "b", bench.places(2)).entries);
    let mut second = other.booking(&there, "a", other.places(3));
    second.entries.extend(other.booking(&there, "c", other.places(4)).entries);
    let outcomes = commit_group(&*bench.ledger, vec![first, second]).await;
    let [BatchOutcome::Done { entries: first, .. }, BatchOutcome::Done { entries: second, versions }] = &outcomes[..]
    else {
        panic!("{outcomes:?}")
    };
    assert_eq!(first[..], [EntryOutcome::Committed, EntryOutcome::Committed]);
    assert!(matches!(&second[..], [EntryOutcome::Prior(_), EntryOutcome::Committed]), "{second:?}");
    let count = other.ledger.counts(other.event_id()).await.unwrap()[0];
    assert_eq!((count.sold, count.version), (4, versions[0].1), "memory is told the version that the ledger has");
    bench.audit().await;
}

/// Watches the check of the session in `ledger_commit`, in `claim` and in `renew`.
#[tokio::test]
async fn an_ended_session_writes_nothing_more() {
    let bench = Bench::new(EventBuilder::ga(10)).await;
    let inventory = bench.load().await;
    let successor = ledger(&bench.db, "node").await;
    assert_ne!(successor.session(), bench.ledger.session());
    let late = bench.commit(bench.booking(&inventory, "a", bench.places(1))).await;
    assert!(matches!(late, Err(CommitError::Fenced)), "{late:?}");
    assert!(matches!(bench.ledger.renew().await, Err(LoadError::Fenced)));
    assert!(matches!(bench.ledger.load(bench.event_id(), false).await, Err(LoadError::Fenced)));
    successor.renew().await.unwrap();
    successor.load(bench.event_id(), false).await.unwrap();
    bench.audit().await;
}

/// Watches the lock that a commit holds shared and the end of its session takes exclusively: a successor's start waits
/// for what is in flight, so that it can not be written afterwards.
#[tokio::test]
async fn the_end_of_a_session_waits_for_the_commits_in_flight() {
    let bench = Bench::new(EventBuilder::ga(10)).await;
    let in_flight = InFlight::new(&bench).await;
    let db = bench.db.clone();
    let opening = tokio::spawn(async move { ledger(&db, "node").await.session() });
    waits_for_the_session(&bench).await;
    assert!(!opening.is_finished());
    in_flight.land().await;
    assert_ne!(opening.await.unwrap(), bench.ledger.session());
    bench.audit().await;
}

/// Watches the wait before a reload: what a dead inventory had in flight is in the snapshot that its successor starts from.
#[tokio::test]
async fn a_reload_waits_for_the_commits_in_flight_and_sees_them() {
    let bench = Bench::new(EventBuilder::ga(10)).await;
    let in_flight = InFlight::new(&bench).await;
    assert_eq!(
        bench.ledger.load(bench.event_id(), false).await.unwrap().counts[0].sold,
        0,
        "a first load need not wait"
    );
    let (reader, event) = (bench.ledger.clone(), bench.event_id());
    let loading = tokio::spawn(async move { reader.load(event, true).await.unwrap().counts[0] });
    waits_for_the_session(&bench).await;
    assert!(!loading.is_finished());
    in_flight.land().await;
    let count = loading.await.unwrap();
    assert_eq!((count.sold, count.version), (1, 1));
    bench.audit().await;
}

/// Has commits wait for rows as long as other statements do, so that they can be kept in flight.
async fn wait_for_locks(db: &TestDatabase) {
    db.execute("ALTER FUNCTION ledger_commit RESET lock_timeout").await;
}

/// A commit that has passed the fence and waits for a row.
struct InFlight {
    blocker: tokio_postgres::Client,
    commit: tokio::task::JoinHandle<Result<(), CommitError>>,
}

impl InFlight {
    async fn new(bench: &Bench) -> Self {
        let blocker = bench.db.connect().await;
        wait_for_locks(&bench.db).await;
        blocker.batch_execute("BEGIN; SELECT FROM quotas FOR UPDATE").await.unwrap();
        let batch = bench.booking(&bench.load().await, "in-flight", bench.places(1));
        let writer = bench.ledger.clone();
        let commit = tokio::spawn(async move { writer.commit(&[batch]).await });
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND wait_event_type = 'Lock' AND query LIKE '%ledger_commit%'";
        crate::support::until("the commit waits", async || bench.db.number(waiting, &[]).await == 1).await;
        Self { blocker, commit }
    }

    async fn land(self) {
        self.blocker.batch_execute("COMMIT").await.unwrap();
        self.commit.await.unwrap().unwrap();
    }
}

async fn waits_for_the_session(bench: &Bench) {
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    crate::support::until("somebody waits for the lock", async || bench.db.number(waiting, &[]).await == 1).await;
}

/// An event belongs to the session that loaded it, until that session ends or its node is gone.
#[tokio::test]
async fn an_event_has_one_owner() {
    let bench = Bench::new(EventBuilder::ga(10)).await;
    bench.load().await;
    let other = ledger(&bench.db, "other").await;
    let refused = other.load(bench.event_id(), false).await.map(drop);
    assert!(matches!(&refused, Err(LoadError::OwnedBy(node)) if node == "node"), "{refused:?}");
    // The node has not been heard of for a while.
    bench.db.execute("UPDATE node_sessions SET renewed_at = now() - interval '1 minute' WHERE node = 'node'").await;
    other.load(bench.event_id(), false).await.unwrap();
    assert!(matches!(bench.ledger.renew().await, Err(LoadError::Fenced)), "its session was ended");
    let nowhere = bench.ledger.load(EventId(Uuid::now_v7()), false).await.map(drop);
    assert!(matches!(nowhere, Err(LoadError::Fenced)), "{nowhere:?}");
    let nowhere = other.load(EventId(Uuid::now_v7()), false).await.map(drop);
    assert!(matches!(nowhere, Err(LoadError::NoSuchEvent)), "{nowhere:?}");
}

/// Watches the count of closed holds in `ledger_commit`: what is open once is closed once. Another hold keeps the counters
/// above zero, so that they do not notice.
#[tokio::test]
async fn what_is_not_open_can_not_be_closed() {
    let bench = Bench::new(EventBuilder::ga(10)).await;
    let mut ids = Vec::new();
    for key in ["one", "other"] {
        let inventory = bench.load().await;
        let Source::Selection(selection) = bench.places(2) else { panic!() };
        let (id, key) = (HoldId::generate(), IdempotencyKey::parse(key).unwrap());
        let fingerprint = Fingerprint::of(bench.event_id(), &bench.places(2));
        let account_id = bench.account;
        let hold = Command::Hold(NewHold { id, account_id, key, fingerprint, selection, promo_code: None });
        bench.commit(bench.batch(&inventory, &hold)).await.unwrap();
        ids.push(id);
    }
    assert_eq!(bench.ledger.expiring_events().await.unwrap(), [bench.event_id()]);
    let inventory = bench.load().await;
    let release = |hold_id| bench.batch(&inventory, &Command::Release { hold_id, account_id: bench.account });
    let (release, mut last) = (release(ids[0]), release(ids[1]));
    let book = bench.booking(&inventory, "b", Source::Hold(ids[0]));
    bench.commit(release.clone()).await.unwrap();
    let versions = bench.load().await.versions();
    for mut batch in [release, book] {
        batch.versions.clone_from(&versions);
        let refused = bench.commit(batch).await;
        assert!(matches!(refused, Err(CommitError::Rejected(Rejection::NotOpen))), "{refused:?}");
    }
    last.versions = versions;
    bench.commit(last).await.unwrap();
    assert!(bench.ledger.expiring_events().await.unwrap().is_empty());
    bench.audit().await;
}

/// Watches what `ledger_commit` and the triggers do in place of foreign keys: nothing refers to what does not exist, and what
/// is referred to can't be deleted.
#[tokio::test]
async fn bookings_refer_to_what_exists_and_keeps_existing() {
    let bench = Bench::new(EventBuilder::ga(10)).await;
    let client = bench.db.connect().await;
    let inventory = bench.load().await;
    let mut unknown = bench.booking(&inventory, "a", bench.places(1));
    if let Entry::Book { booking, .. } = &mut unknown.entries[0] {
        let booking = Arc::make_mut(booking);
        let mut item = booking.items[0].clone();
        item.ticket_type_id = TicketTypeId::generate();
        booking.items = [item].into();
    }
    let refused = bench.commit(unknown).await;
    let Err(CommitError::Rejected(Rejection::Guard(constraint))) = refused else { panic!("{refused:?}") };
    assert_eq!(constraint, "booking_items_ticket_type_id");

    bench.commit(bench.booking(&inventory, "b", bench.places(2))).await.unwrap();
    for (statement, id) in [
        ("DELETE FROM events WHERE id = $1", bench.event.id),
        ("DELETE FROM ticket_types WHERE id = $1", bench.event.types[0]),
        ("DELETE FROM accounts WHERE id = $1", bench.account.0),
    ] {
        let error = client.execute(statement, &[&id]).await.unwrap_err();
        assert_eq!(error.code(), Some(&SqlState::FOREIGN_KEY_VIOLATION), "{statement}: {error:?}");
    }
    client.execute("DELETE FROM bookings", &[]).await.unwrap();
    let left: i64 = client.query_one("SELECT count(*) FROM booking_items", &[]).await.unwrap().get(0);
    assert_eq!(left, 0, "items go with their bookings");
    client.execute("DELETE FROM events WHERE id = $1", &[&bench.event.id]).await.unwrap();
}

/// Watches the lock that `ledger_commit` shares and `refuse_deletion_of_account` takes alone, and the trigger on events: a
/// deletion that comes during a commit waits for it, and then sees what it has written.
#[tokio::test]
async fn an_event_is_not_deleted_under_a_commit() {
    let bench = Bench::new(EventBuilder::ga(10)).await;
    let inventory = bench.load().await;
    let (mut blocker, deleter) = (bench.db.connect().await, bench.db.connect().await);
    let waiting = async |count: i64| {
        let statement = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
            AND datname = current_database()";
        crate::support::until("back ends wait for locks", async || bench.db.number(statement, &[]).await == count)
            .await;
    };
    wait_for_locks(&bench.db).await;
    // Keeps the commit from getting past the counters.
    let block = blocker.transaction().await.unwrap();
    block.execute("SELECT FROM quotas FOR UPDATE", &[]).await.unwrap();
    let (ledger, batch) = (bench.ledger.clone(), bench.hold(&inventory, "a"));
    let commit = tokio::spawn(async move { ledger.commit(&[batch]).await });
    waiting(1).await;
    let event = bench.event.id;
    let deletion = tokio::spawn(async move { deleter.execute("DELETE FROM events WHERE id = $1", &[&event]).await });
    waiting(2).await;
    block.rollback().await.unwrap();
    commit.await.unwrap().unwrap();
    let refused = deletion.await.unwrap().unwrap_err();
    assert_eq!(refused.code(), Some(&SqlState::FOREIGN_KEY_VIOLATION), "{refused:?}");
    bench.audit().await;
}

/// Watches the trigger on seats: the ledger claims seats without asking for them.
#[tokio::test]
async fn seats_of_a_map_in_use_are_not_deleted() {
    let bench = Bench::new(EventBuilder::seated(1, 2)).await;
    let client = bench.db.connect().await;
    // Ticket types keep only the sections they sell.
    client.execute("DELETE FROM ticket_type_sections", &[]).await.unwrap();
    for statement in ["DELETE FROM seats", "DELETE FROM seat_rows", "DELETE FROM sections"] {
        let error = client.execute(statement, &[]).await.unwrap_err();
        assert_eq!(error.code(), Some(&SqlState::FOREIGN_KEY_VIOLATION), "{statement}: {error:?}");
    }
    client.execute("DELETE FROM events WHERE id = $1", &[&bench.event.id]).await.unwrap();
    client.execute("DELETE FROM seats", &[]).await.unwrap();
}

/// Watches the refusal in `require_read_committed`: a snapshot from before the wait would not show what was booked meanwhile.
#[tokio::test]
async fn what_bookings_refer_to_is_not_deleted_on_an_old_snapshot() {
    let bench = Bench::new(EventBuilder::ga(10)).await;
    let client = bench.db.connect().await;
    let script = "BEGIN ISOLATION LEVEL REPEATABLE READ; DELETE FROM events";
    let error = client.batch_execute(script).await.unwrap_err();
    assert!(error.as_db_error().unwrap().message().contains("READ COMMITTED"), "{error:?}");
}

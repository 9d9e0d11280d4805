//! What `ledger_money` writes beside places, and what it refuses.

use std::{sync::Arc, time::Duration};

use domain::{
    bookings::{Attendee, Attendees, Booking, BookingStatus, Fingerprint, HolderId, IdempotencyKey, Positions, Source},
    events::PlannedCode,
    ids::{BookingId, CancellationId, PaymentId, PromoCodeId, RefundId},
    inventory::{Command, NewBooking},
    ledger::{CommitError, Entry, Ledger, Rejection},
    money::Money,
    payments::{
        records::{NewCancellation, NewRefund},
        refund::RefundCause,
    },
    promo_codes::CodeName,
    repositories::BookingRepository,
};
use uuid::Uuid;

use super::{Bench, ledger_with};
use crate::support::EventBuilder;

fn euros(amount: &str) -> Money {
    Money::new(amount.parse().unwrap(), "EUR".parse().unwrap())
}

impl Bench {
    async fn priced() -> Self {
        Self::new(EventBuilder::ga(20).price("10")).await
    }

    /// Decides and commits on the newest memory.
    async fn does(&self, command: &Command) -> Result<Entry, CommitError> {
        let batch = self.batch(&self.load().await, command);
        let entry = batch.entries[0].clone();
        self.commit(batch).await.map(|()| entry)
    }

    fn wanted(&self, key: &str, places: u32) -> NewBooking {
        NewBooking {
            id: BookingId::generate(),
            account_id: self.account,
            key: IdempotencyKey::parse(key).unwrap(),
            fingerprint: Fingerprint(Uuid::nil()),
            source: self.places(places),
            promo_code: None,
            attendees: Attendees::default(),
        }
    }

    async fn booked(&self, new: NewBooking) -> Arc<Booking> {
        match self.does(&Command::Book(new)).await.unwrap() {
            Entry::Book { booking, .. } => booking,
            other => panic!("{other:?}"),
        }
    }

    async fn read(&self, booking: BookingId) -> Arc<Booking> {
        Arc::new(self.db.store(1).booking(booking).await.unwrap().unwrap())
    }

    /// An attempt of ten euros in that state.
    async fn attempt(&self, booking: BookingId, provider: &str, state: &str) -> PaymentId {
        let id = PaymentId::generate();
        let statement =
            "INSERT INTO payments (id, booking_id, event_id, account_id, provider, method, state, amount, currency,
                idempotency_key, fingerprint)
            SELECT $1, id, event_id, account_id, $3, 'card', $4::text::payment_state, 10, currency, gen_random_uuid()::text, id
            FROM bookings WHERE id = $2";
        self.db.connect().await.execute(statement, &[&id.0, &booking.0, &provider, &state]).await.unwrap();
        id
    }

    /// A booking of so many places that is paid.
    async fn paid(&self, key: &str, places: u32) -> (Arc<Booking>, PaymentId) {
        let booking = self.booked(self.wanted(key, places)).await;
        let payment_id = self.attempt(booking.id, "sandbox", "STARTED").await;
        let (id, confirm) = (booking.id, Command::Confirm { booking, payment_id: Some(payment_id) });
        self.does(&confirm).await.unwrap();
        (self.read(id).await, payment_id)
    }

    async fn text(&self, query: &str) -> String {
        let row = self.db.connect().await.query_one(query, &[]).await.unwrap();
        row.get::<_, Option<String>>(0).unwrap_or_default()
    }

    /// Kind and key of each job, in their order.
    async fn jobs(&self) -> String {
        self.text(
            "SELECT string_agg(kind || ' ' || (payload ->> 'kind') || ' ' || key, ', ' ORDER BY key, id) FROM jobs",
        )
        .await
    }

    async fn payment(&self, id: PaymentId) -> String {
        self.text(&format!(
            "SELECT state || CASE WHEN pays_booking THEN ' pays' ELSE '' END FROM payments WHERE id = '{id}'"
        ))
        .await
    }
}

fn is_rejected<T>(committed: &Result<T, CommitError>, rejection: &Rejection) -> bool {
    matches!(committed, Err(CommitError::Rejected(refused)) if refused == rejection)
}

fn cancellation(positions: Positions, gone_before: &str, refund: Option<(PaymentId, &str)>) -> Arc<NewCancellation> {
    Arc::new(NewCancellation {
        id: CancellationId::generate(),
        positions,
        kept: euros("1"),
        cut: euros("0"),
        reason: Some("the singer is ill".to_owned()),
        account_id: None,
        key: None,
        refund: refund.map(|(payment_id, amount)| NewRefund {
            id: RefundId::generate(),
            payment_id,
            amount: euros(amount),
            cause: RefundCause::Tickets,
            reason: "a ticket was cancelled".to_owned(),
        }),
        gone_before: euros(gone_before),
        beyond_terms: false,
    })
}

/// Guards: the step `paid`. One transaction has the confirmation, the attempt that pays it and the job, or none of them.
#[tokio::test]
async fn a_confirmation_has_the_payment_that_pays_it() {
    let bench = Bench::priced().await;
    let (booking, payment) = bench.paid("one", 1).await;
    assert_eq!(booking.status, BookingStatus::Confirmed);
    assert_eq!(bench.payment(payment).await, "SUCCEEDED pays");
    assert_eq!(bench.jobs().await, format!("notify notify booking:{}", booking.id));

    let other = bench.booked(bench.wanted("two", 1)).await;
    let theirs = bench.attempt(other.id, "sandbox", "SUCCEEDED").await;
    for payment_id in [payment, theirs, PaymentId::generate()] {
        let refused = bench.does(&Command::Confirm { booking: other.clone(), payment_id: Some(payment_id) }).await;
        assert!(is_rejected(&refused, &Rejection::MoneyChanged), "{refused:?}");
    }
    assert_eq!(bench.read(other.id).await.status, BookingStatus::PendingPayment);
    let late = bench.attempt(other.id, "sandbox", "CANCELLED").await;
    let waiting = bench.attempt(other.id, "sandbox", "REQUIRES_ACTION").await;
    bench.does(&Command::Confirm { booking: other.clone(), payment_id: Some(late) }).await.unwrap();
    assert_eq!(
        (bench.payment(late).await, bench.payment(waiting).await),
        ("SUCCEEDED pays".into(), "CANCELLED".into())
    );
    let jobs = bench.jobs().await;
    assert!(jobs.contains(&format!("close_payment close_payment payment:{waiting}")), "{jobs}");
    // One that was in progress meanwhile ends with the booking.
    let twice = bench.attempt(booking.id, "sandbox", "PROCESSING").await;
    bench.does(&Command::Cancel { booking, money: None }).await.unwrap();
    assert_eq!(
        (bench.payment(twice).await, bench.payment(payment).await),
        ("CANCELLED".into(), "SUCCEEDED pays".into())
    );
    assert_eq!(bench.ledger.counts(bench.event_id()).await.unwrap()[0].sold, 1);
    bench.audit_places().await;
}

/// Guards: the step `settled`, for each state of an attempt, as `PaymentState::on` says.
#[tokio::test]
async fn the_end_of_an_unpaid_booking_closes_its_attempt() {
    let bench = Bench::priced().await;
    for (number, (provider, state, after_cancellation, after_expiry)) in [
        ("sandbox", "STARTED", "CANCELLED", "STARTED"),
        ("sandbox", "PROCESSING", "CANCELLED", "PROCESSING"),
        ("sandbox", "REQUIRES_ACTION", "CANCELLED", "CANCELLED"),
        ("manual", "REQUIRES_ACTION", "CANCELLED", "CANCELLED"),
        ("sandbox", "FAILED", "FAILED", "FAILED"),
        ("sandbox", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED"),
    ]
    .into_iter()
    .enumerate()
    {
        for (is_cancelled, after) in [(true, after_cancellation), (false, after_expiry)] {
            let booking = bench.booked(bench.wanted(&format!("{number}-{is_cancelled}"), 1)).await;
            let payment = bench.attempt(booking.id, provider, state).await;
            if is_cancelled {
                bench.does(&Command::Cancel { booking: booking.clone(), money: None }).await.unwrap();
            } else {
                let inventory = bench.load().await;
                let entry = inventory.decide(&Command::Expire(HolderId::Booking(booking.id)), jiff::Timestamp::MAX);
                let Ok(Entry::CloseBooking { booking, items, to, .. }) = entry else { panic!("{entry:?}") };
                let entry = Entry::CloseBooking { at: booking.created_at, booking, items, to, money: None };
                let event_id = bench.event_id();
                let versions = inventory.versions();
                bench.commit(domain::ledger::EventBatch { event_id, versions, entries: vec![entry] }).await.unwrap();
            }
            assert_eq!(bench.payment(payment).await, after, "{provider} {state}, cancelled: {is_cancelled}");
            let is_closed = after == "CANCELLED" && provider != "manual";
            let closing = format!(
                "SELECT payload ->> 'payment_id' FROM jobs WHERE key = 'payment:{payment}'
                UNION ALL SELECT NULL LIMIT 1"
            );
            assert_eq!(bench.text(&closing).await == payment.to_string(), is_closed, "{provider} {state}");
        }
    }
    bench.audit_places().await;
}

/// Guards: that an attempt is found by its id. It moves on while the closing waits for its lock, and is closed all the same.
#[tokio::test]
async fn an_attempt_that_moves_on_meanwhile_is_closed() {
    let bench = Bench::priced().await;
    let booking = bench.booked(bench.wanted("k", 1)).await;
    let payment = bench.attempt(booking.id, "sandbox", "REQUIRES_ACTION").await;
    let client = bench.db.connect().await;
    client.execute("BEGIN", &[]).await.unwrap();
    client.execute("UPDATE payments SET state = 'PROCESSING' WHERE id = $1", &[&payment.0]).await.unwrap();
    let cancel = Command::Cancel { booking: booking.clone(), money: None };
    let (cancelled, _) = tokio::join!(bench.does(&cancel), async {
        tokio::time::sleep(Duration::from_millis(60)).await;
        client.execute("COMMIT", &[]).await.unwrap();
    });
    cancelled.unwrap();
    assert_eq!(bench.payment(payment).await, "CANCELLED");
}

/// Guards: the step `cancellations`: its rows, the line that a cancelled item keeps, and that nothing is given back twice.
#[tokio::test]
async fn a_cancellation_goes_with_its_refund_or_not_at_all() {
    let bench = Bench::priced().await;
    let (booking, payment) = bench.paid("k", 3).await;
    let first: Positions = [1].into_iter().collect();
    let part =
        |booking: &Arc<Booking>, positions, money| Command::CancelItems { booking: booking.clone(), positions, money };
    let money = cancellation(first, "0", Some((payment, "9")));
    bench.does(&part(&booking, first, Some(money.clone()))).await.unwrap();
    let written = bench
        .text(
            "SELECT concat_ws(' ', c.positions, c.kept, c.reason, r.amount, r.cause, r.state, r.cancellation_id = c.id)
        FROM cancellations c JOIN refunds r ON r.booking_id = c.booking_id",
        )
        .await;
    assert_eq!(written, "{1} 1.000 the singer is ill 9.000 TICKETS PENDING t");
    let refund = money.refund.as_ref().unwrap().id;
    let jobs = bench.jobs().await;
    assert!(jobs.ends_with(&format!("refund refund refund:{refund}")), "{jobs}");
    let rest = bench.read(booking.id).await;
    assert_eq!((rest.refunded, rest.total, &rest.items), (euros("9"), euros("30"), &booking.items));

    let last = Positions::first(3);
    let whole = |gone: &str, of: PaymentId| Command::Cancel {
        booking: rest.clone(),
        money: Some(cancellation(last, gone, Some((of, "18")))),
    };
    for wrong in [whole("0", payment), whole("9", PaymentId::generate())] {
        let refused = bench.does(&wrong).await;
        assert!(is_rejected(&refused, &Rejection::MoneyChanged), "{refused:?}");
    }
    // What has failed is owed, until another refund pays it.
    bench.db.execute("UPDATE refunds SET state = 'FAILED'").await;
    assert_eq!(bench.read(booking.id).await.refunded, euros("0"));
    bench.db.execute("UPDATE refunds SET replaced_by_id = id").await;
    assert!(is_rejected(&bench.does(&whole("9", payment)).await, &Rejection::MoneyChanged));
    bench.does(&whole("0", payment)).await.unwrap();
    assert_eq!(bench.read(booking.id).await.refunded, euros("18"));
    assert_eq!(bench.ledger.counts(bench.event_id()).await.unwrap()[0].sold, 0);
    bench.audit_places().await;
}

/// Guards: the lock of the payment. A refund by amount that is made at this moment is seen.
#[tokio::test]
async fn a_refund_that_is_made_meanwhile_is_seen() {
    let bench = Bench::priced().await;
    let (booking, payment) = bench.paid("k", 1).await;
    let client = bench.db.connect().await;
    client.execute("BEGIN", &[]).await.unwrap();
    client.execute("SELECT FROM payments WHERE id = $1 FOR NO KEY UPDATE", &[&payment.0]).await.unwrap();
    let refund = "INSERT INTO refunds (id, booking_id, event_id, payment_id, amount, currency, cause, reason)
        SELECT $1, booking_id, event_id, id, 4, currency, 'AMOUNT', 'sorry' FROM payments WHERE id = $2";
    client.execute(refund, &[&Uuid::now_v7(), &payment.0]).await.unwrap();
    let whole = |gone| Command::Cancel {
        booking: booking.clone(),
        money: Some(cancellation(Positions::first(1), gone, Some((payment, "6")))),
    };
    let stale = whole("0");
    let (refused, _) = tokio::join!(bench.does(&stale), async {
        tokio::time::sleep(Duration::from_millis(60)).await;
        client.execute("COMMIT", &[]).await.unwrap();
    });
    assert!(is_rejected(&refused, &Rejection::MoneyChanged), "{refused:?}");
    bench.does(&whole("4")).await.unwrap();
    assert_eq!(bench.read(booking.id).await.refunded, euros("10"));
}

/// Guards: the unique key of cancellations in `classify`.
#[tokio::test]
async fn a_key_of_a_cancellation_is_used_once() {
    let bench = Bench::priced().await;
    let keyed = |account| {
        let money = NewCancellation::clone(&cancellation(Positions::first(1), "0", None));
        let key = Some((IdempotencyKey::parse("cancel").unwrap(), Fingerprint(Uuid::nil())));
        Some(Arc::new(NewCancellation { account_id: Some(account), key, ..money }))
    };
    for (key, taken) in [("one", false), ("two", true)] {
        let booking = bench.booked(bench.wanted(key, 1)).await;
        let cancelled = bench.does(&Command::Cancel { booking, money: keyed(bench.account) }).await;
        assert_eq!(is_rejected(&cancelled, &Rejection::MoneyChanged), taken, "{cancelled:?}");
    }
}

/// Guards: the step `codes`, and the check of the table, which is all that stands behind memory.
#[tokio::test]
async fn uses_of_a_code_are_written_and_bounded() {
    let bench = Bench::priced().await;
    let code = PromoCodeId::generate();
    let statement = "INSERT INTO promo_codes (id, event_id, code, kind, value, uses, uses_per_account)
        VALUES ($1, $2, 'HALF', 'PERCENT', 0.5, 2, 2)";
    bench.db.connect().await.execute(statement, &[&code.0, &bench.event.id]).await.unwrap();
    let used = async || bench.text("SELECT concat_ws(' ', used, ever_used) FROM promo_codes").await;
    let name = || Some(CodeName::parse("promoCode", "half").unwrap());
    let with_code = |key: &str, places| NewBooking { promo_code: name(), ..bench.wanted(key, places) };
    assert_eq!(used().await, "0 f");
    let booking = bench.booked(with_code("one", 2)).await;
    assert_eq!(used().await, "1 t");
    let read = bench.read(booking.id).await;
    assert_eq!((&read.items, &read.promo_code), (&booking.items, &booking.promo_code));
    assert_eq!((read.discount, read.total, read.items[1].discount), (euros("10"), euros("10"), euros("5").amount));
    assert_eq!(Booking::clone(&read).as_first_answered().total, booking.total);

    // Two that memory allowed at once, where one use is left.
    let inventory = bench.load().await;
    let entries =
        ["two", "three"].map(|key| inventory.decide(&Command::Book(with_code(key, 1)), jiff::Timestamp::now()));
    let entries = entries.into_iter().collect::<Result<Vec<_>, _>>().unwrap();
    let batch =
        |entries| domain::ledger::EventBatch { event_id: bench.event_id(), versions: inventory.versions(), entries };
    let refused = bench.commit(batch(entries.clone())).await;
    let guard = Rejection::Guard("promo_codes_uses_check".to_owned());
    assert!(is_rejected(&refused, &guard), "{refused:?}");
    bench.commit(batch(entries[..1].to_vec())).await.unwrap();
    assert_eq!(used().await, "2 t");
    bench.audit().await;

    let loaded = bench.ledger.load(bench.event_id(), false).await.unwrap();
    assert_eq!((loaded.code_uses[0].used, &*loaded.code_uses[0].by_account), (2, &[(bench.account, 2)][..]));
    let [PlannedCode { id, code: planned }] = &loaded.plan.promo_codes[..] else { panic!("{loaded:?}") };
    assert_eq!((id, planned.code.as_str(), planned.uses), (&code, "HALF", Some(2)));
    bench.does(&Command::Cancel { booking: read, money: None }).await.unwrap();
    assert_eq!(used().await, "1 t");
    bench.audit().await;
}

/// Guards: that all steps of one document are written, by a statement that was not prepared as well.
#[tokio::test]
async fn attendees_and_codes_are_written_with_their_bookings() {
    let bench = Bench::priced().await;
    let statement = "INSERT INTO promo_codes (id, event_id, code, kind) VALUES ($1, $2, 'FRIENDS', 'ACCESS')";
    bench.db.connect().await.execute(statement, &[&Uuid::now_v7(), &bench.event.id]).await.unwrap();
    for (node, prepared) in [("prepared", true), ("unprepared", false)] {
        bench.ledger.end_session().await.unwrap();
        let ledger = ledger_with(&bench.db, node, prepared).await;
        let bench = Bench { db: bench.db.clone(), ledger, event: bench.event.clone(), account: bench.account };
        let named = |name| Attendee { name: domain::accounts::PersonName::stored(name), email: None };
        let attendees: Attendees = [named("Ada"), named("Charles \"\\ ☂")].into_iter().collect();
        let promo_code = Some(CodeName::parse("promoCode", "friends").unwrap());
        let wanted = NewBooking { attendees, promo_code, ..bench.wanted(node, 3) };
        let booking = bench.booked(wanted).await;
        let read = bench.read(booking.id).await;
        assert_eq!((&read.attendees, &read.promo_code), (&booking.attendees, &booking.promo_code));
        let hold = bench.hold(&bench.load().await, node);
        bench.commit(hold).await.unwrap();
        bench.audit().await;
        bench.ledger.end_session().await.unwrap();
    }
}

/// Guards: the trigger of bookings, without which attendees would stay behind.
#[tokio::test]
async fn attendees_go_with_their_booking() {
    let bench = Bench::priced().await;
    let attendees = [Attendee { name: domain::accounts::PersonName::stored("Ada"), email: None }].into_iter().collect();
    let source = Source::clone(&bench.wanted("k", 1).source);
    bench.booked(NewBooking { attendees, source, ..bench.wanted("k", 1) }).await;
    assert_eq!(bench.text("SELECT count(*)::text FROM attendees").await, "1");
    bench.db.execute("DELETE FROM bookings").await;
    assert_eq!(bench.text("SELECT count(*)::text FROM attendees").await, "0");
}

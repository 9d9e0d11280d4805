//! What the lists of the back office read, by the database's own count: a page, and not a table.

use boxoffice::infrastructure::postgres::{connection::RequestPool, store::PgStore};
use domain::{
    accounts::{AccountStatus, Role},
    administration::{AccountAdministration, AccountFilter},
    audit::{AuditFilter, AuditRepository},
    ids::{AccountId, BookingId},
    repositories::{BookingRepository, PageRequest, Start},
    search::Total,
};
use uuid::Uuid;

use crate::{pool_of, support::TestDatabase};

/// Rows of each table: what reads them from end to end stands out.
const ROWS: u64 = 40_000;
/// More than a page and its count read, and far less than a table.
const READ_MAX: i64 = 6_000;

const FILL: &str = "
    INSERT INTO accounts (id, email, password_hash, role, status, email_verified_at)
        SELECT md5('a' || n)::uuid, 'person' || n || '@tests.example', '!',
            (CASE WHEN n % 1000 = 0 THEN 'ORGANIZER' ELSE 'USER' END)::account_role,
            (CASE WHEN n % 2000 = 0 THEN 'SUSPENDED' ELSE 'ACTIVE' END)::account_status,
            CASE WHEN n % 3000 <> 0 THEN now() END
        FROM generate_series(1, 40000) AS n;
    INSERT INTO profiles (account_id, name) SELECT md5('a' || n)::uuid, 'Person ' || n FROM generate_series(1, 40000) AS n;
    INSERT INTO audit_log (seq, at, actor_id, action, target_kind, target_id, details, hash)
        SELECT n, now(), md5('a' || n % 400)::uuid, 'ACTION_' || n % 400, 'account', n % 400, '{}', sha256('x')
        FROM generate_series(1, 40000) AS n;
    INSERT INTO bookings (id, event_id, account_id, status, quantity, fees, tax, total, currency, idempotency_key, fingerprint,
            created_at, updated_at)
        SELECT md5('b' || n)::uuid, md5('e')::uuid, md5('a' || n % 400)::uuid, 'CONFIRMED', 1, 0, 0, 0, 'EUR', n, md5('f')::uuid,
            now(), now()
        FROM generate_series(1, 40000) AS n;
    ANALYZE accounts, profiles, audit_log, bookings";

/// Rows that were read, in scans of whole tables and by indexes, by all who have reported.
async fn rows_read(pool: &RequestPool) -> (i64, i64) {
    let client = pool.get().await.unwrap();
    // Otherwise a back end reports once a second at most.
    client.query_typed("SELECT pg_stat_force_next_flush()", &[]).await.unwrap();
    let read = "SELECT sum(seq_tup_read)::bigint, sum(coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_user_tables \
        WHERE relname IN ('accounts', 'profiles', 'audit_log', 'bookings')";
    let row = client.query_typed_one(read, &[]).await.unwrap();
    (row.get(0), row.get(1))
}

fn first<K>() -> PageRequest<K> {
    PageRequest { start: Start::Offset(0), limit: 20 }
}

/// The guards: counts that end at a thousand, and an index for each filter.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_back_office_reads_no_table_from_end_to_end() {
    let database = TestDatabase::migrated().await;
    database.connect().await.batch_execute(FILL).await.unwrap();
    // One connection, so that whoever reads is whoever reports.
    let pool = pool_of(&database, 1);
    let store = PgStore::new(pool.clone());
    let person: Uuid = database.connect().await.query_one("SELECT md5('a7')::uuid", &[]).await.unwrap().get(0);
    let accounts = |filter: AccountFilter| (format!("accounts, {filter:?}"), filter);
    let none = AccountFilter::default;
    let mut wrong = Vec::new();
    let mut before = rows_read(&pool).await;
    let mut judge = async |name: String, total: Total| {
        let now = rows_read(&pool).await;
        let (whole, by_index) = (now.0 - before.0, now.1 - before.1);
        if whole + by_index > READ_MAX {
            wrong.push(format!("{name}: {whole} rows in whole tables, {by_index} by indexes"));
        }
        if let Total::About(total) = total {
            assert!((ROWS / 2..ROWS * 2).contains(&total), "{name}: about {total}");
        }
        before = now;
    };
    for (name, filter) in [
        accounts(none()),
        accounts(AccountFilter { text: Some("person77".to_owned()), ..none() }),
        accounts(AccountFilter { role: Some(Role::Organizer), ..none() }),
        accounts(AccountFilter { status: Some(AccountStatus::Suspended), ..none() }),
        accounts(AccountFilter { verified: Some(false), ..none() }),
        accounts(AccountFilter { verified: Some(true), ..none() }),
    ] {
        let page = store.accounts(&filter, &first::<AccountId>()).await.unwrap();
        assert!(!page.entries.is_empty(), "{name}");
        judge(name, page.total).await;
    }
    let none = AuditFilter::default;
    for filter in [
        none(),
        AuditFilter { actor: Some(AccountId(person)), ..none() },
        AuditFilter { action: Some("ACTION_7".to_owned()), ..none() },
        AuditFilter { target_kind: Some("account".to_owned()), target_id: Some("7".to_owned()), ..none() },
    ] {
        let page = store.audit_entries(&filter, &first::<u64>()).await.unwrap();
        assert!(!page.entries.is_empty(), "{filter:?}");
        judge(format!("audit log, {filter:?}"), page.total).await;
    }
    let page = store.bookings_of(AccountId(person), &first::<BookingId>()).await.unwrap();
    assert_eq!((page.entries.len(), page.total), (20, Total::Exact(100)));
    judge("own bookings".to_owned(), page.total).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

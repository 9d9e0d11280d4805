//! A server that starts before its database, or on an address that leads to none.

use crate::support::{ChildServer, Settings, TestDatabase, child, relay::Relay, until};

/// The guard: `AddressFault`. Each of these was waited for in vain, or ended the server with the code of a defect.
#[tokio::test]
async fn an_address_that_leads_to_no_database_is_a_fault_of_the_configuration() {
    let faults = [
        ("postgres://ada:p@ss@localhost/boxoffice", "percent-encode"),
        ("postgres://ada:pass@localhost:abc/boxoffice", "port"),
        ("postgres://ada:pass@localhost/boxoffice?nonsense=1", "nonsense"),
        ("postgres://ada:pass@localhost/boxoffice?sslmode=verify-full", "TLS"),
        ("postgres://ada:pass@localhost/boxoffice?sslmode=require", "TLS"),
    ];
    for (url, said) in faults {
        for command in ["check-config", "serve"] {
            let output = child::run(&Settings::default().set("DATABASE_URL", url), &[command]);
            let text = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(64), "{command} {url}: {text}");
            assert!(text.starts_with("DATABASE_URL: ") && text.contains(said), "{command} {url}: {text}");
            assert!(!text.contains("ada"), "a secret is not repeated: {text}");
        }
    }
}

/// The guard: the reason decides whether the start waits (`StoreError::passes`). No connection left is normal in a roll-out.
#[tokio::test]
async fn a_server_that_starts_before_its_database_waits_for_it() {
    let database = TestDatabase::migrated().await;
    let superuser = database.connect_as_superuser().await;
    let limit = async |connections: i32| {
        let name: String = superuser.query_one("SELECT current_database()", &[]).await.unwrap().get(0);
        let statement = format!("ALTER DATABASE {name} CONNECTION LIMIT {connections}");
        superuser.batch_execute(&statement).await.unwrap();
    };
    let mut relay = Relay::closed();
    let mut server = ChildServer::new(Settings::default().set("DATABASE_URL", relay.url(&database.url())));
    server.launch();
    let says = async |text: &str| {
        let told = format!("it says {text:?}");
        until(&told, async || server.log().contains(text)).await;
    };
    says("the database is away").await;
    limit(0).await;
    relay.open(&database.url()).await;
    says("too many connections").await;
    limit(-1).await;
    server.ready().await;
}

/// The guard: the same for a lock that somebody keeps for longer than the start waits for one.
#[tokio::test]
async fn a_server_that_meets_a_lock_at_its_start_waits_for_it() {
    let database = TestDatabase::migrated().await;
    let blocker = database.connect().await;
    blocker.batch_execute("BEGIN; LOCK TABLE node_sessions IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let mut server = ChildServer::new(Settings::default().set("DATABASE_URL", database.url()));
    server.launch();
    until("it has met the lock", async || server.log().contains("lock timeout")).await;
    blocker.batch_execute("ROLLBACK").await.unwrap();
    server.ready().await;
}

/// The guard: `letters::check`.
#[tokio::test]
async fn a_database_that_knows_english_letters_only_is_warned_of() {
    let database = TestDatabase::migrated().await;
    let superuser = database.connect_as_superuser().await;
    let own = "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()";
    let row = superuser.query_one(own, &[]).await.unwrap();
    let (usual, owner): (String, String) = (row.get(0), row.get(1));
    let name = format!("{usual}_c");
    let create =
        format!("CREATE DATABASE {name} OWNER {owner} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'");
    superuser.batch_execute(&create).await.unwrap();
    let warning = "knows capitals of English only";
    for (url, is_warned) in [(database.url(), false), (database.url().replace(&usual, &name), true)] {
        let mut server = ChildServer::new(Settings::default().set("DATABASE_URL", url));
        server.launch();
        server.ready().await;
        assert_eq!(server.log().contains(warning), is_warned, "{}", server.log());
        server.kill();
    }
    superuser.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
}

/// The guard: `durability::check`. The PostgreSQL of the tests has no fsync.
#[tokio::test]
async fn production_refuses_a_database_that_forgets_in_a_crash() {
    let database = TestDatabase::migrated().await;
    let settings = Settings::default()
        .set("DATABASE_URL", database.url())
        .set("BOXOFFICE_ENV", "production")
        .set("BOXOFFICE__MAIL__SMTP_URL", "smtps://user:hunter2@mail.example.org")
        .set("BOXOFFICE__MAIL__FROM", "no-reply@tickets.example.org")
        .set("BOXOFFICE__MAIL__LINK_ORIGIN", "https://tickets.example.org");
    let mut server = ChildServer::new(settings);
    server.launch();
    assert_eq!(server.ended().await.code(), Some(64), "{}", server.log());
    let log = server.log();
    assert!(log.contains("fsync = on") && log.contains("full_page_writes = on"), "{log}");
}

/// Guards: `seeded::check`. What was tried in development is not what sells.
#[tokio::test]
async fn production_refuses_a_database_with_accounts_of_the_demo() {
    let mut server = ChildServer::start(Settings::default()).await;
    server.terminate();
    server.ended().await;
    server.launch_after(
        "export BOXOFFICE_ENV=production BOXOFFICE__MAIL__SMTP_URL=smtps://user:hunter2@mail.example.org \
         BOXOFFICE__MAIL__FROM=no-reply@tickets.example.org BOXOFFICE__MAIL__LINK_ORIGIN=https://tickets.example.org",
    );
    assert_eq!(server.ended().await.code(), Some(64), "{}", server.log());
    assert!(server.log().contains("admin@demo.boxoffice.example"), "{}", server.log());
}

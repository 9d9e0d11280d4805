//! A server that starts before its database, or on an address that leads to none.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::support::{ChildServer, Settings, TestDatabase, child, relay::Relay, shared_postgres::connect, until};

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
    let settings = PRODUCTION.iter().fold(Settings::default(), |settings, (name, value)| settings.set(name, value));
    let settings = settings
        .set("DATABASE_URL", database.url())
        .set("BOXOFFICE__AUTH__ARGON2_MEMORY_KIB", 19_456)
        .set("BOXOFFICE__AUTH__ARGON2_PASSES", 2);
    let mut server = ChildServer::new(settings);
    server.launch();
    assert_eq!(server.ended().await.code(), Some(64), "{}", server.log());
    let log = server.log();
    assert!(log.contains("fsync = on") && log.contains("full_page_writes = on"), "{log}");
}

/// A production server needs all of these; the secret is as random as it has to be.
const PRODUCTION: [(&str, &str); 5] = [
    ("BOXOFFICE_ENV", "production"),
    ("BOXOFFICE__AUTH__JWT_SECRET", "qT7vW2mKx9RbYp4LdZs8HfNc3JgEu6Aa"),
    ("BOXOFFICE__MAIL__SMTP_URL", "smtps://user:hunter2@mail.example.org"),
    ("BOXOFFICE__MAIL__FROM", "no-reply@tickets.example.org"),
    ("BOXOFFICE__MAIL__LINK_ORIGIN", "https://tickets.example.org"),
];

fn exported(variables: &[(&str, &str)]) -> String {
    let exports: Vec<String> = variables.iter().map(|(name, value)| format!("export {name}='{value}'")).collect();
    exports.join(" && ")
}

/// Guards: `seeded::check`. What was tried in development is not what sells.
#[tokio::test]
async fn production_refuses_a_database_with_accounts_of_the_demo() {
    let mut server = ChildServer::start(Settings::default()).await;
    server.terminate();
    server.ended().await;
    let costs = [
        ("BOXOFFICE__DATABASE__ALLOW_PRIVATE", "true"),
        ("BOXOFFICE__AUTH__ARGON2_MEMORY_KIB", "19456"),
        ("BOXOFFICE__AUTH__ARGON2_PASSES", "2"),
    ];
    server.launch_after(&exported(&[&PRODUCTION[..], &costs].concat()));
    assert_eq!(server.ended().await.code(), Some(64), "{}", server.log());
    let log = server.log();
    let refusal = log.lines().find(|line| line.contains("accounts of a seed"));
    assert!(refusal.is_some_and(|line| line.contains("admin@demo.boxoffice.example")), "{log}");
}

async fn signs_in(server: &ChildServer, password: &str) -> bool {
    let body = json!({ "email": "admin@demo.boxoffice.example", "password": password });
    server.api.post("/api/v1/auth/login", &body).await.status == 200
}

/// Guards: that the demo's password is random, kept for the owner, and told at each start.
#[tokio::test]
async fn the_demo_has_a_password_that_the_start_tells_and_that_can_be_replaced() {
    let mut server = ChildServer::start(Settings::default()).await;
    let file = server.folder().join("data/demo-password");
    let kept = || std::fs::read_to_string(&file).unwrap().trim().to_owned();
    let first = kept();
    assert!(first.len() >= 20 && first.bytes().all(|byte| byte.is_ascii_hexdigit()), "{first}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(signs_in(&server, &first).await && !signs_in(&server, "demo-password-1").await);
    let told = |password: &str| server.log().matches(&format!("all with password {password}")).count();
    assert_eq!(told(&first), 1, "{}", server.log());

    let reset =
        child::program(server.settings(), server.folder()).args(["seed", "--reset-passwords"]).output().unwrap();
    assert!(reset.status.success(), "{reset:?}");
    let second = kept();
    assert!(String::from_utf8(reset.stdout).unwrap().contains(&second) && second != first);
    assert!(signs_in(&server, &second).await && !signs_in(&server, &first).await);

    server.terminate();
    server.ended().await;
    server.launch();
    server.ready().await;
    assert_eq!(server.log().matches(&format!("all with password {second}")).count(), 1, "{}", server.log());
}

/// Guards: that a password which is not the accounts' is never told, and that who asks for another gets no events back.
#[tokio::test]
async fn a_password_of_the_demo_that_was_changed_elsewhere_is_not_told_any_more() {
    let mut server = ChildServer::start(Settings::default()).await;
    let first = std::fs::read_to_string(server.folder().join("data/demo-password")).unwrap().trim().to_owned();
    let told =
        |server: &ChildServer, password: &str| server.log().matches(&format!("all with password {password}")).count();
    assert_eq!(told(&server, &first), 1, "{}", server.log());
    let client = connect(&server.private_url()).await;
    let deleted = client.execute("DELETE FROM events WHERE status = 'DRAFT'", &[]).await.unwrap();
    assert!(deleted > 0);

    // Anyone who comes by the database's address has another data folder.
    let elsewhere = Settings::default().set("DATABASE_URL", server.private_url());
    let reset = child::run(&elsewhere, &["seed", "--reset-passwords"]);
    let second = String::from_utf8(reset.stdout).unwrap().trim().rsplit(' ').next().unwrap().to_owned();
    assert!(signs_in(&server, &second).await && !signs_in(&server, &first).await);
    let drafts = "SELECT count(*) FROM events WHERE status = 'DRAFT'";
    assert_eq!(client.query_one(drafts, &[]).await.unwrap().get::<_, i64>(0), 0, "nobody asked for them");

    let here = |server: &ChildServer, arguments: &[&str]| {
        let output = child::program(server.settings(), server.folder()).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let again = here(&server, &["seed"]);
    assert!(again.contains("keep their password") && !again.contains(&first), "{again}");
    assert!(again.contains(&format!("added {deleted} of ")), "what is missing is added: {again}");
    let third = here(&server, &["seed", "--reset-passwords"]).trim().rsplit(' ').next().unwrap().to_owned();
    assert!(here(&server, &["seed"]).contains(&third));

    // One of those that are named is enough: the others' would be told as theirs.
    let own = "UPDATE accounts SET password_hash = '!' WHERE email = 'olivia@demo.boxoffice.example'";
    client.execute(own, &[]).await.unwrap();
    server.terminate();
    server.ended().await;
    server.launch();
    server.ready().await;
    assert_eq!((told(&server, &first), told(&server, &third)), (1, 0), "{}", server.log());
    assert!(server.log().contains("was changed, or never kept here"), "{}", server.log());
}

/// Guards: that the demo loads by itself on a loopback address only.
#[tokio::test]
async fn a_server_that_others_reach_has_no_demo_unless_somebody_loads_it() {
    let mut server = ChildServer::new(Settings::default());
    let listen = format!("0.0.0.0:{}", server.address.port());
    server.launch_after(&exported(&[("BOXOFFICE__HTTP__LISTEN", &listen)]));
    server.ready().await;
    let accounts = "SELECT count(*) FROM accounts";
    let client = connect(&server.private_url()).await;
    assert_eq!(client.query_one(accounts, &[]).await.unwrap().get::<_, i64>(0), 0);

    let seed = child::program(server.settings(), server.folder()).arg("seed").output().unwrap();
    let told = String::from_utf8(seed.stdout).unwrap();
    let password = std::fs::read_to_string(server.folder().join("data/demo-password")).unwrap();
    assert!(told.contains(password.trim()) && signs_in(&server, password.trim()).await, "{told}");
}

/// Guards: that a database of somebody else's gets a random password too, which is told to anyone who loads the demo and to nobody else.
#[tokio::test]
async fn a_demo_in_any_other_database_has_a_password_of_its_own() {
    let passwords = futures_util::future::join_all([(); 2].map(async |()| {
        let database = TestDatabase::migrated().await;
        let settings = Settings::default().set("DATABASE_URL", database.url());
        let told = String::from_utf8(child::run(&settings, &["seed"]).stdout).unwrap();
        let password = told.trim().rsplit(' ').next().unwrap().to_owned();
        let again = String::from_utf8(child::run(&settings, &["seed"]).stdout).unwrap();
        assert!(again.contains("keep their password") && !again.contains(&password), "{again}");
        password
    }));
    let passwords = passwords.await;
    assert!(passwords[0].len() >= 20 && passwords[0] != passwords[1], "{passwords:?}");
}

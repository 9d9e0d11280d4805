//! The commands of the program, as an operator runs them.

mod ending;

use std::{
    io::Write,
    os::unix::fs::PermissionsExt,
    process::{Output, Stdio},
};

use crate::support::{Api, ChildServer, Settings, TestDatabase, child, person, until};
use serde_json::{Value, json};

fn on(database: &TestDatabase) -> Settings {
    Settings::default().set("DATABASE_URL", database.url())
}

#[track_caller]
fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test]
async fn migrations_go_up_tell_where_they_stand_and_go_down() {
    let database = TestDatabase::empty().await;
    let settings = on(&database);
    let run = |arguments: &[&str]| printed(&child::run(&settings, arguments));
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap().count() / 2;
    assert_eq!(run(&["migrate", "status"]).matches("Pending").count(), files);
    assert_eq!(run(&["migrate", "up"]).matches("applied").count(), files);
    assert_eq!(run(&["migrate", "up"]), "nothing to do\n");
    assert_eq!(run(&["migrate", "status"]).matches("Applied").count(), files);
    assert_eq!(run(&["migrate", "down"]).matches("took back").count(), 1);
    assert_eq!(run(&["migrate", "down", "--steps", "99"]).matches("took back").count(), files - 1);
    assert_eq!(run(&["migrate", "status"]).matches("Pending").count(), files);
}

/// Watches that nothing is made for who only asks.
#[tokio::test]
async fn where_there_is_no_database_the_status_of_migrations_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [["migrate", "status"], ["migrate", "down"]] {
        let settings = Settings::default().set("BOXOFFICE__DATABASE__DATA_DIR", "data");
        let output = child::program(&settings, folder.path()).args(arguments).output().unwrap();
        assert!(printed(&output).contains("there is no database yet"), "{output:?}");
        assert!(!folder.path().join("data").exists());
    }
}

/// Bookings are not lost without a word, and a server that may not migrate says what is pending.
#[tokio::test]
async fn who_takes_migrations_back_is_asked_and_who_does_not_migrate_is_told() {
    let database = TestDatabase::migrated().await;
    let settings = on(&database);
    let account = "INSERT INTO accounts (id, email, password_hash, role) VALUES (gen_random_uuid(), 'ada@example.org', '!', 'USER')";
    database.execute(account).await;
    let refused = child::run(&settings, &["migrate", "down", "--steps", "99"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(said.contains("people could not sign in any more") && said.contains("--lose-data"), "{said}");
    let run = |arguments: &[&str]| printed(&child::run(&settings, arguments));
    assert_eq!(run(&["migrate", "down"]).matches("took back").count(), 1, "what is lost by no step is no hindrance");
    let looks = settings.clone().set("BOXOFFICE__DATABASE__MIGRATE", "check");
    let pending = child::run(&looks, &["serve"]);
    let said = String::from_utf8_lossy(&pending.stderr).into_owned();
    assert!(pending.status.code() == Some(1) && said.contains("has not been applied to this database"), "{pending:?}");
    run(&["migrate", "up"]);
    ChildServer::start(looks).await;
    assert!(run(&["migrate", "down", "--steps", "99", "--lose-data"]).matches("took back").count() >= 5);
}

/// Guards: `MigrateError::Unreleased`, which no step of the start waits for the end of.
#[tokio::test]
async fn a_database_of_before_the_first_release_is_refused_at_the_start_and_by_migrate() {
    let database = TestDatabase::migrated().await;
    let former =
        "UPDATE schema_migrations SET checksum = '8aa676114c9669a19435836816c6ef763af77894c0f889cfc5e1c241c445fbfa'
        WHERE version = 1";
    database.execute(former).await;
    for arguments in [&["serve"][..], &["migrate", "up"], &["migrate", "status"]] {
        let refused = child::run(&on(&database), arguments);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(said.contains("before the first release") && said.contains("set DATABASE_URL"), "{said}");
    }
}

/// The serving role needs no right to change the schema: another one does.
#[tokio::test]
async fn a_role_of_its_own_changes_the_schema() {
    let database = TestDatabase::empty().await;
    let role = format!("serving_{}", uuid::Uuid::now_v7().simple());
    let superuser = database.connect_as_superuser().await;
    let rights = format!(
        "CREATE ROLE {role} LOGIN; REVOKE CREATE ON SCHEMA public FROM public; GRANT USAGE ON SCHEMA public TO {role};
        ALTER DEFAULT PRIVILEGES FOR ROLE boxoffice IN SCHEMA public
            GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
        ALTER DEFAULT PRIVILEGES FOR ROLE boxoffice IN SCHEMA public GRANT USAGE ON SEQUENCES TO {role}"
    );
    superuser.batch_execute(&rights).await.unwrap();
    let serving = database.url().replacen("//boxoffice@", &format!("//{role}@"), 1);
    let alone = Settings::default().set("DATABASE_URL", &serving);
    assert_eq!(child::run(&alone, &["serve"]).status.code(), Some(1), "it may not make a table");
    let both = alone.set("DATABASE_MIGRATE_URL", database.url());
    let server = ChildServer::start(both).await;
    person::member_of(&server.api, "ada@example.org").await;
    drop(server);
    superuser.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
}

#[tokio::test]
async fn a_wrong_configuration_is_refused_with_a_line_a_fault() {
    let wrong = Settings::default()
        .set("BOXOFFICE__HTTP__LISTEN", "everywhere")
        .set("BOXOFFICE__INVENTORY__HOLD", "soon")
        .set("BOXOFFICE__HTTP__LISEN", "127.0.0.1:1")
        .set("BOXOFFICE__AUTH__JWT_SECRET", "short");
    for command in ["check-config", "serve"] {
        let output = child::run(&wrong, &[command]);
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.lines().count(), 4, "{said}");
        for name in ["HTTP__LISTEN", "INVENTORY__HOLD", "HTTP__LISEN", "AUTH__JWT_SECRET"] {
            assert_eq!(
                said.lines().filter(|line| line.split(':').next().unwrap().ends_with(name)).count(),
                1,
                "{name}: {said}"
            );
        }
        assert!(!said.contains("short"), "a secret is not repeated: {said}");
    }
    assert_eq!(
        child::run(&Settings::default().set("BOXOFFICE_ENV", "moon"), &["check-config"]).status.code(),
        Some(64)
    );
}

#[tokio::test]
async fn a_configuration_is_printed_with_its_secrets_masked() {
    let settings = Settings::default().set("DATABASE_URL", "postgres://ada:pa55word@localhost/boxoffice");
    let shown = printed(&child::run(&settings, &["check-config"]));
    assert!(shown.contains("environment = development") && shown.contains("http.listen"), "{shown}");
    assert!(!shown.contains("pa55word") && !shown.contains(crate::support::accounts::JWT_SECRET), "{shown}");
}

fn create_admin(settings: &Settings, email: &str, password: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = child::program(settings, folder.path());
    command
        .args(["create-admin", "--email", email])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    writeln!(running.stdin.take().unwrap(), "{password}").unwrap();
    running.wait_with_output().unwrap()
}

#[tokio::test]
async fn the_first_administrator_is_made_and_signs_in() {
    let database = TestDatabase::empty().await;
    let settings = on(&database);
    let made = printed(&create_admin(&settings, "Root@Example.org", "correct horse battery"));
    assert!(made.contains("root@example.org") && !made.contains("horse"), "{made}");
    let again = create_admin(&settings, "root@example.org", "correct horse battery");
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert!(String::from_utf8_lossy(&again.stderr).contains("registered already"), "{again:?}");
    let short = create_admin(&settings, "other@example.org", "short");
    assert!(!short.status.success() && String::from_utf8_lossy(&short.stderr).contains("password"), "{short:?}");

    let server = ChildServer::start(settings).await;
    let body = json!({ "email": "root@example.org", "password": "correct horse battery" });
    let session = server.api.post("/api/v1/auth/login", &body).await.ok();
    assert_eq!((&session["user"]["role"], &session["user"]["emailVerified"]), (&json!("ADMIN"), &json!(true)));
    let admin = server.api.with_token(session["accessToken"].as_str().unwrap());
    let log = admin.get("/api/v1/admin/audit-log").await.ok();
    let entry = &log["data"][0];
    assert_eq!((&entry["action"], &entry["targetId"]), (&json!("ACCOUNT_CREATED"), &session["user"]["id"]));
    assert_eq!(
        (log["data"].as_array().unwrap().len(), entry.get("actorId")),
        (1, None),
        "the command line has no account"
    );
}

/// Attempts and refusals are in the log, and nothing in it lets anybody in or says where somebody gets mail.
#[tokio::test]
async fn who_was_let_in_and_who_was_not_is_in_the_log() {
    let database = TestDatabase::empty().await;
    let settings = on(&database).set("BOXOFFICE__LOG__FILTER", "info").set("BOXOFFICE__LOG__FORMAT", "json");
    let server = ChildServer::start(settings).await;
    let browser = person::member_of(&server.api, "ada@example.org").await;
    person::try_login(&server.api, "ada@example.org", "a wrong password").await.problem(401, "AUTH_005");
    browser.api.get("/api/v1/admin/users").await.problem(403, "AUTH_004");
    server.api.with_token("nonsense").get("/api/v1/profile").await.problem(401, "AUTH_002");
    let stranger = browser.api.with_header("origin", "https://evil.example");
    stranger.send(reqwest::Method::POST, "/api/v1/auth/refresh", None, None).await.problem(403, "AUTH_006");
    browser.refresh().await;
    browser.api.delete("/api/v1/sessions").await;
    browser.api.get("/api/v1/profile").await.problem(401, "AUTH_003");

    let user = browser.user["id"].as_str().unwrap();
    let lines = [
        ("account registered", Some(user)),
        ("signed in", Some(user)),
        ("sign-in refused: wrong address or password", None),
        ("access refused: insufficient rights", Some(user)),
        ("access refused: page of another site", None),
        ("all sessions ended by their owner", Some(user)),
    ];
    until("the log has it all", async || lines.iter().all(|(message, _)| server.log().contains(message))).await;
    let log: Vec<Value> = server.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (message, user) in lines {
        let line = log.iter().find(|line| line["message"] == message);
        let line = line.unwrap_or_else(|| panic!("no {message:?} in {log:#?}"));
        assert_eq!(line["userId"].as_str(), user, "{line}");
        assert!(line["requestId"].is_string(), "{line}");
    }
    // A refusal's id leads to a line with who and where, and a refused sign-in to the account.
    let sign_in = log.iter().find(|line| line["message"] == "sign-in refused: wrong address or password").unwrap();
    assert_eq!((&sign_in["client"], &sign_in["account"]), (&json!("127.0.0.1"), &json!(user)));
    let same = |line: &&Value| line["message"] == "request refused" && line["requestId"] == sign_in["requestId"];
    let told = log.iter().find(same).expect("a refused request has a line");
    assert_eq!(
        (&told["status"], &told["code"], &told["client"]),
        (&json!(401), &json!("AUTH_005"), &json!("127.0.0.1"))
    );
    let refused: Vec<_> = log.iter().filter(|line| line["message"] == "access refused").collect();
    let reasons: Vec<_> = refused.iter().map(|line| line["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["the access token is not valid", "the access token was revoked"]);
    let secret = browser.cookie.split('.').nth(1).unwrap();
    for hidden in
        ["ada@example.org", person::PASSWORD, "a wrong password", secret, &browser.access_token, &browser.csrf_token]
    {
        assert!(!server.log().contains(hidden), "{hidden} is in the log");
    }
}

/// The fixture of load tests: its tokens are good, its events sell what it says.
#[tokio::test]
async fn the_fixture_of_load_tests_can_be_booked_with() {
    let database = TestDatabase::empty().await;
    let settings = on(&database);
    let arguments = ["seed", "--scenario", "loadtest", "--users", "3", "--events", "2"];
    let fixture: Value = serde_json::from_str(&printed(&child::run(&settings, &arguments))).unwrap();
    let again: Value = serde_json::from_str(&printed(&child::run(&settings, &arguments))).unwrap();
    assert_eq!(fixture["events"], again["events"], "the same arguments, the same ids");

    let capped = "SELECT count(*) FROM events WHERE unpaid_limited";
    assert_eq!(database.number(capped, &[]).await, 0, "a few accounts stand for a crowd");

    let production = settings
        .clone()
        .set("BOXOFFICE_ENV", "production")
        .set("BOXOFFICE__AUTH__JWT_SECRET", "qT7vW2mKx9RbYp4LdZs8HfNc3JgEu6Aa")
        .set("BOXOFFICE__AUTH__ARGON2_MEMORY_KIB", 19_456)
        .set("BOXOFFICE__AUTH__ARGON2_PASSES", 2);
    let refused = child::run(&production, &arguments);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("refused in production"), "{refused:?}");

    let server = ChildServer::start(settings).await;
    let api: Api = server.api.with_token(fixture["users"][0]["accessToken"].as_str().unwrap());
    for event in fixture["events"].as_array().unwrap() {
        let of = &event["ticketTypes"][0];
        let item = match of["seated"].as_bool().unwrap() {
            true => json!({ "ticketTypeId": of["id"], "seatIds": [event["seatIds"][0]] }),
            false => json!({ "ticketTypeId": of["id"], "quantity": 2 }),
        };
        let path = format!("/api/v1/events/{}/bookings", event["id"].as_str().unwrap());
        let body = json!({ "items": [item] });
        let key = event["slug"].as_str().unwrap();
        let booking = api.send(reqwest::Method::POST, &path, Some(key), Some(&body)).await.created();
        let priced = event["kind"] == "priced-ga";
        assert_eq!(booking["status"], if priced { "PENDING_PAYMENT" } else { "CONFIRMED" });
    }
    crate::support::audit::audit(&database.connect().await).await;
}

#[tokio::test]
async fn a_seed_writes_its_fixture_to_a_file() {
    let database = TestDatabase::migrated().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fixture.json");
    let out = file.to_str().unwrap();
    let arguments = ["seed", "--scenario", "loadtest", "--users", "1", "--events", "0", "--out", out];
    assert_eq!(printed(&child::run(&on(&database), &arguments)), "");
    let mode = |file: &std::path::Path| std::fs::metadata(file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600, "whoever reads the tokens is whoever they name");
    let fixture: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(fixture["users"].as_array().unwrap().len(), 1);
    assert!(fixture["users"][0]["accessToken"].as_str().unwrap().len() > 100);
    // Nor does a file that was open to all before stay so.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    printed(&child::run(&on(&database), &arguments));
    assert_eq!(mode(&file), 0o600);
}

/// Every connection is a file descriptor, and the usual soft limit is 1,024.
#[tokio::test]
async fn the_limit_of_file_descriptors_is_raised_and_a_low_one_is_named() {
    const NAMED: &str = "the limit of file descriptors is too low";
    let database = TestDatabase::migrated().await;
    let launched = async |settings: Settings, limits: &str| {
        let mut server = ChildServer::new(settings);
        server.launch_after(limits);
        server.ready().await;
        server
    };
    let settings = on(&database).set("BOXOFFICE__HTTP__MAX_CONNECTIONS", 300);

    let enough = launched(settings.clone(), "ulimit -Sn 200 && ulimit -Hn 2000").await;
    #[cfg(target_os = "linux")]
    {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", enough.pid())).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        assert_eq!(line.split_whitespace().nth(3), Some("2000"), "{line}");
    }
    assert!(!enough.log().contains(NAMED), "{}", enough.log());
    drop(enough);

    let low = launched(settings, "ulimit -n 400").await;
    let log = low.log();
    let line = log.lines().find(|line| line.contains(NAMED)).unwrap_or_else(|| panic!("not a word of it: {log}"));
    assert!(line.contains("400") && line.contains("300"), "{line}");
}

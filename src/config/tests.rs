use std::collections::{BTreeMap, BTreeSet};

use secrecy::ExposeSecret;

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// As from `openssl rand -hex 32`.
const RANDOM: &str = "7c0fb2d5e8a94c61f3b7d02e95a86c1479e3b05fd2c84a6e1b97f035d8ac624e";

/// What production can't do without.
const PRODUCTION: [(&str, &str); 6] = [
    ("BOXOFFICE_ENV", "production"),
    ("BOXOFFICE__AUTH__JWT_SECRET", RANDOM),
    ("BOXOFFICE__MAIL__SMTP_URL", "smtps://user:hunter2@mail.example.org"),
    ("BOXOFFICE__MAIL__FROM", "no-reply@tickets.example.org"),
    ("BOXOFFICE__MAIL__LINK_ORIGIN", "https://tickets.example.org"),
    ("DATABASE_URL", "postgres://app:hunter2@db/box"),
];

/// A production server with these settings as well; the last of a name wins.
fn production(variables: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    [&PRODUCTION[..], variables].concat()
}

fn sources(variables: &[(&str, &str)]) -> Sources {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Sources { variables, folder: std::path::PathBuf::from("no-such-folder") }
}

fn load(variables: &[(&str, &str)]) -> Config {
    Config::load(&sources(variables)).unwrap()
}

fn faults(variables: &[(&str, &str)]) -> Vec<String> {
    let faults = Config::load(&sources(variables)).expect_err("a fault");
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn without_any_source_the_defaults_hold() {
    let config = load(&[]);
    assert_eq!(config.environment, Environment::Development);
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.ops.listen.to_string(), "127.0.0.1:9090");
    assert_eq!(config.http.server.request_timeout.as_secs(), 30);
    assert_eq!(config.http.server.body_limit, 1 << 20);
    assert!(config.database.url.is_none() && config.auth.keys.jwt_secret.is_none());
    assert!(config.node.name.ends_with(":8080"), "{}", config.node.name);
}

#[test]
fn the_environment_overrides_the_file_and_the_file_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        "[http]\nlisten = \"0.0.0.0:1\"\nmax_connections = 7\n[rate_limit]\ntrusted = [\"::1\", \"10.0.0.0/8\"]\n";
    std::fs::write(folder.path().join("staging.toml"), text).unwrap();
    let mut sources = sources(&[("BOXOFFICE_ENV", "staging"), ("BOXOFFICE__HTTP__LISTEN", "127.0.0.1:2")]);
    sources.folder = folder.path().to_owned();
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.http.listen.port(), 2);
    assert_eq!(config.http.server.max_connections, 7);
    assert_eq!(config.rate_limit.limiter.trusted.len(), 2);
    assert_eq!(config.inventory.max_batch, 512);
}

#[test]
fn names_that_everyone_expects_work_and_the_specific_one_wins() {
    let (general, specific) = ("postgres://a@b/c", "postgres://d@e/f");
    let url = |config: &Config| config.database.url.as_ref().unwrap().expose_secret().to_owned();
    assert_eq!(url(&load(&[("DATABASE_URL", general)])), general);
    assert_eq!(url(&load(&[("DATABASE_URL", general), ("BOXOFFICE__DATABASE__URL", specific)])), specific);
    assert_eq!(load(&[("RUST_LOG", "debug")]).log.filter, "debug");
    assert!(load(&[("REDIS_URL", "redis://h")]).redis.url.is_some());
    // Set but empty is not set.
    assert!(load(&[("DATABASE_URL", "")]).database.url.is_none());
}

#[test]
fn every_fault_is_reported_on_a_line_of_its_own() {
    let found = faults(&[
        ("BOXOFFICE_ENV", "prod"),
        ("BOXOFFICE__HTTP__LISTEN", "everywhere\nand beyond"),
        ("BOXOFFICE__HTTP__REQUEST_TIMEOUT", "30"),
        ("BOXOFFICE__HTTP__MAX_CONECTIONS", "5"),
        ("BOXOFFICE__DATABASE__MAX_CONNECTIONS", "0"),
        ("DATABASE_URL", "mysql://root:hunter2@h/d"),
        ("BOXOFFICE__AUTH__JWT_SECRET", "short"),
        ("BOXOFFICE__RATE_LIMIT__TRUSTED", "localhost"),
        ("RUST_LOG", "a=b=c"),
    ]);
    for (name, right) in [
        ("BOXOFFICE_ENV", "development, staging or production"),
        ("BOXOFFICE__HTTP__LISTEN", "such as 127.0.0.1:8080"),
        ("BOXOFFICE__HTTP__REQUEST_TIMEOUT", "such as 500ms"),
        ("BOXOFFICE__HTTP__MAX_CONECTIONS", "did you mean BOXOFFICE__HTTP__MAX_CONNECTIONS?"),
        ("BOXOFFICE__DATABASE__MAX_CONNECTIONS", "from 2 to 1000"),
        ("DATABASE_URL", "postgres://user:password@"),
        ("BOXOFFICE__AUTH__JWT_SECRET", "at least 32"),
        ("BOXOFFICE__RATE_LIMIT__TRUSTED", "127.0.0.0/8"),
        ("RUST_LOG", "such as info"),
    ] {
        let line = found.iter().find(|line| line.starts_with(&format!("{name}:")));
        assert!(line.is_some_and(|line| line.contains(right)), "{name}: {found:#?}");
    }
    assert_eq!(found.len(), 9, "{found:#?}");
    assert!(found.iter().all(|line| !line.contains('\n') && !line.contains("hunter2") && !line.contains("short")));
}

#[test]
fn a_shutdown_has_time_for_its_parts() {
    let (whole, drain) = ("BOXOFFICE__HTTP__SHUTDOWN_TIMEOUT", "BOXOFFICE__HTTP__DRAIN_TIMEOUT");
    let duck = ("BOXOFFICE__HTTP__LAME_DUCK", "5s");
    let found = faults(&[duck, (drain, "10s"), (whole, "14999ms")]);
    assert!(found.len() == 1 && found[0].starts_with(whole) && found[0].contains("15000ms"), "{found:?}");
    assert_eq!(load(&[duck, (drain, "10s"), (whole, "15s")]).http.shutdown_timeout, std::time::Duration::from_secs(15));
    assert_eq!(load(&[duck, (drain, "600s")]).http.shutdown_timeout, std::time::Duration::from_secs(615));
}

#[test]
fn keys_of_tokens_are_whole_and_one_of_them_signs() {
    let first = |variables: &[(&str, &str)]| faults(variables).into_iter().next().unwrap_or_default();
    let (private, other) = ("BOXOFFICE__AUTH__JWT_PRIVATE_KEY", "BOXOFFICE__AUTH__JWT_OTHER_KID");
    assert!(first(&[(private, "hunter2")]).contains("openssl genpkey"));
    assert!(!first(&[(private, "hunter2")]).contains("hunter2"));
    assert!(first(&[("BOXOFFICE__AUTH__JWT_OTHER_PUBLIC_KEY", "x"), (other, "k2")]).contains("openssl pkey"));
    assert!(first(&[(other, "k2")]).contains("needs one of"));
    assert!(first(&[("BOXOFFICE__AUTH__JWT_OTHER_SECRET", SECRET)]).contains("they need it"));
    assert!(load(&[("BOXOFFICE__AUTH__JWT_OTHER_SECRET", SECRET), (other, "k2")]).auth.keys.jwt_other_secret.is_some());
}

#[test]
fn unknown_keys_in_a_file_are_faults() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str| {
        std::fs::write(folder.path().join("development.toml"), text).unwrap();
        let sources = Sources { variables: BTreeMap::new(), folder: folder.path().to_owned() };
        Config::load(&sources).err().unwrap_or_default().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert!(check("[http]\nlisen = \"x\"")[0].contains("did you mean http.listen?"));
    assert!(check("[nonsense]\na = 1")[0].contains("is not a setting"));
    assert_eq!(check("[http\n").len(), 1);
    assert!(check("[http]\nmax_connections = 5").is_empty());
}

#[test]
fn secrets_come_from_files_too_but_not_from_both() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, format!("{SECRET}\n")).unwrap();
    let path = path.to_str().unwrap();
    let config = load(&[("BOXOFFICE__AUTH__JWT_SECRET_FILE", path)]);
    assert_eq!(config.auth.keys.jwt_secret.unwrap().expose_secret(), SECRET);
    std::fs::write(path, "postgres://a@b/c\n").unwrap();
    let config = load(&[("DATABASE_URL_FILE", path)]);
    assert_eq!(config.database.url.unwrap().expose_secret(), "postgres://a@b/c");
    assert_eq!(faults(&[("DATABASE_URL_FILE", path), ("DATABASE_URL", "postgres://d@e/f")]).len(), 1);
    assert!(faults(&[("DATABASE_URL_FILE", "/no/such/file")])[0].starts_with("DATABASE_URL_FILE: cannot read"));
}

#[test]
fn production_does_not_make_secrets_up() {
    let found = faults(&[("BOXOFFICE_ENV", "production"), PRODUCTION[5]]);
    assert!(found.len() == 1 && found[0].starts_with("BOXOFFICE__AUTH__JWT_SECRET: is required"), "{found:?}");
    load(&PRODUCTION);
}

#[test]
fn production_sends_mails_for_real_or_says_that_it_does_not() {
    let (environment, secret, url, database) = (PRODUCTION[0], PRODUCTION[1], PRODUCTION[2], PRODUCTION[5]);
    assert!(!load(&[environment, secret, database]).mail.enabled, "a server without a mail server sells as well");
    let found = faults(&[environment, secret, url, database]);
    assert_eq!(found.len(), 2, "whoever sends mails says from where and what they link to: {found:#?}");
    let found = faults(&[environment, secret, database, ("BOXOFFICE__MAIL__ENABLED", "true")]);
    for name in ["SMTP_URL", "FROM", "LINK_ORIGIN"] {
        let line = format!("BOXOFFICE__MAIL__{name}: is required in production");
        assert_eq!(found.iter().filter(|fault| fault.starts_with(&line)).count(), 1, "{name}: {found:#?}");
    }
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(load(&PRODUCTION).mail.server().is_some());
    assert!(load(&[]).mail.server().is_none() && load(&[]).mail.enabled);
}

/// Each of these has a line of its own, all at once.
#[test]
fn production_does_not_start_without_its_protections() {
    let wrong: [(&str, &str, &str); 9] = [
        ("BOXOFFICE__AUTH__JWT_SECRET", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "can be guessed"),
        ("BOXOFFICE__AUTH__JWT_OTHER_SECRET", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "can be guessed"),
        ("BOXOFFICE__AUTH__ACCESS_TTL", "31m", "is longer than 30m"),
        ("BOXOFFICE__AUTH__ARGON2_MEMORY_KIB", "19455", "at least 19456"),
        ("BOXOFFICE__RATE_LIMIT__TRUSTED", "10.0.0.0/8,0.0.0.0/0", "0.0.0.0/0 has strangers"),
        ("BOXOFFICE__HTTP__TRUSTED_PROXIES", "::/0", "::/0 has strangers"),
        ("BOXOFFICE__HTTP__CORS_ORIGINS", "https://a.example,http://b.example", "http://b.example comes without"),
        ("BOXOFFICE__MAIL__LINK_ORIGIN", "http://tickets.example.org", "without encryption"),
        ("DATABASE_URL", "", "ALLOW_PRIVATE=true"),
    ];
    let mut variables = production(&[("BOXOFFICE__AUTH__JWT_OTHER_KID", "k2")]);
    variables.extend(wrong.map(|(name, value, _)| (name, value)));
    let found = faults(&variables);
    for (name, _, said) in wrong {
        let is_said = |line: &String| line.starts_with(&format!("{name}: ")) && line.contains(said);
        assert!(found.iter().any(is_said), "{name}: {found:#?}");
    }
    // The two secrets are the same besides.
    assert_eq!(found.len(), wrong.len() + 1, "{found:#?}");

    let elsewhere: Vec<_> =
        variables.iter().filter(|(name, _)| !name.ends_with("_ENV") && !name.contains("OTHER")).copied().collect();
    load(&elsewhere);
    let own = load(&production(&[
        ("DATABASE_URL", ""),
        ("BOXOFFICE__DATABASE__ALLOW_PRIVATE", "true"),
        ("BOXOFFICE__AUTH__ARGON2_MEMORY_KIB", "7168"),
        ("BOXOFFICE__AUTH__ARGON2_PASSES", "6"),
        ("BOXOFFICE__RATE_LIMIT__TRUSTED", "10.0.0.0/8,fd00::/8"),
        ("BOXOFFICE__HTTP__CORS_ORIGINS", "http://localhost:3000"),
    ]));
    assert!(own.database.url.is_none());
}

/// Watches that somebody who forbids the private database is obeyed, wherever the server runs.
#[test]
fn no_environment_starts_a_private_database_that_is_forbidden() {
    let forbidden = ("BOXOFFICE__DATABASE__ALLOW_PRIVATE", "false");
    for environment in ["development", "staging", "production"] {
        let mut variables = production(&[forbidden, ("BOXOFFICE_ENV", environment), ("DATABASE_URL", "")]);
        let found = faults(&variables);
        let is_named = found.len() == 1 && found[0].starts_with("DATABASE_URL: ") && found[0].contains("allow_private");
        assert!(is_named, "{environment}: {found:#?}");
        variables.push(("DATABASE_URL", "postgres://a@b/c"));
        assert!(load(&variables).database.url.is_some(), "{environment}");
    }
    for environment in ["development", "staging"] {
        assert!(load(&[("BOXOFFICE_ENV", environment)]).database.allow_private, "{environment}: it is by default");
    }
}

/// Each pair can't be right together; the defaults give way to what is set.
#[test]
fn settings_that_exclude_each_other_are_faults() {
    let pairs: [&[(&str, &str)]; 15] = [
        &[("BOXOFFICE__AUTH__SESSION_IDLE", "25h"), ("BOXOFFICE__AUTH__SESSION_AGE", "24h")],
        &[("BOXOFFICE__AUTH__ACCESS_TTL", "15m"), ("BOXOFFICE__AUTH__SESSION_IDLE", "14m")],
        &[("BOXOFFICE__AUTH__REQUIRE_VERIFIED_EMAIL", "true"), ("BOXOFFICE__MAIL__ENABLED", "false")],
        &[("BOXOFFICE__HTTP__BODY_TIMEOUT", "31s")],
        &[("BOXOFFICE__HTTP__BODY_TIMEOUT", "20s"), ("BOXOFFICE__HTTP__REQUEST_TIMEOUT", "10s")],
        &[("BOXOFFICE__INVENTORY__REQUEST_DEADLINE", "31s")],
        &[("BOXOFFICE__DATABASE__CONNECT_TIMEOUT", "31s")],
        &[("BOXOFFICE__DATABASE__SEARCH_TIMEOUT", "6s"), ("BOXOFFICE__DATABASE__STATEMENT_TIMEOUT", "5s")],
        &[("BOXOFFICE__DATABASE__LEDGER_WRITERS", "11")],
        &[("BOXOFFICE__DATABASE__MIN_IDLE", "21")],
        &[("BOXOFFICE__DATABASE__MAX_CONNECTIONS", "91")],
        &[("BOXOFFICE__MAIL__RETRY_MIN", "2m"), ("BOXOFFICE__MAIL__RETRY_MAX", "1m")],
        &[("BOXOFFICE__OPS__LISTEN", "127.0.0.1:8080")],
        &[("BOXOFFICE__OPS__LISTEN", "0.0.0.0:8080")],
        &[("BOXOFFICE_ENV", "staging"), ("BOXOFFICE__MAIL__ENABLED", "true")],
    ];
    for variables in pairs {
        let found = faults(variables);
        assert_eq!(found.len(), 1, "{variables:?}: {found:#?}");
        assert!(found[0].starts_with("BOXOFFICE__"), "{found:#?}");
    }
    let (kid, secret) = ("BOXOFFICE__AUTH__JWT_OTHER_KID", "BOXOFFICE__AUTH__JWT_OTHER_SECRET");
    assert!(faults(&[(kid, "k1"), (secret, SECRET)])[0].contains("name them apart"));
    assert!(faults(&[(kid, "k2"), (secret, SECRET), ("BOXOFFICE__AUTH__JWT_SECRET", SECRET)])[0].contains("itself"));

    let short = load(&[
        ("BOXOFFICE__HTTP__REQUEST_TIMEOUT", "3s"),
        ("BOXOFFICE__DATABASE__MAX_CONNECTIONS", "2"),
        ("BOXOFFICE__DATABASE__STATEMENT_TIMEOUT", "2s"),
        ("BOXOFFICE__AUTH__SESSION_AGE", "10m"),
    ]);
    let seconds = std::time::Duration::from_secs;
    assert_eq!((short.http.server.body_timeout, short.inventory.request_deadline), (seconds(3), seconds(3)));
    assert_eq!((short.database.min_idle, short.database.ledger_writers), (2, 1));
    assert_eq!((short.database.search_timeout, short.auth.access_ttl), (seconds(2), seconds(600)));
    let other = ("DATABASE_URL", "postgres://a@b/c");
    assert_eq!(load(&[other, ("BOXOFFICE__DATABASE__MAX_CONNECTIONS", "1000")]).database.max_connections, 1000);
}

#[test]
fn whatever_begins_like_a_setting_is_one_or_a_fault() {
    for (name, hint) in [
        ("BOXOFFICE_HTTP__LISTEN", "BOXOFFICE__HTTP__LISTEN"),
        ("BOXOFFICE_HTTP_LISTEN", "BOXOFFICE__HTTP__LISTEN"),
        ("boxoffice__http__listen", "BOXOFFICE__HTTP__LISTEN"),
        ("BOXOFFICE_ENVV", "BOXOFFICE_ENV"),
        ("BOXOFFICE_AUTH__JWT_SECRET_FILE", "BOXOFFICE__AUTH__JWT_SECRET_FILE"),
    ] {
        let found = faults(&[(name, "127.0.0.1:1")]);
        assert!(found.len() == 1 && found[0] == format!("{name}: is not a setting; did you mean {hint}?"), "{found:?}");
    }
    assert_eq!(faults(&[("BOXOFFICE", "x"), ("BOXOFFICE_NONSENSE", "x")]).len(), 2);
    load(&[("BOXOFFICE_SERVICE_HOST", "10.0.0.7"), ("BOXOFFICE_PORT", "tcp://10.0.0.7:8080")]);
}

/// Guards: that no parser's words are repeated, for they show the line.
#[test]
fn a_file_that_can_not_be_read_does_not_show_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    for text in [
        "[http]\nlisten = \"127.0.0.1:1\"\n[auth]\njwt_secret = \"hunter2hunter2\n",
        "[auth]\njwt_secret = hunter2hunter2\n",
        "[auth]\n\"hunter2hunter2\n",
        "[auth]\njwt_secret = 'hunter2hunter2' 'hunter2'\n",
        "[auth]\nhunter2hunter2\n",
    ] {
        std::fs::write(folder.path().join("development.toml"), text).unwrap();
        let sources = Sources { variables: BTreeMap::new(), folder: folder.path().to_owned() };
        let found: Vec<_> = Config::load(&sources).unwrap_err().iter().map(ToString::to_string).collect();
        assert!(found.len() == 1 && found[0].contains("wrong at line "), "{found:?}");
        assert!(!found[0].contains("hunter2"), "{found:?}");
    }
    let found = faults(&[("DATABASE_URL_FILE", "postgres://app:hunter2@db/box")]);
    assert!(found[0].starts_with("DATABASE_URL_FILE: ") && !found[0].contains("hunter2"), "{found:?}");
}

#[test]
fn a_file_that_is_not_there_is_named_when_its_environment_was() {
    assert!(load(&[]).missing_file.is_none());
    let missing = load(&PRODUCTION).missing_file.unwrap();
    assert_eq!(missing, std::path::Path::new("no-such-folder/production.toml"));
}

#[test]
fn what_is_printed_masks_secrets_and_names_the_origin() {
    let config = load(&[
        ("DATABASE_URL", "postgres://app:hunter2@db/box"),
        ("BOXOFFICE__AUTH__JWT_SECRET", SECRET),
        ("BOXOFFICE__MAIL__SMTP_URL", "smtps://user:hunter2@mail.example.org"),
        ("BOXOFFICE__INVENTORY__HOLD", "90s"),
    ]);
    for text in [config.to_string(), format!("{config:?}")] {
        assert!(!text.contains("hunter2") && !text.contains(SECRET), "{text}");
    }
    let text = config.to_string();
    assert!(text.contains("database.url = ***  (DATABASE_URL)"), "{text}");
    assert!(text.contains("inventory.hold = 1m30s  (BOXOFFICE__INVENTORY__HOLD)"), "{text}");
    assert!(text.contains("inventory.payment = 15m  (default)"), "{text}");
}

/// `.env.example` lists each variable once, commented out, with its default.
#[test]
fn the_example_documents_every_variable_with_its_default() {
    let example = include_str!("../../.env.example");
    let lines: Vec<(&str, &str)> = example
        .lines()
        .filter_map(|line| line.trim_start_matches("# ").split_once('='))
        .filter(|(name, _)| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'))
        .collect();
    let uncommented: Vec<String> = lines.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let uncommented = uncommented.join("\n");
    let parsed = dotenvy::from_read_iter(uncommented.as_bytes());
    assert_eq!(parsed.map(Result::unwrap).count(), lines.len());
    let documented: BTreeSet<&str> = lines.iter().map(|(name, _)| *name).collect();
    assert_eq!(documented.len(), lines.len(), "a variable is there twice");
    let config = load(&[]);
    let shown = |setting: &Setting| setting.alias.map_or_else(|| setting.variable.clone(), str::to_owned);
    let mut expected: BTreeSet<String> = config.settings().iter().map(shown).collect();
    expected.insert("BOXOFFICE_ENV".to_owned());
    assert_eq!(documented, expected.iter().map(String::as_str).collect());
    for setting in config.settings().iter().filter(|setting| !setting.value.is_empty() && setting.key != "node.name") {
        let name = shown(setting);
        let value = lines.iter().find(|(other, _)| *other == name).unwrap().1;
        assert_eq!(value, setting.value, "{name}");
    }
    assert!(
        example.lines().all(|line| line.is_empty() || line.starts_with('#')),
        "copied as it is, it changes nothing"
    );
}

#[test]
fn the_files_we_ship_are_right() {
    let shipped = [[("BOXOFFICE_ENV", "development")].as_slice(), &[("BOXOFFICE_ENV", "staging")], &PRODUCTION];
    for variables in shipped {
        let (mut sources, environment) = (sources(variables), variables[0].1);
        sources.folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        assert!(sources.folder.join(environment).with_extension("toml").is_file());
        Config::load(&sources).unwrap();
    }
}

#[test]
fn limits_are_numbers_and_the_time_in_which_they_are_regained() {
    let config = load(&[
        ("BOXOFFICE__RATE_LIMIT__API", " 7 / 90s "),
        ("BOXOFFICE__RATE_LIMIT__OUTBOUND__SMTP", "14/1s"),
        ("BOXOFFICE__HTTP__TRUSTED_PROXIES", "10.0.0.0/8,fd00::/8"),
    ]);
    let rate = |count, seconds| domain::rate_limit::Rate::new(count, std::time::Duration::from_secs(seconds)).unwrap();
    assert_eq!(config.rate_limit.limiter.api, rate(7, 90));
    assert_eq!(config.rate_limit.limiter.auth, rate(5, 900));
    assert_eq!(config.outbound.smtp, rate(14, 1));
    assert_eq!(config.http.server.trusted_proxies.len(), 2);
    assert!(config.to_string().contains("rate_limit.api = 7/1m30s  (BOXOFFICE__RATE_LIMIT__API)"));
    for wrong in ["5", "0/15m", "5/0s", "5/15", "-5/15m", "5000/1ms", "many/15m", "5/400d"] {
        let found = faults(&[("BOXOFFICE__RATE_LIMIT__AUTH", wrong)]);
        assert!(found.len() == 1 && found[0].contains("such as 100/15m"), "{wrong}: {found:?}");
    }
}

#[test]
fn limits_of_other_services_have_a_table_of_their_own_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("development.toml"), "[rate_limit.outbound]\nsmtp = \"3/1s\"\n").unwrap();
    let sources = Sources { variables: BTreeMap::new(), folder: folder.path().to_owned() };
    assert_eq!(Config::load(&sources).unwrap().outbound.smtp.count(), 3);
}

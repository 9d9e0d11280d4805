//! Connection string: what `DATABASE_URL` says, and what is wrong with it.

use std::{error::Error as _, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::{Config, config::SslMode};

/// A connection that has been silent for so long is asked whether it lives, and again after each interval.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
/// Questions without an answer after which it is dead.
const KEEPALIVE_RETRIES: u32 = 3;
/// What was sent and not acknowledged for so long was sent to nobody.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(10);

/// Why a URL leads to no database, whatever the database does. Waiting does not help. No text holds the URL: it has a password.
#[derive(Debug, thiserror::Error)]
pub enum AddressFault {
    /// A character of the user or the password is taken for the end of it.
    #[error(
        "has an @ too many: percent-encode special characters in user and password (@ is %40, : is %3A, / is %2F, ? is %3F, \
         # is %23, % is %25)"
    )]
    NotEncoded,
    /// It asks for encryption.
    #[error(
        "asks for TLS, which is not built in: leave sslmode out or set sslmode=disable, and encrypt the way to PostgreSQL \
         otherwise (a tunnel, a local PgBouncer)"
    )]
    Tls,
    #[error("names no host; give a URL such as postgres://user:password@host:5432/name")]
    NoHost,
    /// The driver can't read it.
    #[error("can't be read: {0}; percent-encode special characters in user and password")]
    Syntax(String),
}

/// How to connect to the database at `url`, with what makes a silent connection known: keep-alives, and a limit for what is not
/// acknowledged.
///
/// # Errors
///
/// When the URL can't lead to a connection.
pub fn parse(url: &SecretString) -> Result<Config, AddressFault> {
    let text = url.expose_secret();
    if has_raw_at(text) {
        return Err(AddressFault::NotEncoded);
    }
    if ["require", "verify-ca", "verify-full"].iter().any(|mode| parameters(text).any(|pair| pair == ("sslmode", mode)))
    {
        return Err(AddressFault::Tls);
    }
    let mut config: Config = text.parse().map_err(|error: tokio_postgres::Error| {
        AddressFault::Syntax(error.source().map_or_else(|| error.to_string(), ToString::to_string))
    })?;
    // A form of the address that was not looked through above.
    if config.get_ssl_mode() == SslMode::Require {
        return Err(AddressFault::Tls);
    }
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(AddressFault::NoHost);
    }
    config
        .application_name("boxoffice")
        .keepalives(true)
        .keepalives_idle(KEEPALIVE_IDLE)
        .keepalives_interval(KEEPALIVE_INTERVAL)
        .keepalives_retries(KEEPALIVE_RETRIES)
        .tcp_user_timeout(UNACKNOWLEDGED_MAX);
    Ok(config)
}

/// Whether user and password, which end at the first `@`, are followed by another one before the parameters' values. The driver
/// would look for a host with a part of the password in its name, for ever.
fn has_raw_at(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://").and_then(|(_, rest)| rest.split_once('@')) else { return false };
    let place = rest.split('?').next().unwrap_or_default();
    place.contains('@') || parameters(rest).any(|(name, _)| name.contains('@'))
}

fn parameters(url: &str) -> impl Iterator<Item = (&str, &str)> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(url: &str) -> String {
        parse(&url.into()).map(drop).unwrap_err().to_string()
    }

    #[test]
    fn an_address_that_leads_nowhere_says_what_to_do() {
        for url in ["postgres://ada:p@ss@host/db", "postgres://ada:p@s/s@host/db", "postgres://ada:p@ss?w@host/db"] {
            assert!(fault(url).contains("percent-encode"), "{url}: {}", fault(url));
        }
        for mode in ["require", "verify-ca", "verify-full"] {
            let said = fault(&format!("postgres://ada@host/db?connect_timeout=2&sslmode={mode}"));
            assert!(said.contains("TLS"), "{mode}: {said}");
        }
        assert!(fault("postgres://ada@host:abc/db").contains("port"));
        assert!(fault("postgres://ada@host/db?nonsense=1").contains("nonsense"));
        assert!(fault("postgres:///db").contains("names no host"));
    }

    #[test]
    fn no_fault_tells_the_password() {
        for url in [
            "postgres://ada:hun@ter2@host/db",
            "postgres://ada:hun@ter2?hun@host/db",
            "postgres://ada:hunter2@host:x/db",
        ] {
            assert!(!fault(url).contains("hun") && !fault(url).contains("ter2"), "{url}: {}", fault(url));
        }
    }

    #[test]
    fn an_address_that_is_right_gets_keep_alives_and_a_limit_for_silence() {
        for url in [
            "postgres://ada:p%40ss%2Fword@host:5432/db?application_name=a@b",
            "postgresql://ada@one,two:5433/db?target_session_attrs=read-write&sslmode=prefer",
            "postgres://ada@%2Fvar%2Frun%2Fpostgresql/db?sslmode=disable",
        ] {
            let config = parse(&url.into()).unwrap_or_else(|fault| panic!("{url}: {fault}"));
            assert_eq!(config.get_keepalives_interval(), Some(KEEPALIVE_INTERVAL), "{url}");
            assert_eq!(config.get_keepalives_retries(), Some(KEEPALIVE_RETRIES), "{url}");
            assert_eq!(config.get_tcp_user_timeout(), Some(&UNACKNOWLEDGED_MAX), "{url}");
        }
    }
}

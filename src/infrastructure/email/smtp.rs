//! Hands mails to a mail server (RFC 5321).
//!
//! The library's own transport is not used: the time limit of its asynchronous form covers the connecting only, and its pool
//! takes a connection back whose conversation was cut off by a time limit from outside. Here a connection that was not
//! used to the end is closed, so whoever calls may stop waiting at any moment.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use domain::{
    mail::masked,
    outbox::{Mail, SendError, SendMail},
};
use lettre::{
    address::Envelope,
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, TlsParameters},
        extension::ClientId,
    },
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::letter::Letters;
use crate::infrastructure::limits::OutboundLimit;

/// An idle connection that is older is not trusted any more; servers close them after minutes.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// Longest reason that is kept, in characters.
const REASON_CHARS_MAX: usize = 300;

/// How the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Not at all.
    None,
    /// By STARTTLS; a server that does not offer it gets nothing.
    StartTls,
    /// From the first byte.
    Tls,
}

/// Where the mail server is.
#[derive(Clone, Debug)]
pub struct SmtpServer {
    /// Name or address.
    pub host: String,
    /// Usually 25, 465 or 587.
    pub port: u16,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// Who we are there, and the password.
    pub credentials: Option<(String, SecretString)>,
}

/// See the module's page.
pub struct SmtpSender {
    letters: Letters,
    server: SmtpServer,
    tls: Option<TlsParameters>,
    hello: ClientId,
    /// Connections that have sent a mail and could send another, at most as many as send at once.
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
    idle_max: usize,
    pace: Pace,
}

/// How often the server is handed a mail.
#[derive(Debug)]
pub struct Pace {
    /// So often at most.
    pub limit: OutboundLimit,
    /// How long a mail may wait for its turn. It keeps its place among those on their way, so the queue is taken from more
    /// slowly, and no try is counted for nothing.
    pub wait_max: Duration,
}

impl SmtpSender {
    /// Over that server, keeping at most so many idle connections. Fails when the machine's certificates can't be read.
    pub fn new(letters: Letters, server: SmtpServer, idle_max: usize, pace: Pace) -> Result<Self, Error> {
        let tls = match server.encryption {
            Encryption::None => None,
            Encryption::StartTls | Encryption::Tls => Some(TlsParameters::new(server.host.clone())?),
        };
        Ok(Self { letters, server, tls, hello: ClientId::default(), idle: Mutex::default(), idle_max, pace })
    }

    /// An idle connection that still works, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, Error> {
        while let Some(mut connection) = self.take_idle() {
            if connection.test_connected().await {
                return Ok(connection);
            }
        }
        let wrapped = self.tls.clone().filter(|_| self.server.encryption == Encryption::Tls);
        let address = (self.server.host.as_str(), self.server.port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(address, None, &self.hello, wrapped, None).await?;
        if let (Encryption::StartTls, Some(tls)) = (self.server.encryption, &self.tls) {
            connection.starttls(tls.clone(), &self.hello).await?;
        }
        if let Some((user, password)) = &self.server.credentials {
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await?;
        }
        Ok(connection)
    }

    fn take_idle(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < IDLE_MAX);
        idle.pop().map(|(connection, _)| connection)
    }

    fn keep_idle(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.idle_max {
            idle.push((connection, Instant::now()));
        }
    }
}

impl SendMail for SmtpSender {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let letter = self.letters.write(mail)?;
        let envelope: &Envelope = letter.envelope();
        let turn = self.pace.limit.acquire(Instant::now() + self.pace.wait_max).await;
        turn.map_err(|saturated| SendError::Transient(saturated.to_string()))?;
        // Whatever fails before the mail is named is the server's trouble, or ours with it: also a refusal for good.
        let mut connection = self.connection().await.map_err(|error| SendError::Transient(reason(&error, mail)))?;
        match connection.send(envelope, &letter.formatted()).await {
            Ok(_) => {
                self.keep_idle(connection);
                Ok(())
            }
            Err(error) if concerns_this_mail(&error) => Err(SendError::Permanent(reason(&error, mail))),
            Err(error) => Err(SendError::Transient(reason(&error, mail))),
        }
    }
}

/// Whether no try will ever succeed: the server refuses this mail for good (5xx), or can't carry it at all (an address that
/// is not ASCII).
fn concerns_this_mail(error: &Error) -> bool {
    // 530 says that we must sign in first (RFC 4954): a matter of configuration, not of the mail.
    let sign_in_first = error.status().is_some_and(|code| u16::from(code) == 530);
    (error.is_permanent() && !sign_in_first) || error.is_client()
}

/// What the server said, on one line, without the recipient's address, which servers like to repeat.
fn reason(error: &Error, mail: &Mail) -> String {
    use std::error::Error as _;
    let mut text = error.to_string();
    if let Some(source) = error.source() {
        let source = source.to_string();
        if !text.contains(&source) {
            text = format!("{text}: {source}");
        }
    }
    clean(&text, mail)
}

fn clean(text: &str, mail: &Mail) -> String {
    let (address, hidden) = (mail.message.to.as_str(), masked(&mail.message.to));
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = find_ignoring_case(rest, address) {
        clean.push_str(&rest[..at]);
        clean.push_str(&hidden);
        rest = &rest[at + address.len()..];
    }
    clean.push_str(rest);
    let one_line = clean.chars().map(|c| if c.is_control() { ' ' } else { c });
    one_line.take(REASON_CHARS_MAX).collect::<String>().trim().to_owned()
}

fn find_ignoring_case(text: &str, address: &str) -> Option<usize> {
    let same = |part: &str| part.eq_ignore_ascii_case(address);
    text.char_indices().map(|(at, _)| at).find(|at| text.get(*at..at + address.len()).is_some_and(same))
}

#[cfg(test)]
mod tests {
    use domain::mail::Locale;

    use super::{
        super::samples::{all, mail},
        *,
    };

    /// Guards: the masking in `clean`.
    #[test]
    fn a_reason_is_one_short_line_without_the_address() {
        let mail = mail(Locale::En, all("Ada", "x").remove(0));
        let said = "550 <Ada@Example.org>: no such\r\nuser ada@example.org in ü";
        assert_eq!(clean(said, &mail), "550 <a***@example.org>: no such  user a***@example.org in ü");
        assert_eq!(clean(&"ü".repeat(1000), &mail).chars().count(), REASON_CHARS_MAX);
    }
}

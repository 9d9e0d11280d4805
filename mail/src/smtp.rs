//! Hands mails to a mail server (RFC 5321).
//!
//! The library's own transport is not used: the time limit of its asynchronous form covers the connecting only, and its pool
//! takes a connection back whose conversation was cut off by a time limit from outside. Here a connection that was not
//! used to the end is closed, so callers may stop waiting at any moment.

use std::time::Duration;

use domain::{
    mail::Rank,
    outbox::{Handover, Mail, SendError, SendMail, Turns},
};
use lettre::{
    address::Envelope,
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, TlsParameters},
        commands,
        extension::{ClientId, Extension, MailBodyParameter, MailParameter},
    },
};
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::{letter::Letters, pace::Pace, refusal};

/// An idle connection that is older is not trusted any more; servers close them after minutes.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// How long a server that has refused something is given to say goodbye. Nobody waits for it.
const FAREWELL_MAX: Duration = Duration::from_secs(5);

/// How the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
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
        let mut idle = self.idle.lock();
        idle.retain(|(_, since)| since.elapsed() < IDLE_MAX);
        idle.pop().map(|(connection, _)| connection)
    }

    fn keep_idle(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock();
        if idle.len() < self.idle_max {
            idle.push((connection, Instant::now()));
        }
    }
}

impl SendMail for SmtpSender {
    fn turns(&self) -> Turns {
        self.pace.turns()
    }

    fn take_turn(&self, rank: Rank) {
        self.pace.take(rank);
    }

    async fn send(&self, mail: &Mail, handover: &Handover) -> Result<(), SendError> {
        let letter = self.letters.write(mail)?;
        let mut connection = self.connection().await.map_err(|error| refusal::of_server(&error, mail))?;
        match converse(&mut connection, mail, (letter.envelope(), &letter.formatted()), handover).await {
            Ok(()) => {
                self.keep_idle(connection);
                Ok(())
            }
            Err(error) => {
                // Beside this: what the server thinks of the mail is known, however long it takes to say goodbye.
                tokio::spawn(async move { tokio::time::timeout(FAREWELL_MAX, connection.abort()).await });
                Err(error)
            }
        }
    }
}

/// The conversation about one mail (RFC 5321, 3.3). Each step has refusals of its own: the sender is the same in every mail, so what is
/// said about it is not about this one.
async fn converse(
    connection: &mut AsyncSmtpConnection,
    mail: &Mail,
    (envelope, text): (&Envelope, &[u8]),
    handover: &Handover,
) -> Result<(), SendError> {
    let parameters = parameters(connection, envelope, text)?;
    let sender = commands::Mail::new(envelope.from().cloned(), parameters);
    connection.command(sender).await.map_err(|error| refusal::of_server(&error, mail))?;
    for recipient in envelope.to() {
        let recipient = commands::Rcpt::new(recipient.clone(), Vec::new());
        connection.command(recipient).await.map_err(|error| refusal::of_mail(&error, mail))?;
    }
    connection.command(commands::Data).await.map_err(|error| refusal::of_mail(&error, mail))?;
    handover.begin();
    match connection.message(text).await {
        Ok(_) => Ok(()),
        Err(error) if error.status().is_some() => Err(refusal::of_mail(&error, mail)),
        // The connection broke, and the answer with it.
        Err(error) => Err(SendError::Unanswered(refusal::reason(&error, mail))),
    }
}

/// What the server has to be able to carry.
fn parameters(
    connection: &AsyncSmtpConnection,
    envelope: &Envelope,
    text: &[u8],
) -> Result<Vec<MailParameter>, SendError> {
    let server = connection.server_info();
    let mut parameters = Vec::new();
    let cannot = |what: &str| {
        // As with a refused address: another server may be able to.
        let reason = format!("the mail server can't carry {what}");
        SendError::Rejected { reason, address: true }
    };
    let mut addresses = envelope.from().into_iter().chain(envelope.to());
    if !addresses.all(|address| AsRef::<str>::as_ref(address).is_ascii()) {
        if !server.supports_feature(Extension::SmtpUtfEight) {
            return Err(cannot("an address that is not ASCII (SMTPUTF8)"));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !text.is_ascii() {
        if !server.supports_feature(Extension::EightBitMime) {
            return Err(cannot("a text that is not ASCII (8BITMIME)"));
        }
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    Ok(parameters)
}

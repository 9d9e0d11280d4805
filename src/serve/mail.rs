//! How this server sends mails: over a mail server, into a folder for its developer, or not at all.

use std::sync::Arc;

use actors::{
    breakers::{Breakers, Service},
    outbox::RunningOutbox,
};
use anyhow::Context;
use application::mails::MailFolder;
use boxoffice_api::mails::KeptMails;
use boxoffice_mail::{
    Sender,
    letter::{Author, Letters},
    memory::MemorySender,
    pace::Pace,
    smtp::SmtpSender,
};
use boxoffice_store::postgres::{connection::RequestPool, outbox::PgOutbox};
use domain::{accounts::EmailAddress, rate_limit::Rate, secrets::OpaqueToken};

use crate::config::{Config, Environment, MailConfig};

/// The part of a server that sends mails.
pub(super) struct Mail {
    pub(super) running: RunningOutbox,
    /// Where the mails are, when they are sent nowhere else.
    pub(super) kept: Option<KeptMails>,
}

/// How mails are sent, before any is.
pub(super) struct MailSender(Sender, Option<Arc<MailFolder>>);

impl MailSender {
    /// Checks what the configuration says.
    pub(super) fn new(config: &Config) -> anyhow::Result<Self> {
        let (sender, folder) = sender(&config.mail, config.environment, config.outbound.smtp)?;
        Ok(Self(sender, folder))
    }
}

impl Mail {
    /// Starts to send what is queued. A mail server that is away stops nobody from starting.
    pub(super) async fn start(
        config: &Config,
        sender: MailSender,
        pool: RequestPool,
        breakers: &Breakers,
    ) -> anyhow::Result<Self> {
        let MailSender(sender, folder) = sender;
        let queue = Arc::new(PgOutbox::new(pool));
        let running =
            RunningOutbox::start(queue, Arc::new(sender), breakers.of(Service::Email).clone(), config.mail.outbox);
        let running = running.await.context("the outbox can't start")?;
        let kept = folder.map(|folder| KeptMails { folder, token: OpaqueToken::from_random(rand::random()) });
        Ok(Self { running, kept })
    }
}

/// Only a developer's server keeps mails in memory; the configuration has made sure that all others have a mail server or send none.
fn sender(
    config: &MailConfig,
    environment: Environment,
    rate: Rate,
) -> anyhow::Result<(Sender, Option<Arc<MailFolder>>)> {
    let address = EmailAddress::parse("from", &config.from).map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let author = Author { name: config.from_name.clone(), address };
    let letters = Letters::new(author, &config.link_origin)?;
    Ok(match config.server() {
        server if !config.enabled || server.is_none() && environment != Environment::Development => {
            tracing::warn!("no mails are sent: set BOXOFFICE__MAIL__SMTP_URL; until then each becomes a dead letter");
            (Sender::Off, None)
        }
        Some(server) => {
            let smtp = SmtpSender::new(letters, server, config.outbox.concurrency, Pace::new(rate));
            (Sender::Smtp(Box::new(smtp.context("the certificates for mail servers can't be read")?)), None)
        }
        None => {
            let folder = Arc::new(MailFolder::default());
            (Sender::Memory(Box::new(MemorySender::new(letters, folder.clone()))), Some(folder))
        }
    })
}

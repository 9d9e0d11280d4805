//! E-mail.

use std::{net::IpAddr, time::Duration};

use actors::outbox::OutboxSettings;
use boxoffice_mail::smtp::{Encryption, SmtpServer};
use domain::{accounts::EmailAddress, backoff::Backoff, outbox::Upkeep};
use http::Uri;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{
    Environment,
    declare::{days, hours, minutes, ms, s},
    sources::{Layers, Section},
};

/// Addresses that exist in examples only; in production they are faults.
const FROM: &str = "no-reply@boxoffice.example";
const LINK_ORIGIN: &str = "http://127.0.0.1:8080";
const LINK_ORIGIN_RIGHT: &str = "an origin such as https://tickets.example.org, without a path";

const URL_RIGHT: &str = "give a URL such as smtps://user:password@host or smtp://user:password@host?tls=required, with \
    user and password percent-encoded";

settings! {
    /// E-mail
    "mail" MailConfig(environment: Environment) {
        [outbox: OutboxSettings = outbox]
        /// Secret: the mail server, smtps://user:password@host, or smtp://user:password@host?tls=required for STARTTLS; percent-encode user
        /// and password. In development, without it, mails are kept in memory and shown at /mails of the operations listener.
        smtp_url: Option<SecretString> = secret(None, |text| smtp(text).map(drop));
        /// false: no mail is sent; each becomes a dead letter. The default in staging and production without a mail server.
        // Only a developer reads a server's memory, and a server without a mail server still sells.
        enabled: bool = flag(environment == Environment::Development || smtp_url.is_some());
        /// Whether buyers are told of their bookings by mail. What they book while this is false they are never told of, nor what became of it.
        /// The default where mails are sent.
        bookings: bool = flag(enabled);
        /// The address mails come from; required in production with a mail server.
        from: String = alias(None, FROM.to_owned(), address, "an address such as no-reply@example.org");
        /// The name beside it. Empty: what the site is called, by its setting siteName.
        from_name: String = alias(None, String::new(), name, "at most 100 characters");
        /// Where the links in mails lead: the front end's origin. Required in production with a mail server.
        link_origin: String = alias(None, LINK_ORIGIN.to_owned(), link_origin, LINK_ORIGIN_RIGHT);
    }
}

settings! {
    outbox -> OutboxSettings or default {
        [backoff = backoff]
        [upkeep = upkeep]
        /// For the mail server to take a mail. Too high: a server that hangs holds up the mails behind, and a stop that waits for an
        /// answer is cut. Too low: a slow one gets mails twice.
        send_timeout "timeout": Duration = duration(default.send_timeout, ms(100)..=minutes(10));
        /// Mails on their way at once, each on a connection of its own. Too high: the mail server refuses. Too low: a slow mail holds up
        /// the others. A quarter is for mails that somebody waits for at a screen.
        concurrency: usize = number(default.concurrency, 1..=100);
        /// How often the queue is looked at for retries, and for what other servers left. Too high: retries are late. Too low: looks for
        /// nothing.
        poll_every "poll": Duration = duration(default.poll_every, ms(10)..=minutes(10));
    }
}

settings! {
    backoff -> Backoff or default(OutboxSettings::default().backoff) {
        /// The longest wait between two tries.
        longest "retry_max": Duration = duration(default.longest, ms(10)..=hours(24));
        /// Wait before the second try; each further one is three times as long.
        first "retry_min": Duration = duration_within(default.first, ms(10)..=hours(1), (longest, "retry_max"));
    }
}

settings! {
    upkeep -> Upkeep or default(OutboxSettings::default().upkeep) {
        /// Tries before a mail becomes a dead letter. Only what the mail server says about the mail counts. Too high: mails that nobody
        /// takes are tried for days. Too low: a recipient's server that is away for an hour gets none.
        attempts_max "attempts": u32 = number(default.attempts_max, 1..=100);
        /// How long a mail waits for a mail server that takes none. Too high: mails tell of what nobody cares for any more. Too low: a
        /// long outage makes dead letters of them.
        patience: Duration = duration(default.patience, s(1)..=days(30));
        /// How long sent mails (without content) and dead letters (with it) are kept.
        retention: Duration = duration(default.retention, s(1)..=days(366));
    }
}

impl MailConfig {
    /// The mail server, when there is one.
    pub fn server(&self) -> Option<SmtpServer> {
        smtp(self.smtp_url.as_ref()?.expose_secret()).ok()
    }

    /// Whether mails can be sent as the settings say. Nothing is made up in production.
    pub(super) fn check(&self, environment: Environment, section: &mut Section<'_, '_>) {
        if !self.enabled {
            return;
        }
        if self.server().is_none() && environment != Environment::Development {
            let place = environment.as_str();
            let problem = format!("is required in {place}; {URL_RIGHT}, or leave BOXOFFICE__MAIL__ENABLED away");
            section.fault_of("smtp_url", problem);
        }
        if self.from == FROM && environment == Environment::Production {
            section.fault_of("from", "is required in production; give an address whose mails you may send");
        }
        if self.link_origin == LINK_ORIGIN && environment == Environment::Production {
            section.fault_of("link_origin", "is required in production; give the front end's origin");
        }
    }
}

fn address(text: &str) -> Option<String> {
    EmailAddress::parse("from", text).ok().map(|from| from.as_str().to_owned())
}

fn name(text: &str) -> Option<String> {
    (text.len() <= 100 && !text.contains(char::is_control)).then(|| text.to_owned())
}

/// A mail server from its URL, or what is wrong with it, without the URL: it holds a password.
fn smtp(text: &str) -> Result<SmtpServer, String> {
    let wrong = |what: &str| format!("{what}; {URL_RIGHT}");
    let url = Url::parse(text).map_err(|_| wrong("is not a URL"))?;
    let mut tls = None;
    for (name, value) in url.query_pairs() {
        match (&*name, &*value) {
            ("tls", "required") => tls = Some(Encryption::StartTls),
            _ => return Err(wrong("has a parameter other than tls=required")),
        }
    }
    let (encryption, usual_port) = match (url.scheme(), tls) {
        ("smtp", None) => (Encryption::None, 25),
        ("smtp", Some(tls)) => (tls, 587),
        ("smtps", None) => (Encryption::Tls, 465),
        ("smtps", Some(_)) => return Err(wrong("is encrypted from the first byte and has tls=required as well")),
        _ => return Err(wrong("is not of a mail server")),
    };
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("names no host"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let half = |()| wrong("has a user or a password without the other, or is wrongly encoded");
    let credentials = credentials(&url).map_err(half)?;
    if encryption == Encryption::None && credentials.is_some() && !is_this_machine(&host) {
        return Err(wrong("would send the password without encryption"));
    }
    Ok(SmtpServer { host, port: url.port().unwrap_or(usual_port), encryption, credentials })
}

/// User and password, when there are any. An error when there is one without the other.
fn credentials(url: &Url) -> Result<Option<(String, SecretString)>, ()> {
    let decoded = |text| percent_decode_str(text).decode_utf8().map(|text| text.into_owned()).map_err(drop);
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) | (_, None) => Err(()),
        (user, Some(password)) => Ok(Some((decoded(user)?, decoded(password)?.into()))),
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An http(s) origin, as it is written in links.
fn link_origin(text: &str) -> Option<String> {
    let uri: Uri = text.parse().ok()?;
    let authority = uri.authority()?;
    let plain = ["", "/"].contains(&uri.path()) && uri.query().is_none() && !text.contains('#');
    let web = ["http", "https"].contains(&uri.scheme_str()?);
    let origin = format!("{}://{authority}", uri.scheme_str()?);
    (web && plain && !authority.as_str().contains('@')).then_some(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_is_read_from_its_url() {
        let server = smtp("smtps://box%40office:p%C3%A4ss%2Fw+d@mail.example.org").unwrap();
        assert_eq!((server.host.as_str(), server.port), ("mail.example.org", 465));
        assert_eq!(server.encryption, Encryption::Tls);
        let (user, password) = server.credentials.unwrap();
        assert_eq!((user.as_str(), password.expose_secret()), ("box@office", "päss/w+d"));
        let server = smtp("smtp://u:p@mail.example.org:2525?tls=required").unwrap();
        assert_eq!((server.port, server.encryption), (2525, Encryption::StartTls));
        let server = smtp("smtp://[::1]").unwrap();
        assert_eq!((server.host.as_str(), server.port, server.encryption), ("::1", 25, Encryption::None));
        assert!(server.credentials.is_none());
        assert!(smtp("smtp://u:p@127.0.0.1").is_ok(), "nobody listens there");
    }

    #[test]
    fn a_wrong_url_is_refused_without_being_repeated() {
        for wrong in [
            "",
            "mail.example.org",
            "http://u:hunter2@mail.example.org",
            "smtp://",
            "smtp://u:hunter2@mail.example.org",
            "smtp://u@mail.example.org?tls=required",
            "smtp://:hunter2@mail.example.org?tls=required",
            "smtps://u:hunter2@mail.example.org?tls=required",
            "smtp://u:hunter2@mail.example.org?tls=opportunistic",
            "smtps://u:hunter2%ff@mail.example.org",
        ] {
            let problem = smtp(wrong).unwrap_err();
            assert!(problem.contains("give a URL") && !problem.contains("hunter2"), "{wrong}: {problem}");
        }
    }

    #[test]
    fn links_lead_to_an_origin_of_the_web() {
        assert_eq!(link_origin("https://tickets.example.org/").unwrap(), "https://tickets.example.org");
        assert_eq!(link_origin("http://127.0.0.1:8080").unwrap(), "http://127.0.0.1:8080");
        for wrong in [
            "",
            "tickets.example.org",
            "ftp://example.org",
            "javascript:alert(1)",
            "https://a@example.org",
            "https://example.org/shop",
            "https://example.org?x=1",
            "https://example.org#x",
            "/shop",
        ] {
            assert_eq!(link_origin(wrong), None, "{wrong}");
        }
    }
}

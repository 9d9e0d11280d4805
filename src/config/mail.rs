//! E-mail.

use std::{net::IpAddr, time::Duration};

use domain::accounts::EmailAddress;
use http::Uri;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{Environment, sources::Section};

/// Addresses that exist in examples only; in production they are faults.
const FROM: &str = "no-reply@boxoffice.example";
const LINK_ORIGIN: &str = "http://127.0.0.1:8080";

const URL_RIGHT: &str = "give a URL such as smtps://user:password@host or smtp://user:password@host?tls=required, with \
    user and password percent-encoded";

/// How mails are sent.
#[derive(Clone, Debug)]
pub struct MailConfig {
    /// False: none is sent; each becomes a dead letter. For installations without a mail server; the default outside of development
    /// when there is none.
    pub enabled: bool,
    /// The mail server. Without one, and in development, mails are kept in memory and shown by the operations listener.
    pub smtp: Option<SmtpConfig>,
    /// The address mails come from, checked.
    pub from: String,
    /// The name beside it. Empty: the site's, by the setting `siteName`.
    pub from_name: String,
    /// Where the links in mails lead: the front end's origin.
    pub link_origin: String,
    /// For the mail server to take a mail. Too high: a server that hangs holds up the mails behind, and a stop that waits for an answer
    /// is cut (`http.drain_timeout`). Too low: a slow one gets mails twice.
    pub timeout: Duration,
    /// Mails on their way at once, each on a connection of its own. Too high: the mail server refuses. Too low: a slow mail
    /// holds up the others. A quarter is for mails that somebody waits for at a screen.
    pub concurrency: usize,
    /// Tries before a mail becomes a dead letter. Only what the mail server says about the mail counts. Too high: mails that nobody
    /// takes are tried for days. Too low: a recipient's server that is away for an hour gets none.
    pub attempts: u32,
    /// How long a mail waits for a mail server that takes none. Too high: mails tell of what nobody cares for any more. Too low: a long
    /// outage makes dead letters of them.
    pub patience: Duration,
    /// Wait before the second try; each further one is three times as long.
    pub retry_min: Duration,
    /// The longest wait between two tries.
    pub retry_max: Duration,
    /// How often the queue is looked at for retries, and for what other servers left. Too low: looks for nothing. Too high:
    /// retries are late.
    pub poll: Duration,
    /// How long sent mails (without content) and dead letters (with it) are kept.
    pub retention: Duration,
}

/// A mail server.
#[derive(Clone, Debug)]
pub struct SmtpConfig {
    /// Name or address.
    pub host: String,
    /// Usually 25, 465 or 587.
    pub port: u16,
    /// How the connection is encrypted.
    pub encryption: SmtpEncryption,
    /// Who we are there, and the password.
    pub credentials: Option<(String, SecretString)>,
}

/// How a connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpEncryption {
    /// `smtp://`: not at all.
    None,
    /// `smtp://…?tls=required`: STARTTLS, or nothing is sent.
    StartTls,
    /// `smtps://`: from the first byte.
    Tls,
}

impl MailConfig {
    pub(super) fn read(section: &mut Section<'_, '_>, environment: Environment) -> Self {
        let (ms, s, hours) =
            (Duration::from_millis, Duration::from_secs, |hours: u64| Duration::from_secs(hours * 3600));
        let url = section.secret("smtp_url", None, |text| smtp(text).map(drop));
        // Only a developer reads a server's memory, and a server without a mail server still sells.
        let sends = environment == Environment::Development || url.is_some();
        let enabled = section.value("enabled", sends, "true or false");
        let address = |text: &str| EmailAddress::parse("from", text).ok().map(|from| from.as_str().to_owned());
        let named = |text: &str| (text.len() <= 100 && !text.contains(char::is_control)).then(|| text.to_owned());
        let retry_max = section.duration("retry_max", hours(1), ms(10)..=hours(24));
        let origin = "an origin such as https://tickets.example.org, without a path";
        let config = Self {
            enabled,
            smtp: url.and_then(|url| smtp(url.expose_secret()).ok()),
            from: section.alias("from", None, FROM.to_owned(), address, "an address such as no-reply@example.org"),
            from_name: section.alias("from_name", None, String::new(), named, "at most 100 characters"),
            link_origin: section.alias("link_origin", None, LINK_ORIGIN.to_owned(), link_origin, origin),
            timeout: section.duration("timeout", s(30), ms(100)..=s(600)),
            concurrency: section.number("concurrency", 4, 1..=100),
            attempts: section.number("attempts", 8, 1..=100),
            patience: section.duration("patience", hours(3 * 24), s(1)..=hours(30 * 24)),
            retry_min: section.duration_within("retry_min", s(5), ms(10)..=hours(1), (retry_max, "retry_max")),
            retry_max,
            poll: section.duration("poll", s(5), ms(10)..=s(600)),
            retention: section.duration("retention", hours(14 * 24), s(1)..=hours(366 * 24)),
        };
        if config.enabled && config.smtp.is_none() && environment != Environment::Development {
            let place = environment.as_str();
            section.fault_of(
                "smtp_url",
                format!("is required in {place}; {URL_RIGHT}, or leave BOXOFFICE__MAIL__ENABLED away"),
            );
        }
        if environment == Environment::Production && enabled {
            config.check_production(section);
        }
        config
    }

    /// Nothing is made up in production.
    fn check_production(&self, section: &mut Section<'_, '_>) {
        if self.from == FROM {
            section.fault_of("from", "is required in production; give an address whose mails you may send");
        }
        if self.link_origin == LINK_ORIGIN {
            section.fault_of("link_origin", "is required in production; give the front end's origin");
        }
    }
}

/// A mail server from its URL, or what is wrong with it, without the URL: it holds a password.
fn smtp(text: &str) -> Result<SmtpConfig, String> {
    let wrong = |what: &str| format!("{what}; {URL_RIGHT}");
    let url = Url::parse(text).map_err(|_| wrong("is not a URL"))?;
    let mut tls = None;
    for (name, value) in url.query_pairs() {
        match (&*name, &*value) {
            ("tls", "required") => tls = Some(SmtpEncryption::StartTls),
            _ => return Err(wrong("has a parameter other than tls=required")),
        }
    }
    let (encryption, usual_port) = match (url.scheme(), tls) {
        ("smtp", None) => (SmtpEncryption::None, 25),
        ("smtp", Some(tls)) => (tls, 587),
        ("smtps", None) => (SmtpEncryption::Tls, 465),
        ("smtps", Some(_)) => return Err(wrong("is encrypted from the first byte and has tls=required as well")),
        _ => return Err(wrong("is not of a mail server")),
    };
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("names no host"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let half = |()| wrong("has a user or a password without the other, or is wrongly encoded");
    let credentials = credentials(&url).map_err(half)?;
    if encryption == SmtpEncryption::None && credentials.is_some() && !is_this_machine(&host) {
        return Err(wrong("would send the password without encryption"));
    }
    Ok(SmtpConfig { host, port: url.port().unwrap_or(usual_port), encryption, credentials })
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
        assert_eq!(server.encryption, SmtpEncryption::Tls);
        let (user, password) = server.credentials.unwrap();
        assert_eq!((user.as_str(), password.expose_secret()), ("box@office", "päss/w+d"));
        let server = smtp("smtp://u:p@mail.example.org:2525?tls=required").unwrap();
        assert_eq!((server.port, server.encryption), (2525, SmtpEncryption::StartTls));
        let server = smtp("smtp://[::1]").unwrap();
        assert_eq!((server.host.as_str(), server.port, server.encryption), ("::1", 25, SmtpEncryption::None));
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

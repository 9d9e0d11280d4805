//! What mails look like: one folder a language, in it a file in plain text and one in HTML for each mail, compiled in.
//!
//! Whatever comes from outside is escaped in HTML by the engine. Links lead to the configured origin, and to the pages that the
//! site's settings name.

use domain::{
    mail::{BookedPlace, BookingSummary, Locale, Message, Site, Template},
    money::Money,
};
use include_dir::{Dir, include_dir};
use jiff::Timestamp;
use minijinja::{Environment, UndefinedBehavior, Value, context};

use super::format;

static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/mails");

/// A mail in words.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// In plain text.
    pub text: String,
    pub html: String,
    pub links: Vec<String>,
}

/// The templates, read and checked.
pub struct Templates {
    environment: Environment<'static>,
    origin: String,
}

impl Templates {
    /// The templates that are compiled in, with links to `origin`, such as `https://tickets.example.org`.
    pub fn new(origin: &str) -> Result<Self, minijinja::Error> {
        let mut environment = Environment::new();
        // A name that is misspelt in a template is an error, and not a gap in a mail.
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        add_all(&mut environment, &TEMPLATES)?;
        Ok(Self { environment, origin: origin.trim_end_matches('/').to_owned() })
    }

    /// Puts a message of that site into words.
    pub fn render(&self, message: &Message, site: &Site) -> Result<Rendered, minijinja::Error> {
        let (locale, name) = (message.locale, message.template.kind().to_ascii_lowercase());
        let links = self.links(&message.template);
        let context = context! { site => of_site(site), ..values(locale, &message.template, &links) };
        let file = |ending: &str| format!("{}/{name}.{ending}", locale.as_str());
        let template = self.environment.get_template(&file("txt"))?;
        let mut captured = template.render_captured(&context)?;
        let subject = one_line(&captured.with_state_mut(|state| state.render_block("subject"))?);
        let text = captured.with_state_mut(|state| state.render_block("body"))?.trim_start().to_owned();
        let html = self.environment.get_template(&file("html"))?;
        let html = html.render(context! { subject => subject, lang => locale.as_str(), ..context })?;
        Ok(Rendered { subject, text, html, links: links.into_iter().map(|(_, link)| link).collect() })
    }

    /// The links of a mail, by the names that templates know them by.
    fn links(&self, template: &Template) -> Vec<(&'static str, String)> {
        let to = |path: &str| format!("{}{path}", self.origin);
        let with_token = |path: &str, token: &str| {
            // Tokens need no escaping as a rule; a link must stay one whatever they are made of.
            let token: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
            format!("{}{path}?token={token}", self.origin)
        };
        match template {
            Template::VerifyEmail { token, .. } => vec![("verify", with_token("/verify-email", token.expose()))],
            Template::ResetPassword { token, .. } => vec![("reset", with_token("/reset-password", token.expose()))],
            Template::AlreadyRegistered { .. } => vec![("login", to("/login")), ("forgot", to("/forgot-password"))],
            Template::PasswordChanged { .. } => vec![("forgot", to("/forgot-password"))],
            Template::AccountSuspended { .. } => Vec::new(),
            Template::EventNotPublished { event_id, .. } => {
                vec![("event", to(&format!("/organizer/events/{event_id}")))]
            }
            Template::BookingConfirmed { booking }
            | Template::BookingCancelled { booking, .. }
            | Template::EventCancelled { booking, .. }
            | Template::PaymentFailed { booking, .. }
            | Template::BookingExpiring { booking, .. }
            | Template::RefundPaid { booking, .. }
            | Template::MoneyReturned { booking, .. }
            | Template::EventChanged { booking, .. } => {
                vec![("booking", to(&format!("/bookings/{}", booking.booking_id)))]
            }
        }
    }
}

fn add_all(environment: &mut Environment<'static>, folder: &'static Dir<'static>) -> Result<(), minijinja::Error> {
    for file in folder.files() {
        let (path, text) = (file.path().to_str().unwrap_or_default(), file.contents_utf8().unwrap_or_default());
        environment.add_template(path, text)?;
    }
    folder.dirs().try_for_each(|inner| add_all(environment, inner))
}

/// What a template can name.
fn values(locale: Locale, template: &Template, links: &[(&'static str, String)]) -> Value {
    let links: Value = links.iter().cloned().collect();
    match template {
        // Anyone who knows an address can have these sent to it, and may have chosen the name: nothing of theirs is in them.
        Template::VerifyEmail { valid_minutes, .. } | Template::ResetPassword { valid_minutes, .. } => {
            context! { name => NOBODY, links, validity => format::validity(locale, *valid_minutes) }
        }
        Template::AlreadyRegistered { .. } => context! { name => NOBODY, links },
        Template::PasswordChanged { name } | Template::AccountSuspended { name } => {
            context! { name => greeting(name), links }
        }
        Template::EventNotPublished { name, event_title, reasons, .. } => {
            context! { name => greeting(name), links, title => event_title, reasons }
        }
        Template::BookingConfirmed { booking }
        | Template::BookingCancelled { booking, .. }
        | Template::EventCancelled { booking, .. }
        | Template::PaymentFailed { booking, .. }
        | Template::BookingExpiring { booking, .. }
        | Template::RefundPaid { booking, .. }
        | Template::MoneyReturned { booking, .. }
        | Template::EventChanged { booking, .. } => {
            let booked = context! { name => greeting(&booking.name), links, booking => of_booking(locale, booking) };
            context! { ..booked, ..about_booking(locale, template, &booking.time_zone) }
        }
    }
}

/// What a mail about a booking tells besides it.
fn about_booking(locale: Locale, template: &Template, time_zone: &str) -> Value {
    let money = |amount: &Money| format::money(locale, amount);
    let moment = |at: &Timestamp| format::moment(locale, *at, time_zone);
    match template {
        Template::BookingCancelled { refund, left, .. } => {
            let left: Vec<_> = left.iter().map(|place| of_place(locale, place)).collect();
            context! { refund => refund.as_ref().map(money), left }
        }
        Template::EventCancelled { refund, .. } => context! { refund => refund.as_ref().map(money) },
        Template::PaymentFailed { until, .. } | Template::BookingExpiring { until, .. } => {
            context! { until => moment(until) }
        }
        Template::RefundPaid { amount, .. } | Template::MoneyReturned { amount, .. } => {
            context! { amount => money(amount) }
        }
        Template::EventChanged { ends_at, was, .. } => {
            let former = context! { when => moment(&was.starts_at), ends => moment(&was.ends_at), venue => was.venue };
            context! { ends => moment(ends_at), was => former }
        }
        _ => context! {},
    }
}

/// Who signs a mail. What is not set is left out of it.
fn of_site(site: &Site) -> Value {
    context! {
        name => one_line(&site.name),
        tagline => one_line(&site.tagline),
        support => site.support_email.as_ref().map(|email| email.as_str()).unwrap_or_default(),
        imprint => site.imprint_url,
        terms => site.terms_url,
        privacy => site.privacy_url,
    }
}

fn of_place(locale: Locale, place: &BookedPlace) -> Value {
    context! { ticket_type => place.ticket_type, seat => place.seat, price => format::money(locale, &place.price) }
}

fn of_booking(locale: Locale, booking: &BookingSummary) -> Value {
    let money = |amount: &Option<Money>| amount.as_ref().map(|amount| format::money(locale, amount));
    context! {
        reference => booking.booking_id.reference(),
        title => booking.event_title,
        when => format::moment(locale, booking.starts_at, &booking.time_zone),
        venue => booking.venue,
        places => booking.places.iter().map(|place| of_place(locale, place)).collect::<Vec<_>>(),
        discount => money(&booking.discount),
        fees => money(&booking.fees),
        tax => money(&booking.tax),
        tax_included => booking.tax_included,
        total => format::money(locale, &booking.total),
    }
}

/// A greeting without a name.
const NOBODY: Option<&str> = None;
/// Longest name that is greeted, in characters.
const NAME_CHARS_MAX: usize = 60;

/// The name to greet with, or nothing. Anybody may register with a stranger's address and call themselves what they like, so
/// what is more than a name is left out: it would be advertising in our name. Mail programs make a link of words with a dot between them,
/// whichever dot it is, and a telephone number of digits.
fn greeting(name: &str) -> Option<String> {
    let name = one_line(name);
    let is_of_a_name = |c: char| c.is_alphabetic() || " -'’.·".contains(c) || is_mark(c);
    let dotted = name.split('.').skip(1).any(|rest| !rest.is_empty() && !rest.starts_with([' ', '-']));
    let is_name = (1..=NAME_CHARS_MAX).contains(&name.chars().count()) && name.chars().all(is_of_a_name) && !dotted;
    is_name.then_some(name)
}

/// Whether a character only changes the letter before it: accents, and the vowels of scripts that write them so.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{200c}' | '\u{200d}')
        || ('\u{900}'..='\u{1200}').contains(&c) && !c.is_numeric()
}

/// Without control characters, which could end a header.
pub(super) fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;

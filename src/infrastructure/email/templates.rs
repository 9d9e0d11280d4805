//! What mails look like: one folder a language, in it a file in plain text and one in HTML for each mail, compiled in.
//!
//! Whatever comes from outside is escaped in HTML by the engine. Links lead to the configured origin only.

use domain::mail::{BookingSummary, Locale, Message, Template};
use include_dir::{Dir, include_dir};
use minijinja::{Environment, UndefinedBehavior, Value, context};

use super::format;

static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/infrastructure/email/mails");

/// A mail in words.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// In plain text.
    pub text: String,
    /// In HTML.
    pub html: String,
    /// The links in it.
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

    /// Puts a message into words.
    pub fn render(&self, message: &Message) -> Result<Rendered, minijinja::Error> {
        let (locale, name) = (message.locale, message.template.kind().to_ascii_lowercase());
        let links = self.links(&message.template);
        let context = values(locale, &message.template, &links);
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
            Template::BookingConfirmed { booking } | Template::BookingCancelled { booking, .. } => {
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
        Template::VerifyEmail { name, valid_minutes, .. } | Template::ResetPassword { name, valid_minutes, .. } => {
            context! { name => greeting(name), links, validity => format::validity(locale, *valid_minutes) }
        }
        Template::AlreadyRegistered { name }
        | Template::PasswordChanged { name }
        | Template::AccountSuspended { name } => context! { name => greeting(name), links },
        Template::EventNotPublished { name, event_title, reasons, .. } => {
            context! { name => greeting(name), links, title => event_title, reasons }
        }
        Template::BookingConfirmed { booking } => {
            context! { name => greeting(&booking.name), links, booking => of_booking(locale, booking) }
        }
        Template::BookingCancelled { booking, refund } => {
            let refund = refund.as_ref().map(|refund| format::money(locale, refund));
            context! { name => greeting(&booking.name), links, refund, booking => of_booking(locale, booking) }
        }
    }
}

fn of_booking(locale: Locale, booking: &BookingSummary) -> Value {
    let place = |place: &domain::mail::BookedPlace| {
        let price = format::money(locale, &place.price);
        context! { ticket_type => place.ticket_type, seat => place.seat, price }
    };
    context! {
        reference => booking.booking_id.reference(),
        title => booking.event_title,
        when => format::moment(locale, booking.starts_at, &booking.time_zone),
        venue => booking.venue,
        places => booking.places.iter().map(place).collect::<Vec<_>>(),
        total => format::money(locale, &booking.total),
    }
}

/// The name to greet with, or nothing. Anybody may register with a stranger's address and call themselves what they like, so
/// a name that mail programs would turn into a link is left out: it would be advertising in our name.
fn greeting(name: &str) -> Option<String> {
    let name = one_line(name);
    let dotted = name.split('.').skip(1).any(|rest| rest.starts_with(char::is_alphanumeric));
    let linked = dotted || name.contains(['/', ':', '@', '\\']);
    (!linked && !name.is_empty()).then_some(name)
}

/// Without control characters, which could end a header.
fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;

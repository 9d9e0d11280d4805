//! OpenAPI schemas of texts, by the rules of `domain::text`: a client that keeps to them is never refused for its
//! spelling.

use domain::{settings::Kind, text::TEXT_MAX};
use utoipa::openapi::{
    Schema, SchemaFormat,
    schema::{ArrayBuilder, ArrayItems, ObjectBuilder, OneOfBuilder, SchemaType, Type},
};

/// What no line has, as the inside of a class. Written out: `\s`, `\p` and `.` are different things in different dialects. What can't be
/// seen, and what counts as one character, no pattern says.
const CONTROL: &str = r"\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069";
/// What is taken away around a text.
const SPACE: &str = r"[ \t\r\n]*";
/// Words with any white space between them.
pub(crate) const WORDS: &str = r"^[^\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069]*$";
/// What no text of several lines has.
const TEXT: &str = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]*$";
/// An address on the web, or none.
const URL: &str = r#"^(https?://[^\s/?#@\x00-\x1f\x7f-\x9f"'<>\\`][^\s\x00-\x1f\x7f-\x9f"'<>\\`]*)?$"#;

fn string(null: bool) -> ObjectBuilder {
    let types = if null { SchemaType::from_iter([Type::String, Type::Null]) } else { SchemaType::new(Type::String) };
    ObjectBuilder::new().schema_type(types)
}

/// Of a line with so many characters, not counting the white space around it: a length of its own would count that as well.
pub(super) fn pattern_of_line(min: usize, max: usize) -> String {
    let edge = format!(r"[^\s{CONTROL}]");
    let line = format!("{edge}[^{CONTROL}]{{{},{}}}{edge}", min.saturating_sub(2), max.saturating_sub(2));
    let line = if min == 0 { format!("({line}|{edge})?") } else { line };
    format!("^{SPACE}{line}{SPACE}$")
}

fn line_of((min, max): (usize, usize), null: bool) -> ObjectBuilder {
    string(null).pattern(Some(pattern_of_line(min, max)))
}

/// A line of so many characters, at least two; white space around it is taken away.
pub fn line<const MIN: usize, const MAX: usize>() -> Schema {
    line_of((MIN, MAX), false).into()
}

/// A line of at most so many characters, or `null` for an empty one.
pub fn line_or_null<const MAX: usize>() -> Schema {
    line_of((0, MAX), true).into()
}

/// Several lines, or `null` for none.
pub fn text_or_null() -> Schema {
    string(true).pattern(Some(TEXT)).max_length(Some(TEXT_MAX)).into()
}

/// A promo code; white space around it is taken away, and it is compared without case.
pub fn promo_code() -> Schema {
    code_of(false)
}

/// The same, or `null` for none.
pub fn promo_code_or_null() -> Schema {
    code_of(true)
}

fn code_of(null: bool) -> Schema {
    string(null).pattern(Some(format!("^{SPACE}[A-Za-z0-9_-]{{2,64}}{SPACE}$"))).examples(["SPRING-26"]).into()
}

fn slug_of(null: bool) -> ObjectBuilder {
    string(null).pattern(Some("^[a-z0-9]+(-[a-z0-9]+)*$")).min_length(Some(2)).max_length(Some(100))
}

/// A name in addresses.
pub fn slug() -> Schema {
    slug_of(false).into()
}

/// A name in addresses, or `null` for one that is made from the title.
pub fn slug_or_null() -> Schema {
    slug_of(true).into()
}

/// So many capital letters: a code of a standard.
pub fn code<const LETTERS: usize>() -> Schema {
    // The lengths as well: in some dialects `$` lets a line end follow.
    let pattern = format!("^[A-Z]{{{LETTERS}}}$");
    string(false).pattern(Some(pattern)).min_length(Some(LETTERS)).max_length(Some(LETTERS)).into()
}

/// The name of a time zone. Which ones there are, the time zone database of the server says.
pub fn time_zone() -> Schema {
    let written = string(false).min_length(Some(2)).max_length(Some(64));
    written.description(Some("The IANA name of a time zone.")).examples(["Europe/Berlin"]).into()
}

/// Names in addresses, at most so many, or `null` for none.
pub fn slugs_or_null<const MAX: usize>() -> Schema {
    let types = SchemaType::from_iter([Type::Array, Type::Null]);
    ArrayBuilder::new()
        .schema_type(types)
        .items(ArrayItems::RefOrSchema(Box::new(slug().into())))
        .max_items(Some(MAX))
        .into()
}

/// What a setting of this kind may be; `null` for its default.
pub fn setting(kind: Kind) -> Schema {
    let of = |kind| ObjectBuilder::new().schema_type(SchemaType::from_iter([kind, Type::Null]));
    match kind {
        Kind::Flag => of(Type::Boolean).into(),
        Kind::Number(min, max) => of(Type::Integer).minimum(Some(min as f64)).maximum(Some(max as f64)).into(),
        Kind::Line(min, max) => line_of((min, max), true).into(),
        Kind::Text => text_or_null(),
        Kind::Url => string(true).pattern(Some(URL)).max_length(Some(2000)).into(),
        Kind::Email => {
            let address = string(false).format(Some(SchemaFormat::Custom("idn-email".to_owned())));
            let none = string(true).enum_values(Some([Some(""), None]));
            OneOfBuilder::new().item(address.max_length(Some(254))).item(none).into()
        }
    }
}

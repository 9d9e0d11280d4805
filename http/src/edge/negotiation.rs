//! Content negotiation: `Accept` and `Accept-Encoding` (RFC 9110, 12.4.2, 12.5.1 and 12.5.3).

use http::{HeaderMap, HeaderName, header};
use strum::IntoStaticStr;

/// From this size on a body is compressed. Below it a packet is saved at best, and a booking's answer is below it: in an
/// on-sale no time is spent here.
pub(crate) const BYTES_MIN: usize = 1 << 10;
/// The weight of what is accepted without reserve, in thousandths; 0 refuses.
const FULL: u16 = 1000;

/// Whether a client accepts at least one of the media types `produced`. One that does not say accepts everything.
pub(crate) fn accepts(headers: &HeaderMap, produced: &[&str]) -> bool {
    match headers.get(header::ACCEPT) {
        None => true,
        // What nearly everybody sends, without parsing.
        Some(value) if value == "*/*" => true,
        Some(_) => {
            members(headers, &header::ACCEPT).next().is_none()
                || produced.iter().any(|kind| weight_of(headers, kind) > 0)
        }
    }
}

/// The weight of a media type that the client names in full, not by a range such as `*/*`; otherwise 0.
pub fn named(headers: &HeaderMap, kind: &str) -> u16 {
    let mut named = members(headers, &header::ACCEPT).filter(|(range, _)| range.eq_ignore_ascii_case(kind));
    named.next().map_or(0, |(_, weight)| weight)
}

/// By the most specific range that a media type falls into; 0 when it falls into none.
fn weight_of(headers: &HeaderMap, kind: &str) -> u16 {
    let matching = members(headers, &header::ACCEPT)
        .filter_map(|(range, weight)| specificity(range, kind).map(|specificity| (specificity, weight)));
    matching.max_by_key(|(specificity, _)| *specificity).map_or(0, |(_, weight)| weight)
}

fn specificity(range: &str, kind: &str) -> Option<u8> {
    if range.eq_ignore_ascii_case(kind) {
        return Some(2);
    }
    let (main, sub) = range.split_once('/')?;
    let of_kind = kind.split('/').next().unwrap_or_default();
    match (main, sub) {
        ("*", "*") => Some(0),
        (main, "*") if main.eq_ignore_ascii_case(of_kind) => Some(1),
        _ => None,
    }
}

/// The members of a list with their weights, over all lines of the header. Other parameters are left out: nothing here
/// comes in two forms that differ by a parameter.
fn members<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = (&'h str, u16)> {
    let lines = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).filter_map(|member| {
        let mut parts = member.split(';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?;
        Some((name, parts.find_map(weight).unwrap_or(FULL)))
    })
}

/// The weight, when the parameter is one. One that is malformed counts as none given: rather accept too much than refuse a
/// client that is careless.
fn weight(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim_end().eq_ignore_ascii_case("q") {
        return None;
    }
    let value = value.trim();
    // The parser also knows signs, exponents and words.
    let is_plain = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let weight = value.parse::<f32>().ok().filter(|weight| is_plain && (0.0..=1.0).contains(weight));
    // Within 0 and 1000.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Some(weight.map_or(FULL, |weight| (weight * f32::from(FULL)).round() as u16))
}

/// A way to make a body smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Coding {
    /// RFC 8878
    Zstd,
    /// RFC 7932
    #[strum(serialize = "br")]
    Brotli,
    /// RFC 1952
    Gzip,
}

impl Coding {
    /// Ours, those that we prefer first: of codings that a client likes as much, the one that costs less for what it saves.
    pub const ALL: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    /// As `Content-Encoding` names it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    fn is_named(self, name: &str) -> bool {
        name.eq_ignore_ascii_case(self.as_str()) || (self == Self::Gzip && name.eq_ignore_ascii_case("x-gzip"))
    }
}

/// Values of `Accept-Encoding` that nearly everybody sends, and what they choose.
const USUAL: [(&str, Coding); 4] = [
    ("gzip, deflate, br, zstd", Coding::Zstd),
    ("gzip, deflate, br", Coding::Brotli),
    ("gzip, deflate", Coding::Gzip),
    ("gzip", Coding::Gzip),
];

/// How a client wants bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CodingChoice {
    /// The coding that it likes best, when it likes one at least as well as none.
    pub coding: Option<Coding>,
    /// Whether it takes a body as it is.
    pub(crate) identity: bool,
}

impl CodingChoice {
    /// Of a client that does not say: bodies stay as they are, although any coding would be allowed. Who does not name a coding may
    /// not know it.
    pub(crate) const UNSAID: Self = Self { coding: None, identity: true };

    /// What `Accept-Encoding` says.
    pub fn of(headers: &HeaderMap) -> Self {
        let Some(first) = headers.get(header::ACCEPT_ENCODING) else {
            return Self::UNSAID;
        };
        // What browsers and most programs send, without parsing; a second line would be unusual.
        if let Some((_, coding)) = USUAL.iter().find(|(usual, _)| first == usual)
            && headers.get_all(header::ACCEPT_ENCODING).iter().nth(1).is_none()
        {
            return Self { coding: Some(*coding), identity: true };
        }
        let (mut weights, mut identity, mut others) = ([None; Coding::ALL.len()], None, None);
        for (name, weight) in members(headers, &header::ACCEPT_ENCODING) {
            if let Some(place) = Coding::ALL.iter().position(|coding| coding.is_named(name)) {
                weights[place] = Some(weight);
            } else if name.eq_ignore_ascii_case("identity") {
                identity = Some(weight);
            } else if name == "*" {
                others = Some(weight);
            }
        }
        let mut best: Option<(Coding, u16)> = None;
        for (coding, weight) in Coding::ALL.into_iter().zip(weights) {
            // `*` is taken for the coding that everybody knows.
            let weight = weight.or(others.filter(|_| coding == Coding::Gzip)).unwrap_or(0);
            if weight > best.map_or(0, |(_, weight)| weight) {
                best = Some((coding, weight));
            }
        }
        let best = best.filter(|(_, weight)| *weight >= identity.unwrap_or(0));
        // Only a weight of 0, its own or that of `*`, rules it out.
        Self { coding: best.map(|(coding, _)| coding), identity: identity.or(others) != Some(0) }
    }

    /// From which size on a body is compressed: small ones stay as they are, except for a client that refuses just that.
    pub fn bytes_min(self) -> usize {
        if self.identity { BYTES_MIN } else { 1 }
    }

    /// Whether there is any form in which a body can be sent.
    pub(crate) fn is_possible(self) -> bool {
        self.identity || self.coding.is_some()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const JSON: &[&str] = &["application/json", "application/problem+json"];

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    fn is_accepted(values: &[&str]) -> bool {
        accepts(&headers(header::ACCEPT, values), JSON)
    }

    #[test]
    fn json_is_given_to_whoever_does_not_rule_it_out() {
        for accept in [
            "*/*",
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/*",
            "application/problem+json",
            "text/html, application/xhtml+xml, */*;q=0.8",
            "text/html;level=1, application/*;q=0.001",
            "text/html, */*;q=nonsense",
            "",
            " , ",
        ] {
            assert!(is_accepted(&[accept]), "{accept}");
        }
        assert!(is_accepted(&[]) && is_accepted(&["text/html", "application/json"]));
        for accept in [
            "text/html",
            "text/*, image/png",
            "application/xml",
            "application/json;q=0, application/problem+json;q=0",
            "*/*;q=0",
            "application/jsonx",
            "json",
            // The more specific range decides, not the kinder one.
            "application/json;q=0, application/problem+json; q=0.0, */*;q=1",
            "application/*;q=0, */*",
        ] {
            assert!(!is_accepted(&[accept]), "{accept}");
        }
    }

    #[test]
    fn a_type_is_named_only_in_full() {
        let of = |accept: &str| named(&headers(header::ACCEPT, &[accept]), "text/html");
        assert_eq!((of("text/html"), of("a/b, TEXT/html;q=0.5"), of("text/html;q=0")), (1000, 500, 0));
        assert_eq!((of("*/*"), of("text/*"), of("")), (0, 0, 0));
    }

    fn coding(values: &[&str]) -> (Option<Coding>, bool) {
        let choice = CodingChoice::of(&headers(header::ACCEPT_ENCODING, values));
        (choice.coding, choice.identity)
    }

    #[test]
    fn weights_choose_the_coding() {
        use Coding::{Brotli, Gzip, Zstd};
        for (accepted, expected) in [
            ("gzip", (Some(Gzip), true)),
            ("x-gzip", (Some(Gzip), true)),
            ("GZIP ; q=0.5", (Some(Gzip), true)),
            ("gzip, deflate, br", (Some(Brotli), true)),
            ("gzip, deflate, br, zstd", (Some(Zstd), true)),
            ("gzip;q=1.0, br;q=0.8, zstd;q=0.1", (Some(Gzip), true)),
            ("br;q=0, gzip", (Some(Gzip), true)),
            ("", (None, true)),
            ("deflate, compress", (None, true)),
            ("*", (Some(Gzip), true)),
            ("*;q=0", (None, false)),
            ("gzip;q=0, *", (None, true)),
            ("identity", (None, true)),
            ("identity;q=0.5, gzip;q=0.5", (Some(Gzip), true)),
            ("identity, gzip;q=0.5", (None, true)),
            ("identity;q=0", (None, false)),
            ("identity;q=0, br", (Some(Brotli), false)),
            ("identity;q=0, *;q=0.5", (Some(Gzip), false)),
            ("*;q=0, identity;q=0.5", (None, true)),
            ("gzip, *;q=0", (Some(Gzip), false)),
        ] {
            assert_eq!(coding(&[accepted]), expected, "{accepted}");
        }
        assert_eq!(coding(&[]), (None, true));
        // What is known without parsing is what parsing would have found: a blank more makes no difference.
        for (usual, expected) in USUAL {
            assert_eq!(
                (coding(&[usual]), coding(&[&format!("{usual} ")])),
                ((Some(expected), true), (Some(expected), true))
            );
        }
        assert_eq!(coding(&["gzip", "br"]), (Some(Brotli), true));
        assert_eq!(coding(&["gzip;q=0.1", "br"]), (Some(Brotli), true));
    }

    #[test]
    fn only_who_refuses_every_form_can_get_none() {
        let is_possible =
            |accepted: &str| CodingChoice::of(&headers(header::ACCEPT_ENCODING, &[accepted])).is_possible();
        assert!(is_possible("identity;q=0, gzip") && is_possible("deflate"));
        assert!(!is_possible("identity;q=0") && !is_possible("*;q=0") && !is_possible("deflate, identity;q=0"));
    }
}

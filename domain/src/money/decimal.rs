//! Decimal numbers as the API writes them.

use rust_decimal::Decimal;

/// Digits, and perhaps a point with digits after it. `-` is read, so that a negative price is refused as one; before a zero it would be
/// written back, so that is none. Anything else that a number may look like elsewhere (`1e3`, `1_000`, `.5`), and what can't be kept
/// exactly, is none.
pub(super) fn parse_decimal(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) {
        return None;
    }
    let text = if digits.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    Decimal::from_str_exact(text).ok().filter(|amount| !(amount.is_zero() && text.starts_with('-')))
}

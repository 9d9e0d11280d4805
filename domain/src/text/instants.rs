//! Instants as clients write them.

use jiff::Timestamp;

/// What is wrong with a text that should be an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoInstant {
    /// Its form, or a field of it that no calendar and no clock has.
    #[error("must be an instant of RFC 3339 such as 2026-03-14T19:30:00Z or 2026-03-14T20:30:00+01:00")]
    Form,
    /// It names a leap second. What is kept has none, and the second before it is another instant.
    #[error("must not be a leap second: seconds are 00 to 59")]
    LeapSecond,
}

/// An instant by the grammar of RFC 3339 (5.6), with at most nine decimals, and nothing beside it. The calendar's own parser knows more:
/// offsets of a day and longer, seconds that it counts as the one before, and forms without seconds, with zones and with signs.
pub fn instant(text: &str) -> Result<Timestamp, NoInstant> {
    let (day_and_time, rest) = text.as_bytes().split_at_checked("2026-03-14T19:30:00".len()).ok_or(NoInstant::Form)?;
    let is_formed = day_and_time.iter().enumerate().all(|(at, byte)| match at {
        4 | 7 => *byte == b'-',
        10 => byte.eq_ignore_ascii_case(&b'T'),
        13 | 16 => *byte == b':',
        _ => byte.is_ascii_digit(),
    });
    if !is_formed || !ends_well(rest) {
        return Err(NoInstant::Form);
    }
    if day_and_time.ends_with(b"60") {
        return Err(NoInstant::LeapSecond);
    }
    text.parse().map_err(|_| NoInstant::Form)
}

/// Whether it is `Z` or an offset from UTC of less than a day, perhaps with decimals of a second before it.
fn ends_well(rest: &[u8]) -> bool {
    let offset = match rest.strip_prefix(b".") {
        Some(decimals) => {
            let digits = decimals.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            &decimals[digits..]
        }
        None => rest,
    };
    let is_below = |tens: u8, ones: u8, bound: u8| {
        tens.is_ascii_digit() && ones.is_ascii_digit() && (tens - b'0') * 10 + (ones - b'0') < bound
    };
    match *offset {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', h, hours, b':', m, minutes] => is_below(h, hours, 24) && is_below(m, minutes, 60),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_as_rfc_3339_says() {
        let read = |text: &str| instant(text).map(|at| at.to_string());
        for (text, expected) in [
            ("2026-03-14T19:30:00Z", "2026-03-14T19:30:00Z"),
            ("2026-03-14t20:30:00.120+01:00", "2026-03-14T19:30:00.12Z"),
            ("2026-03-14T19:30:00-00:00", "2026-03-14T19:30:00Z"),
            ("2026-03-14T19:30:59+23:59", "2026-03-13T19:31:59Z"),
            ("0001-01-01T00:00:00z", "0001-01-01T00:00:00Z"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
        for wrong in [
            "",
            "2026-03-14",
            "2026-03-14T19:30Z",
            "2026-03-14T19:30:00",
            "2026-03-14 19:30:00Z",
            "2026-03-14T19:30:00+24:00",
            "2026-03-14T19:30:00+25:59",
            "2026-03-14T19:30:00+01:60",
            "2026-03-14T19:30:00+01",
            "2026-03-14T19:30:00+0100",
            "2026-03-14T19:30:00+01:00:00",
            "2026-03-14T19:30:00,5Z",
            "2026-03-14T19:30:00.Z",
            "2026-03-14T19:30:00Z[UTC]",
            "2026-03-14T19:30:00+01:00[Europe/Berlin]",
            "2026-03-14T24:00:00Z",
            "2026-03-14T19:60:00Z",
            "2026-03-14T19:30:61Z",
            "2026-02-29T19:30:00Z",
            "+002026-03-14T19:30:00Z",
            "20260314T193000Z",
            " 2026-03-14T19:30:00Z",
            "2026-03-14T19:30:0\u{0661}Z",
        ] {
            assert_eq!(instant(wrong), Err(NoInstant::Form), "{wrong}");
        }
        for leap in ["2016-12-31T23:59:60Z", "2026-03-14T19:30:60.5+01:00"] {
            assert_eq!(instant(leap), Err(NoInstant::LeapSecond), "{leap}");
        }
    }
}

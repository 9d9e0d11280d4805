//! Lengths of time as organizers write them: durations of ISO 8601 such as `PT15M` and `P7D`.

use jiff::{
    SignedDuration, Span, SpanRelativeTo, SpanRound, Unit,
    fmt::temporal::{SpanParser, SpanPrinter},
};

use crate::validation::FieldError;

const SHORTEST: SignedDuration = SignedDuration::from_secs(5);
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 60);

/// From `PT5S` to `P60D`, in whole seconds. A day is 24 hours, whatever the clocks do on it; months and years have no fixed length, so
/// they are refused.
pub(super) fn parse(field: &'static str, text: &str) -> Result<SignedDuration, FieldError> {
    let span = SpanParser::new().parse_span(text).ok();
    let duration = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    let whole_seconds = duration.filter(|duration| duration.subsec_nanos() == 0);
    let Some(duration) = whole_seconds else {
        return Err(FieldError::new(field, "INVALID", "must be a duration of ISO 8601 such as PT15M or P7D"));
    };
    if !(SHORTEST..=LONGEST).contains(&duration) {
        return Err(FieldError::new(field, "OUT_OF_RANGE", "must be from PT5S to P60D"));
    }
    Ok(duration)
}

/// The duration in its largest units: `P1DT12H` for 36 hours.
pub fn written(duration: SignedDuration) -> String {
    let days = SpanRound::new().largest(Unit::Day).days_are_24_hours();
    let span = Span::try_from(duration).and_then(|span| span.round(days));
    span.map_or_else(|_| duration.to_string(), |span| SpanPrinter::new().span_to_string(&span))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_read_and_written_as_iso_8601_says() {
        for (text, seconds, again) in [
            ("PT5S", 5, "PT5S"),
            ("PT15M", 900, "PT15M"),
            ("PT90M", 5400, "PT1H30M"),
            ("P7D", 7 * 86_400, "P7D"),
            ("P1W", 7 * 86_400, "P7D"),
            ("PT36H", 36 * 3600, "P1DT12H"),
            ("P60D", 60 * 86_400, "P60D"),
        ] {
            let duration = parse("holdCap", text).unwrap();
            assert_eq!(duration, SignedDuration::from_secs(seconds), "{text}");
            assert_eq!(written(duration), again);
        }
        for wrong in ["", "15M", "15 minutes", "P1M", "P1Y", "PT", "PT5.5S", "900"] {
            assert_eq!(parse("holdCap", wrong).unwrap_err().code, "INVALID", "{wrong}");
        }
        for wrong in ["PT4S", "-PT5M", "P61D", "PT0S"] {
            assert_eq!(parse("holdCap", wrong).unwrap_err().code, "OUT_OF_RANGE", "{wrong}");
        }
    }
}

use jiff::SignedDuration;

use super::*;

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn raw(kind: &str, value: Option<&str>) -> RawPromoCode {
    let (kind, value) = (Some(kind.to_owned()), value.map(str::to_owned));
    RawPromoCode { code: Some(" spring-26 ".to_owned()), kind, value, ..RawPromoCode::default() }
}

fn parse(raw: RawPromoCode) -> Result<PromoCode, Vec<(String, &'static str)>> {
    let faults = |faults: Vec<FieldError>| faults.into_iter().map(|of| (of.field.into_owned(), of.code)).collect();
    PromoCode::parse(raw, "EUR".parse().unwrap()).map_err(faults)
}

#[test]
fn a_code_is_the_same_in_any_case() {
    let code = |text: &str| CodeName::parse("code", text).map_err(|fault| fault.code);
    assert_eq!(code("Spring-26"), code(" SPRING-26 "));
    assert_eq!(code("").unwrap_err(), "REQUIRED");
    for wrong in ["A", "A B", "ÄRGER", "ſpring", &"A".repeat(65)] {
        assert_eq!(code(wrong).unwrap_err(), "INVALID", "{wrong}");
    }
    assert!(code(&"A".repeat(64)).is_ok());
}

#[test]
fn a_value_belongs_to_its_kind() {
    assert_eq!(parse(raw("PERCENT", Some("1"))).unwrap().discount, Discount::Percent(Percentage::ONE));
    assert_eq!(parse(raw("ACCESS", None)).unwrap().discount, Discount::Access);
    let fixed = parse(raw("FIXED", Some("5.00"))).unwrap().discount;
    assert_eq!(fixed, Discount::Fixed(Money::new(5.into(), "EUR".parse().unwrap())));
    for (kind, value, field, code) in [
        ("PERCENT", None, "value", "REQUIRED"),
        ("PERCENT", Some("0"), "value", "OUT_OF_RANGE"),
        ("PERCENT", Some("1.1"), "value", "OUT_OF_RANGE"),
        ("FIXED", None, "value", "REQUIRED"),
        ("FIXED", Some("0.00"), "value", "OUT_OF_RANGE"),
        ("FIXED", Some("1.005"), "value", "TOO_PRECISE"),
        ("ACCESS", Some("1"), "value", "NOT_ALLOWED"),
        ("GIFT", Some("1"), "kind", "INVALID"),
    ] {
        assert_eq!(parse(raw(kind, value)).unwrap_err(), [(field.to_owned(), code)], "{kind} {value:?}");
    }
}

#[test]
fn every_fault_is_told() {
    let wrong = RawPromoCode {
        uses: Some(0),
        uses_per_account: Some(USES_MAX + 1),
        starts_at: Some(NOW),
        ends_at: Some(NOW),
        ..RawPromoCode::default()
    };
    let fields: Vec<String> = parse(wrong).unwrap_err().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["code", "kind", "uses", "usesPerAccount", "endsAt"]);
}

/// Guards: that a change of something else changes nothing beside it.
#[test]
fn what_is_stored_is_said_in_the_same_words() {
    for (kind, value) in [("PERCENT", Some("0.125")), ("FIXED", Some("5.5")), ("ACCESS", None)] {
        let said = RawPromoCode {
            uses: Some(7),
            uses_per_account: Some(1),
            ticket_type_ids: Some(vec![TicketTypeId::generate()]),
            starts_at: Some(NOW),
            ends_at: Some(NOW + SignedDuration::from_secs(1)),
            ..raw(kind, value)
        };
        let code = parse(said).unwrap();
        assert_eq!(parse(RawPromoCode::from(&code)), Ok(code));
    }
}

#[test]
fn a_code_has_its_time() {
    let second = SignedDuration::from_secs(1);
    let mut code = parse(raw("ACCESS", None)).unwrap();
    (code.starts_at, code.ends_at) = (Some(NOW), Some(NOW + second));
    assert_eq!(code.check_time(NOW), Ok(()));
    assert_eq!(code.check_time(NOW - second), Err(PromoCodeError::NotNow));
    assert_eq!(code.check_time(NOW + second), Err(PromoCodeError::NotNow));
}

#[test]
fn uses_are_limited_in_all_and_per_account() {
    let mut code = parse(raw("ACCESS", None)).unwrap();
    assert_eq!(code.check_uses(u32::MAX, u32::MAX), Ok(()));
    (code.uses, code.uses_per_account) = (Some(3), Some(1));
    assert_eq!(code.check_uses(2, 0), Ok(()));
    assert_eq!(code.check_uses(3, 0), Err(PromoCodeError::UsedUp));
    assert_eq!(code.check_uses(2, 1), Err(PromoCodeError::UsedUp));
}

use serde_json::json;

use super::*;

fn payment(status: &str, error: Option<Value>) -> GatewayPayment {
    let intent = json!({
        "id": "pi_1", "object": "payment_intent", "amount": 5000, "amount_received": 0, "currency": "eur", "status": status,
        "client_secret": "pi_1_secret_x", "last_payment_error": error, "metadata": {}, "unknown": { "member": 1 },
    });
    serde_json::from_value::<Intent>(intent).unwrap().payment().unwrap()
}

#[test]
fn every_status_of_an_intent_means_something() {
    for (status, state) in [
        ("requires_payment_method", GatewayState::ActionRequired),
        ("requires_confirmation", GatewayState::ActionRequired),
        ("requires_action", GatewayState::ActionRequired),
        ("processing", GatewayState::Processing),
        ("requires_capture", GatewayState::Processing),
        ("canceled", GatewayState::Cancelled),
        ("succeeded", GatewayState::Succeeded),
        ("something_new", GatewayState::Processing),
    ] {
        assert_eq!(payment(status, None).state, state, "{status}");
    }
    let declined = json!({ "code": "card_declined", "message": "Your card was declined.", "type": "card_error" });
    let GatewayState::Failed(failure) = payment("requires_payment_method", Some(declined)).state else {
        panic!("a declined card is a failure");
    };
    assert_eq!(failure.code, "card_declined");
}

#[test]
fn a_secret_is_not_in_what_is_logged() {
    assert!(!format!("{:?}", payment("requires_action", None)).contains("pi_1_secret_x"));
}

#[test]
fn amounts_are_in_the_units_of_the_gateway() {
    let of = |amount, currency| money(amount, currency).unwrap().to_string();
    assert_eq!(of(1120, "kwd"), "1.120 KWD");
    assert_eq!(of(500, "ugx"), "5 UGX");
    assert_eq!(of(10_000, "jpy"), "10000 JPY");
    assert!(money(1, "euro").is_err());
}

fn news(object: Value) -> GatewayNews {
    let event =
        json!({ "id": "evt_1", "object": "event", "type": "a.type", "created": 0, "data": { "object": object } });
    message(event.to_string().as_bytes()).unwrap().news
}

#[test]
fn a_message_is_read_by_what_it_is_about() {
    let refund = |status: &str| json!({ "id": "re_1", "object": "refund", "amount": 100, "currency": "eur", "payment_intent": "pi_1", "status": status });
    for (status, state) in [
        ("pending", RefundState::Pending),
        ("requires_action", RefundState::Pending),
        ("succeeded", RefundState::Succeeded),
        ("failed", RefundState::Failed),
        ("canceled", RefundState::Failed),
    ] {
        let GatewayNews::Refund(refund) = news(refund(status)) else { panic!("{status} is of a refund") };
        assert_eq!(refund.state, state, "{status}");
    }
    let dispute = |status: &str| {
        json!({ "id": "dp_1", "object": "dispute", "amount": 100, "currency": "eur", "payment_intent": "pi_1",
                "reason": "fraudulent", "status": status })
    };
    for (status, state) in [
        ("needs_response", DisputeState::Open),
        ("under_review", DisputeState::Open),
        ("won", DisputeState::Won),
        ("lost", DisputeState::Lost),
    ] {
        let GatewayNews::Dispute(dispute) = news(dispute(status)) else { panic!("{status} is of a dispute") };
        assert_eq!(dispute.state, state, "{status}");
    }
    assert_eq!(news(dispute("warning_needs_response")), GatewayNews::Other("a.type".to_owned()));
    assert_eq!(news(json!({ "object": "customer" })), GatewayNews::Other("a.type".to_owned()));
}

#[test]
fn what_is_no_message_is_unreadable() {
    for body in
        [&b""[..], b"{}", b"[]", br#"{"id":"evt_1","type":"t","created":0,"data":{"object":{"object":"refund"}}}"#]
    {
        assert_eq!(message(body).unwrap_err(), WebhookError::Unreadable);
    }
}

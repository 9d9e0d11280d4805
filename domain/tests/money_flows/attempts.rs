use domain::{
    bookings::BookingStatus,
    money::Money,
    payments::{
        attempt::{MoneyDestination, PaymentEffect, PaymentEvent, PaymentState, money_destination},
        refund::RefundState,
    },
};
use proptest::prelude::*;

const EVENTS: [PaymentEvent; 11] = [
    PaymentEvent::ActionRequired,
    PaymentEvent::Processing,
    PaymentEvent::Succeeded,
    PaymentEvent::Failed,
    PaymentEvent::Cancelled,
    PaymentEvent::ActionTooLate,
    PaymentEvent::NeverBegun,
    PaymentEvent::Superseded,
    PaymentEvent::BookingCancelled,
    PaymentEvent::BookingExpired,
    PaymentEvent::PaidByHand,
];
/// What a gateway tells; the rest happens here.
const NEWS: usize = 5;

fn after(events: &[PaymentEvent]) -> (PaymentState, Vec<PaymentEffect>) {
    let mut state = PaymentState::Started;
    let effects = events.iter().map(|event| {
        let effect;
        (state, effect) = state.on(*event);
        effect
    });
    let effects = effects.collect();
    (state, effects)
}

/// The whole table, as it is drawn: a row for each state, a column for each event in the order of `EVENTS`. `!` is money that came, `x` tells
/// the gateway, `?` refuses.
#[test]
fn the_table_of_transitions() {
    let name = |state: PaymentState| match state {
        PaymentState::Started => "S",
        PaymentState::RequiresAction => "A",
        PaymentState::Processing => "P",
        PaymentState::Succeeded => "OK",
        PaymentState::Failed => "F",
        PaymentState::Cancelled => "C",
    };
    let mark = |effect| match effect {
        PaymentEffect::Nothing => "",
        PaymentEffect::MoneyCame => "!",
        PaymentEffect::CloseAtGateway => "x",
        PaymentEffect::Refuse => "?",
    };
    let cell = |state: PaymentState, event| {
        let (next, effect) = state.on(event);
        format!("{}{}", name(next), mark(effect))
    };
    let row = |state: PaymentState| EVENTS.map(|event| cell(state, event)).join(" ");
    assert_eq!(
        PaymentState::ALL.map(row),
        [
            "A P OK! Fx C Cx C S? Cx S S?",
            "A P OK! Fx C Cx A Cx Cx Cx OK!",
            "P P OK! Fx C P P P? Cx P P?",
            "OK OK OK OK OK OK OK OK OK OK OK",
            "F F OK! F F F F F F F F",
            "C C OK! C C C C C C C C",
        ]
    );
}

proptest! {
    /// Guards: that a late or repeated message is never a second payment, and never undoes one.
    #[test]
    fn money_counts_once_in_any_order(picks in prop::collection::vec(0..EVENTS.len(), 0..30)) {
        let events: Vec<_> = picks.iter().map(|pick| EVENTS[*pick]).collect();
        let (state, effects) = after(&events);
        let came = effects.iter().filter(|effect| **effect == PaymentEffect::MoneyCame).count();
        prop_assert_eq!(came, usize::from(state == PaymentState::Succeeded));
        prop_assert!(!events.contains(&PaymentEvent::Succeeded) || state == PaymentState::Succeeded);
    }

    /// Guards: that disorder of the network decides nothing. Only which of two ends without money was heard first may differ.
    #[test]
    fn the_order_of_news_does_not_matter(
        picks in prop::collection::vec(0..NEWS, 1..12),
        again in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        shuffle in any::<u64>(),
    ) {
        let news: Vec<_> = picks.iter().map(|pick| EVENTS[*pick]).collect();
        let mut disordered = news.clone();
        disordered.extend(again.iter().map(|index| *index.get(&news)));
        let mut dice = shuffle;
        for at in (1..disordered.len()).rev() {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            disordered.swap(at, (dice >> 33) as usize % (at + 1));
        }
        let (state, other) = (after(&news).0, after(&disordered).0);
        let ends_without_money = |state| matches!(state, PaymentState::Failed | PaymentState::Cancelled);
        prop_assert!(state == other || (ends_without_money(state) && ends_without_money(other)), "{:?}, {:?}", state, other);
    }

    #[test]
    fn the_order_of_news_of_a_refund_does_not_matter(picks in prop::collection::vec(0..3_usize, 1..8)) {
        let told = || picks.iter().map(|pick| RefundState::ALL[*pick]);
        let ends = [told().collect::<Vec<_>>(), told().rev().collect()]
            .map(|told| told.into_iter().fold(RefundState::Pending, RefundState::on));
        prop_assert_eq!(ends[0], ends[1]);
        prop_assert_eq!(Some(ends[0]), told().max());
    }
}

#[test]
fn a_state_is_read_as_it_was_written() {
    for state in PaymentState::ALL {
        assert_eq!(state.as_str().parse::<PaymentState>().unwrap(), state);
    }
    for state in RefundState::ALL {
        assert_eq!(state.as_str().parse::<RefundState>().unwrap(), state);
    }
    assert_eq!(PaymentState::Started.shown(), "PROCESSING");
    assert!("DONE".parse::<PaymentState>().is_err() && "DONE".parse::<RefundState>().is_err());
}

#[test]
fn money_pays_what_waits_for_it_and_otherwise_goes_back() {
    let euros = |amount: i64| Money::new(amount.into(), "EUR".parse().unwrap());
    let of = |booking, charged| money_destination(booking, euros(charged), euros(20));
    assert_eq!(of(BookingStatus::PendingPayment, 20), MoneyDestination::Confirm);
    assert_eq!(of(BookingStatus::Expired, 20), MoneyDestination::Reacquire);
    assert_eq!(of(BookingStatus::Cancelled, 20), MoneyDestination::Refund);
    assert_eq!(of(BookingStatus::Confirmed, 20), MoneyDestination::Refund);
    assert_eq!(of(BookingStatus::PendingPayment, 19), MoneyDestination::Refund);
}

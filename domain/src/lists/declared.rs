//! All lists of the API that have pages.

use super::{
    Filter,
    FilterKind::{self, AnyOf, Country, Flag, OneOf, Price, Verbatim, Words},
    List,
    Match::{AtLeast, AtMost, Below, Folded, HasAll, Is, IsThere, Part, Special},
    Order, SortKeyKind,
};

const ID: (&str, SortKeyKind) = ("id", SortKeyKind::Id);
const EVENT_ID: (&str, SortKeyKind) = ("event_id", SortKeyKind::Id);
const STARTS_AT: (&str, SortKeyKind) = ("starts_at", SortKeyKind::Instant);
const CREATED_AT: (&str, SortKeyKind) = ("created_at", SortKeyKind::Instant);
const NAME: (&str, SortKeyKind) = ("name_key", SortKeyKind::Text);

/// Longest name to filter by, in characters.
const CHARS: usize = 100;
/// Longest part of a text that organizers look for, in characters.
const PART_CHARS: usize = 200;

const EVENT_STATUSES: &[&str] = &["DRAFT", "SCHEDULED", "PUBLISHED", "CANCELLED", "ARCHIVED"];
const BOOKING_STATUSES: &[&str] = &["PENDING_PAYMENT", "CONFIRMED", "CANCELLED", "EXPIRED"];

const fn words() -> Filter {
    let description = "Words to look for, as in any search: `\"a phrase\"`, `-without`, `this or that`.";
    Filter::new("q", Words, Special, description).unindexed()
}

const fn booking_status() -> Filter {
    Filter::new("status", AnyOf(BOOKING_STATUSES), Is("status"), "Where they are in their lives.")
}

const fn organizer() -> Filter {
    Filter::new("organizerId", FilterKind::Id("an id"), Is("organizer_id"), "Whose.").of_everybody()
}

/// Events as the public sees them. What has ended is left out unless a filter asks for a time: see
/// [`leaves_out_what_is_over`](crate::search::leaves_out_what_is_over).
pub static EVENTS: List = List {
    filters: &[
        words(),
        Filter::new(
            "from",
            FilterKind::Instant,
            AtLeast("starts_at"),
            "Begins then or later. A day begins at midnight in UTC.",
        ),
        Filter::new("to", FilterKind::Instant, Below("starts_at"), "Begins before then; after `from`.").after("from"),
        Filter::new(
            "endsFrom",
            FilterKind::Instant,
            AtLeast("ends_at"),
            "Ends then or later. With `to`, both the present instant: what is on now.",
        ),
        Filter::new("endsTo", FilterKind::Instant, Below("ends_at"), "Ends before then; after `endsFrom`.")
            .after("endsFrom"),
        Filter::new(
            "seriesId",
            FilterKind::Id("the id of a series"),
            Is("series_id"),
            "Is an occurrence of this series.",
        ),
        Filter::new("venueId", FilterKind::Id("the id of a venue"), Is("venue_id"), "Takes place there."),
        Filter::new(
            "city",
            FilterKind::Text(CHARS),
            Folded("city_key"),
            "Takes place there, whatever accents and capitals it is written with.",
        ),
        Filter::new("category", FilterKind::Text(CHARS), Is("category"), "The slug of a category."),
        Filter::new(
            "tag",
            FilterKind::Texts { chars: CHARS, most: 10 },
            HasAll("tags"),
            "The slug of a tag. All of several must be there; at most ten.",
        ),
        // Each looks at the cheapest or the dearest ticket type; of both bounds, one ticket type must be within.
        Filter::new(
            "minPrice",
            Price,
            AtLeast("price_max"),
            "Has a ticket of at least this price, in its own currency.",
        ),
        Filter::new(
            "maxPrice",
            Price,
            AtMost("price_min"),
            "Has a ticket of at most this price; with `minPrice`, the same ticket.",
        )
        .after("minPrice"),
        Filter::new("available", Flag { default: Some(false) }, Special, "Only what is on sale now, with places left.")
            .unindexed(),
        Filter::new(
            "status",
            OneOf { names: &["PUBLISHED", "CANCELLED", "ARCHIVED"], default: Some("PUBLISHED") },
            Special,
            "Where it is in its life.",
        ),
    ],
    orders: &[
        Order::named("startsAt", &[STARTS_AT, EVENT_ID]),
        Order::named("title", &[("title_key", SortKeyKind::Text), EVENT_ID]),
        // The cheapest ticket type; an event without any costs nothing.
        Order::named("price", &[("price_key", SortKeyKind::Amount), EVENT_ID]),
        Order::named("createdAt", &[CREATED_AT, EVENT_ID]),
    ],
    // In the title before tags, venue and city, these before the summary, that before the description, all of them before another
    // spelling; the sooner one of equals first.
    relevance: Some(Order::named("relevance", &[("rank", SortKeyKind::Number), STARTS_AT, EVENT_ID])),
};

pub static VENUES: List = List {
    filters: &[
        words(),
        Filter::new(
            "city",
            FilterKind::Text(CHARS),
            Folded("city_key"),
            "Is there, whatever accents and capitals it is written with.",
        ),
        Filter::new("country", Country, Is("country"), "ISO 3166-1, two letters."),
    ],
    orders: &[
        Order::named("name", &[NAME, ID]),
        Order::named("city", &[("city_key", SortKeyKind::Text), NAME, ID]),
        Order::named("capacity", &[("capacity", SortKeyKind::Number), ID]),
        Order::named("createdAt", &[CREATED_AT, ID]),
    ],
    relevance: Some(Order::named("relevance", &[("rank", SortKeyKind::Number), NAME, ID])),
};

/// Ids are UUIDs of version 7, whose order is the order of the making.
const LATEST_FIRST: &[Order] = &[Order::only(&[ID], true)];

/// The bookings of an account.
pub static BOOKINGS: List = List {
    filters: &[
        booking_status(),
        Filter::new("eventId", FilterKind::Id("the id of an event"), Is("event_id"), "Of this event."),
    ],
    orders: LATEST_FIRST,
    relevance: None,
};

/// The bookings of an event, with whom they are for.
pub static GUEST_BOOKINGS: List = List {
    filters: &[
        booking_status(),
        Filter::new("q", FilterKind::Text(PART_CHARS), Special, "Part of a name or an address, or a whole reference."),
    ],
    orders: LATEST_FIRST,
    relevance: None,
};

/// The refunds of an event.
pub static REFUNDS: List = List {
    filters: &[Filter::new(
        "status",
        AnyOf(&["PENDING", "SUCCEEDED", "FAILED"]),
        Is("state"),
        "Whether the money has gone back.",
    )],
    orders: LATEST_FIRST,
    relevance: None,
};

/// The promo codes of an event.
pub static PROMO_CODES: List =
    List { filters: &[], orders: &[Order::only(&[("code", SortKeyKind::Text)], false)], relevance: None };

/// Events as those see them who manage them.
pub static MANAGED_EVENTS: List = List {
    filters: &[
        Filter::new("status", AnyOf(EVENT_STATUSES), Is("status"), "Where they are in their lives."),
        Filter::new("q", FilterKind::Text(PART_CHARS), Special, "Part of the title or the slug."),
        Filter::new("seriesId", FilterKind::Id("an id"), Is("series_id"), "Occurrences of this series."),
        organizer(),
    ],
    orders: &[Order::named("startsAt", &[STARTS_AT, ID]), Order::named("createdAt", &[CREATED_AT, ID])],
    relevance: None,
};

pub static SEAT_MAPS: List = List {
    filters: &[
        Filter::new("venueId", FilterKind::Id("an id"), Is("venue_id"), "Of this venue."),
        Filter::new("q", FilterKind::Text(PART_CHARS), Part("name"), "Part of the name."),
        organizer(),
    ],
    orders: &[Order::only(&[CREATED_AT, ID], true)],
    relevance: None,
};

/// Categories, or tags.
pub static TERMS: List =
    List { filters: &[], orders: &[Order::only(&[("slug", SortKeyKind::Text)], false)], relevance: None };

pub static ACCOUNTS: List = List {
    filters: &[
        Filter::new("q", FilterKind::Text(CHARS), Special, "Part of the address or the name."),
        Filter::new(
            "role",
            OneOf { names: &["USER", "ORGANIZER", "ADMIN"], default: None },
            Is("role"),
            "What they may do.",
        ),
        Filter::new(
            "status",
            OneOf { names: &["ACTIVE", "SUSPENDED"], default: None },
            Is("status"),
            "Whether they may sign in.",
        ),
        Filter::new(
            "verified",
            Flag { default: None },
            IsThere("email_verified_at"),
            "Whether their address is verified.",
        ),
    ],
    orders: LATEST_FIRST,
    relevance: None,
};

pub static AUDIT_LOG: List = List {
    filters: &[
        Filter::new("actorId", FilterKind::Id("an account's id"), Is("actor_id"), "Entries of this account."),
        Filter::new("action", Verbatim, Is("action"), "Entries of this action, such as `ROLE_CHANGED`."),
        Filter::new("targetKind", Verbatim, Is("target_kind"), "Entries about this kind of thing, such as `account`."),
        Filter::new("targetId", Verbatim, Is("target_id"), "Entries about this one."),
    ],
    orders: &[Order::only(&[("seq", SortKeyKind::Serial)], true)],
    relevance: None,
};

/// Attempts to pay, of everybody.
pub static PAYMENTS: List = List {
    filters: &[
        Filter::new(
            "state",
            OneOf {
                names: &["stuck", "REQUIRES_ACTION", "PROCESSING", "SUCCEEDED", "FAILED", "CANCELLED"],
                default: None,
            },
            Special,
            "Where they are; `stuck` are those that have been processed for too long, which nobody should ever see.",
        )
        .unindexed(),
        Filter::new("bookingId", FilterKind::Id("the id of a booking"), Is("booking_id"), "Of this booking."),
        Filter::new("eventId", FilterKind::Id("the id of an event"), Is("event_id"), "Of bookings of this event."),
    ],
    orders: LATEST_FIRST,
    relevance: None,
};

pub static SETTING_CHANGES: List =
    List { filters: &[], orders: &[Order::only(&[("id", SortKeyKind::Serial)], true)], relevance: None };

pub static DEAD_LETTERS: List = List {
    filters: &[
        Filter::new("kind", Verbatim, Is("kind"), "Jobs or mails of this kind, such as `REFUND` or `RESET_PASSWORD`."),
        Filter::new("since", FilterKind::Instant, AtLeast("ended_at"), "Given up then or later."),
    ],
    orders: LATEST_FIRST,
    relevance: None,
};

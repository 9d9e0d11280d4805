//! Tokyo and Melbourne.

use super::{
    people::YUKI,
    tables::{EVENT, EventSpec, Sale, VenueSpec, places, seats, ticket},
};
use crate::{
    model::{Currency, Status},
    seating::{Layout, RowLabels, Sections, Tier},
};

pub(super) const VENUES: &[VenueSpec] = &[
    VenueSpec {
        slug: "kumo-hall",
        name: "Kumo Hall",
        description: "A hall like the inside of a cloud: white oak, no right angles, two seconds of reverberation.",
        address: "2-8-14 Kanda Awajicho, Chiyoda",
        city: "Tokyo",
        country: "JP",
        time_zone: "Asia/Tokyo",
        currency: Currency::Jpy,
        capacity: 1_500,
        layout: Some(KUMO),
        promoter: &YUKI,
        events: KUMO_HALL,
    },
    VenueSpec {
        slug: "yarra-court",
        name: "Yarra Court",
        description: "Five thousand seats around one floor: basketball on Fridays, anything else in between.",
        address: "60 Batman Avenue",
        city: "Melbourne",
        country: "AU",
        time_zone: "Australia/Melbourne",
        currency: Currency::Aud,
        capacity: 5_000,
        layout: Some(COURT),
        promoter: &YUKI,
        events: YARRA_COURT,
    },
];

/// 900 + 480 + 120 seats.
const KUMO: Layout = Layout {
    name: "Main hall",
    tiers: &[
        Tier {
            name: "1F",
            sections: Sections::One,
            rows: 25,
            row_labels: RowLabels::Numbers,
            seats_per_row: 36,
            accessible: 8,
        },
        Tier {
            name: "2F",
            sections: Sections::One,
            rows: 15,
            row_labels: RowLabels::Numbers,
            seats_per_row: 32,
            accessible: 4,
        },
        Tier {
            name: "3F",
            sections: Sections::One,
            rows: 4,
            row_labels: RowLabels::Numbers,
            seats_per_row: 30,
            accessible: 0,
        },
    ],
};

/// 400 seats by the line, 4,600 on the stands.
const COURT: Layout = Layout {
    name: "Court",
    tiers: &[
        Tier {
            name: "Courtside",
            sections: Sections::Lettered(4),
            rows: 5,
            row_labels: RowLabels::Letters,
            seats_per_row: 20,
            accessible: 5,
        },
        Tier {
            name: "Stands",
            sections: Sections::Numbered(1, 20),
            rows: 10,
            row_labels: RowLabels::Letters,
            seats_per_row: 23,
            accessible: 3,
        },
    ],
};

const KUMO_HALL: &[EventSpec] = &[
    EventSpec {
        slug: "kumo-piano-competition-final",
        title: "Kumo Piano Competition: the Final",
        summary: "Three pianists, three concertos, one audience prize.",
        description: "The final round with the Kanda Symphony. Listeners vote; ballots are with the ticket.",
        category: "concert",
        tags: &["classical", "piano", "competition"],
        starts: (25, 15, 0),
        minutes: 210,
        max_per_account: Some(4),
        areas: &[
            seats("1F", &["1F"], &[ticket("Standard", 8_500), ticket("Student", 4_000)]),
            seats("2F", &["2F"], &[ticket("Standard", 6_500), ticket("Student", 3_000)]),
            seats("3F", &["3F"], &[ticket("Standard", 4_000)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "rakugo-evening",
        title: "An Evening of Rakugo",
        summary: "One cushion, one fan, four storytellers. English surtitles.",
        description: "Stories that have made people laugh for three hundred years, and one that is from this summer.",
        category: "comedy",
        tags: &["rakugo", "tradition"],
        starts: (13, 18, 30),
        again: &[28],
        minutes: 120,
        areas: &[
            seats("1F", &["1F"], &[ticket("Standard", 4_500), ticket("Student", 2_500)]),
            seats("2F", &["2F"], &[ticket("Standard", 3_500)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "taiko-thunder",
        title: "Taiko Thunder",
        summary: "Drums that you hear with your ribs.",
        description: "The Sumida ensemble and its apprentices, with the great drum of 1.8 metres.",
        category: "concert",
        tags: &["taiko", "tradition", "family-friendly"],
        starts: (37, 17, 0),
        minutes: 100,
        max_per_account: Some(8),
        areas: &[
            seats("1F", &["1F"], &[ticket("Adult", 7_000), ticket("Child", 3_500)]),
            seats("Upper floors", &["2F", "3F"], &[ticket("Adult", 5_000), ticket("Child", 2_500)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "drawn-worlds-in-concert",
        title: "Drawn Worlds in Concert",
        summary: "Forty years of animation music, played by those who recorded it.",
        description: "On sale from the day of the announcement, four tickets an account, names on the tickets.",
        category: "concert",
        tags: &["film-music", "anime", "orchestra"],
        starts: (85, 18, 0),
        minutes: 140,
        sale: Sale::OpensIn(3),
        max_per_account: Some(4),
        areas: &[
            seats("1F", &["1F"], &[ticket("Standard", 11_000).at_most(4)]),
            seats("2F", &["2F"], &[ticket("Standard", 9_000).at_most(4)]),
            seats("3F", &["3F"], &[ticket("Standard", 6_000).at_most(4)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "contemporary-noh",
        title: "Contemporary Noh",
        summary: "An old form asks a new question.",
        description: "A commission, still in rehearsal: title, cast and prices may change.",
        category: "theatre",
        tags: &["noh", "tradition", "premiere"],
        starts: (130, 18, 0),
        minutes: 110,
        status: Status::Draft,
        areas: &[seats("1F", &["1F"], &[ticket("Standard", 9_000)])],
        ..EVENT
    },
];

const YARRA_COURT: &[EventSpec] = &[
    EventSpec {
        slug: "comets-v-harbour-sharks",
        title: "Yarra Comets v Harbour Sharks",
        summary: "Round nine, and neither has forgotten round two.",
        description: "The game everybody circled. Gates open an hour before; the band is already there.",
        category: "sport",
        tags: &["basketball", "family-friendly"],
        starts: (11, 19, 30),
        minutes: 130,
        max_per_account: Some(10),
        areas: &[
            seats("Courtside", &["Courtside"], &[ticket("Seat", 14_500).at_most(4)]),
            seats(
                "Stands",
                &["Stands"],
                &[ticket("Adult", 4_200), ticket("Child", 1_800), ticket("Concession", 3_000)],
            ),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "southern-table-tennis-open",
        title: "Southern Table Tennis Open",
        summary: "Sixteen tables at nine in the morning, one table at nine at night.",
        description: "Juniors, veterans and everyone in between. The seat is yours all day.",
        category: "sport",
        tags: &["table-tennis"],
        starts: (34, 9, 0),
        minutes: 720,
        areas: &[seats("Stands", &["Stands"], &[ticket("Adult", 2_500), ticket("Child", 1_000)])],
        ..EVENT
    },
    EventSpec {
        slug: "wheelchair-basketball-cup",
        title: "Wheelchair Basketball Cup",
        summary: "Eight teams, two days, no mercy under the basket.",
        description: "Group games on Saturday, finals on Sunday. Companions of wheelchair users come in free.",
        category: "sport",
        tags: &["basketball", "wheelchair-sport", "weekend"],
        starts: (48, 10, 0),
        minutes: 1_920,
        areas: &[seats(
            "House",
            &["Courtside", "Stands"],
            &[ticket("Weekend", 3_600), ticket("Child", 1_200), ticket("Companion", 0).at_most(2)],
        )],
        ..EVENT
    },
    EventSpec {
        slug: "comedy-allstars",
        title: "Comedy All-Stars",
        summary: "The festival's best of, in the round, so that nobody is safe.",
        description: "Ten acts, a live auction of one joke, and a drummer who comments on everything.",
        category: "comedy",
        tags: &["stand-up"],
        starts: (22, 20, 0),
        minutes: 150,
        max_per_account: Some(6),
        areas: &[
            seats("Courtside", &["Courtside"], &[ticket("Seat", 9_900).at_most(6)]),
            seats("Stands", &["Stands"], &[ticket("Standard", 5_900), ticket("Concession", 4_400)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "science-live-for-kids",
        title: "Science Live! for Kids",
        summary: "Things that bang, float, freeze and glow, and why.",
        description: "An hour of experiments on the court floor, on mats. Grown-ups only together with a child.",
        category: "family",
        tags: &["science", "family-friendly"],
        starts: (15, 11, 0),
        minutes: 60,
        max_per_account: Some(8),
        areas: &[places("Mats", 900, &[ticket("Child", 1_800), ticket("Grown-up", 1_200)])],
        ..EVENT
    },
];

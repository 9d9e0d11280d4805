//! New York and Los Angeles.

use super::{
    people::MARCUS,
    tables::{EVENT, EventSpec, Sale, VenueSpec, places, seats, ticket},
};
use crate::{
    model::Currency,
    seating::{Layout, RowLabels, Sections, Tier},
};

pub(super) const VENUES: &[VenueSpec] = &[
    VenueSpec {
        slug: "granite-hall",
        name: "Granite Hall",
        description: "A former trading floor with a stage where the ticker used to be.",
        address: "212 West 43rd Street",
        city: "New York",
        country: "US",
        time_zone: "America/New_York",
        currency: Currency::Usd,
        capacity: 2_400,
        layout: Some(HALL),
        promoter: &MARCUS,
        events: GRANITE_HALL,
    },
    VenueSpec {
        slug: "pier-nine",
        name: "Pier Nine",
        description: "A stage over the water, open on three sides, with the sun going down on the fourth.",
        address: "900 Harbor Drive",
        city: "Los Angeles",
        country: "US",
        time_zone: "America/Los_Angeles",
        currency: Currency::Usd,
        capacity: 2_000,
        layout: None,
        promoter: &MARCUS,
        events: PIER_NINE,
    },
];

/// 1,080 + 720 + 600 seats.
const HALL: Layout = Layout {
    name: "Main hall",
    tiers: &[
        Tier {
            name: "Orchestra",
            sections: Sections::One,
            rows: 30,
            row_labels: RowLabels::Letters,
            seats_per_row: 36,
            accessible: 12,
        },
        Tier {
            name: "Mezzanine",
            sections: Sections::One,
            rows: 20,
            row_labels: RowLabels::Letters,
            seats_per_row: 36,
            accessible: 6,
        },
        Tier {
            name: "Balcony",
            sections: Sections::One,
            rows: 15,
            row_labels: RowLabels::Letters,
            seats_per_row: 40,
            accessible: 0,
        },
    ],
};

const GRANITE_HALL: &[EventSpec] = &[
    EventSpec {
        slug: "hudson-philharmonic-opening",
        title: "Hudson Philharmonic: Opening Night",
        summary: "Copland, Price and a first performance.",
        description: "Joanna Reyes conducts her first season, which begins as all of them should: with a fanfare.",
        category: "concert",
        tags: &["classical", "orchestra", "premiere"],
        starts: (23, 19, 30),
        minutes: 130,
        max_per_account: Some(8),
        areas: &[
            seats("Orchestra", &["Orchestra"], &[ticket("Standard", 12_500), ticket("Student", 4_000)]),
            seats("Mezzanine", &["Mezzanine"], &[ticket("Standard", 9_500), ticket("Student", 3_000)]),
            seats("Balcony", &["Balcony"], &[ticket("Standard", 4_500), ticket("Student", 2_000)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "improv-marathon",
        title: "The Improv Marathon",
        summary: "Twelve hours, one story, eighty actors. Come and go.",
        description: "It begins with a word from the audience and ends when the last bus does.",
        category: "comedy",
        tags: &["improv"],
        starts: (31, 12, 0),
        minutes: 720,
        areas: &[seats(
            "House",
            &["Orchestra", "Mezzanine"],
            &[ticket("All day", 4_800), ticket("Senior", 3_200), ticket("Student", 2_400)],
        )],
        ..EVENT
    },
    EventSpec {
        slug: "the-last-telegram",
        title: "The Last Telegram",
        summary: "A musical in Morse and other languages.",
        description: "Two operators fall in love without ever having met. Nine musicians, one very long wire.",
        category: "theatre",
        tags: &["musical", "new-writing"],
        starts: (16, 20, 0),
        minutes: 150,
        max_per_account: Some(6),
        areas: &[
            seats("Orchestra", &["Orchestra"], &[ticket("Standard", 13_900), ticket("Child", 8_900)]),
            seats("Mezzanine", &["Mezzanine"], &[ticket("Standard", 9_900), ticket("Child", 6_900)]),
            seats("Balcony", &["Balcony"], &[ticket("Standard", 5_900), ticket("Child", 3_900)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "an-evening-with-mara-velasquez",
        title: "An Evening with Mara Velasquez",
        summary: "The novelist on maps, mothers and the book she will not finish.",
        description: "A conversation, a reading, and half an hour for questions. Signed copies in the lobby.",
        category: "talk",
        tags: &["literature", "books"],
        starts: (12, 19, 0),
        minutes: 90,
        areas: &[seats("Orchestra", &["Orchestra"], &[ticket("Seat", 3_500), ticket("Seat and book", 5_800)])],
        ..EVENT
    },
    EventSpec {
        slug: "dance-on-granite",
        title: "Dance on Granite",
        summary: "Tap, from its beginnings to last week.",
        description: "Thirty dancers on the old trading floor. Thank you for two evenings that sold out.",
        category: "dance",
        tags: &["tap", "dance"],
        starts: (-5, 19, 30),
        minutes: 110,
        areas: &[seats("House", &["Orchestra", "Mezzanine", "Balcony"], &[ticket("Standard", 6_500)])],
        ..EVENT
    },
];

const PIER_NINE: &[EventSpec] = &[
    EventSpec {
        slug: "pacific-static",
        title: "Pacific Static",
        summary: "Surf guitars and tape loops, with the tide as a rhythm section.",
        description: "The release concert of Long Shore. Doors at six, support from a lighthouse.",
        category: "concert",
        tags: &["indie", "surf", "open-air"],
        starts: (27, 19, 0),
        minutes: 200,
        max_per_account: Some(4),
        areas: &[
            places("Standing", 1_800, &[ticket("Standing", 4_500).at_most(4)]),
            places("Deck", 200, &[ticket("Deck, with a chair", 8_500).at_most(4)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "sunset-cinema",
        title: "Sunset Cinema",
        summary: "A silent film with a live band, and blankets for rent.",
        description: "The screen is a sail. It starts when the sun touches the water, so do not be late.",
        category: "film",
        tags: &["cinema", "open-air", "family-friendly"],
        starts: (9, 20, 15),
        minutes: 120,
        areas: &[places("Deck chairs", 900, &[ticket("Adult", 2_200), ticket("Child", 1_100)])],
        ..EVENT
    },
    EventSpec {
        slug: "tacos-and-vinyl",
        title: "Tacos & Vinyl",
        summary: "Thirty kitchens, fifty crates of records, one pier.",
        description: "Eat, dig, dance. Entry is free; every hour has its own tickets, so that there is room to dig.",
        category: "festival",
        tags: &["food", "music", "free"],
        starts: (19, 12, 0),
        minutes: 480,
        max_per_account: Some(8),
        areas: &[
            places("Noon", 2_000, &[ticket("Entry from 12", 0).at_most(8)]),
            places("Afternoon", 2_000, &[ticket("Entry from 15", 0).at_most(8)]),
            places("Evening", 2_000, &[ticket("Entry from 18", 0).at_most(8)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "indie-games-showcase",
        title: "Indie Games Showcase",
        summary: "Eighty games that do not exist yet. Play them first.",
        description: "Small teams, big screens, honest feedback. Press hour at ten, everybody from eleven.",
        category: "exhibition",
        tags: &["games", "technology"],
        starts: (44, 11, 0),
        minutes: 480,
        areas: &[places(
            "Hall",
            1_600,
            &[
                ticket("Early bird", 1_800).until_day(15),
                ticket("Regular", 2_600),
                ticket("Developer", 1_200).at_most(2),
            ],
        )],
        ..EVENT
    },
    EventSpec {
        slug: "surf-film-night",
        title: "Surf Film Night",
        summary: "Four short films about one long wave.",
        description: "With the people who filmed it, some of whom are dry by now. Sold online until yesterday only.",
        category: "film",
        tags: &["cinema", "surf"],
        starts: (3, 20, 0),
        minutes: 140,
        sale: Sale::EndedAgo(1),
        areas: &[places("Deck chairs", 700, &[ticket("Seat", 1_900)])],
        ..EVENT
    },
];

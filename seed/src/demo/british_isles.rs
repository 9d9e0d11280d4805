//! London, Edinburgh and Dublin.

use super::{
    people::{CORMAC, OLIVIA},
    tables::{EVENT, EventSpec, Sale, VenueSpec, places, seats, ticket},
};
use crate::{
    model::{Currency, Status},
    seating::{ARENA, Layout, RowLabels, Sections, Tier},
};

pub(super) const VENUES: &[VenueSpec] = &[
    VenueSpec {
        slug: "meridian-arena",
        name: "Meridian Arena",
        description: "Twenty thousand seats on the Thames, a minute from the pier. Step-free from door to floor.",
        address: "1 Meridian Way",
        city: "London",
        country: "GB",
        time_zone: "Europe/London",
        currency: Currency::Gbp,
        capacity: 20_000,
        layout: Some(ARENA),
        promoter: &OLIVIA,
        events: MERIDIAN_ARENA,
    },
    VenueSpec {
        slug: "the-ropeworks",
        name: "The Ropeworks",
        description: "A rope factory of 1842, now six workshops around a yard with a good café.",
        address: "27 Salamander Street",
        city: "Edinburgh",
        country: "GB",
        time_zone: "Europe/London",
        currency: Currency::Gbp,
        capacity: 120,
        layout: None,
        promoter: &OLIVIA,
        events: THE_ROPEWORKS,
    },
    VenueSpec {
        slug: "liffey-theatre",
        name: "Liffey Theatre",
        description: "An Edwardian playhouse with three levels, ten boxes and not one bad seat.",
        address: "14 Usher's Quay",
        city: "Dublin",
        country: "IE",
        time_zone: "Europe/Dublin",
        currency: Currency::Eur,
        capacity: 1_200,
        layout: Some(PLAYHOUSE),
        promoter: &CORMAC,
        events: LIFFEY_THEATRE,
    },
];

/// 560 + 300 + 280 + 60 seats.
const PLAYHOUSE: Layout = Layout {
    name: "Proscenium",
    tiers: &[
        Tier {
            name: "Stalls",
            sections: Sections::One,
            rows: 20,
            row_labels: RowLabels::Letters,
            seats_per_row: 28,
            accessible: 8,
        },
        Tier {
            name: "Dress Circle",
            sections: Sections::One,
            rows: 10,
            row_labels: RowLabels::Letters,
            seats_per_row: 30,
            accessible: 4,
        },
        Tier {
            name: "Upper Circle",
            sections: Sections::One,
            rows: 10,
            row_labels: RowLabels::Letters,
            seats_per_row: 28,
            accessible: 0,
        },
        Tier {
            name: "Box",
            sections: Sections::Counted(10),
            rows: 1,
            row_labels: RowLabels::Letters,
            seats_per_row: 6,
            accessible: 0,
        },
    ],
};

const MERIDIAN_ARENA: &[EventSpec] = &[
    EventSpec {
        slug: "harbour-lights-tideline-tour",
        title: "The Harbour Lights: Tideline Tour",
        summary: "Three albums, two drummers and the only arena show in Britain.",
        description: "The Harbour Lights play Tideline from first to last note, then what the front rows shout for.",
        category: "concert",
        tags: &["rock", "indie", "tour"],
        starts: (45, 19, 30),
        minutes: 180,
        max_per_account: Some(6),
        areas: &[
            seats("Floor", &["Floor"], &[ticket("Standard", 9500)]),
            seats("Lower bowl", &["Lower bowl"], &[ticket("Standard", 7500), ticket("Under 16", 5000)]),
            seats("Upper bowl", &["Upper bowl"], &[ticket("Standard", 4500), ticket("Under 16", 3000)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "northern-netball-finals",
        title: "Northern Netball Finals",
        summary: "Two semi-finals, one final, one long loud afternoon.",
        description: "The four best clubs of the season. One ticket is good for all three matches; bring a drum.",
        category: "sport",
        tags: &["netball", "family-friendly"],
        starts: (19, 13, 0),
        minutes: 330,
        max_per_account: Some(12),
        areas: &[
            seats(
                "Courtside",
                &["Floor", "Lower bowl"],
                &[ticket("Adult", 3800), ticket("Child", 1900).about("Under 16."), ticket("Concession", 2800)],
            ),
            seats("Upper bowl", &["Upper bowl"], &[ticket("Adult", 2200), ticket("Child", 1100)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "galaxy-symphonic",
        title: "Galaxy Symphonic",
        summary: "A hundred musicians play the music of the films that took us to space.",
        description: "The Meridian Philharmonic under a sky of two thousand lamps, with a choir from three schools.",
        category: "concert",
        tags: &["classical", "film-music", "family-friendly"],
        starts: (62, 19, 0),
        minutes: 150,
        areas: &[
            seats("Floor", &["Floor"], &[ticket("Standard", 8500)]),
            seats("Lower bowl", &["Lower bowl"], &[ticket("Standard", 6000), ticket("Student", 3500)]),
            seats("Upper bowl", &["Upper bowl"], &[ticket("Standard", 3500), ticket("Student", 2000)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "stand-up-for-shelter",
        title: "Stand Up for Shelter",
        summary: "Twelve comedians, ten minutes each, every penny to people without a roof.",
        description: "The winter gala of British comedy. Who is on stays secret until the lights go down.",
        category: "comedy",
        tags: &["stand-up", "charity"],
        starts: (30, 20, 0),
        minutes: 165,
        max_per_account: Some(8),
        areas: &[
            seats("Floor", &["Floor"], &[ticket("Supporter", 6000), ticket("Patron", 15000).at_most(4)]),
            seats("Bowl", &["Lower bowl", "Upper bowl"], &[ticket("Supporter", 3000)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "kingdom-on-ice",
        title: "Kingdom on Ice",
        summary: "A fairy tale on skates for everyone from four to ninety-four.",
        description: "Forty skaters, one dragon and real snow in the second half. Cushions for small people are free.",
        category: "family",
        tags: &["ice-show", "family-friendly"],
        starts: (90, 15, 0),
        minutes: 120,
        sale: Sale::OpensIn(5),
        max_per_account: Some(10),
        areas: &[
            seats("Lower bowl", &["Lower bowl"], &[ticket("Adult", 4800), ticket("Child", 2400)]),
            seats("Upper bowl", &["Upper bowl"], &[ticket("Adult", 2800), ticket("Child", 1400)]),
        ],
        ..EVENT
    },
];

const THE_ROPEWORKS: &[EventSpec] = &[
    EventSpec {
        slug: "letterpress-for-beginners",
        title: "Letterpress for Beginners",
        summary: "Set a line of lead type, ink it, and take home forty cards.",
        description: "A day at the presses with printer Effie Rankine. No experience needed; aprons are here.",
        category: "workshop",
        tags: &["craft", "printing"],
        starts: (9, 10, 0),
        minutes: 360,
        max_per_account: Some(2),
        areas: &[places("Bench", 12, &[ticket("Maker", 6500).at_most(2), ticket("Concession", 4500).at_most(2)])],
        ..EVENT
    },
    EventSpec {
        slug: "bookbinding-weekend",
        title: "Bookbinding Weekend",
        summary: "From a stack of paper to a book in linen, in two days.",
        description: "Folding, sewing, rounding, casing-in: each step by hand, and shown twice if need be.",
        category: "workshop",
        tags: &["craft", "books", "weekend"],
        starts: (16, 9, 30),
        minutes: 1_890,
        max_per_account: Some(2),
        areas: &[places("Bench", 10, &[ticket("Maker", 14500).at_most(2)])],
        ..EVENT
    },
    EventSpec {
        slug: "open-makers-night",
        title: "Open Makers' Night",
        summary: "Bring what you are working on. Tools, tea and company are free.",
        description: "Looms, lathes and two kilns are open to all. The people who know how they work are there too.",
        category: "workshop",
        tags: &["craft", "community", "free"],
        starts: (6, 18, 30),
        again: &[7, 14, 21],
        minutes: 180,
        max_per_account: Some(2),
        areas: &[places("Yard", 60, &[ticket("Maker", 0).at_most(2)])],
        ..EVENT
    },
    EventSpec {
        slug: "natural-dyes",
        title: "Natural Dyes: Madder, Weld and Woad",
        summary: "Three plants, a whole palette.",
        description: "Mordants, vats and patience: dye six skeins of wool with colours from the hedgerow.",
        category: "workshop",
        tags: &["craft", "textile"],
        starts: (54, 10, 0),
        minutes: 420,
        status: Status::Draft,
        areas: &[places("Bench", 14, &[ticket("Maker", 8500)])],
        ..EVENT
    },
    EventSpec {
        slug: "clay-and-fire",
        title: "Clay and Fire",
        summary: "Throw on Saturday, fire through the night, unpack on Sunday.",
        description: "A wood firing needs a night and ten pairs of hands. Registration has closed: the wood is cut.",
        category: "workshop",
        tags: &["craft", "pottery", "weekend"],
        starts: (4, 10, 0),
        minutes: 1_800,
        sale: Sale::EndedAgo(2),
        areas: &[places("Kiln crew", 10, &[ticket("Maker", 16000).at_most(2)])],
        ..EVENT
    },
];

const LIFFEY_THEATRE: &[EventSpec] = &[
    EventSpec {
        slug: "the-lighthouse-keepers-daughter",
        title: "The Lighthouse Keeper's Daughter",
        summary: "A new play about a lamp, a storm and a telegram that came too late.",
        description: "Nuala Brennan's third play for the Liffey, directed by the author. With one interval.",
        category: "theatre",
        tags: &["drama", "new-writing"],
        starts: (14, 19, 30),
        minutes: 140,
        max_per_account: Some(8),
        areas: &[
            seats("Stalls", &["Stalls"], &[ticket("Full price", 5200), ticket("Concession", 3600)]),
            seats("Dress Circle", &["Dress Circle"], &[ticket("Full price", 4600), ticket("Concession", 3200)]),
            seats("Upper Circle", &["Upper Circle"], &[ticket("Full price", 2400), ticket("Under 30", 1500)]),
            seats("Boxes", &["Box"], &[ticket("Seat", 6500).at_most(6)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "a-winters-reckoning",
        title: "A Winter's Reckoning",
        summary: "A family, a farm, a ledger. Someone has been lying since 1954.",
        description: "The revival of the season, with Maeve Costigan as the aunt who counts everything.",
        category: "theatre",
        tags: &["drama", "classic"],
        starts: (33, 19, 30),
        minutes: 165,
        areas: &[
            seats("Stalls", &["Stalls"], &[ticket("Full price", 4800), ticket("Concession", 3400)]),
            seats(
                "Circles",
                &["Dress Circle", "Upper Circle"],
                &[ticket("Full price", 3200), ticket("Under 30", 1500)],
            ),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "poets-of-the-quays",
        title: "Poets of the Quays",
        summary: "Seven poets, one microphone, no introductions.",
        description: "An evening of new verse in English and Irish. The stalls only, so that nobody has to shout.",
        category: "talk",
        tags: &["poetry", "literature"],
        starts: (11, 20, 0),
        minutes: 100,
        areas: &[seats("Stalls", &["Stalls"], &[ticket("Full price", 1800), ticket("Student", 900)])],
        ..EVENT
    },
    EventSpec {
        slug: "the-bicycle-thief-of-rathmines",
        title: "The Bicycle Thief of Rathmines",
        summary: "A farce in eleven bicycles.",
        description: "Everybody's bicycle is somebody else's. The company's biggest success, back for one week.",
        category: "comedy",
        tags: &["farce", "family-friendly"],
        starts: (26, 20, 0),
        minutes: 125,
        max_per_account: Some(10),
        areas: &[
            seats("Stalls", &["Stalls"], &[ticket("Adult", 4200), ticket("Child", 2100)]),
            seats("Dress Circle", &["Dress Circle"], &[ticket("Adult", 3800), ticket("Child", 1900)]),
            seats("Upper Circle", &["Upper Circle"], &[ticket("Adult", 2000), ticket("Child", 1000)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "la-marea",
        title: "La Marea",
        summary: "Cancelled: the set was lost at sea. Tickets are refunded.",
        description: "An opera in two acts about a tide that does not turn.",
        category: "opera",
        tags: &["opera", "premiere"],
        starts: (22, 19, 0),
        minutes: 155,
        status: Status::Cancelled,
        areas: &[
            seats("Stalls", &["Stalls"], &[ticket("Full price", 7800)]),
            seats("Circles", &["Dress Circle", "Upper Circle"], &[ticket("Full price", 4900)]),
        ],
        ..EVENT
    },
];

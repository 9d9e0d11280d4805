//! Gothenburg and Lisbon.

use super::{
    people::INGRID,
    tables::{EVENT, EventSpec, VenueSpec, places, ticket},
};
use crate::model::{Currency, Status};

pub(super) const VENUES: &[VenueSpec] = &[
    VenueSpec {
        slug: "norrvik-field",
        name: "Norrvik Field",
        description: "A meadow between the forest and the harbour. Bring a blanket; it is never quite dark in June.",
        address: "Norrviksvägen 3",
        city: "Göteborg",
        country: "SE",
        time_zone: "Europe/Stockholm",
        currency: Currency::Sek,
        capacity: 45_000,
        layout: None,
        promoter: &INGRID,
        events: NORRVIK_FIELD,
    },
    VenueSpec {
        slug: "casa-do-azulejo",
        name: "Casa do Azulejo",
        description: "A convent, then a factory, now a house for everything that can be made of clay and light.",
        address: "Rua da Madre 12",
        city: "Lisboa",
        country: "PT",
        time_zone: "Europe/Lisbon",
        currency: Currency::Eur,
        capacity: 800,
        layout: None,
        promoter: &INGRID,
        events: CASA_DO_AZULEJO,
    },
];

const NORRVIK_FIELD: &[EventSpec] = &[
    EventSpec {
        slug: "norrvik-weekend",
        title: "Norrvik Weekend",
        summary: "Three days, four stages, forty-five thousand people and one sauna on wheels.",
        description: "The festival of the west coast. Weekend tickets include a place for a tent.",
        category: "festival",
        tags: &["rock", "pop", "electronic", "weekend", "open-air"],
        starts: (80, 14, 0),
        minutes: 3_780,
        max_per_account: Some(8),
        areas: &[
            places(
                "Weekend",
                30_000,
                &[
                    ticket("Early bird", 189_500).until_day(20),
                    ticket("Regular", 229_500),
                    ticket("Under 18", 129_500).about("Only with an adult."),
                ],
            ),
            places("Saturday only", 10_000, &[ticket("Day ticket", 119_500)]),
            places("Camper park", 800, &[ticket("Camper", 69_500).at_most(1).about("One vehicle, up to six metres.")]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "city-picnic-concert",
        title: "City Picnic Concert",
        summary: "The symphony on the meadow, a gift of the city. Free, with a ticket.",
        description: "Sibelius at sunset and a march to go home by. Baskets welcome, glass stays at home.",
        category: "concert",
        tags: &["classical", "open-air", "free", "family-friendly"],
        starts: (28, 18, 30),
        minutes: 135,
        max_per_account: Some(6),
        areas: &[places("Meadow", 40_000, &[ticket("Blanket place", 0).at_most(6)])],
        ..EVENT
    },
    EventSpec {
        slug: "midnight-run",
        title: "Midnight Run",
        summary: "Ten kilometres through the light night, with brass bands at every bend.",
        description: "Start in six waves from the meadow. Chip, soup and a bus back to the station are included.",
        category: "sport",
        tags: &["running", "open-air"],
        starts: (36, 22, 0),
        minutes: 180,
        max_per_account: Some(5),
        areas: &[
            places("10 km", 6_000, &[ticket("Runner", 49_500).at_most(5), ticket("Student", 29_500).at_most(5)]),
            places("5 km", 3_000, &[ticket("Runner", 34_500).at_most(5), ticket("Junior", 14_500).at_most(5)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "nordic-metal-day",
        title: "Nordic Metal Day",
        summary: "Nine bands, one volume.",
        description: "From black to doom, from noon to midnight. Hearing protection is free and strongly advised.",
        category: "concert",
        tags: &["metal", "open-air"],
        starts: (52, 12, 0),
        minutes: 720,
        max_per_account: Some(10),
        areas: &[
            places("Field", 22_000, &[ticket("Standard", 99_500)]),
            places("Front pit", 3_000, &[ticket("Front pit", 149_500).at_most(4)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "harvest-fair",
        title: "Harvest Fair",
        summary: "Cancelled: the meadow is under water. Tickets are refunded.",
        description: "Farmers, bakers and brewers of the west coast on one long table.",
        category: "festival",
        tags: &["food", "open-air", "family-friendly"],
        starts: (15, 10, 0),
        minutes: 480,
        status: Status::Cancelled,
        areas: &[places("Fair", 8_000, &[ticket("Adult", 12_000), ticket("Child", 0)])],
        ..EVENT
    },
];

const CASA_DO_AZULEJO: &[EventSpec] = &[
    EventSpec {
        slug: "blue-and-white",
        title: "Blue and White: Five Centuries of Tiles",
        summary: "Eleven thousand tiles, hung as they were meant to be seen.",
        description: "From the Moorish patterns to the metro stations. A ticket is good for the whole day.",
        category: "exhibition",
        tags: &["art", "history"],
        starts: (7, 10, 0),
        minutes: 480,
        areas: &[places("Day", 800, &[ticket("Adult", 1400), ticket("Child", 0), ticket("Concession", 900)])],
        ..EVENT
    },
    EventSpec {
        slug: "tile-painting",
        title: "Tile Painting",
        summary: "Paint nine tiles; we fire them and send them after you.",
        description: "Cobalt on white glaze forgives nothing, and teaches fast. With ceramist Rita Figueira.",
        category: "workshop",
        tags: &["craft", "art"],
        starts: (18, 15, 0),
        minutes: 180,
        max_per_account: Some(4),
        areas: &[places("Studio", 16, &[ticket("Painter", 5500).at_most(4)])],
        ..EVENT
    },
    EventSpec {
        slug: "fado-entre-paredes",
        title: "Fado entre paredes",
        summary: "One voice, two guitars, no microphone.",
        description: "Fado in the old refectory, where the walls do the rest. Silence is part of the programme.",
        category: "concert",
        tags: &["fado", "acoustic"],
        starts: (21, 21, 30),
        minutes: 90,
        max_per_account: Some(4),
        areas: &[places("Refectory", 140, &[ticket("Full price", 2800), ticket("Under 30", 1600)])],
        ..EVENT
    },
    EventSpec {
        slug: "night-of-the-museums",
        title: "Night of the Museums",
        summary: "Open until two, free, by candle where that is allowed.",
        description: "Guided walks every half hour, a kiln that is opened at midnight, soup in the cloister.",
        category: "exhibition",
        tags: &["art", "free", "night"],
        starts: (32, 19, 0),
        minutes: 420,
        max_per_account: Some(5),
        areas: &[
            places("Before ten", 800, &[ticket("Early visit", 0).at_most(5)]),
            places("After ten", 800, &[ticket("Late visit", 0).at_most(5)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "photographs-of-the-tagus",
        title: "Photographs of the Tagus",
        summary: "A river in two hundred pictures.",
        description: "From glass plates to satellites. The hanging is not settled yet, nor are the dates.",
        category: "exhibition",
        tags: &["art", "photography"],
        starts: (120, 10, 0),
        minutes: 480,
        status: Status::Draft,
        areas: &[places("Day", 500, &[ticket("Adult", 1200), ticket("Concession", 800)])],
        ..EVENT
    },
];

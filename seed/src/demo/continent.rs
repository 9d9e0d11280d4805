//! Berlin, Paris and Zurich.

use super::{
    people::{CORMAC, INGRID, OLIVIA},
    tables::{EVENT, EventSpec, Sale, VenueSpec, places, seats, ticket},
};
use crate::{
    model::{Currency, Status},
    seating::{Layout, RowLabels, Sections, Tier},
};

pub(super) const VENUES: &[VenueSpec] = &[
    VenueSpec {
        slug: "kellerwerk",
        name: "Kellerwerk",
        description: "A club for three hundred under a former brewery. Low ceiling, long nights, honest sound.",
        address: "Wrangelstraße 41",
        city: "Berlin",
        country: "DE",
        time_zone: "Europe/Berlin",
        currency: Currency::Eur,
        capacity: 300,
        layout: Some(CLUB),
        promoter: &OLIVIA,
        events: KELLERWERK,
    },
    VenueSpec {
        slug: "salle-aurore",
        name: "Salle Aurore",
        description: "A concert hall of 1928 with a ceiling of glass and the best low strings in Paris.",
        address: "88 rue des Martyrs",
        city: "Paris",
        country: "FR",
        time_zone: "Europe/Paris",
        currency: Currency::Eur,
        capacity: 1_800,
        layout: Some(CONCERT_HALL),
        promoter: &CORMAC,
        events: SALLE_AURORE,
    },
    VenueSpec {
        slug: "seeforum-zurich",
        name: "Seeforum Zürich",
        description: "Congress halls by the lake, four minutes on foot from the station.",
        address: "Mythenquai 210",
        city: "Zürich",
        country: "CH",
        time_zone: "Europe/Zurich",
        currency: Currency::Chf,
        capacity: 1_500,
        layout: None,
        promoter: &INGRID,
        events: SEEFORUM,
    },
];

/// 240 seats at tables and 60 above them; on standing nights only the balcony has numbers.
const CLUB: Layout = Layout {
    name: "Tables and balcony",
    tiers: &[
        Tier {
            name: "Tables",
            sections: Sections::One,
            rows: 12,
            row_labels: RowLabels::Numbers,
            seats_per_row: 20,
            accessible: 4,
        },
        Tier {
            name: "Balcony",
            sections: Sections::One,
            rows: 4,
            row_labels: RowLabels::Letters,
            seats_per_row: 15,
            accessible: 0,
        },
    ],
};

/// 720 + 120 + 480 + 480 seats.
const CONCERT_HALL: Layout = Layout {
    name: "Grande salle",
    tiers: &[
        Tier {
            name: "Parterre",
            sections: Sections::One,
            rows: 24,
            row_labels: RowLabels::Letters,
            seats_per_row: 30,
            accessible: 8,
        },
        Tier {
            name: "Loge",
            sections: Sections::Counted(12),
            rows: 2,
            row_labels: RowLabels::Letters,
            seats_per_row: 5,
            accessible: 1,
        },
        Tier {
            name: "Premier balcon",
            sections: Sections::One,
            rows: 16,
            row_labels: RowLabels::Letters,
            seats_per_row: 30,
            accessible: 0,
        },
        Tier {
            name: "Second balcon",
            sections: Sections::One,
            rows: 16,
            row_labels: RowLabels::Letters,
            seats_per_row: 30,
            accessible: 0,
        },
    ],
};

const KELLERWERK: &[EventSpec] = &[
    EventSpec {
        slug: "nachtzug-live",
        title: "Nachtzug",
        summary: "Krautrock from Leipzig, loud and on time.",
        description: "Nachtzug play their second album and leave at half past eleven, like the train.",
        category: "concert",
        tags: &["krautrock", "indie", "club"],
        starts: (12, 20, 30),
        minutes: 180,
        max_per_account: Some(4),
        areas: &[
            places("Standing", 240, &[ticket("Standing", 2400).at_most(4)]),
            seats("Balcony", &["Balcony"], &[ticket("Seat", 3200).at_most(4)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "modular-nights",
        title: "Modular Nights",
        summary: "Three live sets, nine racks, four hundred cables.",
        description: "Improvised techno from midnight. Ear plugs at the bar, cameras in your pocket.",
        category: "concert",
        tags: &["techno", "electronic", "club"],
        starts: (8, 23, 30),
        minutes: 390,
        areas: &[places(
            "Floor",
            280,
            &[ticket("Early bird", 1400).until_day(3), ticket("Regular", 1900), ticket("Solidarity", 2600)],
        )],
        ..EVENT
    },
    EventSpec {
        slug: "lachen-im-keller",
        title: "Lachen im Keller",
        summary: "Stand-up in German and English, seated, with supper if you like.",
        description: "Five comics and a host who knows no mercy. The front table is called the splash zone.",
        category: "comedy",
        tags: &["stand-up", "club"],
        starts: (20, 20, 0),
        minutes: 130,
        areas: &[
            seats("Tables", &["Tables"], &[ticket("Seat", 2200), ticket("Student", 1500)]),
            seats("Balcony", &["Balcony"], &[ticket("Seat", 1800)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "montags-jam",
        title: "Monday Jam",
        summary: "The house trio opens, then the stage is yours. Free, but the seats are numbered.",
        description: "Berlin's longest-running jam session. Musicians sign in at the bar until nine.",
        category: "concert",
        tags: &["jazz", "free", "club"],
        starts: (5, 20, 0),
        again: &[7, 14],
        minutes: 210,
        max_per_account: Some(4),
        areas: &[seats("House", &["Tables", "Balcony"], &[ticket("Seat", 0).at_most(4)])],
        ..EVENT
    },
    EventSpec {
        slug: "kellerwerk-all-night",
        title: "Kellerwerk All Night",
        summary: "Twelve hours, two floors, breakfast included.",
        description: "The anniversary of the club. Three hundred tickets, none at the door.",
        category: "festival",
        tags: &["techno", "club", "anniversary"],
        starts: (75, 20, 0),
        minutes: 720,
        sale: Sale::OpensIn(14),
        max_per_account: Some(2),
        areas: &[places("House", 300, &[ticket("All night", 4900).at_most(2)])],
        ..EVENT
    },
];

const SALLE_AURORE: &[EventSpec] = &[
    EventSpec {
        slug: "nuit-debussy",
        title: "Nuit Debussy",
        summary: "La mer, Jeux and the Nocturnes, as the lamps go down one by one.",
        description: "The Orchestre de l'Aurore with Solène Vasseur. The last piece is played in the dark.",
        category: "concert",
        tags: &["classical", "orchestra"],
        starts: (17, 20, 30),
        minutes: 120,
        max_per_account: Some(8),
        areas: &[
            seats("Parterre", &["Parterre"], &[ticket("Plein tarif", 6500), ticket("Moins de 28 ans", 2000)]),
            seats("Loges", &["Loge"], &[ticket("Plein tarif", 8000).at_most(5)]),
            seats(
                "Premier balcon",
                &["Premier balcon"],
                &[ticket("Plein tarif", 4500), ticket("Moins de 28 ans", 1500)],
            ),
            seats("Second balcon", &["Second balcon"], &[ticket("Plein tarif", 2500), ticket("Moins de 28 ans", 1000)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "requiem-pour-la-ville",
        title: "Requiem pour la ville",
        summary: "Fauré's Requiem, and a new work for two hundred voices.",
        description: "Four amateur choirs and one professional one stand where the audience usually sits.",
        category: "concert",
        tags: &["classical", "choir"],
        starts: (38, 19, 0),
        minutes: 95,
        areas: &[
            seats("Premier balcon", &["Premier balcon"], &[ticket("Plein tarif", 3800), ticket("Tarif réduit", 2400)]),
            seats("Second balcon", &["Second balcon"], &[ticket("Plein tarif", 2200), ticket("Tarif réduit", 1400)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "les-heures-bleues",
        title: "Les Heures bleues",
        summary: "A ballet for sixteen dancers between dusk and dawn.",
        description: "Choreography by Inès Carpentier, to piano music played on stage.",
        category: "dance",
        tags: &["ballet", "contemporary"],
        starts: (29, 20, 0),
        minutes: 85,
        max_per_account: Some(6),
        areas: &[
            seats("Parterre", &["Parterre", "Loge"], &[ticket("Plein tarif", 7200), ticket("Tarif réduit", 4800)]),
            seats("Balcons", &["Premier balcon", "Second balcon"], &[ticket("Plein tarif", 3900)]),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "pierre-et-le-loup",
        title: "Pierre et le loup",
        summary: "Prokofiev for small ears, with a wolf who forgets his line.",
        description: "A Sunday matinée of fifty minutes. The instruments may be tried out afterwards.",
        category: "family",
        tags: &["classical", "family-friendly", "matinee"],
        starts: (10, 11, 0),
        minutes: 50,
        max_per_account: Some(10),
        areas: &[seats("Parterre", &["Parterre"], &[ticket("Adulte", 1800), ticket("Enfant", 900)])],
        ..EVENT
    },
    EventSpec {
        slug: "gala-de-l-aurore",
        title: "Gala de l'Aurore",
        summary: "The hall's birthday, with everybody who ever broke a string here.",
        description: "A concert in five short parts and one long dinner. It was a wonderful evening.",
        category: "concert",
        tags: &["classical", "gala"],
        starts: (-20, 19, 30),
        minutes: 240,
        status: Status::Archived,
        areas: &[seats("Salle", &["Parterre", "Loge", "Premier balcon"], &[ticket("Place", 12000)])],
        ..EVENT
    },
];

const SEEFORUM: &[EventSpec] = &[
    EventSpec {
        slug: "alpine-systems-conf",
        title: "Alpine Systems Conference",
        summary: "Two days on databases, kernels and everything that has to be right at three in the morning.",
        description: "Twenty-four talks in two tracks, a hallway track by the lake, and no sponsored keynotes.",
        category: "conference",
        tags: &["technology", "software"],
        starts: (55, 9, 0),
        minutes: 1_980,
        max_per_account: Some(20),
        areas: &[
            places(
                "Conference",
                900,
                &[
                    ticket("Early bird", 34000).until_day(10).about("Both days, lunch included."),
                    ticket("Regular", 46000).about("Both days, lunch included."),
                    ticket("Student", 9000).at_most(1).about("Bring your card."),
                ],
            ),
            places(
                "Workshop day",
                120,
                &[ticket("Workshop", 28000).at_most(5).about("The day before; choose on site.")],
            ),
        ],
        ..EVENT
    },
    EventSpec {
        slug: "datentage-zurich",
        title: "Datentage Zürich",
        summary: "Open data for towns, cantons and people who count trams.",
        description: "Public offices and curious citizens show each other what they made of the numbers.",
        category: "conference",
        tags: &["technology", "open-data"],
        starts: (24, 9, 30),
        minutes: 480,
        areas: &[places("Congress", 600, &[ticket("Office", 18000), ticket("Citizen", 4000), ticket("Student", 2000)])],
        ..EVENT
    },
    EventSpec {
        slug: "founders-breakfast",
        title: "Founders' Breakfast",
        summary: "Coffee at seven, five pitches, at work by nine. Free.",
        description: "For people who started a company last year, or will next year. The croissants are real.",
        category: "workshop",
        tags: &["business", "free", "community"],
        starts: (13, 7, 0),
        minutes: 110,
        max_per_account: Some(1),
        areas: &[places("Foyer", 150, &[ticket("Seat at the table", 0).at_most(1)])],
        ..EVENT
    },
    EventSpec {
        slug: "robotics-expo",
        title: "Robotics Expo",
        summary: "Machines that walk, swim, sort and occasionally fall over.",
        description: "Sixty exhibitors from universities and workshops. On Sunday children drive the excavators.",
        category: "exhibition",
        tags: &["technology", "robots", "family-friendly"],
        starts: (41, 10, 0),
        minutes: 480,
        areas: &[places("Halls", 1_500, &[ticket("Adult", 2800), ticket("Child", 900), ticket("Concession", 1900)])],
        ..EVENT
    },
    EventSpec {
        slug: "quantum-forum",
        title: "Quantum Forum",
        summary: "What the machines can do, told by those who build them.",
        description: "One day, eight speakers, and a promise: every claim comes with its error bars.",
        category: "conference",
        tags: &["technology", "science"],
        starts: (110, 9, 0),
        minutes: 510,
        sale: Sale::OpensIn(20),
        status: Status::Scheduled,
        areas: &[places("Congress", 700, &[ticket("Regular", 39000), ticket("Student", 6000)])],
        ..EVENT
    },
];

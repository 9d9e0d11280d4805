//! What events are called, in three languages.

use super::dice::Dice;

/// A language that events are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    German,
    French,
}

/// A kind of event, with what it is found by.
pub(super) struct Category {
    pub(super) slug: &'static str,
    pub(super) tags: &'static [&'static str],
    /// From the cheapest to the dearest seat, in the currency's main unit.
    pub(super) prices: (u32, u32),
    english: &'static [&'static str],
    german: &'static [&'static str],
    french: &'static [&'static str],
}

impl Category {
    /// Titles in which `{}` is the name of who is on stage.
    fn titles(&self, language: Language) -> &'static [&'static str] {
        match language {
            Language::English => self.english,
            Language::German => self.german,
            Language::French => self.french,
        }
    }

    /// A title.
    pub(super) fn title(&self, language: Language, dice: &mut Dice) -> String {
        dice.any(self.titles(language)).replace("{}", &artist(dice))
    }
}

/// The commonest first.
pub(super) const CATEGORIES: [Category; 10] = [
    Category {
        slug: "concert",
        tags: &[
            "jazz",
            "rock",
            "classical",
            "blues",
            "folk",
            "choir",
            "chamber-music",
            "electronic",
            "indie",
            "singer-songwriter",
        ],
        prices: (12, 95),
        english: &[
            "An evening with {}",
            "{} and the Northern Quartet",
            "{}: songs of the harbour",
            "Late-night jazz: {}",
            "The {} Trio plays Brahms",
            "{} unplugged",
            "Candlelight concerts: {}",
            "Symphony under the stars with {}",
        ],
        german: &[
            "{} und Band",
            "Konzert mit {}",
            "Sommerkonzerte: {}",
            "Kammermusik bei Kerzenschein: {}",
            "Orgelnacht mit {}",
            "{} spielt Beethoven",
            "Jazz im Hof: {}",
            "Lieder und Balladen: {}",
            "Die große Chornacht mit {}",
        ],
        french: &[
            "{} en concert",
            "Nuit du jazz avec {}",
            "Les chansons de {}",
            "{} joue Debussy",
            "Quatuors à cordes : {}",
            "Concerts du dimanche : {}",
            "Musiques d'ailleurs : {}",
            "{} et l'orchestre de chambre",
        ],
    },
    Category {
        slug: "theatre",
        tags: &["drama", "classics", "new-writing", "musical", "puppetry", "premiere"],
        prices: (15, 70),
        english: &[
            "A Winter's Tale, directed by {}",
            "{}: a play in two acts",
            "The Seagull, with {}",
            "House of mirrors by {}",
        ],
        german: &["Der zerbrochne Krug, Regie {}", "Die Physiker mit {}", "Nathan der Weise: {}", "Die Möwe, Regie {}"],
        french: &[
            "Le Malade imaginaire, mise en scène {}",
            "{} seul en scène",
            "La Mouette avec {}",
            "Les Justes par {}",
        ],
    },
    Category {
        slug: "comedy",
        tags: &["stand-up", "improv", "cabaret", "satire"],
        prices: (8, 38),
        english: &[
            "{}: work in progress",
            "Stand-up night with {}",
            "{} is sorry about that",
            "Improvised Shakespeare with {}",
        ],
        german: &["{}: Alles halb so wild", "Kabarett mit {}", "{} erklärt die Welt", "Lachnacht mit {}"],
        french: &["{} : tout va bien", "Soirée stand-up avec {}", "{} fait des siennes", "Le cabaret de {}"],
    },
    Category {
        slug: "festival",
        tags: &["open-air", "weekend", "camping", "electronic", "street-food"],
        prices: (35, 180),
        english: &[
            "Riverside Festival, headlined by {}",
            "Midsummer Weekend with {}",
            "Harvest Festival: {} and guests",
        ],
        german: &["Sommerfest am See mit {}", "Klangwiese Festival: {}", "Lichterfest mit {}"],
        french: &["Festival des rives avec {}", "Les nuits d'été : {}", "Fête de la lumière avec {}"],
    },
    Category {
        slug: "exhibition",
        tags: &["photography", "painting", "design", "guided-tour", "history"],
        prices: (0, 18),
        english: &["{}: a retrospective", "Photographs by {}", "Guided tour: the early works of {}"],
        german: &["{}: Bilder einer Stadt", "Fotografien von {}", "Führung durch das Frühwerk von {}"],
        french: &["{} : rétrospective", "Photographies de {}", "Visite guidée : {} et son temps"],
    },
    Category {
        slug: "talk",
        tags: &["literature", "science", "politics", "reading", "podcast"],
        prices: (0, 24),
        english: &[
            "{} in conversation",
            "Reading: {} and the new novel",
            "Science for breakfast: {}",
            "How cities work, by {}",
        ],
        german: &["Lesung: {}", "{} im Gespräch", "Wissenschaft zum Frühstück: {}", "Wie Städte funktionieren: {}"],
        french: &["Rencontre avec {}", "Lecture : {}", "Les sciences au petit-déjeuner : {}", "{} raconte la ville"],
    },
    Category {
        slug: "family",
        tags: &["children", "puppetry", "circus", "storytelling", "magic"],
        prices: (5, 28),
        english: &[
            "Stories for children with {}",
            "The little witch, told by {}",
            "Circus {}",
            "Magic for beginners: {}",
        ],
        german: &["Märchen für Kinder mit {}", "Die kleine Hexe, erzählt von {}", "Zirkus {}", "Zaubern lernen mit {}"],
        french: &[
            "Contes pour enfants avec {}",
            "La petite sorcière, racontée par {}",
            "Cirque {}",
            "Magie pour débutants : {}",
        ],
    },
    Category {
        slug: "dance",
        tags: &["ballet", "contemporary", "tango", "workshop"],
        prices: (14, 80),
        english: &["Swan Lake: {}", "New choreographies by {}", "Tango night with {}"],
        german: &["Schwanensee: {}", "Neue Choreografien von {}", "Tangonacht mit {}"],
        french: &["Le Lac des cygnes : {}", "Nouvelles chorégraphies de {}", "Nuit du tango avec {}"],
    },
    Category {
        slug: "sport",
        tags: &["basketball", "running", "boxing", "handball", "final"],
        prices: (10, 65),
        english: &["Derby: United against {}", "City run, started by {}", "Boxing night: {}"],
        german: &["Derby: Die Adler gegen {}", "Stadtlauf mit {}", "Boxabend: {}"],
        french: &["Derby : les Aigles contre {}", "Course de la ville avec {}", "Soirée de boxe : {}"],
    },
    Category {
        slug: "film",
        tags: &["silent-film", "documentary", "director-present", "short-films"],
        prices: (6, 16),
        english: &["Silent film with live piano: {}", "Short films by {}", "{}: the documentary"],
        german: &["Stummfilm mit Klavier: {}", "Kurzfilme von {}", "{}: der Dokumentarfilm"],
        french: &["Cinéma muet au piano : {}", "Courts métrages de {}", "{} : le documentaire"],
    },
];

/// Tags of any category.
pub(super) const TAGS: [&str; 5] = ["accessible", "family-friendly", "late-show", "matinee", "student-discount"];

const FIRST_NAMES: [&str; 48] = [
    "Ada",
    "Amélie",
    "Anton",
    "Astrid",
    "Béatrice",
    "Björn",
    "Camille",
    "Carlos",
    "Chiara",
    "Clara",
    "Daniel",
    "Eleni",
    "Émile",
    "Esther",
    "Fatou",
    "Felix",
    "Frieda",
    "Grace",
    "Hannah",
    "Hugo",
    "Ingrid",
    "Jakub",
    "Jonas",
    "Karim",
    "Kofi",
    "Lena",
    "Léon",
    "Louise",
    "Magnus",
    "Marek",
    "Mei",
    "Mila",
    "Nadia",
    "Noah",
    "Olga",
    "Oscar",
    "Priya",
    "Quentin",
    "Rosa",
    "Samuel",
    "Sofia",
    "Theo",
    "Ursula",
    "Valentin",
    "Wanda",
    "Yuki",
    "Zoé",
    "Þóra",
];

const LAST_NAMES: [&str; 64] = [
    "Abendroth",
    "Adeyemi",
    "Arnaud",
    "Bergström",
    "Blackwood",
    "Bonnet",
    "Castellani",
    "Chevalier",
    "Dąbrowski",
    "Delacroix",
    "Drăgan",
    "Eichhorn",
    "Engström",
    "Fairweather",
    "Feuerbach",
    "Fontaine",
    "Garrick",
    "Grünwald",
    "Hagemann",
    "Hargreaves",
    "Holloway",
    "Ibsen",
    "Jankowska",
    "Jørgensen",
    "Kaltenbach",
    "Kavanagh",
    "Kowalski",
    "Lachapelle",
    "Lindqvist",
    "Lumière",
    "MacAllister",
    "Marchetti",
    "Mensah",
    "Montclair",
    "Müller-Hohenfels",
    "Nakamura",
    "Nightingale",
    "Nováková",
    "O'Sullivan",
    "Oyelaran",
    "Papadakis",
    "Pemberton",
    "Quilliam",
    "Rasmussen",
    "Ravenscroft",
    "Rousseau",
    "Sánchez",
    "Schönbrunn",
    "Silvestri",
    "Steinmetz",
    "Tanaka",
    "Thibault",
    "Thornbury",
    "Ullmann",
    "Valdés",
    "Vogelsang",
    "Wainwright",
    "Weidenfeld",
    "Winterbottom",
    "Xenakis",
    "Yamaguchi",
    "Zambrano",
    "Zeller",
    "Żeleńska",
];

fn artist(dice: &mut Dice) -> String {
    format!("{} {}", dice.common(&FIRST_NAMES), dice.common(&LAST_NAMES))
}

/// One sentence on an event.
pub(super) fn summary(language: Language, dice: &mut Dice) -> &'static str {
    let sentences: &[&'static str] = match language {
        Language::English => &[
            "One night only, and never the same twice.",
            "A programme of old favourites and first performances.",
            "For everyone who thought they had seen it all.",
            "Two hours of music, stories and a little magic.",
        ],
        Language::German => &[
            "Nur an diesem Abend, und nie zweimal gleich.",
            "Ein Programm aus Lieblingsstücken und Uraufführungen.",
            "Für alle, die dachten, sie hätten schon alles gesehen.",
            "Zwei Stunden Musik, Geschichten und ein wenig Zauber.",
        ],
        Language::French => &[
            "Un soir seulement, et jamais deux fois le même.",
            "Un programme de classiques et de créations.",
            "Pour celles et ceux qui croyaient avoir tout vu.",
            "Deux heures de musique, d'histoires et de magie.",
        ],
    };
    dice.any::<&str>(sentences)
}

/// All there is to say on an event.
pub(super) fn description(language: Language, dice: &mut Dice) -> String {
    let (openings, closings): (&[&str], &[&str]) = match language {
        Language::English => (
            &[
                "The company returns with its most personal work.",
                "Critics called the first night a small miracle.",
                "Expect familiar melodies in unfamiliar rooms.",
            ],
            &[
                "Doors open an hour before the beginning.",
                "There is an interval with drinks.",
                "Latecomers are seated in the interval.",
            ],
        ),
        Language::German => (
            &[
                "Das Ensemble kehrt mit seiner persönlichsten Arbeit zurück.",
                "Die Kritik nannte die Premiere ein kleines Wunder.",
                "Vertraute Melodien in ungewohnten Räumen.",
            ],
            &[
                "Einlass ist eine Stunde vor Beginn.",
                "Es gibt eine Pause mit Getränken.",
                "Nacheinlass nur in der Pause.",
            ],
        ),
        Language::French => (
            &[
                "La troupe revient avec son œuvre la plus personnelle.",
                "La critique a parlé d'un petit miracle.",
                "Des mélodies familières dans des lieux inattendus.",
            ],
            &[
                "Ouverture des portes une heure avant le début.",
                "Entracte avec boissons.",
                "Les retardataires entrent à l'entracte.",
            ],
        ),
    };
    format!("{} {} {}", dice.any(openings), artist(dice), dice.any(closings))
}

//! Texts, times, codes and what is left out, as they come in: checked in the form in which they are stored, and found in every form.

use domain::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    OWN, admin, book, draft, drafted, organizer, published,
    seat_maps::{MAPS, drawn, layout},
};
use crate::{
    events::search::titles,
    support::{
        Api, EventBuilder, TestServer,
        client::{instant, uuid},
        events::{add_venue, in_seconds},
        person::{Browser, PASSWORD, login, member, try_login, try_register},
    },
};

fn named(field: &str, code: &str) -> [(String, String); 1] {
    [(field.to_owned(), code.to_owned())]
}

async fn ids(api: &Api, path: &str) -> Vec<Value> {
    let list = api.get(path).await.ok();
    list["data"].as_array().unwrap().iter().map(|entry| entry["id"].clone()).collect()
}

/// Guards: `readable`, in the lists of organizers, admins and everybody. One row that can't be read ended them all.
#[tokio::test]
async fn a_list_survives_a_row_that_cant_be_read() {
    let server = TestServer::start().await;
    let (api, admin) = (organizer(&server).await, admin(&server).await);
    let (good, ..) = published(&server, &api, 5).await;
    let (bad, ..) = published(&server, &api, 5).await;
    let person = member(&server, "ada@example.org").await;
    server
        .db
        .execute(&format!("UPDATE events SET starts_at = '12000-01-01', ends_at = '12000-01-02' WHERE id = '{bad}'"))
        .await;
    server.db.execute("UPDATE accounts SET created_at = 'infinity' WHERE email = 'ada@example.org'").await;
    assert_eq!(ids(&api, OWN).await, [json!(good)]);
    for list in ["/api/v1/admin/events", "/api/v1/events", "/api/v1/events?q=evening", "/api/v1/events?sort=-startsAt"]
    {
        assert_eq!(ids(&admin, list).await, [json!(good)], "{list}");
    }
    let users = ids(&admin, "/api/v1/admin/users").await;
    assert!(users.len() == 2 && !users.contains(&person.user["id"]), "{users:?}");
    for path in [format!("{OWN}/{bad}"), format!("/api/v1/events/{bad}")] {
        assert_eq!(api.get(&path).await.status, 500, "{path}: a defect, and no database that is away");
    }
}

/// Guards: the years of every instant that follows from another one.
#[tokio::test]
async fn no_copy_leaves_the_years_of_events() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, quota, _) = drafted(&server, &api, 5).await;
    let path = format!("{OWN}/{event}");
    // Two hours, so the last of these begins in time and ends too late.
    for at in ["9999-12-30T21:59:00Z", "3000-01-01T00:00:00Z", "2999-12-31T22:30:00Z"] {
        let faults = api.post(&format!("{path}/duplicate"), &json!({ "startsAt": at })).await.faults();
        assert_eq!(faults, named("startsAt", "OUT_OF_RANGE"), "{at}");
        let faults = api.post(&format!("{path}/occurrences"), &json!({ "starts": [at] })).await.faults();
        assert_eq!(faults, named("starts[0]", "OUT_OF_RANGE"), "{at}");
    }
    // A window that only a ticket type has.
    let kind = json!({ "name": "Early", "quotaId": quota, "price": { "amount": "0", "currency": "EUR" },
        "saleStartsAt": "2000-01-01T00:00:00Z", "saleEndsAt": in_seconds(-60) });
    api.post(&format!("{path}/ticket-types"), &kind).await.created();
    let sooner = in_seconds(86_400);
    let faults = api.post(&format!("{path}/duplicate"), &json!({ "startsAt": sooner })).await.faults();
    assert_eq!(faults, named("startsAt", "OUT_OF_RANGE"));
    let faults = api.post(&format!("{path}/occurrences"), &json!({ "starts": [sooner] })).await.faults();
    assert_eq!(faults, named("starts", "OUT_OF_RANGE"));
    assert_eq!(ids(&api, OWN).await, [json!(event)]);
}

/// Guards: `until` is a day, and `count` is kept or refused.
#[tokio::test]
async fn a_rule_says_what_it_means() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, ..) = drafted(&server, &api, 5).await;
    let rule =
        async |rule: Value| api.post(&format!("{OWN}/{event}/occurrences"), &json!({ "rule": rule })).await.faults();
    for until in [
        "2031-03-20 01:00:00+05:00",
        "2031-04-05T23:00:00-10:00",
        "2031-03-20[Europe/Paris]",
        "20310320",
        "2031-03-20Z",
    ] {
        let faults = rule(json!({ "frequency": "DAILY", "interval": 99, "until": until })).await;
        assert_eq!(faults, named("rule.until", "INVALID"), "{until}");
    }
    let faults = rule(json!({ "frequency": "MONTHLY", "interval": 99, "count": 366 })).await;
    assert_eq!(faults, named("rule.count", "OUT_OF_RANGE"));
}

/// Guards: an address is checked as it is stored, and is one however it is spelt.
#[tokio::test]
async fn an_address_has_one_form() {
    let server = TestServer::start().await;
    let wrong = try_register(&server.api, "İpek@example.org").await;
    assert_eq!(wrong.faults(), named("email", "INVALID_EMAIL"));
    let ada = member(&server, "Ada@Müller.example").await;
    assert_eq!(ada.user["email"], "ada@xn--mller-kva.example");
    for spelling in ["ada@mu\u{308}ller.example", "ADA@XN--MLLER-KVA.example", "ada@müller.example"] {
        assert_eq!(login(&server.api, spelling).await.user["id"], ada.user["id"], "{spelling}");
        try_register(&server.api, spelling).await.created();
    }
    assert_eq!(server.db.number("SELECT count(*) FROM accounts WHERE email LIKE 'ada@%'", &[]).await, 1);
    let admin = admin(&server).await;
    assert_eq!(ids(&admin, "/api/v1/admin/users?q=ada@m%C3%BCller.ex").await, [ada.user["id"].clone()]);
}

/// Guards: names that nobody can see or that read backwards, and passwords in every form.
#[tokio::test]
async fn a_name_can_be_seen_and_a_password_has_one_form() {
    let server = TestServer::start().await;
    let register = async |name: &str, password: &str| {
        let body = json!({ "email": "ada@example.org", "password": password, "name": name });
        server.api.post("/api/v1/auth/register", &body).await
    };
    for name in ["\u{200b}\u{200b}", "Ada \u{202e}nimdA", "Ada\u{2028}Bob"] {
        assert_eq!(register(name, PASSWORD).await.faults(), named("name", "INVALID_NAME"), "{name:?}");
    }
    assert_eq!(register("Ada", "Passw\u{ff4f}rd123").await.faults(), named("password", "COMMON_PASSWORD"));
    let (composed, decomposed) = ("Crème brûlée à la carte", "Cre\u{300}me bru\u{302}le\u{301}e a\u{300} la carte");
    register("می\u{200c}خواهم", composed).await.created();
    for typed in [composed, decomposed] {
        try_login(&server.api, "ada@example.org", typed).await.ok();
    }
    let ada = Browser::of(&server.api, &try_login(&server.api, "ada@example.org", composed).await);
    let profile = async |body: Value| ada.api.patch("/api/v1/profile", &body).await;
    assert_eq!(profile(json!({ "name": "Ada\u{202e}" })).await.faults(), named("name", "INVALID_NAME"));
    // What has no default is not taken away.
    assert_eq!(profile(json!({ "name": null })).await.faults(), named("name", "REQUIRED"));
    assert_eq!(profile(json!({ "locale": "de" })).await.ok()["locale"], "de");
    assert_eq!(profile(json!({})).await.ok()["locale"], "de");
    assert_eq!(profile(json!({ "locale": null })).await.ok()["locale"], "en");
    let admin = server.signed_in_as(Role::Admin).await;
    let path = format!("/api/v1/admin/users/{}", ada.user["id"].as_str().unwrap());
    for member in ["role", "status"] {
        assert_eq!(admin.change(&path, &json!({ member: null })).await.faults(), named(member, "REQUIRED"));
    }
}

/// Guards: the lists of standards, one spelling of a zone, amounts in digits, and slugs that are not torn.
#[tokio::test]
async fn codes_zones_amounts_and_addresses_are_those_that_there_are() {
    let server = TestServer::start().await;
    let (api, admin) = (organizer(&server).await, admin(&server).await);
    let good = draft(&server).await;
    let with = |member: &str, value: Value| {
        let mut body = good.clone();
        body[member] = value;
        body
    };
    for (member, value, code) in [
        ("currency", "ZZZ", "INVALID"),
        ("timeZone", "localtime", "UNKNOWN"),
        ("timeZone", "posixrules", "UNKNOWN"),
        ("title", "\u{200b}\u{2060}", "INVALID"),
        ("title", "An\u{2028}Evening", "INVALID"),
        ("summary", "\u{2066}An Evening", "INVALID"),
        ("description", "An \u{202e}gninevE", "INVALID"),
    ] {
        assert_eq!(api.post(OWN, &with(member, json!(value))).await.faults(), named(member, code), "{value:?}");
    }
    let mut body = with("timeZone", json!("europe/berlin"));
    body["title"] = json!("Łódź: Z\u{307}egnaj, Škoda in Mu\u{308}nchen");
    let made = api.post(OWN, &body).await.created();
    assert_eq!(
        (&made["timeZone"], &made["title"]),
        (&json!("Europe/Berlin"), &json!("Łódź: Żegnaj, Škoda in München"))
    );
    assert!(made["slug"].as_str().unwrap().starts_with("lodz-zegnaj-skoda-in-muenchen-"), "{}", made["slug"]);
    let path = format!("{OWN}/{}", made["id"].as_str().unwrap());
    let quota = api.post(&format!("{path}/quotas"), &json!({ "name": "Floor", "capacity": 5 })).await.created();
    let tiny = format!("0.{}1", "0".repeat(30));
    for amount in ["1e3", "1_000", ".5", &*tiny] {
        let kind = json!({ "name": "Adult", "quotaId": quota["id"], "price": { "amount": amount, "currency": "EUR" } });
        assert_eq!(api.post(&format!("{path}/ticket-types"), &kind).await.faults()[0].0, "price", "{amount}");
    }
    let venue = |country: &str, zone: &str| {
        json!({ "name": "The Forum", "address": "1 Via Sacra", "city": "Rome", "country": country, "timeZone": zone,
            "capacity": 5 })
    };
    let venues = "/api/v1/admin/venues";
    assert_eq!(admin.post(venues, &venue("XX", "Europe/Rome")).await.faults(), named("country", "INVALID"));
    assert_eq!(admin.post(venues, &venue("IT", "Factory")).await.faults(), named("timeZone", "UNKNOWN"));
    let made = admin.post(venues, &venue("IT", "EUROPE/rome")).await.created();
    assert_eq!(made["timeZone"], "Europe/Rome");
    // What was right once does not stand against another change.
    server.db.execute("UPDATE venues SET country = 'XX', time_zone = 'CET' WHERE name = 'The Forum'").await;
    let renamed =
        admin.change(&format!("{venues}/{}", made["id"].as_str().unwrap()), &json!({ "name": "The Baths" })).await;
    assert_eq!(renamed.ok()["timeZone"], "CET");
    for url in ["https://?x", "https://:80", "https://user:pw@evil.example/", "https://a.\u{202e}example/"] {
        let faults = admin.change("/api/v1/admin/settings", &json!({ "termsUrl": url })).await.faults();
        assert_eq!(faults, named("termsUrl", "INVALID_URL"), "{url}");
    }
}

/// Guards: left out and `null` are two things, and each means one.
#[tokio::test]
async fn null_is_the_default_again_and_left_out_is_unchanged() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let body = draft(&server).await;
    let event = api.post(OWN, &body).await.created();
    let path = format!("{OWN}/{}", event["id"].as_str().unwrap());
    // A sale whose end nobody has said goes with the event, there and back.
    for days in [60, 30] {
        let (from, to) = (in_seconds(days * 86_400), in_seconds(days * 86_400 + 7200));
        let moved = api.change(&path, &json!({ "startsAt": from, "endsAt": to })).await.ok();
        assert_eq!(moved["saleEndsAt"], moved["startsAt"]);
        assert_eq!(moved["saleStartsAt"], event["saleStartsAt"], "left out is unchanged");
    }
    let said =
        api.change(&path, &json!({ "saleStartsAt": in_seconds(3600), "saleEndsAt": in_seconds(7200) })).await.ok();
    let cleared = api.change(&path, &json!({ "saleStartsAt": null })).await.ok();
    assert!(instant(&cleared["saleStartsAt"]) < instant(&said["saleStartsAt"]), "{cleared}");
    assert_eq!(cleared["saleEndsAt"], said["saleEndsAt"]);
    api.change(&path, &json!({ "saleStartsAt": in_seconds(3600) })).await.ok();
    let mut anew = body.clone();
    anew.as_object_mut().unwrap().remove("saleStartsAt");
    let replaced = api.send_with(Method::PUT, &path, &[("if-match", "*")], Some(&anew)).await.ok();
    assert!(instant(&replaced["saleStartsAt"]) <= in_seconds(0), "as in a new event: {replaced}");
    assert_eq!(replaced["saleEndsAt"], replaced["startsAt"]);
    let admin = admin(&server).await;
    let below = format!("/api/v1/admin/events/{}", event["id"].as_str().unwrap());
    assert_eq!(admin.change(&below, &json!({ "organizerId": null })).await.faults(), named("organizerId", "REQUIRED"));

    let made = json!({ "venueId": body["venueId"], "name": "End stage", "description": "old", "layout": layout(&[("Stalls", "A", 1)]) });
    let map = format!("{MAPS}/{}", api.post(MAPS, &made).await.created()["id"].as_str().unwrap());
    assert_eq!(api.change(&map, &json!({ "name": "Stage" })).await.ok()["description"], "old");
    assert_eq!(api.change(&map, &json!({ "description": null })).await.ok()["description"], "");
    assert_eq!(api.change(&map, &json!({ "name": null })).await.faults(), named("name", "REQUIRED"));

    api.change(&path, &json!({ "summary": "old", "description": "old" })).await.ok();
    let starts = json!({ "starts": [in_seconds(90 * 86_400)] });
    let series = api.post(&format!("{path}/occurrences"), &starts).await.created();
    let texts = format!(
        "/api/v1/organizer/series/{}/occurrences/{}",
        series["id"].as_str().unwrap(),
        event["id"].as_str().unwrap()
    );
    let change = async |body: Value| api.send_with(Method::PATCH, &texts, &[("if-match", "*")], Some(&body)).await;
    change(json!({ "description": null, "title": "Another" })).await.ok();
    for occurrence in series["occurrences"].as_array().unwrap() {
        let shown = api.get(&format!("{OWN}/{}", occurrence["id"].as_str().unwrap())).await.ok();
        let texts = ["title", "summary", "description"].map(|member| shown[member].as_str().unwrap());
        assert_eq!(texts, ["Another", "old", ""]);
    }
    assert_eq!(change(json!({ "title": null })).await.faults(), named("title", "REQUIRED"));
}

/// Guards: `fold` in the searches of organizers and admins, on both sides, and that what is typed is no pattern.
#[tokio::test]
async fn the_back_office_finds_without_accents() {
    let server = TestServer::start().await;
    let (api, admin) = (organizer(&server).await, admin(&server).await);
    let mut body = draft(&server).await;
    body["title"] = json!("Zoë 100% live_");
    let event = api.post(OWN, &body).await.created()["id"].clone();
    let map = drawn(&api, MAPS, uuid(&body["venueId"]), &layout(&[("Stalls", "A", 1)])).await;
    api.change(&format!("{MAPS}/{map}"), &json!({ "name": "Große Bühne" })).await.ok();
    let lukasz = member(&server, "lukasz@example.org").await;
    lukasz.api.patch("/api/v1/profile", &json!({ "name": "Łukasz Ådegård" })).await.ok();
    for q in ["zoe", "ZOE%CC%88", "Zo%C3%AB", "100%25", "live_", "zoe%20100"] {
        assert_eq!(ids(&api, &format!("{OWN}?q={q}")).await, std::slice::from_ref(&event), "{q}");
    }
    for q in ["zoe%25live", "1_0", "%5C"] {
        assert_eq!(ids(&api, &format!("{OWN}?q={q}")).await, [Value::Null; 0], "{q}");
    }
    for q in ["grosse", "bu%CC%88hne", "B%C3%9CHNE"] {
        assert_eq!(ids(&api, &format!("{MAPS}?q={q}")).await, [json!(map)], "{q}");
    }
    let (on_sale, _, kind) = published(&server, &api, 5).await;
    book(&lukasz.api, on_sale, kind, 1).await.created();
    for q in ["lukasz%20ad", "%C5%81ukasz", "A%CC%8Adega%CC%8Ard", "\u{141}u"] {
        assert_eq!(ids(&admin, &format!("/api/v1/admin/users?q={q}")).await, [lukasz.user["id"].clone()], "{q}");
        assert_eq!(ids(&api, &format!("{OWN}/{on_sale}/bookings?q={q}")).await.len(), 1, "{q}");
    }
}

/// Guards: what is unwanted is so in every language; words that something joins; scripts without spaces; slips in short words.
#[tokio::test]
async fn a_search_finds_what_people_mean() {
    let server = TestServer::start().await;
    let all = [
        "Jazz Dance",
        "AC/DC",
        "R.E.M.",
        "東京フィルハーモニー交響楽団",
        "Hip-Hop Jam",
        "Cafe\u{301} Mu\u{308}ller",
        "Жизель",
    ];
    for (title, day) in all.iter().zip(1..) {
        server.event(EventBuilder::ga(5).title(title).city("Bonn").starts_at(in_seconds(day * 86_400))).await;
    }
    for (query, found) in [
        ("jazz+-dancing", None),
        ("jazz+-%22dances%22", None),
        ("jazz+-tango", Some(all[0])),
        ("ac+dc", Some(all[1])),
        ("ac/dc", Some(all[1])),
        ("ac-dc", Some(all[1])),
        ("rem", Some(all[2])),
        ("r.e.m.", Some(all[2])),
        ("交響楽団", Some(all[3])),
        ("フィル", Some(all[3])),
        ("京", Some(all[3])),
        ("楽交", None),
        ("hip+hop", Some(all[4])),
        ("hiphop", None),
        ("caf%C3%A9", Some(all[5])),
        ("cafe%CC%81+muller", Some(all[5])),
        ("жизель", Some(all[6])),
        ("жизлеь", Some(all[6])),
        ("jzaz", Some(all[0])),
        ("azzj", None),
        ("jaxz", Some(all[0])),
        ("jzz", Some(all[0])),
        ("jjazz", Some(all[0])),
        ("dnace", Some(all[0])),
        ("jma", Some(all[4])),
    ] {
        let expected: Vec<&str> = found.into_iter().collect();
        assert_eq!(titles(&server.api, &format!("q={query}")).await, expected, "{query}");
    }
    add_venue(&server.client, "Berlin Hall").await;
    for slip in ["belrin", "berlni", "ebrlin", "brlin", "berlinn", "barlin"] {
        let venues = server.api.get(&format!("/api/v1/venues?q={slip}")).await.ok();
        assert_eq!(venues["data"][0]["name"], "Berlin Hall", "{slip}");
    }
}

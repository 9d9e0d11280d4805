//! The seed against a real database: what is in it, and that it can be run again.

use std::collections::HashSet;

use crate::support::TestDatabase;
use boxoffice_seed::{Counts, DemoSummary, Fixture, House, LoadtestOptions, SeedError, demo, loadtest};
use domain::{accounts::Role, ids::AccountId};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_postgres::Client;

const HASH: &str = "$argon2id$not-a-real-hash";

fn now() -> Timestamp {
    "2026-03-14T15:09:26Z".parse().unwrap()
}

async fn seed_demo(client: &mut Client, now: Timestamp) -> DemoSummary {
    demo(client, now, HASH).await.unwrap()
}

async fn seed_loadtest(client: &mut Client, users: u32, events: u32) -> Fixture {
    let options = LoadtestOptions { users, events, ..LoadtestOptions::default() };
    loadtest(client, now(), &options, HASH, token).await.unwrap()
}

fn token(account: AccountId, role: Role) -> Result<String, String> {
    Ok(format!("{}:{account}", role.as_str()))
}

async fn number(client: &Client, query: &str) -> i64 {
    client.query_one(query, &[]).await.unwrap().get(0)
}

/// Everything that the seed writes, as one digest a table.
async fn digest(client: &Client) -> Vec<(String, i64, Option<String>)> {
    let tables = [
        "accounts",
        "profiles",
        "venues",
        "seat_maps",
        "sections",
        "seat_rows",
        "seats",
        "events",
        "tags",
        "event_tags",
        "quotas",
        "ticket_types",
        "ticket_type_sections",
        "sale_terms",
        "promo_codes",
    ];
    let mut digests = Vec::new();
    for table in tables {
        let query = format!(
            "SELECT count(*), md5(string_agg(line, ' ' ORDER BY line))
             FROM (SELECT (to_jsonb(t) - 'created_at' - 'updated_at' - 'email_verified_at')::text AS line FROM {table} t) lines"
        );
        let row = client.query_one(&query, &[]).await.unwrap();
        digests.push((table.to_owned(), row.get(0), row.get(1)));
    }
    digests
}

/// Every quota that sells seats is exactly as large as the sections that are sold from it, all of them drawn on the
/// event's own map, and no section is sold from two quotas of an event.
async fn assert_seats_add_up(client: &Client) {
    let wrong_capacity = "WITH sold_sections AS (
             SELECT DISTINCT q.id AS quota_id, q.capacity, s.section_id
             FROM quotas q JOIN ticket_types t ON t.quota_id = q.id
                  JOIN ticket_type_sections s ON s.ticket_type_id = t.id
         ), counted AS (
             SELECT quota_id, capacity, count(*) AS seats
             FROM sold_sections JOIN seat_rows r USING (section_id) JOIN seats ON seats.row_id = r.id
             GROUP BY quota_id, capacity
         ) SELECT count(*) FROM counted WHERE capacity <> seats";
    let foreign_sections = "SELECT count(*) FROM ticket_type_sections s
         JOIN ticket_types t ON t.id = s.ticket_type_id JOIN events e ON e.id = t.event_id
         JOIN sections c ON c.id = s.section_id JOIN seat_maps m ON m.id = c.seat_map_version_id
         WHERE c.seat_map_version_id IS DISTINCT FROM e.seat_map_version_id OR m.venue_id <> e.venue_id";
    let seated_without_sections = "SELECT count(*) FROM ticket_types t
         WHERE t.seated <> EXISTS (SELECT FROM ticket_type_sections s WHERE s.ticket_type_id = t.id)";
    let sections_sold_twice = "SELECT count(*) FROM (
             SELECT t.event_id, s.section_id FROM ticket_types t JOIN ticket_type_sections s ON s.ticket_type_id = t.id
             GROUP BY t.event_id, s.section_id HAVING count(DISTINCT t.quota_id) > 1
         ) twice";
    let map_unused = "SELECT count(*) FROM events e WHERE (e.seat_map_version_id IS NOT NULL)
         <> EXISTS (SELECT FROM ticket_types t WHERE t.event_id = e.id AND t.seated)";
    let mixed_quotas = "SELECT count(*) FROM (SELECT quota_id FROM ticket_types GROUP BY quota_id
         HAVING bool_or(seated) <> bool_and(seated)) mixed";
    for query in
        [wrong_capacity, foreign_sections, seated_without_sections, sections_sold_twice, map_unused, mixed_quotas]
    {
        assert_eq!(number(client, query).await, 0, "{query}");
    }
    assert!(number(client, "SELECT count(*) FROM ticket_types WHERE seated").await > 0);
}

#[tokio::test]
async fn the_demo_is_a_season_in_twelve_venues() {
    let database = TestDatabase::migrated().await;
    let mut client = database.connect().await;
    let summary = seed_demo(&mut client, now()).await;

    assert_eq!(summary.created, summary.scenario);
    let counts = Counts { accounts: 27, venues: 12, seats: 32_200, events: 66, ..summary.scenario };
    assert_eq!(summary.scenario, counts);
    for (query, expected) in [
        ("SELECT count(*) FROM accounts JOIN profiles ON account_id = id", 27),
        ("SELECT count(*) FROM accounts WHERE role = 'ORGANIZER'", 5),
        ("SELECT count(*) FROM accounts WHERE role = 'ADMIN'", 1),
        ("SELECT count(*) FROM venues", 12),
        ("SELECT count(*) FROM events", 66),
        ("SELECT count(DISTINCT series_id) FROM events", 3),
        ("SELECT count(*) FROM events WHERE series_id IS NOT NULL", 9),
        ("SELECT count(*) FROM venues WHERE capacity = 300", 1),
        // The arena's capacity and its chairs.
        ("SELECT capacity::bigint FROM venues WHERE slug = 'meridian-arena'", 20_000),
        (
            "SELECT max(seats) FROM (SELECT count(*) AS seats FROM seats JOIN seat_rows r ON r.id = row_id
            JOIN sections c ON c.id = section_id GROUP BY seat_map_version_id) maps",
            20_000,
        ),
        (
            "SELECT count(*) FROM ticket_types WHERE round(price) <> price AND
            event_id IN (SELECT id FROM events WHERE currency = 'JPY')",
            0,
        ),
        ("SELECT count(*) FROM events WHERE NOT EXISTS (SELECT FROM ticket_types WHERE event_id = events.id)", 0),
        ("SELECT count(*) FROM events WHERE NOT EXISTS (SELECT FROM event_tags WHERE event_id = events.id)", 0),
        ("SELECT count(*) FROM events WHERE '' IN (slug, title, summary, description, category)", 0),
        ("SELECT count(*) FROM events WHERE status <> 'PUBLISHED'", 7),
        // Codes are for ticket types of their own events, and what is hidden can be unlocked.
        (
            "SELECT count(*) FROM promo_codes p, unnest(p.ticket_type_ids) AS named (id)
            WHERE NOT EXISTS (SELECT FROM ticket_types t WHERE t.id = named.id AND t.event_id = p.event_id)",
            0,
        ),
        (
            "SELECT count(*) FROM ticket_types t WHERE hidden
            AND NOT EXISTS (SELECT FROM promo_codes p WHERE p.event_id = t.event_id AND t.id = ANY (p.ticket_type_ids))",
            0,
        ),
    ] {
        assert_eq!(number(&client, query).await, expected, "{query}");
    }
    for (query, at_least) in [
        ("SELECT count(DISTINCT time_zone) FROM events", 10),
        ("SELECT count(DISTINCT currency) FROM events", 7),
        ("SELECT count(DISTINCT country) FROM venues", 9),
        ("SELECT count(DISTINCT category) FROM events", 8),
        ("SELECT count(*) FROM seats WHERE accessible", 100),
        ("SELECT count(*) FROM events WHERE max_per_account IS NOT NULL", 20),
        ("SELECT count(*) FROM ticket_types WHERE price = 0", 5),
        ("SELECT count(*) FROM sale_terms", 8),
        ("SELECT count(DISTINCT e.currency) FROM sale_terms JOIN events e ON e.id = event_id", 6),
        ("SELECT count(DISTINCT kind) FROM promo_codes", 3),
        ("SELECT count(*) FROM ticket_types WHERE hidden", 1),
        ("SELECT count(*) FROM ticket_types WHERE tax_rate IS NOT NULL", 1),
        ("SELECT count(*) FROM (SELECT FROM ticket_types GROUP BY quota_id HAVING count(*) > 1) shared", 20),
    ] {
        assert!(number(&client, query).await >= at_least, "{query}");
    }
    assert_seats_add_up(&client).await;
}

#[tokio::test]
async fn the_demo_is_on_sale_on_whatever_day_it_is_loaded() {
    // Both ends of the day in UTC, and the nights when clocks change in Europe and in America.
    let days = ["2026-03-29T00:00:00Z", "2027-11-07T23:59:59Z", "2031-07-01T12:00:00Z"];
    for day in days {
        let now: Timestamp = day.parse().unwrap();
        let database = TestDatabase::migrated().await;
        let mut client = database.connect().await;
        let summary = seed_demo(&mut client, now).await;
        let sale = "SELECT count(*) FILTER (WHERE $1 >= sale_starts_at AND $1 < sale_ends_at AND starts_at > $1),
                           count(*) FILTER (WHERE $1 < sale_starts_at), count(*) FILTER (WHERE $1 >= sale_ends_at)
                    FROM events WHERE status = 'PUBLISHED'";
        let row = client.query_one(sale, &[&now]).await.unwrap();
        assert_eq!((row.get(0), row.get(1), row.get(2)), (53_i64, 3_i64, 3_i64), "on {day}");

        let first = "SELECT e.slug FROM events e JOIN ticket_types t ON t.event_id = e.id
                     WHERE e.id = $1 AND t.id = $2 AND t.price = 0 AND NOT t.seated AND e.status = 'PUBLISHED'
                       AND $3 >= e.sale_starts_at AND $3 < e.sale_ends_at AND t.sale_ends_at IS NULL";
        let first_booking = &summary.first_booking;
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
            [&first_booking.event_id.0, &first_booking.ticket_type_id.0, &now];
        let slug: String = client.query_one(first, &parameters).await.unwrap().get(0);
        assert_eq!(slug, first_booking.slug);
    }
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let database = TestDatabase::migrated().await;
    let mut client = database.connect().await;
    let first = seed_demo(&mut client, now()).await;
    seed_loadtest(&mut client, 3, 2).await;
    // What people did in between: tickets sold, a ticket type withdrawn, an event renamed.
    client
        .batch_execute(
            "UPDATE quotas SET sold = 7, version = 1 WHERE capacity > 100;
             DELETE FROM ticket_types WHERE name = 'Fair, Child';
             UPDATE events SET title = 'Renamed' WHERE slug = 'nuit-debussy'",
        )
        .await
        .unwrap();
    let before = digest(&client).await;

    let later = now() + jiff::SignedDuration::from_hours(24 * 40);
    let second = seed_demo(&mut client, later).await;
    seed_loadtest(&mut client, 3, 2).await;

    assert_eq!(second, DemoSummary { created: Counts::default(), ..first });
    assert_eq!(digest(&client).await, before);
}

#[tokio::test]
async fn servers_that_start_together_seed_once() {
    let database = TestDatabase::migrated().await;
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(database.connect().await);
    }
    let runs = clients.iter_mut().map(|client| demo(client, now(), HASH));
    let summaries: Vec<_> = futures_util::future::join_all(runs).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(summaries.iter().filter(|summary| summary.created == summary.scenario).count(), 1);
    assert_eq!(summaries.iter().filter(|summary| summary.created == Counts::default()).count(), 3);
    assert_eq!(number(&clients[0], "SELECT count(*) FROM events").await, 66);
}

#[tokio::test]
async fn two_databases_get_the_same_ids() {
    let mut digests = Vec::new();
    let mut fixtures = Vec::new();
    for _ in 0..2 {
        let database = TestDatabase::migrated().await;
        let mut client = database.connect().await;
        seed_demo(&mut client, now()).await;
        fixtures.push(serde_json::to_value(seed_loadtest(&mut client, 5, 4).await).unwrap());
        digests.push(digest(&client).await);
    }
    assert_eq!(digests[0], digests[1]);
    assert_eq!(fixtures[0], fixtures[1]);
}

#[tokio::test]
async fn a_larger_run_adds_to_a_smaller_one() {
    let database = TestDatabase::migrated().await;
    let mut client = database.connect().await;
    let small = seed_loadtest(&mut client, 2, 1).await;
    let large = seed_loadtest(&mut client, 4, 3).await;
    assert_eq!((large.users.len(), large.events.len()), (4, 6));
    assert_eq!(large.users[..2].iter().map(|user| user.id).collect::<Vec<_>>(), [small.users[0].id, small.users[1].id]);
    assert_eq!(number(&client, "SELECT count(*) FROM accounts").await, 5);
    assert_eq!(number(&client, "SELECT count(*) FROM events").await, 6);
}

#[tokio::test]
async fn the_fixture_says_how_to_book() {
    let database = TestDatabase::migrated().await;
    let mut client = database.connect().await;
    let fixture: Value = serde_json::to_value(seed_loadtest(&mut client, 12, 10).await).unwrap();

    let users = fixture["users"].as_array().unwrap();
    let user = &users[0];
    assert_eq!(users.len(), 12);
    assert_eq!(user["email"], "load-0001@loadtest.boxoffice.example");
    assert_eq!(user["accessToken"], format!("USER:{}", user["id"].as_str().unwrap()));
    assert_eq!(user.as_object().unwrap().len(), 3);

    let events = fixture["events"].as_array().unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds[..4], ["hot-ga", "hot-seated", "priced-ga", "lukewarm"]);
    assert_eq!(kinds.iter().filter(|kind| **kind == "lukewarm").count(), 10);
    let keys: HashSet<_> = events[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, HashSet::from(["id", "slug", "kind", "ticketTypes", "seatIds"]));
    let ticket_type = &events[0]["ticketTypes"][0];
    let expected = json!({"id": ticket_type["id"], "name": "Admission", "seated": false,
        "price": {"amount": "0.00", "currency": "EUR"}});
    assert_eq!(*ticket_type, expected);
    assert_eq!(events[1]["ticketTypes"][0]["seated"], true);
    assert_eq!(events[2]["ticketTypes"][0]["price"], json!({"amount": "25.00", "currency": "EUR"}));

    let in_map_order: Vec<String> = client
        .query(
            "SELECT s.id::text FROM seats s JOIN seat_rows r ON r.id = s.row_id JOIN sections c ON c.id = r.section_id
             JOIN events e ON e.seat_map_version_id = c.seat_map_version_id WHERE e.slug = 'load-hot-seated'
             ORDER BY c.position, r.position, s.position",
            &[],
        )
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(in_map_order.len(), 20_000);
    assert_eq!(events[1]["seatIds"], json!(in_map_order));
    assert!(events.iter().enumerate().all(|(index, event)| index == 1 || event["seatIds"] == json!([])));

    for (query, expected) in [
        (
            "SELECT capacity::bigint FROM quotas JOIN events e ON e.id = event_id WHERE slug = 'load-hot-ga'",
            100_000_000,
        ),
        ("SELECT count(*) FROM events WHERE max_per_account IS NOT NULL OR status <> 'PUBLISHED'", 0),
        ("SELECT count(*) FROM ticket_types WHERE (min_per_booking, max_per_booking) <> (1, 100)", 0),
        ("SELECT count(*) FROM sale_terms", 1),
        (
            "SELECT count(*) FROM sale_terms JOIN events e ON e.id = event_id WHERE slug = 'load-priced-ga' AND tax_rate = 0.19
            AND tax_included AND fees -> 0 ->> 'kind' = 'PERCENT' AND fees -> 0 ->> 'value' = '0.05' AND methods = '{card}'",
            1,
        ),
        ("SELECT count(*) FROM events WHERE sale_starts_at <> '2026-03-13Z' OR sale_ends_at <> '2027-03-13Z'", 0),
    ] {
        assert_eq!(number(&client, query).await, expected, "{query}");
    }
    assert_seats_add_up(&client).await;
}

/// Guards: a house of another size is another venue, map and event, so neither run takes the other's for its own.
#[tokio::test]
async fn a_stadium_stands_beside_an_arena() {
    let database = TestDatabase::migrated().await;
    let mut client = database.connect().await;
    let arena = seed_loadtest(&mut client, 1, 0).await;
    let options = LoadtestOptions { users: 1, events: 0, house: House::Stadium, ..LoadtestOptions::default() };
    let stadium = loadtest(&mut client, now(), &options, HASH, token).await.unwrap();
    assert_eq!((arena.events[1].seat_ids.len(), stadium.events[1].seat_ids.len()), (20_000, 100_000));
    let of = "SELECT count(*) FROM seats s JOIN seat_rows r ON r.id = s.row_id JOIN sections c ON c.id = r.section_id
        JOIN events e ON e.seat_map_version_id = c.seat_map_version_id WHERE e.id = $1";
    for fixture in [&arena, &stadium] {
        let event = &fixture.events[1];
        let seats: i64 = client.query_one(of, &[&event.id.0]).await.unwrap().get(0);
        assert_eq!(seats, event.seat_ids.len() as i64, "{}", event.slug);
    }
    assert_seats_add_up(&client).await;
}

#[tokio::test]
async fn the_load_test_is_refused_in_production() {
    let database = TestDatabase::migrated().await;
    let mut client = database.connect().await;
    let options = LoadtestOptions { production: true, ..LoadtestOptions::default() };
    let refused = loadtest(&mut client, now(), &options, HASH, token).await;
    assert!(matches!(refused, Err(SeedError::Production)), "{refused:?}");
    assert_eq!(number(&client, "SELECT count(*) FROM accounts").await, 0);
}

#[tokio::test]
async fn a_name_that_is_taken_stops_the_seed_and_leaves_nothing_behind() {
    let database = TestDatabase::migrated().await;
    let mut client = database.connect().await;
    client
        .batch_execute(
            "INSERT INTO accounts (id, email, password_hash)
             VALUES (gen_random_uuid(), 'zoe@demo.boxoffice.example', 'x')",
        )
        .await
        .unwrap();
    let refused = demo(&mut client, now(), HASH).await;
    let Err(SeedError::Taken { detail, .. }) = refused else { panic!("{refused:?}") };
    assert!(detail.contains("zoe@demo.boxoffice.example"), "{detail}");
    assert_eq!(number(&client, "SELECT count(*) FROM accounts").await, 1);
    assert_eq!(number(&client, "SELECT count(*) FROM venues").await, 0);
}

//! What an organizer or an admin changes over HTTP at one server is seen in lists and details of both.

use actors::cache::{Key, Namespace};
use domain::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{freshness::settings, nodes::Nodes};
use crate::support::{Answer, Api, EventBuilder, TestRedis, accounts::add_accounts, client::uuid, until};

/// Where something is shown: a path, and a pointer into the body.
type View<'a> = (&'a str, &'a str);

/// What a view shows; `"404"` when there is nothing.
async fn look(api: &Api, (path, pointer): View<'_>) -> Value {
    let answer = api.get(path).await;
    if answer.status == 404 {
        return json!("404");
    }
    answer.ok().pointer(pointer).cloned().unwrap_or_default()
}

/// Two servers, and who may edit, signed in at both.
struct Site {
    nodes: Nodes,
    admin: [Api; 2],
    organizer: [Api; 2],
}

impl Site {
    async fn of(nodes: Nodes) -> Self {
        let client = &nodes.one.client;
        let admin = add_accounts(client, 1, Role::Admin).await.remove(0);
        let organizer = add_accounts(client, 1, Role::Organizer).await.remove(0);
        let admin = [0, 1].map(|node| nodes.api(node).of(&admin));
        let organizer = [0, 1].map(|node| nodes.api(node).of(&organizer));
        Self { nodes, admin, organizer }
    }

    /// Has both servers keep what they show, edits at one of them, and sees the new state there at once and at the other one
    /// soon. `after` must not be what is shown before.
    async fn sees(&self, by: usize, edit: impl AsyncFnOnce(&Api, &Api) -> Answer, after: &[(View<'_>, Value)]) {
        let other = 1 - by;
        for (view, value) in after {
            for node in [by, other] {
                assert_ne!(look(&self.nodes.api(node), *view).await, *value, "{view:?} already at {node}");
                self.keeps(node, *view).await;
            }
        }
        let done = edit(&self.admin[by], &self.organizer[by]).await;
        assert!((200..300).contains(&done.status), "{done:?}");
        for (view, value) in after {
            assert_eq!(look(&self.nodes.api(by), *view).await, *value, "{view:?} where it was edited");
        }
        for (view, value) in after {
            let seen = format!("the other server shows {value} in {view:?}");
            until(&seen, async || look(&self.nodes.api(other), *view).await == *value).await;
        }
    }

    /// Waits until a server shows this from memory.
    async fn keeps(&self, node: usize, view: View<'_>) {
        until("it is given from memory", async || {
            let before = self.missed(node);
            look(&self.nodes.api(node), view).await;
            self.missed(node) == before
        })
        .await;
    }

    fn missed(&self, node: usize) -> u64 {
        self.nodes.caches()[node].overview().namespaces.iter().map(|(_, _, counted)| counted.missed).sum()
    }
}

async fn step(api: &Api, event: Uuid, step: &str) -> Answer {
    api.send(Method::POST, &format!("/api/v1/organizer/events/{event}/{step}"), None, None).await
}

/// An event of the organizer's that could be published, with its ticket type.
async fn draft(site: &Site, venue: Uuid) -> (Uuid, Uuid) {
    let in_days = |days: i64| crate::support::events::in_seconds(days * 86_400);
    let api = &site.organizer[0];
    let event = json!({ "title": "Drafted", "category": "concert", "venueId": venue, "timeZone": "Europe/Berlin",
        "currency": "EUR", "startsAt": in_days(30), "endsAt": in_days(31), "saleStartsAt": in_days(-1) });
    let event = uuid(&api.post("/api/v1/organizer/events", &event).await.created()["id"]);
    let path = format!("/api/v1/organizer/events/{event}");
    let quota = api.post(&format!("{path}/quotas"), &json!({ "name": "Floor", "capacity": 9 })).await.created();
    let kind = json!({ "name": "Adult", "quotaId": quota["id"], "price": { "amount": "8.00", "currency": "EUR" } });
    let kind = api.post(&format!("{path}/ticket-types"), &kind).await.created();
    (event, uuid(&kind["id"]))
}

/// Steps, fields, slug, prices.
async fn events_are_edited(site: &Site, by: usize) {
    let venue = crate::support::events::add_venue(&site.nodes.one.client, "Steps").await;
    let (id, kind) = draft(site, venue).await;
    let (event, list) = (format!("/api/v1/events/{id}"), format!("/api/v1/events?venueId={venue}"));
    let cancelled = format!("{list}&status=CANCELLED");
    let managed = format!("/api/v1/organizer/events/{id}");
    let (detail, first) = ((&*event, "/title"), (&*list, "/data/0/title"));
    let published = [(detail, json!("Drafted")), (first, json!("Drafted"))];
    site.sees(by, async |_, organizer| step(organizer, id, "publish").await, &published).await;
    let hidden = [(detail, json!("404")), (first, json!(null))];
    site.sees(by, async |_, organizer| step(organizer, id, "unpublish").await, &hidden).await;
    site.sees(by, async |_, organizer| step(organizer, id, "publish").await, &published).await;
    // By whichever server sees first that its time has come.
    step(&site.organizer[by], id, "unpublish").await.ok();
    let at = json!({ "at": crate::support::events::in_seconds(5) });
    site.organizer[by].post(&format!("{managed}/publish"), &at).await.ok();
    let everywhere = [(0, detail), (0, first), (1, detail), (1, first)];
    for (node, view) in everywhere {
        site.keeps(node, view).await;
    }
    for (node, view) in everywhere {
        until("it is published", async || look(&site.nodes.api(node), view).await == "Drafted").await;
    }
    let renamed = json!({ "title": "Renamed" });
    let search = format!("{list}&q=renamed");
    let after =
        [(detail, json!("Renamed")), (first, json!("Renamed")), ((&*search, "/data/0/title"), json!("Renamed"))];
    site.sees(by, async |_, organizer| organizer.change(&managed, &renamed).await, &after).await;
    let slug = format!("moved-{by}-{}", id.simple());
    let (named, former) = (format!("/api/v1/events/{slug}"), look(&site.nodes.api(0), (&event, "/slug")).await);
    let former = format!("/api/v1/events/{}", former.as_str().unwrap());
    let after = [
        ((&*event, "/slug"), json!(slug)),
        ((&*list, "/data/0/slug"), json!(slug)),
        // Both servers knew that there is no such thing.
        ((&*named, "/slug"), json!(slug)),
        // It leads to the new one.
        ((&*former, "/slug"), json!(slug)),
    ];
    site.sees(by, async |_, organizer| organizer.change(&managed, &json!({ "slug": slug })).await, &after).await;
    let again = format!("again-{by}-{}", id.simple());
    let after = [
        ((&*event, "/slug"), json!(again)),
        // That it led nowhere was known as well.
        ((&*named, "/slug"), json!(again)),
        ((&*former, "/slug"), json!(again)),
    ];
    site.sees(by, async |_, organizer| organizer.change(&managed, &json!({ "slug": again })).await, &after).await;
    let price = json!({ "price": { "amount": "9.50", "currency": "EUR" } });
    let kinds = format!("{managed}/ticket-types/{kind}");
    let after = [
        ((&*event, "/ticketTypes/0/price/amount"), json!("9.50")),
        ((&*list, "/data/0/minPrice/amount"), json!("9.50")),
    ];
    site.sees(by, async |_, organizer| organizer.change(&kinds, &price).await, &after).await;
    let hidden = json!({ "hidden": true });
    let after = [((&*event, "/ticketTypes"), json!([])), ((&*list, "/data/0/minPrice"), json!(null))];
    site.sees(by, async |_, organizer| organizer.change(&kinds, &hidden).await, &after).await;
    let after = [
        ((&*event, "/status"), json!("CANCELLED")),
        (first, json!(null)),
        ((&*cancelled, "/data/0/title"), json!("Renamed")),
    ];
    site.sees(by, async |_, organizer| step(organizer, id, "cancel").await, &after).await;
}

/// Tags, categories, venues: parts of what shows them.
async fn words_and_venues_are_renamed(site: &Site, by: usize) {
    let builder = EventBuilder::ga(10).tag("jazz").category("concert");
    let event = site.nodes.one.event(builder).await;
    let (detail, venue) = (format!("/api/v1/events/{}", event.id), format!("/api/v1/venues/{}", event.venue));
    let list = format!("/api/v1/events?venueId={}", event.venue);
    // Inserted behind the servers' back.
    site.admin[by].delete("/api/v1/admin/cache?pattern=*").await.ok();
    let tag = format!("Jazz {by}");
    let after = [
        ((&*detail, "/tags/0/name"), json!(tag)),
        ((&*list, "/data/0/tags/0/name"), json!(tag)),
        (("/api/v1/tags", "/data/0/name"), json!(tag)),
    ];
    let rename = async |admin: &Api, path: &str, name: &str| admin.change(path, &json!({ "name": name })).await;
    site.sees(by, async |admin, _| rename(admin, "/api/v1/admin/tags/jazz", &tag).await, &after).await;
    let category = format!("Concert {by}");
    let shown = site.nodes.api(0).get("/api/v1/categories").await.ok();
    let place = shown["data"].as_array().unwrap().iter().position(|of| of["slug"] == "concert").unwrap();
    let pointer = format!("/data/{place}/name");
    let after = [(("/api/v1/categories", &*pointer), json!(category))];
    site.sees(by, async |admin, _| rename(admin, "/api/v1/admin/categories/concert", &category).await, &after).await;
    let (hall, slug) = (format!("Hall {by}"), format!("hall-{by}-{}", event.venue.simple()));
    let (managed, named) = (format!("/api/v1/admin/venues/{}", event.venue), format!("/api/v1/venues/{slug}"));
    let venues = format!("/api/v1/venues?q=hall+{by}");
    let after = [
        ((&*venue, "/name"), json!(hall)),
        ((&*venues, "/data/0/name"), json!(hall)),
        ((&*detail, "/venue/name"), json!(hall)),
        ((&*list, "/data/0/venue/name"), json!(hall)),
    ];
    site.sees(by, async |admin, _| rename(admin, &managed, &hall).await, &after).await;
    let after = [((&*venue, "/slug"), json!(slug)), ((&*named, "/slug"), json!(slug))];
    site.sees(by, async |admin, _| admin.change(&managed, &json!({ "slug": slug })).await, &after).await;
    let after = [
        ((&*detail, "/tags/0"), json!(null)),
        ((&*list, "/data/0/tags/0"), json!(null)),
        (("/api/v1/tags", "/data/0"), json!(null)),
    ];
    site.sees(by, async |admin, _| admin.delete("/api/v1/admin/tags/jazz").await, &after).await;
}

async fn venues_come_and_go(site: &Site, by: usize) {
    let slug = format!("barn-{by}");
    let (named, search) = (format!("/api/v1/venues/{slug}"), format!("/api/v1/venues?q=barn+{by}"));
    let barn = json!({ "slug": slug, "name": format!("Barn {by}"), "address": "1 High Street", "city": "Berlin",
        "country": "DE", "timeZone": "Europe/Berlin", "capacity": 500 });
    let after = [((&*named, "/capacity"), json!(500)), ((&*search, "/data/0/slug"), json!(slug))];
    site.sees(by, async |admin, _| admin.post("/api/v1/admin/venues", &barn).await, &after).await;
    let id = look(&site.nodes.api(0), (&named, "/id")).await;
    let managed = format!("/api/v1/admin/venues/{}", id.as_str().unwrap());
    let after = [((&*named, "/capacity"), json!("404")), ((&*search, "/data/0"), json!(null))];
    site.sees(by, async |admin, _| admin.delete(&managed).await, &after).await;
}

async fn settings_are_changed(site: &Site, by: usize) {
    let name = format!("House {by}");
    let after = [(("/api/v1/settings", "/siteName"), json!(name))];
    let change = async |admin: &Api, _: &Api| {
        let tag = admin.get("/api/v1/admin/settings").await.etag();
        let body = json!({ "siteName": name });
        admin.send_with(Method::PATCH, "/api/v1/admin/settings", &[("if-match", &tag)], Some(&body)).await
    };
    site.sees(by, change, &after).await;
}

/// What happens to one occurrence, on the pages of the others and in the list of its series.
async fn series_are_edited(site: &Site, by: usize) {
    let venue = crate::support::events::add_venue(&site.nodes.one.client, "Weekly").await;
    let (id, _) = draft(site, venue).await;
    let weekly = json!({ "rule": { "frequency": "WEEKLY", "count": 3 } });
    let made = format!("/api/v1/organizer/events/{id}/occurrences");
    let made = site.organizer[by].post(&made, &weekly).await.created();
    let (series, second) = (made["id"].as_str().unwrap(), uuid(&made["occurrences"][1]["id"]));
    step(&site.organizer[by], id, "publish").await.ok();
    let (page, list) = (format!("/api/v1/events/{id}"), format!("/api/v1/events?seriesId={series}"));
    let (next, listed) = ((&*page, "/occurrences/next/0/title"), (&*list, "/data/1/title"));
    let after = [(next, json!("Drafted")), (listed, json!("Drafted"))];
    site.sees(by, async |_, organizer| step(organizer, second, "publish").await, &after).await;
    let (managed, title) = (format!("/api/v1/organizer/events/{second}"), json!({ "title": "Second" }));
    let after = [(next, json!("Second")), (listed, json!("Second"))];
    site.sees(by, async |_, organizer| organizer.change(&managed, &title).await, &after).await;
    let following = format!("/api/v1/organizer/series/{series}/occurrences/{second}");
    let change = async |_: &Api, organizer: &Api| {
        let (tag, title) = (organizer.get(&managed).await.etag(), json!({ "title": "Late" }));
        organizer.send_with(Method::PATCH, &following, &[("if-match", &tag)], Some(&title)).await
    };
    let after = [(next, json!("Late")), (listed, json!("Late"))];
    site.sees(by, change, &after).await;
    let whole = format!("/api/v1/organizer/series/{series}/publish");
    let after =
        [((&*page, "/occurrences/next/1/title"), json!("Drafted")), ((&*list, "/data/2/title"), json!("Drafted"))];
    site.sees(by, async |_, organizer| organizer.post(&whole, &json!({})).await, &after).await;
    let after = [((&*page, "/occurrences/next/1"), json!(null)), ((&*list, "/data/2"), json!(null))];
    site.sees(by, async |_, organizer| step(organizer, second, "cancel").await, &after).await;
    let whole = format!("/api/v1/organizer/series/{series}/cancel");
    let after = [((&*page, "/status"), json!("CANCELLED")), ((&*list, "/data/0"), json!(null))];
    site.sees(by, async |_, organizer| organizer.post(&whole, &json!({})).await, &after).await;
}

/// Watches each call of `invalidate`, its tags, and the message. Answers end by changes only, so the other server has seen it
/// because it was told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_edit_is_seen_by_both_servers() {
    let redis = TestRedis::start();
    let site = Site::of(Nodes::sharing(&redis).await).await;
    for by in [0, 1] {
        events_are_edited(&site, by).await;
        words_and_venues_are_renamed(&site, by).await;
        venues_come_and_go(&site, by).await;
        settings_are_changed(&site, by).await;
        series_are_edited(&site, by).await;
    }
}

/// The same when nobody tells: the server that was edited shows it at once, the other one when its answers have ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_every_edit_is_seen_when_answers_have_ended() {
    let settings = settings().set("BOXOFFICE__CACHE__FRESH", "1s").set("BOXOFFICE__CACHE__STALE", "100ms");
    let site = Site::of(Nodes::start(settings).await).await;
    events_are_edited(&site, 0).await;
    words_and_venues_are_renamed(&site, 1).await;
    venues_come_and_go(&site, 1).await;
    settings_are_changed(&site, 0).await;
    series_are_edited(&site, 1).await;
}

/// Watches that a dead link costs the database nothing the second time, nor one that leads on.
#[tokio::test]
async fn where_a_name_leads_is_remembered() {
    let server = settings().start().await;
    let event = server.event(EventBuilder::ga(10)).await;
    server.client.execute("UPDATE events SET slug = 'second' WHERE id = $1", &[&event.id]).await.unwrap();
    let former = format!("/api/v1/events/{}", event.slug);
    let loads = || server.running.cache.cache.overview().namespaces[Namespace::Event as usize].2.loads;
    for path in [&*former, "/api/v1/events/never-was"] {
        let before = loads();
        let first = server.api.get(path).await;
        let after = loads();
        assert!(after > before);
        for _ in 0..3 {
            assert_eq!(server.api.get(path).await.status, first.status);
        }
        assert_eq!(loads(), after, "{path}");
    }
    assert_eq!(Key::one(Namespace::Event, "x").with("moved", true).as_str(), "event/x?moved=true");
}

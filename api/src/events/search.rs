//! What a client asks a list of events for.

use std::str::FromStr;

use boxoffice_http::{
    browsing::{self, List},
    filters,
    openapi::parameter::Parameter,
    problem::Problem,
    query::{Named, Query},
    request::Request,
};
use domain::{
    ids::SeriesId,
    search::{EventFilter, EventOrder, EventSearch, Order, PublicStatus, Sort},
    validation::FieldError,
};

/// Where the list is.
const PATH: &str = "/api/v1/events";
/// Most tags of one filter.
const TAGS_MAX: usize = 10;
/// The names of sorts; the first is the usual one.
const SORTS: [(&str, EventOrder); 4] = [
    ("startsAt", EventOrder::StartsAt),
    ("title", EventOrder::Title),
    ("price", EventOrder::Price),
    ("createdAt", EventOrder::CreatedAt),
];
const STATUSES: [(&str, PublicStatus); 3] = [
    ("PUBLISHED", PublicStatus::Published),
    ("CANCELLED", PublicStatus::Cancelled),
    ("ARCHIVED", PublicStatus::Archived),
];

/// What clients are told of the parameters.
pub(super) fn described() -> Vec<Parameter> {
    let instant = |name, description| {
        let schema =
            serde_json::json!({ "type": "string", "anyOf": [{ "format": "date-time" }, { "format": "date" }] });
        Parameter::query(name, description).schema(schema).example("2026-03-14T18:00:00Z")
    };
    vec![
        filters::words_described(),
        instant("from", "Begins then or later. A day begins at midnight in UTC."),
        instant("to", "Begins before then; after `from`."),
        instant("endsFrom", "Ends then or later. With `to`, both the present instant: what is on now."),
        instant("endsTo", "Ends before then; after `endsFrom`."),
        Parameter::query("seriesId", "Is an occurrence of this series.").id(),
        Parameter::query("venueId", "Takes place there.").id(),
        filters::name_described("city", "Takes place there, whatever accents and capitals it is written with."),
        filters::name_described("category", "The slug of a category."),
        filters::name_described("tag", "The slug of a tag. All of several must be there; at most ten.").up_to(TAGS_MAX),
        filters::price_described("minPrice", "Has a ticket of at least this price, in its own currency."),
        filters::price_described("maxPrice", "Has a ticket of at most this price; with `minPrice`, the same ticket."),
        Parameter::query("available", "Only what is on sale now, with places left.").flag().default(false),
        Parameter::query("status", "Where it is in its life.")
            .one_of(&STATUSES.map(|(name, _)| name))
            .default("PUBLISHED"),
        filters::sort_described(&SORTS),
    ]
}

/// The search, and the list that it is a page of, with `per_page` entries, if that is said, unless the request says otherwise. 422 with every fault.
pub(super) fn read(request: &Request, per_page: Option<u32>) -> Result<(EventSearch, List), Problem> {
    let mut query = request.query();
    let filter = filter(&mut query);
    let sort = filters::sort(&mut query, &SORTS, EventOrder::Relevance, filter.text.is_some());
    let mut list = List::new(PATH, parameters(&filter, sort));
    if let Some(entries) = per_page {
        list = list.per_page(entries);
    }
    let is_search = filter.text.is_some() || filter.available;
    let offset_max = if is_search { browsing::SEARCH_OFFSET_MAX } else { browsing::OFFSET_MAX };
    let page = list.page(&mut query, sort.by.keys(), offset_max);
    query.finish()?;
    Ok((EventSearch { filter, sort, place: page.place, limit: page.limit }, list))
}

fn filter(query: &mut Query<'_>) -> EventFilter {
    let filter = EventFilter {
        text: filters::words(query),
        from: filters::instant(query, "from"),
        to: filters::instant(query, "to"),
        ends_from: filters::instant(query, "endsFrom"),
        ends_to: filters::instant(query, "endsTo"),
        series: id(query, "seriesId", "must be the id of a series"),
        venue: id(query, "venueId", "must be the id of a venue"),
        city: filters::name(query, "city"),
        category: filters::name(query, "category"),
        tags: filters::names(query, "tag", TAGS_MAX),
        min_price: filters::price(query, "minPrice"),
        max_price: filters::price(query, "maxPrice"),
        available: query.flag("available", false),
        status: status(query),
    };
    filters::in_order(query, ("from", filter.from), ("to", filter.to), false);
    filters::in_order(query, ("endsFrom", filter.ends_from), ("endsTo", filter.ends_to), false);
    filters::in_order(query, ("minPrice", filter.min_price), ("maxPrice", filter.max_price), true);
    filter
}

/// Where the events of a series are listed.
pub(super) fn of_series(series: SeriesId) -> String {
    format!("{PATH}?seriesId={series}")
}

fn id<I: FromStr>(query: &mut Query<'_>, name: &'static str, right: &'static str) -> Option<I> {
    let Named(id) =
        query.text(name)?.parse().map_err(|()| query.fault(FieldError::new(name, "INVALID", right))).ok()?;
    Some(id)
}

fn status(query: &mut Query<'_>) -> PublicStatus {
    let Some(text) = query.text("status") else { return PublicStatus::default() };
    if let Some((_, status)) = STATUSES.iter().find(|(name, _)| *name == text) {
        return *status;
    }
    query.fault(FieldError::new("status", "INVALID", "must be PUBLISHED, CANCELLED or ARCHIVED"));
    PublicStatus::default()
}

/// Filter and sort as parameters, in one definite order and spelling: two requests with equal ones ask for the same list.
fn parameters(filter: &EventFilter, sort: Sort<EventOrder>) -> Vec<(&'static str, String)> {
    let mut parameters = Vec::new();
    let mut add = |name, value: Option<String>| parameters.extend(value.map(|value| (name, value)));
    add("q", filter.text.clone());
    add("from", filter.from.map(|from| from.to_string()));
    add("to", filter.to.map(|to| to.to_string()));
    add("endsFrom", filter.ends_from.map(|from| from.to_string()));
    add("endsTo", filter.ends_to.map(|to| to.to_string()));
    add("seriesId", filter.series.map(|series| series.to_string()));
    add("venueId", filter.venue.map(|venue| venue.to_string()));
    add("city", filter.city.clone());
    add("category", filter.category.clone());
    filter.tags.iter().for_each(|tag| add("tag", Some(tag.clone())));
    add("minPrice", filter.min_price.map(|price| price.to_string()));
    add("maxPrice", filter.max_price.map(|price| price.to_string()));
    add("available", filter.available.then(|| true.to_string()));
    let status = STATUSES.iter().find(|(_, status)| *status == filter.status && *status != PublicStatus::default());
    add("status", status.map(|(name, _)| (*name).to_owned()));
    add("sort", Some(filters::sort_name(sort, &SORTS)));
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_spelt_in_one_way() {
        let mut query = Query::parse(
            "tag=b&sort=-price&q=+rock++%26+roll&minPrice=010.50&available=true&tag=a&from=2026-03-14&to=2026-03-15T01:00:00%2B01:00&tag=b&status=PUBLISHED",
        );
        let filter = filter(&mut query);
        let sort = filters::sort(&mut query, &SORTS, EventOrder::Relevance, true);
        query.finish().unwrap();
        let spelt: Vec<String> =
            parameters(&filter, sort).iter().map(|(name, value)| format!("{name}={value}")).collect();
        let expected = [
            "q=rock & roll",
            "from=2026-03-14T00:00:00Z",
            "to=2026-03-15T00:00:00Z",
            "tag=a",
            "tag=b",
            "minPrice=10.5",
            "available=true",
            "sort=-price",
        ];
        assert_eq!(spelt, expected);
    }
}

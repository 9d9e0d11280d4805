//! What a client asks a list of venues for.

use boxoffice_http::{
    browsing::{self, List},
    filters,
    openapi::parameter::Parameter,
    problem::Problem,
    query::Query,
    request::Request,
};
use domain::{
    search::{Order, Sort, VenueFilter, VenueOrder, VenueSearch},
    validation::FieldError,
};

/// Where the list is.
const PATH: &str = "/api/v1/venues";
/// The names of sorts; the first is the usual one.
const SORTS: [(&str, VenueOrder); 4] = [
    ("name", VenueOrder::Name),
    ("city", VenueOrder::City),
    ("capacity", VenueOrder::Capacity),
    ("createdAt", VenueOrder::CreatedAt),
];

/// What clients are told of the parameters.
pub(super) fn described() -> Vec<Parameter> {
    let country = serde_json::json!({ "type": "string", "pattern": "^[A-Za-z]{2}$" });
    vec![
        filters::words_described(),
        filters::name_described("city", "Is there, whatever accents and capitals it is written with."),
        Parameter::query("country", "ISO 3166-1, two letters.").schema(country).example("DE"),
        filters::sort_described(&SORTS),
    ]
}

/// The search, and the list that it is a page of. 422 with every fault.
pub(super) fn read(request: &Request) -> Result<(VenueSearch, List), Problem> {
    let mut query = request.query();
    let filter = VenueFilter {
        text: filters::words(&mut query),
        city: filters::name(&mut query, "city"),
        country: country(&mut query),
    };
    let sort = filters::sort(&mut query, &SORTS, VenueOrder::Relevance, filter.text.is_some());
    let list = List::new(PATH, parameters(&filter, sort));
    let offset_max = if filter.text.is_some() { browsing::SEARCH_OFFSET_MAX } else { browsing::OFFSET_MAX };
    let page = list.page(&mut query, sort.by.keys(), offset_max);
    query.finish()?;
    Ok((VenueSearch { filter, sort, place: page.place, limit: page.limit }, list))
}

fn country(query: &mut Query<'_>) -> Option<String> {
    let text = query.text("country")?;
    if text.len() != 2 || !text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        query.fault(FieldError::new("country", "INVALID", "must be two letters (ISO 3166-1), such as DE"));
        return None;
    }
    Some(text.to_ascii_uppercase())
}

fn parameters(filter: &VenueFilter, sort: Sort<VenueOrder>) -> Vec<(&'static str, String)> {
    let mut parameters = Vec::new();
    let mut add = |name, value: Option<String>| parameters.extend(value.map(|value| (name, value)));
    add("q", filter.text.clone());
    add("city", filter.city.clone());
    add("country", filter.country.clone());
    add("sort", Some(filters::sort_name(sort, &SORTS)));
    parameters
}

//! Questions for lists, as clients write them.

use boxoffice_http::{lists::list_query, query::Query};
use domain::lists::{List, ListQuery};

/// The first page of what the query string asks for. Bounds that are out of order pass, as they do not over HTTP.
pub(crate) fn query(list: &'static List, text: &str) -> ListQuery {
    let asked = list_query(&mut Query::parse(text), list, true);
    let names = text.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("sort="));
    let names: std::collections::BTreeSet<_> = names.filter_map(|pair| Some(pair.split_once('=')?.0)).collect();
    assert_eq!(asked.filters.len(), names.len(), "{text}");
    asked
}

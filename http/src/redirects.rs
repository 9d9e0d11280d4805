//! Redirects from former slugs.

use actors::cache::{Cache, Key, Load, Namespace};
use domain::{cache::Tag, repositories::Found};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use super::{problem::Problem, reply::Reply, request::Request};

/// Where something is now.
#[derive(Serialize, ToSchema)]
#[schema(as = Moved)]
pub(super) struct Moved<'a> {
    /// Its present slug.
    slug: &'a str,
    /// Also in `Location`, for those who see bodies only.
    location: &'a str,
}

/// The present slug of what was once called `name`, as `load` finds it. Kept in the process, also that there is none: what leads
/// to a dead link is asked for again and again. Ends when `lists`, where the thing stands, change.
pub async fn present_slug<F>(
    cache: &Cache,
    request: &Request,
    (namespace, name): (Namespace, &str),
    lists: Tag,
    load: F,
) -> Result<Option<String>, Problem>
where
    F: Future<Output = Found<Option<String>>> + Send + 'static,
{
    let key = Key::one(namespace, name).with("moved", true).uncommon();
    let load = || async move {
        let tags = [lists];
        Ok(load.await?.map_or_else(|| Load::absent(&tags), |slug| Load::found(slug, &tags)))
    };
    let found = cache.answer(key, request.arrived(), load).await?;
    found.map(|slug| String::from_utf8(slug.plain().body.to_vec()).map_err(Problem::internal)).transpose()
}

/// 308 to `location`: under this slug the thing is found for good, and with any method.
pub fn moved(slug: &str, location: &str) -> Result<Reply, Problem> {
    let header = HeaderValue::from_str(location).map_err(Problem::internal)?;
    let reply = Reply::json(StatusCode::PERMANENT_REDIRECT, &Moved { slug, location })?;
    // Not kept: a slug that is taken back would send browsers in a circle.
    Ok(reply.header(header::LOCATION, header).header(header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
}

/// The address below `path` of what has this slug.
pub fn address(path: &str, slug: &str) -> String {
    let encoded = percent_encoding::utf8_percent_encode(slug, percent_encoding::NON_ALPHANUMERIC).to_string();
    format!("{path}/{}", encoded.replace("%2D", "-"))
}

/// Whether a text from a path may be a slug: the database knows no control characters in one.
pub fn may_be_slug(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_header_whatever_the_slug_holds() {
        assert_eq!(address("/api/v1/events", "nuit-debussy"), "/api/v1/events/nuit-debussy");
        assert_eq!(address("/api/v1/events", "nuit é/x"), "/api/v1/events/nuit%20%C3%A9%2Fx");
    }
}

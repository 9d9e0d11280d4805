//! The bodies of requests: one for a new thing, which says what is required, and one for a change.

pub(super) mod events;
pub(super) mod sales;
pub(super) mod venues;

use std::{borrow::Cow, marker::PhantomData};

use serde::{Deserialize, Deserializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

/// A field of a change: left out, it stays; `null` takes it away, as if the thing were new and nobody had said it.
#[derive(Clone, Debug, Default)]
pub(crate) enum Change<T> {
    #[default]
    Stays,
    Is(Option<T>),
}

impl<T> Change<T> {
    /// The field after the change.
    pub(super) fn over(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Stays => before,
            Self::Is(after) => after,
        }
    }
}

impl<T: Default> Change<T> {
    /// What is to be there, if anything is to change: `null` is nothing in the place of what there was, which a rule may refuse.
    pub(super) fn said(self) -> Option<T> {
        match self {
            Self::Stays => None,
            Self::Is(after) => Some(after.unwrap_or_default()),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::Is)
    }
}

/// The schema of a request without `organizerId`, which is for admins.
pub(super) struct Own<T>(PhantomData<T>);

impl<T: PartialSchema> PartialSchema for Own<T> {
    fn schema() -> RefOr<Schema> {
        let mut schema = T::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.properties.remove("organizerId");
        }
        schema
    }
}

impl<T: ToSchema> ToSchema for Own<T> {
    fn name() -> Cow<'static, str> {
        format!("Own{}", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Body {
        name: Change<String>,
    }

    #[test]
    fn null_is_something_else_than_nothing() {
        let over = |json: &str| {
            let body: Body = serde_json::from_str(json).unwrap();
            body.name.over(Some("before".to_owned()))
        };
        assert_eq!(over("{}").as_deref(), Some("before"));
        assert_eq!(over(r#"{"name":"after"}"#).as_deref(), Some("after"));
        assert_eq!(over(r#"{"name":null}"#), None);
        assert!(serde_json::from_str::<Body>(r#"{"name":7}"#).is_err());
        let said = |json: &str| serde_json::from_str::<Body>(json).unwrap().name.said();
        assert_eq!([said("{}"), said(r#"{"name":null}"#)], [None, Some(String::new())]);
    }
}

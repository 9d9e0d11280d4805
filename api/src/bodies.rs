//! The bodies of requests. A thing that can be made and changed has one body, which is put over an empty thing to make it (`POST`), to
//! replace it (`PUT`), and over the thing as it is to change it: a merge patch (RFC 7396) is the same body with members left out.

use std::{borrow::Cow, marker::PhantomData};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

/// A member of a body. `null` is a value that is taken away, as if the thing were new and nobody had said it.
#[derive(Clone, Debug, Default)]
pub(crate) enum Member<T> {
    #[default]
    Absent,
    Present(Option<T>),
}

impl<T> Member<T> {
    /// The value after the change.
    pub(crate) fn over(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Absent => before,
            Self::Present(after) => after,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Member<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::Present)
    }
}

/// For the fingerprint of a request that makes something, to which an absent member is the same as `null`.
impl<T: Serialize> Serialize for Member<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Absent => serializer.serialize_none(),
            Self::Present(value) => value.serialize(serializer),
        }
    }
}

/// Declares a body whose members may all be left out, and what it is put over: a value of the domain with a field of the same name, an
/// `Option`, for each of them. `beside` are members of which that knows nothing.
macro_rules! body {
    (
        $(#[$attribute:meta])*
        $body:ident over $raw:ident { $($(#[$member:meta])* $field:ident: $type:ty,)+ }
        $(beside { $($(#[$other_member:meta])* $other:ident: $other_type:ty,)+ })?
    ) => {
        #[derive(Clone, Default, serde::Deserialize, serde::Serialize, utoipa::ToSchema)]
        $(#[$attribute])*
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub(crate) struct $body {
            $(#[serde(default)] $(#[$member])* $field: $crate::bodies::Member<$type>,)+
            $($(#[serde(default)] $(#[$other_member])* pub(crate) $other: $crate::bodies::Member<$other_type>,)+)?
        }

        impl $body {
            /// What there is, with the members that the body has.
            pub(crate) fn over(self, mut there: $raw) -> $raw {
                $(there.$field = self.$field.over(there.$field);)+
                there
            }
        }
    };
}
pub(crate) use body;

/// A body whose schema is also that of a merge patch.
pub(crate) trait Patched: ToSchema {
    /// The name of that schema.
    const NAME: &'static str;
    const DESCRIPTION: &'static str;

    /// What its members say differently, as a merge patch of them.
    fn differences() -> Value {
        json!({})
    }
}

/// The schema of a merge patch: that of the whole body, of which nothing is required.
pub(crate) struct Patch<T>(PhantomData<T>);

impl<T: Patched> PartialSchema for Patch<T> {
    fn schema() -> RefOr<Schema> {
        altered(T::schema(), json!({ "required": null, "description": T::DESCRIPTION, "properties": T::differences() }))
    }
}

impl<T: Patched> ToSchema for Patch<T> {
    fn name() -> Cow<'static, str> {
        T::NAME.into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

/// The schema of a body without `organizerId`, which is for admins.
pub(crate) struct Own<T>(PhantomData<T>);

impl<T: PartialSchema> PartialSchema for Own<T> {
    fn schema() -> RefOr<Schema> {
        altered(T::schema(), json!({ "properties": { "organizerId": null } }))
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

/// A schema after a merge patch.
fn altered(schema: RefOr<Schema>, patch: Value) -> RefOr<Schema> {
    let altered = serde_json::to_value(&schema).map(|mut whole| {
        merge(&mut whole, patch);
        whole
    });
    altered.and_then(serde_json::from_value).unwrap_or(schema)
}

/// RFC 7396, 2.
fn merge(whole: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *whole = patch;
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            whole.as_object_mut().map(|members| members.remove(&name));
        } else {
            merge(&mut whole[&name], value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Body {
        name: Member<String>,
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
    }
}

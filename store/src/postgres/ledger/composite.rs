//! Composite types: values as `ledger_commit` takes them.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use deadpool_postgres::Object;
use tokio_postgres::types::{IsNull, Kind, ToSql, Type};

use super::super::{connection::Typed, rows::StoreError};

/// Declares composite types once: their names in the database, and their fields in the order of the database, with a type each. Only
/// built-in types, whose numbers are the same in every database.
macro_rules! composites {
    ($($(#[$doc:meta])* $name:ident $(<$life:lifetime>)? = $sql:literal { $($field:ident: $rust:ty => $type:ident),+ $(,)? })+) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub(super) struct $name $(<$life>)? {
                $(pub(super) $field: $rust),+
            }

            impl $(<$life>)? tokio_postgres::types::ToSql for $name $(<$life>)? {
                fn to_sql(
                    &self,
                    _: &tokio_postgres::types::Type,
                    out: &mut bytes::BytesMut,
                ) -> Result<tokio_postgres::types::IsNull, Box<dyn std::error::Error + Sync + Send>> {
                    $crate::postgres::ledger::composite::write(
                        out,
                        &[$((tokio_postgres::types::Type::$type, &self.$field)),+],
                    )
                }

                fn accepts(ty: &tokio_postgres::types::Type) -> bool {
                    ty.name() == $sql
                }

                tokio_postgres::types::to_sql_checked!();
            }

            impl $(<$life>)? $crate::postgres::ledger::composite::Composite for $name $(<$life>)? {
                const NAME: &'static str = $sql;
            }
        )+

        pub(super) const NAMES: &[&str] = &[$($sql),+];
    };
}
pub(super) use composites;

/// A value of a composite type.
pub(super) trait Composite: ToSql + Sync {
    const NAME: &'static str;
}

/// Writes a value in PostgreSQL's binary form: the number of fields, and of each its type, length and bytes.
pub(super) fn write(out: &mut BytesMut, fields: &[(Type, &dyn ToSql)]) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
    out.put_i32(i32::try_from(fields.len())?);
    for (ty, value) in fields {
        out.put_u32(ty.oid());
        let at = out.len();
        out.put_i32(-1);
        if let IsNull::No = value.to_sql_checked(ty, out)? {
            let length = i32::try_from(out.len() - at - 4)?;
            out[at..at + 4].copy_from_slice(&length.to_be_bytes());
        }
    }
    Ok(IsNull::No)
}

/// The arrays of composite types as this database numbers them, by the names of the types. A statement that was not prepared has to say
/// them.
#[derive(Debug)]
pub(super) struct ArrayTypes(Vec<Type>);

impl ArrayTypes {
    const FIND: &str = "SELECT typname::text, oid, typarray FROM pg_type WHERE oid = ANY ($1::text[]::regtype[])";

    /// Asks for the types of these names.
    pub(super) async fn find(client: &Object, names: &[&str]) -> Result<Self, StoreError> {
        let rows = client.query_typed(Self::FIND, &[(&names, Type::TEXT_ARRAY)]).await?;
        let array = |row: &tokio_postgres::Row| {
            let (name, oid, array): (String, u32, u32) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            let member = Type::new(name.clone(), oid, Kind::Simple, String::new());
            Ok(Type::new(name, array, Kind::Array(member), String::new()))
        };
        rows.iter().map(array).collect::<Result<_, tokio_postgres::Error>>().map(Self).map_err(Into::into)
    }

    /// A parameter with its type.
    pub(super) fn typed<'a, T: Composite>(&self, values: &'a Vec<T>) -> Typed<'a> {
        let ty = self.0.iter().find(|ty| ty.name() == T::NAME);
        (values, ty.cloned().unwrap_or(Type::UNKNOWN))
    }
}

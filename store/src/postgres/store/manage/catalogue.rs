//! Venues, categories and tags.

use async_trait::async_trait;
use domain::{
    audit::Action,
    ids::{AccountId, VenueId},
    lists::{ListQuery, Page},
    management::{
        ChangeError, Changed, Conflict, Expected, Manager,
        catalogue::{CatalogueManagement, Term, Vocabulary},
    },
    repositories::Found,
    text,
    venues::{Venue, VenueFields},
};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{
    super::{
        super::{
            connection::{Transaction, Typed},
            rows::StoreError,
        },
        PgStore,
        catalogue::rows::{VENUE_COLUMNS, venue},
        lists::{
            self,
            statement::Statement,
            table::{TableList, sql},
        },
    },
    Fault, Note, is_expected, on_violation, signed,
    tags::{defer_listings, lock_tagged, refresh_listings, remove_tag, tagged, touch},
};

const LOCK_VENUE: &str = "SELECT revision FROM venues WHERE id = $1 FOR UPDATE";
const INSERT_VENUE: &str = "INSERT INTO venues (id, slug, name, description, address, city, country, time_zone, capacity) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING";
const UPDATE_VENUE: &str = "UPDATE venues SET slug = $2, name = $3, description = $4, address = $5, city = $6, country = $7, \
    time_zone = $8, capacity = $9, revision = revision + 1, updated_at = now() WHERE id = $1";

/// The statements of one vocabulary.
struct Words {
    kind: &'static str,
    /// The table, named `t`.
    table: &'static str,
    /// The events `e` of a word.
    events: &'static str,
    /// `$1` is the request that adds it.
    insert: &'static str,
    /// Whether the request `$1` has added `$2`.
    is_made: &'static str,
    lock: &'static str,
    /// `$1` gets the name `$2`, unless it has it.
    rename: &'static str,
    delete: &'static str,
}

const CATEGORIES: Words = Words {
    kind: "category",
    table: "categories t",
    events: "events e WHERE e.category = t.slug",
    insert: "INSERT INTO categories (id, slug, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    is_made: "SELECT 1 FROM categories WHERE id = $1 AND slug = $2",
    // No event can begin to use it: events lock it for their reference.
    lock: "SELECT revision, NULL::uuid AS tag FROM categories WHERE slug = $1 FOR UPDATE",
    rename: "UPDATE categories SET name = $2, revision = revision + 1, updated_at = now() WHERE slug = $1 AND name <> $2",
    delete: "DELETE FROM categories WHERE slug = $1 AND NOT EXISTS (SELECT FROM events WHERE category = $1)",
};
const TAGS: Words = Words {
    kind: "tag",
    table: "tags t",
    events: "event_tags x JOIN events e ON e.id = x.event_id WHERE x.tag_id = t.id",
    insert: "INSERT INTO tags (id, slug, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    is_made: "SELECT 1 FROM tags WHERE id = $1 AND slug = $2",
    lock: "SELECT revision, id AS tag FROM tags WHERE slug = $1 FOR UPDATE",
    rename: "UPDATE tags SET name = $2, revision = revision + 1, updated_at = now() WHERE slug = $1 AND name <> $2",
    delete: "DELETE FROM tags WHERE slug = $1",
};

impl Words {
    /// Adds the columns for [`term`]. Who is `only` an organizer sees of the events that are not public their own.
    fn columns(&self, statement: &mut Statement, only: Option<AccountId>) {
        statement.sql("t.id, t.slug, t.name, t.created_at, t.updated_at, t.revision, (SELECT count(*) FROM ");
        statement.sql(self.events);
        if let Some(only) = only {
            statement.sql(" AND (e.organizer_id = ").bind(only.0, Type::UUID);
            statement.sql(" OR e.status NOT IN ('DRAFT', 'SCHEDULED'))");
        }
        statement.sql(") AS events");
    }
}

fn words(of: Vocabulary) -> &'static Words {
    match of {
        Vocabulary::Categories => &CATEGORIES,
        Vocabulary::Tags => &TAGS,
    }
}

fn term(row: &Row) -> Result<Term, StoreError> {
    Ok(Term {
        id: row.try_get("id")?,
        slug: row.try_get("slug")?,
        name: row.try_get("name")?,
        events: u64::try_from(row.try_get::<_, i64>("events")?).unwrap_or(0),
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        revision: row.try_get("revision")?,
    })
}

impl PgStore {
    async fn write_venue(
        &self,
        by: &Manager,
        id: VenueId,
        expected: Option<Expected>,
        fields: &VenueFields,
    ) -> Result<(), Fault> {
        let simple = id.0.simple().to_string();
        let slug = fields.slug.clone().unwrap_or_else(|| text::slug_of(&fields.name, &simple[simple.len() - 8..]));
        let slug = &slug;
        self.noted(by, |transaction| async move {
            if let Some(expected) = expected {
                let rows = transaction.query_typed(LOCK_VENUE, &[(&id.0, Type::UUID)]).await?;
                is_expected(rows.first().ok_or(ChangeError::NotFound)?, expected)?;
            }
            let parameters: [Typed<'_>; 9] = [
                (&id.0, Type::UUID),
                (slug, Type::TEXT),
                (&fields.name, Type::TEXT),
                (&fields.description, Type::TEXT),
                (&fields.address, Type::TEXT),
                (&fields.city, Type::TEXT),
                (&fields.country, Type::BPCHAR),
                (&fields.time_zone, Type::TEXT),
                (&signed(fields.capacity), Type::INT4),
            ];
            let statement = if expected.is_some() { UPDATE_VENUE } else { INSERT_VENUE };
            transaction.execute_typed(statement, &parameters).await.map_err(|error| {
                on_violation(error, |constraint| {
                    (constraint == "venues_slug_key").then(|| Conflict::SlugTaken(slug.clone()).into())
                })
            })?;
            let action = if expected.is_some() { Action::Changed } else { Action::Created };
            Ok(((), Note::new(action, "venue", id, serde_json::json!({ "name": fields.name }))))
        })
        .await
    }

    async fn remove_venue(&self, by: &Manager, id: VenueId, expected: Expected) -> Result<(), Fault> {
        self.noted(by, |transaction| async move {
            let rows = transaction.query_typed(LOCK_VENUE, &[(&id.0, Type::UUID)]).await?;
            is_expected(rows.first().ok_or(ChangeError::NotFound)?, expected)?;
            let deleted = transaction.execute_typed("DELETE FROM venues WHERE id = $1", &[(&id.0, Type::UUID)]).await;
            deleted.map_err(|error| {
                on_violation(error, |_| Some(Conflict::InUse("events or seat maps need the venue").into()))
            })?;
            Ok(((), Note::new(Action::Deleted, "venue", id, serde_json::json!({}))))
        })
        .await
    }

    async fn read_term(&self, of: Vocabulary, slug: &str) -> Result<Option<Term>, StoreError> {
        let (words, mut statement) = (words(of), Statement::default());
        statement.sql("SELECT ");
        words.columns(&mut statement, None);
        statement.sql(" FROM ").sql(words.table).sql(" WHERE t.slug = ").bind(slug.to_owned(), Type::TEXT);
        let rows = statement.rows(&self.pool.get().await?).await?;
        rows.first().map(term).transpose()
    }

    async fn insert_term(&self, by: &Manager, of: Vocabulary, id: Uuid, slug: &str, name: &str) -> Result<(), Fault> {
        let words = words(of);
        self.noted(by, |transaction| async move {
            let parameters: [Typed<'_>; 3] = [(&id, Type::UUID), (&slug, Type::TEXT), (&name, Type::TEXT)];
            if transaction.execute_typed(words.insert, &parameters).await? == 0
                && transaction.query_typed(words.is_made, &parameters[..2]).await?.is_empty()
            {
                return Err(Conflict::SlugTaken(slug.to_owned()).into());
            }
            Ok(((), Note::new(Action::Created, words.kind, slug, serde_json::json!({ "name": name }))))
        })
        .await
    }

    async fn change_term_name(
        &self,
        by: &Manager,
        of: Vocabulary,
        slug: &str,
        expected: Expected,
        name: &str,
    ) -> Result<(), Fault> {
        let words = words(of);
        self.noted(by, |transaction| async move {
            let tag = lock_term(&transaction, words, slug, expected).await?;
            // Of a tag, the trigger refreshes the listings of its events, in their order.
            if transaction.execute_typed(words.rename, &[(&slug, Type::TEXT), (&name, Type::TEXT)]).await? == 0 {
                return Ok(((), None));
            }
            if let Some(tag) = tag {
                touch(&transaction, &tagged(&transaction, tag).await?).await?;
            }
            Ok(((), Note::new(Action::Changed, words.kind, slug, serde_json::json!({ "name": name }))))
        })
        .await
    }

    async fn remove_term(&self, by: &Manager, of: Vocabulary, slug: &str, expected: Expected) -> Result<(), Fault> {
        let words = words(of);
        self.noted(by, |transaction| async move {
            let tag = lock_term(&transaction, words, slug, expected).await?;
            defer_listings(&transaction).await?;
            let untagged = match tag {
                Some(tag) => remove_tag(&transaction, tag).await?,
                None => Vec::new(),
            };
            if transaction.execute_typed(words.delete, &[(&slug, Type::TEXT)]).await? == 0 {
                return Err(Conflict::InUse("events have this category").into());
            }
            touch(&transaction, &untagged).await?;
            refresh_listings(&transaction, &untagged).await?;
            Ok(((), Note::new(Action::Deleted, words.kind, slug, serde_json::json!({ "name": null }))))
        })
        .await
    }
}

/// How often the events of a tag are locked again, because another one got it in between.
const LOOKS: usize = 10;

/// Locks a word, and before a tag the events that have it; a tag's id. No event gets a tag that is locked: so by then all that have it must be
/// among those that are locked. When another one got it in between, all locks are given back and taken again, in their order.
async fn lock_term(
    transaction: &Transaction,
    words: &Words,
    slug: &str,
    expected: Expected,
) -> Result<Option<Uuid>, Fault> {
    for look in 1..=LOOKS {
        transaction.batch_execute("SAVEPOINT unlocked").await?;
        let locked = if words.table == TAGS.table { lock_tagged(transaction, slug).await? } else { Vec::new() };
        let Some(tag) = lock_word(transaction, words, slug, expected).await? else { break };
        let having = tagged(transaction, tag).await?;
        if look == LOOKS || having.iter().all(|event| locked.binary_search(event).is_ok()) {
            return Ok(Some(tag));
        }
        transaction.batch_execute("ROLLBACK TO SAVEPOINT unlocked").await?;
    }
    Ok(None)
}

async fn lock_word(
    transaction: &Transaction,
    words: &Words,
    slug: &str,
    expected: Expected,
) -> Result<Option<Uuid>, Fault> {
    let rows = transaction.query_typed(words.lock, &[(&slug, Type::TEXT)]).await?;
    let row = rows.first().ok_or(ChangeError::NotFound)?;
    is_expected(row, expected)?;
    Ok(row.try_get("tag")?)
}

#[async_trait]
impl CatalogueManagement for PgStore {
    async fn managed_venue(&self, id: VenueId) -> Found<Option<(Venue, i32)>> {
        let statement = format!("SELECT {VENUE_COLUMNS}, v.revision FROM venues v WHERE v.id = $1");
        let client = self.pool.get().await?;
        let rows = client.query_typed(&statement, &[(&id.0, Type::UUID)]).await?;
        let with_revision = |row: &Row| Ok::<_, StoreError>((venue(row)?, row.try_get("revision")?));
        Ok(rows.first().map(with_revision).transpose()?)
    }

    async fn add_venue(&self, by: &Manager, id: VenueId, fields: &VenueFields) -> Changed {
        Ok(self.write_venue(by, id, None, fields).await?)
    }

    async fn update_venue(&self, by: &Manager, id: VenueId, expected: Expected, fields: &VenueFields) -> Changed {
        Ok(self.write_venue(by, id, Some(expected), fields).await?)
    }

    async fn delete_venue(&self, by: &Manager, id: VenueId, expected: Expected) -> Changed {
        Ok(self.remove_venue(by, id, expected).await?)
    }

    async fn terms(&self, by: &Manager, of: Vocabulary, query: &ListQuery) -> Found<Page<Term>> {
        let words = words(of);
        let (from, conditions) = (words.table, sql("true"));
        let columns = |statement: &mut Statement| words.columns(statement, by.only());
        let terms = TableList { query, from, of: "t.", joined: "", columns, conditions };
        Ok(lists::read(&self.pool.get().await?, &terms, query).await?.entries(term)?)
    }

    async fn term(&self, of: Vocabulary, slug: &str) -> Found<Option<Term>> {
        Ok(self.read_term(of, slug).await?)
    }

    async fn add_term(&self, by: &Manager, of: Vocabulary, id: Uuid, slug: &str, name: &str) -> Changed {
        Ok(self.insert_term(by, of, id, slug, name).await?)
    }

    async fn rename_term(&self, by: &Manager, of: Vocabulary, slug: &str, expected: Expected, name: &str) -> Changed {
        Ok(self.change_term_name(by, of, slug, expected, name).await?)
    }

    async fn delete_term(&self, by: &Manager, of: Vocabulary, slug: &str, expected: Expected) -> Changed {
        Ok(self.remove_term(by, of, slug, expected).await?)
    }
}

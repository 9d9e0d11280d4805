//! Site settings: those that differ from their defaults.

use async_trait::async_trait;
use domain::{
    audit::Action,
    ids::AccountId,
    lists::{ListQuery, Page},
    management::{
        ChangeError, Changed, Expected, Manager,
        catalogue::{SettingChange, SettingsRepository, StoredSettings},
    },
    repositories::Found,
    settings::SettingKey,
};
use serde_json::Value;
use tokio_postgres::{Row, types::Type};

use super::{
    super::{
        super::{connection::Typed, rows::StoreError},
        PgStore,
        lists::{
            self,
            table::{TableList, sql},
        },
    },
    Fault, Note, is_expected,
};

const ALL: &str = "SELECT key, value, updated_at FROM settings ORDER BY key";
/// Held to the end: changes come one after the other.
const LOCK: &str = "SELECT revision FROM settings_revision FOR UPDATE";
const CHANGE: &str = "WITH before AS (SELECT value FROM settings WHERE key = $1), \
    written AS (INSERT INTO settings (key, value) SELECT $1, $2 WHERE $2 IS NOT NULL \
        ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = now() \
            WHERE settings.value IS DISTINCT FROM excluded.value), \
    deleted AS (DELETE FROM settings WHERE key = $1 AND $2 IS NULL) \
    INSERT INTO setting_changes (key, from_value, to_value, account_id) SELECT $1, (SELECT value FROM before), $2, $3 \
    WHERE (SELECT value FROM before) IS DISTINCT FROM $2";

fn change(row: &Row) -> Result<SettingChange, StoreError> {
    Ok(SettingChange {
        number: row.try_get("id")?,
        key: row.try_get("key")?,
        from: row.try_get("from_value")?,
        to: row.try_get("to_value")?,
        account: AccountId(row.try_get("account_id")?),
        at: row.try_get("changed_at")?,
    })
}

impl PgStore {
    async fn read_settings(&self) -> Result<StoredSettings, StoreError> {
        let client = self.pool.get().await?;
        let revision = client.query_typed("SELECT revision FROM settings_revision", &[]).await?;
        let mut stored = StoredSettings {
            revision: revision.first().map_or(Ok(0), |row| row.try_get(0))?,
            ..StoredSettings::default()
        };
        for row in client.query_typed(ALL, &[]).await? {
            stored.values.push((row.try_get("key")?, row.try_get("value")?));
            stored.updated_at = stored.updated_at.max(Some(row.try_get("updated_at")?));
        }
        Ok(stored)
    }

    async fn write_settings(
        &self,
        by: &Manager,
        expected: Expected,
        changes: &[(SettingKey, Option<Value>)],
    ) -> Result<(), Fault> {
        self.noted(by, |transaction| async move {
            let rows = transaction.query_typed(LOCK, &[]).await?;
            is_expected(rows.first().ok_or(ChangeError::NotFound)?, expected)?;
            let mut keys = Vec::new();
            for (key, value) in changes {
                let parameters: [Typed<'_>; 3] =
                    [(&key.as_str(), Type::TEXT), (value, Type::JSONB), (&by.account.0, Type::UUID)];
                let is_changed = transaction.execute_typed(CHANGE, &parameters).await? > 0;
                keys.extend(is_changed.then_some(key.as_str()));
            }
            if keys.is_empty() {
                return Ok(((), None));
            }
            transaction.execute_typed("UPDATE settings_revision SET revision = revision + 1", &[]).await?;
            Ok(((), Note::new(Action::Changed, "settings", "site", serde_json::json!({ "keys": keys }))))
        })
        .await
    }
}

#[async_trait]
impl SettingsRepository for PgStore {
    async fn settings(&self) -> Found<StoredSettings> {
        Ok(self.read_settings().await?)
    }

    async fn change_settings(
        &self,
        by: &Manager,
        expected: Expected,
        changes: &[(SettingKey, Option<Value>)],
    ) -> Changed {
        Ok(self.write_settings(by, expected, changes).await?)
    }

    async fn setting_changes(&self, query: &ListQuery) -> Found<Page<SettingChange>> {
        let (columns, conditions) = (sql("id, key, from_value, to_value, account_id, changed_at"), sql("true"));
        let changes = TableList { query, from: "setting_changes", of: "", joined: "", columns, conditions };
        Ok(lists::read(&self.pool.get().await?, &changes, query).await?.entries(change)?)
    }
}

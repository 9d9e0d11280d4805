//! Settings of the site: all of them for admins, those that are public for everybody.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use actors::cache::{Key, Namespace};
use application::{app::App, manage::invalidated};
use boxoffice_http::{
    lists::ListRequest,
    openapi::texts,
    problem::Problem,
    reply::Reply,
    request::Request,
    response_cache::{self, cached},
};
use domain::{
    cache::Tag,
    ids::AccountId,
    lists::declared,
    management::catalogue::{SettingChange, StoredSettings},
    settings::{Kind, SettingKey},
    validation::{FieldError, FieldErrors},
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{AdditionalProperties, ObjectBuilder},
    },
};

use super::{expected, manager, tagged};

/// A setting of the site.
#[derive(Serialize, ToSchema)]
#[schema(as = Setting)]
#[serde(rename_all = "camelCase")]
pub(super) struct SettingJson {
    key: &'static str,
    value: Value,
    default: Value,
    #[serde(rename = "type")]
    kind: &'static str,
    /// The least number, or number of characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    min: Option<i64>,
    /// The greatest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    max: Option<i64>,
    public: bool,
}

/// All settings.
#[derive(Serialize, ToSchema)]
#[schema(as = Settings)]
#[serde(rename_all = "camelCase")]
pub(super) struct SettingsJson {
    data: Vec<SettingJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    updated_at: Option<Timestamp>,
}

/// What is to change: a value a setting.
pub(super) struct SettingsChange;

impl PartialSchema for SettingsChange {
    fn schema() -> RefOr<Schema> {
        let described = "What is left out stays; `null` takes a setting back to its default.";
        let object = ObjectBuilder::new()
            .description(Some(described))
            .additional_properties(Some(AdditionalProperties::FreeForm(false)));
        let add = |object: ObjectBuilder, key: &SettingKey| object.property(key.as_str(), texts::setting(key.kind()));
        SettingKey::ALL.iter().fold(object, add).into()
    }
}

impl ToSchema for SettingsChange {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("SettingsChange")
    }
}

/// A change of a setting.
#[derive(Serialize, ToSchema)]
#[schema(as = SettingChange)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangeJson<'a> {
    id: i64,
    key: &'a str,
    /// Left out: the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    from: Option<&'a Value>,
    /// As `from`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    to: Option<&'a Value>,
    account_id: AccountId,
    at: Timestamp,
}

impl<'a> From<&'a SettingChange> for ChangeJson<'a> {
    fn from(change: &'a SettingChange) -> Self {
        let SettingChange { number, key, from, to, account, at } = change;
        Self { id: *number, key, from: from.as_ref(), to: to.as_ref(), account_id: *account, at: *at }
    }
}

fn described(stored: &StoredSettings, key: SettingKey) -> SettingJson {
    let chars = |count| i64::try_from(count).ok();
    let (kind, min, max) = match key.kind() {
        Kind::Flag => ("flag", None, None),
        Kind::Number(min, max) => ("number", Some(min), Some(max)),
        Kind::Line(min, max) => ("line", chars(min), chars(max)),
        Kind::Text => ("text", None, chars(domain::text::TEXT_MAX)),
        Kind::Url => ("url", None, None),
        Kind::Email => ("email", None, None),
    };
    let (default, public) = (key.default(), key.is_public());
    SettingJson { key: key.as_str(), value: stored.value(key), default, kind, min, max, public }
}

async fn shown(app: &App) -> Result<Reply, Problem> {
    let stored = app.store.settings().await?;
    let data = SettingKey::ALL.iter().map(|key| described(&stored, *key)).collect();
    Ok(tagged(Reply::ok(&SettingsJson { data, updated_at: stored.updated_at })?, stored.revision))
}

/// `GET /admin/settings`
pub(super) async fn list(app: Arc<App>, _: Request) -> Result<Reply, Problem> {
    shown(&app).await
}

/// `PATCH /admin/settings`: `{"siteName":"…","termsUrl":null}`; `null` takes a setting back to its default.
pub(super) async fn update(app: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let (by, expected) = (manager(&request)?, expected(&request)?);
    let body: BTreeMap<String, Value> = request.body().await?;
    let mut errors = FieldErrors::default();
    let mut changes = Vec::with_capacity(body.len());
    for (name, value) in body {
        let Some(key) = SettingKey::find(&name) else {
            let name: String = name.chars().take(100).collect();
            errors.push(FieldError::new(name, "UNKNOWN_FIELD", "is not a setting"));
            continue;
        };
        let value = if value.is_null() { Ok(None) } else { key.check(&value).map(Some) };
        changes.extend(errors.keep(value).map(|value| (key, value)));
    }
    let changes = errors.finish(Some(changes))?;
    let changed = app.store.change_settings(&by, expected, &changes).await;
    let pages = changes.iter().any(|(key, _)| *key == SettingKey::EventsPerPage);
    // How long the pages of events are, unless their addresses say so.
    let tags: &[Tag] = if pages { &[Tag::Settings, Tag::Events] } else { &[Tag::Settings] };
    invalidated(&app, changed, tags)?;
    tracing::info!(userId = %by.account, settings = changes.len(), "settings changed");
    shown(&app).await
}

/// `GET /admin/settings/changes`
pub(super) async fn changes(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let list = ListRequest::read(&request, &declared::SETTING_CHANGES)?;
    list.reply(&app.store.setting_changes(&list.query).await?, ChangeJson::from)
}

/// `GET /settings`: those that everybody may know.
pub(super) async fn public(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let (key, store) = (Key::of(Namespace::Settings), app.clone());
    cached(&app.cache, &request, key, || async move {
        let stored = store.store.settings().await?;
        let public = SettingKey::ALL.iter().filter(|key| key.is_public());
        let shown: BTreeMap<&str, Value> = public.map(|key| (key.as_str(), stored.value(*key))).collect();
        response_cache::found(&shown, &[Tag::Settings])
    })
    .await
}

//! Promo codes of an event.

use std::sync::LazyLock;

use async_trait::async_trait;
use domain::{
    audit::Action,
    ids::{EventId, PromoCodeId, TicketTypeId},
    lists::{ListQuery, Page},
    management::{
        ChangeError, Changed, Conflict, Expected, Manager,
        pricing::{ManagedPromoCode, PROMO_CODES_MAX, PromoCodeManagement},
    },
    money::Currency,
    promo_codes::{Discount, PromoCode},
    repositories::Found,
    validation::FieldError,
};
use rust_decimal::Decimal;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{
    super::{
        super::{
            connection::{Statements, Transaction, Typed},
            pricing::{CODE_COLUMNS, promo_code},
            rows::{self, StoreError, signed, unsigned},
        },
        PgStore,
        lists::{self, table::TableList},
    },
    Fault, Note, is_expected, open_plan,
};

/// Beside those of the code itself.
const MANAGED: &str = ", p.used, p.ever_used, p.revision, p.created_at, p.updated_at, \
    (SELECT e.currency::text FROM events e WHERE e.id = p.event_id) AS currency";

static ONE: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {CODE_COLUMNS}{MANAGED} FROM promo_codes p WHERE p.event_id = $1 AND p.id = $2"));

const INSERT: &str = "INSERT INTO promo_codes (id, event_id, code, kind, value, uses, uses_per_account, ticket_type_ids, starts_at, ends_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING";
const UPDATE: &str = "UPDATE promo_codes SET code = $3, kind = $4, value = $5, uses = $6, uses_per_account = $7, ticket_type_ids = $8, \
        starts_at = $9, ends_at = $10, revision = revision + 1, updated_at = now() \
    WHERE id = $1 AND event_id = $2";

const NAMING: &str = "SELECT 1 FROM promo_codes WHERE event_id = $1 AND $2 = ANY (ticket_type_ids) LIMIT 1";

/// What stands against a code, one row: of its ticket types, of other codes of the event, and of itself if it is there.
const SITUATION: &str = "SELECT (SELECT count(*) FROM ticket_types WHERE event_id = $1 AND id = ANY ($2)) AS known, \
        EXISTS (SELECT FROM promo_codes WHERE event_id = $1 AND code = $3 AND id <> $4) AS is_taken, \
        (SELECT count(*) FROM promo_codes WHERE event_id = $1) AS codes, p.code, p.used, p.ever_used \
    FROM (SELECT) AS one LEFT JOIN promo_codes p ON p.event_id = $1 AND p.id = $4";

fn managed(row: &Row) -> Result<ManagedPromoCode, StoreError> {
    let currency: Currency = rows::parse(row.try_get("currency")?)?;
    let (id, code) = promo_code(row, currency)?;
    Ok(ManagedPromoCode {
        id,
        code,
        used: unsigned(row, "used")?,
        ever_used: row.try_get("ever_used")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        revision: row.try_get("revision")?,
    })
}

fn ids(of: &PromoCode) -> Vec<Uuid> {
    of.ticket_type_ids.iter().map(|id| id.0).collect()
}

/// Whether a code names this ticket type.
pub(super) async fn is_named(
    connection: &impl Statements,
    event: EventId,
    ticket_type: TicketTypeId,
) -> Result<bool, StoreError> {
    let parameters: [Typed<'_>; 2] = [(&event.0, Type::UUID), (&ticket_type.0, Type::UUID)];
    Ok(!connection.query_typed(NAMING, &parameters).await?.is_empty())
}

/// Refuses what the event can't have. Under the locks of a transaction that has opened the plan, what it says is so until the end.
async fn judge(connection: &impl Statements, event: EventId, id: PromoCodeId, code: &PromoCode) -> Result<(), Fault> {
    let (name, ids) = (code.code.as_str(), ids(code));
    let parameters: [Typed<'_>; 4] =
        [(&event.0, Type::UUID), (&ids, Type::UUID_ARRAY), (&name, Type::TEXT), (&id.0, Type::UUID)];
    let rows = connection.query_typed(SITUATION, &parameters).await?;
    let row = rows.first().ok_or_else(|| StoreError::Row("nothing is known of a promo code".to_owned()))?;
    let before: Option<&str> = row.try_get("code")?;
    let mut faults = Vec::new();
    if usize::try_from(row.try_get::<_, i64>("known")?).ok() != Some(ids.len()) {
        faults.push(FieldError::new("ticketTypeIds", "UNKNOWN", "the event has no such ticket type"));
    }
    let used = if before.is_some() { unsigned(row, "used")? } else { 0 };
    if code.uses.is_some_and(|uses| uses < used) {
        faults.push(FieldError::new("uses", "BELOW_USED", format!("it is used {used} times")));
    }
    if before.is_none() && row.try_get::<_, i64>("codes")? >= i64::from(PROMO_CODES_MAX) {
        let message = format!("an event has at most {PROMO_CODES_MAX} promo codes: delete some first");
        faults.push(FieldError::new("", "TOO_MANY_CODES", message));
    }
    if !faults.is_empty() {
        return Err(ChangeError::Invalid(faults).into());
    }
    if row.try_get("is_taken")? {
        return Err(Conflict::CodeTaken(name.to_owned()).into());
    }
    // Whoever has booked by it finds it again.
    let is_renamed = before.is_some_and(|before| before != name);
    if is_renamed && row.try_get("ever_used")? {
        return Err(Conflict::CODE_STAYS.into());
    }
    Ok(())
}

impl PgStore {
    async fn read_promo_code(&self, event: EventId, id: PromoCodeId) -> Result<Option<ManagedPromoCode>, StoreError> {
        let client = self.pool.get().await?;
        let rows = client.query_typed(&ONE, &[(&event.0, Type::UUID), (&id.0, Type::UUID)]).await?;
        rows.first().map(managed).transpose()
    }

    async fn judge_code(&self, event: EventId, id: PromoCodeId, code: &PromoCode) -> Result<(), Fault> {
        judge(&self.pool.get().await?, event, id, code).await
    }

    async fn has_named(&self, event: EventId, ticket_type: TicketTypeId) -> Result<bool, StoreError> {
        is_named(&self.pool.get().await?, event, ticket_type).await
    }
}

#[async_trait]
impl PromoCodeManagement for PgStore {
    async fn promo_codes(&self, event: EventId, query: &ListQuery) -> Found<Page<ManagedPromoCode>> {
        let codes = TableList {
            query,
            from: "promo_codes p",
            of: "p.",
            joined: "",
            columns: |statement| {
                statement.sql(CODE_COLUMNS).sql(MANAGED);
            },
            conditions: |statement| {
                statement.sql("p.event_id = ").bind(event.0, Type::UUID);
            },
        };
        Ok(lists::read(&self.pool.get().await?, &codes, query).await?.entries(managed)?)
    }

    async fn promo_code(&self, event: EventId, id: PromoCodeId) -> Found<Option<ManagedPromoCode>> {
        Ok(self.read_promo_code(event, id).await?)
    }

    async fn names_ticket_type(&self, event: EventId, ticket_type: TicketTypeId) -> Found<bool> {
        Ok(self.has_named(event, ticket_type).await?)
    }

    async fn judge_promo_code(&self, event: EventId, id: PromoCodeId, code: &PromoCode) -> Changed {
        Ok(self.judge_code(event, id, code).await?)
    }

    async fn create_promo_code(&self, by: &Manager, event: EventId, id: PromoCodeId, code: &PromoCode) -> Changed {
        self.noted(by, |transaction| async move {
            let locked = open_plan(&transaction, by, event, None).await?;
            judge(&transaction, event, id, code).await?;
            write(&transaction, INSERT, (event, locked.currency), id, code).await?;
            Ok(((), Note::of_sales(Action::Created, "promo-code", id, event)))
        })
        .await
    }

    async fn update_promo_code(
        &self,
        by: &Manager,
        event: EventId,
        id: PromoCodeId,
        expected: Expected,
        code: &PromoCode,
    ) -> Changed {
        self.noted(by, |transaction| async move {
            let locked = open_plan(&transaction, by, event, None).await?;
            code_of(&transaction, event, id, expected).await?;
            judge(&transaction, event, id, code).await?;
            write(&transaction, UPDATE, (event, locked.currency), id, code).await?;
            Ok(((), Note::of_sales(Action::Changed, "promo-code", id, event)))
        })
        .await
    }

    async fn delete_promo_code(&self, by: &Manager, event: EventId, id: PromoCodeId, expected: Expected) -> Changed {
        self.noted(by, |transaction| async move {
            open_plan(&transaction, by, event, None).await?;
            if code_of(&transaction, event, id, expected).await?.ever_used {
                return Err(Conflict::CODE_STAYS.into());
            }
            transaction.execute_typed("DELETE FROM promo_codes WHERE id = $1", &[(&id.0, Type::UUID)]).await?;
            Ok(((), Note::of_sales(Action::Deleted, "promo-code", id, event)))
        })
        .await
    }
}

/// A code of a locked event.
async fn code_of(
    transaction: &Transaction,
    event: EventId,
    id: PromoCodeId,
    expected: Expected,
) -> Result<ManagedPromoCode, Fault> {
    let rows = transaction.query_typed(&ONE, &[(&event.0, Type::UUID), (&id.0, Type::UUID)]).await?;
    let row = rows.first().ok_or(ChangeError::NotFound)?;
    is_expected(row, expected)?;
    Ok(managed(row)?)
}

async fn write(
    transaction: &Transaction,
    statement: &str,
    (event, currency): (EventId, Currency),
    id: PromoCodeId,
    code: &PromoCode,
) -> Result<(), Fault> {
    let value: Option<Decimal> = match code.discount {
        Discount::Percent(rate) => Some(rate.fraction()),
        // An amount is in the currency that the event had when it was read.
        Discount::Fixed(off) if off.currency != currency => return Err(ChangeError::Stale.into()),
        Discount::Fixed(off) => Some(off.amount),
        Discount::Access => None,
    };
    let parameters: [Typed<'_>; 10] = [
        (&id.0, Type::UUID),
        (&event.0, Type::UUID),
        (&code.code.as_str(), Type::TEXT),
        (&code.discount.kind(), Type::TEXT),
        (&value, Type::NUMERIC),
        (&code.uses.map(signed), Type::INT4),
        (&code.uses_per_account.map(signed), Type::INT4),
        (&ids(code), Type::UUID_ARRAY),
        (&code.starts_at, Type::TIMESTAMPTZ),
        (&code.ends_at, Type::TIMESTAMPTZ),
    ];
    transaction.execute_typed(statement, &parameters).await?;
    Ok(())
}

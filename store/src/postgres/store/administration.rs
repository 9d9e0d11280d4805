//! Account administration.

use async_trait::async_trait;
use domain::{
    accounts::{Account, AccountStatus, EmailAddress, Role},
    administration::{AccountAdministration, AccountChange, ChangeAccountError},
    audit::{Action, Actor, Deed},
    ids::AccountId,
    lists::{ListQuery, Page},
    mail::{Message, Template},
    management::Expected,
    repositories::Found,
};
use jiff::Timestamp;
use serde_json::json;
use tokio_postgres::types::{ToSql, Type};

use super::{
    super::{audit, connection::Transaction, outbox::enqueue, rows::StoreError},
    PgStore,
    accounts::{ACCOUNT_COLUMNS, ACCOUNTS, account},
    lists::{
        self,
        table::{TableList, sql},
    },
    sessions,
};

/// Anyone who takes an administrator takes this advisory lock first: two who take the last two at once would each see the other.
const ADMINISTRATORS: &str = "SELECT pg_advisory_xact_lock(hashtext('boxoffice administrators'))";

const COUNT_ADMINISTRATORS: &str =
    "SELECT count(*) AS count FROM accounts WHERE role = 'ADMIN' AND status = 'ACTIVE' AND id <> $1";

/// As of now, like `REFUSE_TOKENS` of sessions: the row is locked.
const CHANGE: &str = "UPDATE accounts SET role = coalesce($2::text::account_role, role), \
    status = coalesce($3::text::account_status, status), \
    tokens_not_before = refuse_tokens(tokens_not_before, greatest($4, clock_timestamp())), updated_at = $4, \
    revision = revision + 1 WHERE id = $1";

/// What the audit log tells of a change: one deed each of role and status.
fn deeds(before: &Account, change: AccountChange, actor: &Actor, now: Timestamp) -> Vec<Deed> {
    let deed = |action, from: &str, to: &str| Deed {
        at: now,
        actor: actor.clone(),
        action,
        target_kind: "account".to_owned(),
        target_id: before.id.to_string(),
        details: json!({ "from": from, "to": to }),
    };
    let role = change.role.map(|role| deed(Action::RoleChanged, before.role.as_str(), role.as_str()));
    let status = change.status.map(|status| {
        let action = match status {
            AccountStatus::Active => Action::AccountReinstated,
            AccountStatus::Suspended => Action::AccountSuspended,
        };
        deed(action, before.status.as_str(), status.as_str())
    });
    role.into_iter().chain(status).collect()
}

impl PgStore {
    async fn change(
        transaction: &Transaction,
        id: AccountId,
        change: AccountChange,
        expected: Expected,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Result<(), ChangeAccountError>, StoreError> {
        transaction.query_typed(ADMINISTRATORS, &[]).await?;
        let look = format!("SELECT {ACCOUNT_COLUMNS} FROM {ACCOUNTS} WHERE a.id = $1 FOR UPDATE");
        let rows = transaction.query_typed(&look, &[(&id.0, Type::UUID)]).await?;
        let Some(before) = rows.first().map(account).transpose()? else { return Ok(Err(ChangeAccountError::NotFound)) };
        if expected.is_some_and(|expected| !expected.has(before.revision)) {
            return Ok(Err(ChangeAccountError::Changed));
        }
        let change = change.against(&before);
        if change.is_empty() {
            return Ok(Ok(()));
        }
        if change.takes_an_administrator(&before) && is_last(transaction, id).await? {
            return Ok(Err(ChangeAccountError::LastAdministrator));
        }
        let (role, status) = (change.role.map(Role::as_str), change.status.map(AccountStatus::as_str));
        let parameters: [(&(dyn ToSql + Sync), Type); 4] =
            [(&id.0, Type::UUID), (&role, Type::TEXT), (&status, Type::TEXT), (&now, Type::TIMESTAMPTZ)];
        transaction.execute_typed(CHANGE, &parameters).await?;
        if change.status == Some(AccountStatus::Suspended) {
            sessions::end(transaction, id, now).await?;
            let template = Template::AccountSuspended { name: before.name.as_str().to_owned() };
            enqueue(transaction, &Message { to: before.email.clone(), locale: before.locale, template }).await?;
        }
        write_down(transaction, deeds(&before, change, actor, now)).await?;
        Ok(Ok(()))
    }
}

/// Each deed with what it has changed: who looks for suspensions finds there what they were, also when the role went with them.
async fn write_down(transaction: &Transaction, deeds: Vec<Deed>) -> Result<(), StoreError> {
    let changes = audit::take_changes(transaction).await?;
    let parts = if deeds.len() > 1 {
        let (of_role, others) = changes.split("account", "role");
        vec![of_role, others]
    } else {
        vec![changes]
    };
    for (deed, changes) in deeds.into_iter().zip(&parts) {
        audit::write(transaction, deed.with(changes)).await?;
    }
    Ok(())
}

async fn is_last(transaction: &Transaction, id: AccountId) -> Result<bool, StoreError> {
    let others: i64 =
        transaction.query_typed_one(COUNT_ADMINISTRATORS, &[(&id.0, Type::UUID)]).await?.try_get("count")?;
    Ok(others == 0)
}

#[async_trait]
impl AccountAdministration for PgStore {
    async fn accounts(&self, query: &ListQuery) -> Found<Page<Account>> {
        // An address as accounts have it: its domain may have been typed in letters beyond ASCII.
        let text = query.text("q").map(|q| if q.contains('@') { EmailAddress::normalised(q) } else { q.to_owned() });
        let accounts = TableList {
            query,
            // Each account has one profile, which needs no look for a count.
            from: "accounts a",
            of: "a.",
            joined: " JOIN profiles p ON p.account_id = a.id",
            columns: sql(ACCOUNT_COLUMNS),
            conditions: |statement| match &text {
                // Each of the two has an index of its own, which `OR` over both tables could not use. Folded as the public search
                // folds what is typed.
                Some(text) => {
                    statement.sql("a.id IN (SELECT id FROM accounts WHERE fold(email) LIKE part_pattern(");
                    statement.bind(text.clone(), Type::TEXT);
                    statement.sql(") UNION SELECT account_id FROM profiles WHERE fold(name) LIKE part_pattern(");
                    statement.bind(text.clone(), Type::TEXT).sql("))");
                }
                None => {
                    statement.sql("true");
                }
            },
        };
        Ok(lists::read(&self.pool.get().await?, &accounts, query).await?.entries(account)?)
    }

    async fn change_account(
        &self,
        id: AccountId,
        change: AccountChange,
        expected: Expected,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Account, ChangeAccountError> {
        let broken = |error: StoreError| ChangeAccountError::Repository(error.into());
        let changed = self.pool.transaction(|transaction| async move {
            Self::change(&transaction, id, change, expected, actor, now).await
        });
        changed.await.map_err(broken)??;
        self.find_account(id).await.map_err(broken)?.ok_or(ChangeAccountError::NotFound)
    }
}

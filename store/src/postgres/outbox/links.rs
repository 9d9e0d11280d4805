//! One-time links in queued mails: a token that has expired, or is about to, is replaced when the mail is claimed, so
//! that the link works when it arrives. A mail that nobody needs any more is dropped.

use domain::{
    credentials::LinkPurpose,
    mail::{LinkToken, Template},
    outbox::Mail,
    secrets::OpaqueToken,
};
use jiff::SignedDuration;
use tokio_postgres::types::{Json, ToSql, Type};
use uuid::Uuid;

use super::{Claimed, Payload, PgOutbox};
use crate::postgres::rows::StoreError;

/// A link with less than one part in so many of its time left is replaced.
const LEFT_OF: i64 = 4;

/// Whose link it is, and whether the mail still serves a purpose: a newer link was sent since, or the address is verified.
const OWNER: &str = "SELECT a.id, ($2 = 'VERIFY_EMAIL' AND a.email_verified_at IS NOT NULL) \
        OR EXISTS (SELECT FROM one_time_tokens t WHERE t.account_id = a.id AND t.purpose = $2::text::one_time_purpose \
            AND t.hash <> $3 AND t.created_at > $4 AND t.expires_at > now()) AS served \
    FROM accounts a WHERE a.email = $1";

const ADD_LINK: &str = "INSERT INTO one_time_tokens (hash, account_id, purpose, created_at, expires_at) \
    VALUES ($1, $2, $3::text::one_time_purpose, now(), now() + make_interval(mins => $4))";

const RENEW: &str = "UPDATE outbox SET payload = $3 WHERE id = $1 AND next_attempt_at = $2 AND status = 'PENDING'";

const DROP: &str = "DELETE FROM outbox WHERE id = $1 AND next_attempt_at = $2 AND status = 'PENDING'";

/// What to do with a mail whose link has run out.
enum Renewal {
    Renewed(Box<Template>),
    /// Nothing can be said against sending it as it is.
    AsItIs,
    /// Nobody needs it any more.
    Served,
}

impl PgOutbox {
    /// The mail with a link that works, or nothing when nobody needs it any more.
    pub(super) async fn with_working_link(&self, claimed: Claimed) -> Result<Option<Mail>, StoreError> {
        let Claimed { mut mail, token_made_at, claimed_at } = claimed;
        let purpose = match &mail.message.template {
            Template::VerifyEmail { .. } => LinkPurpose::VerifyEmail,
            Template::ResetPassword { .. } => LinkPurpose::ResetPassword,
            _ => return Ok(Some(mail)),
        };
        let Some((_, minutes)) = mail.message.template.link() else { return Ok(Some(mail)) };
        let used = claimed_at.duration_since(token_made_at);
        let lifetime = SignedDuration::from_mins(i64::from(minutes));
        if (lifetime - used).as_secs() * LEFT_OF > lifetime.as_secs() {
            return Ok(Some(mail));
        }
        match self.renew(&mail, purpose, minutes, claimed_at).await? {
            Renewal::AsItIs => {}
            Renewal::Renewed(template) => mail.message.template = *template,
            Renewal::Served => {
                tracing::info!(mail = %mail.id, kind = mail.message.template.kind(), "a mail that nobody needs any more is dropped");
                return Ok(None);
            }
        }
        Ok(Some(mail))
    }

    async fn renew(
        &self,
        mail: &Mail,
        purpose: LinkPurpose,
        minutes: u32,
        now: jiff::Timestamp,
    ) -> Result<Renewal, StoreError> {
        let old = mail.message.template.link().map(|(token, _)| token.expose()).and_then(OpaqueToken::parse);
        let old = old.map(|token| token.hash().0.to_vec()).unwrap_or_default();
        let new = OpaqueToken::from_random(rand::random());
        let template = mail.message.template.clone().with_token(LinkToken::new(new.expose()));
        let payload = Json(Payload { locale: mail.message.locale, template: &template, renewed_at: Some(now) });
        let minutes = i32::try_from(minutes).unwrap_or(i32::MAX);
        let (old, new, payload) = (&old, &new.hash().0.to_vec(), &payload);
        self.pool
            .transaction(|transaction| async move {
                let whose: [(&(dyn ToSql + Sync), Type); 4] = [
                    (&mail.message.to.as_str(), Type::TEXT),
                    (&purpose.as_str(), Type::TEXT),
                    (old, Type::BYTEA),
                    (&mail.queued_at, Type::TIMESTAMPTZ),
                ];
                let rows = transaction.query_typed(OWNER, &whose).await?;
                let Some(owner) = rows.first() else { return Ok(Renewal::AsItIs) };
                let of_claim: [(&(dyn ToSql + Sync), Type); 2] =
                    [(&mail.id.0, Type::UUID), (&mail.leased_until, Type::TIMESTAMPTZ)];
                if owner.try_get("served")? {
                    transaction.execute_typed(DROP, &of_claim).await?;
                    return Ok(Renewal::Served);
                }
                let account: Uuid = owner.try_get("id")?;
                let link: [(&(dyn ToSql + Sync), Type); 4] = [
                    (new, Type::BYTEA),
                    (&account, Type::UUID),
                    (&purpose.as_str(), Type::TEXT),
                    (&minutes, Type::INT4),
                ];
                transaction.execute_typed(ADD_LINK, &link).await?;
                let [id, lease] = of_claim;
                transaction.execute_typed(RENEW, &[id, lease, (payload, Type::JSONB)]).await?;
                Ok(Renewal::Renewed(Box::new(template_of(payload))))
            })
            .await
    }
}

fn template_of(payload: &Json<Payload<&Template>>) -> Template {
    payload.0.template.clone()
}

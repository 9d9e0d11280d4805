//! Signatures of webhooks: `t=SECONDS,v1=HEX`, where the second part is HMAC-SHA-256 of `SECONDS.BODY`.
//!
//! Source: <https://docs.stripe.com/webhooks/signature>, read on 2026-11-30.

use domain::payments::gateway::WebhookError;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// How far a message's time may be from ours: what was recorded can't be sent again later. It is what Stripe's own libraries allow.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The header that signs `body`, as it is sent at `now`.
pub fn sign(body: &[u8], secret: &SecretString, now: Timestamp) -> String {
    let seconds = now.as_second().to_string();
    let signature = mac(&seconds, body, secret).finalize().into_bytes();
    let hexadecimal: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hexadecimal}")
}

/// Whether one of the signatures is made with one of the secrets. Signatures of other versions are no signatures.
pub(super) fn verify(
    header: Option<&str>,
    body: &[u8],
    secrets: &[SecretString],
    now: Timestamp,
) -> Result<(), WebhookError> {
    let header = header.ok_or(WebhookError::NoSignature)?;
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let seconds = parts().find(|(name, _)| *name == "t").map(|(_, value)| value).ok_or(WebhookError::NoSignature)?;
    let signed_at = seconds.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let signed_at = signed_at.ok_or(WebhookError::NoSignature)?;
    let signatures: Vec<Vec<u8>> =
        parts().filter(|(name, _)| *name == "v1").filter_map(|(_, value)| from_hexadecimal(value)).collect();
    if signatures.is_empty() {
        return Err(WebhookError::NoSignature);
    }
    // `verify_slice` takes as long for any wrong signature, so nothing is learned of the right one.
    let is_right = |secret: &SecretString| {
        signatures.iter().any(|signature| mac(seconds, body, secret).verify_slice(signature).is_ok())
    };
    if !secrets.iter().any(is_right) {
        return Err(WebhookError::WrongSignature);
    }
    if now.duration_since(signed_at).abs() > TOLERANCE {
        return Err(WebhookError::WrongTime);
    }
    Ok(())
}

fn mac(seconds: &str, body: &[u8], secret: &SecretString) -> Hmac<Sha256> {
    // HMAC takes keys of any length, so the fallback is never used.
    let keyed = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes());
    let mut mac = keyed.unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default()));
    mac.update(seconds.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    (text.len() == 64).then(|| digits.map(byte).collect()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_790_000_000, 0);
    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    fn check(header: &str, body: &[u8], now: Timestamp) -> Result<(), WebhookError> {
        verify(Some(header), body, &[secret("whsec_new"), secret("whsec_old")], now)
    }

    /// A value that was computed elsewhere: `printf '1790000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_new`.
    #[test]
    fn a_signature_is_that_of_other_implementations() {
        let expected = "t=1790000000,v1=a8d78c58874a6b2e5d89493e1b6dbe9f5a71790e5f2f2ce02d06c84076e09fe9";
        assert_eq!(sign(BODY, &secret("whsec_new"), NOW), expected);
    }

    #[test]
    fn each_secret_signs_while_they_are_rotated() {
        for of in ["whsec_new", "whsec_old"] {
            assert_eq!(check(&sign(BODY, &secret(of), NOW), BODY, NOW), Ok(()));
        }
        let other = sign(BODY, &secret("whsec_other"), NOW);
        assert_eq!(check(&other, BODY, NOW), Err(WebhookError::WrongSignature));
        // While an endpoint's secret is rotated, Stripe signs with both.
        let (_, old) =
            sign(BODY, &secret("whsec_old"), NOW).split_once(',').map(|(t, v)| (t.to_owned(), v.to_owned())).unwrap();
        assert_eq!(check(&format!("{other},{old}"), BODY, NOW), Ok(()));
    }

    #[test]
    fn a_changed_byte_or_time_is_no_signature() {
        let signed = sign(BODY, &secret("whsec_new"), NOW);
        assert_eq!(check(&signed, br#"{"id":"evt_2"}"#, NOW), Err(WebhookError::WrongSignature));
        let later = signed.replace("t=1790000000", "t=1790000001");
        assert_eq!(check(&later, BODY, NOW), Err(WebhookError::WrongSignature));
    }

    #[test]
    fn a_recorded_message_is_not_taken_later() {
        let signed = sign(BODY, &secret("whsec_new"), NOW);
        let second = SignedDuration::from_secs(1);
        for near in [NOW + TOLERANCE, NOW - TOLERANCE] {
            assert_eq!(check(&signed, BODY, near), Ok(()));
        }
        for far in [NOW + TOLERANCE + second, NOW - TOLERANCE - second] {
            assert_eq!(check(&signed, BODY, far), Err(WebhookError::WrongTime));
        }
    }

    #[test]
    fn anything_else_is_no_signature() {
        let hexadecimal = "a".repeat(64);
        for wrong in [
            "",
            "t=1790000000",
            "v1=aa",
            &format!("t=x,v1={hexadecimal}"),
            &format!("t=1790000000,v0={hexadecimal}"),
            "t=1790000000,v1=aa",
            &format!("t=1790000000,v1={}", "é".repeat(32)),
        ] {
            assert_eq!(check(wrong, BODY, NOW), Err(WebhookError::NoSignature), "{wrong}");
        }
        assert_eq!(verify(None, BODY, &[], NOW), Err(WebhookError::NoSignature));
    }
}

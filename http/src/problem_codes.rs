//! Problem types: every error code of the API in one table, to which `type` of a problem points.

use http::StatusCode;

/// One kind of refusal.
#[derive(Debug)]
pub struct Entry {
    /// Stable, for programs.
    pub code: &'static str,
    /// The status it always goes with.
    pub status: StatusCode,
    /// The same words for every occurrence (RFC 9457, 3.1.3).
    pub title: &'static str,
    /// Why a server answers so.
    pub cause: &'static str,
    /// What a client can do about it.
    pub remedy: &'static str,
}

macro_rules! catalogue {
    ($($name:ident $code:literal $status:ident $title:literal, $cause:literal, $remedy:literal;)+) => {
        /// A kind of refusal; [`Code::entry`] tells all about it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(
                #[doc = concat!("`", $code, "`: ", $title, ".")]
                $name,
            )+
        }

        /// All refusals, in the order of [`Code`].
        pub static CATALOGUE: &[Entry] = &[
            $(Entry {
                code: $code, status: StatusCode::$status, title: $title, cause: $cause, remedy: $remedy,
            },)+
        ];
    };
}

catalogue! {
    NoToken "AUTH_001" UNAUTHORIZED "Sign in first",
        "The route needs an access token and the request carried none.",
        "Send `Authorization: Bearer` and the access token; POST /api/v1/auth/login gives one.";
    BadToken "AUTH_002" UNAUTHORIZED "Access token not valid",
        "The access token is malformed, was changed, or was signed by a key this server does not know.",
        "Sign in again and use the token as it was given.";
    ExpiredToken "AUTH_003" UNAUTHORIZED "Access token expired",
        "Access tokens live for minutes and this one's time is over; or the account's password, role or status has changed since.",
        "Refresh the token or sign in again, then repeat the request.";
    Forbidden "AUTH_004" FORBIDDEN "Insufficient rights",
        "The account's role is not among those that may use this route, or what it would change is for others to change.",
        "Use an account with the role that the documentation of the route names; `detail` says more.";
    WrongCredentials "AUTH_005" UNAUTHORIZED "E-mail address or password wrong",
        "No account has this e-mail address with this password, or the address has to be verified first; which of these it is is not told.",
        "Check both and try again; after registering, first follow the link in the mail.";
    CrossSite "AUTH_006" FORBIDDEN "Page of another site",
        "The request came with a session cookie from a page that is not allowed to use it.",
        "Call from an allowed origin, and send the `csrfToken` of the last sign-in or refresh as `X-CSRF-Token`.";
    SessionOver "AUTH_007" UNAUTHORIZED "Session over",
        "The request has no session cookie, or its session has ended.",
        "Sign in again.";
    Suspended "AUTH_008" FORBIDDEN "Account suspended",
        "An administrator has suspended the account.",
        "Ask the operators of this service.";
    Unverified "AUTH_009" FORBIDDEN "E-mail address not verified",
        "This service lets nobody hold and book places before their address is verified.",
        "Follow the link in the mail; POST /api/v1/auth/resend-verification sends another one.";
    MalformedJson "REQUEST_001" BAD_REQUEST "Malformed JSON",
        "The body is not JSON (RFC 8259), or is nested deeper than 1,024 levels.",
        "Correct the body at the line and column that `detail` names.";
    UnsupportedMediaType "REQUEST_002" UNSUPPORTED_MEDIA_TYPE "Unsupported media type",
        "The route reads JSON and the body was announced as something else, or not at all.",
        "Send `Content-Type: application/json`.";
    BodyTooLarge "REQUEST_003" PAYLOAD_TOO_LARGE "Body too large",
        "The body is longer than the route accepts.",
        "Send less; `detail` names the limit in bytes.";
    BodyTooSlow "REQUEST_004" REQUEST_TIMEOUT "Body too slow",
        "The body did not arrive within its deadline.",
        "Repeat the request over a better connection.";
    BadRequest "REQUEST_005" BAD_REQUEST "Bad request",
        "The request is not valid HTTP in a way that `detail` describes.",
        "Correct the request.";
    NotAcceptable "REQUEST_006" NOT_ACCEPTABLE "No form that you accept",
        "`Accept` or `Accept-Encoding` rules out every form in which the route can answer; `detail` names them.",
        "Accept one of them; `Accept: */*` accepts all.";
    UnsupportedCoding "REQUEST_007" UNSUPPORTED_MEDIA_TYPE "Compressed bodies are not read",
        "The body was announced with a `Content-Encoding`, and the server unpacks nothing.",
        "Send the body as it is, without `Content-Encoding`.";
    TargetTooLong "REQUEST_008" URI_TOO_LONG "Address too long",
        "Path and query have more than 8,000 bytes.",
        "Ask for less at once.";
    HeadTooLarge "REQUEST_009" REQUEST_HEADER_FIELDS_TOO_LARGE "Headers too large",
        "The head of the request is larger, or has more headers, than the server accepts.",
        "Send fewer and smaller headers; cookies are the usual reason.";
    Misdirected "REQUEST_010" MISDIRECTED_REQUEST "Not by this name",
        "The listener for operators was asked by the name of a host that is not one of its own.",
        "Ask by `localhost`, by an address of a private network, or by a name of BOXOFFICE__OPS__HOSTS.";
    UnknownVersion "VERSION_001" BAD_REQUEST "Unknown version of the API",
        "The `api-version` header names a version that this server does not have; `detail` names those it has.",
        "Send a version that there is, or leave the header out.";
    Invalid "VALIDATION_001" UNPROCESSABLE_ENTITY "Validation failed",
        "The request is well-formed, but at least one value is missing, unknown or not acceptable.",
        "Correct the fields in `errors` and send the request again.";
    NotFound "RESOURCE_001" NOT_FOUND "Not found",
        "Nothing is at this address, or it is not yours to see.",
        "Check the address and the account.";
    MethodNotAllowed "RESOURCE_002" METHOD_NOT_ALLOWED "Method not allowed",
        "The address exists, but not with this method.",
        "Use one of the methods in the `Allow` header.";
    ChangedMeanwhile "RESOURCE_003" PRECONDITION_FAILED "Changed meanwhile",
        "The resource is not any more as `If-Match` says: somebody has changed it since.",
        "Read it again, decide again, and repeat the change with the new `ETag`.";
    IfMatchMissing "RESOURCE_004" PRECONDITION_REQUIRED "If-Match missing",
        "The change could undo somebody else's, and nothing tells which state it was made for.",
        "Read the resource and send its `ETag` as `If-Match`.";
    InUse "RESOURCE_005" CONFLICT "In use",
        "Something else needs what was to be changed or deleted; `detail` says what.",
        "Change or delete that first.";
    SlugTaken "RESOURCE_006" CONFLICT "Slug or code taken",
        "Another one of this kind has the slug, or the event another promo code of this name.",
        "Choose another one; who leaves a slug out gets one.";
    EventState "EVENT_001" CONFLICT "Not in this state of the event",
        "The event, as it is now, can't be changed in this way, or would break a rule afterwards; `detail` says why.",
        "Look at the event's `status`, and at what `detail` and `errors` name.";
    CapacityTaken "EVENT_002" CONFLICT "Capacity below what is taken",
        "More places are held and sold than the quota was to have; `errors` has both numbers.",
        "Choose at least their sum, or give blocks free and cancel bookings first.";
    SeatsMoved "EVENT_003" CONFLICT "Seats would move",
        "Seats are held, blocked or sold that the version of the seat map does not have as they are; `errors` names the first of them.",
        "Draw a version that keeps them: section, row, label, positions, accessibility. Or give blocks free and cancel bookings first.";
    OccurrenceThere "SERIES_001" CONFLICT "Occurrence there already",
        "The series has an occurrence that begins at the same time; `errors` names each of them.",
        "Leave those times out, or take the other occurrence out of the series.";
    IdempotencyKeyMissing "IDEMPOTENCY_001" BAD_REQUEST "Idempotency key missing or malformed",
        "The route creates something and needs an `Idempotency-Key` of 1 to 255 visible ASCII characters.",
        "Choose a new random key for each thing to create, and repeat it when you retry.";
    IdempotencyKeyReused "IDEMPOTENCY_002" UNPROCESSABLE_ENTITY "Idempotency key used for another request",
        "The account has already used this key with a different body.",
        "Use a new key for a new request; repeat body and key unchanged to retry one.";
    IdempotencyInProgress "IDEMPOTENCY_003" CONFLICT "First request still running",
        "A request with this key is being worked on right now.",
        "Wait as long as `Retry-After` says, then repeat the request unchanged.";
    SoldOut "BOOKING_001" CONFLICT "Not enough places left",
        "Fewer places of this kind are left than were asked for.",
        "Ask for fewer, or for another ticket type; held places may come back.";
    SeatTaken "BOOKING_002" CONFLICT "Seat taken",
        "At least one of the seats was held or sold to somebody else; `errors` lists them.",
        "Choose other seats.";
    NotOnSale "BOOKING_003" CONFLICT "Not on sale",
        "The event, or this ticket type, is not on sale at this moment.",
        "Look at the sale window of the ticket type.";
    LimitExceeded "BOOKING_004" UNPROCESSABLE_ENTITY "Limit exceeded",
        "More was asked for than one booking, one account or one network may have of this event, paid or unpaid.",
        "Ask for a number within the limits of the ticket type, and pay for unpaid places, or release them, first.";
    HoldGone "BOOKING_005" CONFLICT "Hold expired or gone",
        "The hold has run out, was released, or is already a booking.",
        "Hold the places again.";
    NotCancellable "BOOKING_006" CONFLICT "Booking cannot be cancelled",
        "In its present state the booking can no longer be cancelled, or the terms of its event don't allow it any more: `allowedUntil`.",
        "Look at the booking's `status`, or ask the organizer.";
    HoldAtCap "BOOKING_007" CONFLICT "Hold cannot be extended",
        "The hold is as long already as a hold of this event may be. It goes on until its `expiresAt`.",
        "Book the places, or hold them again when they are free.";
    PromoCode "PROMO_001" UNPROCESSABLE_ENTITY "Promo code can't be used",
        "There is no such code, it is used up, not valid now, or not for these tickets; `errors[].code` says which.",
        "Check how it is written, or ask without it.";
    NothingToPay "PAYMENT_001" CONFLICT "Nothing to pay",
        "The booking is free or paid already, or the payment waits for nothing.",
        "Look at the booking's `status` and at its payments.";
    BookingOver "PAYMENT_002" CONFLICT "Booking expired or cancelled",
        "The booking waits for no payment any more; its places can be had by others.",
        "Book again.";
    PaymentRefused "PAYMENT_003" BAD_GATEWAY "Payment not taken",
        "The payment gateway did not take the payment, and has charged nothing.",
        "Repeat the request with the same Idempotency-Key, which goes on with the same attempt, or choose another method with another key.";
    PaymentAway "PAYMENT_004" SERVICE_UNAVAILABLE "Payments not possible now",
        "The payment gateway fails and is left alone for a while, or there is none. Nothing was charged; the booking waits longer, as far as it may.",
        "Repeat the request with the same Idempotency-Key after `Retry-After`.";
    PaymentInProgress "PAYMENT_005" CONFLICT "Another payment in progress",
        "An earlier attempt to pay the booking is under way, and a second one could charge twice; `paymentId` names it.",
        "Wait for its end.";
    AboveLeft "PAYMENT_006" CONFLICT "More than is left of what was paid",
        "So much can't go back: earlier refunds, those that are still owed included, have left less of what was paid. `detail` says how much.",
        "Give back no more than that.";
    BelowMinimum "PAYMENT_007" UNPROCESSABLE_ENTITY "Below the least amount",
        "The payment gateway takes no amount as small as this one; `detail` says what it takes at least.",
        "Choose more tickets.";
    NotFromGateway "PAYMENT_008" BAD_REQUEST "Not from the payment gateway",
        "The message is not signed as one of the payment gateway, or is too old.",
        "Check the secret of the webhook at the gateway, and this server's clock.";
    NotPaid "PAYMENT_009" CONFLICT "Not paid",
        "Nobody has paid the booking, so there is no receipt.",
        "Pay it first. A booking that costs nothing has no receipt.";
    RefundNotFailed "PAYMENT_010" CONFLICT "Refund has not failed",
        "The refund is on its way or has arrived, or another one has taken its place already.",
        "Look at its `status` and `replacedBy`.";
    LinkDead "ACCOUNT_001" UNPROCESSABLE_ENTITY "Link does not work",
        "The link was used already, has run out, or never was one.",
        "Ask for another mail.";
    WrongPassword "ACCOUNT_002" UNPROCESSABLE_ENTITY "Wrong password",
        "The current password is not the one that was sent.",
        "Check it and try again.";
    LastAdministrator "ACCOUNT_003" CONFLICT "Last administrator",
        "Nobody would be left to give rights to anybody.",
        "Make somebody else an administrator first.";
    RateLimited "RATE_001" TOO_MANY_REQUESTS "Too many requests",
        "The limit for this kind of request, for connections of your network, or for holds that run out is used up.",
        "Wait as long as `Retry-After` says.";
    Unavailable "SERVICE_001" SERVICE_UNAVAILABLE "Service unavailable",
        "The server is overloaded, is shutting down, or something it depends on is away.",
        "Repeat the request, with the same Idempotency-Key, after `Retry-After`; the outcome will be exact.";
    DeadlineExceeded "SERVICE_002" SERVICE_UNAVAILABLE "Took too long",
        "The request was not finished within its deadline. What it started may still be completed.",
        "Repeat the request, with the same Idempotency-Key, after `Retry-After`; the outcome will be exact.";
    Internal "INTERNAL_001" INTERNAL_SERVER_ERROR "Internal error",
        "The server failed in a way it did not expect; the operators have been told.",
        "Repeat the request later; name the `requestId` when you report it.";
}

impl Code {
    /// Everything about this refusal.
    pub fn entry(self) -> &'static Entry {
        // The macro writes enum and table from the same rows, so the discriminant is the index.
        &CATALOGUE[self as usize]
    }

    /// The code as clients see it.
    pub fn as_str(self) -> &'static str {
        self.entry().code
    }
}

/// The entry of a code as clients see it.
pub fn find(code: &str) -> Option<&'static Entry> {
    CATALOGUE.iter().find(|entry| entry.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_lead_to_their_own_entry() {
        let unique: std::collections::HashSet<_> = CATALOGUE.iter().map(|entry| entry.code).collect();
        assert_eq!(unique.len(), CATALOGUE.len());
        assert_eq!(Code::NoToken.as_str(), "AUTH_001");
        assert_eq!(Code::Internal.as_str(), "INTERNAL_001");
        assert_eq!(Code::SeatTaken.entry().status, StatusCode::CONFLICT);
    }

    #[test]
    fn every_entry_is_an_error_and_says_what_to_do() {
        for entry in CATALOGUE {
            assert!(entry.status.is_client_error() || entry.status.is_server_error(), "{}", entry.code);
            assert!(entry.cause.ends_with('.') && entry.remedy.ends_with('.'), "{}", entry.code);
        }
    }
}

"""What the schemas of the OpenAPI document can't say, for schemathesis.

Requests that are meant to be valid are made so in what only a server knows: which events there are, what can be booked, and
where a page begins. Requests that are meant to be wrong stay as they are.
"""

import datetime
import itertools
import json
import os
import random
import sys
import unicodedata
import urllib.error
import urllib.request
import uuid

import schemathesis

# Written by scripts/check-api: an event without seats and one with, both free and without a limit for an account.
with open(os.environ["CHECK_API_FIXTURE"], encoding="utf-8") as file:
    FIXTURE = json.load(file)
EVENTS = {event["kind"]: event for event in FIXTURE["events"]}
with urllib.request.urlopen(os.environ["CHECK_API_URL"] + "/api/v1/venues?limit=10") as answer:
    VENUES = json.load(answer)["data"]

RUN = uuid.uuid4()
REQUESTS = itertools.count()


@schemathesis.serializer("application/csp-report")
def csp_report(context, value):
    """The type that browsers send reports as is JSON under another name."""
    return json.dumps(value).encode()


@schemathesis.hook
def before_call(context, case, kwargs):
    operation = case.operation.definition.raw.get("operationId")
    if case.meta and case.meta.generation.mode.is_positive:
        make_valid(operation, case)
        make_fit_event(operation, case)
    elif isinstance(case.query, dict):
        # Forms send the fields that nobody has filled in: an empty value counts as none, which is not wrong.
        case.query.update({name: "-" for name, value in case.query.items() if value == ""})


def make_valid(operation, case):
    case.body = as_clients_write(case.body)
    # Only the server makes cursors; tests/contract/client.ts follows them.
    if case.query:
        case.query.pop("cursor", None)
    if case.headers and "Idempotency-Key" in case.headers:
        # Each is another thing to make; that a used key is refused, tests/api/idempotency.rs says.
        case.headers["Idempotency-Key"] = f"{case.headers['Idempotency-Key'][:200]}-{RUN}-{next(REQUESTS)}"
    if case.headers and "If-Match" in case.headers:
        # Only the server knows which version there is.
        case.headers["If-Match"] = "*"
    if operation == "getVenue":
        case.path_parameters["idOrSlug"] = random.Random(str(case.path_parameters)).choice(VENUES)["slug"]
    if operation == "register" and isinstance(case.body, dict):
        # No schema says what is easy to guess.
        case.body = {**case.body, "password": f"{uuid.uuid4()}{case.body['password'][:80]}"}
    if case.query or operation == "clearCache":
        case.query = fitting_query(operation, case.query or {})
    if isinstance(case.body, dict):
        case.body = fitting_body(operation, case.body)
    # Nobody knows a code of the events that are asked for, and a guess is refused.
    for named in (case.query, case.body):
        if isinstance(named, dict):
            named.pop("promoCode", None)
    asks_for_places = ("createHold", "createBooking", "quoteBooking", "createOwnBlock", "createAnyBlock")
    if operation in asks_for_places and isinstance(case.body, dict):
        lines = case.body.get("items")
        if isinstance(lines, list) and lines and isinstance(lines[0], dict):
            case.path_parameters["id"], line = existing(lines[0])
            case.body = {**case.body, "items": [line]}


def make_fit_event(operation, case):
    """What a ticket type draws on, and all ticket types in their order, are the event's own."""
    if operation in ("orderOwnTicketTypes", "orderAnyTicketTypes"):
        case.body = {"order": below_event(case, "ticket-types")}
    if operation.endswith("TicketType") and isinstance(case.body, dict) and isinstance(case.body.get("price"), dict):
        event = asked(case.formatted_path.partition("/ticket-types")[0])
        case.body["price"] = {**case.body["price"], "currency": event.get("currency", "EUR")}
    if operation.endswith("TicketType") and isinstance(case.body, dict) and "quotaId" in case.body:
        quotas = below_event(case, "quotas")
        if quotas:
            case.body["quotaId"] = quotas[0]
        else:
            # It can have none, so another event is asked for: one that is not there.
            case.path_parameters["id"] = str(uuid.uuid4())


def below_event(case, kind):
    """Ids of what an event has; none of one that is not there."""
    event = case.formatted_path.partition("/ticket-types")[0]
    return [entry["id"] for entry in asked(f"{event}/{kind}").get("data", [])]


def asked(path):
    """What is at a path, for the role of the run; nothing where it may see nothing."""
    headers = {"Authorization": f"Bearer {os.environ['CHECK_API_TOKEN']}"}
    request = urllib.request.Request(os.environ["CHECK_API_URL"] + path, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError:
        return {}


def fitting_query(operation, query):
    """The parameters without those that do not go together with others."""
    query = dict(query)
    if operation == "clearCache":
        # One of three, and a tag that there is.
        given = {name: value for name, value in query.items() if value} | {"tag": "events"}
        return dict(list(given.items())[:1])
    bounds = (("from", "to"), ("endsFrom", "endsTo"), ("minPrice", "maxPrice"), ("minCapacity", "maxCapacity"))
    for lower, upper in bounds:
        if lower in query:
            query.pop(upper, None)
    # A search leaves out fewer, of which only a sentence tells.
    if {"q", "available"} & query.keys() and str(query.get("offset")).isdigit():
        query["offset"] = min(int(query["offset"]), 1000)
    # At least one word that is wanted.
    if operation in ("listEvents", "listVenues") and "q" in query:
        query["q"] = "jazz"
    if query.get("sort") == "relevance" and "q" not in query:
        query.pop("sort")
    return query


def fitting_body(operation, body):
    """The body with things that exist, and instants that are in order."""
    known = {
        "venueId": VENUES[0]["id"],
        "category": "concert",
        "timeZone": "Europe/Berlin",
        # Of the event and of all its prices.
        "currency": "EUR",
        "price": {"amount": "25.00", "currency": "EUR"},
        # In the list of countries.
        "country": "DE",
        # With a host.
        "termsUrl": "https://example.org/terms",
        "privacyUrl": "https://example.org/privacy",
        "imprintUrl": "https://example.org/imprint",
        # Of no venue that the body may name, and of nobody who is known here.
        "seatMapId": None,
        "sections": [],
        "organizerId": None,
        "tags": [],
    }
    body = {name: known.get(name, value) for name, value in body.items()}
    if operation.endswith("Pricing"):
        return fitting_terms(body)
    if operation.endswith("PromoCode"):
        return fitting_code(operation, body)
    if operation.startswith("update"):
        # It can be given to somebody, and is never taken away.
        body.pop("organizerId", None)
    if operation.startswith("duplicate"):
        return {"startsAt": soon(30)}
    instants = {"startsAt": soon(30), "endsAt": soon(31), "saleStartsAt": soon(1), "saleEndsAt": soon(29)}
    if instants.keys() & body.keys():
        # All of them, because those that stay must fit as well; a ticket type's are its event's.
        is_event = operation.endswith("Event")
        body |= instants if is_event else {name: None for name in ("saleStartsAt", "saleEndsAt") if name in body}
    if {"minPerBooking", "maxPerBooking"} & body.keys():
        body |= {"minPerBooking": 1}
    if "at" in body:
        body["at"] = soon(1)
    return body


def fitting_terms(terms):
    """Durations and instants within their bounds, and fees whose values are of their kinds."""
    windows = {name: "PT20M" for name in ("holdCap", "paymentWindow", "bankTransferWindow") if terms.get(name)}
    terms = {**terms, **windows}
    if terms.get("fees"):
        terms["fees"] = [{"name": "Service", "kind": "PERCENT", "value": "0.05", "cap": "2.00"}]
    if isinstance(terms.get("cancellation"), dict) and terms["cancellation"].get("allowedUntil"):
        terms["cancellation"] = {**terms["cancellation"], "allowedUntil": soon(20)}
    return terms


def fitting_code(operation, code):
    """A code of its own, for all tickets, with a value of its kind."""
    code = {**code, "startsAt": None, "endsAt": None, "ticketTypeIds": None}
    if not operation.startswith("update"):
        code |= {"code": f"C{next(REQUESTS)}-{str(RUN)[:8]}"}
    else:
        code.pop("code", None)
    return code | {"kind": "PERCENT", "value": "0.10"}


def soon(days):
    """The instant in so many days."""
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return at.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def as_clients_write(value):
    """JSON Schema takes 1.0 for a whole number and knows no largest one. The server wants whole numbers without a point, and none
    that is larger than a double (RFC 7493, 2.2)."""
    if isinstance(value, dict):
        return {name: as_clients_write(member) for name, member in value.items()}
    if isinstance(value, list):
        return [as_clients_write(member) for member in value]
    if isinstance(value, str):
        return seen(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and abs(value) > sys.float_info.max:
        return 0
    return value


def seen(text):
    """The text in its composed form, with letters instead of what can't be seen: no schema says what that is, or how long a text will be."""
    fillers = "\u115f\u1160\u2800\u3164\uffa0"
    composed = unicodedata.normalize("NFC", text)

    def is_seen(c):
        return c in " \t\r\n" or (unicodedata.category(c)[0] not in "CMZ" and c not in fillers)

    return "".join(c if is_seen(c) else "x" for c in composed) + "x" * (len(text) - len(composed))


def existing(line):
    """The line for places that exist, and the event that has them."""
    seated = "seatIds" in line or line.get("bestAvailable")
    event = EVENTS["hot-seated" if seated else "hot-ga"]
    line = {**line, "ticketTypeId": event["ticketTypes"][0]["id"]}
    # The names of sections are an event's own.
    line.pop("section", None)
    if "seatIds" in line:
        line["seatIds"] = random.Random(str(line["seatIds"])).sample(event["seatIds"], min(len(line["seatIds"]), 100))
    return event["id"], line

"""What the schemas of the OpenAPI document can't say, for schemathesis.

Requests that are meant to be valid are made so in what only a server knows: which events there are, what can be booked, and
where a page begins. Requests that are meant to be wrong stay as they are.
"""

import itertools
import json
import os
import random
import sys
import urllib.request
import uuid

import schemathesis

# Written by scripts/check-api: an event without seats and one with, both free and without a limit for an account; and people
# whom nobody misses.
with open(os.environ["CHECK_API_FIXTURE"], encoding="utf-8") as file:
    FIXTURE = json.load(file)
EVENTS = {event["kind"]: event for event in FIXTURE["events"]}
STRANGERS = itertools.cycle(FIXTURE["users"])
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
    headers = kwargs.get("headers") or {}
    if operation == "endSessions" and "Authorization" in headers:
        # Takes back every token of the account, and the rest of the run needs its own.
        headers["Authorization"] = f"Bearer {next(STRANGERS)['accessToken']}"
    if case.meta and case.meta.generation.mode.is_positive:
        make_valid(operation, case)
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
    if isinstance(case.body, dict):
        # What a body names must exist.
        known = {"venueId": VENUES[0]["id"], "category": "concert"}
        case.body = {name: known.get(name, value) if value is not None else value for name, value in case.body.items()}
    if operation in ("createHold", "createBooking") and isinstance(case.body, dict):
        lines = case.body.get("items")
        if isinstance(lines, list) and lines and isinstance(lines[0], dict):
            case.path_parameters["id"], line = existing(lines[0])
            case.body = {**case.body, "items": [line]}


def as_clients_write(value):
    """JSON Schema takes 1.0 for a whole number and knows no largest one. The server wants whole numbers without a point, and none
    that is larger than a double (RFC 7493, 2.2)."""
    if isinstance(value, dict):
        return {name: as_clients_write(member) for name, member in value.items()}
    if isinstance(value, list):
        return [as_clients_write(member) for member in value]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and abs(value) > sys.float_info.max:
        return 0
    return value


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

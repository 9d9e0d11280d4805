"""What the schemas of the OpenAPI document can't say, for schemathesis.

Requests that are meant to be valid are made so in what only a server knows: which events there are, what can be booked, and
where a page begins. Requests that are meant to be wrong stay as they are.
"""

import json
import itertools
import os
import random
import sys
import urllib.request
import uuid

import schemathesis

# Written by scripts/check-api: an event without seats and one with, both free and without a limit for an account.
with open(os.environ["CHECK_API_FIXTURE"], encoding="utf-8") as file:
    EVENTS = {event["kind"]: event for event in json.load(file)["events"]}

with urllib.request.urlopen(os.environ["CHECK_API_URL"] + "/api/v1/venues?limit=10") as answer:
    VENUES = json.load(answer)["data"]

RUN = uuid.uuid4()
REQUESTS = itertools.count()
TAKING_PLACES = {"createHold", "createBooking"}


@schemathesis.serializer("application/csp-report")
def csp_report(context, value):
    """The type that browsers send reports as is JSON under another name."""
    return json.dumps(value).encode()


@schemathesis.hook
def before_call(context, case, kwargs):
    if not (case.meta and case.meta.generation.mode.is_positive):
        return
    # Only the server makes cursors; tests/contract/client.ts follows them.
    if case.query:
        case.query.pop("cursor", None)
    case.body = as_clients_write(case.body)
    operation = case.operation.definition.raw.get("operationId")
    if operation == "getVenue":
        case.path_parameters["idOrSlug"] = random.Random(str(case.path_parameters)).choice(VENUES)["slug"]
    if case.headers and "Idempotency-Key" in case.headers:
        # Each is another thing to make; that a used key is refused, tests/api/idempotency.rs says.
        case.headers["Idempotency-Key"] = f"{case.headers['Idempotency-Key'][:200]}-{RUN}-{next(REQUESTS)}"
    if operation in TAKING_PLACES and isinstance(case.body, dict):
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

// What a client in TypeScript looks like, with types that are made from the OpenAPI document. `scripts/check-api` compiles it with
// all strictness and runs it against a server: it looks for something free, registers, signs in, books, and cancels.

import { randomUUID } from "node:crypto";
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./api.js";

type Event = components["schemas"]["Event"];

/** The members that a value of a type must have. */
type Required<T> = { [K in keyof T]-?: object extends Pick<T, K> ? never : K }[keyof T];

// Does not compile when the document requires more or less of a new event, or anything of a change.
const ofNewEvents: Record<Required<components["schemas"]["OwnNewEvent"]>, true> = {
  title: true,
  category: true,
  venueId: true,
  startsAt: true,
  endsAt: true,
  timeZone: true,
  currency: true,
};
const ofChanges: Record<Required<components["schemas"]["OwnEventChange"]>, true> = {};

const baseUrl = process.env["API_URL"] ?? "http://127.0.0.1:8080";
const client = createClient<paths>({ baseUrl });

/** The result of a request that must succeed; a refusal is told by its code. */
function must<T>(result: { data?: T; error?: { code: string; detail: string }; response: Response }): T {
  if (result.error) throw new Error(`${result.response.url}: ${result.error.code}, ${result.error.detail}`);
  if (result.data === undefined) throw new Error(`${result.response.url}: ${result.response.status} without a body`);
  return result.data;
}

function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`not so: ${what}`);
}

/** All events, page by page. */
async function allEvents(): Promise<Event[]> {
  const events: Event[] = [];
  let cursor: string | undefined;
  do {
    const query = cursor === undefined ? { limit: 25 } : { limit: 25, cursor };
    const page = must(await client.GET("/api/v1/events", { params: { query } }));
    events.push(...page.data);
    cursor = page.pagination.nextCursor;
    check(page.pagination.hasMore === (cursor !== undefined), "there is a cursor while there is more");
  } while (cursor !== undefined);
  check(new Set(events.map((event) => event.id)).size === events.length, "no event is on two pages");
  return events;
}

/** An event that is on sale now with places that cost nothing. */
async function somethingFree(events: Event[]) {
  const now = Date.now();
  for (const { id, seated, saleStartsAt, saleEndsAt } of events) {
    if (seated || Date.parse(saleStartsAt) > now || Date.parse(saleEndsAt) < now) continue;
    const event = must(await client.GET("/api/v1/events/{id}", { params: { path: { id } } }));
    const free = event.ticketTypes.find((of) => Number(of.price.amount) === 0 && Date.parse(of.saleEndsAt) > now);
    if (free) return { event, ticketType: free };
  }
  throw new Error("nothing is free");
}

async function signIn(): Promise<void> {
  const body = { email: `client-${randomUUID()}@example.org`, password: randomUUID(), name: "A Client" };
  const user = must(await client.POST("/api/v1/auth/register", { body }));
  check(user.role === "USER" && user.phone === undefined, "a new account is a user without a phone");
  const { email, password } = body;
  const { accessToken } = must(await client.POST("/api/v1/auth/login", { body: { email, password } }));
  const bearer: Middleware = {
    onRequest({ request }) {
      request.headers.set("authorization", `Bearer ${accessToken}`);
    },
  };
  client.use(bearer);
}

async function book(eventId: string, ticketTypeId: string) {
  const request = {
    params: { path: { id: eventId }, header: { "Idempotency-Key": randomUUID() } },
    body: { items: [{ ticketTypeId, quantity: 2 }] },
  };
  const first = await client.POST("/api/v1/events/{id}/bookings", request);
  const booking = must(first);
  check(first.response.headers.get("location") === `/api/v1/bookings/${booking.id}`, "the answer says where it is");
  check(first.response.headers.get("idempotent-replayed") === null, "the first answer is no repetition");
  const again = await client.POST("/api/v1/events/{id}/bookings", request);
  check(must(again).id === booking.id, "a retry makes no second booking");
  check(again.response.headers.get("idempotent-replayed") === "true", "the second answer says that it is one");
  return booking;
}

async function main(): Promise<void> {
  const events = await allEvents();
  const { event, ticketType } = await somethingFree(events);

  // A refusal has a type as well: its code is one of those that the document names.
  const path = { id: randomUUID() };
  const refused = await client.GET("/api/v1/bookings/{id}", { params: { path } });
  const code: "AUTH_001" | undefined = refused.error?.code === "AUTH_001" ? refused.error.code : undefined;
  check(refused.response.status === 401 && code !== undefined, "bookings are not for everybody");

  await signIn();
  const booking = await book(event.id, ticketType.id);
  check(booking.status === "CONFIRMED" && booking.items.length === 2, "two free places are confirmed at once");
  const own = must(await client.GET("/api/v1/bookings"));
  check(own.data[0]?.reference === booking.reference, "the own bookings have it");
  const cancelled = must(await client.DELETE("/api/v1/bookings/{id}", { params: { path: { id: booking.id } } }));
  check(cancelled.status === "CANCELLED", "it is cancelled");
  check(Object.keys(ofNewEvents).length > Object.keys(ofChanges).length, "a new event needs more than a change");
  console.log(`${events.length} events; booked and cancelled two places of "${event.title}"`);
}

await main();

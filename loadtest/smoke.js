// A walk through the shop by a few buyers at once: does every step work, and quickly, on a machine that does nothing
// else? Not a load test: two buyers say nothing about an on-sale.
//
// Each buyer lists events, reads one with its availability, holds a place, books the hold, asks for the same booking
// again with the same key, and cancels. Nothing stays sold. They sign in once, as the demo's buyer: a password hash is
// slow on purpose and sign-ins are limited.
//
//   make loadtest SCENARIO=smoke URL=http://127.0.0.1:8080
//   VUS, DURATION, EMAIL, PASSWORD   environment variables; PASSWORD is what the server has printed for the demo's accounts
//   EVENT                            id or slug of a free event on sale, without seats; searched for when not given
import http from 'k6/http';
import exec from 'k6/execution';
import { check, fail } from 'k6';
import { API, STATS, expect as answers, params, signed, thresholds } from './shared/shop.js';


export const options = {
  vus: Number(__ENV.VUS || 2),
  duration: __ENV.DURATION || '10s',
  summaryTrendStats: STATS,
  thresholds: {
    ...thresholds('list', 'detail', 'availability', 'hold', 'book', 'replay', 'cancel'),
    iterations: ['count>0'],
    // Argon2 on a busy core.
    'http_req_duration{step:login}': ['max<2000'],
  },
};

// Parsed only when the answer is what was expected.
function expect(response, status, what) {
  if (!answers(response, status, what)) fail(`${what} failed`);
  return response.body ? response.json() : undefined;
}

function openNow(window) {
  const now = Date.now();
  const from = window.saleStartsAt ? Date.parse(window.saleStartsAt) : 0;
  const until = window.saleEndsAt ? Date.parse(window.saleEndsAt) : Infinity;
  return from <= now && now < until;
}

function freePlace(event) {
  return event.ticketTypes.find((type) => !type.seated && Number(type.price.amount) === 0 && openNow(type));
}

// The first free event without seats that is on sale.
function findEvent() {
  let cursor;
  do {
    const query = `?limit=50${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`;
    const page = expect(http.get(`${API}/events${query}`, params('list')), 200, 'the list of events');
    for (const candidate of page.data) {
      if (candidate.seated || !openNow(candidate)) continue;
      const event = expect(http.get(`${API}/events/${candidate.id}`, params('detail')), 200, 'an event');
      if (freePlace(event)) return event;
    }
    cursor = page.pagination.nextCursor;
  } while (cursor);
  return undefined;
}

export function setup() {
  const credentials = JSON.stringify({
    email: __ENV.EMAIL || 'ada@demo.boxoffice.example',
    password: __ENV.PASSWORD || fail('PASSWORD is missing: that of the demo, which the server prints at its start'),
  });
  const json = { 'content-type': 'application/json' };
  const { accessToken } = expect(http.post(`${API}/auth/login`, credentials, params('login', json)), 200, 'login');
  const event = __ENV.EVENT
    ? expect(http.get(`${API}/events/${__ENV.EVENT}`, params('detail')), 200, 'the event')
    : findEvent();
  const type = event && freePlace(event);
  if (!type) fail('no free event without seats is on sale here: load the demo into an empty database, or set EVENT');
  return { accessToken, eventId: event.id, ticketTypeId: type.id };
}

export default function ({ accessToken, eventId, ticketTypeId }) {
  // Of this run and this iteration only, so that a second run books anew.
  const key = `smoke-${exec.scenario.startTime}-${exec.scenario.iterationInTest}`;
  const creating = (suffix) => signed(accessToken, `${key}-${suffix}`);

  const page = expect(http.get(`${API}/events?limit=20`, params('list')), 200, 'the list of events');
  check(page, { 'the list has events': (list) => list.data.length > 0 });
  expect(http.get(`${API}/events/${eventId}`, params('detail')), 200, 'the event');
  const before = expect(http.get(`${API}/events/${eventId}/availability`, params('availability')), 200, 'availability');
  check(before, {
    'capacity is available, held or sold': (all) =>
      all.ticketTypes.every((one) => one.capacity === one.available + one.held + one.sold),
  });

  const items = JSON.stringify({ items: [{ ticketTypeId, quantity: 1 }] });
  const held = http.post(`${API}/events/${eventId}/holds`, items, params('hold', creating('hold')));
  const hold = expect(held, 201, 'a hold');
  const holdId = JSON.stringify({ holdId: hold.id });
  const book = (step) => http.post(`${API}/events/${eventId}/bookings`, holdId, params(step, creating('book')));
  const booked = book('book');
  const booking = expect(booked, 201, 'a booking');
  check(booking, { 'a free booking is confirmed': (one) => one.status === 'CONFIRMED' });
  check(booked, { 'a booking has a location': (answer) => answer.headers.Location === `/api/v1/bookings/${booking.id}` });
  const again = book('replay');
  check(again, {
    'the same key gives the same booking': (answer) => answer.status === 201 && answer.json('id') === booking.id,
    'a replay says so': (answer) => answer.headers['Idempotent-Replayed'] === 'true',
  });
  const cancel = () => http.del(`${API}/bookings/${booking.id}`, null, params('cancel', { authorization: `Bearer ${accessToken}` }));
  const cancelled = expect(cancel(), 200, 'a cancellation');
  check(cancelled, { 'a cancelled booking is cancelled': (one) => one.status === 'CANCELLED' });
  check(cancel(), { 'cancelling twice is cancelling once': (answer) => answer.status === 200 });
}

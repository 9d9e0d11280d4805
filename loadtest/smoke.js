// A walk through the shop by a few buyers at once: does every step work, and quickly, on a machine that does nothing
// else? Not a load test: two buyers say nothing about an on-sale.
//
// Each buyer lists events, reads one with its availability, holds a place, books the hold, asks for the same booking
// again with the same key, and cancels. First of all, and each 20th time, it buys a ticket that costs something: asks for
// the price, books, pays in the sandbox, asks for the same payment again, and cancels, which gives the money back. Nothing
// stays sold. They sign in once, as the demo's buyer: a password hash is slow on purpose and sign-ins are limited.
//
//   make loadtest SCENARIO=smoke URL=http://127.0.0.1:8080
//   VUS, DURATION, EMAIL, PASSWORD   environment variables; PASSWORD is what the server has printed for the demo's accounts
//   EVENT, PRICED_EVENT              id or slug of a free event on sale, and of one that costs something, both without seats;
//                                    searched for when not given
import http from 'k6/http';
import exec from 'k6/execution';
import { check, fail } from 'k6';
import { API, STATS, expect as answers, expectConfirmed, params, signed, thresholds } from './shared/shop.js';

export const options = {
  vus: Number(__ENV.VUS || 2),
  duration: __ENV.DURATION || '10s',
  summaryTrendStats: STATS,
  thresholds: {
    ...thresholds('list', 'detail', 'availability', 'hold', 'book', 'replay', 'cancel'),
    ...thresholds('quote', 'priced-book', 'pay', 'pay-replay', 'paid', 'refund'),
    iterations: ['count>0'],
    'http_reqs{step:pay}': ['count>0'],
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

const place = (isWanted) => (event) => event.ticketTypes.find((type) => !type.seated && isWanted(Number(type.price.amount)) && openNow(type));
const freePlace = place((price) => price === 0);
// Above what any gateway takes at least.
const pricedPlace = place((price) => price >= 5);

// The first event without seats that is on sale and has such a place.
function findEvent(placeOf) {
  let cursor;
  do {
    const query = `?limit=50${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`;
    const page = expect(http.get(`${API}/events${query}`, params('list')), 200, 'the list of events');
    for (const candidate of page.data) {
      if (candidate.seated || !openNow(candidate)) continue;
      const event = expect(http.get(`${API}/events/${candidate.id}`, params('detail')), 200, 'an event');
      if (placeOf(event)) return event;
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
  const choose = (named, placeOf, what) => {
    const event = named ? expect(http.get(`${API}/events/${named}`, params('detail')), 200, what) : findEvent(placeOf);
    const type = event && placeOf(event);
    if (!type) fail(`${what} without seats is not on sale here: load the demo into an empty database, or name one`);
    return { eventId: event.id, ticketTypeId: type.id };
  };
  const free = choose(__ENV.EVENT, freePlace, 'a free event');
  return { accessToken, ...free, priced: choose(__ENV.PRICED_EVENT, pricedPlace, 'an event that costs something') };
}

// Buys one ticket, and gives it back.
function pay(accessToken, { eventId, ticketTypeId }, key) {
  const creating = (suffix) => signed(accessToken, `${key}-${suffix}`);
  const items = JSON.stringify({ items: [{ ticketTypeId, quantity: 1 }] });
  const quoted = http.post(`${API}/events/${eventId}/quotes`, items, params('quote', { 'content-type': 'application/json' }));
  const { total } = expect(quoted, 200, 'a quote');
  const booked = http.post(`${API}/events/${eventId}/bookings`, items, params('priced-book', creating('priced-book')));
  const booking = expect(booked, 201, 'a priced booking');
  check(booking, {
    'a priced booking waits for its payment': (one) => one.status === 'PENDING_PAYMENT' && one.expiresAt !== undefined,
    'it costs what was quoted': (one) => one.total.amount === total.amount && one.total.currency === total.currency,
  });
  const method = JSON.stringify({ method: 'sandbox_success' });
  const paying = (step) => http.post(`${API}/bookings/${booking.id}/payments`, method, params(step, creating('pay')));
  const payment = expect(paying('pay'), 201, 'a payment');
  check(payment, { 'a payment is of the total': (one) => one.amount.amount === total.amount });
  check(paying('pay-replay'), {
    'the same key pays once': (answer) => answer.status === 201 && answer.json('id') === payment.id,
  });
  expectConfirmed(booking.id, accessToken);
  const cancelled = expect(
    http.del(`${API}/bookings/${booking.id}`, null, params('refund', { authorization: `Bearer ${accessToken}` })),
    200,
    'the cancellation of a paid booking',
  );
  check(cancelled, {
    'a paid booking that is cancelled gives money back': (one) => one.status === 'CANCELLED' && Number(one.refunded.amount) > 0,
  });
}

export default function ({ accessToken, eventId, ticketTypeId, priced }) {
  // Of this run and this iteration only, so that a second run books anew.
  const key = `smoke-${exec.scenario.startTime}-${exec.scenario.iterationInTest}`;
  const creating = (suffix) => signed(accessToken, `${key}-${suffix}`);

  if (exec.vu.iterationInScenario % 20 === 0) pay(accessToken, priced, key);

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

// An on-sale as people make it: a thousand buyers who look, think, and hold or book, and on top of them a stream of new
// buyers that grows whatever the server does (ramping arrival rate). Beside them, at a steady rate, buyers of the event that costs
// something: they hold, book, pay in the sandbox, and find their booking confirmed. Answers must stay quick.
//
//   make loadtest SCENARIO=on_sale                     starts a server of its own
//   make loadtest SCENARIO=on_sale URL=… with FIXTURE  against a running one with the load test's data
//   VUS, RATE, PAYERS, DURATION (seconds)              environment variables; PAYERS=0 leaves those who pay out
//
// k6 spends a tenth of a millisecond of CPU or more on a request, on the machine that it measures: the defaults ask about
// 600 times a second. For more there is `make bench-onsale`.
import http from 'k6/http';
import { SharedArray } from 'k6/data';
import { check, sleep } from 'k6';
import exec from 'k6/execution';
import { API, STATS, expect, expectConfirmed, fixture, params, signed, thresholds, tokensOf } from './shared/shop.js';

const VUS = Number(__ENV.VUS || 1000);
// New buyers a second at the peak.
const RATE = Number(__ENV.RATE || 200);
// Buyers who pay, a second.
const PAYERS = Number(__ENV.PAYERS || 10);
const DURATION = Number(__ENV.DURATION || 60);

// Shared: one copy, not one a virtual user.
const tokens = new SharedArray('tokens', () => tokensOf(fixture()));
const events = new SharedArray('events', () =>
  fixture()
    .events.filter((event) => event.kind === 'hot-ga' || event.kind === 'lukewarm')
    .map((event) => ({ id: event.id, hot: event.kind === 'hot-ga', ticketTypeId: event.ticketTypes[0].id })),
);

const priced = new SharedArray('priced', () =>
  fixture()
    .events.filter((event) => event.kind === 'priced-ga')
    .map((event) => ({ id: event.id, ticketTypeId: event.ticketTypes[0].id })),
);

const payers = {
  executor: 'constant-arrival-rate',
  exec: 'payer',
  rate: PAYERS,
  timeUnit: '1s',
  duration: `${DURATION}s`,
  preAllocatedVUs: Math.max(20, PAYERS * 8),
  maxVUs: Math.max(40, PAYERS * 16),
  gracefulStop: '15s',
};

export const options = {
  summaryTrendStats: STATS,
  scenarios: {
    crowd: {
      executor: 'ramping-vus',
      exec: 'crowd',
      startVUs: 0,
      stages: [
        { duration: `${DURATION * 0.2}s`, target: VUS },
        { duration: `${DURATION * 0.8}s`, target: VUS },
      ],
      gracefulStop: '10s',
    },
    arrivals: {
      executor: 'ramping-arrival-rate',
      exec: 'arrival',
      startRate: Math.ceil(RATE / 20),
      timeUnit: '1s',
      preAllocatedVUs: Math.max(50, RATE),
      maxVUs: Math.max(100, RATE * 2),
      stages: [
        { duration: `${DURATION * 0.5}s`, target: RATE },
        { duration: `${DURATION * 0.5}s`, target: RATE },
      ],
    },
    ...(PAYERS > 0 ? { payers } : {}),
  },
  thresholds: {
    ...thresholds('availability', 'hold', 'book'),
    ...(PAYERS > 0 ? thresholds('priced-hold', 'priced-book', 'pay', 'paid') : {}),
    http_req_duration: ['p(95)<100'],
  },
};

const think = (least, most) => sleep(least + Math.random() * (most - least));

// Most come for the hot event.
function choose() {
  const wanted = Math.random() < 0.8;
  const fitting = wanted ? 0 : 1 + Math.floor(Math.random() * (events.length - 1));
  return events[Math.min(fitting, events.length - 1)];
}

function buyer() {
  const number = exec.vu.idInTest + exec.scenario.iterationInTest;
  let requests = 0;
  return (step) => {
    requests += 1;
    const { startTime, name, iterationInTest } = exec.scenario;
    return params(step, signed(tokens[number % tokens.length], `${startTime}-${name}-${iterationInTest}-${requests}`));
  };
}

const items = (event, quantity) => JSON.stringify({ items: [{ ticketTypeId: event.ticketTypeId, quantity }] });

// Looks, holds, fills in a form, books.
export function crowd() {
  const event = choose();
  const asked = buyer();
  expect(http.get(`${API}/events/${event.id}/availability`, params('availability')), 200, 'availability');
  think(1, 3);
  const held = http.post(`${API}/events/${event.id}/holds`, items(event, 1 + Math.floor(Math.random() * 4)), asked('hold'));
  if (!expect(held, 201, 'a hold')) return;
  think(1, 5);
  const holdId = held.json('id');
  expect(http.post(`${API}/events/${event.id}/bookings`, JSON.stringify({ holdId }), asked('book')), 201, 'a booking');
  think(0.5, 2);
}

// Knows what it wants.
export function arrival() {
  const event = choose();
  expect(http.post(`${API}/events/${event.id}/bookings`, items(event, 1), buyer()('book')), 201, 'a booking');
}

// Holds, fills in a form, books, pays: each in the name of the same buyer.
export function payer() {
  const event = priced[0];
  const number = exec.scenario.iterationInTest;
  const token = tokens[number % tokens.length];
  const key = `${exec.scenario.startTime}-${exec.scenario.name}-${number}`;
  const asked = (step) => params(step, signed(token, `${key}-${step}`));
  const held = http.post(`${API}/events/${event.id}/holds`, items(event, 1 + (number % 4)), asked('priced-hold'));
  if (!expect(held, 201, 'a priced hold')) return;
  think(1, 3);
  const holdId = held.json('id');
  const booked = http.post(`${API}/events/${event.id}/bookings`, JSON.stringify({ holdId }), asked('priced-book'));
  if (!expect(booked, 201, 'a priced booking')) return;
  check(booked, { 'a priced booking waits for its payment': (answer) => answer.json('status') === 'PENDING_PAYMENT' });
  const booking = booked.json('id');
  think(0.5, 2);
  const paid = http.post(`${API}/bookings/${booking}/payments`, JSON.stringify({ method: 'sandbox_success' }), asked('pay'));
  if (!expect(paid, 201, 'a payment')) return;
  check(paid, { 'the amount is the total': (answer) => answer.json('amount.amount') === booked.json('total.amount') });
  expectConfirmed(booking, token);
}

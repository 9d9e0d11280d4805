// An on-sale as people make it: a thousand buyers who look, think, and hold or book, and on top of them a stream of new
// buyers that grows whatever the server does (ramping arrival rate). Answers must stay quick.
//
//   make loadtest SCENARIO=on_sale                     starts a server of its own
//   make loadtest SCENARIO=on_sale URL=… with FIXTURE  against a running one with the load test's data
//   VUS, RATE, DURATION (seconds)                      environment variables
//
// k6 spends a tenth of a millisecond of CPU or more on a request, on the machine that it measures: the defaults ask about
// 600 times a second. For more there is `make bench-onsale`.
import http from 'k6/http';
import { SharedArray } from 'k6/data';
import { sleep } from 'k6';
import exec from 'k6/execution';
import { API, STATS, expect, fixture, params, signed, thresholds, tokensOf } from './shared/shop.js';

const VUS = Number(__ENV.VUS || 1000);
// New buyers a second at the peak.
const RATE = Number(__ENV.RATE || 200);
const DURATION = Number(__ENV.DURATION || 60);

// Shared: one copy, not one a virtual user.
const tokens = new SharedArray('tokens', () => tokensOf(fixture()));
const events = new SharedArray('events', () =>
  fixture()
    .events.filter((event) => event.kind === 'hot-ga' || event.kind === 'lukewarm')
    .map((event) => ({ id: event.id, hot: event.kind === 'hot-ga', ticketTypeId: event.ticketTypes[0].id })),
);

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
  },
  thresholds: {
    ...thresholds('availability', 'hold', 'book'),
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

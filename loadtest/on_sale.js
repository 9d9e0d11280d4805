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
import { check, sleep } from 'k6';
import exec from 'k6/execution';

const API = `${__ENV.URL || 'http://127.0.0.1:8080'}/api/v1`;
const VUS = Number(__ENV.VUS || 1000);
// New buyers a second at the peak.
const RATE = Number(__ENV.RATE || 200);
const DURATION = Number(__ENV.DURATION || 60);

const read = () => JSON.parse(open(__ENV.FIXTURE));
// Shared: one copy, not one a virtual user.
const tokens = new SharedArray('tokens', () => read().users.map((user) => user.accessToken));
const events = new SharedArray('events', () =>
  read()
    .events.filter((event) => event.kind === 'hot-ga' || event.kind === 'lukewarm')
    .map((event) => ({ id: event.id, hot: event.kind === 'hot-ga', ticketTypeId: event.ticketTypes[0].id })),
);

export const options = {
  summaryTrendStats: ['min', 'med', 'p(95)', 'p(99)', 'max', 'count'],
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
    checks: ['rate==1'],
    http_req_failed: ['rate==0'],
    // Arrivals that found no free virtual user: k6, or this machine, was too slow, and the latencies are worth nothing.
    dropped_iterations: ['count==0'],
    http_req_duration: ['p(95)<100'],
    'http_req_duration{step:availability}': ['p(95)<100'],
    'http_req_duration{step:hold}': ['p(95)<100'],
    'http_req_duration{step:book}': ['p(95)<100'],
  },
};

const think = (least, most) => sleep(least + Math.random() * (most - least));
const params = (step, headers = {}) => ({ headers, tags: { step, name: step } });

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
    return params(step, {
      authorization: `Bearer ${tokens[number % tokens.length]}`,
      'content-type': 'application/json',
      'idempotency-key': `${exec.scenario.startTime}-${exec.scenario.name}-${exec.scenario.iterationInTest}-${requests}`,
    });
  };
}

function expect(response, status, what) {
  const right = check(response, { [`${what} answers ${status}`]: (answer) => answer.status === status });
  if (!right) console.error(`${what}: ${response.status} ${response.error || response.body}`);
  return right;
}

const items = (event, quantity) => JSON.stringify({ items: [{ ticketTypeId: event.ticketTypeId, quantity }] });

// Looks, holds, fills in a form, books.
export function crowd() {
  const event = choose();
  const signed = buyer();
  expect(http.get(`${API}/events/${event.id}/availability`, params('availability')), 200, 'availability');
  think(1, 3);
  const held = http.post(`${API}/events/${event.id}/holds`, items(event, 1 + Math.floor(Math.random() * 4)), signed('hold'));
  if (!expect(held, 201, 'a hold')) return;
  think(1, 5);
  const holdId = held.json('id');
  expect(http.post(`${API}/events/${event.id}/bookings`, JSON.stringify({ holdId }), signed('book')), 201, 'a booking');
  think(0.5, 2);
}

// Knows what it wants.
export function arrival() {
  const event = choose();
  expect(http.post(`${API}/events/${event.id}/bookings`, items(event, 1), buyer()('book')), 201, 'a booking');
}

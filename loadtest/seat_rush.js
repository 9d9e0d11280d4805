// Many want the same few seats: each seat is won once, and everybody else is told so, quickly. Losing is not an error here:
// 409s are counted apart.
//
//   make loadtest SCENARIO=seat_rush                     starts a server of its own
//   make loadtest SCENARIO=seat_rush URL=… with FIXTURE  against a running one with the load test's data
//   VUS, SEATS, DURATION (seconds)                       environment variables
//
// At the end every wanted seat must be sold, and as many bookings must have been answered 201 as there are seats: one more
// would be a seat sold twice.
import http from 'k6/http';
import { SharedArray } from 'k6/data';
import { Counter } from 'k6/metrics';
import { check, fail, sleep } from 'k6';
import exec from 'k6/execution';
import { API, STATS, fixture, params, signed, thresholds, tokensOf } from './shared/shop.js';

const VUS = Number(__ENV.VUS || 500);
const SEATS = Number(__ENV.SEATS || 300);
const DURATION = Number(__ENV.DURATION || 30);

const tokens = new SharedArray('tokens', () => tokensOf(fixture()));
const arena = new SharedArray('arena', () => {
  const event = fixture().events.find((one) => one.kind === 'hot-seated');
  return [{ id: event.id, ticketTypeId: event.ticketTypes[0].id }];
});

const won = new Counter('seats_won');
const lost = new Counter('seats_lost');

// A lost seat is an expected answer, not a failed request.
http.setResponseCallback(http.expectedStatuses(200, 201, 409));

export const options = {
  summaryTrendStats: STATS,
  scenarios: {
    rush: { executor: 'constant-vus', vus: VUS, duration: `${DURATION}s`, gracefulStop: '10s' },
  },
  thresholds: {
    ...thresholds('book'),
    // Exactly one winner a seat; fewer would mean that seats were left, which `teardown` says.
    seats_won: [`count==${SEATS}`],
    seats_lost: ['count>0'],
  },
};

const seatsOf = () => http.get(`${API}/events/${arena[0].id}/availability?seats=true`, params('map'));

// Seats that nobody has yet, so that a second run on the same server is a rush again.
export function setup() {
  const answer = seatsOf();
  if (answer.status !== 200) fail(`the seat map answers ${answer.status} ${answer.error || answer.body}`);
  const seats = answer.json('seats').filter((seat) => seat.status === 'FREE').slice(0, SEATS);
  if (seats.length < SEATS) fail(`only ${seats.length} seats are free`);
  return seats.map((seat) => seat.id);
}

export default function (seats) {
  const { iterationInTest, startTime } = exec.scenario;
  // The first time round everybody goes through all seats in turn, so that each is asked for; then anywhere.
  const seat = seats[iterationInTest < 2 * SEATS ? iterationInTest % SEATS : Math.floor(Math.random() * SEATS)];
  const body = JSON.stringify({ items: [{ ticketTypeId: arena[0].ticketTypeId, seatIds: [seat] }] });
  const headers = signed(tokens[iterationInTest % tokens.length], `${startTime}-${iterationInTest}`);
  const answer = http.post(`${API}/events/${arena[0].id}/bookings`, body, params('book', headers));
  won.add(answer.status === 201 ? 1 : 0);
  lost.add(answer.status === 409 ? 1 : 0);
  const right = check(answer, {
    'a seat is won or taken': (one) =>
      (one.status === 201 && one.json('items.0.seatId') === seat) ||
      (one.status === 409 && one.json('code') === 'BOOKING_002'),
  });
  if (!right) console.error(`${answer.status} ${answer.error || answer.body}`);
  // A moment to choose the next one: half a second on average keeps k6 below a thousand requests a second.
  sleep(0.25 + Math.random() * 0.5);
}

export function teardown(seats) {
  const wanted = new Set(seats);
  const left = seatsOf().json('seats').filter((seat) => wanted.has(seat.id) && seat.status !== 'SOLD');
  check(left, { 'every wanted seat is sold': (list) => list.length === 0 });
}

// What the scenarios have in common.
import http from 'k6/http';
import { check, sleep } from 'k6';

export const API = `${__ENV.URL || 'http://127.0.0.1:8080'}/api/v1`;
// The median and the tail; an average hides both.
export const STATS = ['min', 'med', 'p(95)', 'p(99)', 'max', 'count'];

// Every check holds, nothing fails, and each of these steps is quick. Iterations that were dropped found no free virtual user: k6, or
// this machine, was too slow, and the latencies are worth nothing.
export const thresholds = (...steps) => ({
  checks: ['rate==1'],
  http_req_failed: ['rate==0'],
  dropped_iterations: ['count==0'],
  ...Object.fromEntries(steps.map((step) => [`http_req_duration{step:${step}}`, ['p(95)<100']])),
});

// Of the load test's data. Only where k6 reads files: while a script is loaded.
export const fixture = () => JSON.parse(open(__ENV.FIXTURE));
export const tokensOf = ({ users }) => users.map((user) => user.accessToken);

// `name` keeps ids and words out of the series: one per step, not one per booking.
export const params = (step, headers = {}) => ({ headers, tags: { step, name: step } });

export const signed = (token, key) => ({
  authorization: `Bearer ${token}`,
  'content-type': 'application/json',
  'idempotency-key': key,
});

// Whether the answer has this status; what else came is printed, with its request id.
export function expect(response, status, what) {
  const right = check(response, { [`${what} answers ${status}`]: (answer) => answer.status === status });
  if (!right) console.error(`${what}: ${response.status} ${response.error || response.body}`);
  return right;
}

// Reads a booking that was paid until it is confirmed: at once when the payment has succeeded in its answer, and within seconds when the
// gateway tells of it later. Gives the booking.
export function expectConfirmed(id, token) {
  let booking;
  for (let tries = 0; tries < 40; tries += 1) {
    booking = http.get(`${API}/bookings/${id}`, params('paid', { authorization: `Bearer ${token}` }));
    if (booking.status !== 200 || booking.json('status') !== 'PENDING_PAYMENT') break;
    sleep(0.25);
  }
  const right = check(booking, {
    'a paid booking is confirmed': (answer) => answer.status === 200 && answer.json('status') === 'CONFIRMED',
  });
  if (!right) console.error(`a paid booking: ${booking.status} ${booking.error || booking.body}`);
  return booking.json();
}

// Visitors who look around: a list, how its events sell, a search, an event, how many places are left.
//
// Run on a server with the catalogue scenario:
//
//   make loadtest SCENARIO=browse                           a server of its own, with 100,000 events (EVENTS=… for fewer)
//   make loadtest SCENARIO=browse URL=http://127.0.0.1:8080  a server that has them
//   RATE, DURATION, VUS                                     environment variables: visits a second, how long, most at once
import http from 'k6/http';
import { check, fail } from 'k6';
import { API, STATS, expect, params, thresholds } from './shared/shop.js';

const WORDS = ['jazz', 'musik', 'konzert', 'comedy', 'magic', 'chansons', 'theatre', 'brahms', 'tango night', 'lesung', 'jaz', 'konzret'];
const SORTS = ['startsAt', '-startsAt', 'title', 'price', '-price', '-createdAt'];

export const options = {
  scenarios: {
    visits: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.RATE || 20),
      timeUnit: '1s',
      duration: __ENV.DURATION || '30s',
      preAllocatedVUs: Number(__ENV.VUS || 50),
    },
  },
  summaryTrendStats: STATS,
  thresholds: {
    ...thresholds('list', 'next', 'sales', 'search', 'filter', 'detail', 'availability'),
    iterations: ['count>0'],
  },
};

const any = (values) => values[Math.floor(Math.random() * values.length)];

function get(path, step) {
  const answer = http.get(`${API}${path}`, params(step));
  if (!expect(answer, 200, step)) fail(`${step} failed`);
  return answer.json();
}

export function setup() {
  const facets = (name) => get(`/${name}`, 'facets').data.map((one) => one.slug);
  const [categories, tags] = [facets('categories'), facets('tags')];
  if (!categories.length) fail('no published events here: load the catalogue scenario');
  return { categories, tags };
}

export default function ({ categories, tags }) {
  const list = get(`/events?from=${new Date().toISOString()}&sort=${any(SORTS)}`, 'list');
  const ids = list.data.map((event) => event.id).join(',');
  const sales = get(`/availability?eventIds=${ids}`, 'sales');
  check(sales, { 'every event of a page has a state': (all) => all.data.length === list.data.length });
  const found = get(`/events?q=${encodeURIComponent(any(WORDS))}`, 'search');
  let filter = Math.random() < 0.5 ? `category=${any(categories)}` : `tag=${encodeURIComponent(any(tags))}`;
  if (Math.random() < 0.3) filter += '&available=true';
  const filtered = get(`/events?${filter}&limit=10`, 'filter');
  // A cursor belongs to its filter.
  const cursor = filtered.pagination.nextCursor;
  if (cursor) get(`/events?${filter}&limit=10&cursor=${cursor}`, 'next');
  const event = any(found.data.length ? found.data : list.data);
  get(`/events/${event.slug}`, 'detail');
  get(`/events/${event.id}/availability`, 'availability');
}

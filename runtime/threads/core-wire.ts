/**
 * The items that a worker and the core exchange. Both ends are always the same program, so nothing here has a version.
 *
 * worker -> core, calls:
 *   [id, ask, kind, key, command, seq, settledBelow, principal, trace, timeoutMs, bodies]   bodies: [hash, bytes][] or null
 *   [id, query, kind, key, query, principal]
 *   [id, readBody, hash, offset, length]                                    offset null: all of it
 *   [id, inspect, topic, argument]
 * worker -> core, told:
 *   [0, hello, caller]                                                      first of all, once
 *   [0, subscribe, topic] · [0, unsubscribe, topic] · [0, count, metric, labels, by]
 * core -> worker, told:
 *   [0, published, topic, value]
 */
export const op = {
  ask: 1,
  query: 2,
  readBody: 3,
  inspect: 4,
  hello: 5,
  subscribe: 6,
  unsubscribe: 7,
  count: 8,
  published: 9,
} as const;

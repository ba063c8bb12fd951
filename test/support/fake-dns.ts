/**
 * A name server on loopback that knows what a test tells it.
 *
 *     const dns = await startFakeDns();
 *     dns.zone.set('MX example.org', ['10 mail.example.org']);
 *     new Resolver().setServers([dns.address]);
 *
 * Promises: a name of which nothing is known is NXDOMAIN, a type that a known name has not is an empty answer; it counts what
 * it was asked.
 */
import { createSocket } from 'node:dgram';
import { decode, encode, RECURSION_AVAILABLE, RECURSION_DESIRED } from 'dns-packet';

/** What one name has of one type: values in the words of a zone file, or the reply code of a server that is unwell. */
export type FakeAnswer = readonly string[] | 'SERVFAIL' | 'REFUSED' | 'silence';

export interface FakeDns {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** `TYPE name` in lower-case names -> what there is. May be changed at any time. */
  readonly zone: Map<string, FakeAnswer>;
  /** `TYPE name`, in the order in which they were asked for. */
  readonly asked: string[];
  stop(): Promise<void>;
}

const replyCodes = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;
const resolverFlags = RECURSION_DESIRED | RECURSION_AVAILABLE;
const ttlSeconds = 60;

export async function startFakeDns(zone = new Map<string, FakeAnswer>()): Promise<FakeDns> {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (bytes, from) => {
    const query = decode(bytes);
    const [question] = query.questions ?? [];
    if (question === undefined) return;
    const name = question.name.toLowerCase();
    const key = `${question.type} ${name}`;
    asked.push(key);
    const known = zone.get(key) ?? [];
    if (known === 'silence') return;
    const isKnown = [...zone.keys()].some((one) => one.split(' ')[1] === name);
    const code = typeof known === 'string' ? known : isKnown ? 'NOERROR' : 'NXDOMAIN';
    const values = typeof known === 'string' ? [] : known;
    const answers = values.map((value) => ({
      type: question.type,
      name: question.name,
      ttl: ttlSeconds,
      data: dataOf(question.type, value),
    }));
    const flags = resolverFlags | replyCodes[code];
    socket.send(
      encode({ type: 'response', id: query.id ?? 0, flags, questions: [question], answers }),
      from.port,
      from.address,
    );
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${socket.address().port}`,
    zone,
    asked,
    stop: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

function dataOf(type: string, value: string): unknown {
  const words = value.split(' ');
  const host = (text = ''): string => text.replace(/\.$/, '');
  if (type === 'MX') return { preference: Number(words[0]), exchange: host(words[1]) };
  if (type === 'SRV') {
    const [priority, weight, port] = words.map(Number);
    return { priority, weight, port, target: host(words[3]) };
  }
  if (type === 'TXT') return value.match(/.{1,255}/g) ?? [''];
  return ['CNAME', 'PTR', 'NS'].includes(type) ? host(value) : value;
}

/**
 * Every key of a node's configuration: what belongs to this node (paths, listeners, bounds). How mail is handled is
 * cluster-wide and not here: `ringpost settings`. The reference (`ringpost config describe`) is printed from this file.
 */
import { z } from 'zod';
import { logLevels } from '../observe/logger.ts';
import { count, flag, milliseconds, oneOf, sizeBytes, text } from './fields.ts';
import { hostPort, hostPorts, nodeAddresses } from './host-ports.ts';
import { listeners } from './listeners.ts';

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;
const gibibyte = 1024 * mebibyte;

/** What defaults depend on. */
export interface Machine {
  readonly hostname: string;
  readonly cores: number;
}

/** On this machine only: a cluster of one opens no port to a network. */
const defaultMeshListen = '127.0.0.1:2580';

/** Letters, digits and hyphens between dots (RFC 1123 §2.1), 253 characters. */
const hostnamePattern = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

/** The core thread, HTTP and the disk need processors too. */
function smtpThreads(cores: number): number {
  return Math.min(8, Math.max(1, Math.floor(cores / 2)));
}

/** One section (or key) of the TOML file a property. */
export function configSchema(machine: Machine) {
  return z.strictObject({
    data: text({
      default: './data',
      form: 'a path',
      does:
        'Directory of everything that this node keeps: mail, log, generated certificate, admin socket. It is made when ' +
        'it is not there. One node, one directory, on a local disk: its fsync decides how fast mail is accepted.',
    }),
    hostname: text({
      default: machine.hostname,
      defaultText: "the machine's own name",
      pattern: hostnamePattern,
      form: 'a host name such as mail.example.org',
      does:
        'Name that this node gives in its SMTP greeting, in Received lines and in its own certificate. Other servers ' +
        'distrust one that is not fully qualified or does not resolve back to this node.',
    }),
    node: z.strictObject({
      id: text({
        default: 'n1',
        pattern: /^[a-z0-9][a-z0-9-]{0,31}$/,
        form: 'up to 32 of a-z, 0-9 and -',
        does: 'Name of this node in its cluster. Written into the data directory at first start, and the same for ever.',
      }),
      ...labels(machine),
    }),
    smtp: z.strictObject({ ...smtpListening(machine), ...smtpBounds() }),
    submission: z.strictObject(submission()),
    submissions: z.strictObject(submissions()),
    dns: z.strictObject(dns()),
    courier: z.strictObject(courier()),
    http: z.strictObject({
      listen: listeners({
        protocol: 'http',
        default: '127.0.0.1:8080',
        does:
          'Where the HTTP API, health and metrics are served. In clear on loopback; elsewhere with TLS unless a table ' +
          'says otherwise.',
      }),
    }),
    mesh: z.strictObject(mesh()),
    limits: z.strictObject(mailBounds()),
    tls: z.strictObject(tlsPaths()),
    log: z.strictObject({
      level: oneOf({
        default: 'info',
        values: logLevels,
        does: 'Least level of log lines (JSON on stderr). debug has several lines a session.',
      }),
    }),
    store: z.strictObject(storeBounds()),
  });
}

const label = { pattern: /^[\w.-]{0,64}$/, form: 'up to 64 letters, digits, dots, hyphens and underscores, or empty' };

function labels(machine: Machine) {
  return {
    zone: text({
      ...label,
      default: '',
      does:
        'What may fail as a whole around this node: a room, a data centre, a provider. The copies of a mail are spread over ' +
        'zones as long as there are several. Copies in zones far apart cost each mail the way between them.',
    }),
    host: text({
      ...label,
      default: machine.hostname.slice(0, 64),
      defaultText: "the machine's own name",
      does:
        'The machine that this node runs on. Two copies of a mail are never on one host as long as there are others, so ' +
        'nodes that share a machine, or virtual machines that share one, should say the same.',
    }),
  };
}

function mesh() {
  return {
    listen: listeners({
      protocol: 'mesh',
      default: defaultMeshListen,
      does:
        'Where the other nodes of the cluster, and nodes that join it, reach this one: usually ":2580". Only nodes with a ' +
        'certificate of the cluster get further than the door. The default serves nodes on this machine, and is let go, ' +
        'with a line in the log, when another node has that port already.',
    }),
    advertise: hostPort({
      defaultText: 'where it listens',
      does:
        'Where the other nodes are told to reach this one. Needed where that is not what it listens on: behind a NAT, with ' +
        'several networks, or where a name is steadier than an address. When it listens on all interfaces and this is empty, ' +
        'it is the address of the first of them.',
    }),
    seeds: hostPorts({
      does:
        'Addresses of nodes that are tried beside those that this node remembers. Needed only when all of the others have ' +
        'moved while this one was off. They never make a cluster.',
    }),
    dial: nodeAddresses({
      does:
        'Where this node reaches certain others, in place of where they say that they are. For networks in which one node ' +
        'has another address from here than from elsewhere, and for tests.',
    }),
  };
}

function smtpListening(machine: Machine) {
  return {
    listen: listeners({
      protocol: 'smtp',
      default: ':25',
      does: 'Where mail from other servers arrives. Ports below 1024 need a privilege (CAP_NET_BIND_SERVICE).',
    }),
    threads: count({
      default: smtpThreads(machine.cores),
      defaultText: 'half of the cores, 1 to 8',
      min: 1,
      max: 64,
      does:
        'Worker threads that speak SMTP and share its ports. More spread TLS and parsing over more cores; they compete ' +
        'with the core thread for processors, so as many as there are cores is already too many. Bounds hold per thread.',
    }),
    greetingDelayMs: milliseconds({
      default: 0,
      min: 0,
      max: 30_000,
      does:
        'Wait before the greeting; a client that talks first is refused. Finds some spam programs, and costs every ' +
        'honest connection this time: at 100 ms one connection after another is at most 10 mails a second.',
    }),
  };
}

function submission() {
  return {
    listen: listeners({
      protocol: 'submission',
      default: 'off',
      does:
        'Where accounts hand in mail to be sent, after STARTTLS and a log-in (RFC 6409): usually ":587". It may send ' +
        'anywhere, but only as addresses of the account. The SMTP threads serve it too, with their bounds.',
    }),
    allowClearAuth: flag({
      default: 'false',
      does:
        'Take passwords without TLS where submission.listen is a loopback address, for programs on this machine that ' +
        'know no TLS. Elsewhere it changes nothing: a password never crosses a network in clear.',
    }),
  };
}

function submissions() {
  return {
    listen: listeners({
      protocol: 'submissions',
      default: 'off',
      does:
        'Where accounts hand in mail to be sent, with TLS from the first byte (RFC 8314): usually ":465". Programs that ' +
        'can do this are better off with it than with submission.listen. The SMTP threads serve it too.',
    }),
  };
}

function dns() {
  return {
    servers: text({
      default: '',
      defaultText: "the machine's own",
      form: 'IP addresses such as 192.0.2.53 or 127.0.0.1:5353, separated by blanks or commas, or empty',
      pattern: /^(?:(?:\d+\.\d+\.\d+\.\d+(?::\d+)?|\[[\da-f:.]+\](?::\d+)?|[\da-f:]+)(?:[\s,]+|$))*$/i,
      does:
        'Resolvers that outgoing mail is routed by. One of your own near by that caches is best: each mail for a domain ' +
        'that was not seen lately costs two or three look-ups.',
    }),
  };
}

function courier() {
  return {
    connectionsMax: count({
      default: 200,
      min: 1,
      max: 10_000,
      does:
        'Connections to other servers at a time, over all domains; about 100 KB each. Domains that do not answer get a ' +
        'share of them only.',
    }),
  };
}

function smtpBounds() {
  return {
    idleTimeoutMs: milliseconds({
      default: 60_000,
      min: 1_000,
      max: 3_600_000,
      does:
        'Time without a whole command after which a session is ended with 421. RFC 5321 §4.5.3.2.7 would like 5 minutes; ' +
        'longer keeps more idle sessions, about 20 KB each.',
    }),
    dataRateMinBytesPerS: count({
      default: 100,
      min: 1,
      max: 1_000_000,
      does:
        'Mean rate in DATA, bytes a second, below which a session is ended: it holds memory and does nothing with it. ' +
        'Higher cuts off honest clients on poor links.',
    }),
    connectionsMax: count({
      default: 12_000,
      min: 1,
      max: 1_000_000,
      does: 'Open sessions of one SMTP thread, about 20 KB each; beyond, 421. The open files of the process bound it too.',
    }),
    connectionsPerClientMax: count({
      default: 1_000,
      min: 1,
      max: 1_000_000,
      does:
        'Open sessions of one client (an IPv4 address or an IPv6 /64) with one SMTP thread; beyond, 421. Lower it where ' +
        'single clients crowd out others; large senders open some dozens.',
    }),
  };
}

function mailBounds() {
  return {
    messageBytesMax: sizeBytes({
      default: 35 * mebibyte,
      min: 64 * kibibyte,
      max: gibibyte,
      does:
        'Largest mail that this node takes, announced as SIZE (RFC 1870). 25 MB of attachments are 35 MB as mail, ' +
        'since base64 adds a third. One mail of this size sits in memory until it is committed.',
    }),
    dataBufferBytesMax: sizeBytes({
      default: 256 * mebibyte,
      min: 16 * mebibyte,
      max: 64 * gibibyte,
      does:
        'Memory for mails that are being received or committed, of one SMTP thread. Above it DATA is answered 452, so ' +
        'that clients wait and nothing is killed. Formula: mails at a time x their size. It is what it costs.',
    }),
  };
}

function tlsPaths() {
  const sameFile = 'It is read again when the file changes; a bad new one leaves the old in use and is logged.';
  return {
    certificate: text({
      default: '',
      form: 'a path, or empty',
      does: `PEM file with the certificate and its chain. Empty: the node makes its own at first start. ${sameFile}`,
    }),
    key: text({
      default: '',
      form: 'a path, or empty',
      does: `PEM file with the private key of tls.certificate, without a passphrase. ${sameFile}`,
    }),
  };
}

function storeBounds() {
  return {
    freeBytesMin: sizeBytes({
      default: 256 * mebibyte,
      min: 16 * mebibyte,
      max: 1024 * gibibyte,
      does:
        'Free space on the disk below which no mail is taken (452): the store does not survive a full disk. It has to ' +
        'hold what other programs write in a second; higher wastes space.',
    }),
    mapBytesMax: sizeBytes({
      default: 1024 * gibibyte,
      min: 64 * mebibyte,
      max: 64 * 1024 * gibibyte,
      does:
        'Size up to which the store file may grow; at nine tenths of it no mail is taken. Costs address space only, so ' +
        'lower it only where the disk has no quota of its own.',
    }),
  };
}

export type Config = z.output<ReturnType<typeof configSchema>>;

/**
 * Log lines: JSON on stderr, one object a line. The only importer of pino.
 *
 * Workers write to the same descriptor themselves, so that the core does not pay for their lines. The core does not wait
 * for whoever reads its log: it writes asynchronously, and drops lines rather than memory when the reader hangs.
 */
import { destination, pino, stdTimeFunctions } from 'pino';

/** Names of fields that mean the same in every line. Others may be added; never addresses of `Buffer`s or secrets. */
export interface LogFields {
  readonly node?: string;
  /** Name of the worker; none: the core. */
  readonly thread?: string;
  readonly shard?: number;
  /** `caller/seq` of a command. */
  readonly commandId?: string;
  /** Our id of a mail, not its Message-ID header. */
  readonly messageId?: string;
  readonly trace?: string;
  /** A thrown thing, written with its stack and code. */
  readonly err?: unknown;
  readonly [name: string]: unknown;
}

export type LogLine = (fields: LogFields, text: string) => void;

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export interface Logger {
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
  readonly fatal: LogLine;
  /** A logger whose lines all carry `fields`. */
  child(fields: LogFields): Logger;
  /** Writes out what waits; before the process exits. */
  flush(): void;
}

/** Where lines go: a file descriptor, or a test's own function. */
export type LogSink = number | ((line: string) => void);

/** The core's logger. */
export function openLogger(options: {
  readonly node: string;
  readonly level: string;
  readonly sink?: LogSink;
}): Logger {
  return loggerTo(options.sink ?? stderr, false, options.level, { node: options.node });
}

/** A worker's logger. It writes synchronously: a thread that ends at once would lose what waits. */
export function threadLogger(thread: string, level: string, fields: LogFields = {}): Logger {
  return loggerTo(stderr, true, level, { ...fields, thread });
}

const stderr = 2;
/** Lines that wait for a reader that hangs; beyond it they are dropped. */
const waitingBytesMax = 4 * 1024 * 1024;

function loggerTo(sink: LogSink, sync: boolean, level: string, base: LogFields): Logger {
  const options = {
    level,
    base,
    timestamp: stdTimeFunctions.isoTime,
    messageKey: 'text',
    formatters: { level: (label: string) => ({ level: label }) },
  };
  if (typeof sink === 'function') return pino(options, { write: sink });
  const out = destination({ fd: sink, sync, ...(sync ? {} : { maxLength: waitingBytesMax }) });
  const log = pino(options, out);
  // pino's own `flush` only asks for it: what is said next would come first, and an exit would come too soon.
  return Object.assign(log, { flush: () => out.flushSync() });
}

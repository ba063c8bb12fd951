/**
 * Operating errors: what can go wrong without anybody being wrong. Each has a stable code, says whether
 * trying again can help, and carries a text that may be shown to whoever asked.
 *
 * Leaves to others: broken promises (`invariant.ts`), and how an edge words a code in its protocol.
 */

/** What crosses a thread or the network of an `OperationError`. */
export interface ErrorData {
  /** camelCase and stable: scripts and edges match on it. */
  readonly code: string;
  /** True when the same request may succeed later (SMTP 4xx, HTTP 503). */
  readonly transient: boolean;
  /** Says what is wrong and what cures it; holds nothing secret. */
  readonly text: string;
}

export class OperationError extends Error {
  override readonly name = 'OperationError';
  readonly code: string;
  readonly transient: boolean;

  constructor(data: ErrorData, cause?: unknown) {
    super(data.text, cause === undefined ? undefined : { cause });
    this.code = data.code;
    this.transient = data.transient;
  }

  get data(): ErrorData {
    return { code: this.code, transient: this.transient, text: this.message };
  }
}

/** A refusal that will stay one until somebody changes something. */
export function refused(code: string, text: string): OperationError {
  return new OperationError({ code, transient: false, text });
}

/** A refusal that time may cure. */
export function tryLater(code: string, text: string, cause?: unknown): OperationError {
  return new OperationError({ code, transient: true, text }, cause);
}

/** Any thrown thing as data. An unknown one is a bug: the peer is told nothing of it but that it may try again. */
export function errorData(error: unknown): ErrorData {
  if (error instanceof OperationError) return error.data;
  return { code: 'internal', transient: true, text: 'internal error; see the log of the node' };
}

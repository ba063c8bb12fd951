/** The Received line that this edge adds (RFC 5321 §4.4). */
import { receivedLine } from '../../mail/received.ts';
import type { Dialogue, Transaction } from './dialogue.ts';

export interface Trace {
  readonly mailId: string;
  /** Null where naming it would tell one recipient of another. */
  readonly recipient: string | null;
  readonly nowMs: number;
}

export function traceLine(dialogue: Dialogue, { smtpUtf8 }: Transaction, trace: Trace): string {
  const { heloName, clientAddress, tls, edge, protocol } = dialogue;
  return receivedLine({
    heloName: heloName ?? '',
    clientAddress,
    clientHost: null,
    // RFC 6531 §4.3
    protocol: smtpUtf8 ? protocol.replace(/^E?SMTP/, 'UTF8SMTP') : protocol,
    tls,
    hostname: edge.hostname,
    ...trace,
  });
}

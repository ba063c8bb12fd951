/**
 * The stage between the final dot and the commit: what looks at a whole mail and may refuse it, put it off, add lines in
 * front of it, or send it to another folder. The list is empty at first.
 *
 * Promises: inspectors run one after another in the order of the list; the first that does not accept decides; lines
 * that could break the header are a bug of the inspector and never reach a mailbox.
 * Leaves to others: the reply (`edge/smtp/`), the mail's storage.
 */
import type { Envelope, HeaderFacts } from '../mail/message.ts';

export interface InspectedMail {
  readonly mailId: string;
  /** Exactly what the client sent. Must not be changed. */
  readonly body: Uint8Array;
  readonly header: HeaderFacts;
  readonly envelope: Envelope;
  /** Normalised addresses as given in RCPT TO. */
  readonly recipients: readonly string[];
  readonly client: { readonly address: string; readonly heloName: string; readonly tls: boolean };
}

export type Verdict =
  | {
      readonly kind: 'accept';
      /** Header lines without line ends, e.g. `X-Spam: yes`; they go on top of the mail, in this order. */
      readonly headerLines?: readonly string[];
      /** Target folder for all recipients; the last inspector that names one wins. */
      readonly folder?: string;
    }
  | { readonly kind: 'refuse'; readonly enhanced: `5.${number}.${number}`; readonly text: string }
  | { readonly kind: 'tryLater'; readonly enhanced: `4.${number}.${number}`; readonly text: string };

export interface Inspector {
  /** For logs and statistics. */
  readonly name: string;
  /** A throw is answered as 451: a mail is never let through because its inspector is broken. */
  inspect(mail: InspectedMail): Verdict | Promise<Verdict>;
}

export type Inspection =
  | { readonly kind: 'accept'; readonly headerLines: readonly string[]; readonly folder: string | null }
  | Exclude<Verdict, { readonly kind: 'accept' }>;

// RFC 5322 §2.2: a field name is printable ASCII without colon; §2.1.1: at most 998 characters a line.
const headerLine = /^[!-9;-~]+: [^\r\n\0]*$/;

export async function inspectMail(inspectors: readonly Inspector[], mail: InspectedMail): Promise<Inspection> {
  const headerLines: string[] = [];
  let folder: string | null = null;
  for (const inspector of inspectors) {
    const verdict = await inspector.inspect(mail);
    if (verdict.kind !== 'accept') return verdict;
    for (const line of verdict.headerLines ?? []) {
      if (line.length > 998 || !headerLine.test(line))
        throw new Error(`inspector ${inspector.name} adds a malformed header line`);
      headerLines.push(line);
    }
    folder = verdict.folder ?? folder;
  }
  return { kind: 'accept', headerLines, folder };
}

/**
 * A mail of its parts: nodemailer's composer, with nothing left to chance.
 *
 * Promises: the same parts, id and time give the same bytes, so that a repeated request is known by them; nothing is
 * read from files or fetched; Bcc is nowhere in it; lines end with CRLF.
 */
import MailComposer from 'nodemailer/lib/mail-composer';
import { withCrlf } from './crlf.ts';

export interface NamedAddress {
  /** '' for none. */
  readonly name: string;
  readonly address: string;
}

/** What its sender says of a mail. Checked by whoever takes it from him. */
export interface MailParts {
  readonly from: NamedAddress;
  readonly to: readonly NamedAddress[];
  readonly cc: readonly NamedAddress[];
  readonly replyTo: readonly NamedAddress[];
  readonly subject: string;
  readonly text?: string | undefined;
  readonly html?: string | undefined;
  /** Further fields: name -> text. */
  readonly headers: Readonly<Record<string, string>>;
  readonly attachments: readonly {
    readonly filename: string;
    readonly contentType: string;
    readonly content: Buffer;
    /** Shows it inside the html, as `cid:<this>`. */
    readonly contentId?: string | undefined;
  }[];
}

/** What a mail has that its sender did not say. */
export interface MailSeed {
  /** In Message-ID and boundaries. */
  readonly id: string;
  readonly atMs: number;
}

/** @param messageId without angle brackets */
export async function compose(
  parts: MailParts,
  messageId: string,
  { id, atMs }: MailSeed,
): Promise<Uint8Array<ArrayBuffer>> {
  const { subject, text, html, attachments } = parts;
  const composer = new MailComposer({
    from: asPerson(parts.from),
    to: parts.to.map(asPerson),
    cc: parts.cc.map(asPerson),
    replyTo: parts.replyTo.map(asPerson),
    subject,
    ...(text === undefined ? {} : { text }),
    ...(html === undefined ? {} : { html }),
    headers: Object.entries(parts.headers).map(([key, value]) => ({ key, value })),
    attachments: attachments.map(({ filename, contentType, content, contentId }) => ({
      filename,
      contentType,
      content,
      ...(contentId === undefined ? {} : { cid: contentId }),
    })),
    messageId: `<${messageId}>`,
    date: new Date(atMs),
    baseBoundary: id,
    newline: 'windows',
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const built = await composer.compile().build();
  // A buffer of its own: it is handed to another thread, and Buffer's pool must not go with it. Its composer leaves a CR
  // by itself as it is, in text and in an attached mail.
  return withCrlf(new Uint8Array(built));
}

const asPerson = ({ name, address }: NamedAddress) => ({ name, address });

/**
 * A mail as JSON describes it: the schema, and what it says, checked.
 *
 * Promises: no text in it can break a header line or add one; every list and text has a bound; addresses are ones that
 * `parseAddress` takes.
 */
import { z } from '@hono/zod-openapi';
import { OperationError } from '../../../../runtime/base/errors.ts';
import { parseAddress } from '../../../mail/address.ts';
import type { NamedAddress } from '../../../mail/compose.ts';

/** One commit takes all recipients; `turnNoticesMax` bounds it. */
export const recipientsMax = 1_000;
const attachmentsMax = 100;
const headersMax = 50;
/** RFC 5322 §2.1.1 */
const lineCharactersMax = 998;
const tagsMax = 20;

/** Controls and what turns the direction of text, in a header of one line. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/u;
/** What we write, or what only a server or the envelope may say. */
const reservedHeaders =
  /^(from|sender|to|cc|bcc|reply-to|subject|date|message-id|mime-version|content-.*|return-path|received|resent-.*|delivered-to|authentication-results|arc-.*|dkim-signature)$/i;

const headerText = (charactersMax: number) =>
  z
    .string()
    .max(charactersMax)
    .refine((text) => !unprintable.test(text), 'it holds control characters');

const mailboxText = z
  .string()
  .max(1_500)
  .openapi({ description: 'An address, with a name or without', example: 'Ann Example <ann@example.org>' });
const mailboxParts = z.strictObject({ address: z.string().max(1_024), name: headerText(500).default('') });

const mailbox = z
  .union([mailboxText, mailboxParts])
  .transform((given, check): NamedAddress => {
    const { name, address } = typeof given === 'string' ? splitMailbox(given) : given;
    const problem = unprintable.test(name) ? 'its name holds control characters' : addressProblem(address);
    if (problem !== null) check.addIssue({ code: 'custom', message: problem });
    return { name, address };
  })
  .openapi('Mailbox');

/** One, or a list. */
const mailboxList = z.preprocess(
  (given) => (given === undefined || Array.isArray(given) ? given : [given]),
  z.array(mailbox).max(recipientsMax).default([]),
);

const attachment = z
  .strictObject({
    filename: headerText(255).openapi({ example: 'report.pdf' }),
    contentType: z
      .string()
      .max(255)
      .regex(
        /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(; ?[\w!#$&^.+-]+=("[^"\\\x00-\x1f\x7f]*"|[\w!#$&^.+-]+))*$/,
        'it is no media type',
      )
      .default('application/octet-stream'),
    contentBase64: z.string().transform((text, check) => {
      const bytes = decodeBase64(text);
      if (bytes === null) check.addIssue({ code: 'custom', message: 'it is not base64' });
      return bytes ?? Buffer.alloc(0);
    }),
    contentId: z
      .string()
      .regex(/^[\w.+-]{1,200}(@[\w.-]{1,200})?$/, 'letters, digits and . _ + - only')
      .optional()
      .openapi({ description: 'Shows it inside the html, as `cid:<this>`' }),
  })
  .openapi('Attachment');

const headers = z.record(z.string(), headerText(lineCharactersMax)).superRefine((record, check) => {
  const names = Object.keys(record);
  if (names.length > headersMax) check.addIssue({ code: 'custom', message: `at most ${headersMax} of them` });
  for (const name of names) {
    // RFC 5322 §3.6.8: printable ASCII but the colon.
    const isName = /^[!-9;-~]{1,76}$/.test(name);
    const message = isName ? 'this one is set by the server or has a field of its own' : 'it is no name of a header';
    if (!isName || reservedHeaders.test(name)) check.addIssue({ code: 'custom', path: [name], message });
  }
});

/** RFC 5322 §3.1: no NUL. */
const bodyText = z.string().refine((text) => !text.includes('\0'), 'it holds a NUL');

const word = z.string().regex(/^[\w.:-]{1,64}$/, 'up to 64 letters, digits and . _ : -');

export const newMessage = z
  .strictObject({
    from: mailbox,
    to: mailboxList,
    cc: mailboxList,
    bcc: mailboxList.openapi({ description: 'They get the mail, and nobody sees them in it' }),
    replyTo: mailboxList,
    subject: headerText(lineCharactersMax).default(''),
    text: bodyText.optional(),
    html: bodyText.optional(),
    headers: headers.default({}).openapi({ description: 'Further header fields', example: { 'X-Order': '4711' } }),
    attachments: z.array(attachment).max(attachmentsMax).default([]),
    tags: z.array(word).max(tagsMax).default([]).openapi({ description: 'Kept with the mail for its history' }),
    stream: word.nullable().default(null).openapi({ description: 'Traffic class, e.g. transactional' }),
    saveToSent: z.boolean().optional().openapi({ description: 'Keep a copy in Sent; left out: as the account is set' }),
  })
  .superRefine(({ to, cc, bcc }, check) => {
    const count = to.length + cc.length + bcc.length;
    if (count === 0)
      check.addIssue({ code: 'custom', path: ['to'], message: 'there is no recipient in to, cc or bcc' });
    if (count > recipientsMax)
      check.addIssue({ code: 'custom', path: ['to'], message: `at most ${recipientsMax} recipients` });
  })
  .openapi('NewMessage');

export type NewMessage = z.output<typeof newMessage>;

/** `Ann <ann@example.org>`, `"Example, Ann" <ann@example.org>` or the bare address. Never throws. */
function splitMailbox(text: string): NamedAddress {
  const open = text.endsWith('>') ? text.lastIndexOf('<') : -1;
  if (open < 0) return { name: '', address: text.trim() };
  const before = text.slice(0, open).trim();
  const isQuoted = before.length > 1 && before.startsWith('"') && before.endsWith('"');
  return { name: isQuoted ? before.slice(1, -1).replace(/\\(.)/gu, '$1') : before, address: text.slice(open + 1, -1) };
}

function addressProblem(address: string): string | null {
  try {
    parseAddress(address);
    return null;
  } catch (error) {
    if (error instanceof OperationError) return error.message;
    throw error;
  }
}

/** RFC 4648 §4, with white space or without. Null when it is something else: Node would leave out what it cannot read. */
function decodeBase64(text: string): Buffer | null {
  const digits = base64Digits(text);
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === Math.floor((digits * 3) / 4) && digits % 4 !== 1 ? bytes : null;
}

/** Characters without white space and padding. Counted one by one: a text of blanks alone took a replacement seconds. */
function base64Digits(text: string): number {
  let digits = 0;
  let padding = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x20 || (code >= 0x09 && code <= 0x0d)) continue;
    digits++;
    padding = code === 0x3d ? padding + 1 : 0;
  }
  return digits - Math.min(padding, 2);
}

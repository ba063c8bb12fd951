/**
 * What `ringpost quickstart` does once the node serves: a domain, an account, and the commands to try.
 *
 * Promises: repeating it, as every restart does, changes nothing and shows no password again.
 * Leaves to others: starting the node, where it listens (`runtime/main.ts`).
 */
import { OperationError } from '../../runtime/base/errors.ts';
import type { AdminContext } from '../../runtime/cli/admin-row.ts';
import { type Address, parseAddress } from '../mail/address.ts';
import { formatHostPort, type HostPort } from '../mail/host-port.ts';
import { addAccount } from './account-life.ts';
import { defaultQuotaBytes, readablePassword } from './account-admin.ts';
import { addDomain } from './domain.ts';

/** RFC 6761 §6.3: `localhost` names never reach the DNS, so nobody else's mail is ever at this address. */
export const quickstartAddress = 'you@localhost.localdomain';

export interface QuickstartOptions {
  /** Null: `quickstartAddress`. */
  readonly address: string | null;
  readonly smtp: HostPort;
  /** Null: it listens nowhere. */
  readonly http: (HostPort & { readonly tls: string }) | null;
  readonly dataDirectory: string;
  /** What a shell runs us by, e.g. `npx ringpost`. */
  readonly program: string;
}

export interface QuickstartResult {
  readonly address: string;
  /** Null when the account was there already. */
  readonly password: string | null;
  /** What to print, without a final line end. */
  readonly text: string;
}

/** @throws {OperationError} what `parseAddress`, a domain or an account refuses, but not `accountExists` */
export async function quickstart(context: AdminContext, options: QuickstartOptions): Promise<QuickstartResult> {
  const address = parseAddress(options.address ?? quickstartAddress);
  await addDomain(context, address.domain, {});
  const password = readablePassword(context.random);
  const isNew = await isMade(context, address, password);
  const known = isNew ? password : null;
  return { address: address.normalised, password: known, text: instructions(address, known, options) };
}

async function isMade(context: AdminContext, address: Address, password: string): Promise<boolean> {
  try {
    const [passwordHash, quotaBytes] = await Promise.all([context.hashPassword(password), defaultQuotaBytes(context)]);
    await addAccount(context, { address, displayName: '', passwordHash, quotaBytes });
    return true;
  } catch (error) {
    if (error instanceof OperationError && error.code === 'accountExists') return false;
    throw error;
  }
}

function instructions(
  { normalised: address, domain }: Address,
  password: string | null,
  options: QuickstartOptions,
): string {
  const { dataDirectory, program } = options;
  const smtp = reached(options.smtp);
  const at = formatHostPort(smtp);
  const to = shellQuoted(address);
  const data = dataDirectory === './data' ? '' : ` --data ${shellQuoted(dataDirectory)}`;
  const login =
    password === null
      ? `Its password stays as it is. A new one: ${program} account passwd ${to}${data}`
      : `Its password, which is shown only now: ${password}`;
  const message = '"Subject: hello\\r\\n\\r\\nIt works.\\r\\n"';
  const script = `import smtplib; smtplib.SMTP("${smtp.host}", ${smtp.port}).sendmail("me@example.net", ["${address}"], ${message})`;
  return [
    `Mail for ${address} is taken on ${at}. This is a cluster of one node: one copy of each mail.`,
    login,
    '',
    'Send it a mail, in another terminal:',
    `  swaks --server ${at} --to ${to}`,
    `  python3 -c ${shellQuoted(script)}`,
    'See it:',
    `  ${program} mailbox list ${to}${data}`,
    `  ${program} trace ${to}${data}`,
    'Send from it, here to itself:',
    `  echo 'It works.' | ${program} send --from ${to} --to ${to} --subject hello${data}`,
    ...curlLines(address, password, options),
    'To others it goes to the servers of their domains, or all of it to a relay:',
    `  ${program} set relay HOST:PORT${data}`,
    'See how the node is:',
    `  ${program} status${data}`,
    ...(options.address === null
      ? []
      : ['For mail from and to the world, put into the DNS:', `  ${program} dns ${domain}${data}`]),
  ].join('\n');
}

/** Asks for the password where it is not known any more. */
function curlLines(address: string, password: string | null, { http }: QuickstartOptions): string[] {
  if (http === null) return [];
  const user = shellQuoted(password === null ? address : `${address}:${password}`);
  const mail = JSON.stringify({ from: address, to: address, subject: 'hello', text: 'It works.' });
  const url = `${http.tls === 'none' ? 'http' : 'https'}://${formatHostPort(reached(http))}/v1/messages`;
  return [`  curl --user ${user} --json ${shellQuoted(mail)} ${url}`];
}

/** What listens on all addresses is reached on this one. */
const reached = ({ host, port }: HostPort): HostPort => ({
  host: ['0.0.0.0', '::', ''].includes(host) ? '127.0.0.1' : host,
  port,
});

/** POSIX shells: within single quotes nothing is special but the single quote. */
function shellQuoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

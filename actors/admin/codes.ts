/** Every refusal of the mail subcommands, by code. Each text ends with what cures it. */
import { type OperationError, refused, tryLater } from '../../runtime/base/errors.ts';

export const noSuchDomain = (domain: string): OperationError =>
  refused('noSuchDomain', `${domain} is not a domain of this server. Cure: ringpost domain add ${domain}`);

export const accountExists = (address: string): OperationError =>
  refused(
    'accountExists',
    `the account ${address} exists. Cure: for a new password, ringpost account passwd ${address}`,
  );

export const noSuchAccount = (address: string): OperationError =>
  refused(
    'noSuchAccount',
    `there is no account ${address}. Cure: ringpost account list, or ringpost account add ${address}`,
  );

export const removalUnfinished = (address: string): OperationError =>
  refused(
    'removalUnfinished',
    `the account ${address} was being removed and that was interrupted. Cure: ringpost account remove ${address}, then add it`,
  );

export const addressTaken = (address: string): OperationError =>
  refused(
    'addressExists',
    `the address ${address} exists and leads elsewhere. Cure: ringpost address remove ${address} first, ` +
      'or choose another one',
  );

export const noSuchAddress = (address: string): OperationError =>
  refused('noSuchAddress', `there is no address ${address}. Cure: ringpost address list shows those that exist`);

export const isAccountAddress = (address: string): OperationError =>
  refused(
    'isAccountAddress',
    `${address} is an account's own address. Cure: to remove the account with its mail, ringpost account remove ${address}`,
  );

export const aliasLoop = (address: string): OperationError =>
  refused('aliasLoop', `${address} would lead back to itself. Cure: choose other targets`);

export const notAMailbox = (address: string, targets: readonly string[]): OperationError =>
  refused(
    'notAMailbox',
    `${address} has no mailbox of its own; it leads to ${targets.join(', ')}. Cure: name one of these`,
  );

export const noSuchFolder = (folder: string, known: readonly string[]): OperationError =>
  refused('noSuchFolder', `there is no folder "${folder}". Cure: choose one of ${known.join(', ')}`);

export const noSuchMessage = (uid: number, folder: string): OperationError =>
  refused(
    'noSuchMessage',
    `there is no message ${uid} in ${folder}. Cure: ringpost mailbox list ADDRESS shows the UIDs`,
  );

export const noTrace = (subject: string): OperationError =>
  refused(
    'noTrace',
    `nothing is known of "${subject}". Cure: give the id of the 250 reply, a Message-ID in angle brackets ` +
      'or an address of this server',
  );

export const noAuthor = (): OperationError =>
  refused(
    'noAuthor',
    'the mail has no From, or several or a malformed one. Cure: give its header one line From: ADDRESS',
  );

export const noSuchQueued = (id: string): OperationError =>
  refused(
    'noSuchQueued',
    `no mail that waits is named "${id}". Cure: ringpost queue list shows what waits; ` +
      `ringpost trace ${id} tells what became of a mail`,
  );

export const emptyPassword = (): OperationError =>
  refused('emptyPassword', 'the password is empty. Cure: give one on standard input, or none at all to have one made');

export const badAccounts = (why: string): OperationError =>
  refused(
    'badAccounts',
    `${why}. Cure: one JSON object a line, e.g. {"address": "ann@example.org", "passwordHash": null}`,
  );

export const unknownFormat = (path: string): OperationError =>
  refused(
    'unknownFormat',
    `${path} looks like no mbox, no Maildir (cur/ and new/) and no .eml. Cure: name it with --format mbox|maildir|eml`,
  );

export const targetExists = (path: string): OperationError =>
  refused('targetExists', `${path} exists and is not empty. Cure: name a file or directory that does not exist yet`);

export const severalFolders = (folders: readonly string[]): OperationError =>
  refused(
    'severalFolders',
    `one mbox file holds one folder, and there is mail in ${folders.join(', ')}. Cure: --folder NAME, ` +
      'or a target that ends in "/" for a file each, or --format maildir',
  );

export const partlyImported = (refusedCount: number, first: string): OperationError =>
  refused(
    'partlyImported',
    `${refusedCount} were refused, the first with: ${first}. Cure: mend that and repeat the command; ` +
      'what is there already is not doubled',
  );

export const badDnsServers = (servers: readonly string[]): OperationError =>
  refused(
    'badDnsServers',
    `name servers cannot be asked: ${servers.join(', ')}. Cure: give IP addresses in dns.servers of the node's configuration`,
  );

export const dnsUnreachable = (what: string, code: string, cause: unknown): OperationError =>
  tryLater(
    'dnsUnreachable',
    `the name servers did not say what the ${what} is (${code}). Cure: try again; see dns.servers of the node`,
    cause,
  );

export const dnsIncomplete = (domain: string): OperationError =>
  refused(
    'dnsIncomplete',
    `the DNS has not all that ${domain} needs. Cure: do what stands above, wait for the DNS (up to an hour), check again`,
  );

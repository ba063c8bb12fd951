/**
 * The configuration of the Postfix peer: an instance of its own, that takes mail for one virtual domain on one loopback
 * port and delivers it to Maildir. What makes it durable and what makes it fast is as Postfix ships it.
 */
import { benchDomain } from '../load/recipients.ts';

export const daemonDirectory = '/usr/lib/postfix/sbin';
/** Owner of the Maildirs: `nobody`. */
export const mailUid = 65534;
export const mailGid = 65534;

/**
 * @param root the instance's directory, with `etc`, `queue`, `data`, `mail` in it
 * @param further lines of a scenario's own
 */
export function mainCf(root: string, further: readonly string[] = []): string {
  return `${[
    'compatibility_level = 3.6',
    `queue_directory = ${root}/queue`,
    `data_directory = ${root}/data`,
    'command_directory = /usr/sbin',
    `daemon_directory = ${daemonDirectory}`,
    'mail_owner = postfix',
    'setgid_group = postdrop',
    'myhostname = postfix.bench.invalid',
    'mydestination =',
    'inet_interfaces = loopback-only',
    'inet_protocols = ipv4',
    'mynetworks = 127.0.0.0/8',
    'default_process_limit = 100',
    // Local mail to one virtual domain, a Maildir for each recipient.
    `virtual_mailbox_domains = ${benchDomain}`,
    `virtual_mailbox_maps = texthash:${root}/etc/mailboxes`,
    `virtual_mailbox_base = ${root}/mail`,
    'virtual_transport = virtual',
    `virtual_uid_maps = static:${mailUid}`,
    `virtual_gid_maps = static:${mailGid}`,
    'virtual_mailbox_limit = 0',
    'local_recipient_maps =',
    'alias_maps =',
    'alias_database =',
    // No limits for one client, hence no anvil; no DNS.
    'smtpd_client_connection_count_limit = 0',
    'smtpd_client_connection_rate_limit = 0',
    'smtpd_peername_lookup = no',
    'smtp_dns_support_level = disabled',
    'smtpd_relay_restrictions = permit_mynetworks, reject',
    'smtpd_tls_security_level = none',
    'smtpd_sasl_auth_enable = no',
    'message_size_limit = 0',
    'biff = no',
    ...further,
  ].join('\n')}\n`;
}

/** Recipient to Maildir, below `virtual_mailbox_base`; the slash at the end asks for Maildir. */
export function mailboxesMap(addresses: readonly string[]): string {
  return addresses.map((address) => `${address} ${address.split('@')[0]}/\n`).join('');
}

/**
 * Only the services that such mail meets, none in a chroot.
 * @param isHeld without the queue manager: what is taken stays where it is
 */
export function masterCf(port: number, { isHeld = false } = {}): string {
  return `${[
    `127.0.0.1:${port} inet n - n - - smtpd`,
    'pickup unix n - n 60 1 pickup',
    'cleanup unix n - n - 0 cleanup',
    ...(isHeld ? [] : ['qmgr unix n - n 300 1 qmgr']),
    'tlsmgr unix - - n 1000? 1 tlsmgr',
    'rewrite unix - - n - - trivial-rewrite',
    'bounce unix - - n - 0 bounce',
    'defer unix - - n - 0 bounce',
    'trace unix - - n - 0 bounce',
    'verify unix - - n - 1 verify',
    'flush unix n - n 1000? 0 flush',
    'proxymap unix - - n - - proxymap',
    'proxywrite unix - - n - 1 proxymap',
    'showq unix n - n - - showq',
    'error unix - - n - - error',
    'retry unix - - n - - error',
    'virtual unix - n n - - virtual',
    'smtp unix - - n - - smtp',
    'relay unix - - n - - smtp',
    'scache unix - - n - 1 scache',
    'postlog unix-dgram n - n - 1 postlogd',
  ].join('\n')}\n`;
}

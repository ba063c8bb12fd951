/**
 * The only importer of smtp-server. What is taken from it: listening, PROXY headers, the TLS upgrade with everything that
 * must be thrown away around it (RFC 3207 §4.2), closing sockets with a deadline. What is ours: lines, verbs, replies.
 */
export { SMTPServer } from 'smtp-server';
export { SMTPConnection, type SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
export { SMTPStream } from 'smtp-server/lib/smtp-stream.js';

/** `ringpost send`: a mail from the command line, to whomever, here and elsewhere. The node's half is `send-mail.ts`. */
import { z } from 'zod';
import { adminRow } from '../../runtime/cli/admin-row.ts';
import type { CliRow } from '../../runtime/cli/cli-row.ts';
import { wrongUsage } from '../../runtime/cli/codes.ts';
import { readWhole } from '../../runtime/cli/lines.ts';

/** One commit takes all recipients; the engine's bound on a turn is the same. */
const recipientsMax = 1_000;
const mailBytesMax = 100 * 1024 * 1024;

const send = adminRow({
  name: 'send',
  permission: 'mail.write',
  summary: 'Send a mail',
  transfer: 'upload',
  args: z.strictObject({
    from: z.string(),
    to: z.array(z.string()).min(1).max(recipientsMax),
    /** Of a mail that is made here of its text. Null: the upload is a whole mail. */
    subject: z.string().max(998).nullable(),
  }),
  async run(context, args, upload) {
    // What composes, signs and commits is loaded by the node, not by each command.
    const { sendMail } = await import('./send-mail.ts');
    const { mailId, resend } = await sendMail(context, args, upload);
    return { id: mailId, resend };
  },
});

export const sendAdmin = [send];

export const sendCli: readonly CliRow[] = [
  {
    name: 'send',
    permission: send.permission,
    summary: send.summary,
    details:
      'Its text comes from standard input, or a whole mail with its header from --file (- for standard input). It prints ' +
      'the id of the mail, once it is safely taken; a mail with a Message-ID that is sent again within a day is taken once.',
    options: [
      { flags: '--from <address>', summary: 'the sender, who gets reports' },
      { flags: '--to <addresses...>', summary: 'who gets it', isRepeatable: true },
      { flags: '--subject <text>', summary: 'its subject' },
      { flags: '--file <path>', summary: 'a whole mail (.eml)' },
    ],
    examples: [
      'ringpost send --from ann@example.org --to bob@example.com --subject hello < text.txt',
      'ringpost send --from ann@example.org --to bob@example.com eve@example.net --file message.eml',
    ],
    needs: 'node',
    async run(cli, input) {
      const [from, to, file] = [input.option('from'), input.options('to'), input.option('file')];
      const subject = input.option('subject');
      if (from === null || to.length === 0) throw wrongUsage('say who sends it and who gets it: --from A --to B');
      if (file !== null && subject !== null) throw wrongUsage('a mail from --file has its own subject');
      if (file === null && cli.io.isInTerminal) cli.note('Type the text of the mail, and end it with Ctrl-D:');
      const bytes = await readWhole(file ?? '-', cli.io, mailBytesMax);
      const args = { from, to: [...to], subject: file === null ? (subject ?? '') : null };
      await cli.print(await cli.node.upload(send, args, bytes), ({ id, resend }) => {
        const again = resend ? ', as it was before' : '';
        return `${id} is taken${again}. What becomes of it: ringpost trace ${id}`;
      });
    },
  },
];

/**
 * SMTP as text conversations: one file a verb in `smtp/`, each conversation a test.
 *
 *     == title                  begins a conversation, greeted and after EHLO; `== (raw) title` without either
 *     C: text                   the client sends the line and CRLF; lines that follow each other leave as one packet
 *     C- text                   without CRLF; in both, \r \n \t \\ and \xHH stand for bytes
 *     S: text                   the server's next line; `*` stands for any text in it
 *     closed                    the server ended the connection
 *     left: a@x.example         addresses at other servers to which a mail has been queued, likewise
 *     stored: m-ann m-bob       the mailboxes that have got a mail in this conversation, in order; `stored:` for none
 *
 * Files named `submission*` talk to the submission port, in clear on loopback; the others to port 25. Text in front of the first `==`, and lines that begin with `#`, are for the reader.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { SmtpConversation } from '../support/smtp-conversation.ts';
import { submissionListener, SmtpWorld } from '../support/smtp-edge-world.ts';
import { type Conversation, parseConversations } from '../support/smtp-transcript.ts';

const folder = new URL('smtp/', import.meta.url);

for (const file of readdirSync(folder).sort()) {
  const verb = file.replace(/\.txt$/, '');
  for (const conversation of parseConversations(readFileSync(new URL(file, folder), 'utf8'))) {
    void test(`smtp ${verb}: ${conversation.title}`, () => hold(conversation, verb.startsWith('submission')));
  }
}

async function hold({ isRaw, steps }: Conversation, isSubmission: boolean): Promise<void> {
  const world = await SmtpWorld.start({
    limits: { commandBytesMax: 1024, messageBytesMax: 2000 },
    settings: { recipientsMax: 100 },
    ...(isSubmission ? { listener: submissionListener } : {}),
  });
  try {
    const talk = await SmtpConversation.begin(world.port, isRaw);
    for (const step of steps) {
      if (step.kind === 'client') talk.write(step.bytes);
      else if (step.kind === 'closed') await talk.ended(step.at);
      else if (step.kind === 'server') await talk.expect(step.pattern, step.text, step.at);
      else assert.deepEqual(step.kind === 'stored' ? storedIn(world) : leftFor(world), step.names, step.at);
    }
    talk.finish();
    assert.deepEqual(world.complaints, []);
  } finally {
    await world.stop();
  }
}

const storedIn = ({ core }: SmtpWorld): string[] => core.mails.map(({ recipient }) => recipient.mailboxId);

const leftFor = ({ core }: SmtpWorld): string[] =>
  core.left.flatMap(({ recipients }) => recipients.map(({ address }) => address));

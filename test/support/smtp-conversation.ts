/** One raw SMTP connection, line by line, for conversations that are checked word by word. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { systemClock } from '../../runtime/base/clock.ts';

const silenceMsMax = 10_000;

export class SmtpConversation {
  readonly #socket: Socket;
  readonly #lines: string[] = [];
  #rest = '';
  #isOver = false;
  #wake = (): void => {};

  private constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk) => this.#take(chunk.toString('latin1')));
    this.#socket.on('error', () => {});
    this.#socket.once('close', () => {
      this.#isOver = true;
      this.#wake();
    });
  }

  static async begin(port: number, isRaw: boolean): Promise<SmtpConversation> {
    const talk = new SmtpConversation(port);
    if (isRaw) return talk;
    await talk.expect(/^220 /, '220 *', 'greeting');
    talk.write(Buffer.from('EHLO client.example\r\n'));
    for (;;) {
      const line = await talk.line('EHLO');
      if (line?.startsWith('250 ')) return talk;
    }
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  async expect(pattern: RegExp, text: string, at: string): Promise<void> {
    const line = await this.line(at);
    if (line === null || !pattern.test(line)) assert.equal(line, text, at);
  }

  async ended(at: string): Promise<void> {
    assert.equal(await this.line(at), null, `the server should have closed (${at})`);
  }

  /** Nothing may be left that no step spoke of. */
  finish(): void {
    this.#socket.destroy();
    assert.deepEqual(this.#lines, [], 'the server said more than was expected');
  }

  /** Null when the connection is over. */
  async line(at: string): Promise<string | null> {
    while (this.#lines.length === 0) {
      if (this.#isOver) return null;
      await new Promise<void>((resolve, reject) => {
        const cancel = systemClock.after(silenceMsMax, () => reject(new Error(`the server is silent (${at})`)));
        this.#wake = () => {
          cancel();
          resolve();
        };
      });
    }
    return this.#lines.shift() ?? null;
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\r\n');
    this.#rest = lines.pop() ?? '';
    this.#lines.push(...lines);
    this.#wake();
  }
}

/** One GET at an HTTP port of this machine. */
import { request } from 'node:http';

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** Null: nobody answers, or not in time. */
export function httpGet(port: number, path: string, timeoutMs = 1000): Promise<HttpAnswer | null> {
  return new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, path, timeout: timeoutMs, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      answer.once('error', () => resolve(null));
    });
    call.once('timeout', () => call.destroy());
    call.once('error', () => resolve(null));
    call.end();
  });
}

/** One call of a node's admin API, over its unix socket. */
import { request } from 'node:http';

/** @throws {Error} with the node's answer when it is not 2xx */
export function adminCall(socketPath: string, command: string, body: unknown): Promise<string> {
  const text = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const call = request(
      {
        socketPath,
        path: `/admin/${command}`,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
      },
      (response) => {
        let answer = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          answer += part;
        });
        response.once('end', () => {
          const status = response.statusCode ?? 0;
          if (status >= 200 && status < 300) resolve(answer);
          else reject(new Error(`admin API, ${command}: ${status} ${answer}`));
        });
      },
    );
    call.once('error', reject);
    call.end(text);
  });
}

/**
 * The HTTP API, version 1: its routes as a table, their description, and how their errors are said.
 *
 * Promises: every route is in `/openapi.json`; every error is problem+json; no answer is kept by a cache; no other site's
 * page can use it (no CORS, and a mail is posted as a media type that no form can send).
 * Leaves to others: where it listens (`../http-edge.ts`), what a route does (one file each).
 */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { OperationError } from '../../../../runtime/base/errors.ts';
import type { ApiContext, ApiEnv } from './api-context.ts';
import { malformed, noSuchRoute } from './codes.ts';
import {
  foldersFor,
  folderPath,
  folderSchema,
  messageFor,
  messagePath,
  messageSchema,
  messagesFor,
  pageQuery,
  pageSchema,
  rawResponse,
  shown,
} from './folders.ts';
import { guard } from './guard.ts';
import { messageStory, storyFor } from './message-events.ts';
import { newMessage } from './new-message.ts';
import { problemResponse, problems } from './problem.ts';
import { send } from './send.ts';

const description = `Send mail, see what became of it, and read the own mailbox.

Log in with \`Authorization: Basic\` (address and password) or \`Bearer\` (a token of \`ringpost token create\`), over TLS or on
loopback. Scopes: \`submit\` sends, \`mail\` reads, \`api\` and \`all\` do both. Errors are problem+json (RFC 9457); \`code\` is
stable. 503 and 429 say by Retry-After when to try again.`;

const accepted = z
  .object({
    id: z.string().openapi({ description: 'Of the mail, for GET /v1/messages/{id} and ringpost trace' }),
    messageId: z.string().openapi({ description: 'Its Message-ID, without angle brackets' }),
  })
  .openapi('Accepted');

const json = <Schema extends z.ZodType>(schema: Schema) => ({ content: { 'application/json': { schema } } });
const security = [{ basic: [] }, { bearer: [] }];
const always = [401, 403, 429, 503] as const;

const sendHeaders = z.object({
  'idempotency-key': z
    .string()
    .optional()
    .openapi({
      description:
        'Up to 255 characters, e.g. a UUID. For 24 hours the same key and the same bytes make one mail and get the same ' +
        'answer, also when a node crashed in between; other bytes under the key are 422',
    }),
});
const sendQuery = z.object({
  from: z.string().optional().openapi({ description: 'message/rfc822 only: the reverse-path; else the author' }),
  to: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .openapi({
      type: 'array',
      items: { type: 'string' },
      description: 'message/rfc822 only: the recipients, repeated or with commas',
    }),
});

/** @param version of the program */
export function apiApp(context: ApiContext, version: string): OpenAPIHono<ApiEnv> {
  const app = new OpenAPIHono<ApiEnv>({
    defaultHook: (result, c) => (result.success ? undefined : problemResponse(c, malformed(result.error))),
  });
  app.onError((error, c) => {
    if (!(error instanceof OperationError)) context.bug('HTTP API', error);
    return problemResponse(c, error);
  });
  addSending(app, context);
  addMailbox(app, context);
  app.openAPIRegistry.registerComponent('securitySchemes', 'basic', { type: 'http', scheme: 'basic' });
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' });
  const described = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Ringpost', version, description, license: { name: 'MIT' } },
  });
  app.get('/openapi.json', (c) => c.json(described));
  app.all('/v1/*', (c) => problemResponse(c, noSuchRoute()));
  return app;
}

function addSending(app: OpenAPIHono<ApiEnv>, context: ApiContext): void {
  // By reference and not as a schema: the body is read by `send` itself, within bounds and after the log-in.
  app.openAPIRegistry.register('NewMessage', newMessage);
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/messages',
      operationId: 'sendMessage',
      summary: 'Send a mail',
      description: '202 when it is committed for all recipients. Each address that it is from must be the own.',
      security,
      middleware: guard(context, ['submit']),
      request: {
        headers: sendHeaders,
        query: sendQuery,
        body: {
          required: true,
          content: {
            'application/json': { schema: { $ref: '#/components/schemas/NewMessage' } },
            'message/rfc822': { schema: { type: 'string', format: 'binary' } },
          },
        },
      },
      responses: {
        202: { description: 'Committed', ...json(accepted) },
        ...problems(400, 408, 413, 415, 422, ...always),
      },
    }),
    (c) => send(context, c),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/messages/{id}',
      operationId: 'getMessage',
      summary: 'See what became of a mail that was sent or received',
      security,
      middleware: guard(context, ['submit', 'mail']),
      request: { params: z.object({ id: z.string().openapi({ param: { name: 'id', in: 'path' } }) }) },
      responses: { 200: { description: 'Its history', ...json(messageStory) }, ...problems(404, ...always) },
    }),
    async (c) => c.json(await storyFor(context, c.get('caller'), c.req.valid('param').id), 200),
  );
}

function addMailbox(app: OpenAPIHono<ApiEnv>, context: ApiContext): void {
  const shared = { method: 'get', security, middleware: guard(context, ['mail']) } as const;
  const folders = z.object({ folders: z.array(folderSchema) }).openapi('Folders');
  app.openapi(
    createRoute({
      ...shared,
      path: '/v1/folders',
      operationId: 'listFolders',
      summary: 'List the folders of the own mailbox',
      responses: { 200: { description: 'INBOX first', ...json(folders) }, ...problems(...always) },
    }),
    async (c) => c.json({ folders: await foldersFor(context, c.get('caller')) }, 200),
  );
  app.openapi(
    createRoute({
      ...shared,
      path: '/v1/folders/{folderId}/messages',
      operationId: 'listMessages',
      summary: 'List the mails of a folder, oldest first',
      request: { params: folderPath, query: pageQuery },
      responses: { 200: { description: 'A page', ...json(pageSchema) }, ...problems(400, 404, ...always) },
    }),
    async (c) => {
      const { folderId } = c.req.valid('param');
      return c.json(await messagesFor(context, c.get('caller'), folderId, c.req.valid('query')), 200);
    },
  );
  app.openapi(
    createRoute({
      ...shared,
      path: '/v1/folders/{folderId}/messages/{uid}',
      operationId: 'getFolderMessage',
      summary: 'Show what is known of one mail',
      request: { params: messagePath },
      responses: { 200: { description: 'The mail', ...json(messageSchema) }, ...problems(400, 404, ...always) },
    }),
    async (c) => c.json(shown(await messageFor(context, c.get('caller'), c.req.valid('param'))), 200),
  );
  app.openapi(
    createRoute({
      ...shared,
      path: '/v1/folders/{folderId}/messages/{uid}/raw',
      operationId: 'getRawMessage',
      summary: 'Download one mail as it lies in the folder',
      request: { params: messagePath },
      responses: {
        200: {
          description: 'The mail, with Return-Path and Received in front',
          content: { 'message/rfc822': { schema: { type: 'string', format: 'binary' } } },
        },
        ...problems(400, 404, ...always),
      },
    }),
    (c) => rawResponse(context, c, c.req.valid('param')),
  );
}

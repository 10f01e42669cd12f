import createClient from 'openapi-fetch';
import { findSession, mark, NOT_KNOWN_YET, sessionNow, setSession } from '../session/session';
import { exact } from './exact';
import type { paths } from './schema';

/** An answer that is no success, with what helps to mend it. */
const SCOPES = ['account', 'workspace', 'member', 'key_limit'] as const;
export type LimitScope = (typeof SCOPES)[number];

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** `metadata.error_type`: what programs look at. */
    readonly kind: string | null,
    /** The member of the request at fault, where the refusal begins with its name. */
    readonly field: string | null,
    /** Of a request to a model: its record tells what was tried. */
    readonly generation: string | null = null,
    /** `X-Request-Id`: what to look for in the server's log. */
    readonly request: string | null = null,
    /** Whose limit stopped a request to a model. */
    readonly limit: LimitScope | null = null,
  ) {
    super(message);
  }
}

/** No answer came: what was asked for may have been done, or not. */
export class NoAnswer extends Error {
  constructor() {
    super('The server did not answer');
  }
}
/** A browser says of it no more than that it failed. */
const ask = (request: Request) =>
  fetch(request).catch((error: unknown) => {
    throw error instanceof TypeError ? new NoAnswer() : error;
  });

const FIELD = /^([a-z_]+(?:\[\d+\])?(?:\.[a-z_]+)*): /;

export async function errorOf(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => null)) as {
    error?: { message?: string; metadata?: { error_type?: string; limit?: { scope?: string } } };
  } | null;
  const message = body?.error?.message ?? (response.statusText || `The server answered ${response.status}`);
  const field = FIELD.exec(message)?.[1] ?? null;
  const kind = body?.error?.metadata?.error_type ?? null;
  const { headers } = response;
  return new ApiError(
    response.status,
    message,
    kind,
    field,
    headers.get('x-generation-id'),
    headers.get('x-request-id'),
    SCOPES.find(scope => scope === body?.error?.metadata?.limit?.scope) ?? null,
  );
}

/** The address this dashboard is served under; the server writes it into <base href>. */
export const basePath = () => new URL(document.baseURI).pathname;
export const at = (path: string) => {
  const url = new URL(path, document.baseURI);
  return url.pathname + url.search;
};
/** How programs elsewhere reach the API. */
export const publicAddress = () => new URL('api/v1', document.baseURI).href;

let asking: Promise<boolean> | null = null;
/** Whether the session is over: the server says so twice. A 401 alone says it of one request. However
    many are refused at once, the server is asked once. */
function isOver(): Promise<boolean> {
  const ask = async () => {
    for (const wait of [0, NOT_KNOWN_YET]) {
      if (wait) await new Promise(done => setTimeout(done, wait));
      // A server that does not answer says nothing of the session.
      if ((await findSession().catch(() => undefined)) !== null) return false;
    }
    return true;
  };
  asking ??= ask().finally(() => {
    asking = null;
  });
  return asking;
}

/** Sends a request of the session. Refusals are thrown. After one that may mean that the session is
    over the server is asked whether it is; if not, what only reads is sent once more. */
export async function send(input: Request | string, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  mark(request.headers);
  const session = sessionNow();
  const again = session && request.method === 'GET' ? request.clone() : null;
  let response = await ask(request);
  if (response.status === 401 && session) {
    if (await isOver()) {
      // Somebody may have signed in meanwhile.
      if (sessionNow() === session) setSession(null);
    } else if (again) response = await ask(again);
  }
  if (response.ok) return response;
  throw await errorOf(response);
}

/** The answer to its end: a connection that breaks on the way is as good as none. */
const textOf = (response: Response) =>
  response.text().catch((error: unknown) => {
    throw error instanceof TypeError ? new NoAnswer() : error;
  });

export const api = createClient<paths>({
  baseUrl: at(''),
  fetch: async request => {
    const response = await send(request);
    const text = exact(await textOf(response));
    return new Response(text, { status: response.status, headers: { 'content-type': 'application/json' } });
  },
});

/** For routes whose answers the server's document leaves untyped. */
export async function read<T>(path: string, init?: RequestInit): Promise<T> {
  const response = await send(at(path), init);
  return JSON.parse(exact(await textOf(response))) as T;
}
export const postJson = (body: unknown, method = 'POST'): RequestInit => ({
  method,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

/** Saves what a route answers as a file. A plain link would not carry the session. */
export async function download(path: string, name: string) {
  const response = await send(at(path));
  save(
    await response.blob().catch(() => {
      throw new NoAnswer();
    }),
    name,
  );
}
export function save(content: Blob, name: string) {
  const address = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
/** What the binary is to send with the page. */
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

export type Site = { url: string; close: () => void };

/** Serves the built dashboard under a base path as the binary will, and passes the API on to a
    gateway. `answer` may answer in its place, to see what a page makes of failures. */
export async function serve(
  dist: string,
  gateway: string,
  base = '/',
  answer: (path: string) => number | undefined = () => undefined,
): Promise<Site> {
  const server: Server = createServer((asked, response) => {
    const path = (asked.url ?? '/').split('?')[0] ?? '/';
    if (!path.startsWith(base)) return end(response, 404, 'outside of the base path');
    const inner = path.slice(base.length);
    if (inner.startsWith('api/')) {
      const status = answer(inner);
      if (status === undefined)
        return pass(asked, response, gateway, (asked.url ?? '').slice(base.length - 1));
      response.setHeader('content-type', 'application/json');
      return end(
        response,
        status,
        JSON.stringify({ error: { code: status, message: 'Refused by the test' } }),
      );
    }
    const file = join(dist, inner);
    if (inner.startsWith('assets/') && !existsSync(file)) return end(response, 404, 'no such file');
    const found =
      inner !== '' && existsSync(file) && extname(file) in TYPES ? file : join(dist, 'index.html');
    response.setHeader('content-type', TYPES[extname(found)] ?? 'application/octet-stream');
    response.setHeader('content-security-policy', POLICY);
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('referrer-policy', 'same-origin');
    const content = readFileSync(found);
    const isPage = found.endsWith('index.html');
    end(
      response,
      200,
      isPage ? content.toString().replace('<base href="/" />', `<base href="${base}" />`) : content,
    );
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}${base.replace(/\/$/, '')}`, close: () => server.close() };
}

function end(response: ServerResponse, status: number, content: string | Buffer) {
  response.statusCode = status;
  response.end(content);
}

function pass(asked: IncomingMessage, response: ServerResponse, gateway: string, path: string) {
  const target = new URL(path, gateway);
  const onward = request(
    target,
    { method: asked.method, headers: { ...asked.headers, host: target.host } },
    answered => {
      response.writeHead(answered.statusCode ?? 502, answered.headers);
      answered.pipe(response);
    },
  );
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());
  asked.pipe(onward);
}

import { type InfiniteData, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import {
  generationsPage,
  type LogFilter,
  type LogPage,
  type LogRow,
  logsQuery,
  tail,
} from '../../api/generations';

/** More than this is told as “500 and more”, and read anew rather than kept. */
export const MOST_WAITING = 500;

const pause = (milliseconds: number, signal: AbortSignal) =>
  new Promise<void>(done => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      done();
    });
  });

type Pages = InfiniteData<LogPage, unknown>;

/** Rows in front of a list, none twice. */
export function withNewer(data: Pages | undefined, newer: LogRow[]): Pages | undefined {
  const [first, ...rest] = data?.pages ?? [];
  if (!data || !first) return data;
  const known = new Set(data.pages.flatMap(page => page.rows.map(row => row.id)));
  const fresh = newer.filter(row => !known.has(row.id));
  return { ...data, pages: [{ ...first, rows: [...fresh, ...first.rows] }, ...rest] };
}

/** Requests that end while the list is read. They wait until the reader wants them, so that nothing
    moves under the eye; or come in as they are, if the reader follows. */
export function useNewer(filter: LogFilter, isReady: boolean, follows: boolean, newest?: LogRow) {
  const client = useQueryClient();
  const [waiting, setWaiting] = useState<LogRow[]>([]);
  const start = useRef(newest?.createdAt);
  if (start.current === undefined) start.current = newest?.createdAt;
  const key = JSON.stringify(filter);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key says all of the filter
  useEffect(() => {
    if (!isReady) return;
    const abort = new AbortController();
    setWaiting([]);
    const take = (rows: LogRow[]) =>
      setWaiting(now => {
        const known = new Set(now.map(row => row.id));
        const fresh = rows.filter(row => !known.has(row.id));
        return fresh.length ? [...fresh, ...now].slice(0, MOST_WAITING) : now;
      });
    const listen = async () => {
      for (let broken = 0; !abort.signal.aborted; broken++) {
        try {
          // What ended while nobody listened is asked for once.
          if (broken > 0 && start.current) {
            const { rows } = await generationsPage(
              { ...filter, from: start.current },
              null,
              100,
              abort.signal,
            );
            take(rows);
          }
          for await (const row of tail(filter, abort.signal)) {
            take([row]);
            broken = 0;
          }
        } catch {
          // The server went away, or this list was left: the loop says which.
        }
        await pause(Math.min(30_000, 1000 * 2 ** broken), abort.signal);
      }
    };
    void listen();
    return () => abort.abort();
  }, [key, isReady]);

  const current = useRef(waiting);
  current.current = waiting;
  const show = useCallback(() => {
    const rows = current.current;
    const { queryKey } = logsQuery(filter);
    setWaiting([]);
    // A gap would be told by nothing: with that many the list is read anew.
    if (rows.length >= MOST_WAITING) void client.resetQueries({ queryKey });
    else client.setQueryData(queryKey, (known: Pages | undefined) => withNewer(known, rows));
  }, [client, filter]);
  useEffect(() => {
    if (follows && waiting.length > 0) show();
  }, [follows, waiting, show]);
  const shown = new Set(
    client
      .getQueryData(logsQuery(filter).queryKey)
      ?.pages[0]?.rows.slice(0, MOST_WAITING)
      .map(row => row.id),
  );
  return { count: waiting.filter(row => !shown.has(row.id)).length, show };
}

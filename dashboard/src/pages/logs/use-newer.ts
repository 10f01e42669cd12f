import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { generationsPage, histogramQuery, type LogFilter, logsQuery, tail } from '../../api/generations';
import { idsOf, MOST_IN_FRONT, meets, type Pages, since, waitingRoom, withNewer } from './newer';

const pause = (milliseconds: number, signal: AbortSignal) =>
  new Promise<void>(done => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      done();
    });
  });

/** Requests that end while the list is read. They wait until the reader wants them, so that nothing
    moves under the eye; or come in as they are, if the reader follows. */
export function useNewer(filter: LogFilter, isReady: boolean, follows: boolean) {
  const client = useQueryClient();
  const [isRenewing, setRenewing] = useState(false);
  const key = JSON.stringify(filter);
  // biome-ignore lint/correctness/useExhaustiveDependencies: of another list nothing waits yet
  const room = useMemo(waitingRoom, [key]);
  const waiting = useSyncExternalStore(room.subscribe, room.now);
  // biome-ignore lint/correctness/useExhaustiveDependencies: there is one room for each filter
  useEffect(() => {
    if (!isReady) return;
    const abort = new AbortController();
    const { queryKey } = logsQuery(filter);
    /** What ended between the list and the stream, or while there was no stream. */
    const catchUp = async () => {
      const page = await generationsPage(filter, null, undefined, abort.signal);
      const shown = idsOf(client.getQueryData(queryKey));
      const known = new Set([...shown, ...room.now().rows.map(row => row.id)]);
      const fresh = page.rows.filter(row => !shown.has(row.id));
      room.add(fresh, !meets(page, known));
    };
    const listen = async () => {
      for (let broken = 0; !abort.signal.aborted; broken++) {
        try {
          for await (const told of tail(filter, abort.signal)) {
            if (told === 'listening') await catchUp();
            else if (told === 'missed') room.add([], true);
            else room.add([told]);
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
  }, [room, isReady]);

  const show = useCallback(() => {
    const { rows, hasGap } = room.take();
    const { queryKey } = logsQuery(filter);
    // While the list is followed the bars are asked for by the clock.
    if (!follows) void client.invalidateQueries({ queryKey: histogramQuery(filter).queryKey });
    const known = client.getQueryData<Pages>(queryKey);
    if (!hasGap && (known?.pages[0]?.rows.length ?? 0) + rows.length <= MOST_IN_FRONT) {
      client.setQueryData<Pages>(queryKey, withNewer(known, rows));
      return;
    }
    // What comes meanwhile waits, and is laid before what was read; so is what was taken, which may be
    // told before it is written.
    setRenewing(true);
    generationsPage(filter, null)
      .then(
        page =>
          client.setQueryData<Pages>(
            queryKey,
            withNewer({ pages: [page], pageParams: [null] }, since(page, rows)),
          ),
        () => client.resetQueries({ queryKey }),
      )
      .finally(() => setRenewing(false));
  }, [client, filter, room, follows]);
  const shown = idsOf(client.getQueryData<Pages>(logsQuery(filter).queryKey));
  const count = waiting.rows.filter(row => !shown.has(row.id)).length;
  const hasSome = !isRenewing && (count > 0 || waiting.hasGap);
  // biome-ignore lint/correctness/useExhaustiveDependencies: more may wait than did when it was last shown
  useEffect(() => {
    if (follows && hasSome) show();
  }, [follows, hasSome, waiting, show]);
  return { count, hasGap: waiting.hasGap, hasSome, show };
}

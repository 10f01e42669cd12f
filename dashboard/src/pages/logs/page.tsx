import { useInfiniteQuery, useMutation } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { Download, Radio } from 'lucide-react';
import { useEffect, useMemo } from 'react';
import { download } from '../../api/client';
import { FILTERS } from '../../api/filters';
import { exportAddress, type LogFilter, logsQuery } from '../../api/generations';
import { rangeLabel, stretch } from '../../lib/moment';
import type { LogsSearch } from '../../search';
import { OVER, useClose } from '../../shell/over';
import { useKeys } from '../../shell/shortcuts';
import { Button } from '../../ui/button';
import { copyText } from '../../ui/copy';
import { Page } from '../../ui/page';
import { Empty, Load, Refusal } from '../../ui/states';
import { FirstRequest } from '../first-request';
import { LogDetail } from './detail';
import { Filters, isFiltered } from './filters';
import { Histogram } from './histogram';
import { List, useLogColumns } from './list';
import { useNewer } from './use-newer';

const route = getRouteApi('/logs');

export function LogsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const set = (patch: Partial<LogsSearch>, typed = false) =>
    void navigate({
      search: now => ({ ...now, ...patch }),
      ...(typed && { replace: true, state: true as const }),
    });
  const asked = JSON.stringify([search.range, ...FILTERS.map(name => search[name])]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is asked says all of the filter
  const filter = useMemo<LogFilter>(
    () => ({
      from: search.range ? stretch(search.range, Date.now()).start : undefined,
      ...Object.fromEntries(FILTERS.map(name => [name, search[name]])),
    }),
    [asked],
  );
  const query = useInfiniteQuery({ ...logsQuery(filter), refetchOnWindowFocus: false });
  const rows = useMemo(() => query.data?.pages.flatMap(page => page.rows) ?? [], [query.data]);
  const exporting = useMutation({
    mutationFn: () => download(exportAddress(filter), 'generations.csv'),
  });
  const [columns, choice] = useLogColumns(rows, search.id !== undefined);
  const follows = search.tail === true && !search.id;
  const newer = useNewer(filter, query.isSuccess, follows);
  const show = (id: string) =>
    void navigate({
      search: now => ({ ...now, id }),
      ...(search.id ? { replace: true, state: true } : { state: OVER }),
    });
  const close = useClose(() => void navigate({ search: now => ({ ...now, id: undefined }), replace: true }));

  const at = rows.findIndex(row => row.id === search.id);
  const step = (by: number) => {
    const next = rows[at + by];
    if (next) show(next.id);
  };
  useKeys({
    j: () => step(1),
    k: () => at > 0 && step(-1),
    Escape: () => search.id && close(),
    c: () => search.id && void copyText(search.id),
  });
  // While there is nothing at all, the first request is shown as it comes.
  const isEmpty = query.data !== undefined && rows.length === 0;
  const showNewer = newer.show;
  useEffect(() => {
    if (isEmpty && newer.hasSome) showNewer();
  }, [isEmpty, newer.hasSome, showNewer]);

  const status = `${rows.length}${query.hasNextPage ? ' and more' : ''} ${rows.length === 1 ? 'request' : 'requests'}${search.range ? `, ${rangeLabel(search.range).toLowerCase()}` : ''}`;
  return (
    <div className="flex h-full">
      <div className={`h-full min-w-0 flex-1 ${search.id ? 'max-lg:hidden' : ''}`}>
        <Page
          fill
          title="Logs"
          note={<p role="status">{query.data ? status : ''}</p>}
          actions={
            <>
              {newer.hasSome && !isEmpty && (
                <Button kind="primary" onClick={newer.show}>
                  {newer.hasGap ? 'Many new' : `${newer.count} new`}
                </Button>
              )}
              {choice}
              <Button
                aria-pressed={search.tail === true}
                title="New requests come in by themselves"
                onClick={() => set({ tail: search.tail ? undefined : true }, true)}
              >
                <Radio size={14} aria-hidden className={search.tail ? 'text-ok' : ''} />
                {search.tail ? 'Following' : 'Follow'}
              </Button>
              <Button
                onClick={() => exporting.mutate()}
                disabled={exporting.isPending}
                reason={rows.length === 0 && 'There is nothing to export'}
                title="All requests that these filters show, as a file"
              >
                <Download size={14} aria-hidden />
                {exporting.isPending ? 'Writing…' : 'CSV'}
              </Button>
            </>
          }
        >
          {exporting.error && (
            <Refusal
              error={new Error(`The file could not be written to its end: ${exporting.error.message}`)}
            />
          )}
          <Filters search={search} set={set} />
          <Histogram filter={filter} follows={follows} />
          <Load query={query} what="Requests" lines={12}>
            {() =>
              rows.length > 0 ? (
                <List rows={rows} columns={columns} query={query} selected={search.id} show={show} />
              ) : isFiltered(search) ? (
                <Empty title="No request fits these filters">
                  <Link to="/logs" className="text-accent underline">
                    Show all requests
                  </Link>
                </Empty>
              ) : (
                <FirstRequest />
              )
            }
          </Load>
        </Page>
      </div>
      {search.id && <LogDetail key={search.id} id={search.id} row={rows[at]} onClose={close} />}
    </div>
  );
}

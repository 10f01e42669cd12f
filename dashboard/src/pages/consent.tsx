import { useMutation, useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../api/client';
import { workspacesQuery } from '../api/queries';
import type { components } from '../api/schema';
import { momentOf } from '../lib/moment';
import { nano, plain } from '../lib/money';
import type { ConsentSearch } from '../search';
import { Button } from '../ui/button';
import { CopyButton } from '../ui/copy';
import { Field, Input, Select } from '../ui/field';
import { Facts, Page } from '../ui/page';
import { Load, Refusal } from '../ui/states';
import { ResetOptions } from './keys/limit';

const route = getRouteApi('/auth');
type Wanted = components['schemas']['RequestObject'];
type Answered = components['schemas']['Consent'];

/** An application asks for a key of its own. What it asks for stands in the address; the server says
    what that means, and where the browser goes with the answer. */
export function ConsentPage() {
  const search = route.useSearch();
  const query = useQuery({
    queryKey: ['consent', search],
    retry: false,
    queryFn: async () =>
      (await api.GET('/api/v1/auth/consent', { params: { query: search } })).data?.data as Wanted,
  });
  return (
    <Page title="An application asks for access">
      <Load query={query} what="What it asks for" lines={5}>
        {wanted => <Consent search={search} wanted={wanted} />}
      </Load>
    </Page>
  );
}

/** Only where the server sends it: not to whatever an address may say. */
function leave(answered: Answered | undefined) {
  if (answered?.redirect_url) location.assign(answered.redirect_url);
}

/** Where the key would be: it decides which models it reaches and whose budget pays. By its id until
    the name is known. */
function WorkspaceName({ id }: { id: string }) {
  const workspaces = useQuery(workspacesQuery).data;
  return <>{workspaces?.find(one => one.id === id)?.name ?? id}</>;
}

function Consent({ search, wanted }: { search: ConsentSearch; wanted: Wanted }) {
  const [limit, setLimit] = useState(wanted.limit == null ? '' : plain(nano(wanted.limit)));
  const [reset, setReset] = useState(wanted.usage_limit_type ?? '');
  const approving = useMutation({
    mutationFn: async () => {
      const body = {
        ...search,
        limit: limit === '' ? undefined : Number(limit),
        usage_limit_type: limit === '' ? undefined : reset || undefined,
      };
      return (await api.POST('/api/v1/auth/consent/approve', { body })).data?.data;
    },
    onSuccess: leave,
  });
  const denying = useMutation({
    mutationFn: async () => (await api.POST('/api/v1/auth/consent/deny', { body: search })).data?.data,
    onSuccess: leave,
  });
  const code = approving.data?.redirect_url ? null : approving.data?.code;
  if (code) {
    return (
      <div className="grid max-w-prose gap-3" role="status">
        <p>
          Give this code to the application. It can be exchanged once
          {approving.data?.expires_at && `, until ${momentOf(approving.data.expires_at)}`}.
        </p>
        <code className="block rounded-m bg-sunken px-3 py-2 font-mono break-all select-all">{code}</code>
        <div>
          <CopyButton text={code} kind="primary" />
        </div>
      </div>
    );
  }
  if (denying.isSuccess && !denying.data?.redirect_url)
    return <p role="status">Nothing was granted. You can close this page.</p>;
  return (
    <form
      className="grid max-w-xl gap-5"
      onSubmit={event => {
        event.preventDefault();
        approving.mutate();
      }}
    >
      <p className="text-md">
        <b>{wanted.application ?? 'A program on your machine'}</b> wants an API key that spends from this
        account.
      </p>
      <Facts
        facts={[
          [
            'Goes back to',
            <span key="callback" className="font-mono text-xs break-all">
              {wanted.callback_url ?? 'nowhere: you copy a code'}
            </span>,
          ],
          ['The key is called', wanted.key_label],
          [
            'In the workspace',
            wanted.workspace_id ? <WorkspaceName key="workspace" id={wanted.workspace_id} /> : null,
          ],
          ['Ends', wanted.expires_at ? momentOf(wanted.expires_at) : 'never'],
          ['Proof of who asks', wanted.code_challenge_method ?? 'none: anybody who sees the code can use it'],
        ]}
      />
      <div className="grid grid-cols-2 gap-4 max-md:grid-cols-1">
        <Field label="At most (USD)" hint="Empty: no limit of its own.">
          {wiring => (
            <Input
              {...wiring}
              type="number"
              min={0}
              step="any"
              inputMode="decimal"
              value={limit}
              onChange={event => setLimit(event.target.value)}
            />
          )}
        </Field>
        <Field label="Limit starts afresh" hint={limit === '' && 'Set a limit first.'}>
          {wiring => (
            <Select
              {...wiring}
              value={reset}
              disabled={limit === ''}
              onChange={event => setReset(event.target.value)}
            >
              <ResetOptions />
            </Select>
          )}
        </Field>
      </div>
      <Refusal error={approving.error ?? denying.error} />
      <div className="flex gap-2">
        <Button kind="primary" type="submit" disabled={approving.isPending || approving.isSuccess}>
          Authorise
        </Button>
        <Button onClick={() => denying.mutate()} disabled={denying.isPending || approving.isSuccess}>
          Deny
        </Button>
      </div>
    </form>
  );
}

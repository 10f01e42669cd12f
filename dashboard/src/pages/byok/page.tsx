import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import {
  type Credential,
  type CredentialProvider,
  credentialProvidersQuery,
  credentialsQuery,
} from '../../api/credentials';
import { useReason } from '../../session/session';
import { OVER, useClose } from '../../shell/over';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { LateInput } from '../../ui/late-input';
import { Page, Section } from '../../ui/page';
import { Roundel } from '../../ui/roundel';
import { Empty, Load } from '../../ui/states';
import { CredentialForm } from './form';
import { ProviderKeys } from './provider-keys';

const route = getRouteApi('/byok');

export function CredentialsPage() {
  const credentials = useQuery(credentialsQuery);
  const providers = useQuery(credentialProvidersQuery);
  return (
    <Page
      title="Provider keys"
      note={
        credentials.data && <p role="status">{`${credentials.data.length} stored or from the environment`}</p>
      }
    >
      <Load query={providers} what="Providers" lines={6}>
        {all => (
          <Load query={credentials} what="Provider keys" lines={6}>
            {keys => <Keys providers={all} credentials={keys} />}
          </Load>
        )}
      </Load>
    </Page>
  );
}

function Keys({ providers, credentials }: { providers: CredentialProvider[]; credentials: Credential[] }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const reason = useReason('credentials');
  const [typed, setTyped] = useState(search.q ?? '');
  const add = (slug: string) => void navigate({ search: now => ({ ...now, add: slug }), state: OVER });
  const close = useClose(() => void navigate({ search: now => ({ ...now, add: undefined }), replace: true }));
  const query = typed.trim().toLowerCase();
  const held = useMemo(() => {
    const names = new Map(providers.map(one => [one.slug, one.name]));
    const slugs = [...new Set(credentials.map(one => one.provider))];
    return slugs
      .map(slug => ({ slug, name: names.get(slug) ?? slug }))
      .sort((a, b) => a.name.localeCompare(b.name));
  }, [providers, credentials]);
  const others = providers
    .filter(one => !held.some(own => own.slug === one.slug))
    .filter(one => `${one.name} ${one.slug}`.toLowerCase().includes(query))
    .sort((a, b) => b.models - a.models || a.name.localeCompare(b.name));
  const adding = providers.find(one => one.slug === search.add);
  return (
    <>
      {held.length === 0 ? (
        <Empty title="No provider key yet">
          Choose a provider below and paste a key of yours: it is tried at once and kept encrypted. Servers of
          your own are made known on the server’s machine: trunkline provider add.
        </Empty>
      ) : (
        <div className="grid gap-6">
          {held.map(one => (
            <ProviderKeys
              key={one.slug}
              provider={one}
              credentials={credentials}
              onAdd={() => add(one.slug)}
            />
          ))}
        </div>
      )}
      <Section
        title={held.length ? 'Add another provider' : 'Choose a provider'}
        actions={
          <LateInput
            type="search"
            aria-label="Filter providers"
            placeholder="Filter providers"
            className="w-56"
            value={search.q ?? ''}
            onType={setTyped}
            onChange={q =>
              void navigate({ search: now => ({ ...now, q: q || undefined }), replace: true, state: true })
            }
          />
        }
      >
        {reason && <p className="mb-2 text-ink-3">{reason}.</p>}
        <ul className="grid grid-cols-[repeat(auto-fill,minmax(13rem,1fr))] gap-x-6">
          {others.map(one => (
            <li key={one.slug} className="border-t border-rule">
              <button
                type="button"
                title={reason || undefined}
                disabled={Boolean(reason)}
                onClick={() => add(one.slug)}
                className="flex min-h-11 w-full items-center gap-2 rounded-m px-1 text-left hover:bg-wash disabled:cursor-not-allowed disabled:opacity-60"
              >
                <Roundel name={one.name} />
                <span className="min-w-0 flex-1 truncate font-medium">{one.name}</span>
                <span className="text-xs text-ink-3">
                  {one.models > 0 ? `${one.models} ${one.models === 1 ? 'model' : 'models'}` : ''}
                  {one.key_optional && ' key optional'}
                </span>
              </button>
            </li>
          ))}
        </ul>
        {others.length === 0 && <p className="text-ink-3">No other provider has such a name.</p>}
      </Section>
      <Dialog open={adding !== undefined} onClose={close} title={`Add a key of ${adding?.name ?? ''}`}>
        {adding && (
          <>
            <CredentialForm provider={adding} onStored={close} />
            <Button kind="quiet" className="mt-3" onClick={close}>
              Cancel
            </Button>
          </>
        )}
      </Dialog>
    </>
  );
}

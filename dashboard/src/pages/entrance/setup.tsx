import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { api, at, publicAddress, read } from '../../api/client';
import { credentialProvidersQuery } from '../../api/credentials';
import { generationsPage } from '../../api/generations';
import { modelsQuery, writesText } from '../../api/queries';
import { fieldError, otherError } from '../../api/refusal';
import { asCode } from '../../chat/as-code';
import { duration } from '../../lib/format';
import { usdExact } from '../../lib/money';
import { type SetupState, setUp } from '../../session/enter';
import { forgetSecret, useSecret } from '../../session/link-secret';
import { useSession } from '../../session/session';
import { Door } from '../../shell/door';
import { useUnlost } from '../../shell/unlost';
import { Button, buttonClass } from '../../ui/button';
import { CopyButton } from '../../ui/copy';
import { Field, Input, Select } from '../../ui/field';
import { Snippet } from '../../ui/snippet';
import { Load, Refusal } from '../../ui/states';
import { Track } from '../../ui/track';
import { CredentialForm } from '../byok/form';
import { MailField, NameField, NewPassword } from './account-fields';

const STEPS = ['Your account', 'A provider', 'The first request'] as const;
const route = getRouteApi('/setup');
export const setupQuery = {
  queryKey: ['setup'],
  queryFn: () => read<SetupState>('api/internal/setup'),
};

/** From an empty server to the first answered request. What is done is the server's to say: the page
    may be closed at any step and goes on where it was. */
export function SetupPage() {
  const session = useSession();
  const { step = 'provider' } = route.useSearch();
  const at = !session ? 0 : step === 'provider' ? 1 : 2;
  return (
    <Door title="Set up Trunkline" wide>
      <ol className="mt-3 mb-5 flex flex-wrap gap-x-5 gap-y-1 text-xs" aria-label="Steps">
        {STEPS.map((label, place) => (
          <li
            key={label}
            aria-current={place === at ? 'step' : undefined}
            className={place === at ? 'font-semibold text-ink' : 'text-ink-3'}
          >
            {place + 1}. {label}
            {place < at && <span className="text-ok"> done</span>}
          </li>
        ))}
      </ol>
      {at === 0 ? <AccountStep /> : at === 1 ? <ProviderStep /> : <RequestStep />}
    </Door>
  );
}

function AccountStep() {
  const client = useQueryClient();
  const query = useQuery(setupQuery);
  const code = useSecret();
  const making = useMutation({
    mutationFn: (form: FormData) => {
      const text = (name: string) => String(form.get(name) ?? '').trim();
      return setUp({
        code: text('code') || code,
        email: text('email'),
        name: text('name'),
        password: String(form.get('password')),
      });
    },
    onSuccess: () => {
      forgetSecret();
      client.clear();
    },
  });
  return (
    <Load query={query} what="The state of this server">
      {({ needed, code_required }) =>
        needed ? (
          <form
            className="grid gap-4"
            // What was refused is not what stands there any more.
            onInput={() => making.isError && making.reset()}
            onSubmit={event => {
              event.preventDefault();
              making.mutate(new FormData(event.currentTarget));
            }}
          >
            <p className="text-ink-2">You become the owner of this server and can invite others later.</p>
            {code_required && !code && (
              <Field
                label="Set-up code"
                error={fieldError(making.error, 'code')}
                hint="In what the server printed when it started; or run trunkline setup-link on its machine."
              >
                {wiring => (
                  <Input
                    {...wiring}
                    name="code"
                    required
                    autoComplete="off"
                    spellCheck={false}
                    className="font-mono"
                  />
                )}
              </Field>
            )}
            <MailField error={fieldError(making.error, 'email')} />
            <NameField error={fieldError(making.error, 'name')} />
            <NewPassword error={fieldError(making.error, 'password')} />
            <Refusal
              error={otherError(making.error, [
                'email',
                'name',
                'password',
                ...(code_required && !code ? ['code'] : []),
              ])}
            />
            <Button kind="primary" type="submit" className="justify-self-start" disabled={making.isPending}>
              Create the account
            </Button>
          </form>
        ) : (
          <div className="grid justify-items-start gap-4">
            <p className="text-ink-2">This server is set up. Sign in, or ask an admin for an invitation.</p>
            <a className={buttonClass()} href={at('')}>
              Sign in
            </a>
          </div>
        )
      }
    </Load>
  );
}

/** The providers most people come with stand first. */
const KNOWN = ['openai', 'anthropic', 'google-ai-studio', 'openrouter', 'groq', 'mistral', 'deepseek'];

function ProviderStep() {
  const navigate = route.useNavigate();
  const providers = useQuery(credentialProvidersQuery);
  const [slug, setSlug] = useState<string>();
  const next = () => void navigate({ search: { step: 'request' } });
  return (
    <Load query={providers} what="Providers">
      {all => {
        const rank = (one: string) => (KNOWN.includes(one) ? KNOWN.indexOf(one) : KNOWN.length);
        const sorted = [...all].sort((a, b) => rank(a.slug) - rank(b.slug) || a.name.localeCompare(b.name));
        const ready = all.filter(one => one.has_credential);
        const chosen = sorted.find(one => one.slug === slug) ?? sorted[0];
        return (
          <div className="grid gap-5">
            {ready.length > 0 && (
              <p role="status" className="border-l-2 border-ok pl-3">
                Ready: {ready.map(one => one.name).join(', ')}.
              </p>
            )}
            <p className="text-ink-2">
              Requests go to providers with your keys. Paste one: it is tried at once, and kept encrypted.
            </p>
            <Field label="Provider">
              {wiring => (
                <Select {...wiring} value={chosen?.slug} onChange={event => setSlug(event.target.value)}>
                  {sorted.map(one => (
                    <option key={one.slug} value={one.slug}>
                      {one.name}
                    </option>
                  ))}
                </Select>
              )}
            </Field>
            {chosen && <CredentialForm key={chosen.slug} provider={chosen} onStored={next} />}
            <div className="flex gap-2 border-t border-rule pt-4">
              <Button kind={ready.length ? 'primary' : 'quiet'} onClick={next}>
                {ready.length ? 'Go on' : 'Later: go on with simulated models'}
              </Button>
            </div>
          </div>
        );
      }}
    </Load>
  );
}

function RequestStep() {
  const client = useQueryClient();
  const models = useQuery(modelsQuery);
  const [model, setModel] = useState<string>();
  const making = useMutation({
    mutationFn: async () => (await api.POST('/api/v1/keys', { body: { name: 'First key' } })).data,
    onSuccess: () => void client.invalidateQueries({ queryKey: ['keys'] }),
  });
  const made = making.data;
  const { wasTried, release } = useUnlost(making.isPending || made !== undefined);
  const ids = (models.data ?? []).filter(writesText).map(one => one.id);
  const chosen = model ?? ids.find(id => id.endsWith(':free')) ?? ids[0] ?? 'simulated/chat:free';
  const body = { model: chosen, messages: [{ role: 'user', content: 'Hello!' }] };
  const code = (language: 'curl' | 'python' | 'typescript') =>
    asCode(language, publicAddress(), body).replace('$TRUNKLINE_KEY', made?.key ?? '$TRUNKLINE_KEY');
  return (
    <div className="grid gap-5">
      {!made ? (
        <>
          <p className="text-ink-2">Programs call this server with an API key. The first one has no limit.</p>
          <Refusal error={making.error} />
          <Button
            kind="primary"
            className="justify-self-start"
            onClick={() => making.mutate()}
            disabled={making.isPending}
          >
            Create an API key
          </Button>
        </>
      ) : (
        <>
          <div>
            <p className="mb-1 text-ink-2">Your key, shown this once:</p>
            <code className="block rounded-m bg-sunken px-2.5 py-1.5 font-mono text-xs break-all select-all">
              {made.key}
            </code>
            <div className="mt-2">
              <CopyButton text={made.key} label="Copy key" />
            </div>
            {wasTried && (
              <p role="alert" className="mt-2 border-l-2 border-warn pl-3">
                It is not shown again. Copy it before you go on.
              </p>
            )}
          </div>
          <Field label="Model">
            {wiring => (
              <Select {...wiring} value={chosen} onChange={event => setModel(event.target.value)}>
                {ids.map(id => (
                  <option key={id}>{id}</option>
                ))}
              </Select>
            )}
          </Field>
          <Snippet code={code} />
        </>
      )}
      <Waiting hash={made?.data.hash} secret={made?.key} body={body} />
      <p>
        <a className={buttonClass(made ? 'plain' : 'quiet')} href={at('')} onClick={release}>
          {made ? 'To the dashboard' : 'Skip'}
        </a>
      </p>
    </div>
  );
}

/** Listens for the first request, whoever sends it, or sends it from here. */
function Waiting({ hash, secret, body }: { hash?: string; secret?: string; body: unknown }) {
  const [since] = useState(() => new Date(Date.now() - 60_000).toISOString());
  const seen = useQuery({
    queryKey: ['first-request', hash],
    enabled: hash !== undefined,
    refetchInterval: query => (query.state.data?.rows.length ? false : 2_000),
    queryFn: () => generationsPage({ key: hash, from: since }, null, 1),
  });
  // With the key itself and not with the session: this shows that the key works.
  const sending = useMutation({
    mutationFn: async () => {
      const response = await fetch(at('api/v1/chat/completions'), {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
        body: JSON.stringify(body),
      });
      const answer = await response.json();
      if (!response.ok) throw new Error(answer?.error?.message ?? `The server answered ${response.status}.`);
      return String(answer.choices?.[0]?.message?.content ?? '');
    },
    onSuccess: () => seen.refetch(),
  });
  useEffect(() => {
    if (seen.data?.rows.length) document.title = 'Answered · Trunkline';
  }, [seen.data]);
  if (!hash) return null;
  const first = seen.data?.rows[0];
  if (first && first.status !== 'failed') {
    return (
      <section aria-label="First request" className="rounded-l border border-rule p-4">
        <p role="status" className="mb-2 font-semibold text-ok">
          Answered. This server works.
        </p>
        <Track
          stops={first.route}
          end={{ text: `${first.completionTokens} tokens, ${usdExact(first.cost)}` }}
        />
        <p className="mt-1 text-xs text-ink-3">in {duration(first.took)}</p>
        {sending.data && <p className="mt-2 text-ink-2">{sending.data.slice(0, 300)}</p>}
      </section>
    );
  }
  return (
    <div className="flex flex-wrap items-center gap-3">
      <Button kind="primary" onClick={() => sending.mutate()} disabled={sending.isPending}>
        {sending.isPending ? 'Asking…' : 'Send it from here'}
      </Button>
      <span role="status" className="text-ink-3">
        or run the example: the answer shows up here.
      </span>
      <Refusal error={sending.error} />
    </div>
  );
}

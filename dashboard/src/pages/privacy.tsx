import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { modelsQuery, refresh, workspacesQuery } from '../api/queries';
import { type Effect, type Policy, type Privacy, privacyQuery, setPrivacy } from '../api/server';
import { percent } from '../lib/format';
import { useReason } from '../session/session';
import { LimitBar } from '../ui/badge';
import { Button } from '../ui/button';
import { Checkbox } from '../ui/field';
import { Page, Section } from '../ui/page';
import { Load, Refusal } from '../ui/states';

const REGIONS: [string, string][] = [
  ['eu', 'European Union'],
  ['europe', 'Europe'],
  ['us', 'United States'],
];

export function PrivacyPage() {
  const query = useQuery(privacyQuery());
  return (
    <Page title="Privacy" note="holds for every request of every key">
      <Load query={query} what="The data policy" lines={6}>
        {inForce => <Editor key={JSON.stringify(inForce)} inForce={inForce} />}
      </Load>
    </Page>
  );
}

const policyOf = ({ allow_training, zdr_only, regions }: Privacy): Policy => ({
  allow_training,
  zdr_only,
  regions: [...regions].sort(),
});

function Editor({ inForce }: { inForce: Privacy }) {
  const client = useQueryClient();
  const reason = useReason('privacy');
  const [policy, setPolicy] = useState(() => policyOf(inForce));
  const set = (patch: Partial<Policy>) => setPolicy(now => ({ ...now, ...patch }));
  const changed = JSON.stringify(policy) !== JSON.stringify(policyOf(inForce));
  const preview = useQuery({
    ...privacyQuery(policy),
    enabled: changed,
    placeholderData: keepPreviousData,
  });
  const saving = useMutation({
    mutationFn: () => setPrivacy(policy),
    onSuccess: () => refresh(client, 'privacy', 'models', 'endpoints'),
  });
  const regions = inForce.available_regions;
  const name = new Map(REGIONS);
  return (
    <div className="grid grid-cols-2 gap-x-12 gap-y-8 max-lg:grid-cols-1">
      <form
        className="grid content-start gap-6"
        onSubmit={event => {
          event.preventDefault();
          saving.mutate();
        }}
      >
        <Section title="What providers may do">
          <div className="grid gap-3">
            <Checkbox
              label="Providers may train on prompts"
              hint="Off: providers that may keep prompts to train on are left out, as if every request said data_collection: deny."
              checked={policy.allow_training}
              disabled={Boolean(reason)}
              onChange={event => set({ allow_training: event.target.checked })}
            />
            <Checkbox
              label="Only providers that keep nothing"
              hint="Zero data retention: as if every request said zdr: true."
              checked={policy.zdr_only}
              disabled={Boolean(reason)}
              onChange={event => set({ zdr_only: event.target.checked })}
            />
          </div>
        </Section>
        <Section title="Where they may work" note="none chosen: anywhere">
          <div className="grid gap-2">
            {regions.map(region => (
              <Checkbox
                key={region}
                label={name.get(region) ?? region}
                checked={policy.regions.includes(region)}
                disabled={Boolean(reason)}
                onChange={event => {
                  const others = policy.regions.filter(one => one !== region);
                  set({ regions: event.target.checked ? [...others, region].sort() : others });
                }}
              />
            ))}
          </div>
        </Section>
        <Refusal error={saving.error} />
        {reason && <p className="text-ink-3">{reason}.</p>}
        {changed && (
          <div className="flex gap-2">
            <Button kind="primary" type="submit" disabled={saving.isPending}>
              Put in force
            </Button>
            <Button kind="quiet" onClick={() => setPolicy(policyOf(inForce))}>
              Discard
            </Button>
          </div>
        )}
      </form>
      <div className="grid content-start gap-8">
        <Section title={changed ? 'What would be left' : 'What is left'}>
          <EffectTable effect={(changed ? preview.data : inForce)?.effect ?? inForce.effect} />
        </Section>
        <Section title="What this server stores">
          <Stored />
        </Section>
      </div>
    </div>
  );
}

function Stored() {
  const workspaces = useQuery(workspacesQuery);
  const keeping = (workspaces.data ?? []).filter(one => one.stores_responses);
  return (
    <p className="max-w-prose text-ink-2">
      Figures of each request: time, model, provider, key, tokens, cost. Prompts and answers are not stored
      {keeping.length > 0 && (
        <>
          , but for conversations of the Responses API that a request asks to keep, encrypted, in{' '}
          {keeping.map((one, at) => (
            <span key={one.id}>
              {at > 0 && ', '}
              <Link to="/workspaces/$id" params={{ id: one.slug }} className="text-accent underline">
                {one.name}
              </Link>
            </span>
          ))}
        </>
      )}
      .
    </p>
  );
}

function EffectTable({ effect }: { effect: Effect }) {
  const models = useQuery(modelsQuery);
  const row = (what: string, left: number, total: number) => {
    const share = total ? left / total : 1;
    return (
      <tr className="border-t border-rule">
        <th scope="row" className="py-1.5 text-left font-normal">
          {what}
        </th>
        <td className="num font-semibold">
          {left} of {total}
        </td>
        <td className="pl-4">
          <LimitBar share={1 - share} label={`${percent(1 - share)} left out`} />
        </td>
      </tr>
    );
  };
  return (
    <div role="status">
      <table className="w-full max-w-md" aria-label="Effect of the policy">
        <tbody>
          {row('Endpoints', effect.endpoints_left, effect.endpoints_total)}
          {row('Models', effect.models_left, effect.models_total)}
        </tbody>
      </table>
      <p className="mt-2 text-xs text-ink-3">
        {effect.models_left === 0 && models.data?.length
          ? 'Nothing would be left: every request would be refused.'
          : `Left out: ${effect.endpoints_total - effect.endpoints_left} endpoints.`}
      </p>
    </div>
  );
}

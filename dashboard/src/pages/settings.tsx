import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { publicAddress } from '../api/client';
import { type ServerSettings, serverSettingsQuery } from '../api/server';
import { UNKNOWN } from '../lib/format';
import { useAbility } from '../session/session';
import { CopyIcon } from '../ui/copy';
import { Facts, Page, Section } from '../ui/page';
import { Load } from '../ui/states';

const LABEL: Record<string, string> = {
  version: 'Version',
  uptime_seconds: 'Running for',
  uptime: 'Running for',
  listen: 'Listens at',
  public_url: 'Public address',
  base_url: 'Address of the API',
  base_path: 'Base path',
  database: 'Database',
  database_kind: 'Database',
  nodes: 'Nodes',
  generation_retention_days: 'Records are kept',
  retention_days: 'Records are kept',
  minute_days: 'Usage by the minute is kept',
  stores_prompts: 'Prompts and answers',
  prompts_stored: 'Prompts and answers',
  sign_in: 'Sign-in',
  sign_in_methods: 'Sign-in',
  region: 'Region',
};

/** Ways to sign in. */
const WAYS: Record<string, string> = {
  password: 'password',
  oidc: 'a sign-on service',
  management_key: 'management keys, for programs',
};

const uptime = (seconds: number) => {
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3_600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  return days ? `${days} d ${hours} h` : hours ? `${hours} h ${minutes} min` : `${minutes} min`;
};

/** A setting in words. What the page does not know by name it shows as the server tells it. */
export function told(name: string, value: unknown): ReactNode {
  // That records have no end is known: null says so.
  if (value !== undefined && (name.endsWith('retention_days') || name === 'minute_days'))
    return value === null ? 'for ever' : `${value} ${Number(value) === 1 ? 'day' : 'days'}`;
  if (value === null || value === undefined || value === '') return UNKNOWN;
  if (name.startsWith('uptime')) return uptime(Number(value));
  if (/prompts/.test(name))
    return value ? 'stored' : 'not stored, but for conversations that a workspace keeps';
  if (typeof value === 'string' && name.startsWith('sign_in') && Object.hasOwn(WAYS, value))
    return WAYS[value];
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.map(one => told(name, one)).join(', ') || 'none';
  if (typeof value === 'object') {
    return (
      Object.entries(value)
        .filter(([, one]) => one !== null && one !== false)
        .map(([inner, one]) => (one === true ? inner : `${inner}: ${told('', one)}`))
        .join(', ') || 'none'
    );
  }
  return String(value);
}

export function SettingsPage() {
  const query = useQuery(serverSettingsQuery);
  const seesAll = useAbility('settings');
  return (
    <Page title="Settings">
      <div className="grid max-w-2xl gap-8">
        <Section title="Address for programs">
          <p className="flex items-center gap-2">
            <code className="font-mono text-xs">{publicAddress()}</code>
            <CopyIcon text={publicAddress()} label="Copy the address" />
          </p>
        </Section>
        <Section title="This server" note="set in its file and variables; a restart puts them in force">
          <Load query={query} what="Settings" lines={6}>
            {settings => <Facts facts={facts(settings)} />}
          </Load>
          {!seesAll && query.data && (
            <p className="mt-2 text-xs text-ink-3">Only who has the server’s machine can change these.</p>
          )}
        </Section>
        <Section title="Elsewhere">
          <p className="text-ink-2">
            Names, budgets and members are set for{' '}
            <Link to="/workspaces" className="text-accent underline">
              each workspace
            </Link>
            , what providers may do with prompts under{' '}
            <Link to="/privacy" className="text-accent underline">
              privacy
            </Link>
            , your password and the theme in{' '}
            <Link to="/profile" className="text-accent underline">
              your profile
            </Link>
            .
          </p>
        </Section>
      </div>
    </Page>
  );
}

const facts = (settings: ServerSettings): [string, ReactNode][] =>
  Object.entries(settings).map(([name, value]) => [
    LABEL[name] ?? `${name[0]?.toUpperCase()}${name.slice(1).replaceAll('_', ' ')}`,
    told(name, value),
  ]);

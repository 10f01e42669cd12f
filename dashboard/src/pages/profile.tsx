import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { postJson, read } from '../api/client';
import { endSession, sessionsQuery } from '../api/people';
import { refresh } from '../api/queries';
import { fieldError, otherError } from '../api/refusal';
import { momentOf } from '../lib/moment';
import { signOut } from '../session/enter';
import { type Session, setSession, useSession } from '../session/session';
import { LettersSwitch } from '../shell/keys-dialog';
import { setTheme, useTheme } from '../shell/theme';
import { Badge } from '../ui/badge';
import { Button } from '../ui/button';
import { Choice, Field, Input } from '../ui/field';
import { Page, Section } from '../ui/page';
import { Load, Refusal } from '../ui/states';
import { NameField, NewPassword } from './entrance/account-fields';

const THEMES = [
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
] as const;

export function ProfilePage() {
  const session = useSession();
  const theme = useTheme();
  if (!session) return null;
  return (
    <Page
      title="Profile"
      note={`${session.member.email}, ${session.member.role}`}
      actions={<Button onClick={() => void signOut()}>Sign out</Button>}
    >
      <div className="grid grid-cols-2 gap-x-12 gap-y-8 max-lg:grid-cols-1">
        <div className="grid content-start gap-8">
          <Section title="Name">
            <NameForm session={session} />
          </Section>
          <Section title="Password">
            <PasswordForm email={session.member.email} />
          </Section>
        </div>
        <div className="grid content-start gap-8">
          <Section title="This browser">
            <div className="grid gap-4">
              <div className="flex items-center gap-3">
                <span aria-hidden>Theme</span>
                <Choice label="Theme" value={theme} options={THEMES} onChange={setTheme} />
              </div>
              <LettersSwitch />
            </div>
          </Section>
          <Section title="Sessions" note="where you are signed in">
            <Sessions />
          </Section>
        </div>
      </div>
    </Page>
  );
}

const patch = async (body: unknown) =>
  setSession(await read<Session>('api/internal/profile', postJson(body, 'PATCH')));

function NameForm({ session }: { session: Session }) {
  const client = useQueryClient();
  const saving = useMutation({
    mutationFn: (form: FormData) => patch({ name: String(form.get('name')).trim() }),
    onSuccess: () => refresh(client, 'members'),
  });
  return (
    <form
      className="grid gap-3"
      onSubmit={event => {
        event.preventDefault();
        saving.mutate(new FormData(event.currentTarget));
      }}
    >
      <NameField value={session.member.name ?? ''} error={fieldError(saving.error, 'name')} />
      <Refusal error={otherError(saving.error, ['name'])} />
      <div className="flex items-center gap-3">
        <Button type="submit" disabled={saving.isPending}>
          Save name
        </Button>
        {saving.isSuccess && <span role="status">Saved.</span>}
      </div>
    </form>
  );
}

function PasswordForm({ email }: { email: string }) {
  const client = useQueryClient();
  const saving = useMutation({
    mutationFn: ({ form }: { form: FormData; reset: () => void }) =>
      patch({
        current_password: String(form.get('current')),
        new_password: String(form.get('password')),
      }),
    onSuccess: async (_, { reset }) => {
      reset();
      await refresh(client, 'sessions');
    },
  });
  return (
    <form
      className="grid gap-3"
      onSubmit={event => {
        event.preventDefault();
        const form = event.currentTarget;
        saving.mutate({ form: new FormData(form), reset: () => form.reset() });
      }}
    >
      {/* A password manager keeps the new one with this address. */}
      <input type="hidden" name="username" autoComplete="username" value={email} readOnly />
      <Field label="Present password" error={fieldError(saving.error, 'current_password')}>
        {wiring => (
          <Input {...wiring} name="current" type="password" required autoComplete="current-password" />
        )}
      </Field>
      <NewPassword label="New password" error={fieldError(saving.error, 'new_password')} />
      <Refusal error={otherError(saving.error, ['current_password', 'new_password'])} />
      <div className="flex items-center gap-3">
        <Button type="submit" disabled={saving.isPending}>
          Change password
        </Button>
        {saving.isSuccess && <span role="status">Changed. All other sessions have ended.</span>}
      </div>
    </form>
  );
}

/** What a browser calls itself, in two words. */
export function browserOf(agent: string | null): string {
  if (!agent) return 'Unknown browser';
  const name = /Edg\//.test(agent)
    ? 'Edge'
    : /Firefox\//.test(agent)
      ? 'Firefox'
      : /Chrom(e|ium)\//.test(agent)
        ? 'Chrome'
        : /Safari\//.test(agent)
          ? 'Safari'
          : (agent.split(/[/\s]/)[0] ?? 'Unknown browser');
  const system = /Windows|Android|iPhone|iPad|Mac OS X|Linux/.exec(agent)?.[0].replace(' OS X', '');
  return system ? `${name} on ${system}` : name;
}

function Sessions() {
  const client = useQueryClient();
  const query = useQuery(sessionsQuery);
  const ending = useMutation({
    mutationFn: endSession,
    onSuccess: () => refresh(client, 'sessions'),
  });
  return (
    <Load query={query} what="Sessions">
      {sessions => (
        <>
          <ul>
            {sessions.map(one => (
              <li
                key={one.id}
                className="flex items-center justify-between gap-3 border-t border-rule py-1.5"
              >
                <span className="min-w-0">
                  <span title={one.user_agent ?? undefined}>{browserOf(one.user_agent)}</span>{' '}
                  {one.is_current && <Badge tone="ok">this one</Badge>}
                  <span className="block text-xs text-ink-3">
                    {one.address && `${one.address}, `}last seen {momentOf(one.last_seen_at)}
                  </span>
                </span>
                <Button
                  kind="quiet"
                  className="px-2"
                  disabled={ending.isPending}
                  reason={one.is_current && 'Sign out to end this one'}
                  onClick={() => ending.mutate(one.id)}
                  aria-label={`End the session of ${browserOf(one.user_agent)}`}
                >
                  End
                </Button>
              </li>
            ))}
          </ul>
          <Refusal error={ending.error} />
        </>
      )}
    </Load>
  );
}

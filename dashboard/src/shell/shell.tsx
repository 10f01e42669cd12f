import { useQuery } from '@tanstack/react-query';
import { Link, Navigate, Outlet, useNavigate, useRouterState } from '@tanstack/react-router';
import { Command, LogOut, Menu, Moon, Sun } from 'lucide-react';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { read } from '../api/client';
import { type SetupState, signOut } from '../session/enter';
import { findSession, firstSession, type Session, setSession, useSession } from '../session/session';
import { Button, IconButton } from '../ui/button';
import { keepFocus } from '../ui/focus';
import { Failure } from '../ui/states';
import { Door } from './door';
import { KeysDialog } from './keys-dialog';
import { Palette } from './palette';
import { pagesFor, sectionsFor } from './sections';
import { focusFilter, useKeys, useSequence } from './shortcuts';
import { setTheme, useTheme } from './theme';

const SignInPage = lazy(() =>
  import('../pages/entrance/sign-in').then(page => ({ default: page.SignInPage })),
);
const setupQuery = {
  queryKey: ['setup'],
  queryFn: () => read<SetupState>('api/internal/setup'),
};

const Name = () => (
  <Link to="/" className="flex items-center gap-2 text-md font-bold tracking-tight">
    <svg width="26" height="12" viewBox="0 0 26 12" aria-hidden>
      <path d="M0 6h26" stroke="var(--accent)" strokeWidth="2.5" />
      <circle cx="8" cy="6" r="3.2" fill="var(--paper)" stroke="var(--accent)" strokeWidth="2.5" />
      <circle cx="18" cy="6" r="4.6" fill="var(--accent)" />
    </svg>
    Trunkline
  </Link>
);

function ThemeButton() {
  const other = useTheme() === 'dark' ? 'light' : 'dark';
  const Drawing = other === 'light' ? Sun : Moon;
  return (
    <IconButton label={`Switch to ${other} theme`} onClick={() => setTheme(other)}>
      <Drawing size={16} aria-hidden />
    </IconButton>
  );
}

const Navigation = ({ session, onGo }: { session: Session; onGo?: () => void }) => (
  <nav aria-label="Main" className="grid gap-4">
    {sectionsFor(session.abilities).map(section => (
      <div key={section.title}>
        <h2 className="mb-0.5 text-2xs font-semibold text-ink-3">{section.title}</h2>
        <div className="line">
          {section.pages.map(page => (
            <Link
              key={page.to}
              to={page.to}
              className="stop"
              onClick={onGo}
              activeOptions={{ exact: page.to === '/', includeSearch: false }}
            >
              {page.label}
            </Link>
          ))}
        </div>
      </div>
    ))}
  </nav>
);

/** What can be seen without a session, whoever looks. */
const isPublic = (path: string) => /^\/(setup|invite|reset)(\/|$)/.test(path);

export function Shell() {
  const session = useSession();
  const path = useRouterState({ select: state => state.location.pathname });
  const finding = useQuery({
    queryKey: ['session'],
    enabled: session === undefined,
    retry: 2,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => {
      const found = await firstSession();
      setSession(found);
      return found;
    },
  });
  if (session === undefined) {
    return finding.error ? (
      <Door title="Trunkline">
        <Failure what="The session" error={finding.error} onRetry={() => void finding.refetch()} />
      </Door>
    ) : null;
  }
  if (isPublic(path)) return <Outlet />;
  // Another person begins anew: no page keeps what it showed or was told before.
  return session ? <Frame key={session.member.id} session={session} /> : <Nobody />;
}

/** A server that nobody can sign in to is to be set up; any other asks who comes. */
function Nobody() {
  const setup = useQuery({ ...setupQuery, staleTime: Number.POSITIVE_INFINITY });
  if (setup.isPending) return null;
  return (
    <Suspense fallback={null}>
      {setup.data?.needed ? <Navigate to="/setup" replace /> : <SignInPage />}
    </Suspense>
  );
}

/** A tab that stays open while the server is replaced offers to load the new pages. Whoever looks at it
    again may have signed in as somebody else elsewhere. */
function NewVersion({ session: { version, member } }: { session: Session }) {
  const query = useQuery({
    queryKey: ['version'],
    refetchInterval: 300_000,
    queryFn: async () => {
      const found = await findSession();
      if (found && found.member.id !== member.id) setSession(found);
      return found?.version ?? version;
    },
  });
  if (!query.data || query.data === version) return null;
  return (
    <p role="status" className="flex items-center gap-3 border-b border-rule bg-wash px-8 py-1.5 max-md:px-4">
      This server is now at version {query.data}.<Button onClick={() => location.reload()}>Load it</Button>
    </p>
  );
}

function Frame({ session }: { session: Session }) {
  const [palette, setPalette] = useState(false);
  const [keys, setKeys] = useState(false);
  const [menu, setMenu] = useState(false);
  const navigate = useNavigate();
  const busy = useRouterState({ select: state => state.isLoading });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.metaKey || event.ctrlKey)) return;
      event.preventDefault();
      // What a dialog shows or is asked for is dealt with first.
      if (!document.querySelector('dialog[open]')) setPalette(true);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  useEffect(() => keepFocus(document.body), []);
  const menuButton = useRef<HTMLDivElement>(null);
  useKeys({
    '?': () => setKeys(true),
    '/': focusFilter,
    Escape: () => {
      if (!menu) return;
      setMenu(false);
      menuButton.current?.querySelector<HTMLElement>('[aria-expanded]')?.focus();
    },
  });
  const pages = pagesFor(session.abilities);
  useSequence('g', Object.fromEntries(pages.map(page => [page.key, () => void navigate({ to: page.to })])));
  return (
    <div className="grid h-dvh grid-cols-[13.5rem_minmax(0,1fr)] max-md:grid-cols-1 max-md:grid-rows-[auto_minmax(0,1fr)]">
      <button
        type="button"
        onClick={() => document.getElementById('main')?.focus()}
        className="sr-only focus:not-sr-only focus:absolute focus:z-10 focus:bg-panel focus:p-2"
      >
        Skip to content
      </button>
      <div className="flex items-center justify-between gap-2 border-b border-rule px-4 py-2 md:hidden">
        <Name />
        <div ref={menuButton} className="flex items-center">
          <IconButton label="Search or jump to" onClick={() => setPalette(true)}>
            <Command size={16} aria-hidden />
          </IconButton>
          <ThemeButton />
          <IconButton label="Menu" aria-expanded={menu} onClick={() => setMenu(!menu)}>
            <Menu size={18} aria-hidden />
          </IconButton>
        </div>
      </div>
      <aside
        aria-label="Pages"
        className={`flex flex-col gap-4 overflow-y-auto border-r border-rule px-4 py-4 ${menu ? 'max-md:absolute max-md:inset-x-0 max-md:top-11.5 max-md:bottom-0 max-md:z-2 max-md:bg-paper' : 'max-md:hidden'}`}
      >
        <div className="flex items-center justify-between max-md:hidden">
          <Name />
          <ThemeButton />
        </div>
        <button
          type="button"
          onClick={() => setPalette(true)}
          className="flex min-h-7 items-center justify-between rounded-m border border-edge bg-panel px-2.5 text-xs text-ink-3 hover:text-ink max-md:hidden"
        >
          Search or jump to
          <kbd className="flex items-center gap-0.5 font-mono text-2xs">
            <Command size={10} aria-hidden />K
          </kbd>
        </button>
        <Navigation session={session} onGo={() => setMenu(false)} />
        <div className="mt-auto flex items-center justify-between gap-2 border-t border-rule pt-3 text-xs text-ink-3">
          <Link to="/profile" className="min-w-0 truncate hover:text-ink" title={session.member.email}>
            {session.member.name || session.member.email}
            <span className="block text-2xs">{session.member.role}</span>
          </Link>
          <IconButton label="Sign out" onClick={() => void signOut()}>
            <LogOut size={14} aria-hidden />
          </IconButton>
        </div>
      </aside>
      <main id="main" tabIndex={-1} aria-busy={busy} className="overflow-y-auto outline-none">
        <NewVersion session={session} />
        <Outlet />
      </main>
      <Palette open={palette} onClose={() => setPalette(false)} />
      <KeysDialog open={keys} onClose={() => setKeys(false)} />
    </div>
  );
}

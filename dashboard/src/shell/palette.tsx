import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useId, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { modelsQuery } from '../api/queries';
import { signOut } from '../session/enter';
import { useSession } from '../session/session';
import { usePressBeside } from '../ui/dialog';
import { type Entry, rank } from './rank';
import { pagesFor } from './sections';
import { setTheme, useTheme } from './theme';

export function Palette({ open, onClose }: { open: boolean; onClose: () => void }) {
  const ref = useRef<HTMLDialogElement>(null);
  // Before the next key is read: what is typed right after Ctrl+K belongs into the palette.
  useLayoutEffect(() => {
    if (open && !ref.current?.open) ref.current?.showModal();
    if (!open) ref.current?.close();
  }, [open]);
  const beside = usePressBeside(onClose);
  return (
    <dialog
      ref={ref}
      onClose={onClose}
      {...beside}
      aria-label="Command palette"
      className="appear mt-[12vh] w-[min(36rem,92vw)] rounded-l border border-rule bg-panel p-0 shadow-float"
    >
      {open && <Search onClose={onClose} />}
    </dialog>
  );
}

function useEntries(query: string): Entry[] {
  const navigate = useNavigate();
  const theme = useTheme();
  const abilities = useSession()?.abilities;
  const { data: models } = useQuery(modelsQuery);
  return useMemo<Entry[]>(() => {
    const other = theme === 'dark' ? 'light' : 'dark';
    const pages = pagesFor(abilities ?? []).map(page => ({
      id: page.to,
      label: page.label,
      hint: 'page',
      run: () => void navigate({ to: page.to }),
    }));
    const actions = [
      {
        id: 'create-key',
        label: 'Create API key',
        hint: 'action',
        run: () => void navigate({ to: '/keys', search: { create: true } }),
      },
      { id: 'theme', label: `Switch to ${other} theme`, hint: 'action', run: () => setTheme(other) },
      { id: 'sign-out', label: 'Sign out', hint: 'action', run: () => void signOut() },
    ];
    const found = (models ?? []).map(model => ({
      id: model.id,
      label: model.name,
      hint: 'model',
      run: () => {
        const [author = '', ...slug] = model.id.split('/');
        void navigate({ to: '/models/$author/$slug', params: { author, slug: slug.join('/') } });
      },
    }));
    const id = query.trim();
    const log = {
      id,
      label: `Open the log of ${id}`,
      hint: 'log',
      run: () => void navigate({ to: '/logs', search: { id } }),
    };
    return [...(/^gen-\S+$/.test(id) ? [log] : []), ...pages, ...actions, ...found];
  }, [models, navigate, theme, query, abilities]);
}

function Search({ onClose }: { onClose: () => void }) {
  const list = useId();
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const entries = useEntries(query);
  const hits = useMemo(() => rank(entries, query), [entries, query]);
  const run = (entry?: Entry) => {
    // Closed first: closing gives the focus back, which must not undo where the entry leads.
    onClose();
    entry?.run();
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step && hits.length) {
      event.preventDefault();
      setAt(place => (place + step + hits.length) % hits.length);
    }
    if (event.key === 'Enter') {
      event.preventDefault();
      run(hits[at]);
    }
  };
  return (
    <>
      <input
        // biome-ignore lint/a11y/noAutofocus: the palette is opened to type
        autoFocus
        role="combobox"
        aria-expanded
        aria-controls={list}
        aria-activedescendant={hits.length ? `${list}-${at}` : undefined}
        aria-label="Search pages, models and actions"
        placeholder="Search pages, models and actions, or paste gen-…"
        value={query}
        onChange={event => {
          setQuery(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
        className="w-full border-b border-rule bg-transparent px-4 py-3 text-md outline-none placeholder:text-ink-3"
      />
      <div id={list} role="listbox" aria-label="Results" className="max-h-96 overflow-y-auto p-1.5">
        {hits.map((hit, place) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents lint/a11y/useFocusableInteractive: see above
          <div
            key={`${hit.hint} ${hit.id}`}
            id={`${list}-${place}`}
            role="option"
            aria-selected={place === at}
            onClick={() => run(hit)}
            onMouseMove={() => setAt(place)}
            className="flex cursor-pointer items-baseline justify-between gap-3 rounded-m px-2.5 py-1.5 aria-selected:bg-wash"
          >
            <span className="min-w-0 truncate">{hit.label}</span>
            <span className="flex-none text-xs text-ink-3">{hit.hint}</span>
          </div>
        ))}
      </div>
      {hits.length === 0 && <p className="px-4 pb-3 text-ink-3">Nothing matches “{query}”.</p>}
    </>
  );
}

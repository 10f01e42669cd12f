import { type ReactNode, useEffect } from 'react';

/** The frame of what is shown to those who are not signed in: one column, the line above it. */
export function Door({ title, wide, children }: { title: string; wide?: boolean; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Trunkline`;
  }, [title]);
  return (
    <main className="grid min-h-dvh place-items-center p-6">
      <div className={`w-full ${wide ? 'max-w-xl' : 'max-w-md'}`}>
        <svg width="100%" height="20" viewBox="0 0 400 20" preserveAspectRatio="xMinYMid meet" aria-hidden>
          <path d="M0 10h400" stroke="var(--edge)" strokeWidth="2" />
          <circle cx="12" cy="10" r="5" fill="var(--paper)" stroke="var(--edge)" strokeWidth="2" />
          <circle cx="60" cy="10" r="7" fill="var(--accent)" />
        </svg>
        <h1 className="mt-4 text-xl font-bold tracking-tight">{title}</h1>
        {children}
      </div>
    </main>
  );
}

import { useRouter } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { at } from '../../api/client';
import { linkTo } from './filter';

/** The link to a model in a list of any length. The router's own listens to the address, so that each of
    them would be made anew whenever a filter changes. */
export function ModelLink({ id, children }: { id: string; children: ReactNode }) {
  const router = useRouter();
  const { params } = linkTo(id);
  const slug = params.slug.split('/').map(encodeURIComponent).join('/');
  return (
    <a
      href={at(`models/${encodeURIComponent(params.author)}/${slug}`)}
      className="inline-block min-h-6 content-center font-semibold hover:underline"
      onMouseEnter={() => void router.preloadRoute(linkTo(id))}
      onClick={event => {
        // Anything but a plain click is the browser's: a new tab, a new window, a download.
        if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        void router.navigate(linkTo(id));
      }}
    >
      {children}
    </a>
  );
}

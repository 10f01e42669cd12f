import { useRouter } from '@tanstack/react-router';

/** State of an entry of the history that shows something over the page of the one before. */
export const OVER = { over: true } as const;

/** Takes away what an address shows over its page. Where it was opened from that page its button does what
    Back does, so that the history has no two entries of one view; a link that was followed has none before. */
export function useClose(otherwise: () => void): () => void {
  const router = useRouter();
  return () => (router.state.location.state.over ? router.history.back() : otherwise());
}

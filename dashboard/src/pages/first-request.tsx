import { publicAddress } from '../api/client';
import { asCode } from '../chat/as-code';
import { Snippet } from '../ui/snippet';
import { Empty } from '../ui/states';

/** What a page without traffic shows: how to make the first, with this server's address. */
export function FirstRequest({
  title = 'Waiting for the first request',
  model = 'simulated/chat:free',
}: {
  title?: string;
  model?: string;
}) {
  const body = { model, messages: [{ role: 'user', content: 'Hello!' }] };
  return (
    <Empty title={title}>
      <p className="mb-3">Put a key of yours in TRUNKLINE_KEY and send one. It appears here by itself.</p>
      <Snippet code={language => asCode(language, publicAddress(), body)} />
    </Empty>
  );
}

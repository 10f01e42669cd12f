import { useState } from 'react';
import { publicAddress } from '../../api/client';
import { asCode } from '../../chat/as-code';
import type { Reply } from '../../chat/conversation';
import { CopyButton } from '../../ui/copy';
import { Dialog } from '../../ui/dialog';
import { Choice } from '../../ui/field';
import { Snippet } from '../../ui/snippet';
import { Track } from '../../ui/track';

const VIEWS = [
  { value: 'request', label: 'Request' },
  { value: 'response', label: 'Response' },
  { value: 'code', label: 'As code' },
] as const;

/** What went over the line for one answer, as it was. */
export function RawDialog({ reply, onClose }: { reply: Reply | null; onClose: () => void }) {
  return (
    <Dialog open={reply !== null} onClose={onClose} title={reply?.model ?? ''} wide>
      {reply && <Raw reply={reply} />}
    </Dialog>
  );
}

function Raw({ reply }: { reply: Reply }) {
  const [view, setView] = useState<'request' | 'response' | 'code'>('request');
  const request = reply.raw?.request;
  const { stream: _, stream_options: __, ...plain } = request ?? { model: reply.model, messages: [] };
  const text =
    view === 'request'
      ? JSON.stringify(request, null, 2)
      : (reply.raw?.events ?? []).map(event => `data: ${event}`).join('\n\n') || reply.error || '';
  return (
    <div className="grid min-w-0 gap-4">
      {reply.route && reply.route.length > 0 && (
        <Track stops={reply.route} end={{ text: `${reply.completionTokens ?? 0} tokens` }} />
      )}
      <Choice label="What is shown" value={view} options={VIEWS} onChange={setView} />
      {view === 'code' ? (
        <Snippet
          code={language => asCode(language, publicAddress(), plain as Parameters<typeof asCode>[2])}
        />
      ) : (
        <div className="grid min-w-0 gap-2">
          <div>
            <CopyButton text={text} />
          </div>
          <section
            tabIndex={0}
            aria-label={view === 'request' ? 'Raw request' : 'Raw response'}
            className="max-h-96 overflow-auto rounded-m bg-sunken p-3"
          >
            <pre className="font-mono text-xs break-all whitespace-pre-wrap">{text}</pre>
          </section>
        </div>
      )}
    </div>
  );
}

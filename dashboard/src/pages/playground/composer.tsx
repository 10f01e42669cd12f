import { ArrowUp, Square } from 'lucide-react';
import { useEffect, useRef } from 'react';
import type { Attachment } from '../../chat/conversation';
import { Button } from '../../ui/button';
import { type Attach, AttachButton, Attached, useAttaching } from './attach';

type Props = {
  draft: string;
  onDraft: (text: string) => void;
  attached: Attachment[];
  /** Files of earlier questions, which are sent again with each. */
  sentBefore: Attachment[];
  onAttach: Attach;
  /** Models that do not take what is attached. */
  unable: string[];
  busy: boolean;
  models: number;
  onSend: () => void;
  onStop: () => void;
};

export function Composer(props: Props) {
  const { draft, onDraft, attached, sentBefore, onAttach, unable, busy, models, onSend, onStop } = props;
  const area = useRef<HTMLTextAreaElement>(null);
  const { error, add } = useAttaching({ sentBefore, onChange: onAttach });
  useEffect(() => area.current?.focus(), []);
  return (
    <form
      className="mx-8 mb-6 grid grid-cols-[minmax(0,1fr)] gap-2 rounded-l border border-edge bg-panel p-2 focus-within:border-accent max-md:mx-4 max-md:mb-4"
      onSubmit={event => {
        event.preventDefault();
        onSend();
        // What was pressed is another button now: who goes on writing need not look for the field.
        area.current?.focus();
      }}
      onDragOver={event => event.preventDefault()}
      onDrop={event => {
        event.preventDefault();
        void add([...event.dataTransfer.files]);
      }}
    >
      <Attached files={attached} onRemove={place => onAttach(now => now.filter((_, at) => at !== place))} />
      {error && (
        <p role="alert" className="text-xs text-bad">
          {error}
        </p>
      )}
      {unable.length > 0 && (
        <p role="status" className="text-xs text-warn">
          {unable.join(', ')} {unable.length === 1 ? 'does' : 'do'} not take what is attached.
        </p>
      )}
      <div className="flex items-end gap-2">
        <AttachButton onFiles={files => void add(files)} disabled={busy} />
        <textarea
          ref={area}
          aria-label="Message"
          dir="auto"
          rows={2}
          value={draft}
          placeholder={models === 1 ? 'Message the model' : `Message ${models} models`}
          onChange={event => onDraft(event.target.value)}
          onPaste={event => {
            const files = [...event.clipboardData.files];
            if (files.length === 0) return;
            event.preventDefault();
            void add(files);
          }}
          onKeyDown={event => {
            // Enter within an input method confirms a word and sends nothing.
            if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
            event.preventDefault();
            onSend();
          }}
          className="max-h-60 min-w-0 flex-1 resize-y bg-transparent px-2 py-1 text-md outline-none placeholder:text-ink-3"
        />
        {busy ? (
          <Button
            onClick={() => {
              onStop();
              area.current?.focus();
            }}
            title="Esc"
          >
            <Square size={13} aria-hidden />
            Stop
          </Button>
        ) : (
          <Button kind="primary" type="submit" reason={!draft.trim() && 'Write something first'}>
            <ArrowUp size={15} aria-hidden />
            Send
          </Button>
        )}
      </div>
    </form>
  );
}

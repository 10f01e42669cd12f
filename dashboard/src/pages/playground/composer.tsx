import { ArrowUp, Square } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { Button } from '../../ui/button';

type Props = {
  draft: string;
  onDraft: (text: string) => void;
  busy: boolean;
  models: number;
  onSend: () => void;
  onStop: () => void;
};

export function Composer({ draft, onDraft, busy, models, onSend, onStop }: Props) {
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => area.current?.focus(), []);
  return (
    <form
      className="mx-8 mb-6 flex items-end gap-2 rounded-l border border-edge bg-panel p-2 focus-within:border-accent max-md:mx-4 max-md:mb-4"
      onSubmit={event => {
        event.preventDefault();
        onSend();
      }}
    >
      <textarea
        ref={area}
        aria-label="Message"
        rows={2}
        value={draft}
        placeholder={models === 1 ? 'Message the model' : `Message ${models} models`}
        onChange={event => onDraft(event.target.value)}
        onKeyDown={event => {
          // Enter within an input method confirms a word and sends nothing.
          if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
          event.preventDefault();
          onSend();
        }}
        className="max-h-60 flex-1 resize-y bg-transparent px-2 py-1 text-md outline-none placeholder:text-ink-3"
      />
      {busy ? (
        <Button onClick={onStop} title="Esc">
          <Square size={13} aria-hidden />
          Stop
        </Button>
      ) : (
        <Button kind="primary" type="submit" reason={!draft.trim() && 'Write something first'}>
          <ArrowUp size={15} aria-hidden />
          Send
        </Button>
      )}
    </form>
  );
}

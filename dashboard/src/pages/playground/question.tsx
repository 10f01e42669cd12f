import { useEffect, useRef, useState } from 'react';
import type { Turn } from '../../chat/conversation';
import { Button } from '../../ui/button';
import { TextArea } from '../../ui/field';
import { Attached } from './attach';

/** What was asked. Asked otherwise, what came after it goes. */
export function Question({
  turn,
  busy,
  onEdit,
}: {
  turn: Turn;
  busy: boolean;
  onEdit: (prompt: string) => void;
}) {
  const [editing, setEditing] = useState<string | null>(null);
  const edit = useRef<HTMLDivElement>(null);
  const wasEditing = useRef(false);
  // The field is gone, and with it the place of whoever wrote in it.
  useEffect(() => {
    if (wasEditing.current && editing === null) edit.current?.querySelector('button')?.focus();
    wasEditing.current = editing !== null;
  }, [editing]);
  if (editing !== null) {
    return (
      <form
        className="mb-3 grid max-w-prose gap-2"
        onSubmit={event => {
          event.preventDefault();
          setEditing(null);
          onEdit(editing.trim());
        }}
      >
        <TextArea
          aria-label="Question"
          autoFocus
          rows={3}
          value={editing}
          onChange={event => setEditing(event.target.value)}
        />
        <div className="flex items-center gap-2">
          <Button kind="primary" type="submit" reason={!editing.trim() && 'Write something first'}>
            Ask this instead
          </Button>
          <Button kind="quiet" onClick={() => setEditing(null)}>
            Cancel
          </Button>
          <span className="text-xs text-ink-3">What came after it goes.</span>
        </div>
      </form>
    );
  }
  return (
    <div
      ref={edit}
      className="mb-3 grid max-w-prose grid-cols-[minmax(0,1fr)] gap-2 border-l-2 border-accent pl-3"
    >
      <div className="flex items-start justify-between gap-2">
        <p dir="auto" className="min-w-0 flex-1 font-semibold wrap-anywhere whitespace-pre-wrap">
          {turn.prompt}
        </p>
        <Button
          kind="quiet"
          className="px-1.5 text-xs"
          onClick={() => setEditing(turn.prompt)}
          reason={busy && 'Stop the answers first'}
        >
          Edit
        </Button>
      </div>
      <Attached files={turn.attachments} />
    </div>
  );
}

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { postJson, read } from '../../api/client';
import { type Key, refresh } from '../../api/queries';
import { Unlost } from '../../shell/unlost';
import { Button } from '../../ui/button';
import { Dialog, DialogActions } from '../../ui/dialog';
import { Field, Select } from '../../ui/field';
import { Refusal } from '../../ui/states';
import { Secret } from './secret';

const GRACE: [number, string][] = [
  [0, 'At once'],
  [1, 'In an hour'],
  [24, 'In a day'],
  [72, 'In three days'],
  [168, 'In a week'],
];

export function RotateKey({ keyToRotate, onClose }: { keyToRotate: Key | null; onClose: () => void }) {
  return (
    <Dialog open={keyToRotate !== null} onClose={onClose} title={`Rotate ${keyToRotate?.name ?? ''}`}>
      {keyToRotate && <RotateForm of={keyToRotate} onClose={onClose} />}
    </Dialog>
  );
}

function RotateForm({ of, onClose }: { of: Key; onClose: () => void }) {
  const client = useQueryClient();
  const rotating = useMutation({
    mutationFn: (grace_hours: number) =>
      read<{ data: Key; key: string }>(`api/internal/keys/${of.hash}/rotate`, postJson({ grace_hours })),
    // The secret is shown at once, however long the list takes.
    onSuccess: () => void refresh(client, 'keys', 'key'),
  });
  if (rotating.data) {
    return (
      <Secret secret={rotating.data.key} onDone={onClose}>
        The new secret of <b>{of.name}</b>, shown this once. Name, limits and what was spent stay as they are.
      </Secret>
    );
  }
  return (
    <form
      className="grid gap-4"
      onSubmit={event => {
        event.preventDefault();
        rotating.mutate(Number(new FormData(event.currentTarget).get('grace')));
      }}
    >
      <p className="text-ink-2">
        The key gets another secret. Until the old one ends, both work and count as one key.
      </p>
      <Field label="The old secret ends">
        {wiring => (
          <Select {...wiring} name="grace" defaultValue="24">
            {GRACE.map(([hours, label]) => (
              <option key={hours} value={hours}>
                {label}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Refusal error={rotating.error} />
      <Unlost isHeld={rotating.isPending} />
      <DialogActions>
        <Button kind="quiet" onClick={onClose} reason={rotating.isPending && 'Until the server has answered'}>
          Cancel
        </Button>
        <Button kind="primary" type="submit" disabled={rotating.isPending}>
          Make the new secret
        </Button>
      </DialogActions>
    </form>
  );
}

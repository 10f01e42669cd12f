import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api, read } from '../../api/client';
import { refresh } from '../../api/queries';
import { setInferenceKey } from '../../session/session';
import { Button } from '../../ui/button';
import { Field, Input } from '../../ui/field';
import { Page, Section } from '../../ui/page';
import { Refusal } from '../../ui/states';

const DAY = 86_400_000;

/** Management keys ask no models, so that the playground needs a key of its own: made here with a
    limit and an end, or brought along. */
export function KeyGate() {
  const client = useQueryClient();
  const making = useMutation({
    mutationFn: async (form: FormData) => {
      const expires = new Date(Date.now() + DAY).toISOString();
      const { data } = await api.POST('/api/v1/keys', {
        body: {
          name: 'Playground',
          limit: Number(form.get('limit')),
          limit_reset: 'daily',
          expires_at: expires,
        },
      });
      if (data) setInferenceKey(data.key);
    },
    onSuccess: () => refresh(client, 'keys'),
  });
  const bringing = useMutation({
    mutationFn: async (form: FormData) => {
      const key = String(form.get('key')).trim();
      const { data } = await read<{ data: { is_management_key: boolean } }>('api/v1/key', {}, key);
      if (data.is_management_key) throw new Error('This is a management key, which asks no models.');
      setInferenceKey(key);
    },
  });
  return (
    <Page title="Playground" note="needs a key that may ask models">
      <div className="grid max-w-3xl grid-cols-2 gap-10 max-md:grid-cols-1">
        <Section title="Make one">
          <form
            className="grid gap-4"
            onSubmit={event => {
              event.preventDefault();
              making.mutate(new FormData(event.currentTarget));
            }}
          >
            <Field
              label="Limit a day (USD)"
              hint="The key is called Playground, ends tomorrow, and is among the API keys."
            >
              {wiring => (
                <Input
                  {...wiring}
                  name="limit"
                  type="number"
                  min={0}
                  step="any"
                  required
                  defaultValue={1}
                  inputMode="decimal"
                />
              )}
            </Field>
            <Refusal error={making.error} />
            <Button kind="primary" type="submit" className="justify-self-start" disabled={making.isPending}>
              Make a key and start
            </Button>
          </form>
        </Section>
        <Section title="Use one of yours">
          <form
            className="grid gap-4"
            onSubmit={event => {
              event.preventDefault();
              bringing.mutate(new FormData(event.currentTarget));
            }}
          >
            <Field label="API key" error={bringing.error?.message} hint="Kept in this tab only.">
              {wiring => (
                <Input
                  {...wiring}
                  name="key"
                  type="password"
                  required
                  autoComplete="off"
                  spellCheck={false}
                  className="font-mono"
                />
              )}
            </Field>
            <Button type="submit" className="justify-self-start" disabled={bringing.isPending}>
              Use this key
            </Button>
          </form>
        </Section>
      </div>
    </Page>
  );
}

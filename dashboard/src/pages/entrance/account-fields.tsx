import { Field, Input } from '../../ui/field';

/** The least length of a password, as the server has it. */
export const SHORTEST = 10;

/** A new password, named so that password managers offer to make and keep one. */
export const NewPassword = ({ error, label = 'Password' }: { error?: string | null; label?: string }) => (
  <Field label={label} error={error} hint={`At least ${SHORTEST} characters.`}>
    {wiring => (
      <Input
        {...wiring}
        name="password"
        type="password"
        required
        minLength={SHORTEST}
        autoComplete="new-password"
      />
    )}
  </Field>
);

export const NameField = ({ error, value }: { error?: string | null; value?: string }) => (
  <Field label="Your name" error={error}>
    {wiring => (
      <Input {...wiring} name="name" required maxLength={255} autoComplete="name" defaultValue={value} />
    )}
  </Field>
);

export const MailField = ({ error, value }: { error?: string | null; value?: string }) => (
  <Field label="Mail address" error={error}>
    {wiring => (
      <Input
        {...wiring}
        name="email"
        type="email"
        required
        maxLength={255}
        autoComplete="username"
        defaultValue={value}
        readOnly={value !== undefined}
      />
    )}
  </Field>
);

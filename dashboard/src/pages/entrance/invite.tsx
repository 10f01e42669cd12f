import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { ApiError, at } from '../../api/client';
import { fieldError, otherError } from '../../api/refusal';
import { momentOf } from '../../lib/moment';
import { accept, type LinkState, showLink } from '../../session/enter';
import { forgetSecret, useSecret } from '../../session/link-secret';
import { Door } from '../../shell/door';
import { Button, buttonClass } from '../../ui/button';
import { Load, Refusal } from '../../ui/states';
import { MailField, NameField, NewPassword } from './account-fields';

/** A link that an admin made: for a new member, or for a new password. */
export function InvitePage() {
  const secret = useSecret();
  const query = useQuery({
    queryKey: ['invitation', secret],
    enabled: secret !== '',
    retry: false,
    queryFn: () => showLink(secret),
  });
  const isGone = query.error instanceof ApiError && [404, 409, 410].includes(query.error.status);
  const isReset = query.data?.kind === 'reset' || (!query.data && location.pathname.endsWith('/reset'));
  return (
    <Door title={isReset ? 'Choose a new password' : 'Join this server'}>
      {!secret ? (
        <Otherwise>
          Open the link again as it was sent to you: what it lets you do is read once and is not kept by this
          page.
        </Otherwise>
      ) : isGone ? (
        <Otherwise>This link was used already, or its time is over. Ask an admin for another one.</Otherwise>
      ) : (
        <Load query={query} what="The invitation">
          {invitation => <Form key={secret} invitation={invitation} secret={secret} />}
        </Load>
      )}
    </Door>
  );
}

/** A link with its secret in the path, where proxies may have logged it. */
export const DeadLink = () => (
  <Door title="This link does not work">
    <Otherwise>
      It was made by an earlier version of this server. Ask an admin for another one, or on the server’s
      machine run <code className="font-mono">trunkline member invite MAIL</code> or{' '}
      <code className="font-mono">trunkline member reset MAIL</code>.
    </Otherwise>
  </Door>
);

const Otherwise = ({ children }: { children: ReactNode }) => (
  <div className="mt-4 grid justify-items-start gap-4">
    <p className="text-ink-2">{children}</p>
    <a className={buttonClass()} href={at('')}>
      Sign in
    </a>
  </div>
);

function Form({ invitation, secret }: { invitation: LinkState; secret: string }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const isReset = invitation.kind === 'reset';
  const joining = useMutation({
    mutationFn: (form: FormData) =>
      accept({
        secret,
        password: String(form.get('password')),
        ...(!isReset && { name: String(form.get('name')).trim() }),
      }),
    onSuccess: () => {
      client.clear();
      void navigate({ to: '/', replace: true }).then(forgetSecret);
    },
  });
  return (
    <form
      className="mt-4 grid gap-4"
      onSubmit={event => {
        event.preventDefault();
        joining.mutate(new FormData(event.currentTarget));
      }}
    >
      <p className="text-ink-2">
        {isReset
          ? 'All other sessions end.'
          : `You will be ${invitation.role === 'member' ? 'a member' : `an ${invitation.role}`}.`}{' '}
        The link works until {momentOf(invitation.expires_at)}.
      </p>
      <MailField value={invitation.email} />
      {!isReset && <NameField error={fieldError(joining.error, 'name')} />}
      <NewPassword error={fieldError(joining.error, 'password')} />
      <Refusal error={otherError(joining.error, ['name', 'password'])} />
      <Button kind="primary" type="submit" className="justify-self-start" disabled={joining.isPending}>
        {isReset ? 'Set the password' : 'Join'}
      </Button>
    </form>
  );
}

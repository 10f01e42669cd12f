import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { ApiError, at, read } from '../../api/client';
import { fieldError, otherError } from '../../api/refusal';
import { momentOf } from '../../lib/moment';
import { accept } from '../../session/enter';
import { Door } from '../../shell/door';
import { Button, buttonClass } from '../../ui/button';
import { Load, Refusal } from '../../ui/states';
import { MailField, NameField, NewPassword } from './account-fields';

type Invitation = { email: string; role: string; kind: 'invite' | 'reset'; expires_at: string };
const route = getRouteApi('/invite/$token');

/** A link that an admin made: for a new member, or for a new password. */
export function InvitePage() {
  const { token } = route.useParams();
  const query = useQuery({
    queryKey: ['invitation', token],
    retry: false,
    queryFn: () => read<Invitation>(`api/internal/invites/${encodeURIComponent(token)}`),
  });
  const isGone = query.error instanceof ApiError && [404, 409, 410].includes(query.error.status);
  const isReset = query.data?.kind === 'reset';
  return (
    <Door title={isReset ? 'Choose a new password' : 'Join this server'}>
      {isGone ? (
        <div className="mt-4 grid justify-items-start gap-4">
          <p className="text-ink-2">
            This link was used already, or its time is over. Ask an admin for another one.
          </p>
          <a className={buttonClass()} href={at('')}>
            Sign in
          </a>
        </div>
      ) : (
        <Load query={query} what="The invitation">
          {invitation => <Form invitation={invitation} token={token} />}
        </Load>
      )}
    </Door>
  );
}

function Form({ invitation, token }: { invitation: Invitation; token: string }) {
  const client = useQueryClient();
  const navigate = route.useNavigate();
  const isReset = invitation.kind === 'reset';
  const joining = useMutation({
    mutationFn: (form: FormData) =>
      accept(token, {
        password: String(form.get('password')),
        ...(!isReset && { name: String(form.get('name')).trim() }),
      }),
    onSuccess: () => {
      client.clear();
      void navigate({ to: '/', replace: true });
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

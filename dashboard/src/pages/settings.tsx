import { Link } from '@tanstack/react-router';
import { publicAddress } from '../api/client';
import { setInferenceKey, signOut, useInferenceKey, useSession } from '../session/session';
import { LettersSwitch } from '../shell/keys-dialog';
import { setTheme, useTheme } from '../shell/theme';
import { Button } from '../ui/button';
import { CopyIcon } from '../ui/copy';
import { Choice } from '../ui/field';
import { Facts, Page, Section } from '../ui/page';

const THEMES = [
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
] as const;

export function SettingsPage() {
  const theme = useTheme();
  const session = useSession();
  const inference = useInferenceKey();
  return (
    <Page title="Settings">
      <div className="grid max-w-2xl gap-8">
        <Section title="This browser">
          <div className="grid gap-4">
            <div className="flex items-center gap-3">
              <span aria-hidden>Theme</span>
              <Choice label="Theme" value={theme} options={THEMES} onChange={setTheme} />
            </div>
            <LettersSwitch />
          </div>
        </Section>
        <Section title="Session">
          <Facts
            facts={[
              [
                'Signed in with',
                <code key="label" className="font-mono text-xs">
                  {session?.label}
                </code>,
              ],
              [
                'Key of the playground',
                inference ? `${inference.slice(0, 12)}…${inference.slice(-4)}` : 'none',
              ],
            ]}
          />
          <div className="mt-3 flex flex-wrap gap-2">
            <Button onClick={signOut}>Sign out</Button>
            <Button
              kind="quiet"
              onClick={() => setInferenceKey(null)}
              reason={inference === null && 'There is none'}
            >
              Forget the playground’s key
            </Button>
          </div>
        </Section>
        <Section title="Address for programs">
          <p className="flex items-center gap-2">
            <code className="font-mono text-xs">{publicAddress()}</code>
            <CopyIcon text={publicAddress()} label="Copy the address" />
          </p>
        </Section>
        <Section title="Of workspaces">
          <p className="text-ink-2">
            Names, budgets and members are set for{' '}
            <Link to="/workspaces" className="text-accent underline">
              each workspace
            </Link>
            . Settings of the server are in its file and variables; a restart puts them in force.
          </p>
        </Section>
      </div>
    </Page>
  );
}

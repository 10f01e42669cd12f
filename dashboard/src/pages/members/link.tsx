import { momentOf } from '../../lib/moment';
import { useUnlost } from '../../shell/unlost';
import { CopyButton } from '../../ui/copy';
import { StillShown } from '../keys/secret';

/** A link that is shown once. The server has no mail of its own: whoever made it hands it on. */
export function OneTimeLink({ url, until, whose }: { url: string; until: string; whose: string }) {
  const { wasTried } = useUnlost(true);
  return (
    <div className="grid gap-3">
      <p className="text-ink-2">
        Send this to {whose}. It works once, until {momentOf(until)}, and is not shown again.
      </p>
      <code className="block rounded-m bg-sunken px-2.5 py-1.5 font-mono text-xs break-all select-all">
        {url}
      </code>
      {wasTried && <StillShown />}
      <div>
        <CopyButton text={url} label="Copy link" kind="primary" />
      </div>
    </div>
  );
}

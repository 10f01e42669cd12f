import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { RotateCw, Square } from 'lucide-react';
import { rowQuery } from '../../api/generations';
import { type Reply, tokenSpeed } from '../../chat/conversation';
import { Markdown } from '../../chat/markdown';
import { isRunning } from '../../chat/use-compare';
import { count, duration } from '../../lib/format';
import { usdExact } from '../../lib/money';
import { Button, IconButton } from '../../ui/button';
import { CopyIcon } from '../../ui/copy';
import { TrackDots } from '../../ui/track';

type Props = {
  reply: Reply;
  /** Of a blind comparison that is not decided: the answer's letter stands in place of all names. */
  letter?: string;
  /** Whether the column belongs to another model by now. */
  isNamed: boolean;
  hidden: boolean;
  onStop: () => void;
  onAgain: () => void;
  onRaw: () => void;
};

/** Where the limit that refused a question is seen, and changed by those who may. */
const LIMITS = {
  account: { to: '/credits', text: 'See the credit' },
  workspace: { to: '/workspaces', text: 'See the budgets' },
  member: { to: '/members', text: 'See your limits' },
  key_limit: { to: '/keys', text: 'See the key' },
} as const;

export function Answer({ reply, letter, isNamed, hidden, onStop, onAgain, onRaw }: Props) {
  const name = letter ? `answer ${letter}` : reply.model;
  const running = isRunning(reply);
  return (
    <article
      aria-label={letter ? `Answer ${letter}` : reply.model}
      aria-busy={running}
      hidden={hidden}
      className="grid min-w-0 grid-cols-[minmax(0,1fr)] content-start gap-2"
    >
      {letter && <p className="font-semibold">{letter}</p>}
      {isNamed && !letter && <p className="font-mono text-xs break-words text-ink-3">{reply.model}</p>}
      {reply.reasoning && (
        <details className="rounded-m bg-sunken px-3 py-1.5 text-xs text-ink-2">
          <summary className="cursor-pointer">
            Reasoning{reply.reasoningTokens ? `, ${count(reply.reasoningTokens)} tokens` : ''}
          </summary>
          <p dir="auto" className="mt-1 break-words whitespace-pre-wrap">
            {reply.reasoning}
          </p>
        </details>
      )}
      {reply.text && <Markdown text={reply.text} live={running} />}
      {reply.images.map((image, place) => (
        <Made key={place} image={image} name={`Image ${place + 1}, made by ${name}`} />
      ))}
      {reply.hasSound && <p className="text-ink-3">It came as sound as well, which is not played here.</p>}
      {reply.state === 'waiting' && <p className="late text-ink-3">Waiting for the first token…</p>}
      {reply.state === 'failed' && (
        <p role="alert" className="border-l-2 border-bad pl-3 break-words text-bad">
          {reply.error}
          {reply.limit && (
            <>
              {' '}
              <Link to={LIMITS[reply.limit].to} className="text-accent underline">
                {LIMITS[reply.limit].text}
              </Link>
            </>
          )}
        </p>
      )}
      <footer className="border-t border-rule pt-1.5">
        {letter ? (
          <p className="min-h-5 text-xs text-ink-3">whose it is, is told after the vote</p>
        ) : (
          <Meter reply={reply} />
        )}
        <div className="mt-1 flex items-center gap-0.5">
          {/* One button, which whoever pressed it is still at. */}
          <IconButton
            label={running ? `Stop ${name}` : `Ask ${name} again`}
            onClick={running ? onStop : onAgain}
          >
            {running ? <Square size={13} aria-hidden /> : <RotateCw size={13} aria-hidden />}
          </IconButton>
          {!running && (
            <>
              {reply.text && (
                <CopyIcon text={reply.text} label={letter ? `Copy ${name}` : `Copy the answer of ${name}`} />
              )}
              {!letter && reply.raw && (
                <Button kind="quiet" className="px-1.5 text-xs" onClick={onRaw}>
                  Raw
                </Button>
              )}
              {!letter && reply.generation && (
                <LogLink id={reply.generation} isSure={reply.state === 'done'} />
              )}
            </>
          )}
        </div>
      </footer>
    </article>
  );
}

/** The link to the record. What was refused before any provider was asked has none, which the log knows;
    of what was just asked it may know a moment later. */
function LogLink({ id, isSure }: { id: string; isSure: boolean }) {
  const { data: row } = useQuery({
    ...rowQuery(id),
    enabled: !isSure,
    refetchInterval: ({ state }) => (state.data === null && state.dataUpdateCount < 4 ? 1_500 : false),
  });
  if (!isSure && !row) return null;
  return (
    <Link to="/logs" search={{ id }} className="ml-1 text-xs text-accent underline">
      Log
    </Link>
  );
}

/** An image of an answer. Nothing is fetched from another host by looking at an answer. */
const Made = ({ image, name }: { image: string; name: string }) =>
  image.startsWith('data:') ? (
    <a href={image} download={name} title="Save it" className="min-h-6 justify-self-start">
      <img src={image} alt={name} className="max-h-96 min-h-6 max-w-full min-w-6 rounded-m" />
    </a>
  ) : (
    <a
      href={image}
      target="_blank"
      rel="noreferrer noopener"
      className="min-h-6 justify-self-start text-accent underline"
    >
      {name}, at {new URL(image).host}
    </a>
  );

/** What an answer took. Times are those seen from here. */
function Meter({ reply }: { reply: Reply }) {
  const perSecond = tokenSpeed(reply);
  const cached = reply.cachedTokens ? `, ${count(reply.cachedTokens)} cached` : '';
  const parts = [
    reply.firstToken !== undefined && `first token ${duration(reply.firstToken)}`,
    perSecond !== null && `${count(Math.round(perSecond))} tok/s`,
    reply.completionTokens !== undefined &&
      `${count(reply.promptTokens)} in${cached}, ${count(reply.completionTokens)} out`,
  ].filter(part => part !== false);
  return (
    <p className="flex min-h-5 flex-wrap items-center gap-x-3 text-xs text-ink-3 tabular-nums">
      {reply.route && reply.route.length > 0 && <TrackDots stops={reply.route} />}
      {reply.provider && <span className="text-ink-2">{reply.provider}</span>}
      {parts.map(part => (
        <span key={part}>{part}</span>
      ))}
      {reply.cost === null && <span>cost not known</span>}
      {reply.cost !== undefined && reply.cost !== null && (
        <span className="text-ink-2">{reply.cost === 0n ? 'free' : usdExact(reply.cost)}</span>
      )}
      {reply.state === 'stopped' && <span>stopped</span>}
      {reply.finishReason === 'length' && <span className="text-warn">cut off at the token limit</span>}
    </p>
  );
}

import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import { analyticsQuery } from '../../api/analytics';
import { type Model, modelsQuery, writesText } from '../../api/queries';
import { columnsFor } from '../../chat/columns';
import type { Reply, Turn } from '../../chat/conversation';
import { addressOf, MOST_IN_ADDRESS, settingsOf, staysHere } from '../../chat/long-settings';
import { parametersOf, withoutPlace } from '../../chat/settings';
import { isRunning, useCompare } from '../../chat/use-compare';
import type { PlaygroundSearch } from '../../search';
import { useNarrow } from '../../shell/use-narrow';
import { Button } from '../../ui/button';
import { CopyButton } from '../../ui/copy';
import { LoadPage } from '../../ui/page';
import { Empty } from '../../ui/states';
import { Answer } from './answer';
import { unable } from './attach';
import { CodeDialog } from './code-dialog';
import { ColumnHeads } from './column-heads';
import { Composer } from './composer';
import { ParameterPanel } from './parameters';
import { Question } from './question';
import { RawDialog } from './raw-dialog';
import { Starters } from './starters';
import { LETTERS, VoteBar, VotesDialog } from './votes';

const route = getRouteApi('/playground');
const MOST = 4;
const columnsOf = (columns: number) => ({ gridTemplateColumns: `repeat(${columns}, minmax(14rem, 1fr))` });

export function PlaygroundPage() {
  useEffect(() => {
    document.title = 'Playground · Trunkline';
  }, []);
  return <Models />;
}

/** How long the books may take to tell which models are used most, ms: then others stand in the columns. */
const LONGEST_WAIT = 2_000;

/** The most used models stand in the columns at first. Once they do the address says them: what the books
    tell later moves no question to other models. */
function Models() {
  const models = useQuery(modelsQuery);
  const { models: asked } = route.useSearch();
  const { standing } = useCompare();
  const known = asked ?? standing?.models;
  const used = useQuery({
    ...analyticsQuery({ metrics: ['request_count'], dimensions: ['model'], range: '30d', limit: 10 }),
    enabled: known === undefined,
  });
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), LONGEST_WAIT);
    return () => clearTimeout(timer);
  }, []);
  const writing = useMemo(() => models.data?.filter(writesText), [models.data]);
  const usual = () => {
    const ids = (writing ?? []).map(model => model.id);
    const busiest = (used.data?.rows ?? []).map(row => String(row.model)).filter(id => ids.includes(id));
    return [...new Set([...busiest, ...ids])].slice(0, 2);
  };
  const isKnown = known !== undefined || !used.isPending || isLate;
  const query = { data: isKnown ? writing : undefined, error: models.error, refetch: models.refetch };
  return (
    <LoadPage title="Playground" query={query} what="Models" lines={6}>
      {all => {
        const chosen = known ? known.split(',').filter(Boolean).slice(0, MOST) : usual();
        if (chosen.length === 0) {
          return (
            <div className="p-8">
              <Empty title="No model can be asked yet">
                Store a key of one under{' '}
                <Link to="/byok" className="text-accent underline">
                  provider keys
                </Link>
                .
              </Empty>
            </div>
          );
        }
        return <Compare models={all} chosen={chosen} />;
      }}
    </LoadPage>
  );
}

function Compare({ models, chosen }: { models: Model[]; chosen: string[] }) {
  const navigate = route.useNavigate();
  const search = route.useSearch();
  const chat = useCompare();
  const { models: asked, prompt } = search;
  const before = asked === undefined ? chat.standing : undefined;
  const set = search.set ?? before?.set;
  const blind = search.blind ?? before?.blind ?? false;
  const ids = models.map(model => model.id);
  const settings = useMemo(() => settingsOf(set), [set]);
  const { attached } = chat;
  const draft = chat.draft ?? prompt ?? '';
  const columnIds = columnsFor(chat.columns, chosen.length);
  const columns = chosen.map((model, place) => ({ id: columnIds.ids[place] as number, model }));
  const [focused, setFocused] = useState<number | null>(null);
  const [showsCode, setShowsCode] = useState(false);
  const [showsVotes, setShowsVotes] = useState(false);
  const [raw, setRaw] = useState<Reply | null>(null);
  const [lacks, setLacks] = useState<string | null>(null);
  const change = (patch: Partial<PlaygroundSearch>) =>
    void navigate({ search: now => ({ ...now, ...patch }), replace: true });
  const standing = chosen.join(',');
  const { stand } = chat;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the address is written when it says other things
  useEffect(() => {
    const now = { models: standing, set, blind: blind || undefined };
    stand(now);
    if (asked === undefined) change(now);
  }, [asked, standing, set, blind]);
  const choose = (next: string[]) => change({ models: next.join(',') });
  // A column that is gone has nothing of its own any more.
  const of = (column: number) => parametersOf(settings, columnIds.ids.indexOf(column));
  const remove = (place: number) => {
    setFocused(null);
    chat.removeColumn(columnIds, place);
    change({
      models: chosen.filter((_, at) => at !== place).join(','),
      set: addressOf(withoutPlace(settings, place)),
    });
  };
  const send = () => {
    const text = draft.trim();
    if (!text || chat.busy) return;
    chat.ask({ prompt: text, attachments: attached }, columns, of, blind);
    chat.write('');
    chat.attach(() => []);
  };
  /** With it somebody else sees the same models, settings and question. */
  const link = () => {
    const url = new URL(location.href);
    url.searchParams.set('models', standing);
    const question = draft.trim() || chat.turns.at(-1)?.prompt || '';
    const isLong = encodeURIComponent(question).length > MOST_IN_ADDRESS;
    if (isLong) url.searchParams.delete('prompt');
    else if (question) url.searchParams.set('prompt', question);
    if (staysHere(set)) url.searchParams.delete('set');
    setLacks(
      [staysHere(set) && 'the parameters', isLong && 'the question'].filter(Boolean).join(' and ') || null,
    );
    return url.href;
  };
  const stopAll = chat.stopAll;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const column = event.altKey ? Number(event.code.replace('Digit', '')) - 1 : -1;
      if (column >= 0 && column < chosen.length) {
        event.preventDefault();
        setFocused(now => (now === column ? null : column));
      }
      if (event.key === 'Escape' && !document.querySelector('dialog[open]')) stopAll();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [chosen.length, stopAll]);
  const sentBefore = useMemo(() => chat.turns.flatMap(turn => turn.attachments), [chat.turns]);
  const isNarrow = useNarrow();
  const wanted = isNarrow && chosen.length > 1 ? (focused ?? 0) : focused;
  const looking = wanted !== null && wanted < chosen.length ? wanted : null;
  const style = columnsOf(looking === null ? chosen.length : 1);
  const isShown = (place: number) => looking === null || looking === place;
  const spare = ids.find(id => !chosen.includes(id));
  return (
    <div className="grid h-full grid-cols-[minmax(0,1fr)] grid-rows-[auto_minmax(0,1fr)_auto]">
      <header className="flex flex-wrap items-center justify-between gap-2 px-8 pt-6 pb-3 max-md:px-4 max-md:pt-4">
        <h1 className="text-xl font-bold tracking-tight">Playground</h1>
        <div className="flex flex-wrap items-center gap-2">
          <Button
            kind="quiet"
            onClick={chat.clear}
            reason={
              chat.busy ? 'Stop the answers first' : chat.turns.length === 0 && 'There is nothing to clear'
            }
          >
            Clear
          </Button>
          <Button kind="quiet" onClick={() => setShowsCode(true)}>
            As code
          </Button>
          <CopyButton kind="quiet" label="Copy link" text={link} />
          <ParameterPanel
            settings={settings}
            models={chosen}
            onChange={next => change({ set: addressOf(next) })}
          />
          <Button
            kind="quiet"
            aria-pressed={blind}
            title="Names are told after you said which answer is the best"
            onClick={() => change({ blind: blind ? undefined : true })}
            reason={chosen.length < 2 && 'Add a second model to compare'}
          >
            {blind ? 'Blind: on' : 'Blind'}
          </Button>
          <Button kind="quiet" onClick={() => setShowsVotes(true)}>
            Votes
          </Button>
          <Button
            onClick={() => spare && choose([...chosen, spare])}
            reason={chosen.length >= MOST ? 'Four models at most' : !spare && 'There is no other model'}
          >
            <Plus size={14} aria-hidden />
            Add model
          </Button>
        </div>
        {lacks && (
          <p role="status" className="w-full text-xs text-warn">
            The link lacks {lacks}: too long for an address. The models are in it.
          </p>
        )}
      </header>
      <section
        tabIndex={0}
        aria-label="Conversation"
        className="overflow-auto border-t border-rule px-8 pb-5 max-md:px-4"
      >
        <ColumnHeads
          ids={ids}
          chosen={chosen}
          busy={chat.busy}
          looking={looking}
          isNarrow={isNarrow}
          style={style}
          onLook={setFocused}
          onChoose={choose}
          onRemove={remove}
        />
        {chat.turns.length === 0 && <Starters models={chosen.length} onPick={chat.write} />}
        {chat.turns.map(turn => (
          <section key={turn.id} aria-label={`Question ${turn.id}`} className="mt-5 mb-8">
            <Question
              turn={turn}
              busy={chat.busy}
              onEdit={text => chat.edit(turn, text, columns, of, blind)}
            />
            <div className="grid gap-6" style={looking === null ? columnsOf(turn.replies.length) : style}>
              {(turn.order ?? turn.replies.map((_, place) => place)).map((place, at) => {
                const reply = turn.replies[place];
                return (
                  reply && (
                    <Answer
                      key={place}
                      reply={reply}
                      letter={turn.order && !turn.vote ? LETTERS[at] : undefined}
                      isNamed={turn.order !== undefined || reply.model !== chosen[place]}
                      hidden={!isShown(turn.order ? at : place)}
                      onStop={() => chat.stop(turn.id, place)}
                      onAgain={() => chat.again(turn, place, of)}
                      onRaw={() => setRaw(reply)}
                    />
                  )
                );
              })}
            </div>
            {turn.order && <VoteBar turn={turn} onVote={vote => chat.vote(turn.id, vote)} />}
          </section>
        ))}
        <p role="status" className="sr-only">
          {progress(chat.turns)}
        </p>
      </section>
      <Composer
        draft={draft}
        onDraft={chat.write}
        attached={attached}
        sentBefore={sentBefore}
        onAttach={chat.attach}
        unable={unable(models, chosen, attached)}
        busy={chat.busy}
        models={chosen.length}
        onSend={send}
        onStop={chat.stopAll}
      />
      <CodeDialog
        open={showsCode}
        onClose={() => setShowsCode(false)}
        columns={columns}
        turns={chat.turns}
        draft={draft}
        attached={attached}
        settings={settings}
      />
      <RawDialog reply={raw} onClose={() => setRaw(null)} />
      <VotesDialog open={showsVotes} onClose={() => setShowsVotes(false)} />
    </div>
  );
}

/** What is told of answers by ear: that they are there, not how they are written. */
function progress(turns: Turn[]): string {
  const turn = turns.findLast(one => one.replies.some(isRunning)) ?? turns.at(-1);
  if (!turn) return '';
  const there = turn.replies.filter(reply => !isRunning(reply)).length;
  const all = turn.replies.length;
  if (there === 0) return '';
  return all === 1 ? 'The answer is there' : `${there} of ${all} answers are there`;
}

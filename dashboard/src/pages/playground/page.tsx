import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import { useEffect, useState } from 'react';
import { analyticsQuery } from '../../api/analytics';
import { modelsQuery } from '../../api/queries';
import type { Parameters } from '../../chat/conversation';
import { useCompare } from '../../chat/use-compare';
import { useInferenceKey } from '../../session/session';
import { useNarrow } from '../../shell/use-narrow';
import { Button } from '../../ui/button';
import { Empty, Load } from '../../ui/states';
import { Answer } from './answer';
import { CodeDialog } from './code-dialog';
import { ColumnHeads } from './column-heads';
import { Composer } from './composer';
import { KeyGate } from './key-gate';
import { ParameterPanel } from './parameters';
import { Starters } from './starters';

const route = getRouteApi('/playground');
const MOST = 4;
const columnsOf = (columns: number) => ({ gridTemplateColumns: `repeat(${columns}, minmax(15rem, 1fr))` });

export function PlaygroundPage() {
  const key = useInferenceKey();
  useEffect(() => {
    document.title = 'Playground · Trunkline';
  }, []);
  return key === null ? <KeyGate /> : <Models />;
}

/** The most used models stand in the columns, until the address says otherwise. */
function Models() {
  const models = useQuery(modelsQuery);
  const used = useQuery(
    analyticsQuery({ metrics: ['request_count'], dimensions: ['model'], range: '30d', limit: 10 }),
  );
  const { models: asked } = route.useSearch();
  return (
    <Load query={models} what="Models" lines={6}>
      {all => {
        const ids = all.map(model => model.id);
        const busiest = (used.data?.rows ?? []).map(row => String(row.model)).filter(id => ids.includes(id));
        const usual = [...new Set([...busiest, ...ids])].slice(0, 2);
        const chosen = asked ? asked.split(',').filter(Boolean).slice(0, MOST) : usual;
        if (chosen.length === 0) {
          return (
            <div className="p-8">
              <Empty title="No model can be asked yet">
                Store a provider’s key on the server’s machine, for instance with{' '}
                <code className="font-mono text-xs">trunkline credential add openai</code>.
              </Empty>
            </div>
          );
        }
        return <Compare ids={ids} chosen={chosen} />;
      }}
    </Load>
  );
}

function Compare({ ids, chosen }: { ids: string[]; chosen: string[] }) {
  const navigate = route.useNavigate();
  const { prompt } = route.useSearch();
  const chat = useCompare();
  const [parameters, setParameters] = useState<Parameters>({});
  const [draft, setDraft] = useState(prompt ?? '');
  const [focused, setFocused] = useState<number | null>(null);
  const [showsCode, setShowsCode] = useState(false);
  const choose = (models: string[]) =>
    void navigate({ search: now => ({ ...now, models: models.join(',') }), replace: true });
  const send = () => {
    const text = draft.trim();
    if (!text || chat.busy) return;
    chat.ask(text, chosen, parameters);
    setDraft('');
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
  const isNarrow = useNarrow();
  const wanted = isNarrow && chosen.length > 1 ? (focused ?? 0) : focused;
  const looking = wanted !== null && wanted < chosen.length ? wanted : null;
  const columns = columnsOf(looking === null ? chosen.length : 1);
  const isShown = (place: number) => looking === null || looking === place;
  const spare = ids.find(id => !chosen.includes(id));
  return (
    <div className="grid h-full grid-rows-[auto_minmax(0,1fr)_auto]">
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
          <ParameterPanel value={parameters} onChange={setParameters} />
          <Button
            onClick={() => spare && choose([...chosen, spare])}
            reason={chosen.length >= MOST ? 'Four models at most' : !spare && 'There is no other model'}
          >
            <Plus size={14} aria-hidden />
            Add model
          </Button>
        </div>
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
          style={columns}
          onLook={setFocused}
          onChoose={choose}
        />
        {chat.turns.length === 0 && <Starters models={chosen.length} onPick={setDraft} />}
        {chat.turns.map(turn => (
          <section key={turn.id} aria-label={`Question ${turn.id}`} className="mt-5 mb-8">
            <div className="mb-3 flex max-w-prose items-start justify-between gap-2 border-l-2 border-accent pl-3">
              <p className="font-semibold whitespace-pre-wrap">{turn.prompt}</p>
              <Button kind="quiet" className="px-1.5 text-xs" onClick={() => setDraft(turn.prompt)}>
                Edit
              </Button>
            </div>
            <div className="grid gap-6" style={looking === null ? columnsOf(turn.replies.length) : columns}>
              {turn.replies.map((reply, place) => (
                <Answer
                  key={place}
                  reply={reply}
                  isNamed={reply.model !== chosen[place]}
                  hidden={!isShown(place)}
                  onStop={() => chat.stop(turn.id, place)}
                  onAgain={() => chat.again(turn, place, parameters)}
                />
              ))}
            </div>
          </section>
        ))}
      </section>
      <Composer
        draft={draft}
        onDraft={setDraft}
        busy={chat.busy}
        models={chosen.length}
        onSend={send}
        onStop={chat.stopAll}
      />
      <CodeDialog
        open={showsCode}
        onClose={() => setShowsCode(false)}
        models={chosen}
        turns={chat.turns}
        draft={draft}
        parameters={parameters}
      />
    </div>
  );
}

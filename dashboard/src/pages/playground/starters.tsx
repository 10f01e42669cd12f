const STARTERS = [
  'Explain to a colleague what an LLM gateway does, in five sentences.',
  'Write a Python function that merges overlapping intervals, with a test.',
  'Compare SQLite and PostgreSQL for a small web service, as a table.',
];

/** Where nothing was asked yet. */
export const Starters = ({ models, onPick }: { models: number; onPick: (text: string) => void }) => (
  <div className="grid max-w-prose gap-3 pt-5">
    <p className="text-ink-2">
      {models === 1 ? 'Ask, and see what it takes.' : `Ask once, read ${models} answers side by side.`}
    </p>
    <ul className="grid gap-1.5">
      {STARTERS.map(starter => (
        <li key={starter}>
          <button
            type="button"
            className="border-l-2 border-rule py-0.5 pl-3 text-left text-ink-2 hover:border-accent hover:text-ink"
            onClick={() => onPick(starter)}
          >
            {starter}
          </button>
        </li>
      ))}
    </ul>
  </div>
);

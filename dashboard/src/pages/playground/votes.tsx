import { judgedOf, type Turn, type Vote } from '../../chat/conversation';
import { isRunning } from '../../chat/use-compare';
import { forgetVotes, vote as keepVote, useVotes } from '../../chat/votes';
import { count } from '../../lib/format';
import { Button } from '../../ui/button';
import { Dialog, DialogActions } from '../../ui/dialog';

export const LETTERS = ['A', 'B', 'C', 'D'];

/** Asks which answer is the best, before it is told whose they are. */
export function VoteBar({ turn, onVote }: { turn: Turn; onVote: (vote: Vote) => void }) {
  const order = turn.order ?? [];
  const models = turn.replies.map(reply => reply.model);
  const finished = !turn.replies.some(isRunning);
  const judged = judgedOf(turn);
  const cast = (vote: Vote) => {
    // Of an answer that failed or was stopped nothing is said.
    const best = vote === 'tie' ? null : judged.indexOf(vote.best);
    if (judged.length > 1)
      keepVote(
        judged.map(place => models[place] ?? ''),
        best,
      );
    onVote(vote);
  };
  if (turn.vote) {
    const none = judged.length > 1 ? 'None was better.' : 'There was nothing to compare.';
    const best = turn.vote === 'tie' ? none : `You chose ${models[turn.vote.best]}.`;
    return (
      <p role="status" className="mt-3 text-ink-2">
        {best}
      </p>
    );
  }
  if (finished && judged.length < 2) {
    return (
      <div className="mt-4 flex flex-wrap items-center gap-2">
        <span>There are no two answers to compare.</span>
        <Button onClick={() => cast('tie')}>Tell whose they are</Button>
      </div>
    );
  }
  const reason = !finished && 'When all answers are there';
  return (
    <fieldset className="mt-4 flex flex-wrap items-center gap-2">
      <legend className="sr-only">Which answer is the best?</legend>
      <span aria-hidden className="mr-1 font-semibold">
        Which is the best?
      </span>
      {order.map((place, at) => (
        <Button
          key={place}
          onClick={() => cast({ best: place })}
          reason={reason || (!judged.includes(place) && 'It is no whole answer')}
        >
          {LETTERS[at]}
        </Button>
      ))}
      <Button kind="quiet" onClick={() => cast('tie')} reason={reason}>
        None is better
      </Button>
    </fieldset>
  );
}

export function VotesDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const pairs = useVotes();
  return (
    <Dialog open={open} onClose={onClose} title="Votes of blind comparisons" wide>
      {pairs.length === 0 ? (
        <p className="text-ink-2">
          None yet. Switch “Blind” on, ask two models or more, and say which answer is the best.
        </p>
      ) : (
        <div className="overflow-x-auto">
          <table className="w-full" aria-label="Votes by pair of models">
            <thead>
              <tr className="text-xs text-ink-3">
                <th scope="col" className="py-1 text-left font-normal">
                  Model
                </th>
                <th scope="col" className="num font-normal">
                  Better
                </th>
                <th scope="col" className="num font-normal">
                  Neither
                </th>
                <th scope="col" className="num font-normal">
                  Better
                </th>
                <th scope="col" className="pl-4 text-left font-normal">
                  Model
                </th>
              </tr>
            </thead>
            <tbody>
              {pairs.map(pair => (
                <tr key={`${pair.a} ${pair.b}`} className="border-t border-rule">
                  <td className={`py-1.5 ${pair.winsA > pair.winsB ? 'font-semibold' : ''}`}>{pair.a}</td>
                  <td className="num">{count(pair.winsA)}</td>
                  <td className="num text-ink-3">{count(pair.ties)}</td>
                  <td className="num">{count(pair.winsB)}</td>
                  <td className={`pl-4 ${pair.winsB > pair.winsA ? 'font-semibold' : ''}`}>{pair.b}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <p className="mt-3 text-xs text-ink-3">
        Kept in this browser only: the server stores no votes, and nobody else sees them.
      </p>
      <DialogActions>
        <Button kind="quiet" onClick={forgetVotes} reason={pairs.length === 0 && 'There are none'}>
          Forget them
        </Button>
        <Button onClick={onClose}>Close</Button>
      </DialogActions>
    </Dialog>
  );
}

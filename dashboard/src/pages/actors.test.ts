import { expect, test } from 'vitest';
import { actorText, readActor } from './actors';

const name = (dimension: string, value: string) => (value === 'user_1' ? 'Ada' : `${dimension} ${value}`);

test('who did it has a name, whatever the books call them', () => {
  const told = (text: string) => actorText(readActor(text), name);
  expect(told('member:user_1')).toBe('Ada');
  expect(told('member:invite_2e17')).toBe('a link for one person');
  expect(told('api_key:f0')).toBe('key api_key f0');
  expect(told('command_line:cli')).toBe('the command line');
  expect(told('system')).toBe('the server');
});

import { expect, test } from 'vitest';
import type { Attachment } from '../../chat/conversation';
import { withFiles } from './files';

const MB = 1024 * 1024;
/** As a file of so many MB is read. */
const pdf = (megabytes: number): Attachment => ({
  name: 'a.pdf',
  kind: 'file',
  size: megabytes * MB,
  content: { length: (megabytes * MB * 4) / 3 } as string,
});

test('files are counted by what is sent of them, those of earlier questions among them', () => {
  expect(withFiles([pdf(19)], [pdf(19)], [])).toHaveLength(2);
  expect(() => withFiles([pdf(19), pdf(19)], [pdf(19)], [])).toThrow(/^Together the files are 76 MB/);
  expect(() => withFiles([pdf(19)], [pdf(19)], [pdf(19)])).toThrow('with those of earlier questions');
});

test('there are so many and no more', () => {
  const small = { ...pdf(1), content: 'data:,' };
  expect(() => withFiles(Array(8).fill(small), [small], [])).toThrow('At most 8 files');
});

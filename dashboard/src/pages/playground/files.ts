import type { Attachment } from '../../chat/conversation';

/** Beyond this files are not read. */
export const MOST_BYTES = 20 * 1024 * 1024;
const MOST_FILES = 8;
/** The longest request that the server reads unless it is told otherwise, less what is beside the files. */
const MOST_SENT = 63 * 1024 * 1024;

const megabytes = (bytes: number) => `${Math.ceil(bytes / 1024 / 1024)} MB`;

/** How long a file is in a request: what is no text is a third longer there than on the disk. */
const sentAs = (file: Attachment) => (file.kind === 'text' ? file.size : file.content.length);
const sum = (files: Attachment[]) => files.reduce((all, file) => all + sentAs(file), 0);

/** What is attached with more of it. `before`: files of earlier questions, which are sent again with each. */
export function withFiles(attached: Attachment[], more: Attachment[], before: Attachment[]): Attachment[] {
  const all = [...attached, ...more];
  if (all.length > MOST_FILES) throw new Error(`At most ${MOST_FILES} files are sent.`);
  const sent = sum(all) + sum(before);
  if (sent > MOST_SENT) {
    const earlier = before.length > 0 ? ', with those of earlier questions' : '';
    throw new Error(
      `Together the files are ${megabytes(sent)} as they are sent${earlier}, and the server reads 64 MB. Nothing was added.`,
    );
  }
  return all;
}

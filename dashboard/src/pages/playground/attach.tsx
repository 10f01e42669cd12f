import { Paperclip, X } from 'lucide-react';
import { useRef, useState } from 'react';
import type { Model } from '../../api/queries';
import type { Attachment } from '../../chat/conversation';
import { IconButton } from '../../ui/button';
import { MOST_BYTES, withFiles } from './files';

const isText = (file: File) =>
  /^(text\/|application\/(json|xml|x-yaml|javascript|toml))/.test(file.type) ||
  /\.(md|txt|csv|json|ya?ml|toml|xml|html?|css|[jt]sx?|py|rs|go|java|c|h|cpp|sh|sql|log)$/i.test(file.name);

const readAs = (file: File, how: 'readAsDataURL' | 'readAsText') =>
  new Promise<string>((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(String(reader.result));
    reader.onerror = () => failed(new Error(`${file.name} cannot be read.`));
    reader[how](file);
  });

export async function attachmentOf(file: File): Promise<Attachment> {
  if (file.size > MOST_BYTES) throw new Error(`${file.name} is larger than 20 MB.`);
  const { name, size } = file;
  if (file.type.startsWith('image/'))
    return { name, size, kind: 'image', content: await readAs(file, 'readAsDataURL') };
  if (isText(file)) return { name, size, kind: 'text', content: await readAs(file, 'readAsText') };
  return { name, size, kind: 'file', content: await readAs(file, 'readAsDataURL') };
}

/** Which of the models do not take what is attached. */
export const unable = (models: Model[], chosen: string[], attached: Attachment[]): string[] =>
  chosen.filter(id => {
    const takes = models.find(one => one.id === id)?.architecture.input_modalities as string[] | undefined;
    return takes !== undefined && attached.some(one => one.kind !== 'text' && !takes.includes(one.kind));
  });

export type Attach = (change: (attached: Attachment[]) => Attachment[]) => void;
type Props = {
  /** Files of earlier questions. */
  sentBefore: Attachment[];
  onChange: Attach;
};

export function useAttaching({ sentBefore, onChange }: Props) {
  const [error, setError] = useState<string | null>(null);
  const add = async (files: Iterable<File>) => {
    setError(null);
    try {
      const more = await Promise.all([...files].map(attachmentOf));
      // Others may have been added while these were read.
      onChange(attached => withFiles(attached, more, sentBefore));
    } catch (failure) {
      setError((failure as Error).message);
    }
  };
  return { error, add };
}

export function AttachButton({
  onFiles,
  disabled,
}: {
  onFiles: (files: Iterable<File>) => void;
  disabled: boolean;
}) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Files to attach"
        onChange={event => {
          onFiles([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = '';
        }}
      />
      <IconButton label="Attach images or files" disabled={disabled} onClick={() => input.current?.click()}>
        <Paperclip size={15} aria-hidden />
      </IconButton>
    </>
  );
}

export function Attached({ files, onRemove }: { files: Attachment[]; onRemove?: (place: number) => void }) {
  if (files.length === 0) return null;
  return (
    <ul aria-label="Attached" className="flex flex-wrap gap-2">
      {files.map((file, place) => (
        <li
          key={`${file.name} ${place}`}
          className="flex items-center gap-1.5 rounded-m border border-rule bg-panel px-1.5 py-1 text-xs"
        >
          {file.kind === 'image' && (
            <img src={file.content} alt="" className="size-8 rounded-s object-cover" />
          )}
          <span className="max-w-40 truncate">{file.name}</span>
          {onRemove && (
            <IconButton label={`Remove ${file.name}`} className="size-6" onClick={() => onRemove(place)}>
              <X size={12} aria-hidden />
            </IconButton>
          )}
        </li>
      ))}
    </ul>
  );
}

import { useState } from 'react';
import { CopyButton } from './copy';
import { Choice } from './field';

const LANGUAGES = [
  { value: 'curl', label: 'curl' },
  { value: 'python', label: 'Python' },
  { value: 'typescript', label: 'TypeScript' },
] as const;
export type Language = (typeof LANGUAGES)[number]['value'];

/** A program to copy, in the language of the reader. */
export function Snippet({ code }: { code: (language: Language) => string }) {
  const [language, setLanguage] = useState<Language>('curl');
  const text = code(language);
  return (
    <div className="grid min-w-0 gap-2">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <Choice label="Language" value={language} options={LANGUAGES} onChange={setLanguage} />
        <CopyButton text={text} />
      </div>
      <section
        tabIndex={0}
        aria-label={`Example in ${language}`}
        className="max-h-96 overflow-auto rounded-m bg-sunken p-3"
      >
        <pre className="font-mono text-xs text-ink">{text}</pre>
      </section>
    </div>
  );
}

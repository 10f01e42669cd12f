import { Check, Copy } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Button, IconButton } from './button';

/** Outside of secure contexts (plain http on another machine) browsers have no clipboard to write to. */
export async function copyText(text: string) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  (document.querySelector('dialog[open]') ?? document.body).append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

function useCopied(text: string | (() => string)) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = () => void copyText(typeof text === 'string' ? text : text()).then(() => setCopied(true));
  return [copied, copy] as const;
}

export function CopyButton({
  text,
  label = 'Copy',
  kind,
}: {
  text: string | (() => string);
  label?: string;
  kind?: 'plain' | 'primary' | 'quiet';
}) {
  const [copied, copy] = useCopied(text);
  return (
    <Button kind={kind} onClick={copy}>
      {copied ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />}
      <span aria-live="polite">{copied ? 'Copied' : label}</span>
    </Button>
  );
}

/** An identifier that a click copies. */
export function CopyIcon({ text, label }: { text: string; label: string }) {
  const [copied, copy] = useCopied(text);
  return (
    <IconButton
      label={copied ? 'Copied' : label}
      onClick={event => {
        event.stopPropagation();
        copy();
      }}
      className="size-6"
    >
      {copied ? <Check size={13} aria-hidden /> : <Copy size={13} aria-hidden />}
    </IconButton>
  );
}

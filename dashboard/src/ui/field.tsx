import {
  type InputHTMLAttributes,
  type ReactNode,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useId,
} from 'react';

const box =
  'field-box min-h-7 rounded-m border border-edge bg-panel px-2.5 py-0.5 text-sm text-ink placeholder:text-ink-3 disabled:opacity-60 aria-invalid:border-bad';

type Wiring = { id: string; 'aria-describedby'?: string; 'aria-invalid'?: true };
type FieldProps = {
  label: string;
  hint?: ReactNode;
  error?: string | null | false;
  className?: string;
  children: (wiring: Wiring) => ReactNode;
};

/** A label above, help or the refusal below, tied together for screen readers. */
export function Field({ label, hint, error, className = '', children }: FieldProps) {
  const id = useId();
  const note = error || hint;
  return (
    <div
      className={`grid content-start gap-1 [&>input]:w-full [&>select]:w-full [&>textarea]:w-full ${className}`}
    >
      <label htmlFor={id} className="text-xs font-medium text-ink-2">
        {label}
      </label>
      {children({
        id,
        ...(note ? { 'aria-describedby': `${id}-note` } : {}),
        ...(error ? { 'aria-invalid': true as const } : {}),
      })}
      {note && (
        <p
          id={`${id}-note`}
          role={error ? 'alert' : undefined}
          className={`text-xs ${error ? 'text-bad' : 'text-ink-3'}`}
        >
          {note}
        </p>
      )}
    </div>
  );
}

export const Input = ({ className = '', ...rest }: InputHTMLAttributes<HTMLInputElement>) => (
  <input dir="auto" className={`${box} ${className}`} {...rest} />
);
export const Select = ({ className = '', ...rest }: SelectHTMLAttributes<HTMLSelectElement>) => (
  <select className={`${box} ${className}`} {...rest} />
);
export const TextArea = ({ className = '', ...rest }: TextareaHTMLAttributes<HTMLTextAreaElement>) => (
  <textarea dir="auto" className={`${box} py-1.5 ${className}`} {...rest} />
);

type CheckProps = Omit<InputHTMLAttributes<HTMLInputElement>, 'type'> & { label: string; hint?: string };
export function Checkbox({ label, hint, ...rest }: CheckProps) {
  const id = useId();
  return (
    <div className="flex items-start gap-2">
      <input
        id={id}
        type="checkbox"
        className="mt-0.5 size-4 accent-accent"
        aria-describedby={hint ? `${id}-note` : undefined}
        {...rest}
      />
      <div>
        <label htmlFor={id} className="text-sm">
          {label}
        </label>
        {hint && (
          <p id={`${id}-note`} className="text-xs text-ink-3">
            {hint}
          </p>
        )}
      </div>
    </div>
  );
}

type ChoiceProps<T extends string> = {
  label: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
};
/** One of a few, all in sight. */
export function Choice<T extends string>({ label, value, options, onChange }: ChoiceProps<T>) {
  return (
    <fieldset className="inline-flex flex-wrap rounded-m border border-edge bg-panel p-0.5">
      <legend className="sr-only">{label}</legend>
      {options.map(option => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === value}
          onClick={() => onChange(option.value)}
          className="min-h-6 rounded-s px-2 text-sm text-ink-2 hover:text-ink aria-pressed:bg-wash aria-pressed:font-semibold aria-pressed:text-ink"
        >
          {option.label}
        </button>
      ))}
    </fieldset>
  );
}

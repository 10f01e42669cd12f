import { ApiError } from './client';

/** The refusal of a field stands at the field; others stand above the buttons. */
export const fieldError = (error: Error | null, field: string) =>
  error instanceof ApiError && error.field === field ? error.message.slice(field.length + 2) : null;
export const otherError = (error: Error | null, fields: string[]) =>
  error instanceof ApiError && error.field !== null && fields.includes(error.field) ? null : error;

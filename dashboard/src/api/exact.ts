const TOO_LONG = /\d[\d.]{16,}/;
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** JSON whose numbers of more than 15 digits, which a JavaScript number would round, are texts
    instead. Whatever reads money takes either. */
export function exact(json: string): string {
  if (!TOO_LONG.test(json)) return json;
  return json.replace(TOKEN, token =>
    token.startsWith('"') || token.replace(/[-.]|[eE].*/g, '').length <= 15 ? token : `"${token}"`,
  );
}

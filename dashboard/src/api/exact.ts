const TOO_LONG = /\d[\d.]{16,}/;
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** The digits that tell, wherever the point is. */
const digits = (number: string) =>
  number
    .replace(/[-.]|[eE].*/g, '')
    .replace(/^0+/, '')
    .replace(/0+$/, '');
/** Whether a JavaScript number says the same, and not the next to it. */
const isKept = (token: string) => {
  const told = digits(token);
  return told.length <= 15 || told === digits(String(Number(token)));
};

/** JSON whose numbers that a JavaScript number would round are texts instead. Whatever reads money takes
    either; what was measured is a number of the server's, and stays one. */
export function exact(json: string): string {
  if (!TOO_LONG.test(json)) return json;
  return json.replace(TOKEN, token => (token.startsWith('"') || isKept(token) ? token : `"${token}"`));
}

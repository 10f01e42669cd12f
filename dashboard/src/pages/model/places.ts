type Attempt = { tag: string; why: string[] };
export type Attempted = { at: number; why: string };

/** At which places each endpoint is tried, by its tag: with several keys of a provider there are as many. */
export function placesOf(attempts: Attempt[]): Map<string, Attempted[]> {
  const places = new Map<string, Attempted[]>();
  attempts.forEach(({ tag, why }, index) => {
    const one = { at: index + 1, why: why.join('; ') };
    places.set(tag, [...(places.get(tag) ?? []), one]);
  });
  return places;
}

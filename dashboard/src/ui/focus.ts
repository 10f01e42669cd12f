/** What had the focus, with all around it from within. */
export type Place = Element[];

export function placeOf(element: Element | null): Place {
  const place: Place = [];
  for (let one = element; one && one !== document.body; one = one.parentElement) place.push(one);
  return place;
}

const isThere = (element: Element) => element.isConnected && element.checkVisibility();

/** Where nothing has the focus, gives it to the nearest that is left of a place and can have it. */
export function focusNear(place: Place | undefined) {
  if (!place?.length || (document.activeElement && document.activeElement !== document.body)) return;
  const left = place.find(
    one => isThere(one) && one instanceof HTMLElement && one.tabIndex >= -1 && canHave(one),
  );
  (left as HTMLElement | undefined)?.focus({ preventScroll: true });
}
const canHave = (element: HTMLElement) =>
  element.hasAttribute('tabindex') || /^(A|BUTTON|INPUT|SELECT|TEXTAREA|SUMMARY)$/.test(element.tagName);

/** Gives the focus to what is around when that goes which has it: by keys nobody is at the beginning of the
    page again because a row was deleted. */
export function keepFocus(within: Element): () => void {
  let last: Place = [];
  const onFocus = (event: FocusEvent) => {
    last = placeOf(event.target as Element);
  };
  // Whoever presses beside everything wants the focus nowhere.
  const onPress = () => {
    last = [];
  };
  const observer = new MutationObserver(() => {
    const [had] = last;
    if (!had || isThere(had)) return;
    const place = last;
    last = [];
    focusNear(place);
  });
  document.addEventListener('focusin', onFocus);
  document.addEventListener('pointerdown', onPress, true);
  observer.observe(within, { childList: true, subtree: true });
  return () => {
    observer.disconnect();
    document.removeEventListener('focusin', onFocus);
    document.removeEventListener('pointerdown', onPress, true);
  };
}

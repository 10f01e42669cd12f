/** Letters that are not another one with a mark. */
const READ_AS: Record<string, string> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
};

/** A name as it can stand in an address; empty where nothing of it can. */
export const slugOf = (name: string) =>
  name
    .toLowerCase()
    .replace(/[ßæœøłđðþı]/g, letter => READ_AS[letter] ?? '')
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 50)
    .replace(/-+$/, '');
